#include "cli/view.h"

#include <inttypes.h>

#include "base/text.h"
#include "cli/human.h"
#include "cli/table.h"

#define ROWS_SHOWN 40

const char *view_text(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
}

double view_number(const json_t *object, const char *name)
{
        return json_number_value(json_object_get(object, name));
}

// ---------------------------------------------------------------- values

// Whether a member's name says that it is of a kind: "bytes", "media_bytes".
static bool name_is(const char *name, const char *kind)
{
        size_t length = strlen(name), tail = strlen(kind);

        return text_ends(name, kind) && (length == tail || name[length - tail - 1] == '_');
}

static char *number_text(const char *name, const json_t *value)
{
        double number = json_number_value(value);

        if (name_is(name, "bytes"))
                return text_copy(text_bytes((uint64_t)number));
        if (name_is(name, "seconds"))
                return text_copy(human_duration(number));
        if (name_is(name, "at"))
                return text_copy(human_second(number));
        if (json_is_real(value))
                return text_format("%g", number);
        if (name_is(name, "line") || name_is(name, "job") || name_is(name, "id"))
                return text_format("%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return text_copy(human_count((uint64_t)json_integer_value(value)));
}

static void append_value(char **text, const char *name, const json_t *value)
{
        _cleanup_free_ char *part = view_value(name, value);
        char *longer;

        if (!*part)
                return;
        longer = text_format("%s%s%s", *text, **text ? ", " : "", part);
        free(*text);
        *text = longer;
}

char *view_value(const char *name, const json_t *value)
{
        char *text;
        const char *key;
        json_t *item;
        size_t i;

        if (json_is_string(value))
                return text_copy(json_string_value(value));
        if (json_is_number(value))
                return number_text(name, value);
        if (json_is_boolean(value))
                return text_copy(json_is_true(value) ? "yes" : "no");
        text = text_copy("");
        if (json_is_array(value))
                json_array_foreach (value, i, item)
                        append_value(&text, name, item);
        else if (json_is_object(value))
                json_object_foreach ((json_t *)value, key, item)
                        append_value(&text, key, item);
        return text;
}

// "media_root" to "media root", "media_bytes" to "media", for its value says the kind.
static char *words_of(const char *name)
{
        size_t length = strlen(name);
        size_t kind = text_ends(name, "_bytes") ? 6 : text_ends(name, "_seconds") ? 8 : 0;
        char *words = text_copy_n(name, length - kind);

        for (char *at = words; *at; at++)
                if (*at == '_')
                        *at = ' ';
        return words;
}

// ---------------------------------------------------------------- rows

// "needed_bytes" to "NEEDED".
static char *head_of(const char *name)
{
        char *head = words_of(name);

        for (char *at = head; *at; at++)
                if (*at >= 'a' && *at <= 'z')
                        *at = (char)(*at - 'a' + 'A');
        return head;
}

static void rows_heads(const json_t *rows, Table *table, TextList *heads, TextList *names)
{
        const char *name;
        json_t *row, *value;
        size_t i;

        // Members that are absent from one row may be in another.
        json_array_foreach (rows, i, row) {
                json_object_foreach (row, name, value) {
                        bool known = false;

                        for (size_t c = 0; c < names->count; c++)
                                known = known || strcmp(names->items[c], name) == 0;
                        if (known || names->count == TABLE_COLUMNS)
                                continue;
                        table->right[names->count] = json_is_number(value);
                        text_list_add(names, name);
                        text_list_take(heads, head_of(name));
                }
        }
        table->columns = names->count;
        for (size_t c = 0; c < heads->count; c++)
                table->heads[c] = heads->items[c];
}

void view_rows(const Screen *screen, size_t indent, const json_t *rows)
{
        _cleanup_table_ Table table = {0};
        _cleanup_text_list_ TextList heads = {0}, names = {0};
        json_t *row;
        size_t i;

        rows_heads(rows, &table, &heads, &names);
        json_array_foreach (rows, i, row) {
                for (size_t c = 0; c < names.count && i < ROWS_SHOWN; c++) {
                        _cleanup_free_ char *text =
                                view_value(names.items[c], json_object_get(row, names.items[c]));

                        table_add(&table, text);
                }
        }
        table_write(&table, screen, indent);
        if (json_array_size(rows) > ROWS_SHOWN)
                fprintf(screen->out, "%*s... and %zu more (all with --json)\n", (int)indent, "",
                        json_array_size(rows) - ROWS_SHOWN);
}

// ---------------------------------------------------------------- objects

static bool is_rows(const json_t *value)
{
        return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

// Plain members, those of objects inside with the object's name before theirs.
static void add_plain(Table *table, const char *prefix, const json_t *object)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)object, name, value) {
                _cleanup_free_ char *words = words_of(name);
                _cleanup_free_ char *label =
                        text_format("%s%s%s", prefix, *prefix ? " " : "", words);

                if (special_view(name) || is_rows(value))
                        continue;
                if (json_is_object(value)) {
                        add_plain(table, label, value);
                } else {
                        _cleanup_free_ char *text = view_value(name, value);

                        if (!*text)
                                continue;
                        table_add(table, label);
                        table_add(table, text);
                }
        }
}

void view_object(const Screen *screen, size_t indent, const json_t *object)
{
        _cleanup_table_ Table table = {.columns = 2};
        const char *name;
        json_t *value;

        add_plain(&table, "", object);
        table_write(&table, screen, indent);
        view_specials(screen, indent, object, true);
        json_object_foreach ((json_t *)object, name, value) {
                _cleanup_free_ char *words = words_of(name);

                if (special_view(name) || !is_rows(value))
                        continue;
                fprintf(screen->out, "%*s%s%s%s\n", (int)indent, "", screen_style(screen, BOLD),
                        words, screen_style(screen, PLAIN));
                view_rows(screen, indent + 2, value);
        }
}

// ---------------------------------------------------------------- failures

static void show_part(const Screen *screen, const char *name, const char *text)
{
        if (text_blank(text))
                return;
        fprintf(screen->out, "  %s%s%s\n", screen_style(screen, DIM), name,
                screen_style(screen, PLAIN));
        screen_paragraphs(screen, 4, text);
}

static void show_failure(const Screen *screen, const char *what, const char *where, const char *why,
        const char *next)
{
        _cleanup_free_ char *safe = screen_safe(text_blank(what) ? "it failed" : what);

        fprintf(screen->out, "%sFailed: %s%s\n", screen_style(screen, RED), safe,
                screen_style(screen, PLAIN));
        show_part(screen, "where", where);
        show_part(screen, "why", why);
        show_part(screen, "next", next);
}

void view_failure(const Screen *screen, const json_t *failure)
{
        show_failure(screen, view_text(failure, "what"), view_text(failure, "where"),
                view_text(failure, "why"), view_text(failure, "next"));
}

void view_error(const Screen *screen, const Error *error)
{
        show_failure(screen, error->what, error->where, error->why, error->next);
}

bool view_failure_is_a_tasks(const json_t *job)
{
        json_t *task;
        size_t i;

        json_array_foreach (json_object_get(job, "tasks"), i, task)
                if (json_equal(json_object_get(task, "failure"), json_object_get(job, "failure")))
                        return true;
        return false;
}

json_t *view_error_json(const Error *error)
{
        return json_pack("{s:{s:s?, s:s?, s:s?, s:s?, s:s?}}", "failure", "code", error->code,
                "what", error->what, "where", error->where, "why", error->why, "next", error->next);
}
