// The controller: makes its directory, or serves it.
#include <signal.h>

#include "api/server.h"
#include "base/command.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/text.h"
#include "service/config.h"
#include "service/init.h"
#include "service/service.h"

static int fail(const Error *error)
{
        _cleanup_free_ char *line = error_line(error);

        fprintf(stderr, "understudy-controller: %s\n", line);
        return COMMAND_FAILED;
}

static int run_init(const CommandLine *line)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        const char *directory = command_value(line, "dir");

        if (init_directory(directory, command_value(line, "listen"), &error) < 0)
                return fail(&error);
        printf("A controller was made in %s. Start it:\n  understudy-controller run --dir %s\n",
                directory, directory);
        return COMMAND_OK;
}

static void on_signal(evutil_socket_t number, short what, void *userdata)
{
        (void)what;
        log_info("ending signal=%d", (int)number);
        notify_send("STOPPING=1");
        event_base_loopbreak(userdata);
}

// Loops until SIGTERM or SIGINT; what is open in a turn then is not committed, and comes again.
static int loop(struct event_base *base, Error *error)
{
        struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
        struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
        int r = -ENOMEM;

        if (term && interrupt && event_add(term, NULL) == 0 && event_add(interrupt, NULL) == 0) {
                notify_send("READY=1");
                r = event_base_dispatch(base) < 0 ? -EIO : 0;
        }
        if (r < 0)
                error_set(error, r, "internal", "the event loop cannot run");
        if (term)
                event_free(term);
        if (interrupt)
                event_free(interrupt);
        return r;
}

static int serve(struct event_base *base, const char *directory, Error *error)
{
        _cleanup_free_ char *socket = text_format("%s/api.socket", directory);
        _cleanup_(service_freep) Service *service = NULL;
        _cleanup_(api_freep) Api *api = NULL;
        int r = service_new(base, directory, &service, error);

        if (r == 0)
                r = api_start(base, socket, service_controller(service), operations, &api_limits,
                        &api, error);
        return r ?: loop(base, error);
}

static int run_run(const CommandLine *line)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        struct event_base *base = event_base_new();
        int r;

        if (!base)
                return COMMAND_FAILED;
        signal(SIGPIPE, SIG_IGN);
        r = serve(base, command_value(line, "dir"), &error);
        event_base_free(base);
        return r < 0 ? fail(&error) : COMMAND_OK;
}

#define DIRECTORY_OPTION                                                                           \
        {                                                                                          \
                "dir", "DIR",                                                                      \
                        "The controller's directory: certificates, database, configuration and "   \
                        "the socket that understudyctl talks to.",                                 \
                        0, "UNDERSTUDY_DIR", "/var/lib/understudy", NULL                           \
        }

static const CommandWord init_options[] = {
        DIRECTORY_OPTION,
        {"listen", "HOST:PORT",
                "Where workers will connect to. Hosts join on the port after it. Both can be "
                "changed later in controller.conf.",
                0, NULL, CONFIG_DEFAULT_LISTEN, NULL},
        {0},
};

static const CommandWord run_options[] = {DIRECTORY_OPTION, {0}};

static const CommandNote statuses[] = {
        {"0", "Done; of run: ended by SIGTERM or SIGINT."},
        {"1", "It failed, or was refused; standard error says why and what to do."},
        {"2", "The command line is wrong."},
        {0},
};

static const Command commands[] = {
        {
                .name = "init",
                .summary = "make a controller's directory",
                .description =
                        "Makes a certificate authority of its own, the controller's certificate, "
                        "an empty database and controller.conf. Refuses a directory in which a "
                        "controller was made before.",
                .options = init_options,
                .examples = (const CommandNote[]){{"understudy-controller init --dir "
                                                   "/var/lib/understudy --listen 192.0.2.7:7700",
                                                          "A controller on one address."},
                        {0}},
                .run = run_init,
        },
        {
                .name = "run",
                .summary = "serve workers and understudyctl",
                .description =
                        "Serves until SIGTERM or SIGINT. It may be killed and started again at "
                        "any time: jobs go on where they were. Tells systemd when it is ready.",
                .options = run_options,
                .run = run_run,
        },
        {0},
};

int main(int argc, char **argv)
{
        static const Command program = {
                .name = "understudy-controller",
                .summary = "the controller of a fleet of Lino sites",
                .description =
                        "Keeps the fleet's series and sites in one database, plans what operators "
                        "ask for as jobs, and has them done by the workers on the hosts.",
                .commands = commands,
                .statuses = statuses,
        };

        return command_main(&program, argc, argv);
}
