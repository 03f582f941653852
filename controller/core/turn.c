#include "base/log.h"
#include "base/text.h"
#include "core/core.h"
#include "core/load.h"
#include "core/session.h"

const Transport wire_transport = {.send = link_send, .close = link_close};

static void on_turn_end(evutil_socket_t fd, short events, void *userdata)
{
        Controller *controller = userdata;

        (void)fd;
        (void)events;
        (void)!controller_commit(controller, NULL);
}

// ---- what the scheduler looks at

LookWhy attention_to(const Attention *attention, int64_t job)
{
        if (attention->all)
                return LOOK_CHANGED;
        for (size_t i = 0; i < attention->count; i++)
                if (attention->jobs[i].job == job)
                        return attention->jobs[i].why;
        return LOOK_NOT;
}

void attention_add(Attention *attention, int64_t job, LookWhy why)
{
        size_t i = 0;

        while (i < attention->count && attention->jobs[i].job != job)
                i++;
        if (i == attention->count) {
                attention->jobs = memory_grow(
                        attention->jobs, (attention->count + 1) * sizeof(*attention->jobs));
                attention->jobs[attention->count++] = (LookAt){job, why};
        }
        if (attention->jobs[i].why < why)
                attention->jobs[i].why = why;
}

void attention_clear(Attention *attention)
{
        free(attention->jobs);
        *attention = (Attention){0};
}

void controller_look_at(Controller *controller, int64_t job)
{
        controller->attention.wanted = true;
        attention_add(&controller->attention, job, LOOK_CHANGED);
}

void controller_look_at_all(Controller *controller)
{
        controller->attention.wanted = controller->attention.all = true;
}

void controller_forget(Controller *controller)
{
        load_forget(controller);
        controller->schedules_complete = false;
        controller_look_at_all(controller);
}

// ---- turns

int core_open(Controller *controller, Error *error)
{
        int r = store_open(controller->setup->database, &controller->store, error);

        if (r < 0)
                return r;
        controller->turn_end = event_new(controller->base, -1, 0, on_turn_end, controller);
        if (!controller->turn_end)
                return error_set(error, -ENOMEM, "internal", "cannot make an event");
        controller_forget(controller);
        return 0;
}

void core_close(Controller *controller)
{
        session_list_free(controller);
        if (controller->turn_end)
                event_free(controller->turn_end);
        attention_clear(&controller->attention);
        load_forget(controller);
        store_free(controller->store);
}

int controller_begin(Controller *controller, Error *error)
{
        if (store_is_open(controller->store))
                return 0;
        // Activated now, it runs behind everything else that is active in this turn.
        event_active(controller->turn_end, EV_TIMEOUT, 0);
        return store_begin(controller->store, error);
}

void controller_abandon(Controller *controller, const Error *error)
{
        log_failure(LOG_ERR, error);
        store_rollback(controller->store);
        controller_forget(controller); // what was looked at was taken back
        session_list_close(controller, "controller", "the controller could not store this");
}

int controller_commit(Controller *controller, Error *error)
{
        _cleanup_error_ Error failure = ERROR_EMPTY;
        int r = 0;

        if (!store_is_open(controller->store))
                return 0;
        while (r == 0 && controller->attention.wanted)
                r = controller->schedule(controller, &failure);
        if (r == 0)
                r = store_commit(controller->store, &failure);
        if (r < 0) {
                controller_abandon(controller, &failure);
                error_move(error, &failure);
                return r;
        }
        session_list_flush(controller);
        controller->tell(controller);
        return 0;
}

int controller_finish(Controller *controller, int r, Error *error)
{
        if (r >= 0)
                return controller_commit(controller, error);
        if (store_has_failed(error))
                controller_abandon(controller, error);
        return r;
}
