#include "agent/access.h"

#include <sys/eventfd.h>

#include "base/file.h"
#include "site/database.h"
#include "step/context.h"

// What a step has while it runs, in a directory of its own.
typedef struct Scratch {
        char directory[32];
        int cancel_fd;
        bool deadline_over;
        StepContext *context;
} Scratch;

static void scratch_clear(Scratch *scratch)
{
        static const char *const names[] = {"task", "events", "work", ""};

        if (scratch->context)
                context_free(scratch->context);
        closep(&scratch->cancel_fd);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_free_ char *path = text_format("%s/%s", scratch->directory, names[i]);

                (void)!remove(path);
        }
}

static int scratch_open(const Policy *policy, Scratch *scratch, Error *error)
{
        Fleet__Task task = FLEET__TASK__INIT;
        Fleet__EchoArguments echo = FLEET__ECHO_ARGUMENTS__INIT;
        _cleanup_free_ char *path = NULL;
        uint8_t packed[256];
        int r;

        if (!mkdtemp(scratch->directory))
                return error_set(error, -errno, "directory", "cannot make a directory in /tmp");
        task.id = "0.check.1";
        task.series = "check";
        task.arguments_case = FLEET__TASK__ARGUMENTS_ECHO;
        task.echo = &echo;
        path = text_format("%s/task", scratch->directory);
        r = file_write(path, packed, fleet__task__pack(&task, packed), 0600);
        if (r < 0)
                return error_set(error, r, "directory", "cannot write to /tmp");
        scratch->cancel_fd = eventfd(0, EFD_CLOEXEC);
        return context_open(scratch->directory, policy, scratch->cancel_fd, &scratch->deadline_over,
                &scratch->context, error);
}

static int try_one(const Scratch *scratch, const char *kind, const char *name, bool configured,
        FILE *out, Error *error)
{
        Error why _cleanup_error_ = ERROR_EMPTY;
        _cleanup_message_ ProtobufCMessage *message = message_new(&fleet__database__descriptor);
        Fleet__Database *database = (Fleet__Database *)message;
        _cleanup_free_ char *line = NULL;
        const DatabaseEngine *engine;
        int r;

        database->engine = text_copy(kind);
        database->name = text_copy(name);
        r = database_engine(database, &engine, &why);
        if (r == 0)
                r = engine->identify(scratch->context, NULL, database, &why);
        if (r == 0) {
                fprintf(out, "# [%s]: its administrator is let in.\n", kind);
                return 0;
        }
        line = error_line(&why);
        for (char *at = line; *at; at++)
                if (*at == '\n')
                        *at = ' ';
        fprintf(out, "# [%s]: no access%s: %s\n", kind,
                configured ? "" : "; sites on such a server cannot be served", line);
        if (!configured)
                return 0;
        error_move(error, &why);
        return -EIO;
}

int access_try(const Config *config, FILE *out, Error *error)
{
        const struct {
                const char *kind, *name;
                const ServerAccess *access;
        } servers[] = {{"postgresql", "postgres", &config->policy.postgresql},
                {"mysql", "mysql", &config->policy.mysql}};
        Scratch scratch _cleanup_(scratch_clear) = {
                .directory = "/tmp/understudy-check-XXXXXX", .cancel_fd = -EBADF};
        int result = 0, r = scratch_open(&config->policy, &scratch, error);

        for (size_t i = 0; r == 0 && i < ELEMENTS(servers); i++) {
                const ServerAccess *access = servers[i].access;

                if (try_one(&scratch, servers[i].kind, servers[i].name,
                            access->admin || access->password_file, out, error) < 0)
                        result = -EIO;
        }
        return r < 0 ? r : result;
}
