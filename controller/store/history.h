// What was done, by whom, and how it ended: only ever appended to.
#ifndef UNDERSTUDY_STORE_HISTORY_H
#define UNDERSTUDY_STORE_HISTORY_H

#include "store/row.h"

typedef struct HistoryRow {
        int64_t id;
        int64_t at_us;
        char *who;
        char *series; // NULL: none
        int64_t job;  // 0: none
        char *event;  // "host invited", "preview prepared" ...
        char *detail; // a sentence for people
        char *data;   // JSON for programs, or NULL
} HistoryRow;

DEFINE_ROW(HistoryRow, history)
#define _cleanup_history_ _cleanup_(history_clear)

// Appends an entry of now; its strings are borrowed.
int history_add(Store *store, const HistoryRow *entry, Error *error) _must_use_;

// The newest `limit` entries, oldest of them first; of one series, or NULL for all.
int history_get(Store *store, const char *series, int64_t limit, Rows *ret, Error *error)
        _must_use_;

#endif
