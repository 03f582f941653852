// Upgrade attempts, and what their users did.
#include "base/text.h"
#include "cli/human.h"
#include "cli/show.h"
#include "cli/table.h"
#include "cli/view.h"

// What a person can ask for next.
static const char *attempt_ways(const char *state)
{
        static const char *const ways[][2] = {
                {"planned", "attempt announce, attempt move, attempt open, attempt withdraw"},
                {"announced", "attempt move, attempt open, attempt withdraw"},
                {"synchronising", "job watch, job cancel"},
                {"open", "attempt accept, attempt cancel, attempt extend, attempt vote, "
                         "attempt report"},
                {"canceled", "attempt report"},
        };

        for (size_t i = 0; i < ELEMENTS(ways); i++)
                if (text_equal(ways[i][0], state))
                        return ways[i][1];
        return "";
}

static void show_voters(const Screen *screen, const json_t *voters)
{
        _cleanup_table_ Table table = {.columns = 3, .heads = {"VOTER", "SAYS", "WHY"}};
        const json_t *voter;
        size_t i;

        json_array_foreach (voters, i, voter) {
                table_add(&table, view_text(voter, "voter"));
                table_add(&table, view_text(voter, "vote"));
                table_add(&table, view_text(voter, "why"));
        }
        if (table.count > 0)
                fputc('\n', screen->out);
        table_write(&table, screen, 0);
}

static void show_items(const Screen *screen, const json_t *items)
{
        _cleanup_table_ Table table = {
                .columns = 3, .heads = {"ITEM", "WHAT IS NEW", "SIGNED BY"}, .right = {true}};
        const json_t *item;
        size_t i;

        json_array_foreach (items, i, item) {
                _cleanup_free_ char *number = view_value("number", json_object_get(item, "number"));

                table_add(&table, number);
                table_add(&table, view_text(item, "text"));
                table_add(&table, view_text(item, "signed_by"));
        }
        if (table.count > 0)
                fputc('\n', screen->out);
        table_write(&table, screen, 0);
}

// Whole on a line each, so that they can be copied.
static void show_links(const Screen *screen, const json_t *links)
{
        const json_t *link;
        size_t i;

        if (json_array_size(links) > 0)
                fprintf(screen->out, "\nWhat each voter types, shown only now:\n");
        json_array_foreach (links, i, link) {
                _cleanup_free_ char *voter = screen_safe(view_text(link, "voter"));

                fprintf(screen->out, "  %s\n    %s\n", voter, view_text(link, "link"));
        }
}

void show_vote(const Screen *screen, const json_t *vote)
{
        _cleanup_free_ char *voter = screen_safe(view_text(vote, "voter"));
        json_int_t job = json_integer_value(json_object_get(vote, "job"));

        fprintf(screen->out, "Noted: %s says that it %s.\n", voter,
                text_equal(view_text(vote, "vote"), "works") ? "works" : "does not work");
        if (job)
                fprintf(screen->out,
                        "The former production comes back: understudyctl job watch %lld\n",
                        (long long)job);
}

static char *alone_after(const json_t *attempt)
{
        json_int_t seconds = json_integer_value(json_object_get(attempt, "alone_seconds"));

        return seconds ? text_format("its worker cancels it %s after the end",
                                 human_duration((double)seconds))
                       : text_copy("");
}

void show_attempt(const Screen *screen, const json_t *attempt)
{
        _cleanup_table_ Table table = {.columns = 2};
        _cleanup_free_ char *lapse = text_format("%lld min, then: %s",
                (long long)json_integer_value(json_object_get(attempt, "lapse_seconds")) / 60,
                view_text(attempt, "then"));
        _cleanup_free_ char *deadline = text_format("%lld min for the opening",
                (long long)json_integer_value(json_object_get(attempt, "deadline_seconds")) / 60);
        _cleanup_free_ char *alone = alone_after(attempt);
        const char *ways = attempt_ways(view_text(attempt, "state"));

        table_add_pair(&table, "series", view_text(attempt, "series"));
        table_add_pair(&table, "state", view_text(attempt, "state"));
        table_add_pair(&table, "opens", view_text(attempt, "at_local"));
        table_add_pair(&table, "lapse", lapse);
        table_add_pair(&table, "deadline", deadline);
        table_add_pair(&table, "ends", view_text(attempt, "ends_local"));
        table_add_pair(&table, "alone", alone);
        table_add_pair(&table, "being accepted", view_text(attempt, "accepting"));
        table_add_pair(&table, "planned by", view_text(attempt, "who"));
        table_add_pair(&table, "why", view_text(attempt, "why"));
        table_add_pair(&table, "anyway, because", view_text(attempt, "anyway"));
        table_add_pair(&table, "votes", view_text(json_object_get(attempt, "now"), "why"));
        table_write(&table, screen, 0);
        show_outlook(screen, attempt);
        show_voters(screen, json_object_get(attempt, "voters"));
        show_items(screen, json_object_get(attempt, "items"));
        show_links(screen, json_object_get(attempt, "links"));
        if (*ways) {
                _cleanup_free_ char *text = text_format("What can be asked for now: %s", ways);

                fputc('\n', screen->out);
                screen_paragraphs(screen, 0, text);
        }
}

// "2 added, 1 changed".
static char *counts(const json_t *table)
{
        static const char *const words[] = {"added", "changed", "deleted"};
        TextList parts _cleanup_text_list_ = {0};

        for (size_t i = 0; i < ELEMENTS(words); i++) {
                json_int_t count = json_integer_value(json_object_get(table, words[i]));

                if (count)
                        text_list_take(&parts, text_format("%lld %s", (long long)count, words[i]));
        }
        return text_list_join(&parts, ", ");
}

static const char *sign_of(const json_t *row)
{
        const char *change = view_text(row, "change");

        return text_equal(change, "deleted") ? "-" : text_equal(change, "changed") ? "*" : "+";
}

void show_report(const Screen *screen, const json_t *report)
{
        _cleanup_table_ Table totals = {.columns = 2}, list = {.columns = 4};
        bool open = text_equal(view_text(report, "state"), "open");
        const json_t *tables = json_object_get(report, "tables"),
                     *rows = json_object_get(report, "rows"), *one;
        json_int_t left_out = json_integer_value(json_object_get(report, "left_out"));
        size_t i;

        fprintf(screen->out, "What users did on '%s' since it stepped in%s:\n",
                view_text(report, "site"), open ? ", which a cancel would lose" : "");
        json_array_foreach (tables, i, one) {
                _cleanup_free_ char *text = counts(one);

                table_add(&totals, view_text(one, "table"));
                table_add(&totals, text);
        }
        if (totals.count == 0)
                fprintf(screen->out, "  nothing\n");
        table_write(&totals, screen, 2);
        if (json_array_size(rows) > 0)
                fputc('\n', screen->out);
        json_array_foreach (rows, i, one) {
                table_add(&list, sign_of(one));
                table_add(&list, view_text(one, "table"));
                table_add(&list, view_text(one, "key"));
                table_add(&list, view_text(one, "text"));
        }
        table_write(&list, screen, 0);
        if (left_out)
                fprintf(screen->out, "and %lld more\n", (long long)left_out);
}
