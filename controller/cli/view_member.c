#include "cli/view_member.h"

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

char *view_words(const char *name)
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
        char *head = view_words(name);

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
