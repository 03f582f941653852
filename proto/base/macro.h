// Scope-bound cleanup and the few macros that everything uses.
#ifndef UNDERSTUDY_BASE_MACRO_H
#define UNDERSTUDY_BASE_MACRO_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(function)       __attribute__((cleanup(function)))
#define _printf_(position, first) __attribute__((__format__(__printf__, position, first)))
#define _must_use_                __attribute__((warn_unused_result))

#define ELEMENTS(array)           (sizeof(array) / sizeof((array)[0]))

// Moves a value out of a variable that a cleanup attribute guards.
#define TAKE(variable, empty)                                                                      \
        ({                                                                                         \
                __typeof__(variable) *_from = &(variable);                                         \
                __typeof__(variable) _value = *_from;                                              \
                *_from = (empty);                                                                  \
                _value;                                                                            \
        })
#define TAKE_PTR(pointer) TAKE(pointer, NULL)
#define TAKE_FD(fd)       TAKE(fd, -EBADF)

// Defines cleanup function NAMEp for a type whose destructor takes a pointer and accepts NULL.
#define DEFINE_CLEANUP(type, function)                                                             \
        static inline void function##p(type *pointer)                                              \
        {                                                                                          \
                if (*pointer)                                                                      \
                        function(*pointer);                                                        \
        }

static inline void freep(void *pointer)
{
        free(*(void **)pointer);
}

static inline void closep(const int *fd)
{
        int saved = errno;
        if (*fd >= 0)
                close(*fd);
        errno = saved;
}

DEFINE_CLEANUP(FILE *, fclose)

#define _cleanup_free_   _cleanup_(freep)
#define _cleanup_close_  _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)

#endif
