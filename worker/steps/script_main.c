// main() of a restore.py: what comes before its execfile lines, the lines themselves, what comes
// after.
#include "steps/script_main.h"

#include <ctype.h>

// A line of main()'s own indentation with what belongs to it.
typedef struct Item {
        char *text;  // lines, comments above an execfile line among them
        char *file;  // "x_1" of a line that is, or was, execfile("x_1.py" ...); else NULL
        char *table; // "x"
        bool commented;
        bool loads; // another statement with execfile lines inside, such as an "if"
        bool own;   // stays as it is, having been made by hand
} Item;

typedef struct Items {
        Item *items;
        size_t count;
} Items;

typedef struct Body {
        char *head, *tail;
        Items lines;
} Body;

static void items_clear(Items *items)
{
        for (size_t i = 0; i < items->count; i++) {
                free(items->items[i].text);
                free(items->items[i].file);
                free(items->items[i].table);
        }
        free(items->items);
}

static void body_clear(Body *body)
{
        free(body->head);
        free(body->tail);
        items_clear(&body->lines);
}

static void items_insert(Items *items, size_t at, Item take_item)
{
        items->items = memory_grow(items->items, (items->count + 1) * sizeof(*items->items));
        memmove(items->items + at + 1, items->items + at,
                (items->count - at) * sizeof(*items->items));
        items->items[at] = take_item;
        items->count++;
}

static Item item_copy(const Item *item)
{
        Item copy = *item;

        copy.text = text_copy(item->text);
        copy.file = text_copy(item->file);
        copy.table = text_copy(item->table);
        return copy;
}

static void append(char **text, const char *more, size_t length)
{
        char *joined = text_format("%s%.*s", *text ? *text : "", (int)length, more);

        free(*text);
        *text = joined;
}

// Where in a line the name in execfile("name.py" begins, and its length; false: it is no such line.
static bool find_file(const char *line, size_t length, size_t *ret_start, size_t *ret_length)
{
        size_t at = 0, end;

        while (at < length && strchr(" \t#", line[at]))
                at++;
        if (length - at < strlen("execfile(") || strncmp(line + at, "execfile(", 9) != 0)
                return false;
        for (at += 9; at < length && strchr(" \t", line[at]); at++)
                ;
        if (at >= length || (line[at] != '"' && line[at] != '\''))
                return false;
        for (end = ++at; end < length && line[end] != '"' && line[end] != '\''; end++)
                ;
        if (end == length || end - at < 4 || strncmp(line + end - 3, ".py", 3) != 0)
                return false;
        *ret_start = at;
        *ret_length = end - 3 - at;
        return true;
}

static bool has_function(const ScriptUnits *const scripts[3], const char *file)
{
        _cleanup_free_ char *key = text_format("def create_%s", file);

        for (int i = 0; i < 3; i++)
                if (script_units_find(scripts[i], key))
                        return true;
        return false;
}

// "x" of "x_1", unless there is a table of that name.
static char *table_of(const ScriptUnits *const scripts[3], const char *file)
{
        size_t length = strlen(file), digits = 0;

        while (digits < length && isdigit((unsigned char)file[length - digits - 1]))
                digits++;
        if (digits == 0 || digits + 1 >= length || file[length - digits - 1] != '_' ||
                has_function(scripts, file))
                return text_copy(file);
        return text_copy_n(file, length - digits - 1);
}

static size_t indentation(const char *line)
{
        return strspn(line, " \t");
}

static bool blank_line(const char *line, size_t length)
{
        return strspn(line, " \t\r\n") >= length;
}

static size_t line_length(const char *line)
{
        size_t length = strcspn(line, "\n");

        return length + (line[length] == '\n');
}

static bool loads_inside(const char *text)
{
        size_t start, length;

        for (const char *line = text; *line; line += line_length(line))
                if (find_file(line, strcspn(line, "\n"), &start, &length))
                        return true;
        return false;
}

static Item item_make(const char *text, size_t length, const ScriptUnits *const scripts[3])
{
        Item item = {.text = text_copy_n(text, length)};
        size_t start, name;

        if (find_file(item.text, strcspn(item.text, "\n"), &start, &name)) {
                item.file = text_copy_n(item.text + start, name);
                item.table = table_of(scripts, item.file);
                item.commented = memchr(item.text, '#', start) != NULL;
        } else {
                item.loads = loads_inside(item.text);
        }
        return item;
}

// The lines after the first that are part of the same statement: indented deeper.
static size_t statement_length(const char *line, size_t indent)
{
        size_t length = line_length(line), kept = length;

        if (line[indentation(line)] == '#' || blank_line(line, length))
                return length;
        while (line[length]) {
                const char *next = line + length;
                size_t size = line_length(next);

                length += size;
                if (blank_line(next, size))
                        continue; // belongs to it if more of it follows
                if (indentation(next) <= indent)
                        return kept;
                kept = length;
        }
        return kept;
}

// A comment goes with the execfile line below it.
static void attach_comments(Items *items)
{
        for (size_t i = items->count; i-- > 1;) {
                Item *item = &items->items[i], *above = &items->items[i - 1];
                const char *start = above->text + indentation(above->text);

                if (!item->file || above->file || *start != '#')
                        continue;
                append(&above->text, item->text, strlen(item->text));
                free(item->text);
                above->file = item->file;
                above->table = item->table;
                above->commented = item->commented;
                memmove(item, item + 1, (items->count - i - 1) * sizeof(*item));
                items->count--;
        }
}

static void split_lines(const char *text, const ScriptUnits *const scripts[3], Items *ret)
{
        const char *line = text;
        size_t indent = 4, length;

        while (*line && !text_starts(line, SCRIPT_MAIN)) // comments above it
                line += line_length(line);
        line += line_length(line);
        items_insert(ret, 0, (Item){.text = text_copy_n(text, (size_t)(line - text))});
        if (*line)
                indent = indentation(line);
        for (; *line; line += length) {
                length = statement_length(line, indent);
                items_insert(ret, ret->count, item_make(line, length, scripts));
        }
}

static void body_parse(const char *text, const ScriptUnits *const scripts[3], Body *ret)
{
        Items all _cleanup_(items_clear) = {0};
        size_t first = SIZE_MAX, last = 0;

        *ret = (Body){.head = text_copy(""), .tail = text_copy("")};
        split_lines(text, scripts, &all);
        attach_comments(&all);
        for (size_t i = 0; i < all.count; i++) {
                if (!all.items[i].file && !all.items[i].loads)
                        continue;
                first = first == SIZE_MAX ? i : first;
                last = i;
        }
        for (size_t i = 0; i < all.count; i++) {
                const Item *item = &all.items[i];

                if (i < first)
                        append(&ret->head, item->text, strlen(item->text));
                else if (i > last)
                        append(&ret->tail, item->text, strlen(item->text));
                else
                        items_insert(&ret->lines, ret->lines.count, item_copy(item));
        }
}

static const Item *find_item(const Items *items, const char *file)
{
        for (size_t i = 0; i < items->count; i++)
                if (text_equal(items->items[i].file, file))
                        return &items->items[i];
        return NULL;
}

static bool has_table(const Items *items, const char *table)
{
        for (size_t i = 0; i < items->count; i++)
                if (text_equal(items->items[i].table, table))
                        return true;
        return false;
}

static bool has_text(const Items *items, const char *text)
{
        for (size_t i = 0; i < items->count; i++)
                if (text_equal(items->items[i].text, text))
                        return true;
        return false;
}

// Is the table loaded inside another statement?
static bool loaded_inside(
        const Items *items, const char *table, const ScriptUnits *const scripts[3])
{
        size_t start, length;

        for (size_t i = 0; i < items->count; i++) {
                if (!items->items[i].loads)
                        continue;
                for (const char *line = items->items[i].text; *line; line += line_length(line)) {
                        _cleanup_free_ char *file = NULL, *found = NULL;

                        if (!find_file(line, strcspn(line, "\n"), &start, &length))
                                continue;
                        file = text_copy_n(line + start, length);
                        found = table_of(scripts, file);
                        if (text_equal(found, table))
                                return true;
                }
        }
        return false;
}

// The line that says how `file` is loaded by hand: its own; or when the table had other parts, one
// of theirs, and it is only commented out if they all are.
static const Item *hand_line(const Items *ours, const Item *theirs)
{
        const Item *own = find_item(ours, theirs->file), *found = NULL;

        if (own)
                return own;
        for (size_t i = 0; i < ours->count; i++) {
                const Item *item = &ours->items[i];

                if (text_equal(item->table, theirs->table) &&
                        (!found || (found->commented && !item->commented)))
                        found = item;
        }
        return found;
}

static char *with_file(const char *text, const char *file)
{
        size_t start, length;
        const char *line = text;

        while (*line && !find_file(line, strcspn(line, "\n"), &start, &length))
                line += line_length(line);
        if (!*line)
                return text_copy(text);
        return text_format(
                "%.*s%s%s", (int)(line + start - text), text, file, line + start + length);
}

// A statement made by hand around execfile lines: each table's files as they are now.
static char *refresh_statement(
        const Item *statement, const Items *theirs, const ScriptUnits *const scripts[3])
{
        TextList done _cleanup_text_list_ = {0};
        char *result = text_copy("");
        size_t start, length;

        for (const char *line = statement->text; *line; line += line_length(line)) {
                _cleanup_free_ char *file = NULL, *table = NULL, *own = NULL;
                bool again = false;

                if (!find_file(line, strcspn(line, "\n"), &start, &length)) {
                        append(&result, line, line_length(line));
                        continue;
                }
                file = text_copy_n(line + start, length);
                own = text_copy_n(line, line_length(line));
                table = table_of(scripts, file);
                for (size_t i = 0; i < done.count; i++)
                        again = again || text_equal(done.items[i], table);
                if (again)
                        continue;
                text_list_add(&done, table);
                if (!has_table(theirs, table)) {
                        _cleanup_free_ char *gone =
                                text_format("%.*spass  # %s.py is no longer dumped\n",
                                        (int)indentation(line), line, file);

                        append(&result, gone, strlen(gone));
                }
                for (size_t i = 0; i < theirs->count; i++) {
                        _cleanup_free_ char *part = NULL;

                        if (!text_equal(theirs->items[i].table, table))
                                continue;
                        part = with_file(own, theirs->items[i].file);
                        append(&result, part, strlen(part));
                }
        }
        return result;
}

// The lines of `theirs`, in its order, each as it was left by hand.
static void merge_lines(const Items *base, const Items *ours, const Items *theirs,
        const ScriptUnits *const scripts[3], Items *ret)
{
        for (size_t i = 0; i < theirs->count; i++) {
                const Item *line = &theirs->items[i], *hand = NULL, *old;
                Item item = item_copy(line);

                if (line->file) {
                        hand = hand_line(ours, line);
                        if (!hand && (has_table(base, line->table) ||
                                             loaded_inside(ours, line->table, scripts))) {
                                free(item.text); // removed by hand, or loaded elsewhere
                                free(item.file);
                                free(item.table);
                                continue;
                        }
                        old = hand ? find_item(base, hand->file) : NULL;
                        if (hand && (!old || !text_equal(old->text, hand->text))) {
                                free(item.text);
                                item.text = with_file(hand->text, line->file);
                        }
                }
                items_insert(ret, ret->count, item);
        }
}

static size_t position_of(const Items *items, const Item *item)
{
        size_t found = SIZE_MAX;

        for (size_t i = 0; i < items->count; i++)
                if (!items->items[i].own &&
                        (item->file ? text_equal(items->items[i].table, item->table)
                                    : text_equal(items->items[i].text, item->text)))
                        found = i; // the last part of a table
        return found;
}

// What was added by hand goes after what it stands after by hand.
static void insert_handmade(const Items *base, const Items *ours, const Items *theirs,
        const ScriptUnits *const scripts[3], Items *ret)
{
        size_t after = 0;

        for (size_t i = 0; i < ours->count; i++) {
                const Item *item = &ours->items[i];
                size_t at = position_of(ret, item);

                if (at != SIZE_MAX) {
                        after = at + 1;
                        continue;
                }
                // restore.py had it and no longer has it, or it is a table that is gone.
                if (item->file ? has_table(base, item->table) : has_text(base, item->text))
                        continue;
                items_insert(ret, after, item_copy(item));
                ret->items[after].own = true;
                if (item->loads) {
                        free(ret->items[after].text);
                        ret->items[after].text = refresh_statement(item, theirs, scripts);
                }
                after++;
        }
}

static void count_main(ScriptMerge *merge, const char *base, const char *ours, const char *theirs)
{
        bool by_hand = strcmp(base, ours) != 0, anew = strcmp(base, theirs) != 0;

        merge->merged += by_hand && anew;
        merge->kept += by_hand && !anew;
        merge->taken += !by_hand && anew;
}

// Without a base, no line of `theirs` counts as removed by hand.
static void suppose_lines(const Items *ours, const ScriptUnits *const scripts[3], Items *base)
{
        size_t kept = 0;

        for (size_t i = 0; i < base->count; i++) {
                Item *item = &base->items[i];

                if (item->file && (has_table(ours, item->table) ||
                                          loaded_inside(ours, item->table, scripts))) {
                        base->items[kept++] = *item;
                        continue;
                }
                free(item->text);
                free(item->file);
                free(item->table);
        }
        base->count = kept;
}

char *script_merge_main(ScriptMerge *merge, const char *base, const char *ours, const char *theirs,
        const ScriptUnits *const scripts[3])
{
        Body old _cleanup_(body_clear) = {0}, edited _cleanup_(body_clear) = {0};
        Body new _cleanup_(body_clear) = {0};
        Items lines _cleanup_(items_clear) = {0};
        _cleanup_free_ char *head = NULL, *tail = NULL;
        ScriptMerge parts = {0};
        char *text;

        body_parse(base ? base : theirs, scripts, &old);
        body_parse(ours, scripts, &edited);
        body_parse(theirs, scripts, &new);
        if (!base)
                suppose_lines(&edited.lines, scripts, &old.lines);
        merge_lines(&old.lines, &edited.lines, &new.lines, scripts, &lines);
        insert_handmade(&old.lines, &edited.lines, &new.lines, scripts, &lines);
        head = script_merge_text(&parts, old.head, edited.head, new.head);
        tail = script_merge_text(&parts, old.tail, edited.tail, new.tail);
        merge->conflicts += parts.conflicts;
        count_main(merge, base ? base : theirs, ours, theirs);
        text = text_copy(head);
        for (size_t i = 0; i < lines.count; i++)
                append(&text, lines.items[i].text, strlen(lines.items[i].text));
        append(&text, tail, strlen(tail));
        return text;
}
