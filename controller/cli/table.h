// Tables of texts, as wide as their contents and never wider than the screen: what does not fit is
// broken into further lines of its cell.
#ifndef UNDERSTUDY_CLI_TABLE_H
#define UNDERSTUDY_CLI_TABLE_H

#include "base/text.h"
#include "cli/screen.h"

#define TABLE_COLUMNS 10

typedef struct Table {
        size_t columns;
        const char *heads[TABLE_COLUMNS]; // NULL in the first: no line of heads
        bool right[TABLE_COLUMNS];        // numbers
        char **cells;                     // row by row
        size_t count;                     // of cells
        TextList notes;                   // a row's, "" for none; may be shorter than the rows
} Table;

// The next cell, row by row; NULL and "" are shown as "-". Copied and made safe.
void table_add(Table *table, const char *text);

// Two cells, name and value; none when the value is empty.
void table_add_pair(Table *table, const char *label, const char *text);

// Puts a text beneath the last row, over the whole width. Copied.
void table_note(Table *table, const char *text);

// Writes the table, every line behind `indent` blanks; nothing when it has no rows.
void table_write(const Table *table, const Screen *screen, size_t indent);

void table_clear(Table *table);
#define _cleanup_table_ _cleanup_(table_clear)

#endif
