#include "core/load.h"

#include "base/text.h"

// Taking back is never heavy: it renames and removes.
bool load_is_heavy(const TaskRow *task, TaskRowMode mode)
{
        return mode == TASK_RUN && step_info_find(task->step)->flags & STEP_HEAVY;
}

void load_add(Load *load, const char *host, bool heavy)
{
        load->entries = memory_grow(load->entries, (load->count + 1) * sizeof *load->entries);
        load->entries[load->count++] = (LoadEntry){host, heavy};
}

bool load_admits(const Load *load, const char *host, bool heavy)
{
        uint64_t tasks = 0;
        uint64_t heavy_tasks = 0;

        for (size_t i = 0; i < load->count; i++)
                if (text_equal(load->entries[i].host, host)) {
                        tasks++;
                        heavy_tasks += load->entries[i].heavy;
                }
        return load->count < load->limits->fleet_tasks && tasks < load->limits->host_tasks &&
               (!heavy || heavy_tasks < load->limits->host_heavy);
}

void load_clear(Load *load)
{
        free(load->entries);
        *load = (Load){0};
}

void load_count(Controller *controller, const Rows *under_way, Load *ret)
{
        const TaskRow *tasks = under_way->items;

        *ret = (Load){.limits = &controller->setup->limits};
        for (size_t i = 0; i < under_way->count; i++)
                if (task_takes_room(&tasks[i]))
                        load_add(ret, tasks[i].host, load_is_heavy(&tasks[i], tasks[i].mode));
}

int load_is_full(Controller *controller, const char *host, bool *ret, Error *error)
{
        _cleanup_rows_ Rows under_way = {0};
        _cleanup_(load_clear) Load load = {0};
        int r = tasks_under_way(controller->store, NULL, &under_way, error);

        if (r < 0)
                return r;
        load_count(controller, &under_way, &load);
        *ret = !load_admits(&load, host, true);
        return 0;
}
