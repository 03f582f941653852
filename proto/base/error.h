// What a person is told when something could not be done.
//
// Leaf helpers return a negative errno and touch no Error. Module interfaces take an Error that
// they fill on failure, and return a negative errno too. Nothing below a program's outermost layer
// prints.
#ifndef UNDERSTUDY_BASE_ERROR_H
#define UNDERSTUDY_BASE_ERROR_H

#include "base/macro.h"

// All strings are owned by the Error. An Error of zeros is empty and valid.
typedef struct Error {
        char *code;  // stable and short, for programs: "no-space", "interlock"
        char *what;  // what failed
        char *where; // path, site or host
        char *why;   // the cause
        char *next;  // what to do about it, naming the command to type
} Error;

#define ERROR_EMPTY     ((Error){0})
#define _cleanup_error_ _cleanup_(error_clear)

// Replaces what `error` says: code, the sentence of what failed, and as its cause the system's
// words for `result`, a negative errno. Returns `result`. A NULL `error` is allowed. Keeps errno.
int error_set(Error *error, int result, const char *code, const char *what, ...) _printf_(4, 5);

// Replace one part. A NULL `error` is allowed.
void error_where(Error *error, const char *format, ...) _printf_(2, 3);
void error_why(Error *error, const char *format, ...) _printf_(2, 3);
void error_next(Error *error, const char *format, ...) _printf_(2, 3);

// Frees the parts and leaves the Error empty.
void error_clear(Error *error);

// Moves `from` into `to`, which is cleared first. `from` is empty afterwards.
void error_move(Error *to, Error *from);

// One line, "what: where: why. next", allocated; never NULL (aborts when memory is out).
char *error_line(const Error *error);

#endif
