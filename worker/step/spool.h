// A task's events on disk: written by its runner, followed by the daemon, kept until the controller
// has committed them all.
//
// The file is append-only: a record is the length of a packed Event and its checksum (both 32 bits,
// little-endian), then the Event. Events are numbered without gaps. Each record is one write(2), so
// a kill leaves whole records; what a crash of the machine leaves torn is cut off by the next
// writer, and readers stop before it.
//
// One writer at a time (the holder of the task's lock), any number of readers. A Spool is not
// thread-safe.
#ifndef UNDERSTUDY_WORKER_STEP_SPOOL_H
#define UNDERSTUDY_WORKER_STEP_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"
#include "fleet.pb-c.h"

// The largest packed Event: it must fit a frame of 4 MiB with the frame's own few bytes around it.
#define SPOOL_EVENT_MAX ((4U << 20) - 4096)

// Where a reader is: after event `number`, at `offset`. Zeros are the beginning.
typedef struct SpoolCursor {
        uint64_t number;
        off_t offset;
} SpoolCursor;

// Reads the next event, the caller's, and moves the cursor behind it. 1: done; 0: there is none
// (yet).
int spool_read(int fd, SpoolCursor *cursor, Fleet__Event **ret) _must_use_;

// What a whole spool says.
typedef struct SpoolSummary {
        SpoolCursor end; // number and end of the last event
        uint32_t runs;   // of the last Started
        int64_t run_at_us;
        bool finished;
} SpoolSummary;

// Reads on from summary->end. Zeros to start with.
int spool_summarize(int fd, SpoolSummary *summary) _must_use_;

typedef struct Spool Spool;

// Opens or creates the spool `name` in `dirfd`, cutting off a torn tail.
int spool_open(int dirfd, const char *name, Spool **ret) _must_use_;
void spool_close(Spool *spool);
DEFINE_CLEANUP(Spool *, spool_close)

// As found by spool_open and moved on by spool_append.
const SpoolSummary *spool_summary(const Spool *spool);

// Numbers the event and appends it. A Finished is durable on return and may use the space that the
// spool holds in reserve for it; other events get -ENOSPC before they touch the reserve. On failure
// nothing is appended. -EMSGSIZE: larger than SPOOL_EVENT_MAX.
int spool_append(Spool *spool, Fleet__Event *event) _must_use_;

// Begins anew, empty, with the next event numbered `number` + 1: for a spool that lost events which
// the controller has already committed up to `number`.
int spool_restart(Spool *spool, uint64_t number) _must_use_;

#endif
