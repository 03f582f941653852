#include "agent/config.h"

#include <fnmatch.h>

#include "agent/identity.h"
#include "base/file.h"
#include "names.h"
#include "site/client.h"

static int check_command(const char *value, Error *error)
{
        if (value[0] == '/')
                return 0;
        error_set(error, -EINVAL, "configuration", "'%s' is no program this worker could allow",
                value);
        error_why(error, "it must be an absolute path, so that no PATH decides what runs");
        return -EINVAL;
}

static int check_path(const char *value, Error *error)
{
        if (value[0] == '/')
                return 0;
        error_set(error, -EINVAL, "configuration", "'%s' is no absolute path", value);
        error_why(error, "a scan looks where it is told, whatever its working directory");
        return -EINVAL;
}

static int check_admin(const char *value, Error *error)
{
        ClientAdmin admin _cleanup_admin_ = {0};

        return client_admin_parse(value, &admin, error);
}

// Python builds environments; the others are the database servers' own clients.
#define COMMANDS                                                                                   \
        "/usr/bin/python3 /usr/bin/psql /usr/bin/pg_dump /usr/bin/pg_restore /usr/bin/mariadb "    \
        "/usr/bin/mariadb-dump"

// What pip and Lino need to reach a package index or mirror from behind a proxy.
#define ENVIRONMENT                                                                                \
        "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy PIP_* SSL_CERT_FILE "     \
        "SSL_CERT_DIR REQUESTS_CA_BUNDLE"

#define CRON                                                                                       \
        "/etc/crontab /etc/cron.d /etc/crontab.d /etc/cron.hourly /etc/cron.daily "                \
        "/etc/cron.weekly /etc/cron.monthly /var/spool/cron/crontabs"

#define SCANNED(program, paths)                                                                    \
        {                                                                                          \
                "scan", #program, OPTION_LIST, offsetof(Config, policy.scan.program), (paths),     \
                        .check = check_path,                                                       \
                        .help = "Where a scan looks for what " #program                            \
                                " does: a file or a directory. One line for each."                 \
        }

#define HOSTING(member)    offsetof(Config, policy.hosting.member)
#define BACKUPS            "/var/backups/understudy"
#define SUPERVISOR_COMMAND "/usr/bin/supervisorctl -c /etc/supervisor/supervisord.conf"

const Option config_options[] = {
        {"controller", "address", OPTION_TEXT, offsetof(Config, address), NULL,
                .help = "Where the controller listens for its workers, as HOST:PORT. Written by "
                        "understudy-worker join."},
        {"controller", "report", OPTION_DURATION, offsetof(Config, report_seconds), "1 min",
                .least = 1, .most = 86400,
                .help = "How often the controller is told how much room the disks have."},
        {"policy", "root", OPTION_LIST, offsetof(Config, policy.roots), NULL,
                .check = name_check_root,
                .help = "A root directory whose sites this worker may touch; it holds the project "
                        "directories and the links prod and preview. One line for each."},
        {"policy", "user", OPTION_LIST, offsetof(Config, policy.users), NULL,
                .help = "A Unix user whose sites this worker serves. The code of a site runs as "
                        "the owner of its project directory. One line for each."},
        {"policy", "command", OPTION_LIST, offsetof(Config, policy.commands), COMMANDS,
                .check = check_command,
                .help = "A program that steps may start, beside those of a site's own Python "
                        "environment. One line for each."},
        {"policy", "environment", OPTION_LIST, offsetof(Config, policy.environment), ENVIRONMENT,
                .help = "A variable of the worker's own environment that pip and the code of "
                        "sites are given; * stands for any characters. One line for each."},
        {"policy", "clone_free_percent", OPTION_NUMBER, offsetof(Config, policy.clone_free_percent),
                "5", .least = 0, .most = 90,
                .help = "How much of a file system stays free when a site is cloned or "
                        "synchronised, in percent."},
        {"policy", "log_root", OPTION_PATH, offsetof(Config, policy.log_root), NULL,
                .help = "Parent of the log directories of new sites. Without it they lie beside "
                        "production's."},
        {"policy", "backups", OPTION_PATH, offsetof(Config, policy.backups), BACKUPS,
                .help = "Where the last backup of a site goes before it is retired: a directory of "
                        "its own for each, beneath one for its series. It must lie outside of all "
                        "roots."},
        {"postgresql", "admin", OPTION_TEXT, offsetof(Config, policy.postgresql.admin), NULL,
                .check = check_admin,
                .help = "How the PostgreSQL server is reached as its administrator: host=NAME (or "
                        "the absolute path of the socket's directory) port=NUMBER user=NAME. What "
                        "is not said is as psql has it when the Unix user postgres calls it."},
        {"postgresql", "password_file", OPTION_PATH,
                offsetof(Config, policy.postgresql.password_file), NULL,
                .help = "A file whose first line is that administrator's password; readable for "
                        "the worker's user alone."},
        {"mysql", "admin", OPTION_TEXT, offsetof(Config, policy.mysql.admin), NULL,
                .check = check_admin,
                .help = "The same for MariaDB: host=NAME (or the absolute path of the socket) "
                        "port=NUMBER user=NAME. What is not said is as mariadb has it when root "
                        "calls it."},
        {"mysql", "password_file", OPTION_PATH, offsetof(Config, policy.mysql.password_file), NULL,
                .help = "A file whose first line is that administrator's password; readable for "
                        "the worker's user alone."},
        {"limits", "tasks", OPTION_NUMBER, offsetof(Config, tasks), "16", .least = 1, .most = 256,
                .help = "How many tasks run at once. The controller's own limits come first."},
        {"limits", "nice", OPTION_NUMBER, offsetof(Config, nice), "0", .least = 0, .most = 19,
                .help = "Every task runs at least this nice; heavy ones are by themselves."},
        {"limits", "grace", OPTION_DURATION, offsetof(Config, grace_seconds), "30 s", .least = 1,
                .most = 3600,
                .help = "How long a task may take to end after it was canceled or its deadline is "
                        "over, before it is killed."},
        SCANNED(nginx, "/etc/nginx"),
        SCANNED(apache, "/etc/apache2"),
        SCANNED(supervisor, "/etc/supervisor"),
        SCANNED(systemd, "/etc/systemd/system"),
        SCANNED(cron, CRON),
        {"scan", "patience", OPTION_DURATION, offsetof(Config, policy.scan.patience_seconds),
                "30 s", .least = 1, .most = 600,
                .help = "How long a site may take to say who it is during a scan. One that takes "
                        "longer is ended and told as not answering."},
        {"supervisor", "command", OPTION_TEXT, HOSTING(supervisor.command), SUPERVISOR_COMMAND,
                .help = "How supervisor is spoken to: a program and its first arguments."},
        {"supervisor", "programs", OPTION_PATH, HOSTING(supervisor.programs),
                "/etc/supervisor/conf.d",
                .help = "Directory for the programs of sites; supervisor's configuration includes "
                        "*.conf of it."},
        {"systemd", "command", OPTION_TEXT, HOSTING(systemd.command), "/usr/bin/systemctl",
                .help = "How systemd is spoken to."},
        {"systemd", "units", OPTION_PATH, HOSTING(systemd.programs), "/etc/systemd/system",
                .help = "Directory for the units of sites."},
        {"command", "command", OPTION_TEXT, HOSTING(command.command), NULL,
                .help = "A program of yours that starts and stops sites. It is given 'status', "
                        "'start' or 'stop' and the name of a site's program; status ends with 0 "
                        "when that runs, with 3 when it does not."},
        {"nginx", "test", OPTION_TEXT, HOSTING(nginx.test), "/usr/sbin/nginx -t",
                .help = "Asks nginx whether its configuration would do."},
        {"nginx", "reload", OPTION_TEXT, HOSTING(nginx.reload), "/usr/sbin/nginx -s reload",
                .help = "Lets nginx take it."},
        {"nginx", "vhosts", OPTION_PATH, HOSTING(nginx.vhosts), "/etc/nginx/sites-enabled",
                .help = "Directory for the vhosts of series."},
        {"apache", "test", OPTION_TEXT, HOSTING(apache.test), "/usr/sbin/apache2ctl configtest",
                .help = "Asks Apache whether its configuration would do."},
        {"apache", "reload", OPTION_TEXT, HOSTING(apache.reload), "/usr/sbin/apache2ctl graceful",
                .help = "Lets Apache take it."},
        {"apache", "vhosts", OPTION_PATH, HOSTING(apache.vhosts), "/etc/apache2/sites-enabled",
                .help = "Directory for the vhosts of series."},
        {"serving", "templates", OPTION_PATH, HOSTING(templates), "/etc/understudy/templates",
                .help = "Directory of your own templates for vhosts and programs; one with the "
                        "name of ours comes in its place. It need not exist."},
        {0},
};

static bool name_matches(const char *pattern, const char *variable)
{
        _cleanup_free_ char *name = text_copy_n(variable, strcspn(variable, "="));

        return fnmatch(pattern, name, 0) == 0;
}

// Steps look variables up by name.
static void expand_environment(TextList *list)
{
        TextList expanded = {0};

        for (size_t i = 0; i < list->count; i++)
                for (char **variable = environ; *variable; variable++)
                        if (name_matches(list->items[i], *variable))
                                text_list_take(
                                        &expanded, text_copy_n(*variable, strcspn(*variable, "=")));
        text_list_clear(list);
        *list = expanded;
}

int config_read(const char *directory, Config *ret, Error *error)
{
        _cleanup_config_ Config config = {0};
        _cleanup_free_ char *resolved = NULL, *path = NULL;
        int r = file_resolve(directory, &resolved);

        path = text_format("%s/" CONFIG_FILE, resolved ? resolved : directory);
        if (r == 0)
                r = option_read(path, config_options, &config, error);
        else
                error_set(error, r, "configuration", "there is no worker in this directory");
        if (r == -ENOENT) {
                error_where(error, "%s", path);
                error_next(error, "Join a controller first, with the line that 'understudyctl "
                                  "host add NAME' prints.");
        }
        if (r < 0)
                return r;
        expand_environment(&config.policy.environment);
        config.directory = TAKE_PTR(resolved);
        config.policy.controller = identity_controller(config.directory);
        *ret = TAKE(config, (Config){0});
        return 0;
}

void config_clear(Config *config)
{
        option_clear(config_options, config);
        free(config->policy.controller);
        config->policy.controller = NULL;
        free(config->directory);
        config->directory = NULL;
}
