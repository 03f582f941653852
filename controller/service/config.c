#include "service/config.h"

#include <netdb.h>
#include <unistd.h>

#include "base/text.h"
#include "calendar/rule.h"
#include "calendar/window.h"

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

static int check_window(const char *value, Error *error)
{
        Window window;

        return window_parse(value, &window, error);
}

static int refuse_address(const char *value, const char *form, Error *error)
{
        error_set(error, -EINVAL, "configuration", "'%s' is no address for announcements", value);
        error_why(error, "it must be like %s", form);
        return -EINVAL;
}

static int check_smtp(const char *value, Error *error)
{
        if (text_starts(value, "smtp://") || text_starts(value, "smtps://"))
                return 0;
        return refuse_address(value, "smtp://localhost:25", error);
}

static int check_webhook(const char *value, Error *error)
{
        if (text_starts(value, "https://") || text_starts(value, "http://"))
                return 0;
        return refuse_address(value, "https://chat.example.com/hooks/lino", error);
}

static int check_mail(const char *value, Error *error)
{
        const char *at = strchr(value, '@');

        if (at && at > value && at[1] && strcspn(value, " \t<>,;\"") == strlen(value))
                return 0;
        return refuse_address(value, "operator@example.com, one a line", error);
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
        {"announce", "mail_to", OPTION_LIST, offsetof(Config, announce.mail_to), NULL,
                .check = check_mail,
                .help = "Who gets a mail when something happens that nobody watches: a nightly "
                        "synchronisation that failed, a host that is away. One line for each."},
        {"announce", "mail_from", OPTION_TEXT, offsetof(Config, announce.mail_from),
                "understudy@localhost", .check = check_mail, .help = "The sender of these mails."},
        {"announce", "smtp", OPTION_TEXT, offsetof(Config, announce.smtp), "smtp://localhost:25",
                .check = check_smtp, .help = "The mail server. Encrypted where it can be."},
        {"announce", "smtp_user", OPTION_TEXT, offsetof(Config, announce.smtp_user), NULL,
                .help = "The user to log in as; then the connection has to be encrypted."},
        {"announce", "smtp_password_file", OPTION_PATH,
                offsetof(Config, announce.smtp_password_file), NULL,
                .help = "A file whose first line is the password."},
        {"announce", "webhook", OPTION_TEXT, offsetof(Config, announce.webhook), NULL,
                .check = check_webhook,
                .help = "An address that announcements are posted to, as JSON."},
        {"announce", "webhook_secret_file", OPTION_PATH,
                offsetof(Config, announce.webhook_secret_file), NULL,
                .help = "A file whose first line is the secret that they are signed with: "
                        "X-Understudy-Signature is the HMAC-SHA-256 of the body."},
        {"announce", "command", OPTION_PATH, offsetof(Config, announce.command), NULL,
                .help = "A program that gets each announcement as JSON on its standard input."},
        {"announce", "quiet", OPTION_TEXT, offsetof(Config, announce.quiet), NULL,
                .check = check_window,
                .help = "The part of a day in which only what is urgent goes out, such as "
                        "20:00-07:00."},
        {"announce", "host_away", OPTION_DURATION, offsetof(Config, announce.away_seconds),
                "15 min", .most = 30 * 86400,
                .help = "How long a host may be away before that is announced; 0 for ever."},
        {"announce", "disk_short", OPTION_NUMBER, offsetof(Config, announce.disk_percent), "10",
                .most = 99,
                .help = "A disk of a host of which less than so many percent are free is "
                        "announced; 0 for never."},
        {"announce", "retry", OPTION_DURATION, offsetof(Config, announce.retry_seconds), "30 s",
                .least = 1, .most = 3600,
                .help = "How long to wait after the first try that failed; doubled with each "
                        "further one, up to 2 hours. After 12 tries it is given up."},
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
