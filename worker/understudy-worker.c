// The worker of a host: does what the controller asks for, as far as its own configuration allows.
#include "agent/access.h"
#include "agent/agent.h"
#include "agent/join.h"
#include "agent/runner.h"
#include "base/command.h"
#include "names.h"

static int fail(const Error *error)
{
        _cleanup_free_ char *line = error_line(error);

        fprintf(stderr, "understudy-worker: %s\n", line);
        return COMMAND_FAILED;
}

// ---------------------------------------------------------------- run

static int run_daemon(const CommandLine *line)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_config_ Config config = {0};
        int r = config_read(command_value(line, "dir"), &config, &error);
        char *runner[] = {"understudy-worker", "run-task", "--dir", config.directory, NULL};

        if (r == 0)
                r = agent_run(&config, runner, &error);
        return r < 0 ? fail(&error) : COMMAND_OK;
}

static int run_task(const CommandLine *line)
{
        return runner_run(command_value(line, "dir"), command_value(line, "TASK"), step_ops);
}

// ---------------------------------------------------------------- check

// Each option with its value and its help, as in worker.conf.
static int check_config(const CommandLine *line)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_config_ Config config = {0};
        _cleanup_free_ char *text = NULL;

        if (config_read(command_value(line, "dir"), &config, &error) < 0)
                return fail(&error);
        text = option_render(config_options, &config);
        printf("# What %s/" CONFIG_FILE " says; lines with # have their default.\n"
               "# [policy] environment lists those of the variables that are set here and "
               "now.\n\n%s",
                config.directory, text);
        printf("\n# Access to database servers, tried now:\n");
        fflush(stdout);
        return access_try(&config, stdout, &error) < 0 ? fail(&error) : COMMAND_OK;
}

// ---------------------------------------------------------------- join

static void print_report(const JoinReport *report)
{
        printf("This host is %s now.\n", report->host);
        for (size_t i = 0; i < report->written.count; i++)
                printf("Wrote %s\n", report->written.items[i]);
        if (report->users.count > 0)
                printf("Serves the sites of:");
        for (size_t i = 0; i < report->users.count; i++)
                printf(" %s", report->users.items[i]);
        if (report->users.count > 0)
                printf("\n");
        for (size_t i = 0; i < report->warnings.count; i++)
                printf("Warning: %s.\n", report->warnings.items[i]);
        printf("Look through worker.conf: it has the last word over what the controller may ask "
               "for.\nNext: understudy-worker run --dir %s\n",
                report->directory);
}

static int check_path(const char *value, Error *error)
{
        if (value[0] == '/')
                return 0;
        error_set(error, -EINVAL, "usage", "'%s' is not absolute", value);
        error_next(error, "Give an absolute path, as /var/log/lino.");
        return -EINVAL;
}

static int join(const CommandLine *line)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_join_report_ JoinReport report = {0};
        JoinRequest request = {.directory = command_value(line, "dir"),
                .controller = command_value(line, "controller"),
                .token = command_value(line, "token"),
                .log_root = command_value(line, "log-root"),
                .log_place = "/var/log/lino"};

        request.roots = command_values(line, "root", &request.root_count);
        if (join_fleet(&request, &report, &error) < 0)
                return fail(&error);
        print_report(&report);
        return COMMAND_OK;
}

// ---------------------------------------------------------------- commands

static const CommandWord program_options[] = {
        {.name = "dir",
                .value = "DIR",
                .help = "The worker's own directory: configuration, identity, journal and tasks.",
                .environment = "UNDERSTUDY_DIR",
                .fallback = "/var/lib/understudy"},
        {0},
};

static const CommandWord join_options[] = {
        {.name = "controller",
                .value = "HOST:PORT",
                .flags = COMMAND_REQUIRED,
                .help = "Where the controller enrols workers."},
        {.name = "token",
                .value = "TOKEN",
                .flags = COMMAND_REQUIRED,
                .help = "The one-time token of the line that 'understudyctl host add NAME' prints. "
                        "It also tells the controller from anybody else."},
        {.name = "root",
                .value = "ROOT",
                .flags = COMMAND_REQUIRED | COMMAND_REPEATED,
                .check = name_check_root,
                .help = "A root directory whose sites this worker may touch: the one that holds "
                        "the project directories and the links prod and preview. May be given "
                        "many times."},
        {.name = "log-root",
                .value = "DIR",
                .check = check_path,
                .help = "Where the log directories of previews are made, as root, when production "
                        "logs to a directory there. Default: /var/log/lino, where getlino has "
                        "them, "
                        "if that is there and is root's."},
        {0},
};

static const CommandNote join_examples[] = {
        {"understudy-worker join --controller control.example.org:7701 --token TOKEN --root "
         "/usr/local/lino/lino_local",
                "Joins with one root directory."},
        {0},
};

static const CommandWord task_positionals[] = {
        {.name = "TASK",
                .flags = COMMAND_OPTIONAL,
                .help = "Directory of the task. Without it, an order is awaited on standard "
                        "input."},
        {0},
};

static const Command commands[] = {
        {.name = "run",
                .summary = "serve the controller",
                .description =
                        "Keeps a connection to the controller and does the tasks it sends. Stays "
                        "in the foreground and logs to standard error.\n\n"
                        "SIGTERM or SIGINT end it. Tasks under way go on without it: each has a "
                        "process of its own, which the next understudy-worker finds again.",
                .run = run_daemon},
        {.name = "join",
                .summary = "make this host a worker of a controller",
                .description =
                        "Makes a key here, has the controller sign it, and writes the identity and "
                        "worker.conf with the given roots. The owners of the project directories "
                        "found in the roots (those with a manage.py) become the users whose sites "
                        "it serves.\n\n"
                        "An identity that is there is never overwritten.",
                .options = join_options,
                .examples = join_examples,
                .run = join},
        {.name = "check",
                .summary = "explain the configuration",
                .description =
                        "Reads worker.conf as the daemon does and prints what holds, option by "
                        "option with its meaning. Fails with file and line of what is wrong. Then "
                        "tries to reach each kind of database server as its administrator; fails "
                        "if one that worker.conf names cannot be reached.",
                .run = check_config},
        {.name = "run-task",
                .summary = "do one task",
                .positionals = task_positionals,
                .run = run_task,
                .hidden = true},
        {0},
};

static const CommandNote statuses[] = {
        {"0", "Done."},
        {"1", "It failed; standard error says why and what to do."},
        {"2", "The command line is wrong."},
        {0},
};

static const Command understudy_worker = {
        .name = "understudy-worker",
        .summary = "do what Understudy's controller asks for on this host",
        .description =
                "A worker holds one host's sites. It accepts tasks from its controller only, and "
                "only what its own worker.conf allows: root directories, users, programs. The code "
                "of a site runs as the owner of its project directory.",
        .options = program_options,
        .commands = commands,
        .statuses = statuses,
};

int main(int argc, char **argv)
{
        return command_main(&understudy_worker, argc, argv);
}
