#include "adopt/claim.h"

void claim_add(
        ClaimList *list, int kind, const char *text, int rank, size_t owner, const char *where)
{
        if (text_blank(text))
                return;
        // Doubled, for there may be very many.
        if ((list->count & (list->count - 1)) == 0)
                list->items = memory_grow(
                        list->items, (list->count ? 2 * list->count : 1) * sizeof(*list->items));
        list->items[list->count++] = (Claim){kind, text_copy(text), rank, owner, text_copy(where)};
}

static int compare_what(const void *a, const void *b)
{
        const Claim *one = a, *two = b;

        return one->kind != two->kind ? one->kind - two->kind : strcmp(one->text, two->text);
}

static int compare(const void *a, const void *b)
{
        const Claim *one = a, *two = b;
        int what = compare_what(a, b);

        if (what)
                return what;
        if (one->rank != two->rank)
                return one->rank - two->rank;
        return (one->owner > two->owner) - (one->owner < two->owner);
}

void claims_sort(ClaimList *list)
{
        if (list->count)
                qsort(list->items, list->count, sizeof(*list->items), compare);
}

void claims_contested(const ClaimList *list, ClaimFn fn, void *userdata)
{
        const Claim *has = list->items;

        for (size_t i = 1; i < list->count; i++) {
                const Claim *other = &list->items[i];

                if (compare_what(has, other) != 0)
                        has = other;
                else if (other->owner != has->owner)
                        fn(userdata, has, other);
        }
}

bool claims_have(const ClaimList *list, int kind, const char *text)
{
        const Claim wanted = {.kind = kind, .text = (char *)text};

        return list->count &&
               bsearch(&wanted, list->items, list->count, sizeof(*list->items), compare_what);
}

void claims_clear(ClaimList *list)
{
        for (size_t i = 0; i < list->count; i++) {
                free(list->items[i].text);
                free(list->items[i].where);
        }
        free(list->items);
        *list = (ClaimList){0};
}
