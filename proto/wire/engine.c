#include "wire/engine.h"

#include <nng/supplemental/tls/engine.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "wire/engine_config.h"

struct nng_tls_engine_conn {
        nng_stream *stream; // nng's own, which owns this
        SSL *ssl;
        bool established;
        int dead; // nng's error once TLS has failed: OpenSSL must not be asked again
        char failure[160];
};

// nng_stream_get_bool(NNG_OPT_TLS_VERIFIED) is the only way from a stream to its engine; what else
// is to be known is left here on the way.
static _Thread_local EnginePeer *peer_wanted;

static BIO_METHOD *bio_method;

static int bio_write(BIO *bio, const char *data, int length)
{
        size_t size = (size_t)length;
        int r = nng_tls_engine_send(BIO_get_data(bio), (const uint8_t *)data, &size);

        BIO_clear_retry_flags(bio);
        if (r == 0)
                return (int)size;
        if (r == NNG_EAGAIN)
                BIO_set_retry_write(bio);
        return -1;
}

static int bio_read(BIO *bio, char *data, int length)
{
        size_t size = (size_t)length;
        int r = nng_tls_engine_recv(BIO_get_data(bio), (uint8_t *)data, &size);

        BIO_clear_retry_flags(bio);
        if (r == 0)
                return (int)size;
        if (r == NNG_EAGAIN)
                BIO_set_retry_read(bio);
        return -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
        (void)bio;
        (void)number;
        (void)pointer;
        return command == BIO_CTRL_FLUSH;
}

static int conn_init(nng_tls_engine_conn *conn, void *stream, nng_tls_engine_config *config)
{
        BIO *bio;

        conn->stream = stream;
        conn->ssl = engine_config_session(config);
        bio = BIO_new(bio_method);
        if (!conn->ssl || !bio) {
                BIO_free(bio);
                return NNG_ENOMEM;
        }
        BIO_set_data(bio, stream);
        BIO_set_init(bio, 1);
        SSL_set_bio(conn->ssl, bio, bio);
        return 0;
}

// Also runs after a failed init, and when there was none.
static void conn_fini(nng_tls_engine_conn *conn)
{
        SSL_free(conn->ssl);
        conn->ssl = NULL;
}

static void conn_close(nng_tls_engine_conn *conn)
{
        if (!conn->established || conn->dead)
                return;
        ERR_clear_error();
        SSL_shutdown(conn->ssl);
}

// nng does not mark a stream whose TCP connection failed: reading goes on being "try again" for
// ever. A connection that is gone has no peer's address any more.
static bool tcp_is_dead(const nng_tls_engine_conn *conn)
{
        nng_sockaddr address;

        return nng_stream_get_addr(conn->stream, NNG_OPT_REMADDR, &address) != 0;
}

static int conn_fail(nng_tls_engine_conn *conn, int result)
{
        long verification = SSL_get_verify_result(conn->ssl);
        unsigned long error = ERR_peek_error();
        const char *reason = error ? ERR_reason_error_string(error) : NULL;

        if (verification != X509_V_OK)
                reason = X509_verify_cert_error_string(verification);
        snprintf(conn->failure, sizeof(conn->failure), "%s", reason ? reason : "");
        conn->dead = result;
        return result;
}

// What nng wants to hear after an SSL call that returned `r`. NNG_ECLOSED and NNG_ECANCELED would
// be taken for our own doing.
static int conn_result(nng_tls_engine_conn *conn, int r, int failure)
{
        switch (SSL_get_error(conn->ssl, r)) {
        case SSL_ERROR_NONE:
                return 0;
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
                return tcp_is_dead(conn) ? NNG_ECONNRESET : NNG_EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return NNG_ECONNSHUT;
        default:
                return conn_fail(conn, failure);
        }
}

static int conn_handshake(nng_tls_engine_conn *conn)
{
        int r;

        if (conn->dead)
                return conn->dead;
        if (conn->established)
                return 0;
        ERR_clear_error();
        r = conn_result(conn, SSL_do_handshake(conn->ssl), NNG_EPEERAUTH);
        conn->established = r == 0;
        return r;
}

// Receiving and sending are asked for before the handshake is done, and drive it.
static int conn_recv(nng_tls_engine_conn *conn, uint8_t *data, size_t *size)
{
        int r = conn_handshake(conn);

        if (r)
                return r;
        ERR_clear_error();
        return conn_result(conn, SSL_read_ex(conn->ssl, data, *size, size), NNG_ECRYPTO);
}

static int conn_send(nng_tls_engine_conn *conn, const uint8_t *data, size_t *size)
{
        int r = conn_handshake(conn);

        if (r)
                return r;
        ERR_clear_error();
        return conn_result(conn, SSL_write_ex(conn->ssl, data, *size, size), NNG_ECRYPTO);
}

static void fill_peer(const nng_tls_engine_conn *conn, const X509 *certificate, EnginePeer *peer)
{
        BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
        char *digits = serial ? BN_bn2hex(serial) : NULL;

        peer->verified = conn->established && SSL_get_verify_result(conn->ssl) == X509_V_OK;
        certificate_fingerprint(certificate, peer->fingerprint);
        if (certificate_uri(certificate, peer->uri) < 0)
                peer->uri[0] = '\0';
        snprintf(peer->serial, sizeof(peer->serial), "%s", digits ? digits : "");
        OPENSSL_free(digits);
        BN_free(serial);
}

static bool conn_verified(nng_tls_engine_conn *conn)
{
        EnginePeer local = {0}, *peer = peer_wanted ? peer_wanted : &local;
        const X509 *certificate = conn->ssl ? SSL_get0_peer_certificate(conn->ssl) : NULL;

        if (certificate)
                fill_peer(conn, certificate, peer);
        memcpy(peer->failure, conn->failure, sizeof(peer->failure));
        return peer->verified;
}

void engine_peer(nng_stream *stream, EnginePeer *ret)
{
        bool verified;

        *ret = (EnginePeer){0};
        peer_wanted = ret;
        if (nng_stream_get_bool(stream, NNG_OPT_TLS_VERIFIED, &verified) != 0)
                *ret = (EnginePeer){0};
        peer_wanted = NULL;
}

static nng_tls_engine_conn_ops conn_ops = {
        .size = sizeof(nng_tls_engine_conn),
        .init = conn_init,
        .fini = conn_fini,
        .close = conn_close,
        .handshake = conn_handshake,
        .recv = conn_recv,
        .send = conn_send,
        .verified = conn_verified,
};

static nng_tls_engine engine = {
        .version = NNG_TLS_ENGINE_VERSION,
        .config_ops = &engine_config_ops,
        .conn_ops = &conn_ops,
        .name = "openssl",
        .description = "OpenSSL 3",
};

// OpenSSL frees its globals at exit, while nng's threads, which never end, may still free a
// session. Only who initializes OpenSSL first can forbid that.
__attribute__((constructor)) static void forbid_openssl_cleanup(void)
{
        OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

static int start_result;

static void start(void)
{
        bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nng");
        if (!bio_method) {
                start_result = NNG_ENOMEM;
                return;
        }
        BIO_meth_set_write(bio_method, bio_write);
        BIO_meth_set_read(bio_method, bio_read);
        BIO_meth_set_ctrl(bio_method, bio_ctrl);
        nng_tls_engine_name(); // starts nng, which would otherwise forget our engine when it starts
        start_result = nng_tls_engine_register(&engine);
}

int engine_start(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, start);
        return start_result == 0 ? 0 : -ENOTSUP;
}
