#include "service/config.h"

#include <netdb.h>
#include <unistd.h>

#include "base/text.h"
#include "calendar/rule.h"

#define PORT_MAX 65535

static int split(const char *address, size_t *ret_host, uint64_t *ret_port, Error *error)
{
        const char *colon = strrchr(address, ':');
        int r = colon && colon > address ? text_parse_u64(colon + 1, ret_port) : -EINVAL;

        if (r == 0 && *ret_port > 0 && *ret_port <= PORT_MAX &&
                (address[0] == '[' || !memchr(address, ':', (size_t)(colon - address)))) {
                *ret_host = (size_t)(colon - address);
                return 0;
        }
        error_set(error, -EINVAL, "bad-address", "'%s' is no address to listen on", address);
        error_why(error, "it must be HOST:PORT with a port from 1 to 65535");
        error_next(error, "Write for instance 0.0.0.0:7700, 192.0.2.7:7700 or [2001:db8::7]:7700.");
        return -EINVAL;
}

static int check_address(const char *value, Error *error)
{
        uint64_t port;
        size_t host;

        return split(value, &host, &port, error);
}

static int check_zone(const char *value, Error *error)
{
        icaltimezone *zone;

        return rule_zone(value, &zone, error);
}

const Option config_options[] = {
        {"controller", "listen", OPTION_TEXT, offsetof(Config, listen), CONFIG_DEFAULT_LISTEN,
                .check = check_address, .help = "Where workers connect to, as HOST:PORT."},
        {"controller", "enrolment", OPTION_TEXT, offsetof(Config, enrolment), "0.0.0.0:7701",
                .check = check_address,
                .help = "Where hosts that join get their certificates, as HOST:PORT."},
        {"controller", "advertise", OPTION_TEXT, offsetof(Config, advertise), NULL,
                .help = "The name or address that hosts reach this controller by, without a port. "
                        "Needed when it listens on every address and its own full name is not "
                        "known to them."},
        {"controller", "keep_events", OPTION_DURATION, offsetof(Config, keep_events_seconds),
                "90 d", .least = 86400, .most = UINT64_C(36500) * 86400,
                .help = "How long after a job's end its course and the output of its steps are "
                        "kept. The job, its failure and the history stay for ever."},
        {"limits", "host_heavy", OPTION_NUMBER, offsetof(Config, limits.host_heavy), "2",
                .least = 1, .most = 64,
                .help = "How many tasks that copy, dump or restore run on one host at once."},
        {"limits", "host_tasks", OPTION_NUMBER, offsetof(Config, limits.host_tasks), "8",
                .least = 1, .most = 256,
                .help = "How many tasks of any kind run on one host at once."},
        {"limits", "fleet_tasks", OPTION_NUMBER, offsetof(Config, limits.fleet_tasks), "256",
                .least = 1, .most = 65536,
                .help = "How many tasks run in the whole fleet at once."},
        {"schedule", "nightly", OPTION_BOOLEAN, offsetof(Config, nightly), "yes",
                .help = "Whether a new series is synchronised every night, at a minute between 1 "
                        "and 5 o'clock that its name decides. With 'no' its schedule begins "
                        "paused."},
        {"schedule", "zone", OPTION_TEXT, offsetof(Config, zone), NULL, .check = check_zone,
                .help = "The time zone of new schedules, such as Europe/Brussels. Without it, that "
                        "of this machine."},
        {0},
};

int config_next_port(const char *listen, char **ret, Error *error)
{
        uint64_t port;
        size_t host;
        int r = split(listen, &host, &port, error);

        if (r < 0)
                return r;
        // The last port has none after it; the one before serves as well.
        port = port == PORT_MAX ? port - 1 : port + 1;
        *ret = text_format("%.*s:%llu", (int)host, listen, (unsigned long long)port);
        return 0;
}

// As other hosts know it, if the resolver does.
static char *full_name(void)
{
        struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
        struct addrinfo *found = NULL;
        char name[256] = "localhost";
        char *full;

        (void)!gethostname(name, sizeof name - 1);
        if (getaddrinfo(name, NULL, &hints, &found) != 0)
                return text_copy(name);
        full = text_copy(found->ai_canonname ? found->ai_canonname : name);
        freeaddrinfo(found);
        return full;
}

char *config_advertised(const Config *config, const char *listen)
{
        bool everywhere = text_starts(listen, "0.0.0.0:") || text_starts(listen, "[::]:");
        _cleanup_free_ char *host = NULL;

        if (text_blank(config->advertise) && !everywhere)
                return text_copy(listen);
        host = text_blank(config->advertise) ? full_name() : text_copy(config->advertise);
        return text_format("%s%s", host, strrchr(listen, ':'));
}
