// The Unix socket that the HTTP interface listens on.
#ifndef UNDERSTUDY_API_LISTEN_H
#define UNDERSTUDY_API_LISTEN_H

#include "base/error.h"

// Binds a stream socket at `path`, mode 0660, not yet listening, close-on-exec and not blocking. A
// socket that nobody answers at is replaced. -EADDRINUSE: somebody does; -EEXIST: a file of another
// kind is there; -ENAMETOOLONG.
int socket_bind(const char *path, int *ret_fd, Error *error) _must_use_;

#endif
