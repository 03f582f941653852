// Does the worker reach the database servers, as its configuration says?
#ifndef UNDERSTUDY_WORKER_AGENT_ACCESS_H
#define UNDERSTUDY_WORKER_AGENT_ACCESS_H

#include "agent/config.h"

// Tries each kind of server as its administrator and prints a line on each to `out`, as a comment
// of worker.conf. -EIO: one that the configuration names does not let us in; of others it is only
// told.
int access_try(const Config *config, FILE *out, Error *error) _must_use_;

#endif
