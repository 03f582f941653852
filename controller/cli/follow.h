// From a job's answer to the program's exit status: waiting for it, drawing it, and saying how it
// ended and what to do next.
#ifndef UNDERSTUDY_CLI_FOLLOW_H
#define UNDERSTUDY_CLI_FOLLOW_H

#include "cli/session.h"

// Follows the job to its end, or until it waits for a person, through restarts of the controller.
// `job` is a Job as the API gives it, borrowed; `wanted` is the state that counts as success beside
// "waiting". With --json the finished job is printed, and nothing else; with `events`, each event
// on a line.
int follow_job(Session *session, const json_t *job, const char *wanted, bool events);

// The same for a request that starts or changes a job; with --no-wait its id is all.
int follow_request(Session *session, const char *method, const char *path, json_t *take_body,
        const char *wanted);

#endif
