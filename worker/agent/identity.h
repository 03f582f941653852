// The worker's key and certificate, and the CA that signed it: PEM files in DIR/identity.
#ifndef UNDERSTUDY_WORKER_AGENT_IDENTITY_H
#define UNDERSTUDY_WORKER_AGENT_IDENTITY_H

#include <stdbool.h>

#include "base/error.h"

typedef struct Identity {
        char *key;
        char *certificate;
        char *authority;
} Identity;

void identity_clear(Identity *identity);
#define _cleanup_identity_ _cleanup_(identity_clear)

int identity_read(const char *directory, Identity *ret, Error *error) _must_use_;

// All of it or nothing: written beside, then renamed into place. -EEXIST when there is one.
int identity_write(const char *directory, const Identity *identity, Error *error) _must_use_;

bool identity_exists(const char *directory);

// A short name for the CA that this worker has joined: no two controllers have the same. Allocated;
// NULL when it has joined none.
char *identity_controller(const char *directory);

#endif
