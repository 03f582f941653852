#include "wire/engine_config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "base/text.h"
#include "wire/engine.h"

// nng keeps what is to be sent in a ring of 16 KiB: a record with its overhead must fit.
#define RECORD_BYTES      16128
#define CHAIN_BYTES       16384 // of the peer's certificates; ours and the CA's are 1.5 KiB
#define AUTHORITY_BY_HASH "sha256:"

struct nng_tls_engine_config {
        SSL_CTX *context;
        nng_tls_mode mode;
        pthread_mutex_t lock;
        X509_STORE *trusted;           // guarded by lock: replaced while connections come and go
        char pinned[FINGERPRINT_SIZE]; // of the CA that the peer must send; "" when it is known
};

static int config_init(nng_tls_engine_config *config, nng_tls_mode mode)
{
        SSL_CTX *context = SSL_CTX_new(
                mode == NNG_TLS_MODE_SERVER ? TLS_server_method() : TLS_client_method());

        if (!context)
                return NNG_ENOMEM;
        config->context = context;
        config->mode = mode;
        pthread_mutex_init(&config->lock, NULL);
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
        SSL_CTX_set_options(
                context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                          SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_max_send_fragment(context, RECORD_BYTES);
        SSL_CTX_set_max_cert_list(context, CHAIN_BYTES);
        SSL_CTX_set_verify_depth(
                context, 0); // certificates are the CA's own, without intermediates
        SSL_CTX_set_purpose(context,
                mode == NNG_TLS_MODE_SERVER ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
        return 0;
}

static void config_fini(nng_tls_engine_config *config)
{
        X509_STORE_free(config->trusted);
        SSL_CTX_free(config->context);
        pthread_mutex_destroy(&config->lock);
}

// The host's name says nothing here: the peer's identity is the URI in its certificate.
static int config_server(nng_tls_engine_config *config, const char *name)
{
        (void)config;
        (void)name;
        return 0;
}

static int config_auth(nng_tls_engine_config *config, nng_tls_auth_mode mode)
{
        if (mode == NNG_TLS_AUTH_MODE_OPTIONAL)
                return NNG_ENOTSUP;
        SSL_CTX_set_verify(config->context,
                mode == NNG_TLS_AUTH_MODE_NONE ? SSL_VERIFY_NONE
                                               : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                NULL);
        return 0;
}

// Trusts, for this one chain, the certificate of the pinned digest that the peer sent along.
static int verify_pinned(X509_STORE_CTX *verification, void *userdata)
{
        const nng_tls_engine_config *config = userdata;
        STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(verification);
        STACK_OF(X509) *trusted = NULL;
        int verified;

        for (int i = 0; i < sk_X509_num(sent) && !trusted; i++) {
                char fingerprint[FINGERPRINT_SIZE];

                certificate_fingerprint(sk_X509_value(sent, i), fingerprint);
                if (!text_equal(fingerprint, config->pinned))
                        continue;
                trusted = sk_X509_new_null();
                sk_X509_push(trusted, sk_X509_value(sent, i));
        }
        if (!trusted) {
                X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_UNTRUSTED);
                return 0;
        }
        X509_STORE_CTX_set0_trusted_stack(verification, trusted);
        verified = X509_verify_cert(verification);
        sk_X509_free(trusted);
        return verified;
}

static X509_STORE *store_new(const char *authority, const char *revoked)
{
        _cleanup_(X509_freep) X509 *certificate = certificate_from_pem(authority);
        _cleanup_(X509_CRL_freep) X509_CRL *crl = revoked ? revocations_from_pem(revoked) : NULL;
        X509_STORE *store = X509_STORE_new();

        if (certificate && store && X509_STORE_add_cert(store, certificate) &&
                (!revoked || (crl && X509_STORE_add_crl(store, crl) &&
                                     X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK))))
                return store;
        X509_STORE_free(store);
        return NULL;
}

// Also while the configuration is in use: then handshakes that begin from now on see the change.
static int config_ca_chain(
        nng_tls_engine_config *config, const char *authority, const char *revoked)
{
        X509_STORE *store, *before;

        if (text_starts(authority, AUTHORITY_BY_HASH)) {
                snprintf(config->pinned, sizeof(config->pinned), "%s",
                        authority + strlen(AUTHORITY_BY_HASH));
                SSL_CTX_set_cert_verify_callback(config->context, verify_pinned, config);
                return 0;
        }
        store = store_new(authority, revoked);
        if (!store)
                return NNG_ECRYPTO;
        pthread_mutex_lock(&config->lock);
        before = config->trusted;
        config->trusted = store;
        pthread_mutex_unlock(&config->lock);
        X509_STORE_free(before);
        return 0;
}

// All certificates of the text: our own first, then those that the peer may need.
static bool use_chain(SSL_CTX *context, const char *pem)
{
        _cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
        _cleanup_(X509_freep) X509 *own = PEM_read_bio_X509(bio, NULL, NULL, (void *)"");
        X509 *more;

        if (!own || !SSL_CTX_use_certificate(context, own))
                return false;
        while ((more = PEM_read_bio_X509(bio, NULL, NULL, (void *)""))) {
                if (SSL_CTX_add0_chain_cert(context, more))
                        continue;
                X509_free(more);
                return false;
        }
        ERR_clear_error(); // the end of the text is an error too
        return true;
}

static int config_own_cert(nng_tls_engine_config *config, const char *certificate, const char *key,
        const char *password)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *own_key = key_from_pem(key);

        (void)password;
        if (own_key && use_chain(config->context, certificate) &&
                SSL_CTX_use_PrivateKey(config->context, own_key) &&
                SSL_CTX_check_private_key(config->context))
                return 0;
        return NNG_ECRYPTO;
}

static int config_version(
        nng_tls_engine_config *config, nng_tls_version least, nng_tls_version most)
{
        (void)config;
        return least <= NNG_TLS_1_3 && NNG_TLS_1_3 <= most ? 0 : NNG_ENOTSUP;
}

nng_tls_engine_config_ops engine_config_ops = {
        .size = sizeof(nng_tls_engine_config),
        .init = config_init,
        .fini = config_fini,
        .server = config_server,
        .auth = config_auth,
        .ca_chain = config_ca_chain,
        .own_cert = config_own_cert,
        .version = config_version,
};

SSL *engine_config_session(nng_tls_engine_config *config)
{
        SSL *ssl = SSL_new(config->context);

        if (!ssl)
                return NULL;
        pthread_mutex_lock(&config->lock);
        if (config->trusted)
                SSL_set1_verify_cert_store(ssl, config->trusted);
        pthread_mutex_unlock(&config->lock);
        if (config->mode == NNG_TLS_MODE_SERVER)
                SSL_set_accept_state(ssl);
        else
                SSL_set_connect_state(ssl);
        return ssl;
}

static int config_failed(Error *error, const char *what)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        error_set(error, -EINVAL, "bad-certificate", "cannot use %s", what);
        error_why(error, "%s", reason ? reason : "no such block in the PEM text");
        error_next(error, "put the file back as it was made, or make it anew");
        return -EINVAL;
}

int engine_config_revoke(
        nng_tls_config *config, const char *authority, const char *revoked, Error *error)
{
        ERR_clear_error();
        if (nng_tls_config_ca_chain(config, authority, revoked) == 0)
                return 0;
        return config_failed(error, "the CA's certificate or its revocation list");
}

static int config_fill(nng_tls_config *config, const Credentials *credentials, Error *error)
{
        int r;

        nng_tls_config_auth_mode(config,
                credentials->authority ? NNG_TLS_AUTH_MODE_REQUIRED : NNG_TLS_AUTH_MODE_NONE);
        if (credentials->authority) {
                r = engine_config_revoke(
                        config, credentials->authority, credentials->revoked, error);
                if (r < 0)
                        return r;
        }
        ERR_clear_error();
        if (credentials->certificate && nng_tls_config_own_cert(config, credentials->certificate,
                                                credentials->key, NULL) != 0)
                return config_failed(error, "our certificate and its key");
        return 0;
}

int engine_config_new(
        nng_tls_mode mode, const Credentials *credentials, nng_tls_config **ret, Error *error)
{
        nng_tls_config *config;
        int r;

        if (nng_tls_config_alloc(&config, mode) != 0)
                return error_set(error, -ENOMEM, "out-of-memory", "cannot prepare TLS");
        r = config_fill(config, credentials, error);
        if (r < 0) {
                nng_tls_config_free(config);
                return r;
        }
        *ret = config;
        return 0;
}
