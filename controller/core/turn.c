#include "base/log.h"
#include "base/text.h"
#include "core/core.h"
#include "core/session.h"

const Transport wire_transport = {.send = link_send, .close = link_close};

static void on_turn_end(evutil_socket_t fd, short events, void *userdata)
{
        Controller *controller = userdata;

        (void)fd;
        (void)events;
        (void)!controller_commit(controller, NULL);
}

int core_open(Controller *controller, Error *error)
{
        int r = store_open(controller->setup->database, &controller->store, error);

        if (r < 0)
                return r;
        controller->turn_end = event_new(controller->base, -1, 0, on_turn_end, controller);
        if (!controller->turn_end)
                return error_set(error, -ENOMEM, "internal", "cannot make an event");
        return 0;
}

void core_close(Controller *controller)
{
        session_list_free(controller);
        if (controller->turn_end)
                event_free(controller->turn_end);
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
        session_list_close(controller, "controller", "the controller could not store this");
}

int controller_commit(Controller *controller, Error *error)
{
        _cleanup_error_ Error failure = ERROR_EMPTY;
        int r = 0;

        if (!store_is_open(controller->store))
                return 0;
        while (r == 0 && TAKE(controller->dirty, false))
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
