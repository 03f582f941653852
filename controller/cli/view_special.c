#include "cli/view_special.h"

#include <inttypes.h>

#include "base/text.h"
#include "cli/human.h"
#include "cli/table.h"
#include "cli/view_member.h"
#include "cli/view_scan.h"

// ---------------------------------------------------------------- diffs

static Style diff_style(const char *line)
{
        if (text_starts(line, "+++") || text_starts(line, "---") || text_starts(line, "diff "))
                return BOLD;
        if (text_starts(line, "@@"))
                return CYAN;
        return *line == '+' ? GREEN : *line == '-' ? RED : PLAIN;
}

// Tabs as the blanks they stand for; they are not for harm.
static char *expand_tabs(const char *line, size_t length)
{
        char *text = memory_new(length * 8 + 1), *to = text;

        for (size_t i = 0; i < length; i++) {
                size_t count = line[i] == '\t' ? 8 - (size_t)(to - text) % 8 : 1;

                memset(to, line[i] == '\t' ? ' ' : line[i], count);
                to += count;
        }
        *to = '\0';
        return text;
}

// A unified diff, in colours.
static void show_diff(const Screen *screen, size_t indent, const json_t *value)
{
        const char *diff = json_string_value(value);

        while (*diff) {
                size_t length = strcspn(diff, "\n");
                _cleanup_free_ char *line = expand_tabs(diff, length);
                _cleanup_free_ char *safe = screen_safe(line);
                Style style = diff_style(line);

                fprintf(screen->out, "%*s%s%s%s\n", *safe ? (int)indent : 0, "",
                        style == PLAIN ? "" : screen_style(screen, style), safe,
                        style == PLAIN ? "" : screen_style(screen, PLAIN));
                diff += length + (diff[length] != '\0');
        }
}

// ---------------------------------------------------------------- places in files

// Finding and Mismatch: "path:line: function: what". A long path gets the whole line.
static void show_places(const Screen *screen, size_t indent, const json_t *places)
{
        json_t *place;
        size_t i;

        json_array_foreach (places, i, place) {
                _cleanup_free_ char *path = screen_safe(view_text(place, "path"));
                const char *function = view_text(place, "function");
                const char *text = view_text(place, "what");
                json_int_t line = json_integer_value(json_object_get(place, "line"));
                _cleanup_free_ char *said = NULL;

                said = text_format("%s%s%s", function, *function ? ": " : "",
                        *text ? text : view_text(place, "text"));
                fprintf(screen->out, "%*s%s%s", (int)indent, "", screen_style(screen, BOLD), path);
                if (line)
                        fprintf(screen->out, ":%" JSON_INTEGER_FORMAT, line);
                fprintf(screen->out, "%s\n", screen_style(screen, PLAIN));
                screen_paragraphs(screen, indent + 2, said);
        }
}

// ---------------------------------------------------------------- space

static void add_amounts(Table *table, const json_t *need, const char *kind, bool bytes)
{
        _cleanup_free_ char *needed_name = text_format("needed_%s", kind);
        _cleanup_free_ char *free_name = text_format("free_%s", kind);
        uint64_t needed = (uint64_t)json_integer_value(json_object_get(need, needed_name));
        uint64_t available = (uint64_t)json_integer_value(json_object_get(need, free_name));

        if (!bytes && !needed && !available) { // the file system does not count them
                table_add(table, "");
                table_add(table, "");
                return;
        }
        table_add(table, bytes ? text_bytes(needed) : human_count(needed));
        table_add(table, bytes ? text_bytes(available) : human_count(available));
}

static void show_needs(const Screen *screen, size_t indent, const json_t *needs)
{
        _cleanup_table_ Table table = {.columns = 6,
                .heads = {"ON", "NEEDED", "FREE", "INODES", "FREE", ""},
                .right = {false, true, true, true, true, false}};
        json_t *need;
        size_t i;

        json_array_foreach (needs, i, need) {
                bool enough =
                        view_number(need, "needed_bytes") <= view_number(need, "free_bytes") &&
                        view_number(need, "needed_inodes") <= view_number(need, "free_inodes");

                table_add(&table, view_text(need, "path"));
                add_amounts(&table, need, "bytes", true);
                add_amounts(&table, need, "inodes", false);
                table_add(&table, enough ? "enough" : "TOO LITTLE");
        }
        table_write(&table, screen, indent);
}

// ---------------------------------------------------------------- ledger

static void show_differences(const Screen *screen, size_t indent, const json_t *rows)
{
        _cleanup_table_ Table table = {.columns = 5,
                .heads = {"TABLE", "WRITTEN", "LOADED", "FOUND", "ALLOWED"},
                .right = {false, true, true, true, false}};
        json_t *row;
        size_t i;

        json_array_foreach (rows, i, row) {
                const char *allowed = view_text(row, "allowed");
                bool missing = json_is_true(json_object_get(row, "missing"));

                table_add(&table, view_text(row, "table"));
                table_add(&table, human_count((uint64_t)view_number(row, "written")));
                table_add(&table, human_count((uint64_t)view_number(row, "loaded")));
                table_add(&table,
                        missing ? "no table" : human_count((uint64_t)view_number(row, "found")));
                table_add(&table, *allowed ? allowed : "NO");
        }
        table_write(&table, screen, indent);
}

static void show_lines(const Screen *screen, size_t indent, const json_t *lines)
{
        json_t *line;
        size_t i;

        json_array_foreach (lines, i, line)
                screen_paragraphs(screen, indent, json_string_value(line));
}

// ---------------------------------------------------------------- by name

static const struct {
        SpecialView view;
        bool news; // when it is not empty
} specials[] = {
        {{"diff", "Changes", show_diff}, false},
        {{"needs", "Space", show_needs}, false},
        {{"differences", "Tables whose rows differ", show_differences}, true},
        {{"mismatches", "What the new version does not take", show_places}, true},
        {{"remaining", "Where the old name still stands", show_places}, true},
        {{"special", "Not copied as regular files", view_rows}, true},
        {{"warnings", "Warnings", show_lines}, true},
        {{"found", "Sites", scan_show_sites}, true},
        {{"findings", "What is missing or unsafe", scan_show_findings}, true},
        {{"lines", "To adopt them", scan_show_lines}, true},
};

const SpecialView *special_view(const char *name)
{
        for (size_t i = 0; i < ELEMENTS(specials); i++)
                if (strcmp(specials[i].view.name, name) == 0)
                        return &specials[i].view;
        return NULL;
}

static bool is_news(const SpecialView *view)
{
        for (size_t i = 0; i < ELEMENTS(specials); i++)
                if (&specials[i].view == view)
                        return specials[i].news;
        return false;
}

static void show_special(
        const Screen *screen, size_t indent, const SpecialView *view, const json_t *value)
{
        if (json_array_size(value) == 0 && json_string_length(value) == 0)
                return;
        fprintf(screen->out, "%*s%s%s%s\n", (int)indent, "", screen_style(screen, BOLD),
                view->title, screen_style(screen, PLAIN));
        view->show(screen, indent + 2, value);
}

void view_specials(const Screen *screen, size_t indent, const json_t *object, bool all)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)object, name, value) {
                const SpecialView *view = special_view(name);

                if (view && (all || is_news(view)))
                        show_special(screen, indent, view, value);
        }
}
