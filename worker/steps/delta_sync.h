// Deltas as part of a synchronisation: what is kept for them in the preview (steps/marker.h), when
// one is compared with a full restore, and what is told.
//
//      dump        the verified dump that the preview holds, as second names of the mirrored files
//      rows.ID     see steps/delta.h
//      compared    when a delta was last compared with a full restore, seconds since the epoch
#ifndef UNDERSTUDY_WORKER_STEPS_DELTA_SYNC_H
#define UNDERSTUDY_WORKER_STEPS_DELTA_SYNC_H

#include "steps/delta.h"

typedef struct DeltaSync {
        StepContext *context;
        const Fleet__RestoreArguments *arguments;
        const Target *target;
} DeltaSync;

// Brings the live preview to the new dump in one transaction. 0: done, `result` is filled; 1:
// refused, with nothing changed; the reasons are noted and in `result`.
int delta_sync_restore(const DeltaSync *sync, Fleet__RestoreResult *result, Error *error)
        _must_use_;

// What a full restore takes to make the next one's delta possible; NULL when it cannot be kept,
// which is noted. The caller's.
json_t *delta_sync_mark(const DeltaSync *sync);

// Whether a delta is to be compared with a full restore now.
bool delta_sync_is_due(const DeltaSync *sync);

// Compares the live preview with `staging`, row by row; differences are added to `result`.
int delta_sync_compare(const DeltaSync *sync, const char *staging, Fleet__RestoreResult *result,
        Error *error) _must_use_;

// Once the preview is verified: keeps `snapshot` as the dump that it holds, and drops row hashes
// other than `rows`; "": a delta has done so. What cannot be kept is noted; the next restore is a
// full one then.
void delta_sync_keep(
        StepContext *context, const SiteDir *preview, const char *snapshot, const char *rows);

#endif
