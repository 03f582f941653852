#include "rehearsal/forecast.h"

#include "base/clock.h"
#include "base/text.h"

#define GROWS_US   (10 * US_PER_SECOND)
#define HALF_LEAST 3

// ---- which steps

// Production is away from the first of these that the plan has, until the links are switched.
static const char *const begins[] = {"page", "freeze", "choose"};
#define ENDS "switch"

static bool depends_on(const PlanNode *node, const char *label)
{
        const TaskRow as_task = {.depends = node->depends};

        return task_depends_on(&as_task, label);
}

static size_t first_of(const Plan *plan)
{
        for (size_t i = 0; i < ELEMENTS(begins); i++)
                for (size_t n = 0; n < plan->count; n++)
                        if (text_equal(plan->nodes[n].label, begins[i]))
                                return n;
        return plan->count;
}

static const PlanNode *node_of(const Plan *plan, const char *label)
{
        for (size_t i = 0; i < plan->count; i++)
                if (text_equal(plan->nodes[i].label, label))
                        return &plan->nodes[i];
        return NULL;
}

static bool after_any(const Forecast *forecast, const PlanNode *node)
{
        for (size_t i = 0; i < forecast->count; i++)
                if (depends_on(node, forecast->steps[i].label))
                        return true;
        return false;
}

static void add_step(Forecast *forecast, const char *label)
{
        forecast->steps =
                memory_grow(forecast->steps, (forecast->count + 1) * sizeof(*forecast->steps));
        forecast->steps[forecast->count++] = (ForecastStep){.label = label};
}

// A plan's nodes come in an order in which each follows what it depends on.
static void find_steps(const Plan *plan, Forecast *forecast)
{
        size_t first = first_of(plan);

        for (size_t i = first; i < plan->count; i++) {
                const PlanNode *node = &plan->nodes[i];

                if (i == first || after_any(forecast, node))
                        add_step(forecast, node->label);
                if (text_equal(node->label, ENDS))
                        return;
        }
}

// ---- how long each took

static bool is_by_size(const char *label)
{
        static const char *const labels[] = {"dump", "mirror", "restore", "ledger", "verify"};

        for (size_t i = 0; i < ELEMENTS(labels); i++)
                if (text_equal(labels[i], label))
                        return true;
        return false;
}

// What the data has grown by since a rehearsal; 1 where that is not known.
static double growth(const RehearsalRow *newest, const RehearsalRow *then)
{
        if (newest->database_bytes && then->database_bytes)
                return (double)newest->database_bytes / (double)then->database_bytes;
        if (newest->dump_bytes && then->dump_bytes)
                return (double)newest->dump_bytes / (double)then->dump_bytes;
        return 1;
}

static int compare(const void *a, const void *b)
{
        int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

        return (left > right) - (left < right);
}

static int64_t median(int64_t *values, size_t count)
{
        if (count == 0)
                return 0;
        qsort(values, count, sizeof(*values), compare);
        return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static int64_t scaled_us(
        const RehearsalRow *newest, const RehearsalRow *rehearsal, const char *label)
{
        int64_t taken_us = rehearsal_step_us(rehearsal, label);

        if (taken_us < 0 || !is_by_size(label))
                return taken_us;
        return (int64_t)((double)taken_us * growth(newest, rehearsal));
}

static void measure(ForecastStep *step, const RehearsalRow *const *good, size_t count)
{
        int64_t values[FORECAST_REHEARSALS];
        size_t found = 0;

        for (size_t i = 0; i < count; i++) {
                int64_t value = scaled_us(good[0], good[i], step->label);

                if (value >= 0)
                        values[found++] = value;
        }
        step->known = found > 0;
        step->median_us = median(values, found);
        step->worst_us = found ? values[found - 1] : 0;
}

// ---- the longest way through them

// `times` is of each step. With `mark` the steps of that way are marked critical.
static int64_t longest_us(Forecast *forecast, const Plan *plan, const int64_t *times, bool mark)
{
        int64_t *ends = memory_new((forecast->count + 1) * sizeof(*ends));
        size_t *from = memory_new((forecast->count + 1) * sizeof(*from));
        size_t last = forecast->count;
        int64_t longest = 0;

        for (size_t i = 0; i < forecast->count; i++) {
                const PlanNode *node = node_of(plan, forecast->steps[i].label);

                from[i] = i;
                for (size_t k = 0; k < i; k++)
                        if (depends_on(node, forecast->steps[k].label) && ends[k] >= ends[i]) {
                                ends[i] = ends[k];
                                from[i] = k;
                        }
                ends[i] += times[i];
                if (ends[i] >= longest) {
                        longest = ends[i];
                        last = i;
                }
        }
        for (size_t i = last; mark && i < forecast->count; i = from[i]) {
                forecast->steps[i].critical = true;
                if (from[i] == i)
                        break;
        }
        free(from);
        free(ends);
        return longest;
}

// The whole, had it been as in one rehearsal; what that one has not is taken from the others.
static int64_t whole_us(Forecast *forecast, const Plan *plan, const RehearsalRow *newest,
        const RehearsalRow *rehearsal)
{
        int64_t *times = memory_new((forecast->count + 1) * sizeof(*times)), whole;

        for (size_t i = 0; i < forecast->count; i++) {
                int64_t own = scaled_us(newest, rehearsal, forecast->steps[i].label);

                times[i] = own >= 0 ? own : forecast->steps[i].median_us;
        }
        whole = longest_us(forecast, plan, times, false);
        free(times);
        return whole;
}

static int64_t median_way_us(Forecast *forecast, const Plan *plan, bool mark)
{
        int64_t *times = memory_new((forecast->count + 1) * sizeof(*times)), longest;

        for (size_t i = 0; i < forecast->count; i++)
                times[i] = forecast->steps[i].done ? 0 : forecast->steps[i].median_us;
        longest = longest_us(forecast, plan, times, mark);
        free(times);
        return longest;
}

// Each rehearsal as it was, so that growth shows.
static void compare_halves(
        Forecast *forecast, const Plan *plan, const RehearsalRow *const *good, size_t count)
{
        int64_t values[FORECAST_REHEARSALS];
        size_t half = count / 2;

        if (half < HALF_LEAST)
                return;
        for (size_t i = 0; i < count; i++)
                values[i] = whole_us(forecast, plan, good[i], good[i]);
        forecast->now_us = median(values, half);
        forecast->before_us = median(values + half, count - half);
}

void forecast_make(const Plan *plan, const Rows *rehearsals, Forecast *ret)
{
        const RehearsalRow *rows = rehearsals->items, *good[FORECAST_REHEARSALS];
        int64_t wholes[FORECAST_REHEARSALS];
        size_t count = 0;

        *ret = (Forecast){0};
        for (size_t i = 0; i < rehearsals->count && count < ELEMENTS(good); i++)
                if (rows[i].state == JOB_DONE && !text_equal(rows[i].way, "nothing"))
                        good[count++] = &rows[i];
        find_steps(plan, ret);
        ret->rehearsals = count;
        if (count == 0)
                return;
        for (size_t i = 0; i < ret->count; i++)
                measure(&ret->steps[i], good, count);
        for (size_t i = 0; i < count; i++)
                wholes[i] = whole_us(ret, plan, good[0], good[i]);
        ret->median_us = median(wholes, count);
        ret->worst_us = wholes[count - 1];
        (void)median_way_us(ret, plan, true);
        compare_halves(ret, plan, good, count);
}

void forecast_clear(Forecast *forecast)
{
        free(forecast->steps);
        *forecast = (Forecast){0};
}

int64_t forecast_left_us(Forecast *forecast, const Plan *plan, const Rows *tasks)
{
        const TaskRow *rows = tasks->items;

        for (size_t i = 0; i < forecast->count; i++)
                for (size_t k = 0; k < tasks->count; k++)
                        if (rows[k].state == TASK_DONE &&
                                text_equal(rows[k].label, forecast->steps[i].label))
                                forecast->steps[i].done = true;
        return median_way_us(forecast, plan, false);
}

bool forecast_grows(const Forecast *forecast)
{
        return forecast->before_us && forecast->now_us > forecast->before_us * 3 / 2 &&
               forecast->now_us > forecast->before_us + GROWS_US;
}
