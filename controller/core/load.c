#include "core/load.h"

#include "base/text.h"

// Taking back is never heavy: it renames and removes.
bool load_is_heavy(const TaskRow *task, TaskRowMode mode)
{
        return mode == TASK_RUN && step_info_find(task->step)->flags & STEP_HEAVY;
}

// ---- counting

static HostLoad *find(const Load *load, const char *host)
{
        for (size_t i = 0; i < load->count; i++)
                if (text_equal(load->hosts[i].host, host))
                        return &load->hosts[i];
        return NULL;
}

void load_add(Load *load, const char *host, bool heavy)
{
        HostLoad *found = find(load, host);

        if (!found) {
                load->hosts = memory_grow(load->hosts, (load->count + 1) * sizeof(*load->hosts));
                found = &load->hosts[load->count++];
                *found = (HostLoad){.host = text_copy(host)};
        }
        found->tasks++;
        found->heavy += heavy;
        load->tasks++;
}

static void take_off(Load *load, const char *host, bool heavy)
{
        HostLoad *found = find(load, host);

        if (!found)
                return;
        found->tasks--;
        found->heavy -= heavy;
        load->tasks--;
}

bool load_admits(const Load *load, const char *host, bool heavy)
{
        const HostLoad *found = find(load, host);
        const HostLoad here = found ? *found : (HostLoad){0};

        return load->tasks < load->limits->fleet_tasks && here.tasks < load->limits->host_tasks &&
               (!heavy || here.heavy < load->limits->host_heavy);
}

void load_clear(Load *load)
{
        for (size_t i = 0; i < load->count; i++)
                free(load->hosts[i].host);
        free(load->hosts);
        *load = (Load){0};
}

// ---- the controller's

static int count(Controller *controller, Error *error)
{
        _cleanup_rows_ Rows under_way = {0};
        int r = tasks_under_way(controller->store, NULL, &under_way, error);
        const TaskRow *tasks = under_way.items;

        if (r < 0)
                return r;
        controller->load = memory_new(sizeof(*controller->load));
        controller->load->limits = &controller->setup->limits;
        for (size_t i = 0; i < under_way.count; i++)
                load_task_began(controller, &tasks[i]);
        return 0;
}

int load_of(Controller *controller, Load **ret, Error *error)
{
        int r = controller->load ? 0 : count(controller, error);

        *ret = controller->load;
        return r;
}

void load_task_began(Controller *controller, const TaskRow *task)
{
        if (controller->load && task_takes_room(task))
                load_add(controller->load, task->host, load_is_heavy(task, task->mode));
}

void load_task_ended(Controller *controller, const TaskRow *task)
{
        if (controller->load && task_takes_room(task))
                take_off(controller->load, task->host, load_is_heavy(task, task->mode));
}

void load_forget(Controller *controller)
{
        if (!controller->load)
                return;
        load_clear(controller->load);
        free(controller->load);
        controller->load = NULL;
}

int load_is_full(Controller *controller, const char *host, bool *ret, Error *error)
{
        Load *load;
        int r = load_of(controller, &load, error);

        if (r == 0)
                *ret = !load_admits(load, host, true);
        return r;
}
