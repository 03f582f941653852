#include "agent/tasks.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "steps.h"

// Every task that the journal has; what is only about to be in it was not acknowledged, and the
// controller sends it again.
static size_t collect_cursors(Agent *agent, Fleet__TaskCursor **ret)
{
        Fleet__TaskCursor *cursors;
        size_t count = 0;

        for (WorkerTask *task = agent->tasks; task; task = task->next)
                count++;
        cursors = memory_new(count * sizeof(*cursors));
        count = 0;
        for (WorkerTask *task = agent->tasks; task; task = task->next) {
                task->told = task->state != TASK_NEW && task->state != TASK_FORGOTTEN;
                if (!task->told)
                        continue;
                task_summarize(task);
                fleet__task_cursor__init(&cursors[count]);
                cursors[count].task = task->id;
                cursors[count++].last = task->summary.end.number;
        }
        *ret = cursors;
        return count;
}

static void fill_facts(const Agent *agent, struct utsname *system, Fleet__HostFacts *facts)
{
        struct sysinfo info = {0};

        fleet__host_facts__init(facts);
        if (uname(system) == 0) {
                facts->hostname = system->nodename;
                facts->kernel = system->release;
        }
        if (sysinfo(&info) == 0)
                facts->memory_bytes = (uint64_t)info.totalram * info.mem_unit;
        facts->cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
        facts->roots = agent->config->policy.roots.items;
        facts->n_roots = agent->config->policy.roots.count;
}

int hello_send(Agent *agent, Link *link)
{
        Fleet__Hello hello = FLEET__HELLO__INIT;
        Fleet__HostFacts facts;
        Fleet__Frame frame = FLEET__FRAME__INIT;
        _cleanup_free_ Fleet__TaskCursor *cursors = NULL;
        size_t count = collect_cursors(agent, &cursors);
        _cleanup_free_ Fleet__TaskCursor **list = memory_new(count * sizeof(*list));
        struct utsname system;

        for (size_t i = 0; i < count; i++)
                list[i] = &cursors[i];
        fill_facts(agent, &system, &facts);
        hello.protocol = FLEET_PROTOCOL;
        hello.version = UNDERSTUDY_VERSION;
        hello.facts = &facts;
        hello.tasks = list;
        hello.n_tasks = count;
        frame.body_case = FLEET__FRAME__BODY_HELLO;
        frame.hello = &hello;
        return link_send(link, &frame);
}
