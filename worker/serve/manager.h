// Service managers: one row of a table for each kind. A program is known to its manager by a
// configuration file that the worker writes, or, for the kind "command", by its name alone.
#ifndef UNDERSTUDY_WORKER_SERVE_MANAGER_H
#define UNDERSTUDY_WORKER_SERVE_MANAGER_H

#include "step/step.h"

typedef enum ProgramState {
        PROGRAM_ABSENT, // its manager does not know it
        PROGRAM_STOPPED,
        PROGRAM_STARTING,
        PROGRAM_RUNNING,
        PROGRAM_STOPPING,
        PROGRAM_FAILED, // ended by itself, and is not started again
} ProgramState;

typedef struct ManagerKind ManagerKind;

// A manager of this host, as the policy configures it.
typedef struct Manager {
        const ManagerKind *kind;
        const ManagerHosting *hosting;
} Manager;

// -ENOENT with code "manager": no such kind, or none on this host by worker.conf.
int manager_find(const Policy *policy, const char *name, Manager *ret, Error *error) _must_use_;

// Template of a program's configuration for what runs in it ("uwsgi", "linod"), the caller's; NULL:
// there is none to write. And the name of the file for a program.
char *manager_template(const Manager *manager, const char *server);
char *manager_file(const Manager *manager, const char *program);

// Asks the manager. A manager that does not answer: -EIO with code "manager".
int manager_status(StepContext *context, const Manager *manager, const char *program,
        ProgramState *ret, Error *error) _must_use_;

// The manager takes note of a new or changed configuration file; of one that is about to go, and
// that is gone.
int manager_added(StepContext *context, const Manager *manager, const char *program, Error *error)
        _must_use_;
int manager_removing(
        StepContext *context, const Manager *manager, const char *program, Error *error) _must_use_;
int manager_removed(StepContext *context, const Manager *manager, const char *program, Error *error)
        _must_use_;

// Return when the manager says that it is done. To stop a program is to end what its `state` says
// of it.
int manager_start(StepContext *context, const Manager *manager, const char *program, Error *error)
        _must_use_;
int manager_stop(StepContext *context, const Manager *manager, const char *program,
        ProgramState state, Error *error) _must_use_;

// Starts a command of worker.conf, its words apart by blanks, with more words, and gathers what it
// prints, at most 64 KiB (the caller's). `ret_status` as of waitpid(2).
int manager_command(StepContext *context, const char *command, const char *more, char **ret_printed,
        int *ret_status, Error *error) _must_use_;

#endif
