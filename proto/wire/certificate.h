// X.509 as this library uses it. Private to this library; any thread.
#ifndef UNDERSTUDY_WIRE_CERTIFICATE_H
#define UNDERSTUDY_WIRE_CERTIFICATE_H

#include <openssl/x509.h>

#include "base/macro.h"

#define FINGERPRINT_SIZE     65 // SHA-256 in lower-case hexadecimal digits and NUL
#define CERTIFICATE_URI_SIZE 256

// SHA-256 of the DER form.
void certificate_fingerprint(const X509 *certificate, char ret[FINGERPRINT_SIZE]);

// The one URI among the subject's alternative names. -ENOENT without, -EINVAL with more than one,
// an overlong one or one that holds other than printable ASCII.
int certificate_uri(const X509 *certificate, char ret[CERTIFICATE_URI_SIZE]) _must_use_;

// The first block of its kind in a PEM text; NULL when there is none.
X509 *certificate_from_pem(const char *pem);
X509_CRL *revocations_from_pem(const char *pem);
EVP_PKEY *key_from_pem(const char *pem);

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_CRL *, X509_CRL_free)
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(BIO *, BIO_free)

#endif
