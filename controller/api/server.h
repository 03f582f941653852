// The controller's HTTP interface: JSON over a Unix socket, routed by the table of operations.
//
// Who may use it: whoever may write to the socket. It is made with mode 0660, so these are root,
// the controller's own user and the members of the socket's group, which is the group of the
// controller's process (or of a set-group-id directory). The name of the user at the other end
// comes from the kernel and goes into the history.
//
// Answers: 200 with the operation's JSON, or text of its own type; otherwise {"failure": {code,
// what, where, why, next}} with 400 (cannot be understood), 403, 404, 405, 409 (refused), 413 (too
// big) or 500 (failed here). GET /v1/jobs/{job}/events answers with server-sent events (stream.h).
//
// Everything runs on the loop's thread.
#ifndef UNDERSTUDY_API_SERVER_H
#define UNDERSTUDY_API_SERVER_H

#include <event2/event.h>

#include "operations/operation.h"

// What one client can take of the controller.
typedef struct ApiLimits {
        size_t connections;    // at a time; one more is closed at once
        size_t header_bytes;   // of one request
        size_t body_bytes;     // of one request
        size_t unread_bytes;   // that a follower of a job leaves unread before its feed pauses
        unsigned deadline_ms;  // for a request to arrive, for its reply or a paused feed to be read
        unsigned heartbeat_ms; // between signs of life on a feed
        unsigned exhausted_ms; // without accepting, after accept(2) failed
} ApiLimits;

extern const ApiLimits api_limits; // the product's

typedef struct Api Api;

// Listens at `path` until api_free, which removes the socket. A socket left by a dead controller is
// replaced; one that answers, or a file of another kind, is refused. Ignores SIGPIPE in the whole
// process. `operations` ends with a row of zeros; it, `limits` and `controller` are borrowed.
int api_start(struct event_base *loop, const char *path, Controller *controller,
        const Operation *table, const ApiLimits *limits, Api **ret, Error *error) _must_use_;
void api_free(Api *api);
DEFINE_CLEANUP(Api *, api_free)

#endif
