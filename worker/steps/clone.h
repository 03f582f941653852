// What a clone is made without, and how it is known as one.
#ifndef UNDERSTUDY_WORKER_STEPS_CLONE_H
#define UNDERSTUDY_WORKER_STEPS_CLONE_H

#include "site/site.h"

// In every project directory that the clone step made; says which job of which controller it was.
#define CLONE_MARKER ".understudy-clone"

// Where a dump lies, relative to the project directory.
#define SNAPSHOT_DIRECTORY "snapshot2preview"

// Paths in production's project directory, relative to it, that belong to production alone: the
// environment, the log, the dump, the database's files, compiled Python, sockets and process
// numbers. `probe` may be NULL.
int clone_left_out(const SiteDir *production, const Fleet__ProbeResult *probe, TextList *ret,
        Error *error) _must_use_;

// Did a clone step make this project directory? With `origin`, all that its marker says: this one?
bool clone_made(const SiteDir *site, const char *origin);

#endif
