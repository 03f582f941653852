// The way by the database's own copy, between sites that give the same rows the same meaning.
#ifndef UNDERSTUDY_WORKER_STEPS_NATIVE_H
#define UNDERSTUDY_WORKER_STEPS_NATIVE_H

#include "steps/target.h"

typedef struct NativeQuestion {
        StepContext *context;
        const SiteDir *production, *preview;
        const DatabaseEngine *engine; // the preview's
        const Fleet__ProbeResult *production_probe, *preview_probe;
        const char *directory; // of the snapshot
} NativeQuestion;

// Why production's database cannot be copied as it is, for people, allocated; NULL: it can. Equal
// must be: engine, versions, plugins, every installed package, what both databases are made of, and
// the maintained script must be what Lino wrote.
int native_refusal(const NativeQuestion *question, char **ret, Error *error) _must_use_;

// Copies it into the staging database, proves it equal, and makes it the preview's own.
int native_restore(StepContext *context, const Fleet__RestoreArguments *arguments,
        const Target *target, Fleet__RestoreResult *result, Error *error) _must_use_;

#endif
