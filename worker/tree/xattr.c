#include "tree/xattr.h"

#include <sys/xattr.h>

#include "base/text.h"

enum {
        NAMES_MAX = 64 * 1024, // XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux
        VALUE_MAX = 64 * 1024,
        PATH_ROOM = 320, // "/proc/self/fd/N/" and a name of 255 bytes
};

// The l...xattr(2) calls take no descriptor of a directory; the kernel's own link to it does as
// well. Its last component, the name, is not followed.
static const char *path_of(XattrFile file, char room[static PATH_ROOM])
{
        snprintf(room, PATH_ROOM, "/proc/self/fd/%d/%s", file.fd, file.name);
        return room;
}

static ssize_t names_read(XattrFile file, char *names, size_t size)
{
        char path[PATH_ROOM];
        ssize_t n = file.name ? llistxattr(path_of(file, path), names, size)
                              : flistxattr(file.fd, names, size);

        if (n < 0)
                return errno == ENOTSUP ? 0 : -errno;
        return n;
}

static ssize_t value_read(XattrFile file, const char *name, char *value)
{
        char path[PATH_ROOM];
        ssize_t n = file.name ? lgetxattr(path_of(file, path), name, value, VALUE_MAX)
                              : fgetxattr(file.fd, name, value, VALUE_MAX);

        return n < 0 ? -errno : n;
}

static int value_write(XattrFile file, const char *name, const char *value, size_t size)
{
        char path[PATH_ROOM];
        int result = file.name ? lsetxattr(path_of(file, path), name, value, size, 0)
                               : fsetxattr(file.fd, name, value, size, 0);

        return result < 0 ? -errno : 0;
}

static int value_remove(XattrFile file, const char *name)
{
        char path[PATH_ROOM];
        int result =
                file.name ? lremovexattr(path_of(file, path), name) : fremovexattr(file.fd, name);

        return result < 0 && errno != ENODATA ? -errno : 0;
}

static bool is_copied(const char *name)
{
        return text_starts(name, "user.") || text_starts(name, "system.posix_acl_") ||
               text_equal(name, "security.capability") ||
               (text_starts(name, "trusted.") && geteuid() == 0);
}

static bool names_have(const char *names, ssize_t size, const char *name)
{
        for (const char *at = names; at < names + size; at += strlen(at) + 1)
                if (strcmp(at, name) == 0)
                        return true;
        return false;
}

// Worth going on after: the rest may succeed.
static bool is_refusal(int result)
{
        return result == -EPERM || result == -EACCES || result == -EOPNOTSUPP;
}

// What is where, read at most once per call of this module.
typedef struct Values {
        char from_names[NAMES_MAX], to_names[NAMES_MAX];
        char from[VALUE_MAX], to[VALUE_MAX];
} Values;

static int copy_one(Values *values, XattrFile from, XattrFile to, bool fresh, const char *name)
{
        ssize_t size = value_read(from, name, values->from), have;

        if (size == -ENODATA) // removed meanwhile
                return 0;
        if (size < 0)
                return (int)size;
        have = fresh ? -ENODATA : value_read(to, name, values->to);
        if (have == size && memcmp(values->from, values->to, (size_t)size) == 0)
                return 0;
        return value_write(to, name, values->from, (size_t)size) ?: 1;
}

// Goes through the attributes of `file`, calls nothing, keeps the first refusal.
#define KEEP(result, step)                                                                         \
        do {                                                                                       \
                int _step = (step);                                                                \
                if (_step < 0 && !is_refusal(_step))                                               \
                        return _step;                                                              \
                if (_step != 0 && (result) >= 0)                                                   \
                        (result) = _step;                                                          \
        } while (0)

int xattr_make_equal(XattrFile from, XattrFile to, bool fresh)
{
        _cleanup_free_ Values *values = NULL;
        ssize_t from_size = names_read(from, NULL, 0),
                to_size = fresh ? 0 : names_read(to, NULL, 0);
        int result = 0;

        if (from_size <= 0 && to_size <= 0)
                return from_size < 0 ? (int)from_size : (int)to_size;
        values = memory_new(sizeof(*values));
        from_size = names_read(from, values->from_names, NAMES_MAX);
        to_size = fresh ? 0 : names_read(to, values->to_names, NAMES_MAX);
        if (from_size < 0 || to_size < 0)
                return from_size < 0 ? (int)from_size : (int)to_size;
        for (const char *name = values->to_names; name < values->to_names + to_size;
                name += strlen(name) + 1)
                if (is_copied(name) && !names_have(values->from_names, from_size, name))
                        KEEP(result, value_remove(to, name) ?: 1);
        for (const char *name = values->from_names; name < values->from_names + from_size;
                name += strlen(name) + 1)
                if (is_copied(name))
                        KEEP(result, copy_one(values, from, to, fresh, name));
        return result;
}

int xattr_differ(XattrFile a, XattrFile b)
{
        _cleanup_free_ Values *values = NULL;
        ssize_t a_size = names_read(a, NULL, 0), b_size = names_read(b, NULL, 0);

        if (a_size <= 0 && b_size <= 0)
                return 0;
        values = memory_new(sizeof(*values));
        a_size = names_read(a, values->from_names, NAMES_MAX);
        b_size = names_read(b, values->to_names, NAMES_MAX);
        if (a_size < 0 || b_size < 0)
                return a_size < 0 ? (int)a_size : (int)b_size;
        for (const char *name = values->to_names; name < values->to_names + b_size;
                name += strlen(name) + 1)
                if (is_copied(name) && !names_have(values->from_names, a_size, name))
                        return 1;
        for (const char *name = values->from_names; name < values->from_names + a_size;
                name += strlen(name) + 1) {
                ssize_t size;

                if (!is_copied(name))
                        continue;
                size = value_read(a, name, values->from);
                if (size != value_read(b, name, values->to) ||
                        (size > 0 && memcmp(values->from, values->to, (size_t)size) != 0))
                        return 1;
        }
        return 0;
}

int xattr_remove_all(XattrFile file)
{
        _cleanup_free_ char *names = NULL;
        ssize_t size = names_read(file, NULL, 0);

        if (size <= 0)
                return (int)size;
        names = memory_new(NAMES_MAX);
        size = names_read(file, names, NAMES_MAX);
        if (size < 0)
                return (int)size;
        for (const char *name = names; name < names + size; name += strlen(name) + 1) {
                int result = is_copied(name) ? value_remove(file, name) : 0;

                if (result < 0)
                        return result;
        }
        return 0;
}

bool xattr_has_default_acl(int fd)
{
        return fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0;
}
