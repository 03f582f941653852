#include "cli/table.h"

#include "base/text.h"

#define GAP       2
#define NARROWEST 8 // a column is not broken further

void table_add(Table *table, const char *text)
{
        table->cells = memory_grow(table->cells, (table->count + 1) * sizeof(*table->cells));
        table->cells[table->count++] = text_blank(text) ? text_copy("-") : screen_safe(text);
}

void table_add_pair(Table *table, const char *label, const char *text)
{
        if (text_blank(text))
                return;
        table_add(table, label);
        table_add(table, text);
}

void table_note(Table *table, const char *text)
{
        while (table->notes.count + 1 < table->count / table->columns)
                text_list_add(&table->notes, "");
        text_list_add(&table->notes, text);
}

void table_clear(Table *table)
{
        text_list_clear(&table->notes);
        for (size_t i = 0; i < table->count; i++)
                free(table->cells[i]);
        free(table->cells);
        *table = (Table){0};
}

// Widths that the contents ask for, then the widest ones cut until the line fits.
static void measure(const Table *table, size_t room, size_t *widths)
{
        size_t sum = GAP * (table->columns - 1);

        for (size_t c = 0; c < table->columns; c++)
                widths[c] = table->heads[0] ? text_columns(table->heads[c]) : 0;
        for (size_t i = 0; i < table->count; i++) {
                size_t columns = text_columns(table->cells[i]);

                if (columns > widths[i % table->columns])
                        widths[i % table->columns] = columns;
        }
        for (size_t c = 0; c < table->columns; c++)
                sum += widths[c];
        while (sum > room) {
                size_t widest = 0;

                for (size_t c = 1; c < table->columns; c++)
                        if (widths[c] > widths[widest])
                                widest = c;
                if (widths[widest] <= NARROWEST)
                        return;
                widths[widest]--;
                sum--;
        }
}

// Bytes of `text` for a line of `width` columns: up to a blank where there is one.
static size_t break_at(const char *text, size_t width)
{
        size_t fit = text_fit(text, width);

        if (text[fit] == '\0' || text[fit] == ' ')
                return fit;
        for (size_t i = fit; i > 1; i--)
                if (text[i - 1] == ' ')
                        return i - 1;
        return fit ? fit : text_fit(text, width + 1);
}

// Writes one line of a row's cells and moves `rest` to what is left of each; false: nothing is.
static bool write_line(const Table *table, const Screen *screen, size_t indent,
        const size_t *widths, const char **rest)
{
        size_t behind = indent; // blanks owed
        bool more = false;

        for (size_t c = 0; c < table->columns; c++) {
                size_t length = break_at(rest[c], widths[c]);
                _cleanup_free_ char *part = text_copy_n(rest[c], length);
                size_t columns = text_columns(part), pad;

                pad = widths[c] > columns ? widths[c] - columns : 0;
                if (*part)
                        fprintf(screen->out, "%*s%s", (int)(behind + (table->right[c] ? pad : 0)),
                                "", part);
                behind = *part ? (table->right[c] ? 0 : pad) : behind + widths[c];
                behind += GAP;
                rest[c] += length;
                rest[c] += strspn(rest[c], " ");
                more = more || *rest[c];
        }
        fputc('\n', screen->out);
        return more;
}

static void write_row(const Table *table, const Screen *screen, size_t indent, const size_t *widths,
        const char *const *cells)
{
        const char *rest[TABLE_COLUMNS];

        for (size_t c = 0; c < table->columns; c++)
                rest[c] = cells[c];
        while (write_line(table, screen, indent, widths, rest))
                ;
}

void table_write(const Table *table, const Screen *screen, size_t indent)
{
        size_t widths[TABLE_COLUMNS];

        if (table->count == 0 || table->columns == 0)
                return;
        measure(table, screen->width - indent, widths);
        if (table->heads[0]) {
                fputs(screen_style(screen, BOLD), screen->out);
                write_row(table, screen, indent, widths, table->heads);
                fputs(screen_style(screen, PLAIN), screen->out);
        }
        for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
                write_row(table, screen, indent, widths, (const char *const *)table->cells + i);
                if (i / table->columns < table->notes.count)
                        screen_paragraphs(
                                screen, indent + 4, table->notes.items[i / table->columns]);
        }
}
