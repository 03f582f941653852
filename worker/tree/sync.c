#include "tree/sync.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/text.h"

// Shared by the caller and the thread that waits for the disk; the last one frees it.
typedef struct Sync {
        atomic_int holders;
        int fd;
        int done; // eventfd
        atomic_int result;
        atomic_bool finished;
        pthread_t thread; // the caller's: joined, or left behind
} Sync;

static void sync_release(Sync *sync)
{
        if (atomic_fetch_sub(&sync->holders, 1) > 1)
                return;
        closep(&sync->fd);
        closep(&sync->done);
        free(sync);
}

static void *sync_main(void *argument)
{
        Sync *sync = argument;
        const uint64_t one = 1;

        atomic_store(&sync->result, syncfs(sync->fd) < 0 ? -errno : 0);
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
                .holders = 1, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .done = eventfd(0, EFD_CLOEXEC)};
        result = sync->fd < 0 || sync->done < 0 ? -errno : 0;
        if (result == 0) {
                atomic_store(&sync->holders, 2);
                result = -pthread_create(&sync->thread, NULL, sync_main, sync);
                if (result < 0)
                        atomic_store(&sync->holders, 1);
        }
        if (result < 0) {
                sync_release(sync);
                return result;
        }
        *ret = sync;
        return 0;
}

int sync_file_system(Run *run, int fd, Error *error)
{
        struct pollfd polled[2] = {
                {.events = POLLIN}, {.fd = run->options->cancel_fd, .events = POLLIN}};
        Sync *sync;
        int result = sync_start(fd, &sync);

        if (result < 0)
                return error_set(error, result, "sync", "the copy could not be made durable");
        polled[0].fd = sync->done;
        while (!atomic_load(&sync->finished)) {
                if (poll(polled, 2, 100) > 0 && polled[1].revents)
                        result = -ECANCELED;
                else if (run->options->progress)
                        result = run_report(run);
                if (result < 0)
                        break;
        }
        if (result < 0) {
                pthread_detach(sync->thread);
                error_set(error, result, "canceled", "the work was canceled");
        } else {
                pthread_join(sync->thread, NULL);
                result = atomic_load(&sync->result);
                if (result < 0) {
                        error_set(error, result, "sync", "the copy could not be made durable");
                        error_next(error, "Look for the disk's errors with: journalctl -k -p err");
                }
        }
        sync_release(sync);
        return result;
}
