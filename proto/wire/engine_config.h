// The configuration half of the TLS engine. Private to engine.c.
#ifndef UNDERSTUDY_WIRE_ENGINE_CONFIG_H
#define UNDERSTUDY_WIRE_ENGINE_CONFIG_H

#include <nng/nng.h>

#include <nng/supplemental/tls/engine.h>
#include <openssl/ssl.h>

extern nng_tls_engine_config_ops engine_config_ops;

// A session in the state before the handshake; NULL when memory is out.
SSL *engine_config_session(nng_tls_engine_config *config);

#endif
