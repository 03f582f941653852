// A program that gets an announcement on its standard input. Thread: the loop's.
#ifndef UNDERSTUDY_ANNOUNCE_PROGRAM_H
#define UNDERSTUDY_ANNOUNCE_PROGRAM_H

#include <event2/event.h>
#include <stdbool.h>

#include "base/error.h"

typedef struct Program Program;

// `status` as of waitpid; `late`: it took longer than its time and was killed, with its group.
typedef void (*ProgramDone)(void *userdata, int status, bool late);

// Starts `path` without arguments, in a process group of its own, its output going to /dev/null.
// The Program is gone once `done` is called.
int program_start(struct event_base *base, const char *path, const char *input, int seconds,
        ProgramDone done, void *userdata, Program **ret, Error *error) _must_use_;
// Kills it; `done` is not called.
void program_stop(Program *program);
DEFINE_CLEANUP(Program *, program_stop)

#endif
