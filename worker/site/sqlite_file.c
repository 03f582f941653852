#include "site/sqlite_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"

int sqlite_file_open(
        const SiteDir *site, const char *path, int *ret_directory, char **ret_name, Error *error)
{
        const char *inside = path + strlen(site->path), *slash;
        _cleanup_free_ char *parent = NULL;
        int fd;

        if (!file_is_beneath(path, site->path) || inside[0] != '/' || !inside[1]) {
                error_set(error, -EPERM, "database-outside",
                        "the database is not in the project directory");
                error_where(error, "%s", path);
                error_why(error, "the project directory is %s", site->path);
                error_next(error,
                        "Name a file of the project directory in DATABASES of '%s'/settings.py",
                        site->path);
                return -EPERM;
        }
        inside++;
        slash = strrchr(inside, '/');
        parent = slash ? text_copy_n(inside, (size_t)(slash - inside)) : text_copy(".");
        fd = file_open_beneath(site->fd, parent, O_RDONLY | O_DIRECTORY, false);
        if (fd < 0) {
                error_set(error, fd, "database", "cannot open the database's directory");
                error_where(error, "%s", path);
                error_next(error, "Look at it: ls -ld '%s/%s'", site->path, parent);
                return fd;
        }
        *ret_directory = fd;
        *ret_name = text_copy(slash ? slash + 1 : inside);
        return 0;
}

static int sync_directory(int directory)
{
        return fsync(directory) < 0 ? -errno : 0;
}

int sqlite_file_create(int directory, const char *name, const Account *owner)
{
        _cleanup_close_ int fd =
                openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        if (geteuid() == 0 && fchown(fd, owner->uid, (gid_t)-1) < 0)
                return -errno;
        return fchmod(fd, 0660) < 0 ? -errno : sync_directory(directory);
}

bool sqlite_file_exists(int directory, const char *name)
{
        return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool sqlite_file_same(int directory, const char *a, const char *b)
{
        struct stat first, second;

        return fstatat(directory, a, &first, AT_SYMLINK_NOFOLLOW) == 0 &&
               fstatat(directory, b, &second, AT_SYMLINK_NOFOLLOW) == 0 &&
               first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static uint64_t side_size(int directory, const char *name, const char *suffix)
{
        _cleanup_free_ char *side = text_format("%s%s", name, suffix);
        struct stat st;

        return fstatat(directory, side, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

bool sqlite_file_has_wal(int directory, const char *name)
{
        return side_size(directory, name, "-wal") > 0;
}

int sqlite_file_size(int directory, const char *name, uint64_t *ret_bytes)
{
        struct stat st;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        *ret_bytes = (uint64_t)st.st_size + side_size(directory, name, "-wal");
        return 0;
}

int sqlite_file_seal(int directory, const char *name)
{
        _cleanup_close_ int fd =
                openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (side_size(directory, name, "-wal") > 0 || side_size(directory, name, "-journal") > 0)
                return -EBUSY;
        return fsync(fd) < 0 ? -errno : sqlite_file_remove_sides(directory, name);
}

int sqlite_file_adopt(int directory, const char *name, const char *model)
{
        _cleanup_close_ int fd =
                openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st, own;

        if (fd < 0 || fstatat(directory, model, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (fstat(fd, &own) < 0)
                return -errno;
        if (!S_ISREG(own.st_mode) || own.st_nlink != 1)
                return -EMLINK;
        if (fchown(fd, (uid_t)-1, st.st_gid) < 0 || fchmod(fd, st.st_mode & 0777) < 0)
                return -errno;
        return 0;
}

// One byte of SQLite's lock page, exclusively. Locks of an open file description: those of SQLite
// in other processes and ours exclude each other.
static int lock_byte(int fd, off_t byte, int64_t give_up_at, int cancel_fd)
{
        struct pollfd cancel = {.fd = cancel_fd, .events = POLLIN};

        for (;;) {
                struct flock lock = {
                        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

                if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
                        return 0;
                if (errno != EAGAIN && errno != EACCES && errno != EINTR)
                        return -errno;
                if (clock_monotonic_us() >= give_up_at)
                        return -EBUSY;
                if (poll(&cancel, 1, 10) > 0)
                        return -ECANCELED;
        }
}

int sqlite_file_lock(
        int directory, const char *name, int64_t patience_us, int cancel_fd, int *ret_fd)
{
        const off_t pending = 0x40000000, reserved = pending + 1; // sqliteInt.h
        int64_t give_up_at = clock_monotonic_us() + patience_us;
        _cleanup_close_ int fd =
                openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        int r;

        if (fd < 0)
                return -errno;
        // In this order: a writer holds RESERVED first and needs PENDING to finish.
        r = lock_byte(fd, reserved, give_up_at, cancel_fd);
        if (r == 0)
                r = lock_byte(fd, pending, give_up_at, cancel_fd);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int sqlite_file_link(int directory, const char *name, const char *second)
{
        if (linkat(directory, name, directory, second, 0) < 0)
                return -errno;
        return sync_directory(directory);
}

// Two names of one file: rename(2) would leave both.
int sqlite_file_rename(int directory, const char *from, const char *to)
{
        bool same = sqlite_file_same(directory, from, to);

        if ((same ? unlinkat(directory, from, 0) : renameat(directory, from, directory, to)) < 0)
                return -errno;
        return sync_directory(directory);
}

static int remove_one(int directory, const char *name, const char *suffix)
{
        _cleanup_free_ char *path = text_format("%s%s", name, suffix);

        return unlinkat(directory, path, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int move_one(int directory, const char *from, const char *to, const char *suffix)
{
        _cleanup_free_ char *old = text_format("%s%s", from, suffix),
                            *new = text_format("%s%s", to, suffix);

        return renameat(directory, old, directory, new) < 0 && errno != ENOENT ? -errno : 0;
}

int sqlite_file_move_sides(int directory, const char *from, const char *to)
{
        int r = remove_one(directory, from, "-shm");

        if (r == 0)
                r = move_one(directory, from, to, "-wal");
        if (r == 0)
                r = move_one(directory, from, to, "-journal");
        return r < 0 ? r : sync_directory(directory);
}

int sqlite_file_remove_sides(int directory, const char *name)
{
        int r = remove_one(directory, name, "-shm");

        if (r == 0)
                r = remove_one(directory, name, "-wal");
        if (r == 0)
                r = remove_one(directory, name, "-journal");
        return r < 0 ? r : sync_directory(directory);
}

int sqlite_file_remove(int directory, const char *name)
{
        int r = remove_one(directory, name, "");

        return r < 0 ? r : sqlite_file_remove_sides(directory, name);
}
