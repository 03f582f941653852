#include "agent/tasks.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "agent/lock.h"
#include "agent/place.h"
#include "base/log.h"
#include "steps.h"

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
        const StepInfo *info;

        if (!message)
                return -EBADMSG;
        info = step_info_of_task(message);
        task = memory_new(sizeof(*task));
        *task = (WorkerTask){.agent = agent,
                .id = text_copy(id),
                .packed = memory_new(size),
                .packed_size = size,
                .job = message->job,
                .deadline_seconds = message->deadline_seconds,
                .alone = info && info->flags & STEP_ALONE,
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

static int watch_events(WorkerTask *task)
{
        _cleanup_free_ char *events = text_format("%s/events", task->directory);

        task->events_fd = open(events, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (task->events_fd < 0)
                return -errno;
        task->watch = inotify_add_watch(task->agent->inotify_fd, events, IN_MODIFY);
        return task->watch < 0 ? -errno : 0;
}

int task_prepare(WorkerTask *task, Error *error)
{
        int r = 0;

        if (task->watch >= 0)
                return 0;
        if (task->state != TASK_READY || !runner_lend(task->agent->runners, task->directory,
                                                 task->packed, task->packed_size))
                r = place_make(task->directory, task->packed, task->packed_size);
        if (r == 0)
                r = watch_events(task);
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

static int open_tasks(const Agent *agent)
{
        _cleanup_free_ char *path = text_format("%s/tasks", agent->config->directory);

        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void task_remove(WorkerTask *task)
{
        _cleanup_close_ int parent = open_tasks(task->agent);

        if (parent >= 0)
                place_remove(parent, task->id);
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
                        place_remove(fd, entry->d_name);
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
