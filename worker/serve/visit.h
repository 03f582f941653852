// A request as a visitor makes it: over a site's own socket, or through its web server.
#ifndef UNDERSTUDY_WORKER_SERVE_VISIT_H
#define UNDERSTUDY_WORKER_SERVE_VISIT_H

#include "step/step.h"

// The managed module's answer to "who made this", on every page: "SITE ROLE".
#define VISIT_SITE_HEADER "X-Understudy-Site"
// The vhost's answer: the version that the template was filled in with.
#define VISIT_VHOST_HEADER "X-Understudy-Vhost"

typedef struct Visit {
        const char *socket;  // of the site; NULL: over the network, to `address`
        const char *address; // HOST:PORT to connect to, whatever the URL says
        const char *host;    // of the URL
        const char *path;
        bool tls; // certificates are not checked: it is this host that is asked
        uint32_t timeout_ms;
} Visit;

typedef struct VisitAnswer {
        long status;                 // of HTTP; 0: there was no answer, and `why` says why
        char *site, *vhost, *server; // values of the headers; NULL: without them
        char *why;
        bool absent; // nobody listens there
} VisitAnswer;

void visit_answer_clear(VisitAnswer *answer);
#define _cleanup_answer_ _cleanup_(visit_answer_clear)

// An answer of whatever kind is 0; errors are the step's end (canceled, deadline) and the system's.
int visit(StepContext *context, const Visit *visit, VisitAnswer *ret, Error *error) _must_use_;

// Waits, for `ms` at most. An error is the step's end.
int visit_pause(StepContext *context, uint32_t ms, Error *error) _must_use_;

// The process that listens on a Unix socket. -ECONNREFUSED, -ENOENT: nobody does.
int visit_listener(const char *socket, pid_t *ret) _must_use_;

// How many connections to its socket are open or wait to be accepted.
int visit_connections(pid_t listener, const char *socket, unsigned *ret) _must_use_;

#endif
