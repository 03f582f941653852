#include "api/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/text.h"

static int refuse(Error *error, int result, const char *path, const char *next)
{
        error_set(error, result, "api-socket", "cannot listen for the command line");
        error_where(error, "%s", path);
        if (next)
                error_next(error, "%s", next);
        return result;
}

// Makes room for our socket at the address.
static int replace_stale(const struct sockaddr_un *address, Error *error)
{
        const char *path = address->sun_path;
        _cleanup_close_ int fd = -EBADF;
        struct stat status;

        if (lstat(path, &status) < 0)
                return errno == ENOENT ? 0 : refuse(error, -errno, path, NULL);
        if (!S_ISSOCK(status.st_mode))
                return refuse(error, -EEXIST, path, "Move that file away; it is no socket.");
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return refuse(error, -errno, path, NULL);
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
                return refuse(error, -EADDRINUSE, path,
                        "Another controller runs on this directory; stop it first.");
        if (errno != ECONNREFUSED)
                return refuse(error, -errno, path, NULL);
        return unlink(path) < 0 ? refuse(error, -errno, path, NULL) : 0;
}

int socket_bind(const char *path, int *ret_fd, Error *error)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = -EBADF;
        int result;

        if (strlen(path) >= sizeof(address.sun_path))
                return refuse(error, -ENAMETOOLONG, path,
                        "A socket's path has at most 107 bytes: choose a shorter --dir.");
        memcpy(address.sun_path, path, strlen(path) + 1);
        result = replace_stale(&address, error);
        if (result < 0)
                return result;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return refuse(error, -errno, path, NULL);
        // Nobody can connect before listen(2), so the mode is right from the first moment on.
        if (chmod(path, 0660) < 0)
                return refuse(error, -errno, path, NULL);
        *ret_fd = TAKE_FD(fd);
        return 0;
}
