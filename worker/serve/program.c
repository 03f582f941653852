#include "serve/program.h"

#include "base/clock.h"
#include "base/file.h"
#include "serve/marked.h"
#include "serve/visit.h"
#include "site/site_file.h"

#define PAUSE_MS 25

typedef struct Work {
        StepContext *context;
        const Fleet__Serving *serving;
        const SiteDir *site;
        const Fleet__Program *program;
        Manager manager;
        char *name, *file, *socket, *mark;
        char *text; // of its configuration as it is; NULL: there is none
        ProgramState state;
} Work;

static void work_clear(Work *work)
{
        free(work->name);
        free(work->file);
        free(work->socket);
        free(work->mark);
        free(work->text);
}

static int work_open(Work *work, Error *error)
{
        int r = manager_find(step_policy(work->context), work->serving->manager, &work->manager,
                        error)
                        ?: serving_program(work->serving, work->program, &work->name, error)
                        ?: serving_socket(work->site, work->program->role, &work->socket, error);

        if (r < 0 || !work->manager.hosting->programs)
                return r;
        work->mark = serving_mark(work->serving);
        work->file = manager_file(&work->manager, work->name);
        return marked_read(
                work->manager.hosting->programs, work->file, work->mark, &work->text, error);
}

static int look(Work *work, Error *error)
{
        return manager_status(work->context, &work->manager, work->name, &work->state, error);
}

// ---- up

static int wanted_text(Work *work, char **ret, Error *error)
{
        TemplateWords words _cleanup_words_ = {0};
        const char *server = work->program->linod ? "linod" : work->serving->server;
        _cleanup_free_ char *name = manager_template(&work->manager, server);
        _cleanup_free_ char *template = NULL, *text = NULL;
        int r;

        *ret = NULL;
        if (!name)
                return 0;
        r = serving_program_words(work->serving, work->program, work->site, &words, error)
                    ?: template_read(step_policy(work->context), name, &template, error)
                    ?: template_fill(name, template, &words, &text, error);
        if (r == 0)
                *ret = text_format("%s%s", work->mark, text);
        return r;
}

// A program that runs by another configuration is stopped before that is replaced: a killed run
// finds it stopped, and starts it by the new one.
static int configure(Work *work, bool *ret_changed, Error *error)
{
        _cleanup_free_ char *text = NULL;
        int r = wanted_text(work, &text, error);

        if (r < 0 || !text || text_equal(text, work->text))
                return r;
        *ret_changed = true;
        return manager_stop(work->context, &work->manager, work->name, work->state, error)
                       ?: marked_write(work->manager.hosting->programs, work->file, text, error);
}

// ---- whose it is

static char *note_name(const Fleet__Program *program, const char *what)
{
        return text_format(".%s.%s", program->linod ? "linod" : program->role, what);
}

static int write_note(
        const Work *work, int directory, const char *name, const char *job, Error *error)
{
        int r = file_write_at(directory, name, job, strlen(job), 0644);

        if (r < 0) {
                error_set(error, r, "serving", "cannot write into the directory of sockets");
                error_where(error, "%s/%s", work->site->path, SERVING_DIRECTORY);
        }
        return r;
}

// A program that was there before stays when the job is taken back.
static int note_made(const Work *work, int directory, const char *job, Error *error)
{
        _cleanup_free_ char *name = note_name(work->program, "job");
        bool there =
                work->text || work->state == PROGRAM_RUNNING || work->state == PROGRAM_STARTING;

        return there ? 0 : write_note(work, directory, name, job, error);
}

static bool says(
        const SiteDir *site, const Fleet__Program *program, const char *what, const char *job)
{
        _cleanup_free_ char *name = note_name(program, what), *text = NULL;
        _cleanup_free_ char *path = text_format("%s/%s", SERVING_DIRECTORY, name);

        return site_file_read(site->fd, path, 64, &text, NULL, NULL) == 0 && text_equal(text, job);
}

bool program_is_of(const SiteDir *site, const Fleet__Program *program, const char *job)
{
        return says(site, program, "job", job);
}

// A manager that does not answer is told by whoever stops the program.
int program_note_running(StepContext *context, const Fleet__Serving *serving, const SiteDir *site,
        const Fleet__Program *program, const char *job, Error *error)
{
        Work work _cleanup_(work_clear) = {
                .context = context, .serving = serving, .site = site, .program = program};
        _cleanup_close_ int directory = -EBADF;
        _cleanup_free_ char *name = note_name(program, "stopped");
        int r = work_open(&work, error);

        if (r < 0)
                return r;
        if (manager_status(context, &work.manager, work.name, &work.state, NULL) < 0 ||
                (work.state != PROGRAM_RUNNING && work.state != PROGRAM_STARTING))
                return 0;
        return serving_directory(site, &directory, error)
                       ?: write_note(&work, directory, name, job, error);
}

bool program_was_running(const SiteDir *site, const Fleet__Program *program, const char *job)
{
        return says(site, program, "stopped", job);
}

// ---- is it well?

static int unwell(const Work *work, const char *why, Error *error)
{
        error_set(error, -EIO, "health", "%s does not answer as it should", work->name);
        error_where(error, "%s", work->socket);
        error_why(error, "%s", why);
        error_next(error, "Read the end of %s/%s/%s.log", work->site->path, SERVING_DIRECTORY,
                work->program->role);
        return -EIO;
}

static int judge(const Work *work, const Visit *request, const VisitAnswer *answer, Error *error)
{
        _cleanup_free_ char *expected = text_format("%s %s", work->site->name, work->program->role);
        _cleanup_free_ char *why = NULL;

        if (answer->status >= 400)
                why = text_format("to %s for host %s it answers with status %ld", request->path,
                        request->host, answer->status);
        else if (!answer->site)
                why = text_format("it does not say which site it is: its application is not "
                                  "this project directory's, or settings.py has lost its last "
                                  "line");
        else if (!text_equal(answer->site, expected))
                why = text_format(
                        "it says that it is '%s', and should be '%s'", answer->site, expected);
        return why ? unwell(work, why, error) : 0;
}

// Nobody listens yet: has it ended?
static int check_alive(Work *work, Error *error)
{
        int r = look(work, error);

        if (r < 0 || work->state == PROGRAM_RUNNING || work->state == PROGRAM_STARTING)
                return r;
        return unwell(work, "it has ended", error);
}

static int wait_until_well(Work *work, Error *error)
{
        const char *path = work->serving->health_path;
        Visit request = {
                .socket = work->socket,
                .host = serving_front(work->serving, work->program->role)->hosts[0],
                .path = text_blank(path) ? "/" : path,
        };
        int64_t end = clock_monotonic_us() + work->serving->health_seconds * US_PER_SECOND;

        for (int64_t looks = 1;; looks++) {
                VisitAnswer answer _cleanup_answer_ = {0};
                int64_t left = (end - clock_monotonic_us()) / US_PER_MS;
                int r;

                request.timeout_ms = left > 0 ? (uint32_t)left : 1;
                r = visit(work->context, &request, &answer, error);
                if (r < 0)
                        return r;
                if (answer.status)
                        return judge(work, &request, &answer, error);
                left = (end - clock_monotonic_us()) / US_PER_MS;
                if (left <= 0) {
                        _cleanup_free_ char *why = text_format("no answer within %u s (%s)",
                                work->serving->health_seconds, answer.why);

                        return unwell(work, why, error);
                }
                if (looks % 40 == 0)
                        r = check_alive(work, error);
                r = r ?: visit_pause(work->context, PAUSE_MS, error);
                if (r < 0)
                        return r;
        }
}

// The manager knows the configuration; sees that it runs.
static int start(Work *work, Error *error)
{
        int r = manager_added(work->context, &work->manager, work->name, error)
                        ?: look(work, error);

        if (r < 0 || work->state == PROGRAM_RUNNING || work->state == PROGRAM_STARTING)
                return r;
        return manager_start(work->context, &work->manager, work->name, error);
}

// What ran by another configuration runs by that again.
static void put_back(Work *work, Error *error)
{
        _cleanup_error_ Error second = ERROR_EMPTY;
        int r = look(work, &second)
                        ?: manager_stop(work->context, &work->manager, work->name, work->state,
                                   &second)
                        ?: marked_write(work->manager.hosting->programs, work->file, work->text,
                                   &second)
                        ?: start(work, &second);

        if (r < 0) {
                _cleanup_free_ char *line = error_line(&second);

                error_next(error, "What it ran by before could not be put back: %s", line);
        }
}

int program_up(StepContext *context, const Fleet__Serving *serving, const SiteDir *site,
        const Fleet__Program *program, const char *job, bool unasked, Error *error)
{
        Work work _cleanup_(work_clear) = {
                .context = context, .serving = serving, .site = site, .program = program};
        _cleanup_close_ int directory = -EBADF;
        bool changed = false;
        int r = work_open(&work, error)
                        ?: serving_directory(site, &directory, error)
                        ?: look(&work, error)
                        ?: note_made(&work, directory, job, error)
                        ?: configure(&work, &changed, error)
                        ?: start(&work, error);

        if (r == 0 && !program->linod && !unasked)
                r = wait_until_well(&work, error);
        if (r < 0 && changed && work.text && !step_canceled(context))
                put_back(&work, error);
        return r;
}

// ---- down

// The links lead elsewhere by now: who is connected still came before.
static int drain(const Work *work, Error *error)
{
        int64_t end = clock_monotonic_us() + work->serving->drain_seconds * US_PER_SECOND;
        unsigned connections, idle = 0;
        pid_t listener;
        int r = visit_listener(work->socket, &listener);

        while (r == 0 && idle < 2 && clock_monotonic_us() < end) {
                r = visit_pause(work->context, PAUSE_MS, error);
                if (r < 0)
                        return r;
                r = visit_connections(listener, work->socket, &connections);
                idle = r == 0 && connections == 0 ? idle + 1 : 0;
        }
        if (r == 0 && idle < 2)
                step_note(work->context, "%s still had requests after %u s.", work->name,
                        work->serving->drain_seconds);
        return 0;
}

static int remove_socket(const Work *work, Error *error)
{
        _cleanup_close_ int directory = -EBADF;
        _cleanup_free_ char *name = text_format("%s.sock", work->program->role);
        int r = serving_directory(work->site, &directory, error);

        if (r == 0 && unlinkat(directory, name, 0) < 0 && errno != ENOENT) {
                r = error_set(
                        error, -errno, "serving", "cannot remove the socket of %s", work->name);
                error_where(error, "%s", work->socket);
        }
        return r;
}

static int unconfigure(Work *work, Error *error)
{
        if (!work->file)
                return 0;
        if (work->text) {
                int r = manager_removing(work->context, &work->manager, work->name, error)
                                ?: marked_remove(
                                           work->manager.hosting->programs, work->file, error);
                if (r < 0)
                        return r;
        }
        return work->text || work->state != PROGRAM_ABSENT
                       ? manager_removed(work->context, &work->manager, work->name, error)
                       : 0;
}

int program_down(StepContext *context, const Fleet__Serving *serving, const SiteDir *site,
        const Fleet__Program *program, Error *error)
{
        Work work _cleanup_(work_clear) = {
                .context = context, .serving = serving, .site = site, .program = program};
        int r = work_open(&work, error);

        if (r < 0)
                return r;
        r = look(&work, error);
        // A manager that is down runs nothing that was never written for it.
        if (r < 0 && work.file && !work.text && !step_canceled(context)) {
                error_clear(error);
                return 0;
        }
        if (r == 0 && !program->linod)
                r = drain(&work, error);
        r = r ?: manager_stop(context, &work.manager, work.name, work.state, error)
                         ?: unconfigure(&work, error);
        if (r < 0 || program->linod)
                return r;
        return remove_socket(&work, error);
}
