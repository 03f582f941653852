#include "operations/outlook.h"

#include "base/clock.h"
#include "control/rehearsals.h"
#include "rehearsal/fitness.h"
#include "tell/view_rehearsal.h"

#define REHEARSALS_SHOWN 10

int outlook_add(
        Controller *controller, const char *series, int64_t attempt, json_t *shown, Error *error)
{
        TextList missing _cleanup_text_list_ = {0};
        Opening opening _cleanup_opening_ = {0};
        int r = fitness_of(controller->store, series, clock_now_us(), &missing, error)
                        ?: opening_forecast(controller, series, attempt, &opening, error);

        if (r < 0)
                return r;
        json_object_set_new(shown, "fitness", view_fitness(&missing));
        json_object_set_new(shown, "forecast", view_forecast(&opening.forecast));
        return 0;
}

int outlook_add_rehearsals(Controller *controller, const char *series, json_t *shown, Error *error)
{
        _cleanup_rows_ Rows rehearsals = {0};
        int r = rehearsals_of(controller->store, series, REHEARSALS_SHOWN, &rehearsals, error);

        if (r == 0)
                json_object_set_new(shown, "rehearsals", view_rehearsals(&rehearsals));
        return r;
}
