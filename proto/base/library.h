// Shared libraries that are loaded when they are first wanted. Most runs of a program do without
// them, and the loader would take longer for them (libcurl and what it needs: 5 ms) than the
// program takes for its work.
#ifndef UNDERSTUDY_BASE_LIBRARY_H
#define UNDERSTUDY_BASE_LIBRARY_H

#include "base/error.h"

// A function and the pointer that is set to it. The name, for LIBRARY_FUNCTION, is both the
// function's and the member's.
typedef struct LibraryFunction {
        const char *name;
        void *pointer;
} LibraryFunction;

#define LIBRARY_FUNCTION(table, function)                                                          \
        {                                                                                          \
#function, &(table).function                                                       \
        }
#define LIBRARY_MEMBER(function) __typeof__(function) *function

// Sets all pointers; -ELIBACC, code "library", with what the loader says. The library
// stays until the process ends; to load it again costs little.
int library_load(const char *file, const LibraryFunction *functions, size_t count, Error *error)
        _must_use_;

#endif
