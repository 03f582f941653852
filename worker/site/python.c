#include "site/python.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/file.h"
#include "site/warm.h"

#define FDS_MAX    8
#define SHARED_MAX 16
#define SHARED     "shared/"

typedef struct Answers {
        StepContext *context;
        ProcessLine line;
        void *userdata;
        uint32_t limit_ms; // 0: the task's deadline
        json_t *result;
} Answers;

static void answers_clear(Answers *answers)
{
        json_decref(answers->result);
}

static void show_progress(StepContext *context, const char *text, size_t length)
{
        json_t *root = json_loadb(text, length, 0, NULL);
        const char *unit = NULL, *note = "";
        json_int_t done = 0, total = 0, done_bytes = 0, total_bytes = 0;
        const ProtobufCEnumValue *value;

        if (json_unpack(root, "{s:s, s:I, s?I, s?s, s?I, s?I}", "unit", &unit, "done", &done,
                    "total", &total, "note", &note, "done_bytes", &done_bytes, "total_bytes",
                    &total_bytes) == 0) {
                value = protobuf_c_enum_descriptor_get_value_by_name(
                        &fleet__unit__descriptor, unit);
                if (value)
                        step_progress_bytes(context, (Fleet__Unit)value->value, (uint64_t)done,
                                (uint64_t)total, (uint64_t)done_bytes, (uint64_t)total_bytes, note);
        }
        json_decref(root);
}

static int take_line(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        static const char result[] = "RESULT ", progress[] = "PROGRESS ";
        Answers *answers = userdata;
        bool own = stream == FLEET__LOG_LINE__STREAM__OUTPUT;

        if (own && text_starts(line, result)) {
                json_t *value = json_loadb(line + sizeof(result) - 1, length - sizeof(result) + 1,
                        JSON_DECODE_ANY, NULL);

                json_decref(answers->result);
                answers->result = value;
                return 0;
        }
        if (own && text_starts(line, progress)) {
                show_progress(answers->context, line + sizeof(progress) - 1,
                        length - sizeof(progress) + 1);
                return 0;
        }
        return answers->line ? answers->line(answers->userdata, stream, line, length) : 1;
}

// A sealed, read-only copy of a helper's source, which the site's owner can read through
// /proc/self/fd.
static int open_source(const PythonSource *source)
{
        _cleanup_close_ int fd = memfd_create(source->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r;

        if (fd < 0)
                return -errno;
        r = file_write_all(fd, source->text, source->size);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0 ||
                fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
                        0)
                return -errno;
        return TAKE_FD(fd);
}

// What a person needs of a traceback: the exception, which is what follows its last indented line.
static char *exception_text(const char *tail)
{
        const char *start = tail;

        for (const char *line = tail; line; line = strchr(line, '\n')) {
                if (*line == '\n')
                        line++;
                if (*line == ' ' && strchr(line, '\n'))
                        start = strchr(line, '\n') + 1;
        }
        return text_copy(*start ? start : tail);
}

static int check_answer(const SiteDir *site, const char *name, const ProcessResult *process,
        json_t *result, Error *error)
{
        _cleanup_free_ char *exception = NULL, *status = NULL;

        if (process->status == 0 && result)
                return 0;
        status = process_status_text(process->status);
        exception = exception_text(process->tail ? process->tail : "");
        error_set(error, -EIO, "site-code", "the site's own code failed (%s)", name);
        error_where(error, "%s", site->path);
        error_why(error, "%s%s%s", process->status ? status : "it ended without an answer",
                *exception ? ": " : "", exception);
        error_next(error, "Try the site by hand: cd '%s' && env/bin/python manage.py check",
                site->path);
        return -EIO;
}

static void python_environment(const Policy *policy, const SiteDir *site, TextList *ret)
{
        process_environment(policy, &site->owner, ret);
        // A site's files stay as they are, and Lino says what the worker reads.
        text_list_add(ret, "PYTHONDONTWRITEBYTECODE=1");
        text_list_add(ret, "PYTHONNOUSERSITE=1");
        text_list_add(ret, "PYTHONUNBUFFERED=1");
        text_list_add(ret, "LINO_LOGLEVEL=INFO");
}

static int find_source(const char *name)
{
        for (const PythonSource *source = python_sources; source->name; source++)
                if (text_equal(source->name, name))
                        return open_source(source);
        return -ENOENT;
}

// What the process gets: the helper's descriptors first, for they have fixed numbers; the way in;
// the helper; the modules, which `arguments` names.
typedef struct Sources {
        int fds[FDS_MAX + 4 + SHARED_MAX];
        size_t given, count;
        TextList arguments;
} Sources;

static void sources_close(Sources *sources)
{
        for (size_t i = sources->given; i < sources->count; i++)
                close(sources->fds[i]);
        text_list_clear(&sources->arguments);
}

static int sources_add(Sources *sources, int take_fd)
{
        if (take_fd >= 0)
                sources->fds[sources->count++] = take_fd;
        return take_fd;
}

static int sources_open(Sources *sources, const char *name, const int *fds, size_t fd_count)
{
        int r;

        if (fd_count > FDS_MAX)
                return -EINVAL;
        if (fd_count > 0)
                memcpy(sources->fds, fds, fd_count * sizeof(*fds));
        sources->given = sources->count = fd_count;
        r = sources_add(sources, find_source("main"));
        if (r >= 0)
                r = sources_add(sources, find_source(name));
        for (const PythonSource *source = python_sources; r >= 0 && source->name; source++) {
                _cleanup_free_ char *argument = NULL;

                if (!text_starts(source->name, SHARED))
                        continue;
                if (sources->count == ELEMENTS(sources->fds))
                        return -E2BIG;
                argument = text_format("%s=%zu", source->name + strlen(SHARED), 3 + sources->count);
                text_list_add(&sources->arguments, argument);
                r = sources_add(sources, open_source(source));
        }
        return r < 0 ? r : 0;
}

static void make_arguments(
        const SiteDir *site, const char *name, const Sources *sources, TextList *ret)
{
        _cleanup_free_ char *python = text_format("%s/env/bin/python", site->path),
                            *script = text_format("/proc/self/fd/%zu", 3 + sources->given),
                            *source = text_format("%zu", 4 + sources->given);

        text_list_add(ret, python);
        text_list_add(ret, script);
        text_list_add(ret, name);
        text_list_add(ret, source);
        for (size_t i = 0; i < sources->arguments.count; i++)
                text_list_add(ret, sources->arguments.items[i]);
}

// In a started site: warm_begin.py in the place of the helper's process, behind its descriptors.
static int begin_warm(const SiteDir *site, Sources *sources, TextList *arguments)
{
        _cleanup_close_ int connection = warm_connect(site);
        TextList own _cleanup_text_list_ = {0};
        int r;

        if (connection < 0 || sources->count + 2 > ELEMENTS(sources->fds))
                return connection < 0 ? connection : -E2BIG;
        r = sources_add(sources, find_source("warm_begin"));
        if (r < 0)
                return r;
        text_list_add(&own, arguments->items[0]);
        text_list_add(&own, "-I");
        text_list_add(&own, "-S");
        text_list_take(&own, text_format("/proc/self/fd/%zu", 2 + sources->count));
        text_list_take(&own, text_format("%zu", 3 + sources->count));
        sources_add(sources, TAKE_FD(connection));
        for (size_t i = 1; i < arguments->count; i++)
                text_list_add(&own, arguments->items[i]);
        text_list_clear(arguments);
        *arguments = TAKE(own, (TextList){0});
        return 0;
}

// 1: it was to begin in a started site, and has not.
static int run_once(StepContext *context, const SiteDir *site, const char *name, const char *input,
        Answers *answers, const int *fds, size_t fd_count, bool warm, Error *error)
{
        Sources sources _cleanup_(sources_close) = {0};
        TextList arguments _cleanup_text_list_ = {0}, environment _cleanup_text_list_ = {0};
        ProcessResult result = {0};
        int r = sources_open(&sources, name, fds, fd_count);

        if (r < 0)
                return error_set(error, r, "helper", "cannot prepare the helper '%s'", name);
        make_arguments(site, name, &sources, &arguments);
        if (warm && begin_warm(site, &sources, &arguments) < 0)
                return 1;
        python_environment(step_policy(context), site, &environment);
        const ProcessSpec spec = {
                .argv = (const char *const *)arguments.items,
                .directory = site->path,
                .account = &site->owner,
                .environment = (const char *const *)environment.items,
                .input = input,
                .input_size = strlen(input),
                .fds = sources.fds,
                .fd_count = sources.count,
                .line = take_line,
                .userdata = answers,
                .limit_ms = answers->limit_ms,
        };
        r = process_run(context, &spec, &result, error);
        if (r == 0 && warm && WIFEXITED(result.status) &&
                WEXITSTATUS(result.status) == WARM_NOT_BEGUN)
                r = 1;
        else if (r == 0)
                r = check_answer(site, name, &result, answers->result, error);
        free(result.tail);
        return r;
}

static int run_helper(StepContext *context, const SiteDir *site, const char *name, json_t *request,
        Answers *answers, const int *fds, size_t fd_count, Error *error)
{
        _cleanup_free_ char *input = json_dumps(request, JSON_ENCODE_ANY);
        int r = 1;

        if (!input)
                return error_set(error, -EINVAL, "helper", "cannot ask the helper '%s'", name);
        if (warm_suits(name))
                r = run_once(context, site, name, input, answers, fds, fd_count, true, error);
        if (r == 1)
                r = run_once(context, site, name, input, answers, fds, fd_count, false, error);
        return r;
}

int python_run(StepContext *context, const SiteDir *site, const char *name, json_t *request,
        ProcessLine line, void *userdata, const int *fds, size_t fd_count, json_t **ret_result,
        Error *error)
{
        Answers answers _cleanup_(answers_clear) = {
                .context = context, .line = line, .userdata = userdata};
        int r = run_helper(context, site, name, request, &answers, fds, fd_count, error);

        if (r < 0)
                return r;
        *ret_result = TAKE_PTR(answers.result);
        return 0;
}

static int drop_line(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        (void)userdata;
        (void)stream;
        (void)line;
        (void)length;
        return 0;
}

int python_ask(StepContext *context, const SiteDir *site, const char *name, json_t *request,
        uint32_t limit_ms, json_t **ret_result, Error *error)
{
        Answers answers _cleanup_(answers_clear) = {
                .context = context, .line = drop_line, .limit_ms = limit_ms};
        int r = run_helper(context, site, name, request, &answers, NULL, 0, error);

        if (r < 0)
                return r;
        *ret_result = TAKE_PTR(answers.result);
        return 0;
}
