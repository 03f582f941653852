#include "serve/manager.h"

#include <sys/wait.h>

#include "base/text.h"
#include "site/process.h"

#define PRINTED_MAX (64U << 10)

// What it says of a program. -EBADMSG: it cannot be understood.
typedef int (*ReadState)(const char *printed, int status, const char *program, ProgramState *ret);

// Words of commands, apart by a blank; %s is the program. Lists end with NULL.
struct ManagerKind {
        const char *name;
        size_t hosting;     // offset in Hosting
        const char *suffix; // of configuration files; NULL: it has none
        const char *status;
        const char *start, *stop;
        const char *forget; // that it failed; NULL: it forgets with the configuration file
        const char *added[3], *removing[2], *removed[2];
        ReadState read;
};

typedef struct StateWord {
        const char *word;
        ProgramState state;
} StateWord;

static int state_of(const StateWord *words, const char *text, size_t length, ProgramState *ret)
{
        for (; words->word; words++)
                if (strlen(words->word) == length && strncmp(words->word, text, length) == 0) {
                        *ret = words->state;
                        return 0;
                }
        return -EBADMSG;
}

// "anna-prod    RUNNING   pid 12, uptime 0:00:05", or "anna-prod: ERROR (no such process)".
static int read_supervisor(const char *printed, int status, const char *program, ProgramState *ret)
{
        static const StateWord words[] = {{"STOPPED", PROGRAM_STOPPED},
                {"STARTING", PROGRAM_STARTING}, {"RUNNING", PROGRAM_RUNNING},
                {"BACKOFF", PROGRAM_STARTING}, {"STOPPING", PROGRAM_STOPPING},
                {"EXITED", PROGRAM_FAILED}, {"FATAL", PROGRAM_FAILED}, {"UNKNOWN", PROGRAM_FAILED},
                {0}};
        size_t length = strlen(program);

        (void)status;
        if (strncmp(printed, program, length) != 0)
                return -EBADMSG;
        if (text_starts(printed + length, ": ERROR (no such"))
                *ret = PROGRAM_ABSENT;
        else {
                printed += length + strspn(printed + length, " ");
                return state_of(words, printed, strcspn(printed, " \n"), ret);
        }
        return 0;
}

// Value of a line NAME=value.
static const char *property(const char *printed, const char *name, size_t *ret_length)
{
        size_t length = strlen(name);

        for (const char *line = printed; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, name, length) == 0 && line[length] == '=') {
                        *ret_length = strcspn(line + length + 1, "\n");
                        return line + length + 1;
                }
        }
        return NULL;
}

static int read_systemd(const char *printed, int status, const char *program, ProgramState *ret)
{
        static const StateWord words[] = {{"active", PROGRAM_RUNNING},
                {"reloading", PROGRAM_RUNNING}, {"activating", PROGRAM_STARTING},
                {"deactivating", PROGRAM_STOPPING}, {"inactive", PROGRAM_STOPPED},
                {"failed", PROGRAM_FAILED}, {0}};
        size_t length = 0;
        const char *value = property(printed, "LoadState", &length);

        (void)program;
        if (status != 0 || !value)
                return -EBADMSG;
        if (strncmp(value, "not-found", length) == 0) {
                *ret = PROGRAM_ABSENT;
                return 0;
        }
        value = property(printed, "ActiveState", &length);
        return value ? state_of(words, value, length, ret) : -EBADMSG;
}

// As init scripts end, by LSB.
static int read_command(const char *printed, int status, const char *program, ProgramState *ret)
{
        static const ProgramState states[] = {
                PROGRAM_RUNNING, PROGRAM_STOPPED, PROGRAM_STOPPED, PROGRAM_STOPPED, PROGRAM_ABSENT};

        (void)printed;
        (void)program;
        if (!WIFEXITED(status) || (size_t)WEXITSTATUS(status) >= ELEMENTS(states))
                return -EBADMSG;
        *ret = states[WEXITSTATUS(status)];
        return 0;
}

static const ManagerKind kinds[] = {
        {.name = "supervisor",
                .hosting = offsetof(Hosting, supervisor),
                .suffix = ".conf",
                .status = "status %s",
                .start = "start %s",
                .stop = "stop %s",
                .added = {"update %s"},
                .removed = {"update %s"},
                .read = read_supervisor},
        {.name = "systemd",
                .hosting = offsetof(Hosting, systemd),
                .suffix = ".service",
                .status = "show --property=LoadState,ActiveState %s.service",
                .start = "start %s.service",
                .stop = "stop %s.service",
                .forget = "reset-failed %s.service",
                .added = {"daemon-reload", "enable --quiet %s.service"},
                .removing = {"disable --quiet %s.service"},
                .removed = {"daemon-reload"},
                .read = read_systemd},
        {.name = "command",
                .hosting = offsetof(Hosting, command),
                .status = "status %s",
                .start = "start %s",
                .stop = "stop %s",
                .read = read_command},
};

int manager_find(const Policy *policy, const char *name, Manager *ret, Error *error)
{
        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                const ManagerHosting *hosting =
                        (const void *)((const char *)&policy->hosting + kinds[i].hosting);

                if (!text_equal(kinds[i].name, name))
                        continue;
                *ret = (Manager){&kinds[i], hosting};
                if (!text_blank(hosting->command) && (!kinds[i].suffix || hosting->programs))
                        return 0;
                error_set(error, -ENOENT, "manager", "this host has no %s", name);
                error_why(error, "worker.conf does not say how it is spoken to");
                error_next(error, "Fill in its section [%s] and restart understudy-worker.", name);
                return -ENOENT;
        }
        error_set(error, -ENOENT, "manager", "there is no service manager '%s'", name);
        error_why(error, "they are supervisor, systemd and command");
        error_next(error, "Change it: understudyctl series set SERIES manager=supervisor");
        return -ENOENT;
}

char *manager_template(const Manager *manager, const char *server)
{
        return manager->kind->suffix ? text_format("service/%s-%s%s", manager->kind->name, server,
                                               manager->kind->suffix)
                                     : NULL;
}

char *manager_file(const Manager *manager, const char *program)
{
        return text_format("%s%s", program, manager->kind->suffix);
}

// ---- commands

static void add_words(TextList *list, const char *text)
{
        while (*(text += strspn(text, " "))) {
                size_t length = strcspn(text, " ");

                text_list_take(list, text_copy_n(text, length));
                text += length;
        }
}

typedef struct Printed {
        char *text;
        size_t size;
} Printed;

static int take_line(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        Printed *printed = userdata;

        (void)stream;
        if (printed->size + length + 2 > PRINTED_MAX)
                return 0;
        printed->text = memory_grow(printed->text, printed->size + length + 2);
        memcpy(printed->text + printed->size, line, length);
        printed->size += length;
        printed->text[printed->size++] = '\n';
        printed->text[printed->size] = '\0';
        return 0;
}

int manager_command(StepContext *context, const char *command, const char *more, char **ret_printed,
        int *ret_status, Error *error)
{
        _cleanup_text_list_ TextList words = {0};
        Printed printed = {text_copy(""), 0};
        ProcessResult result = {0};
        int r;

        add_words(&words, command);
        add_words(&words, more);
        r = process_run(context,
                &(ProcessSpec){.argv = (const char *const *)words.items,
                        .line = take_line,
                        .userdata = &printed},
                &result, error);
        free(result.tail);
        if (r < 0) {
                free(printed.text);
                return r;
        }
        *ret_printed = printed.text;
        *ret_status = result.status;
        return 0;
}

static int complain(const Manager *manager, const char *program, const char *command,
        const char *printed, int status, Error *error)
{
        _cleanup_free_ char *how = process_status_text(status);
        _cleanup_free_ char *said = text_to_utf8(printed, strcspn(printed, "\n"));

        error_set(error, -EIO, "manager", "%s did not do '%s'", manager->kind->name, command);
        error_where(error, "%s", program);
        error_why(error, "%s%s%s", how, *said ? ": " : "", said);
        error_next(error, "Try it by hand: %s %s", manager->hosting->command, command);
        return -EIO;
}

// `pattern` has at most one %s, the program.
static char *fill(const char *pattern, const char *program)
{
        const char *at = strstr(pattern, "%s");

        return at ? text_format("%.*s%s%s", (int)(at - pattern), pattern, program, at + 2)
                  : text_copy(pattern);
}

static int ask(StepContext *context, const Manager *manager, const char *pattern,
        const char *program, Error *error)
{
        _cleanup_free_ char *command = fill(pattern, program), *printed = NULL;
        int status = 0;
        int r = manager_command(
                context, manager->hosting->command, command, &printed, &status, error);

        if (r < 0 || status == 0)
                return r;
        return complain(manager, program, command, printed, status, error);
}

int manager_status(StepContext *context, const Manager *manager, const char *program,
        ProgramState *ret, Error *error)
{
        _cleanup_free_ char *command = fill(manager->kind->status, program), *printed = NULL;
        int status = 0;
        int r = manager_command(
                context, manager->hosting->command, command, &printed, &status, error);

        if (r < 0)
                return r;
        if (manager->kind->read(printed, status, program, ret) == 0)
                return 0;
        return complain(manager, program, command, printed, status, error);
}

static int ask_all(StepContext *context, const Manager *manager, const char *const *patterns,
        const char *program, Error *error)
{
        int r = 0;

        for (; *patterns && r == 0; patterns++)
                r = ask(context, manager, *patterns, program, error);
        return r;
}

int manager_added(StepContext *context, const Manager *manager, const char *program, Error *error)
{
        return ask_all(context, manager, manager->kind->added, program, error);
}

int manager_removing(
        StepContext *context, const Manager *manager, const char *program, Error *error)
{
        return ask_all(context, manager, manager->kind->removing, program, error);
}

int manager_removed(StepContext *context, const Manager *manager, const char *program, Error *error)
{
        return ask_all(context, manager, manager->kind->removed, program, error);
}

int manager_start(StepContext *context, const Manager *manager, const char *program, Error *error)
{
        return ask(context, manager, manager->kind->start, program, error);
}

int manager_stop(StepContext *context, const Manager *manager, const char *program,
        ProgramState state, Error *error)
{
        switch (state) {
        case PROGRAM_ABSENT:
        case PROGRAM_STOPPED:
                return 0;
        case PROGRAM_FAILED:
                return manager->kind->forget
                               ? ask(context, manager, manager->kind->forget, program, error)
                               : 0;
        default:
                return ask(context, manager, manager->kind->stop, program, error);
        }
}
