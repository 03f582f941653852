// Addresses that programs offer and web servers ask, in one form that can be compared.
#ifndef UNDERSTUDY_WORKER_ADOPT_ADDRESS_H
#define UNDERSTUDY_WORKER_ADOPT_ADDRESS_H

#include "base/macro.h"

// "unix:/run/x.sock" of a socket however it is written (unix:///run/x.sock, unix:/run/x.sock:/,
// unix:/run/x.sock|http://localhost/); "port 8000" of one on this machine; "HOST:PORT" or "NAME" of
// all else, the latter being the name of an upstream for one who knows them. A scheme before it and
// a path behind it are left out. Allocated; NULL for nothing.
char *address_normal(const char *text);

// The path of a socket, borrowed; NULL: it is no socket.
const char *address_socket(const char *address);

#endif
