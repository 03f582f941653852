// Programs that a step starts: an argument vector, never a shell; a process group of its own that
// does not outlive the runner; an environment given whole; output by lines; ended by cancel and
// deadline (SIGTERM, grace, SIGKILL).
#ifndef UNDERSTUDY_WORKER_SITE_PROCESS_H
#define UNDERSTUDY_WORKER_SITE_PROCESS_H

#include "step/step.h"

// One line, without its newline; `line` is NUL-terminated and lives during the call. Returns 0: the
// line is dealt with; 1: it goes to step_output, as without a callback; negative: the program is
// ended, and process_run returns it with the error that the callback filled, if it did.
typedef int (*ProcessLine)(
        void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length);

typedef struct ProcessSpec {
        const char *const *argv; // argv[0] is an absolute path or one relative to `directory`
        const char *directory;   // working directory; NULL: "/"
        const Account *account;  // dropped to when the worker is root; NULL: the worker's own
        const char *const *environment; // "NAME=value", whole; NULL: process_environment's
        const char *input;              // for its standard input; NULL: /dev/null
        size_t input_size;
        const int *fds; // passed on, as 3, 4, 5 ...
        size_t fd_count;
        ProcessLine line; // NULL: lines go to step_output
        void *userdata;
        uint32_t grace_ms; // between SIGTERM and SIGKILL; 0: 5000
        uint32_t limit_ms; // ended after this, with -ETIMEDOUT, code "slow"; 0: the task's deadline
        bool clears_up;    // runs in a canceled task, too; needs a limit
} ProcessSpec;

typedef struct ProcessResult {
        int status; // as of waitpid(2)
        char *tail; // the last lines of its standard error, at most 4 KiB; the caller's
} ProcessResult;

// Of a longer line the rest is dropped. More output than this altogether ends the program, with
// code "output".
#define PROCESS_LINE_MAX   (16U << 20)
#define PROCESS_OUTPUT_MAX (1U << 30)

// Runs a program to its end; what is left of its process group then is killed. "Could not be run"
// is a negative errno with `error`; what it answered is in `ret`.
int process_run(StepContext *context, const ProcessSpec *spec, ProcessResult *ret, Error *error)
        _must_use_;

// For programs whose only good end is exit 0: fills `error` with the exit status or signal and the
// tail else.
int process_check(StepContext *context, const ProcessSpec *spec, Error *error) _must_use_;

// "exit status 3", "it was killed by signal 9 (Killed)": a sentence's end, allocated.
char *process_status_text(int status);

// PATH, HOME, USER, LOGNAME, LANG=C.UTF-8, what the policy lets through, and nothing that could
// point a site at another (no DJANGO_*, PYTHON*, LINO_*, PG*, MYSQL_*, VIRTUAL_ENV).
// NULL-terminated, the caller's (text_list_clear).
void process_environment(const Policy *policy, const Account *account, TextList *ret);

#endif
