// A controller without a network: simulated workers with a journal sit where the wire would be.
#ifndef UNDERSTUDY_TEST_FAKE_WORKER_H
#define UNDERSTUDY_TEST_FAKE_WORKER_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "control/controller.h"
#include "core/core.h"
#include "hosts/fleet.h"
#include "operations/operation.h"
#include "steps.h"

#define ROOT "/srv/lino/one"
#ifndef FAKE_HOSTS
#define FAKE_HOSTS 2
#endif

// ---- workers

typedef struct FakeTask {
        Fleet__Task *task;
        Fleet__Event *events[8]; // not committed yet, oldest first
        size_t count;
        uint64_t numbered; // of the last event, committed or not
} FakeTask;

typedef struct FakeHost {
        const char *name;
        bool connected;
        bool full; // its link takes no more
        int links; // connections so far: each has a Link of its own
        FakeTask journal[16];
        size_t tasks;
        Fleet__Frame *inbox[64];
        size_t received;
        const char *fail;       // tasks with this label fail, until it is NULL
        const char *fail_code;  // and with this code; NULL: "broken"
        const char *hold;       // tasks with this label stay unanswered
        const char *undo_fail;  // taking these back fails
        bool canceled_ends;     // a canceled task ends as canceled
        int executions;         // of all tasks, ever
        char log[2048];         // "probe clone -clone ...", a minus for UNDO
        char code[32];          // of the last refusal it was closed with
        const char *difference; // between a delta and a full restore, as restore tells it
        void (*acted)(
                const Fleet__Task *task); // hears of each execution that ends well; NULL: nobody
        Fleet__ProbeResult *probe;        // what production answers; NULL: a plain answer
        void (*answers)(const Fleet__Site *site, Fleet__ProbeResult *plain); // adds to it; or NULL
        bool slow; // what it does takes time: it ends when fake_done says so
} FakeHost;

typedef struct Fake {
        char directory[64];
        char database[96];
        struct event_base *base;
        ControllerSetup setup;
        Controller *controller;
        FakeHost hosts[FAKE_HOSTS];
        Error error;
        long sends;   // frames that left the controller
        long drop_at; // from this one on they are lost; 0: never
} Fake;

static Fake fake;

static inline Link *fake_link(const FakeHost *host)
{
        return (Link *)((char *)host + 1 + (host->links & 1023));
}

static inline FakeHost *fake_host_of(const Link *link)
{
        for (size_t i = 0; i < ELEMENTS(fake.hosts); i++)
                if ((char *)link > (char *)&fake.hosts[i] &&
                        (char *)link <= (char *)&fake.hosts[i] + 1024)
                        return &fake.hosts[i];
        return NULL;
}

static inline int fake_send(Link *link, const Fleet__Frame *frame)
{
        FakeHost *host = fake_host_of(link);

        fake.sends++;
        if (fake.drop_at && fake.sends >= fake.drop_at)
                return 0;
        if (link != fake_link(host) || !host->connected)
                return -ENOTCONN;
        if (host->full)
                return -ENOBUFS;
        assert_true(host->received < ELEMENTS(host->inbox));
        host->inbox[host->received++] = (Fleet__Frame *)message_copy(&frame->base);
        return 0;
}

static inline void fake_close(Link *link, const char *code, const char *message)
{
        FakeHost *host = fake_host_of(link);

        (void)message;
        snprintf(host->code, sizeof host->code, "%s", code);
        if (link == fake_link(host))
                host->connected = false;
}

static const Transport fake_transport = {fake_send, fake_close};

// ---- the controller

static inline void fake_start(void)
{
        int r = controller_new(fake.base, &fake.setup, &fake.controller, &fake.error);

        assert_int_equal(r, 0);
}

// kill -9: what is not committed is gone, and so are all links.
static inline void fake_crash(void)
{
        controller_free(fake.controller);
        fake.controller = NULL;
        fake.drop_at = 0;
        for (size_t i = 0; i < ELEMENTS(fake.hosts); i++) {
                FakeHost *host = &fake.hosts[i];

                for (size_t k = 0; k < host->received; k++)
                        fleet__frame__free_unpacked(host->inbox[k], NULL);
                host->received = 0;
                host->connected = false;
        }
        fake_start();
}

static inline void fake_commit(void)
{
        assert_int_equal(controller_commit(fake.controller, &fake.error), 0);
}

static inline void fake_frame(FakeHost *host, const Fleet__Frame *frame)
{
        fleet_handlers.frame(fake.controller, fake_link(host), frame);
}

static inline void fake_event(FakeHost *host, Fleet__Event *event)
{
        Fleet__Frame frame = FLEET__FRAME__INIT;

        frame.body_case = FLEET__FRAME__BODY_EVENT;
        frame.event = event;
        fake_frame(host, &frame);
}

static inline void fake_hello(FakeHost *host, uint32_t protocol)
{
        Fleet__Frame frame = FLEET__FRAME__INIT;
        Fleet__Hello hello = FLEET__HELLO__INIT;
        Fleet__HostFacts facts = FLEET__HOST_FACTS__INIT;
        Fleet__TaskCursor cursors[16];
        Fleet__TaskCursor *list[16];

        for (size_t i = 0; i < host->tasks; i++) {
                fleet__task_cursor__init(&cursors[i]);
                cursors[i].task = host->journal[i].task->id;
                list[i] = &cursors[i];
        }
        hello.protocol = protocol;
        hello.version = "0.1.0";
        hello.facts = &facts;
        hello.tasks = list;
        hello.n_tasks = host->tasks;
        frame.body_case = FLEET__FRAME__BODY_HELLO;
        frame.hello = &hello;
        fake_frame(host, &frame);
}

// A new connection of a host, without its Hello.
static inline void fake_open(FakeHost *host, const char *fingerprint)
{
        const Peer peer = {(char *)host->name, (char *)fingerprint, "192.0.2.7:40112"};

        host->links++;
        host->connected = true;
        assert_int_equal(fleet_handlers.opened(fake.controller, fake_link(host), &peer), 0);
}

static inline void fake_connect(FakeHost *host)
{
        fake_open(host, host->name);
        fake_hello(host, FLEET_PROTOCOL);
        fake_commit();
}

static inline void fake_disconnect(FakeHost *host)
{
        Error why = {.what = "gone"};

        host->connected = false;
        fleet_handlers.closed(fake.controller, fake_link(host), &why);
        fake_commit();
}

// A host that has joined; its fingerprint is its name.
static inline FakeHost *fake_add_host(size_t i, const char *name)
{
        HostRow row = {.name = (char *)name,
                .state = HOST_JOINED,
                .fingerprint = (char *)name,
                .joined_us = 1,
                .last_seen_us = 1};

        fake.hosts[i].name = name;
        assert_int_equal(store_begin(fake.controller->store, NULL), 0);
        assert_int_equal(row_insert(fake.controller->store, &host_table, &row, NULL), 0);
        assert_int_equal(store_commit(fake.controller->store, NULL), 0);
        return &fake.hosts[i];
}

// ---- what a worker does

static inline void fake_fill_probe(
        const FakeHost *host, const Fleet__Site *site, Fleet__ProbeResult **result)
{
        Fleet__ProbeResult *answer = *result;

        if (host->probe) {
                fleet__probe_result__free_unpacked(answer, NULL);
                *result = (Fleet__ProbeResult *)message_copy(&host->probe->base);
                return;
        }
        answer->identity = (Fleet__Identity *)message_new(&fleet__identity__descriptor);
        answer->identity->project_dir = text_format("%s/%s", site->root, site->name);
        answer->identity->database = (Fleet__Database *)message_new(&fleet__database__descriptor);
        answer->identity->database->engine = text_copy("sqlite");
        answer->identity->database->name = text_format("%s/%s/default.db", site->root, site->name);
        answer->versions = (Fleet__Versions *)message_new(&fleet__versions__descriptor);
        answer->versions->app = text_copy("Lino Noi");
        answer->versions->app_version = text_copy("26.9");
        if (host->answers)
                host->answers(site, answer);
}

static inline void fake_fill_restore(const FakeHost *host, Fleet__RestoreResult *restore)
{
        restore->loaded = 3887;
        if (!host->difference)
                return;
        restore->differences = memory_new(sizeof(*restore->differences));
        restore->differences[restore->n_differences++] = text_copy(host->difference);
}

static inline void fake_fill_loss(Fleet__LossResult *loss)
{
        Fleet__LossTable *table = (Fleet__LossTable *)message_new(&fleet__loss_table__descriptor);

        table->table = text_copy("contacts.Person");
        table->added = 2;
        table->deleted = 1;
        loss->tables = memory_new(sizeof(*loss->tables));
        loss->tables[loss->n_tables++] = table;
}

static inline Fleet__Result *fake_result(const FakeHost *host, const Fleet__Task *task)
{
        const StepInfo *info = step_info_of_task(task);
        Fleet__Result *result = (Fleet__Result *)message_new(&fleet__result__descriptor);
        ProtobufCMessage *message = message_new(info->result);

        if (text_equal(info->name, "probe"))
                fake_fill_probe(host, task->probe->site, (Fleet__ProbeResult **)&message);
        else if (text_equal(info->name, "restore"))
                fake_fill_restore(host, (Fleet__RestoreResult *)message);
        else if (text_equal(info->name, "loss"))
                fake_fill_loss((Fleet__LossResult *)message);
        else if (text_equal(info->name, "dump"))
                ((Fleet__DumpResult *)message)->bytes = 1000;
        else if (text_equal(info->name, "log"))
                ((Fleet__LogResult *)message)->directory = text_copy("/var/log/lino/bert");
        step_result_set_message(result, info, message);
        return result;
}

static inline Fleet__Event *fake_spool(FakeTask *task)
{
        Fleet__Event *event = (Fleet__Event *)message_new(&fleet__event__descriptor);

        event->task = text_copy(task->task->id);
        event->number = ++task->numbered;
        task->events[task->count++] = event;
        return event;
}

static inline void fake_spool_started(FakeTask *task)
{
        Fleet__Event *event = fake_spool(task);

        event->body_case = FLEET__EVENT__BODY_STARTED;
        event->started = (Fleet__Started *)message_new(&fleet__started__descriptor);
        event->started->run = 1;
}

static inline void fake_spool_finished(
        FakeHost *host, FakeTask *task, Fleet__Outcome outcome, const char *code)
{
        Fleet__Event *event = fake_spool(task);

        event->body_case = FLEET__EVENT__BODY_FINISHED;
        event->finished = (Fleet__Finished *)message_new(&fleet__finished__descriptor);
        event->finished->outcome = outcome;
        if (outcome == FLEET__OUTCOME__DONE) {
                event->finished->result = fake_result(host, task->task);
                return;
        }
        event->finished->failure = (Fleet__Failure *)message_new(&fleet__failure__descriptor);
        event->finished->failure->code = text_copy(code);
        event->finished->failure->what =
                text_format("it went wrong in %s", step_info_of_task(task->task)->name);
}

// The label stands nowhere in a task: told by what it names. Probes are told apart by their site.
static inline bool fake_is(const Fleet__Task *task, const char *label)
{
        const char *step = step_info_of_task(task)->name;

        if (!label)
                return false;
        if (text_equal(label, "preview_probe"))
                return text_equal(step, "probe") && text_equal(task->probe->site->name, "bert");
        return text_equal(step, label);
}

static inline void fake_done(FakeHost *host, FakeTask *task)
{
        if (host->acted)
                host->acted(task->task);
        fake_spool_finished(host, task, FLEET__OUTCOME__DONE, NULL);
}

static inline bool fake_stands_by(const FakeTask *task)
{
        return task->task->arguments_case == FLEET__TASK__ARGUMENTS_STANDBY;
}

static inline bool fake_has_ended(const FakeTask *task)
{
        return task->count > 0 &&
               task->events[task->count - 1]->body_case == FLEET__EVENT__BODY_FINISHED;
}

static inline void fake_execute(FakeHost *host, FakeTask *task)
{
        const char *step = step_info_of_task(task->task)->name;
        bool undo = task->task->mode == FLEET__TASK_MODE__UNDO;
        Fleet__Event *event;

        host->executions++;
        snprintf(host->log + strlen(host->log), sizeof host->log - strlen(host->log), "%s%s ",
                undo ? "-" : "", step);
        fake_spool_started(task);
        if (fake_stands_by(task)) {
                if (fake_is(task->task, host->fail))
                        fake_spool_finished(host, task, FLEET__OUTCOME__FAILED, "unknown-step");
                return;
        }
        event = fake_spool(task);
        event->body_case = FLEET__EVENT__BODY_PROGRESS;
        event->progress = (Fleet__Progress *)message_new(&fleet__progress__descriptor);
        event->progress->done = 1;
        event->progress->total = 2;
        event = fake_spool(task);
        event->body_case = FLEET__EVENT__BODY_LOG;
        event->log = (Fleet__LogLine *)message_new(&fleet__log_line__descriptor);
        event->log->text = text_copy(step);
        if (!undo && fake_is(task->task, host->hold))
                return;
        if (undo ? fake_is(task->task, host->undo_fail) : fake_is(task->task, host->fail))
                fake_spool_finished(host, task, FLEET__OUTCOME__FAILED,
                        host->fail_code ? host->fail_code : "broken");
        else
                fake_done(host, task);
}

static inline FakeTask *fake_find(FakeHost *host, const char *id)
{
        for (size_t i = 0; i < host->tasks; i++)
                if (text_equal(host->journal[i].task->id, id))
                        return &host->journal[i];
        return NULL;
}

static inline void fake_take_task(FakeHost *host, const Fleet__Task *task)
{
        FakeTask *entry;

        if (fake_find(host, task->id))
                return;
        assert_true(host->tasks < ELEMENTS(host->journal));
        entry = &host->journal[host->tasks++];
        *entry = (FakeTask){.task = (Fleet__Task *)message_copy(&task->base)};
        if (!host->slow)
                fake_execute(host, entry);
}

static inline void fake_forget(FakeHost *host, FakeTask *task)
{
        for (size_t i = 0; i < task->count; i++)
                fleet__event__free_unpacked(task->events[i], NULL);
        fleet__task__free_unpacked(task->task, NULL);
        *task = host->journal[--host->tasks];
}

// Forgets events up to `last`, and the task with its last one.
static inline void fake_committed(FakeHost *host, const char *id, uint64_t last)
{
        FakeTask *task = fake_find(host, id);

        while (task && task->count > 0 && task->events[0]->number <= last) {
                bool over = task->events[0]->body_case == FLEET__EVENT__BODY_FINISHED;

                fleet__event__free_unpacked(task->events[0], NULL);
                memmove(task->events, task->events + 1, --task->count * sizeof *task->events);
                if (over) {
                        fake_forget(host, task);
                        return;
                }
        }
}

static inline void fake_welcome(FakeHost *host, const Fleet__Welcome *welcome)
{
        for (size_t i = host->tasks; i > 0; i--) {
                FakeTask *task = &host->journal[i - 1];
                bool listed = false;

                for (size_t k = 0; k < welcome->n_cursors; k++)
                        listed |= text_equal(welcome->cursors[k]->task, task->task->id);
                if (!listed)
                        fake_forget(host, task);
        }
        for (size_t k = 0; k < welcome->n_cursors; k++)
                fake_committed(host, welcome->cursors[k]->task, welcome->cursors[k]->last);
}

static inline void fake_cancel(FakeHost *host, const char *id)
{
        FakeTask *task = fake_find(host, id);

        if (!task || fake_has_ended(task) || (!host->canceled_ends && !fake_stands_by(task)))
                return;
        fake_spool_finished(host, task, FLEET__OUTCOME__CANCELED, "canceled");
}

static inline void fake_go_back(FakeHost *host, FakeTask *task)
{
        const Fleet__StandbyArguments *standby = task->task->standby;

        for (size_t i = 0; i < standby->n_way_back; i++) {
                const Fleet__Task *part = standby->way_back[i];

                if (fake_is(part, host->fail)) {
                        fake_spool_finished(host, task, FLEET__OUTCOME__FAILED, "broken");
                        return;
                }
                snprintf(host->log + strlen(host->log), sizeof host->log - strlen(host->log),
                        "alone:%s ", step_info_of_task(part)->name);
                if (host->acted)
                        host->acted(part);
        }
        fake_spool_finished(host, task, FLEET__OUTCOME__DONE, NULL);
}

// What stands by does at its moment, whether the host is connected or not.
static inline void fake_stand_alone(FakeHost *host)
{
        for (size_t i = 0; i < host->tasks; i++) {
                FakeTask *task = &host->journal[i];

                if (fake_stands_by(task) && !fake_has_ended(task) &&
                        task->task->standby->at_us <= clock_now_us())
                        fake_go_back(host, task);
        }
}

// What was held ends after all.
static inline void fake_release(FakeHost *host)
{
        host->hold = NULL;
        for (size_t i = 0; i < host->tasks; i++)
                if (!fake_has_ended(&host->journal[i]) && !fake_stands_by(&host->journal[i]))
                        fake_done(host, &host->journal[i]);
}

// Reads all the controller sent. False: there was nothing.
static inline bool fake_read(FakeHost *host)
{
        size_t count = host->received;
        Fleet__Frame *frames[ELEMENTS(host->inbox)];

        memcpy(frames, host->inbox, sizeof frames);
        host->received = 0;
        for (size_t i = 0; i < count; i++) {
                if (frames[i]->body_case == FLEET__FRAME__BODY_TASK)
                        fake_take_task(host, frames[i]->task);
                else if (frames[i]->body_case == FLEET__FRAME__BODY_WELCOME)
                        fake_welcome(host, frames[i]->welcome);
                else if (frames[i]->body_case == FLEET__FRAME__BODY_COMMITTED)
                        fake_committed(
                                host, frames[i]->committed->task, frames[i]->committed->last);
                else if (frames[i]->body_case == FLEET__FRAME__BODY_CANCEL)
                        fake_cancel(host, frames[i]->cancel->task);
                fleet__frame__free_unpacked(frames[i], NULL);
        }
        return count > 0;
}

// Sends each spooled event once, a commit after every `turn` of them. False: there was none.
static inline bool fake_ship(FakeHost *host, size_t turn)
{
        Fleet__Event *events[64];
        size_t count = 0;

        for (size_t i = 0; i < host->tasks; i++)
                for (size_t k = 0; k < host->journal[i].count; k++)
                        events[count++] =
                                (Fleet__Event *)message_copy(&host->journal[i].events[k]->base);
        for (size_t i = 0; i < count; i++) {
                if (host->connected)
                        fake_event(host, events[i]);
                fleet__event__free_unpacked(events[i], NULL);
                if ((i + 1) % turn == 0)
                        fake_commit();
        }
        fake_commit();
        return count > 0;
}

// Until nothing moves any more.
static inline void fake_run(void)
{
        bool moved = true;

        fake_commit();
        while (moved) {
                moved = false;
                for (size_t i = 0; i < ELEMENTS(fake.hosts); i++) {
                        FakeHost *host = &fake.hosts[i];

                        if (!host->connected)
                                continue;
                        moved |= fake_read(host);
                        moved |= fake_ship(host, 3) && host->received > 0;
                }
        }
}

#endif
