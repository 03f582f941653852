// What Lino prints while it dumps and restores (Lino 24.11 to 26.9), line by line. Lines that mean
// nothing to us are ignored: there are many, and every version has new ones.
#ifndef UNDERSTUDY_WORKER_SITE_LINO_OUTPUT_H
#define UNDERSTUDY_WORKER_SITE_LINO_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

typedef struct LinoTable {
        char *name;
        uint64_t rows; // of the whole table, also when it comes in parts
} LinoTable;

// Zeros are the state before the first line.
typedef struct LinoOutput {
        bool wrote; // "Wrote N objects to ..."
        uint64_t objects_written;

        char *database; // "`initdb ` started on database ..."
        LinoTable *tables;
        size_t table_count; // in the order of loading; the last one is where a failure happened
        uint64_t deferred;  // messages about objects that are saved later
        bool loaded;        // "Loaded N objects"
        uint64_t objects_loaded;

        bool abandoned; // "Abandoning with N unsaved instances"
        uint64_t objects_abandoned;
        TextList unsaved; // "app.Model reason (N object(s) with primary key ...)", the first ones
} LinoOutput;

void lino_output_line(LinoOutput *output, const char *line);
void lino_output_clear(LinoOutput *output);
#define _cleanup_lino_output_ _cleanup_(lino_output_clear)

#endif
