// The worker's daemon: keeps a stream to the controller, takes its tasks, has runners do them, and
// ships their events until the controller has committed them.
#ifndef UNDERSTUDY_WORKER_AGENT_AGENT_H
#define UNDERSTUDY_WORKER_AGENT_AGENT_H

#include "agent/config.h"

// Runs until SIGTERM or SIGINT; runners go on. `runner_program` is the argument vector with which
// this program becomes a runner that waits for an order.
int agent_run(const Config *config, char *const *runner_program, Error *error) _must_use_;

#endif
