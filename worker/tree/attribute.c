#include "tree/attribute.h"

#include <fcntl.h>

static struct timespec time_of(MetaTime time)
{
        return (struct timespec){.tv_sec = time.s, .tv_nsec = time.ns};
}

// 0: done; the bit: refused; negative: failed.
static int outcome(int result, unsigned bit)
{
        if (result == 0)
                return 0;
        return errno == EPERM || errno == EACCES || errno == EOPNOTSUPP || errno == EINVAL
                       ? (int)bit
                       : -errno;
}

void rights_read(Rights *ret)
{
        *ret = (Rights){.root = geteuid() == 0, .uid = geteuid(), .gid = getegid()};
        ret->group_count = getgroups(ELEMENTS(ret->groups), ret->groups);
}

static bool group_is_mine(const Rights *rights, gid_t gid)
{
        for (int i = 0; i < rights->group_count; i++)
                if (rights->groups[i] == gid)
                        return true;
        return gid == rights->gid;
}

static bool group_is_settable(const Rights *rights, gid_t gid)
{
        return rights->root || group_is_mine(rights, gid);
}

// Owner and group apart. Without privileges, files belong to whoever copies them, and to a group of
// theirs: that is no refusal, it is how it is.
static int owner_set(const Rights *rights, int fd, const Meta *have, const Meta *want)
{
        int flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
        uid_t uid = have->uid == want->uid || !rights->root ? (uid_t)-1 : want->uid;
        gid_t gid = have->gid == want->gid || !group_is_settable(rights, want->gid) ? (gid_t)-1
                                                                                    : want->gid;
        int owner = 0, group = 0;

        if (uid == (uid_t)-1 && gid == (gid_t)-1)
                return 0;
        if (fchownat(fd, "", uid, gid, flags) == 0)
                return 0;
        if (uid != (uid_t)-1)
                owner = outcome(fchownat(fd, "", uid, (gid_t)-1, flags), ATTRIBUTE_OWNER);
        if (owner >= 0 && gid != (gid_t)-1)
                group = outcome(fchownat(fd, "", (uid_t)-1, gid, flags), ATTRIBUTE_GROUP);
        if (owner < 0 || group < 0)
                return owner < 0 ? owner : group;
        return owner | group;
}

// A change of owner or group clears set-user-id and set-group-id. They return only to a file that
// got the owner they were meant for.
static mode_t mode_wanted(const Rights *rights, const Meta *want, int refused)
{
        mode_t mode = want->mode & 07777;

        if ((refused & ATTRIBUTE_OWNER) || (!rights->root && want->uid != rights->uid))
                mode &= ~(mode_t)S_ISUID;
        if (((refused & ATTRIBUTE_GROUP) || !group_is_settable(rights, want->gid)) &&
                !S_ISDIR(want->mode))
                mode &= ~(mode_t)S_ISGID;
        return mode;
}

static bool needs_mode(const Meta *have, const Meta *want, mode_t mode)
{
        bool owner = have->uid != want->uid || have->gid != want->gid;

        return (have->mode & 07777) != mode || (owner && (mode & (S_ISUID | S_ISGID)));
}

int attribute_set(const Rights *rights, int fd, const Meta *have, const Meta *want)
{
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(want->modified)};
        int refused = owner_set(rights, fd, have, want), result;
        mode_t mode;

        if (refused < 0)
                return refused;
        mode = mode_wanted(rights, want, refused);
        if (needs_mode(have, want, mode)) {
                result = outcome(fchmod(fd, mode), ATTRIBUTE_MODE);
                if (result < 0)
                        return result;
                refused |= result;
        }
        if (meta_time_compare(have->modified, want->modified) == 0)
                return refused;
        result = outcome(futimens(fd, times), ATTRIBUTE_TIMES);
        return result < 0 ? result : refused | result;
}

// Through a descriptor that opens nothing: the name may come to mean another file meanwhile, with a
// second name elsewhere.
int attribute_set_at(
        const Rights *rights, int dirfd, const char *name, const Meta *have, const Meta *want)
{
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(want->modified)};
        _cleanup_close_ int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        int refused, result;
        Meta now;
        mode_t mode;

        if (fd < 0)
                return -errno;
        result = meta_read(fd, "", &now);
        if (result < 0)
                return result;
        if (now.inode != have->inode || now.links > 1)
                return -ESTALE;
        refused = owner_set(rights, fd, have, want);
        if (refused < 0)
                return refused;
        mode = mode_wanted(rights, want, refused);
        if (!S_ISLNK(want->mode) && needs_mode(have, want, mode)) {
                char path[40];

                snprintf(
                        path, sizeof(path), "/proc/self/fd/%d", fd); // fchmod(2) wants an open file
                result = outcome(chmod(path, mode), ATTRIBUTE_MODE);
                if (result < 0)
                        return result;
                refused |= result;
        }
        if (meta_time_compare(have->modified, want->modified) == 0)
                return refused;
        result = outcome(utimensat(fd, "", times, AT_EMPTY_PATH), ATTRIBUTE_TIMES);
        return result < 0 ? result : refused | result;
}

bool attribute_differ(const Rights *rights, const Meta *want, const Meta *have)
{
        bool mine = rights->root || have->uid == rights->uid;

        if (S_ISDIR(want->mode) && mine && meta_time_compare(want->modified, have->modified) != 0)
                return true;
        return (rights->root && want->uid != have->uid) ||
               (mine && want->gid != have->gid && group_is_settable(rights, want->gid)) ||
               (!S_ISLNK(want->mode) && mode_wanted(rights, want, 0) != (have->mode & 07777));
}

const char *attribute_words(unsigned refused)
{
        static const char *const words[] = {
                "owner", "group", "mode", "times", "extended attributes"};
        static _Thread_local char text[80];
        size_t length = 0;

        text[0] = '\0';
        for (size_t i = 0; i < ELEMENTS(words); i++)
                if (refused & (1U << i))
                        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                length ? ", " : "", words[i]);
        return text;
}
