// worker.conf: what an operator of this host allows and limits.
#ifndef UNDERSTUDY_WORKER_AGENT_CONFIG_H
#define UNDERSTUDY_WORKER_AGENT_CONFIG_H

#include <stdint.h>

#include "base/option.h"
#include "step/policy.h"

#define CONFIG_FILE "worker.conf"

typedef struct Config {
        char *directory;         // the worker's own, absolute
        char *address;           // of the controller, HOST:PORT
        uint64_t report_seconds; // between two tellings of what the host is like
        Policy policy;
        uint64_t tasks;         // at once
        uint64_t nice;          // at least, of every runner
        uint64_t grace_seconds; // for a step to end after cancel or deadline, before it is killed
} Config;

extern const Option config_options[];

// Reads DIRECTORY/worker.conf. Patterns in [policy] environment are expanded to the names of the
// variables that are set.
int config_read(const char *directory, Config *ret, Error *error) _must_use_;
void config_clear(Config *config);
#define _cleanup_config_ _cleanup_(config_clear)

#endif
