#include "wire/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

void certificate_fingerprint(const X509 *certificate, char ret[FINGERPRINT_SIZE])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned length = 0;

        X509_digest(certificate, EVP_sha256(), digest, &length);
        for (unsigned i = 0; i < length; i++)
                snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

static int copy_uri(const ASN1_IA5STRING *uri, char ret[CERTIFICATE_URI_SIZE])
{
        const unsigned char *data = ASN1_STRING_get0_data(uri);
        int length = ASN1_STRING_length(uri);

        if (length < 1 || length >= CERTIFICATE_URI_SIZE)
                return -EINVAL;
        for (int i = 0; i < length; i++)
                if (data[i] <= ' ' || data[i] > '~')
                        return -EINVAL;
        memcpy(ret, data, (size_t)length);
        ret[length] = '\0';
        return 0;
}

int certificate_uri(const X509 *certificate, char ret[CERTIFICATE_URI_SIZE])
{
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        int result = -ENOENT;

        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

                if (name->type != GEN_URI)
                        continue;
                result = result == -ENOENT ? copy_uri(name->d.uniformResourceIdentifier, ret)
                                           : -EINVAL;
                if (result < 0)
                        break;
        }
        GENERAL_NAMES_free(names);
        return result;
}

// Defines a reader of the first PEM block of one kind.
#define DEFINE_FROM_PEM(type, function, read)                                                      \
        type *function(const char *pem)                                                            \
        {                                                                                          \
                _cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);                          \
                                                                                                   \
                return bio ? read(bio, NULL, NULL, (void *)"") : NULL;                             \
        }
DEFINE_FROM_PEM(X509, certificate_from_pem, PEM_read_bio_X509)
DEFINE_FROM_PEM(X509_CRL, revocations_from_pem, PEM_read_bio_X509_CRL)
DEFINE_FROM_PEM(EVP_PKEY, key_from_pem, PEM_read_bio_PrivateKey)
