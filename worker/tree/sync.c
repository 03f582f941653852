#include "tree/sync.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/text.h"

enum {
        AHEAD_BYTES = 32 * 1024 * 1024, // that are worth a flush of the journal
        AHEAD_CHANGES = 4096,
};

// Shared by the supervising thread and the one that waits for the disk; the last one frees it.
typedef struct Sync {
        atomic_int holders;
        int fd;
        int done; // eventfd
        atomic_bool finished;
        atomic_int result; // of the first that failed

        pthread_mutex_t lock; // of what follows
        pthread_cond_t asking;
        bool asked;
        bool last; // after what is asked there comes no more
        bool abandoned;

        // of the supervising thread
        pthread_t thread;        // joined, or left behind
        uint64_t bytes, changes; // when it asked last
} Sync;

static void sync_release(Sync *sync)
{
        if (atomic_fetch_sub(&sync->holders, 1) > 1)
                return;
        closep(&sync->fd);
        closep(&sync->done);
        pthread_cond_destroy(&sync->asking);
        pthread_mutex_destroy(&sync->lock);
        free(sync);
}

static void sync_once(Sync *sync)
{
        int none = 0;

        if (syncfs(sync->fd) < 0)
                atomic_compare_exchange_strong(&sync->result, &none, -errno);
}

// Waits until there is something to do. False: no more after that.
static bool next(Sync *sync, bool *ret_abandoned)
{
        bool last;

        pthread_mutex_lock(&sync->lock);
        while (!sync->asked)
                pthread_cond_wait(&sync->asking, &sync->lock);
        sync->asked = false;
        last = sync->last;
        *ret_abandoned = sync->abandoned;
        pthread_mutex_unlock(&sync->lock);
        return !last;
}

static void *sync_main(void *argument)
{
        Sync *sync = argument;
        const uint64_t one = 1;
        bool more = true, abandoned;

        while (more) {
                more = next(sync, &abandoned);
                if (!abandoned)
                        sync_once(sync);
        }
        atomic_store(&sync->finished, true);
        (void)!write(sync->done, &one, sizeof(one)); // only sooner than the caller's next look
        sync_release(sync);
        return NULL;
}

static int sync_start(int fd, Sync **ret)
{
        Sync *sync = memory_new(sizeof(*sync));
        int result;

        *sync = (Sync){
                .holders = 2, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .done = eventfd(0, EFD_CLOEXEC)};
        pthread_mutex_init(&sync->lock, NULL);
        pthread_cond_init(&sync->asking, NULL);
        result = sync->fd < 0 || sync->done < 0 ? -errno : 0;
        if (result == 0)
                result = -pthread_create(&sync->thread, NULL, sync_main, sync);
        if (result < 0) {
                atomic_store(&sync->holders, 1);
                sync_release(sync);
                return result;
        }
        *ret = sync;
        return 0;
}

static void ask(Sync *sync, bool last, bool abandoned)
{
        pthread_mutex_lock(&sync->lock);
        sync->asked = true;
        sync->last |= last;
        sync->abandoned |= abandoned;
        pthread_cond_signal(&sync->asking);
        pthread_mutex_unlock(&sync->lock);
}

void sync_abandon(Sync *sync)
{
        if (!sync)
                return;
        pthread_detach(sync->thread);
        ask(sync, true, true);
        sync_release(sync);
}

void sync_ahead(Run *run)
{
        TreeFigures figures;
        Sync *sync = run->sync;

        if (run->sync_fd < 0 || run_stopped(run))
                return;
        run_figures(run, &figures);
        if (figures.bytes - (sync ? sync->bytes : 0) < AHEAD_BYTES &&
                figures.changed - (sync ? sync->changes : 0) < AHEAD_CHANGES)
                return;
        if (!sync && sync_start(run->sync_fd, &run->sync) < 0)
                return; // it will be asked for at the end
        sync = run->sync;
        sync->bytes = figures.bytes;
        sync->changes = figures.changed;
        ask(sync, false, false);
}

static int failed(Error *error, int result)
{
        error_set(error, result, "sync", "the copy could not be made durable");
        error_next(error, "Look for the disk's errors with: journalctl -k -p err");
        return result;
}

int sync_file_system(Run *run, int fd, Error *error)
{
        struct pollfd polled[2] = {
                {.events = POLLIN}, {.fd = run->options->cancel_fd, .events = POLLIN}};
        int result = run->sync ? 0 : sync_start(fd, &run->sync);
        Sync *sync = run->sync;

        if (result < 0)
                return failed(error, result);
        ask(sync, true, false);
        polled[0].fd = sync->done;
        while (!atomic_load(&sync->finished)) {
                if (poll(polled, 2, 100) > 0 && polled[1].revents)
                        result = -ECANCELED;
                else if (run->options->progress)
                        result = run_report(run);
                if (result < 0)
                        return error_set(error, result, "canceled", "the work was canceled");
        }
        pthread_join(sync->thread, NULL);
        result = atomic_load(&sync->result);
        sync_release(TAKE_PTR(run->sync));
        return result < 0 ? failed(error, result) : 0;
}
