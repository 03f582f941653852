// Enrolment: a host without an identity becomes the worker of a controller.
#ifndef UNDERSTUDY_WORKER_AGENT_JOIN_H
#define UNDERSTUDY_WORKER_AGENT_JOIN_H

#include "base/error.h"
#include "base/text.h"

typedef struct JoinRequest {
        const char *directory;  // of the worker; made when it is missing
        const char *controller; // where the controller enrols workers, HOST:PORT
        const char *token;      // SECRET.DIGEST, from the line that `host add` prints
        const char *const *roots;
        size_t root_count;
        const char *log_root;  // parent of the log directories of previews; NULL: not said
        const char *log_place; // it is then, if it is there and only root may make directories in
                               // it: a site's own user cannot
} JoinRequest;

typedef struct JoinReport {
        char *host;       // the name the controller knows this worker by
        char *directory;  // absolute
        TextList written; // files
        TextList users;   // owners of the project directories found beneath the roots
        TextList warnings;
} JoinReport;

void join_report_clear(JoinReport *report);
#define _cleanup_join_report_ _cleanup_(join_report_clear)

// Makes a key, has the controller sign it, writes the identity and worker.conf. Nothing is written
// unless the controller has agreed; an identity that is there is never changed (-EEXIST), and a
// worker.conf without one is kept as worker.conf.before.
int join_fleet(const JoinRequest *request, JoinReport *ret, Error *error) _must_use_;

// The owners of the project directories (those with a manage.py) in the roots.
int join_find_users(const char *const *roots, size_t count, TextList *ret_users,
        TextList *ret_warnings, Error *error) _must_use_;

#endif
