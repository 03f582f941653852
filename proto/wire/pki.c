#include "wire/pki.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/text.h"
#include "names.h"
#include "wire/certificate.h"

#define CURVE         "P-256"
#define DAY_S         (24L * 60 * 60)
#define SKEW_S        DAY_S // a host's clock may be this much behind
#define SERIAL_BYTES  16
#define REQUEST_BYTES 8192

// Issuer of what is to be signed; both NULL while the authority signs itself.
typedef struct Authority {
        X509 *certificate;
        EVP_PKEY *key;
} Authority;

static void authority_clear(Authority *authority)
{
        X509_free(authority->certificate);
        EVP_PKEY_free(authority->key);
}
#define _cleanup_authority_ _cleanup_(authority_clear)

static int crypto_failed(Error *error, const char *what)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        error_set(error, -EIO, "crypto", "%s", what);
        error_why(error, "%s", reason ? reason : "OpenSSL gives no reason");
        ERR_clear_error();
        return -EIO;
}

static int bad_request(Error *error, const char *why)
{
        ERR_clear_error();
        error_set(error, -EINVAL, "bad-request", "cannot sign the request for a certificate");
        error_why(error, "%s", why);
        error_next(error, "join again with this version's understudy-worker join");
        return -EINVAL;
}

static int authority_read(const char *certificate, const char *key, Authority *ret, Error *error)
{
        ret->certificate = certificate_from_pem(certificate);
        ret->key = key_from_pem(key);
        if (ret->certificate && ret->key && X509_check_private_key(ret->certificate, ret->key) == 1)
                return 0;
        return crypto_failed(error, "cannot use the authority's certificate and key");
}

// ---------------------------------------------------------------- PEM

static char *take_text(BIO *bio)
{
        char *data;
        long size = BIO_get_mem_data(bio, &data);

        return text_copy_n(data, (size_t)size);
}

#define DEFINE_TO_PEM(type, function, write)                                                       \
        static char *function(const type *object)                                                  \
        {                                                                                          \
                _cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());                              \
                                                                                                   \
                return bio && write == 1 ? take_text(bio) : NULL;                                  \
        }
DEFINE_TO_PEM(X509, certificate_to_pem, PEM_write_bio_X509(bio, object))
DEFINE_TO_PEM(X509_CRL, revocations_to_pem, PEM_write_bio_X509_CRL(bio, object))
DEFINE_TO_PEM(
        EVP_PKEY, key_to_pem, PEM_write_bio_PKCS8PrivateKey(bio, object, NULL, NULL, 0, NULL, NULL))

int pki_to_der(const char *certificate, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(X509_freep) X509 *object = certificate_from_pem(certificate);
        unsigned char *end;
        int size = object ? i2d_X509(object, NULL) : -1;

        if (size <= 0)
                return -EINVAL;
        *ret = end = memory_new((size_t)size);
        i2d_X509(object, &end);
        *ret_size = (size_t)size;
        return 0;
}

int pki_to_pem(const void *der, size_t size, char **ret_certificate)
{
        const unsigned char *at = der;
        _cleanup_(X509_freep) X509 *certificate = d2i_X509(NULL, &at, (long)size);

        ERR_clear_error();
        if (!certificate || at != (const unsigned char *)der + size)
                return -EINVAL;
        *ret_certificate = certificate_to_pem(certificate);
        return *ret_certificate ? 0 : -EINVAL;
}

int pki_digest(const char *certificate, char ret[PKI_DIGEST_SIZE])
{
        _cleanup_(X509_freep) X509 *object = certificate_from_pem(certificate);

        if (!object)
                return -EINVAL;
        certificate_fingerprint(object, ret);
        return 0;
}

int pki_check_pair(const char *certificate, const char *key)
{
        _cleanup_authority_ Authority pair = {0};

        return authority_read(certificate, key, &pair, NULL) < 0 ? -EINVAL : 0;
}

int pki_write_key(const char *path, const char *key, Error *error)
{
        int r = file_write(path, key, strlen(key), 0600);

        if (r < 0) {
                error_set(error, r, "write", "cannot write a private key");
                error_where(error, "%s", path);
        }
        return r;
}

// ---------------------------------------------------------------- certificates

static bool set_serial(X509 *certificate)
{
        unsigned char bytes[SERIAL_BYTES];
        BIGNUM *number;
        bool set;

        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
                return false;
        bytes[0] = (bytes[0] & 0x7f) | 0x40; // positive, and always of the same length
        number = BN_bin2bn(bytes, sizeof(bytes), NULL);
        set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
        BN_free(number);
        return set;
}

static bool set_subject(X509 *certificate, const char *name)
{
        X509_NAME *subject = X509_get_subject_name(certificate);

        return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC,
                       (const unsigned char *)"Understudy", -1, -1, 0) &&
               X509_NAME_add_entry_by_txt(
                       subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
}

static bool set_validity(X509 *certificate, int days)
{
        return X509_gmtime_adj(X509_getm_notBefore(certificate), -SKEW_S) &&
               X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY_S);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509_EXTENSION *extension;
        X509V3_CTX context;
        bool added;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        added = extension && X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
        return added;
}

typedef struct Extension {
        int nid;
        const char *value;
} Extension;

static const Extension authority_extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
        {0},
};
static const Extension controller_extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_authority_key_identifier, "keyid:always"},
        {NID_subject_alt_name, "URI:understudy://controller"},
        {0},
};
static const Extension host_extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "clientAuth"},
        {NID_authority_key_identifier, "keyid:always"},
        {0},
};

// `issuer` with no certificate: self-signed by its key.
static X509 *certificate_new(const Authority *issuer, EVP_PKEY *public_key, const char *name,
        int days, const Extension *extensions, const char *uri)
{
        _cleanup_(X509_freep) X509 *certificate = X509_new();
        X509 *signer = issuer->certificate ? issuer->certificate : certificate;

        if (!certificate || !X509_set_version(certificate, X509_VERSION_3) ||
                !set_serial(certificate) || !set_subject(certificate, name) ||
                !set_validity(certificate, days) ||
                !X509_set_issuer_name(certificate, X509_get_subject_name(signer)) ||
                !X509_set_pubkey(certificate, public_key))
                return NULL;
        for (; extensions->nid; extensions++)
                if (!add_extension(certificate, signer, extensions->nid, extensions->value))
                        return NULL;
        if (uri && !add_extension(certificate, signer, NID_subject_alt_name, uri))
                return NULL;
        if (!X509_sign(certificate, issuer->key, EVP_sha256()))
                return NULL;
        return TAKE_PTR(certificate);
}

static int give_pair(
        X509 *certificate, EVP_PKEY *key, char **ret_certificate, char **ret_key, Error *error)
{
        _cleanup_free_ char *certificate_text = NULL, *key_text = NULL;

        if (certificate && key) {
                certificate_text = certificate_to_pem(certificate);
                key_text = key_to_pem(key);
        }
        if (!certificate_text || !key_text)
                return crypto_failed(error, "cannot make a certificate");
        *ret_certificate = TAKE_PTR(certificate_text);
        *ret_key = TAKE_PTR(key_text);
        return 0;
}

int pki_make_authority(char **ret_certificate, char **ret_key, Error *error)
{
        _cleanup_authority_ Authority authority = {.key = EVP_EC_gen(CURVE)};
        _cleanup_(X509_freep) X509 *certificate = NULL;

        if (authority.key)
                certificate = certificate_new(&authority, authority.key, "Understudy authority",
                        3 * PKI_LIFETIME_DAYS, authority_extensions, NULL);
        return give_pair(certificate, authority.key, ret_certificate, ret_key, error);
}

int pki_issue_controller(const char *authority, const char *authority_key, char **ret_certificate,
        char **ret_key, Error *error)
{
        _cleanup_authority_ Authority issuer = {0};
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        _cleanup_(X509_freep) X509 *certificate = NULL;
        int r = authority_read(authority, authority_key, &issuer, error);

        if (r < 0)
                return r;
        key = EVP_EC_gen(CURVE);
        if (key)
                certificate = certificate_new(
                        &issuer, key, "controller", PKI_LIFETIME_DAYS, controller_extensions, NULL);
        return give_pair(certificate, key, ret_certificate, ret_key, error);
}

// ---------------------------------------------------------------- signing requests

static X509_REQ *request_new(EVP_PKEY *key)
{
        _cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();

        if (!request || !X509_REQ_set_pubkey(request, key) ||
                !X509_REQ_sign(request, key, EVP_sha256()))
                return NULL;
        return TAKE_PTR(request);
}

int pki_make_request(char **ret_key, uint8_t **ret_request, size_t *ret_size, Error *error)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen(CURVE);
        _cleanup_(X509_REQ_freep) X509_REQ *request = key ? request_new(key) : NULL;
        _cleanup_free_ char *key_text = request ? key_to_pem(key) : NULL;
        int size = key_text ? i2d_X509_REQ(request, NULL) : -1;
        unsigned char *end;

        if (size <= 0)
                return crypto_failed(error, "cannot make a key and its signing request");
        *ret_request = end = memory_new((size_t)size);
        *ret_size = (size_t)i2d_X509_REQ(request, &end);
        *ret_key = TAKE_PTR(key_text);
        return 0;
}

static bool is_p256(const EVP_PKEY *key)
{
        char group[32];

        return EVP_PKEY_is_a(key, "EC") &&
               EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) &&
               text_equal(group, SN_X9_62_prime256v1);
}

static int read_request(const void *data, size_t size, X509_REQ **ret, Error *error)
{
        const unsigned char *at = data;
        _cleanup_(X509_REQ_freep) X509_REQ *request = NULL;
        EVP_PKEY *key;

        if (size > REQUEST_BYTES)
                return bad_request(error, "it is too large");
        request = d2i_X509_REQ(NULL, &at, (long)size);
        if (!request || at != (const unsigned char *)data + size)
                return bad_request(error, "it is no PKCS #10 in DER");
        key = X509_REQ_get0_pubkey(request);
        if (!key || !is_p256(key))
                return bad_request(error, "its key is not of the kind EC P-256");
        if (X509_REQ_verify(request, key) != 1)
                return bad_request(error, "it is not signed with its own key");
        *ret = TAKE_PTR(request);
        return 0;
}

int pki_sign_host(const char *authority, const char *authority_key, const void *request,
        size_t size, const char *host, int days, char **ret_certificate, Error *error)
{
        _cleanup_free_ char *uri = text_format("URI:understudy://host/%s", host);
        _cleanup_(X509_REQ_freep) X509_REQ *parsed = NULL;
        _cleanup_(X509_freep) X509 *certificate = NULL;
        _cleanup_authority_ Authority issuer = {0};
        int r = name_check_host(host, error);

        if (r >= 0)
                r = read_request(request, size, &parsed, error);
        if (r >= 0)
                r = authority_read(authority, authority_key, &issuer, error);
        if (r < 0)
                return r;
        certificate = certificate_new(
                &issuer, X509_REQ_get0_pubkey(parsed), host, days, host_extensions, uri);
        if (!certificate)
                return crypto_failed(error, "cannot sign a host's certificate");
        *ret_certificate = certificate_to_pem(certificate);
        return 0;
}

// ---------------------------------------------------------------- revocation

static bool add_revoked(X509_CRL *list, X509 *certificate, ASN1_TIME *now)
{
        X509_REVOKED *entry;

        if (X509_CRL_get0_by_cert(list, &entry, certificate) == 1)
                return true;
        entry = X509_REVOKED_new();
        if (entry && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate)) &&
                X509_REVOKED_set_revocationDate(entry, now) && X509_CRL_add0_revoked(list, entry))
                return true;
        X509_REVOKED_free(entry);
        return false;
}

static bool sign_list(X509_CRL *list, const Authority *issuer, ASN1_TIME *now)
{
        return X509_CRL_set_version(list, X509_CRL_VERSION_2) &&
               X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate)) &&
               X509_CRL_set1_lastUpdate(list, now) &&
               X509_CRL_set1_nextUpdate(list, X509_get0_notAfter(issuer->certificate)) &&
               X509_CRL_sort(list) && X509_CRL_sign(list, issuer->key, EVP_sha256());
}

int pki_revoke(const char *authority, const char *authority_key, const char *revoked,
        const char *certificate, char **ret_revoked, Error *error)
{
        _cleanup_authority_ Authority issuer = {0};
        _cleanup_(X509_CRL_freep) X509_CRL *list = NULL;
        _cleanup_(X509_freep) X509 *object = NULL;
        ASN1_TIME *now;
        bool signed_list;
        int r = authority_read(authority, authority_key, &issuer, error);

        if (r < 0)
                return r;
        list = revoked ? revocations_from_pem(revoked) : X509_CRL_new();
        object = certificate ? certificate_from_pem(certificate) : NULL;
        if (!list || (certificate && !object))
                return crypto_failed(error, "cannot read what is to be revoked");
        now = X509_gmtime_adj(NULL, -SKEW_S); // also valid where the clock is behind
        signed_list =
                now && (!object || add_revoked(list, object, now)) && sign_list(list, &issuer, now);
        ASN1_TIME_free(now);
        if (!signed_list)
                return crypto_failed(error, "cannot sign the revocation list");
        *ret_revoked = revocations_to_pem(list);
        return 0;
}
