// controller.conf: what an operator may set.
#ifndef UNDERSTUDY_SERVICE_CONFIG_H
#define UNDERSTUDY_SERVICE_CONFIG_H

#include "base/option.h"
#include "core/setup.h"

#define CONFIG_FILE           "controller.conf"
#define CONFIG_DEFAULT_LISTEN "0.0.0.0:7700"

typedef struct Config {
        char *listen;    // HOST:PORT for workers
        char *enrolment; // HOST:PORT for hosts that join
        char *advertise; // host name or address that hosts reach it by; NULL: found out
        uint64_t keep_events_seconds;
        ControllerLimits limits;
        char *zone;   // of schedules; NULL: the machine's
        bool nightly; // series are synchronised every night unless somebody says otherwise
} Config;

extern const Option config_options[];
static inline void config_clear(Config *config)
{
        option_clear(config_options, config);
}
#define _cleanup_config_ _cleanup_(config_clear)

// The address behind `listen` one port further, where hosts join. -EINVAL, "bad-address".
int config_next_port(const char *listen, char **ret, Error *error) _must_use_;

// HOST:PORT as hosts are told it: `advertise`, or what is listened on, or this host's full name
// when that is every address. The caller's.
char *config_advertised(const Config *config, const char *listen);

#endif
