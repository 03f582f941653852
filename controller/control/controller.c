#include "control/controller.h"

#include "base/text.h"
#include "control/prune.h"
#include "control/schedule.h"
#include "tell/watch_list.h"

int controller_new(
        struct event_base *base, const ControllerSetup *setup, Controller **ret, Error *error)
{
        _cleanup_(controller_freep) Controller *controller = memory_new(sizeof *controller);
        int r;

        *controller = (Controller){
                .base = base,
                .setup = setup,
                .schedule = schedule_run,
                .tell = watch_list_tell,
        };
        r = core_open(controller, error);
        if (r < 0)
                return r;
        controller->prune = prune_new(controller);
        *ret = TAKE_PTR(controller);
        return 0;
}

void controller_free(Controller *controller)
{
        if (!controller)
                return;
        prune_free(controller->prune);
        watch_list_free(controller);
        core_close(controller);
        free(controller);
}
