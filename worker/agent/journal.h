// What this worker has accepted and not yet been told to forget. A task stands here before the
// controller hears that it was accepted; its directory can be made again from here.
//
// How far a task is stands in its spool, and which of its events are committed only the controller
// knows: it says so in every Welcome.
//
// Changes are gathered in one transaction, which journal_commit ends.
#ifndef UNDERSTUDY_WORKER_AGENT_JOURNAL_H
#define UNDERSTUDY_WORKER_AGENT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct Journal Journal;

int journal_open(const char *path, Journal **ret, Error *error) _must_use_;
void journal_close(Journal *journal); // what is not committed is lost
DEFINE_CLEANUP(Journal *, journal_close)

// Calls `see` for each task, in the order of their acceptance. A negative return ends it.
typedef int (*JournalTaskFn)(void *userdata, const char *id, const uint8_t *packed, size_t size,
        bool canceled, Error *error);
int journal_each(Journal *journal, JournalTaskFn see, void *userdata, Error *error) _must_use_;

int journal_add(Journal *journal, const char *id, const uint8_t *packed, size_t size, Error *error)
        _must_use_;
int journal_cancel(Journal *journal, const char *id, Error *error) _must_use_;
int journal_forget(Journal *journal, const char *id, Error *error) _must_use_;

// Makes the changes durable. After a failure, here or above, none of the gathered ones holds.
int journal_commit(Journal *journal, Error *error) _must_use_;

#endif
