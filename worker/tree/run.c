#include "tree/run.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/text.h"
#include "tree/data.h"
#include "tree/node.h"
#include "tree/sync.h"

enum {
        THREADS_MAX = 8,
        TICK_MS = 100,
        EVENTS_MAX = 1024,        // that wait for the calling thread
        FILES_RESERVED = 64,      // descriptors for all that is not a directory
        FILES_WANTED = 64 * 1024, // more are never needed: see DEPTH_MAX
};

static unsigned threads_wanted(const TreeOptions *options)
{
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        unsigned count =
                options->threads ? options->threads : (unsigned)(cores < 1 ? 1 : cores) * 2;

        return count > THREADS_MAX ? THREADS_MAX : count;
}

// Two descriptors a directory; half of what there is, for a process may have others.
static unsigned open_limit(void)
{
        struct rlimit limit;
        rlim_t files = 1024;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                rlim_t wanted = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;

                files = limit.rlim_cur;
                if (wanted > files) {
                        limit.rlim_cur = wanted;
                        if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
                                files = wanted;
                }
        }
        files = files > FILES_WANTED ? FILES_WANTED : files;
        return files < 4 * FILES_RESERVED ? 8 : (unsigned)(files - FILES_RESERVED) / 4;
}

// The process's umask would be in the way of every mode. Its other threads keep theirs.
static void worker_begin(void *argument)
{
        Worker *worker = argument;

        worker->unmasked = unshare(CLONE_FS) == 0;
        if (worker->unmasked)
                umask(0);
}

int run_new(const TreeOptions *options, Run **ret, Error *error)
{
        _cleanup_run_ Run *run = memory_new(sizeof(*run));
        int result;

        run->options = options;
        run->sync_fd = -1;
        rights_read(&run->rights);
        run->open_limit = open_limit();
        run->started_us = clock_monotonic_us();
        run->events_end = &run->events;
        run->throttle = (Throttle){
                .bytes_per_second = options->bytes_per_second,
                .pressure_percent = options->pressure_percent,
                .stop = &run->stop,
        };
        throttle_start(&run->throttle);
        pthread_mutex_init(&run->lock, NULL);
        pthread_cond_init(&run->drained, NULL);
        run->worker_count = threads_wanted(options);
        run->workers = aligned_alloc(64, run->worker_count * sizeof(*run->workers));
        if (!run->workers)
                abort();
        memset(run->workers, 0, run->worker_count * sizeof(*run->workers));
        for (unsigned i = 0; i < run->worker_count; i++) {
                run->workers[i].run = run;
                run->workers[i].list_buffer = memory_new(LIST_BUFFER);
        }
        run->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (run->wake < 0)
                return error_set(error, -errno, "threads", "the engine could not be started");
        result = pool_new(run->worker_count, worker_begin, run->workers, sizeof(*run->workers),
                run->wake, &run->pool);
        if (result < 0)
                return error_set(error, result, "threads", "no thread could be started");
        *ret = TAKE_PTR(run);
        return 0;
}

static void worker_clear(Worker *worker)
{
        free(worker->list_buffer);
        free(worker->copy_buffer);
        hasher_free(worker->hasher);
        free(worker->scratch.states);
        free(worker->scratch.metas);
        free(worker->scratch.slots);
}

static void event_free(RunEvent *event)
{
        free(event->path);
        free(event->why);
        free(event);
}

void run_free(Run *run)
{
        if (run->pool)
                pool_free(run->pool);
        for (unsigned i = 0; i < run->worker_count; i++)
                worker_clear(&run->workers[i]);
        free(run->workers);
        while (run->events) {
                RunEvent *next = run->events->next;

                event_free(run->events);
                run->events = next;
        }
        node_unref(run->current);
        sync_abandon(run->sync);
        closep(&run->wake);
        pthread_cond_destroy(&run->drained);
        pthread_mutex_destroy(&run->lock);
        error_clear(&run->error);
        free(run);
}

char *worker_copy_buffer(Worker *worker)
{
        if (!worker->copy_buffer)
                worker->copy_buffer = memory_new(DATA_BUFFER);
        return worker->copy_buffer;
}

void temporary_name(char name[static TEMPORARY_SIZE])
{
        uint64_t number = 0;

        if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
                number = (uint64_t)clock_monotonic_us();
        snprintf(name, TEMPORARY_SIZE, ".understudy-%016llx.tmp", (unsigned long long)number);
}

bool temporary_is(const char *name)
{
        return strlen(name) == TEMPORARY_SIZE - 4 + 1 - 1 && text_starts(name, ".understudy-") &&
               strspn(name + 12, "0123456789abcdef") == 16 && strcmp(name + 28, ".tmp") == 0;
}

// --- failures and events, from any thread ---

static void where_set(Error *error, Node *node, const char *name)
{
        _cleanup_free_ char *path = node ? node_path(node, name) : NULL;

        if (path)
                error_where(error, "%s", path);
        else if (name)
                error_where(error, "%s", name);
}

static const char *advice(int result)
{
        switch (result) {
        case -ENOSPC:
        case -EDQUOT:
                return "Free space (or raise the quota) and run it again: it goes on where it is";
        case -EMFILE:
        case -ENFILE:
                return "Raise the limit of open files (LimitNOFILE=, ulimit -n) and run it again";
        case -EROFS:
                return "Mount the file system writable and run it again";
        case -EIO:
                return "Look for the disk's errors with: journalctl -k -p err";
        case -EACCES:
        case -EPERM:
                return "Give this user the right to write there, or run it as root";
        default:
                return NULL;
        }
}

int run_fail(Run *run, Node *node, const char *name, int result, const char *code, const char *what)
{
        pthread_mutex_lock(&run->lock);
        if (!run_stopped(run)) {
                error_set(&run->error, result, code, "%s", what);
                where_set(&run->error, node, name);
                if (advice(result))
                        error_next(&run->error, "%s", advice(result));
                atomic_store(&run->stop, result);
                pthread_cond_broadcast(&run->drained);
        }
        pthread_mutex_unlock(&run->lock);
        return result;
}

void run_tell(Worker *worker, TreeEventKind kind, Node *node, const char *name, const char *why)
{
        Run *run = worker->run;
        const uint64_t one = 1;
        RunEvent *event;

        if (kind == TREE_SPECIAL)
                COUNT(worker, reported, 1);
        if (!run->options->event || (kind != TREE_SPECIAL && !run_is_verbose(run)))
                return;
        event = memory_new(sizeof(*event));
        *event = (RunEvent){.kind = kind, .path = node_path(node, name), .why = text_copy(why)};
        pthread_mutex_lock(&run->lock);
        while (run->event_count >= EVENTS_MAX && !run_stopped(run))
                pthread_cond_wait(&run->drained, &run->lock);
        *run->events_end = event;
        run->events_end = &event->next;
        if (++run->event_count == EVENTS_MAX)
                (void)!write(run->wake, &one, sizeof(one)); // full: it is readable already
        pthread_mutex_unlock(&run->lock);
}

int run_moved(void *userdata, uint64_t bytes)
{
        Worker *worker = userdata;

        COUNT(worker, bytes, bytes);
        throttle_pace(&worker->run->throttle, bytes);
        return atomic_load_explicit(&worker->run->stop, memory_order_relaxed);
}

// --- the calling thread ---

static void drain(Run *run)
{
        RunEvent *events;

        pthread_mutex_lock(&run->lock);
        events = TAKE_PTR(run->events);
        run->events_end = &run->events;
        run->event_count = 0;
        pthread_cond_broadcast(&run->drained);
        pthread_mutex_unlock(&run->lock);
        while (events) {
                RunEvent *next = events->next;

                run->options->event(
                        run->options->userdata, events->kind, events->path, events->why);
                event_free(events);
                events = next;
        }
}

void run_figures(Run *run, TreeFigures *ret)
{
        *ret = (TreeFigures){.files_total = run->options->files_expected};
        for (unsigned i = 0; i < run->worker_count; i++) {
#define RUN_ADD(field)                                                                             \
        ret->field += atomic_load_explicit(&run->workers[i].field, memory_order_relaxed);
                RUN_COUNTS(RUN_ADD)
#undef RUN_ADD
        }
        if (ret->bytes_total < run->options->bytes_expected)
                ret->bytes_total = run->options->bytes_expected;
        if (ret->files_total && ret->files_total < ret->files)
                ret->files_total = ret->files;
}

// Rates over the last two seconds; the time left by whichever of bytes and files takes longer.
static void rates(Run *run, TreeFigures *figures)
{
        int64_t now = clock_monotonic_us();
        struct RunSample *last = &run->samples[run->sample_count % ELEMENTS(run->samples)];
        struct RunSample from = run->sample_count >= ELEMENTS(run->samples)
                                        ? *last
                                        : (struct RunSample){.us = run->started_us};
        uint64_t elapsed = now > from.us ? (uint64_t)(now - from.us) : 1;
        uint64_t bytes_left = 0, files_left = 0;

        *last = (struct RunSample){.us = now, .bytes = figures->bytes, .files = figures->files};
        run->sample_count++;
        figures->bytes_per_second = (figures->bytes - from.bytes) * US_PER_SECOND / elapsed;
        figures->files_per_second = (figures->files - from.files) * US_PER_SECOND / elapsed;
        if (figures->bytes_total > figures->bytes && figures->bytes_per_second)
                bytes_left =
                        (figures->bytes_total - figures->bytes) / figures->bytes_per_second + 1;
        if (figures->files_total > figures->files && figures->files_per_second)
                files_left =
                        (figures->files_total - figures->files) / figures->files_per_second + 1;
        figures->seconds_left = bytes_left > files_left ? bytes_left : files_left;
}

int run_report(Run *run)
{
        _cleanup_free_ char *path = NULL;
        TreeFigures figures;
        Node *current;

        if (!run->options->progress)
                return 0;
        pthread_mutex_lock(&run->lock);
        current = TAKE_PTR(run->current);
        pthread_mutex_unlock(&run->lock);
        path = current ? node_path(current, NULL) : text_copy("");
        node_unref(current);
        run_figures(run, &figures);
        rates(run, &figures);
        return run->options->progress(run->options->userdata, &figures, path);
}

static void tick(Run *run, bool cancel)
{
        int64_t now = clock_monotonic_us();
        int result = 0;

        throttle_look(&run->throttle);
        sync_ahead(run);
        if (cancel)
                run_fail(run, NULL, NULL, -ECANCELED, "canceled", "the work was canceled");
        if (now - run->progress_us < TICK_MS * US_PER_MS || run_stopped(run))
                return;
        run->progress_us = now;
        result = run_report(run);
        if (result < 0)
                run_fail(run, NULL, NULL, result, "canceled", "the work was canceled");
}

int run_wait(Run *run, Error *error)
{
        struct pollfd polled[2] = {{.fd = run->wake, .events = POLLIN},
                {.fd = run->options->cancel_fd, .events = POLLIN}};

        while (!pool_idle(run->pool)) {
                uint64_t count;

                if (poll(polled, run_stopped(run) ? 1 : 2, TICK_MS) > 0 && polled[0].revents &&
                        read(run->wake, &count, sizeof(count)) < 0)
                        continue;
                drain(run);
                tick(run, (polled[1].revents & POLLIN) != 0);
        }
        drain(run);
        if (!run_stopped(run))
                return 0;
        error_move(error, &run->error);
        return atomic_load(&run->stop);
}
