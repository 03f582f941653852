// Files that the worker writes into other programs' directories. Their first line says so: without
// it a file is somebody else's, and is neither replaced nor removed.
#ifndef UNDERSTUDY_WORKER_SERVE_MARKED_H
#define UNDERSTUDY_WORKER_SERVE_MARKED_H

#include <stdbool.h>

#include "base/error.h"

// Text of DIRECTORY/NAME, with its mark; NULL in `ret`: there is none. -EEXIST with code
// "not-ours": its first line is not `mark`, which ends with a newline.
int marked_read(const char *directory, const char *name, const char *mark, char **ret, Error *error)
        _must_use_;

// `text` begins with its mark. marked_read comes first.
int marked_write(const char *directory, const char *name, const char *text, Error *error)
        _must_use_;

// Missing is fine. marked_read comes first.
int marked_remove(const char *directory, const char *name, Error *error) _must_use_;

#endif
