// A TLS client on a thread of its own that does as it is told.
#ifndef UNDERSTUDY_TESTS_WIRE_CLIENT_H
#define UNDERSTUDY_TESTS_WIRE_CLIENT_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "wire/certificate.h"
#include "wire/fixture.h"

// ---------------------------------------------------------------- a TLS client that does as it is
// told

typedef struct Client {
        const char *address;
        const Host *host; // NULL: without a certificate
        int version;      // 0: TLS 1.3
        const void *bytes;
        size_t size;
        unsigned slow_ms;   // between two bytes; 0: all at once
        bool closes;        // after the bytes; else it reads until the other side closes
        atomic_bool stalls; // does neither while it is set
        bool shook_hands;
        size_t received;
        atomic_bool done;
        pthread_t thread;
} Client;

static inline void client_use(SSL_CTX *context, const Host *host)
{
        _cleanup_(X509_freep) X509 *certificate = certificate_from_pem(host->certificate);
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_from_pem(host->key);

        assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
}

static inline void client_talk(Client *client, SSL *ssl)
{
        size_t step = client->slow_ms ? 1 : client->size;
        char data[4096];
        int count;

        for (size_t sent = 0; sent < client->size; sent += step) {
                if (SSL_write(ssl, (const char *)client->bytes + sent, (int)step) <= 0)
                        return;
                usleep(client->slow_ms * 1000);
        }
        while (atomic_load(&client->stalls))
                usleep(1000);
        if (client->closes)
                return;
        while ((count = SSL_read(ssl, data, sizeof(data))) > 0)
                client->received += (size_t)count;
}

static inline void *client_run(void *userdata)
{
        Client *client = userdata;
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        int fd = raw_connect(client->address);
        SSL *ssl;

        if (client->version)
                SSL_CTX_set_max_proto_version(context, client->version);
        if (client->host)
                client_use(context, client->host);
        ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        client->shook_hands = SSL_connect(ssl) == 1;
        if (client->shook_hands)
                client_talk(client, ssl);
        SSL_free(ssl);
        SSL_CTX_free(context);
        close(fd);
        atomic_store(&client->done, true);
        return NULL;
}

static inline void client_start(Client *client, const Fixture *fixture)
{
        client->address = listener_address(fixture->listener);
        assert_int_equal(pthread_create(&client->thread, NULL, client_run, client), 0);
}

// Until the listener has closed the connection.
static inline void client_finish(Client *client, Fixture *fixture)
{
        RUN_UNTIL(fixture, atomic_load(&client->done));
        pthread_join(client->thread, NULL);
}

#endif
