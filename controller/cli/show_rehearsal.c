// What the last synchronisations were, and what they say about the next opening.
#include "base/text.h"
#include "cli/human.h"
#include "cli/show.h"
#include "cli/table.h"
#include "cli/view.h"

#define STEPS_SHOWN 5

static void write_title(const Screen *screen, const char *title)
{
        fprintf(screen->out, "\n%s%s%s\n", screen_style(screen, BOLD), title,
                screen_style(screen, PLAIN));
}

// ---- the next opening

static void add_fitness(Table *table, const json_t *fitness)
{
        const json_t *missing = json_object_get(fitness, "missing"), *one;
        size_t i;

        table_add_pair(table, "fit for an attempt", json_array_size(missing) ? "no" : "yes");
        json_array_foreach (missing, i, one)
                table_add_pair(table, "missing", json_string_value(one));
}

static double median_of(const json_t *step)
{
        return view_number(step, "median_seconds");
}

// The longest of those that the opening waits for, longest first.
static const json_t *next_longest(const json_t *steps, const json_t *before)
{
        const json_t *step, *found = NULL;
        size_t i;

        json_array_foreach (steps, i, step)
                if (json_is_true(json_object_get(step, "critical")) &&
                        (!before || median_of(step) < median_of(before)) &&
                        (!found || median_of(step) > median_of(found)))
                        found = step;
        return found;
}

static char *where_time_goes(const json_t *steps)
{
        TextList parts _cleanup_text_list_ = {0};
        const json_t *step = next_longest(steps, NULL);

        for (; step && parts.count < STEPS_SHOWN && median_of(step) > 0;
                step = next_longest(steps, step))
                text_list_take(&parts, text_format("%s %s", view_text(step, "step"),
                                               human_duration(median_of(step))));
        return text_list_join(&parts, ", ");
}

static char *not_rehearsed(const json_t *steps)
{
        TextList parts _cleanup_text_list_ = {0};
        const json_t *step;
        size_t i;

        json_array_foreach (steps, i, step)
                if (json_is_null(json_object_get(step, "median_seconds")))
                        text_list_add(&parts, view_text(step, "step"));
        return text_list_join(&parts, ", ");
}

static void add_forecast(Table *table, const json_t *forecast)
{
        const json_t *steps = json_object_get(forecast, "steps");
        _cleanup_free_ char *away = NULL, *where = NULL, *unknown = NULL;

        if (!json_is_object(forecast))
                return;
        away = text_format("%s, at worst %s, by the last %s",
                human_duration(view_number(forecast, "median_seconds")),
                human_duration(view_number(forecast, "worst_seconds")),
                human_quantity((uint64_t)view_number(forecast, "rehearsals"), "rehearsal"));
        where = where_time_goes(steps);
        unknown = not_rehearsed(steps);
        table_add_pair(table, "production away", away);
        table_add_pair(table, "mostly for", where);
        table_add_pair(table, "not rehearsed", unknown);
        if (json_is_true(json_object_get(forecast, "grows")))
                table_add_pair(table, "warning", "rehearsals take clearly longer than they did");
}

void show_outlook(const Screen *screen, const json_t *shown)
{
        _cleanup_table_ Table table = {.columns = 2};

        if (!json_is_object(json_object_get(shown, "fitness")))
                return;
        add_fitness(&table, json_object_get(shown, "fitness"));
        add_forecast(&table, json_object_get(shown, "forecast"));
        write_title(screen, "Next opening");
        table_write(&table, screen, 2);
}

// ---- rehearsals

static char *script_text(const json_t *rehearsal)
{
        static const char *const words[] = {"taken", "kept", "merged"};
        const json_t *script = json_object_get(rehearsal, "script");
        TextList parts _cleanup_text_list_ = {0};

        if (json_is_true(json_object_get(rehearsal, "conflict")))
                return text_copy("conflict");
        if (json_is_true(json_object_get(script, "made")))
                text_list_add(&parts, "made");
        for (size_t i = 0; i < ELEMENTS(words); i++)
                if (view_number(script, words[i]) > 0)
                        text_list_take(&parts,
                                text_format("%.0f %s", view_number(script, words[i]), words[i]));
        return parts.count ? text_list_join(&parts, ", ") : text_copy("as before");
}

// The first line of why it failed; the rest is the job's.
static char *why_text(const json_t *rehearsal)
{
        const char *why = view_text(rehearsal, "why");
        size_t length = strcspn(why, "\n");

        return why[length] ? text_format("%.*s ... (understudyctl job show %.0f)", (int)length, why,
                                     view_number(rehearsal, "job"))
                           : text_copy(why);
}

void show_rehearsals(const Screen *screen, const json_t *rehearsals)
{
        _cleanup_table_ Table table = {.columns = 7,
                .heads = {"JOB", "BEGAN", "STATE", "WAY", "TOOK", "OBJECTS", "SCRIPT"},
                .right = {true, false, false, false, true, true, false}};
        const json_t *one;
        size_t i;

        json_array_foreach (rehearsals, i, one) {
                double objects = view_number(one, "objects");
                _cleanup_free_ char *job = view_value("job", json_object_get(one, "job")),
                                    *script = script_text(one), *why = why_text(one);

                table_add(&table, job);
                table_add(&table, human_minute(view_number(one, "started_at")));
                table_add(&table, view_text(one, "state"));
                table_add(&table, view_text(one, "way"));
                table_add(&table, human_duration(view_number(one, "wall_seconds")));
                table_add(&table, objects > 0 ? human_count((uint64_t)objects) : "");
                table_add(&table, script);
                table_note(&table, why);
        }
        if (table.count)
                write_title(screen, "Rehearsals");
        table_write(&table, screen, 2);
}
