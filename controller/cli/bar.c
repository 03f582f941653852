#include "cli/bar.h"

#include "base/text.h"
#include "cli/human.h"
#include "cli/screen.h"
#include "cli/view.h"

#define CELLS 20

typedef struct Parts {
        char *text;
        size_t width;
} Parts;

// Adds a part when it still fits.
static void add(Parts *parts, const char *part)
{
        char *longer;

        if (text_blank(part))
                return;
        longer = text_format("%s%s%s", parts->text, *parts->text ? "  " : "", part);
        if (text_columns(longer) > parts->width) {
                free(longer);
                return;
        }
        free(parts->text);
        parts->text = longer;
}

static void add_bar(Parts *parts, double share, bool utf8)
{
        size_t full = (size_t)(share * CELLS + 0.5);
        _cleanup_free_ char *bar = text_copy("");
        _cleanup_free_ char *percent = text_format("%3.0f %%", share * 100);

        for (size_t i = 0; i < CELLS; i++) {
                char *longer = text_format(
                        "%s%s", bar, i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : "."));

                free(bar);
                bar = longer;
        }
        add(parts, bar);
        add(parts, percent);
}

static void add_amount(Parts *parts, const char *unit, double done, double total)
{
        bool bytes = strcasecmp(unit, "bytes") == 0;
        const char *have = bytes ? text_bytes((uint64_t)done) : human_count((uint64_t)done);
        const char *want = bytes ? text_bytes((uint64_t)total) : human_count((uint64_t)total);
        _cleanup_free_ char *amount = NULL;

        amount = text_format("%s%s%s%s%s", have, total > 0 ? " of " : "", total > 0 ? want : "",
                bytes ? "" : " ", bytes ? "" : unit);
        add(parts, amount);
}

static void add_pace(Parts *parts, const char *unit, const Rate *rate, double total)
{
        bool bytes = strcasecmp(unit, "bytes") == 0;
        double pace = rate_per_second(rate), left = rate_seconds_left(rate, total);
        _cleanup_free_ char *speed = NULL;
        _cleanup_free_ char *rest = NULL;

        if (pace <= 0)
                return;
        speed = text_format(
                "%s/s", bytes ? text_bytes((uint64_t)pace) : human_count((uint64_t)(pace + 0.5)));
        add(parts, speed);
        if (left < 0)
                return;
        rest = text_format("%s left", human_duration(left));
        add(parts, rest);
}

char *bar_text(const json_t *progress, const Rate *rate, bool utf8, size_t width)
{
        const char *unit = view_text(progress, "unit");
        double done = view_number(progress, "done"), total = view_number(progress, "total");
        double bytes = view_number(progress, "done_bytes");
        _cleanup_free_ char *note = screen_safe(view_text(progress, "note"));
        Parts parts = {.text = text_copy(""), .width = width};

        if (total > 0)
                add_bar(&parts, done > total ? 1 : done / total, utf8);
        if (*unit && strcasecmp(unit, "none") != 0)
                add_amount(&parts, unit, done, total);
        if (bytes > 0)
                add(&parts, text_bytes((uint64_t)bytes));
        add_pace(&parts, unit, rate, total);
        if (text_columns(parts.text) + 6 < width)
                note[text_fit(note, width - text_columns(parts.text) - 2)] = '\0';
        add(&parts, note);
        return parts.text;
}
