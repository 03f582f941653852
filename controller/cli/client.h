// The controller's HTTP interface, from the other end of its Unix socket.
#ifndef UNDERSTUDY_CLI_CLIENT_H
#define UNDERSTUDY_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct Client Client;

// The controller of `directory`. Nothing is sent yet.
Client *client_new(const char *directory);
void client_free(Client *client);

// "/v1/series/%s/sync" with a name in it, percent-encoded. Allocated.
char *client_path(const char *format, const char *name);

// One request with its answer. `body` is borrowed and may be NULL. 0: `ret` is the answer's JSON,
// or of an answer of another type its text as a JSON text; -ENOTCONN: the controller cannot be
// reached, or does not answer; -EPERM: it refused, `error` is the failure it gave.
int client_call(Client *client, const char *method, const char *path, json_t *body, json_t **ret,
        Error *error) _must_use_;

// What client_follow calls. Returning false ends it.
typedef struct FollowFns {
        void (*event)(void *userdata, json_t *event);
        void (*alive)(void *userdata); // something came, be it a sign of life
        bool (*turn)(void *userdata);  // between events, at least five times a second
        int wake_fd;                   // readable: `turn` is called at once; -1: none
} FollowFns;

// Follows a job from the first event after `after`. 0: its events have ended; -EINTR: `turn` ended
// it; -ENOTCONN: cut off or never reached; -EPERM: refused.
int client_follow(Client *client, uint64_t job, uint64_t after, const FollowFns *fns,
        void *userdata, Error *error) _must_use_;

#endif
