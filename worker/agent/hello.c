#include "agent/facts.h"
#include "agent/tasks.h"
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

int hello_send(Agent *agent, Link *link)
{
        Fleet__Hello hello = FLEET__HELLO__INIT;
        _cleanup_facts_ Facts facts = {0};
        Fleet__Frame frame = FLEET__FRAME__INIT;
        _cleanup_free_ Fleet__TaskCursor *cursors = NULL;
        size_t count = collect_cursors(agent, &cursors);
        _cleanup_free_ Fleet__TaskCursor **list = memory_new(count * sizeof(*list));

        for (size_t i = 0; i < count; i++)
                list[i] = &cursors[i];
        facts_take(agent->config, &facts);
        hello.protocol = FLEET_PROTOCOL;
        hello.version = UNDERSTUDY_VERSION;
        hello.facts = &facts.message;
        hello.tasks = list;
        hello.n_tasks = count;
        frame.body_case = FLEET__FRAME__BODY_HELLO;
        frame.hello = &hello;
        return link_send(link, &frame);
}

void hello_send_facts(Agent *agent)
{
        Fleet__Frame frame = FLEET__FRAME__INIT;
        _cleanup_facts_ Facts facts = {0};

        if (!agent->link || !agent->welcomed)
                return;
        facts_take(agent->config, &facts);
        frame.body_case = FLEET__FRAME__BODY_FACTS;
        frame.facts = &facts.message;
        (void)!link_send(agent->link, &frame); // a link that is full or dying hears it later
}
