// Delta restore: brings a preview that answers, and holds dump A, to dump B by its changed rows
// alone (worker/python/delta.py says how). Part of the restore step, which does a full restore when
// this refuses.
//
// A full restore has to be marked for it: give delta_mark() as "mark" to worker/python/restore.py,
// which then marks the staging database when it is filled. The marker, a table in the database
// itself, names a file `hashes`/rows.ID with the hashes of all rows, and with what each object was
// made of besides its line. A delta writes a new file, changes the marker in its transaction and
// removes the other files: so marker and file always belong together, whatever is killed when.
// Keep dump A (its files, restore.py, restore2preview.py) and `hashes` until the next one is
// verified; when a database is put back, its rows.ID has to be there still.
//
// A running server keeps some rows in its memory for good, such as those of accounting_journal and
// system_siteconfig: restart it when `tables_changed` names them.
#ifndef UNDERSTUDY_WORKER_STEPS_DELTA_H
#define UNDERSTUDY_WORKER_STEPS_DELTA_H

#include "steps/target.h"

// Something that has to be as it was at the last full restore, such as {"environment", DIGEST}.
typedef struct DeltaFact {
        const char *name;  // at most 40 letters; not id, hashes, dump, quick
        const char *value; // at most 200
} DeltaFact;

// Directories are relative to the project directory, or absolute.
typedef struct DeltaSpec {
        const Target *target; // opened just now, that is past the interlock
        const Fleet__Guard *guard;
        const Fleet__Site *production;
        const char *old_dump; // A, with the restore2preview.py by which it was loaded
        const char *new_dump; // B, with its restore2preview.py
        const char *hashes;   // is there, and the site's owner may write in it
        const DeltaFact *facts;
        size_t fact_count;
        bool quick;      // without full_clean(); as the last full restore
        bool check_only; // count only, change nothing
        uint64_t limit;  // rows to save beyond which it refuses; 0: a quarter of all
} DeltaSpec;

typedef struct DeltaResult {
        TextList refused;                 // why; empty: done
        uint64_t changed, deleted, added; // rows, by the dumps' lines
        uint64_t repaired;                // rows that were edited in the preview
        uint64_t again;                   // rows that name others, and so were saved again
        uint64_t corrected;               // volumes that lay in production's project directory
        uint64_t locked_ms;               // for so long others could not write
        json_t *tables;                   // {table: rows}, of all tables
        TextList tables_changed;
} DeltaResult;

void delta_result_clear(DeltaResult *result);
#define _cleanup_delta_ _cleanup_(delta_result_clear)

// Refused is no error: `ret->refused` says why, and the preview is as it was. So it is when site
// code fails or dies. Errors are the worker's own: canceled, deadline, could not be run.
int delta_restore(StepContext *context, const DeltaSpec *spec, DeltaResult *ret, Error *error)
        _must_use_;

// What worker/python/restore.py takes as "mark". The caller's.
json_t *delta_mark(const DeltaSpec *spec);

// Compares the target's database with `other`, row by row; what differs by nature is left out (see
// worker/python/compare.py). `ret_count` is the number of differences, the first of which are told
// in `ret_differences` ("table key column: left, right"); `other_path` is the project directory of
// the site that filled `other`, or NULL.
int delta_compare(StepContext *context, const Target *target, const char *other,
        const char *other_path, uint64_t *ret_count, TextList *ret_differences, Error *error)
        _must_use_;

#endif
