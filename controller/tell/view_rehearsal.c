#include "tell/view_rehearsal.h"

#include "base/clock.h"
#include "tell/view.h"

static json_t *number_or_null(int64_t number)
{
        return number ? json_integer(number) : json_null();
}

static json_t *text_or_null(const char *text)
{
        return text_blank(text) ? json_null() : json_string(text);
}

static json_t *seconds(int64_t us)
{
        return json_real((double)us / US_PER_SECOND);
}

static json_t *view_one(const RehearsalRow *row)
{
        return json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, "
                         "s:{s:b, s:I, s:I, s:I}}",
                "job", (json_int_t)row->job, "kind", job_kind_names[row->kind], "state",
                job_state_names[row->state], "started_at", view_time(row->started_us),
                "wall_seconds", seconds(row->ended_us - row->started_us), "way",
                text_or_null(row->way), "objects", number_or_null(row->objects), "dump_bytes",
                number_or_null(row->dump_bytes), "database_bytes",
                number_or_null(row->database_bytes), "conflict", row->conflict != 0, "why",
                text_or_null(row->why), "script", "made", row->script_made != 0, "taken",
                (json_int_t)row->script_taken, "kept", (json_int_t)row->script_kept, "merged",
                (json_int_t)row->script_merged);
}

json_t *view_rehearsals(const Rows *rehearsals)
{
        const RehearsalRow *rows = rehearsals->items;
        json_t *all = json_array();

        for (size_t i = 0; i < rehearsals->count; i++)
                json_array_append_new(all, view_one(&rows[i]));
        return all;
}

json_t *view_fitness(const TextList *missing)
{
        json_t *list = json_array();

        for (size_t i = 0; i < missing->count; i++)
                json_array_append_new(list, json_string(missing->items[i]));
        return json_pack("{s:b, s:o}", "fit", missing->count == 0, "missing", list);
}

static json_t *view_steps(const Forecast *forecast)
{
        json_t *steps = json_array();

        for (size_t i = 0; i < forecast->count; i++) {
                const ForecastStep *step = &forecast->steps[i];

                json_array_append_new(steps,
                        json_pack("{s:s, s:o, s:o, s:b}", "step", step->label, "median_seconds",
                                step->known ? seconds(step->median_us) : json_null(),
                                "worst_seconds",
                                step->known ? seconds(step->worst_us) : json_null(), "critical",
                                step->critical));
        }
        return steps;
}

json_t *view_forecast(const Forecast *forecast)
{
        if (forecast->rehearsals == 0)
                return json_null();
        return json_pack("{s:I, s:o, s:o, s:b, s:o}", "rehearsals",
                (json_int_t)forecast->rehearsals, "median_seconds", seconds(forecast->median_us),
                "worst_seconds", seconds(forecast->worst_us), "grows", forecast_grows(forecast),
                "steps", view_steps(forecast));
}
