#include "agent/tasks.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "agent/lock.h"
#include "base/file.h"
#include "base/log.h"
#include "tree/tree.h"

#define ID_MAX 128

bool task_id_valid(const char *id)
{
        size_t length = strlen(id);

        return length > 0 && length <= ID_MAX && id[0] != '.' &&
               strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
                       length;
}

WorkerTask *task_find(const Agent *agent, const char *id)
{
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                if (text_equal(task->id, id))
                        return task;
        return NULL;
}

static void task_free(WorkerTask *task)
{
        if (task->watch >= 0)
                inotify_rm_watch(task->agent->inotify_fd, task->watch);
        if (task->events_fd >= 0)
                close(task->events_fd);
        if (task->timer)
                event_free(task->timer);
        free(task->directory);
        free(task->packed);
        free(task->id);
        free(task);
}

int task_add(Agent *agent, const char *id, const uint8_t *packed, size_t size, WorkerTask **ret)
{
        Fleet__Task *message = fleet__task__unpack(NULL, size, packed);
        WorkerTask *task, **end = &agent->tasks;

        if (!message)
                return -EBADMSG;
        task = memory_new(sizeof(*task));
        *task = (WorkerTask){.agent = agent,
                .id = text_copy(id),
                .packed = memory_new(size),
                .packed_size = size,
                .job = message->job,
                .deadline_seconds = message->deadline_seconds,
                .directory = text_format("%s/tasks/%s", agent->config->directory, id),
                .events_fd = -EBADF,
                .watch = -1};
        memcpy(task->packed, packed, size);
        fleet__task__free_unpacked(message, NULL);
        while (*end)
                end = &(*end)->next;
        *end = task;
        *ret = task;
        return 0;
}

// Whole or not there, for a runner that an earlier daemon may just have started. Not durable: the
// journal is.
static int write_task(const WorkerTask *task, int dirfd)
{
        _cleanup_close_ int fd = openat(
                dirfd, "task.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : file_write_all(fd, task->packed, task->packed_size);

        if (r == 0 && renameat(dirfd, "task.new", dirfd, "task") < 0)
                r = -errno;
        return r;
}

static int open_directory(WorkerTask *task)
{
        _cleanup_close_ int dirfd = -EBADF;
        _cleanup_free_ char *events = text_format("%s/events", task->directory);
        int r;

        if (mkdir(task->directory, 0700) < 0 && errno != EEXIST)
                return -errno;
        dirfd = open(task->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dirfd < 0)
                return -errno;
        r = write_task(task, dirfd);
        if (r < 0)
                return r;
        task->events_fd =
                openat(dirfd, "events", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (task->events_fd < 0)
                return -errno;
        task->watch = inotify_add_watch(task->agent->inotify_fd, events, IN_MODIFY);
        return task->watch < 0 ? -errno : 0;
}

int task_prepare(WorkerTask *task, Error *error)
{
        int r;

        if (task->watch >= 0)
                return 0;
        r = open_directory(task);
        if (r < 0) {
                if (task->events_fd >= 0)
                        close(TAKE_FD(task->events_fd));
                error_set(error, r, "task-directory", "cannot make the task's directory");
                error_where(error, "%s", task->directory);
        }
        return r;
}

void task_drop(WorkerTask *task)
{
        WorkerTask **at = &task->agent->tasks;

        while (*at != task)
                at = &(*at)->next;
        *at = task->next;
        task_free(task);
}

// Most directories hold these files and nothing else, and the engine's threads cost more than they.
static bool remove_small(int parent, const char *name)
{
        static const char *const files[] = {"task", "events", "lock", "stderr"};
        _cleanup_close_ int fd =
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        for (size_t i = 0; fd >= 0 && i < ELEMENTS(files); i++)
                (void)!unlinkat(fd, files[i], 0);
        if (fd >= 0)
                (void)!unlinkat(fd, "work", AT_REMOVEDIR);
        return unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

static void remove_directory(int parent, const char *name)
{
        TreeOptions options = {.cancel_fd = -1};
        TreeFigures figures;
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (!remove_small(parent, name) &&
                tree_remove(parent, name, &options, &figures, &error) < 0)
                log_failure(LOG_WARNING, &error);
}

static int open_tasks(const Agent *agent)
{
        _cleanup_free_ char *path = text_format("%s/tasks", agent->config->directory);

        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void task_remove(WorkerTask *task)
{
        _cleanup_close_ int parent = open_tasks(task->agent);

        if (parent >= 0)
                remove_directory(parent, task->id);
        task_drop(task);
}

void task_summarize(WorkerTask *task)
{
        int r = task->events_fd < 0 ? 0 : spool_summarize(task->events_fd, &task->summary);

        if (r < 0)
                log_error("cannot read events task=%s: %s", task->id, strerror(-r));
}

void tasks_sweep(Agent *agent)
{
        int fd = open_tasks(agent);
        DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        while (directory && (entry = readdir(directory))) {
                _cleanup_free_ char *lock = text_format("%s/lock", entry->d_name);
                pid_t holder;

                if (task_id_valid(entry->d_name) && !task_find(agent, entry->d_name) &&
                        lock_holder(fd, lock, &holder) == 0 && holder == 0)
                        remove_directory(fd, entry->d_name);
        }
        if (directory)
                closedir(directory);
}

void tasks_free(Agent *agent)
{
        while (agent->tasks) {
                WorkerTask *task = agent->tasks;

                agent->tasks = task->next;
                task_free(task);
        }
}
