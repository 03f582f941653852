#include "site/warm.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/text.h"

// In the abstract name space: the project directory's path may be too long for a socket's, and
// nothing is left behind. Anybody may take a name there; who listens is looked at below, and who
// connects by warm.py.
static int name_of(const SiteDir *site, struct sockaddr_un *ret, socklen_t *ret_length)
{
        struct stat st;
        int length;

        if (fstat(site->fd, &st) < 0)
                return -errno;
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        length = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "understudy-warm/%llx/%llx",
                (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
        *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
        return 0;
}

static int open_socket(const SiteDir *site, struct sockaddr_un *ret, socklen_t *ret_length)
{
        int r = name_of(site, ret, ret_length);
        int fd = r < 0 ? r : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return r == 0 && fd < 0 ? -errno : fd;
}

int warm_listen(const SiteDir *site)
{
        struct sockaddr_un name;
        socklen_t length = 0;
        _cleanup_close_ int fd = open_socket(site, &name, &length);

        if (fd < 0)
                return fd;
        if (bind(fd, (struct sockaddr *)&name, length) < 0 || listen(fd, 8) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int warm_connect(const SiteDir *site)
{
        struct sockaddr_un name;
        struct ucred peer;
        socklen_t length = 0, size = sizeof(peer);
        _cleanup_close_ int fd = open_socket(site, &name, &length);

        if (fd < 0)
                return fd;
        if (connect(fd, (struct sockaddr *)&name, length) < 0 ||
                getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        return peer.uid == geteuid() ? TAKE_FD(fd) : -EPERM;
}

bool warm_suits(const char *helper)
{
        static const char *const suited[] = {
                "models", "restore", "static", "verify", "delta", "compare"};

        for (size_t i = 0; i < ELEMENTS(suited); i++)
                if (text_equal(suited[i], helper))
                        return true;
        return false;
}
