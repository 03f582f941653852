// "HOST:PORT" as people write it. Private to this library.
#ifndef UNDERSTUDY_WIRE_ADDRESS_H
#define UNDERSTUDY_WIRE_ADDRESS_H

#include <nng/nng.h>

#include "base/error.h"

// "SCHEME://HOST:PORT" for nng, the caller's. HOST is a name, an IPv4 address or an IPv6 address in
// brackets. -EINVAL with code "bad-address".
int address_url(const char *scheme, const char *address, char **ret, Error *error) _must_use_;

// "192.0.2.7:40112", "[2001:db8::7]:40112" or "unknown"; the caller's.
char *address_format(const nng_sockaddr *address);

#endif
