// OpenSSL as nng's TLS engine: TLS 1.3 only, no tickets, no resumption. nng's own engine on Debian
// is Mbed TLS, which has no TLS 1.3 there and whose handshake costs five times as much.
//
// Private to this library.
#ifndef UNDERSTUDY_WIRE_ENGINE_H
#define UNDERSTUDY_WIRE_ENGINE_H

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>

#include "base/error.h"
#include "wire/certificate.h"
#include "wire/link.h"

// Registers the engine with nng; all calls but the first do nothing.
int engine_start(void) _must_use_;

// With `authority` NULL the peer is not asked for a certificate. An authority "sha256:HEX" names,
// by its digest, a CA whose certificate the peer sends itself: the handshake succeeds only when it
// does and when it has signed the peer's. Free with nng_tls_config_free.
int engine_config_new(nng_tls_mode mode, const Credentials *credentials, nng_tls_config **ret,
        Error *error) _must_use_;

// For handshakes that begin from now on. `config` must have been made with PEM texts.
int engine_config_revoke(nng_tls_config *config, const char *authority, const char *revoked,
        Error *error) _must_use_;

// Where a TLS stream stands.
typedef struct EnginePeer {
        bool verified; // the handshake is done and the peer's certificate is the CA's
        char uri[CERTIFICATE_URI_SIZE]; // "" without
        char fingerprint[FINGERPRINT_SIZE];
        char serial[64];   // hexadecimal
        char failure[160]; // why TLS gave up; "" when it did not
} EnginePeer;

void engine_peer(nng_stream *stream, EnginePeer *ret);

#endif
