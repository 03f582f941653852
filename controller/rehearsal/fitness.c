#include "rehearsal/fitness.h"

#include "base/clock.h"
#include "store/attempt.h"
#include "store/series.h"
#include "store/vote.h"

// What is missing, allocated; NULL: nothing.
typedef char *Rule(const FitnessFacts *facts);

static char *is_there(const FitnessFacts *facts)
{
        return facts->has_preview ? NULL : text_copy("there is no preview");
}

static char *was_rehearsed(const FitnessFacts *facts)
{
        if (!facts->has_preview || facts->last)
                return NULL;
        return text_copy("it has not been synchronised yet");
}

static char *has_no_conflict(const FitnessFacts *facts)
{
        if (!facts->last || !facts->last->conflict)
                return NULL;
        return text_format("restore2preview.py has a conflict for a person to resolve (job %lld)",
                (long long)facts->last->job);
}

static char *went_well(const FitnessFacts *facts)
{
        const RehearsalRow *last = facts->last;

        if (!last || last->conflict || last->state == JOB_DONE)
                return NULL;
        return text_format(
                "the last synchronisation failed (job %lld): %s", (long long)last->job, last->why);
}

static char *is_young(const FitnessFacts *facts)
{
        const RehearsalRow *last = facts->last;
        int64_t age_us = last ? facts->now_us - last->ended_us : 0;

        if (!last || last->state != JOB_DONE || age_us < FITNESS_AGE_US)
                return NULL;
        return text_format("the last synchronisation is %lld hours old",
                (long long)(age_us / US_PER_SECOND / 3600));
}

static char *is_signed_off(const FitnessFacts *facts)
{
        if (facts->unsigned_items == 0)
                return NULL;
        return text_format("%zu item%s of the release notes %s not signed off",
                facts->unsigned_items, facts->unsigned_items > 1 ? "s" : "",
                facts->unsigned_items > 1 ? "are" : "is");
}

static Rule *const rules[] = {
        is_there, was_rehearsed, has_no_conflict, went_well, is_young, is_signed_off};

void fitness_missing(const FitnessFacts *facts, TextList *ret)
{
        *ret = (TextList){0};
        for (size_t i = 0; i < ELEMENTS(rules); i++) {
                char *missing = rules[i](facts);

                if (missing)
                        text_list_take(ret, missing);
        }
}

static int count_unsigned(Store *store, const char *series, size_t *ret, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        _cleanup_rows_ Rows items = {0};
        int r = attempt_newest(store, series, &attempt, error);
        const ItemRow *rows;

        *ret = 0;
        if (r <= 0 || attempt.state > ATTEMPT_ANNOUNCED)
                return r < 0 ? r : 0;
        r = items_of(store, attempt.id, &items, error);
        rows = items.items;
        for (size_t i = 0; r == 0 && i < items.count; i++)
                *ret += rows[i].signed_us == 0;
        return r;
}

int fitness_of(Store *store, const char *series, int64_t now_us, TextList *ret, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        _cleanup_site_row_ SiteRow preview = {0};
        FitnessFacts facts = {.now_us = now_us};
        int found = site_get(store, series, SITE_PREVIEW, &preview, error);
        int r = found < 0 ? found : rehearsals_of(store, series, REHEARSALS_KEPT, &rows, error);
        const RehearsalRow *all = rows.items;

        if (r < 0)
                return r;
        facts.has_preview = found > 0;
        for (size_t i = 0; facts.has_preview && i < rows.count && !facts.last; i++)
                if (all[i].state != JOB_CANCELED && all[i].started_us >= preview.created_us)
                        facts.last = &all[i];
        r = count_unsigned(store, series, &facts.unsigned_items, error);
        if (r == 0)
                fitness_missing(&facts, ret);
        return r;
}
