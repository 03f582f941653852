#include "control/sign_offs.h"

#include "base/clock.h"
#include "base/text.h"
#include "tell/record.h"

static int refuse_over(const AttemptRow *attempt, Error *error)
{
        int r;

        if (!attempt_is_over(attempt))
                return 0;
        r = error_set(error, -EPERM, "attempt-state", "its items are what they were");
        error_why(error, "the attempt is %s", attempt_state_names[attempt->state]);
        error_next(error, "Look at them: understudyctl attempt show %s", attempt->series);
        return r;
}

static int refuse_too_many(Error *error)
{
        int r = error_set(error, -EINVAL, "item", "these are too many items");

        error_why(error, "an attempt has at most %d", SIGN_OFFS_MAX);
        error_next(error, "Take several into one.");
        return r;
}

int sign_offs_check(
        Controller *controller, const AttemptRow *attempt, const TextList *texts, Error *error)
{
        SignOffs before = {0};
        int r = refuse_over(attempt, error)
                        ?: sign_offs_of(controller, attempt->id, &before, error);

        return r == 0 && before.items + texts->count > SIGN_OFFS_MAX ? refuse_too_many(error) : r;
}

int sign_offs_add(Controller *controller, const AttemptRow *attempt, const TextList *texts,
        const char *who, Error *error)
{
        const JobRow about = {.series = attempt->series};
        SignOffs before = {0};
        int r = sign_offs_check(controller, attempt, texts, error)
                        ?: sign_offs_of(controller, attempt->id, &before, error);

        for (size_t i = 0; r == 0 && i < texts->count; i++) {
                ItemRow item = {.attempt = attempt->id,
                        .number = (int64_t)(before.items + i + 1),
                        .text = texts->items[i],
                        .who = (char *)who,
                        .created_us = clock_now_us()};

                r = row_insert(controller->store, &item_table, &item, error)
                            ?: record_history(controller, &about, who, "item added", error,
                                       "%lld: %s", (long long)item.number, item.text);
        }
        return r;
}

static int find_open(Controller *controller, const AttemptRow *attempt, int64_t number,
        ItemRow *ret, Error *error)
{
        int r = item_find(controller->store, attempt->id, number, ret, error);

        if (r < 0 || (r > 0 && !ret->signed_us))
                return r < 0 ? r : 0;
        if (r == 0) {
                r = error_set(error, -ENOENT, "item", "there is no item %lld", (long long)number);
                error_why(error, "the attempt's items are numbered from 1 on");
        } else {
                r = error_set(error, -EEXIST, "item", "item %lld is signed off already",
                        (long long)number);
                error_why(error, "%s has signed it", ret->signed_by);
        }
        error_next(error, "Look at them: understudyctl attempt show %s", attempt->series);
        return r;
}

static int sign(Controller *controller, const AttemptRow *attempt, ItemRow *item, const char *who,
        Error *error)
{
        const JobRow about = {.series = attempt->series};

        row_set_text(&item->signed_by, who);
        item->signed_us = clock_now_us();
        return row_update(controller->store, &item_table, item, error)
                       ?: record_history(controller, &about, who, "item signed off", error,
                                  "%lld: %s", (long long)item->number, item->text);
}

static bool is_repeated(const int64_t *numbers, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (numbers[k] == numbers[i])
                        return true;
        return false;
}

int sign_offs_sign(Controller *controller, const AttemptRow *attempt, const int64_t *numbers,
        size_t count, const char *who, Error *error)
{
        int r = refuse_over(attempt, error);

        for (size_t i = 0; r == 0 && i < count; i++) {
                _cleanup_item_ ItemRow item = {0};

                r = find_open(controller, attempt, numbers[i], &item, error);
        }
        for (size_t i = 0; r == 0 && i < count; i++) {
                _cleanup_item_ ItemRow item = {0};

                if (!is_repeated(numbers, i))
                        r = find_open(controller, attempt, numbers[i], &item, error)
                                    ?: sign(controller, attempt, &item, who, error);
        }
        return r;
}

int sign_offs_of(Controller *controller, int64_t attempt, SignOffs *ret, Error *error)
{
        _cleanup_rows_ Rows items = {0};
        int r = items_of(controller->store, attempt, &items, error);
        const ItemRow *rows = items.items;

        *ret = (SignOffs){.items = items.count};
        for (size_t i = 0; r == 0 && i < items.count; i++)
                ret->open += rows[i].signed_us == 0;
        return r;
}
