#include "adopt/finding.h"

#include "base/text.h"

#define TEXT_MAX 600 // bytes of what is reported of a site's or host's own words

const FindingInfo finding_infos[FINDING_COUNT] = {
#define FINDING_ROW(symbol, code, severity, why, next)                                             \
        [FINDING_##symbol] = {code, FLEET__SEVERITY__##severity, why, next},
        FINDINGS(FINDING_ROW)
#undef FINDING_ROW
};

static char *bounded(char *take_text)
{
        char *utf8 = text_to_utf8(take_text, strnlen(take_text, TEXT_MAX));

        free(take_text);
        return utf8;
}

static bool is_known(const FindingList *list, const FoundFinding *new)
{
        for (size_t i = 0; i < list->count; i++)
                if (list->items[i].code == new->code &&
                        text_equal(list->items[i].site, new->site) &&
                        text_equal(list->items[i].where, new->where) &&
                        text_equal(list->items[i].what, new->what))
                        return true;
        return false;
}

static void clear_one(FoundFinding *finding)
{
        free(finding->site);
        free(finding->what);
        free(finding->where);
        free(finding->detail);
}

void finding_add(FindingList *list, FindingCode code, const char *site, const char *where,
        const char *what, ...)
{
        FoundFinding new = {.code = code, .site = text_copy(site)};
        va_list arguments;

        va_start(arguments, what);
        new.what = bounded(text_vformat(what, arguments));
        va_end(arguments);
        new.where = bounded(text_copy(where ? where : ""));
        if (is_known(list, &new) || list->count == FINDINGS_MAX) {
                list->left_out += !is_known(list, &new);
                clear_one(&new);
                return;
        }
        list->items = memory_grow(list->items, (list->count + 1) * sizeof(*list->items));
        list->items[list->count++] = new;
}

void finding_detail(FindingList *list, const char *detail)
{
        FoundFinding *last = list->count ? &list->items[list->count - 1] : NULL;

        if (last && !last->detail && detail)
                last->detail = bounded(text_copy(detail));
}

static int compare(const void *a, const void *b)
{
        const FoundFinding *one = a, *two = b;
        int worse = (int)finding_infos[two->code].severity - (int)finding_infos[one->code].severity;
        int by_site = strcmp(one->site ? one->site : "", two->site ? two->site : "");

        if (worse)
                return worse;
        return by_site ? by_site : strcmp(one->where, two->where);
}

void finding_sort(FindingList *list)
{
        if (list->count)
                qsort(list->items, list->count, sizeof(*list->items), compare);
}

void finding_clear(FindingList *list)
{
        for (size_t i = 0; i < list->count; i++)
                clear_one(&list->items[i]);
        free(list->items);
        *list = (FindingList){0};
}
