// Following a job as it happens.
//
// Each event is a JSON object {seq, at, type, ...}; `seq` grows by one within a job, so a watcher
// that was cut off goes on with after=seq. Types: "job" {job: Job without tasks}, "task" {task:
// Task}, "progress" {label, progress}, "log" {label, stream: "note" | "output" | "errors", text}.
// Old progress events may be left out.
#ifndef UNDERSTUDY_TELL_WATCH_H
#define UNDERSTUDY_TELL_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct Controller Controller;
typedef struct Watch Watch;

// Called on the loop's thread, at most every 100 ms, with all that came since: a JSON array of
// events. `last` is set with the last events of a job that has ended or waits for a person; no call
// follows it.
typedef void (*WatchFn)(void *userdata, json_t *events, bool last);

// Starts with the first event after `after` (0: all). -ENOENT: no such job. The caller ends it with
// watch_free, also after `last`.
int watch_new(Controller *controller, uint64_t job, uint64_t after, WatchFn fn, void *userdata,
        Watch **ret, Error *error) _must_use_;
void watch_free(Watch *watch);

#endif
