// The fleet's own certificate authority: EC P-256 keys, SHA-256, certificates that say in a URI who
// their owner is. Texts are PEM unless said otherwise; everything returned is the caller's. Any
// thread.
#ifndef UNDERSTUDY_WIRE_PKI_H
#define UNDERSTUDY_WIRE_PKI_H

#include <stdint.h>

#include "base/error.h"

#define PKI_DIGEST_SIZE   65 // 64 lower-case hexadecimal digits and NUL
#define PKI_LIFETIME_DAYS 3650

// A self-signed certificate, for three times PKI_LIFETIME_DAYS, and its key.
int pki_make_authority(char **ret_certificate, char **ret_key, Error *error) _must_use_;

// The controller's certificate (URI understudy://controller), for servers only, and its key.
int pki_issue_controller(const char *authority, const char *authority_key, char **ret_certificate,
        char **ret_key, Error *error) _must_use_;

// On the worker: a new key, and a signing request (PKCS #10, DER) that proves its possession.
int pki_make_request(char **ret_key, uint8_t **ret_request, size_t *ret_size, Error *error)
        _must_use_;

// A host's certificate (URI understudy://host/NAME), for clients only, from the public key of a
// signing request; nothing else in the request counts. Anything but an EC P-256 key is refused,
// with code "bad-request".
int pki_sign_host(const char *authority, const char *authority_key, const void *request,
        size_t size, const char *host, int days, char **ret_certificate, Error *error) _must_use_;

// A revocation list: `revoked` (NULL: none yet) and `certificate` (NULL: nothing more). It never
// lapses: who has it, the controller, is also who makes it.
int pki_revoke(const char *authority, const char *authority_key, const char *revoked,
        const char *certificate, char **ret_revoked, Error *error) _must_use_;

// SHA-256 of a certificate's DER form: what Peer.fingerprint and a join line carry. -EINVAL.
int pki_digest(const char *certificate, char ret[PKI_DIGEST_SIZE]) _must_use_;

// Certificates only. -EINVAL.
int pki_to_der(const char *certificate, uint8_t **ret, size_t *ret_size) _must_use_;
int pki_to_pem(const void *der, size_t size, char **ret_certificate) _must_use_;

// Whether a certificate and a key belong together. -EINVAL: they do not, or one cannot be read.
int pki_check_pair(const char *certificate, const char *key) _must_use_;

// Writes a key, durable, readable by its owner only.
int pki_write_key(const char *path, const char *key, Error *error) _must_use_;

#endif
