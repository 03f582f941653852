// Starting a program, and holding on to all that it starts.
//
// The program's process group is led by a keeper, a child of the runner that only waits for the
// runner's end of a pipe to close. However the runner ends, the group is killed then; and the
// group's number belongs to nobody else before the keeper is waited for.
#ifndef UNDERSTUDY_WORKER_SITE_SPAWN_H
#define UNDERSTUDY_WORKER_SITE_SPAWN_H

#include "site/process.h"

typedef struct Spawned {
        pid_t keeper; // also the process group
        int keeper_fd;
        pid_t pid;
        int pidfd;
        int streams[2]; // what it prints: standard output, standard error; non-blocking
} Spawned;

#define SPAWNED_EMPTY ((Spawned){.keeper_fd = -EBADF, .pidfd = -EBADF, .streams = {-EBADF, -EBADF}})

// Returns once the program runs: a failing exec is an error here.
int spawn(const Policy *policy, const ProcessSpec *spec, Spawned *ret, Error *error) _must_use_;

// Signals the whole group.
void spawn_signal(const Spawned *child, int signal);

// Kills what is left of the group and waits for the program. May be called again.
int spawn_wait(Spawned *child);

// spawn_wait, and closes everything.
void spawn_clear(Spawned *child);

#endif
