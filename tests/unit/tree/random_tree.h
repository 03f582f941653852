// Random trees, random changes to them, and a comparison that shares no code with the engine: for
// its property tests.
#ifndef UNDERSTUDY_TESTS_RANDOM_TREE_H
#define UNDERSTUDY_TESTS_RANDOM_TREE_H

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"

enum {
        TREE_NAMES = 14,
        TREE_SIZE_MAX = 80 * 1024,
};

typedef struct Random {
        uint64_t state;
        uint64_t stamp; // makes times unique
        unsigned left;  // entries still to make
        bool xattrs;
} Random;

static inline uint64_t random_next(Random *random) // splitmix64
{
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static inline unsigned random_below(Random *random, unsigned bound)
{
        return (unsigned)(random_next(random) % bound);
}

static inline bool random_chance(Random *random, unsigned percent)
{
        return random_below(random, 100) < percent;
}

// Every byte but '/' and NUL comes up; few enough names that two trees share many.
static inline const char *random_name(Random *random, char room[static 256])
{
        static const char *const names[TREE_NAMES] = {"a", "b", "c", "dir", "x.py", " ", "\n",
                "\xff\xfe", "-rf", "..x", "*", ".understudy-0123456789abcdef.tmp", "long", "bytes"};
        unsigned index = random_below(random, TREE_NAMES);

        if (index == TREE_NAMES - 2) {
                memset(room, 'n', 255);
                room[255] = '\0';
                return room;
        }
        if (index < TREE_NAMES - 1)
                return names[index];
        for (unsigned i = 0; i < 1 + random_below(random, 3); i++) {
                unsigned char c = (unsigned char)(1 + random_below(random, 255));

                room[i] = (char)(c == '/' ? 'S' : c);
                room[i + 1] = '\0';
        }
        return strcmp(room, ".") == 0 || strcmp(room, "..") == 0 ? "dots" : room;
}

static inline void require(bool condition, const char *what)
{
        if (!condition) {
                fprintf(stderr, "cannot make a test tree: %s: %s\n", what, strerror(errno));
                abort();
        }
}

static inline void random_time(Random *random, int dirfd, const char *name)
{
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                {.tv_sec = 1000000000 + (time_t)(random->stamp / 7),
                        .tv_nsec = (long)(random->stamp * 7919 % 1000000000)}};

        random->stamp++;
        require(utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) == 0, "utimensat");
}

static inline void random_fill(Random *random, int fd, off_t at, size_t size)
{
        _cleanup_free_ unsigned char *data = memory_new(size + 8);

        for (size_t i = 0; i < size; i += 8) {
                uint64_t word = random_next(random);

                memcpy(data + i, &word, sizeof(word));
        }
        require(pwrite(fd, data, size, at) == (ssize_t)size, "write");
}

static inline size_t random_size(Random *random)
{
        static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, 65536};

        return random_chance(random, 50) ? sizes[random_below(random, ELEMENTS(sizes))]
                                         : random_below(random, 3000);
}

static inline void random_file(Random *random, int dirfd, const char *name)
{
        int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        require(fd >= 0, "open");
        if (random_chance(random, 15)) { // holes, at any alignment
                off_t size = random_below(random, TREE_SIZE_MAX);

                for (unsigned i = 0; i < random_below(random, 3) && size > 1; i++)
                        random_fill(random, fd, random_below(random, (unsigned)size / 2 + 1),
                                random_below(random, (unsigned)size / 4 + 1));
                require(ftruncate(fd, size) == 0, "truncate");
        } else {
                random_fill(random, fd, 0, random_size(random));
        }
        close(fd);
}

// An ACL as the kernel stores it: version 2, entries of tag, permissions, id.
static inline void random_acl(Random *random, int dirfd, const char *name, bool directory)
{
        const struct {
                uint32_t version;
                struct {
                        uint16_t tag, permissions;
                        uint32_t id;
                } entries[5];
        } acl = {2, {{1, 7, UINT32_MAX}, {2, (uint16_t)random_below(random, 8), 1234},
                            {4, 5, UINT32_MAX}, {16, 7, UINT32_MAX}, {32, 4, UINT32_MAX}}};
        char path[320];

        snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
        require(lsetxattr(path,
                        directory && random_chance(random, 50) ? "system.posix_acl_default"
                                                               : "system.posix_acl_access",
                        &acl, sizeof(acl), 0) == 0,
                "acl");
}

static inline void random_xattr(Random *random, int dirfd, const char *name)
{
        static const char *const names[] = {"user.a", "user.b", "user.long name"};
        char path[320], value[64];

        memset(value, 'v', sizeof(value));
        value[0] = (char)random_below(random, 256);
        snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
        require(lsetxattr(path, names[random_below(random, 3)], value,
                        random_below(random, sizeof(value)), 0) == 0,
                "xattr");
}

static inline void random_attributes(Random *random, int dirfd, const char *name)
{
        static const mode_t modes[] = {0644, 0664, 0600, 0444, 0755, 04755, 02755, 0, 0777};
        bool root = geteuid() == 0;
        struct stat st;

        require(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0, "stat");
        if (root && random_chance(random, 30))
                require(fchownat(dirfd, name, random_below(random, 3), random_below(random, 3),
                                AT_SYMLINK_NOFOLLOW) == 0,
                        "chown");
        if (!S_ISLNK(st.st_mode)) {
                mode_t mode = modes[random_below(random, root ? ELEMENTS(modes) : 3)];

                if (S_ISDIR(st.st_mode))
                        mode |= root ? 0 : 0700;
                require(fchmodat(dirfd, name, mode, 0) == 0, "chmod");
        }
        if (random->xattrs && random_chance(random, 15) &&
                (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
                random_xattr(random, dirfd, name);
        if (random->xattrs && random_chance(random, 6) &&
                (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
                random_acl(random, dirfd, name, S_ISDIR(st.st_mode));
        random_time(random, dirfd, name);
}

// A second name for a file elsewhere in the tree: `root` and a random way down.
static inline bool random_link(Random *random, int root, int dirfd, const char *name)
{
        int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

        for (int levels = 0; levels < 6; levels++) {
                char room[256];
                const char *from = random_name(random, room);
                struct stat st;
                int next;

                if (fstatat(at, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (!S_ISDIR(st.st_mode)) {
                        bool made = linkat(at, from, dirfd, name, 0) == 0;

                        close(at);
                        return made;
                }
                next = openat(at, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        break;
                close(at);
                at = next;
        }
        close(at);
        return false;
}

static inline void random_directory(Random *random, int root, int dirfd, unsigned depth);

static inline void random_entry(
        Random *random, int root, int dirfd, const char *name, unsigned depth)
{
        unsigned kind = random_below(random, 100);

        if (random->left)
                random->left--;
        if (kind < 30 && depth < 7) {
                int fd;

                require(mkdirat(dirfd, name, 0700) == 0, "mkdir");
                fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                require(fd >= 0, "open");
                random_directory(random, root, fd, depth + 1);
                close(fd);
        } else if (kind < 42) {
                require(symlinkat(kind < 36 ? "../a" : "/etc/nowhere", dirfd, name) == 0, "link");
        } else if (kind < 46) {
                require(mkfifoat(dirfd, name, 0600) == 0, "fifo");
        } else if (kind < 58 && random_link(random, root, dirfd, name)) {
                return;
        } else {
                random_file(random, dirfd, name);
        }
        random_attributes(random, dirfd, name);
}

static inline void random_directory(Random *random, int root, int dirfd, unsigned depth)
{
        for (unsigned i = 0; i < 1 + random_below(random, 8) && random->left; i++) {
                char room[256];
                const char *name = random_name(random, room);
                struct stat st;

                if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        random_entry(random, root, dirfd, name, depth);
        }
}

// One change somewhere in the tree.
static inline void random_change(Random *random, int root)
{
        int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
        char room[256], room2[256];
        const char *name;
        struct stat st;
        bool there;

        for (;;) { // down to a random directory
                int next;

                name = random_name(random, room);
                there = fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
                if (!there || !S_ISDIR(st.st_mode) || random_chance(random, 20))
                        break;
                next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        break;
                close(at);
                at = next;
        }
        random->left = 5;
        if (!there) {
                random_entry(random, root, at, name, 3);
        } else if (S_ISREG(st.st_mode) && st.st_size > 0 && random_chance(random, 40)) {
                // An edit that shows neither in size nor in time.
                struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st.st_mtim};
                int fd = openat(at, name, O_WRONLY | O_CLOEXEC);

                if (fd >= 0) {
                        random_fill(random, fd, random_below(random, (unsigned)st.st_size), 1);
                        require(futimens(fd, times) == 0, "futimens");
                        close(fd);
                }
        } else if (random_chance(random, 30)) {
                random_attributes(random, at, name);
        } else if (random_chance(random, 30)) {
                (void)!renameat(at, name, at, random_name(random, room2));
        } else if (unlinkat(at, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) == 0 &&
                   random_chance(random, 50)) {
                random_entry(random, root, at, name, 3); // of another kind, maybe
        }
        close(at);
}

// --- comparing ---

typedef struct Pairs { // inodes of files with several names
        struct Pair {
                ino_t a, b;
        } * items;
        size_t count;
} Pairs;

static inline bool pairs_add(Pairs *pairs, ino_t a, ino_t b)
{
        for (size_t i = 0; i < pairs->count; i++)
                if (pairs->items[i].a == a || pairs->items[i].b == b)
                        return pairs->items[i].a == a && pairs->items[i].b == b;
        pairs->items = memory_grow(pairs->items, (pairs->count + 1) * sizeof(*pairs->items));
        pairs->items[pairs->count++] = (struct Pair){a, b};
        return true;
}

static inline const char *compare_xattrs(int a, const char *name, int b)
{
        char from[320], to[320], names[2048], names2[2048], value[512], value2[512];
        ssize_t size, size2;

        snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", a, name);
        snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", b, name);
        size = llistxattr(from, names, sizeof(names));
        size2 = llistxattr(to, names2, sizeof(names2));
        if (size != size2)
                return "extended attributes";
        for (const char *at = names; at < names + size; at += strlen(at) + 1) {
                ssize_t n = lgetxattr(from, at, value, sizeof(value));

                if (n < 0 || n != lgetxattr(to, at, value2, sizeof(value2)) ||
                        memcmp(value, value2, (size_t)n) != 0)
                        return "an extended attribute";
        }
        return NULL;
}

static inline const char *compare_content(int a, int b, const char *name)
{
        _cleanup_free_ char *x = NULL, *y = NULL;
        size_t n, m;

        if (file_read_at(a, name, 1 << 24, &x, &n) < 0 ||
                file_read_at(b, name, 1 << 24, &y, &m) < 0)
                return "unreadable";
        return n == m && memcmp(x, y, n) == 0 ? NULL : "content";
}

static inline const char *compare_links(int a, int b, const char *name)
{
        _cleanup_free_ char *x = NULL, *y = NULL;

        if (file_read_link_at(a, name, &x) < 0 || file_read_link_at(b, name, &y) < 0)
                return "unreadable";
        return strcmp(x, y) == 0 ? NULL : "link";
}

static inline const char *compare_stat(const struct stat *x, const struct stat *y)
{
        if (x->st_mode != y->st_mode)
                return "mode";
        if (x->st_uid != y->st_uid || x->st_gid != y->st_gid)
                return "owner";
        if (x->st_mtim.tv_sec != y->st_mtim.tv_sec || x->st_mtim.tv_nsec != y->st_mtim.tv_nsec)
                return "time";
        if (!S_ISDIR(x->st_mode) && x->st_size != y->st_size)
                return "size";
        if (S_ISREG(x->st_mode) && y->st_blocks > x->st_blocks + 16)
                return "holes";
        return NULL;
}

static inline char *compare_directories(Pairs *pairs, int a, int b, const char *path);

// NULL: equal; else what differs, allocated.
static inline char *compare_entry(Pairs *pairs, int a, int b, const char *name, const char *path)
{
        _cleanup_free_ char *here = text_format("%s/%s", path, name);
        const char *why = NULL;
        struct stat x, y;

        if (fstatat(a, name, &x, AT_SYMLINK_NOFOLLOW) < 0 ||
                fstatat(b, name, &y, AT_SYMLINK_NOFOLLOW) < 0)
                why = "missing";
        if (!why)
                why = compare_stat(&x, &y);
        if (!why)
                why = compare_xattrs(a, name, b);
        if (!why && S_ISREG(x.st_mode))
                why = compare_content(a, b, name);
        if (!why && S_ISLNK(x.st_mode))
                why = compare_links(a, b, name);
        if (!why && !S_ISDIR(x.st_mode) && (x.st_nlink > 1 || y.st_nlink > 1) &&
                !pairs_add(pairs, x.st_ino, y.st_ino))
                why = "hard links";
        if (why) {
                _cleanup_free_ char *shown = text_escape(here, strlen(here));

                return text_format("%s: %s", shown, why);
        }
        if (S_ISDIR(x.st_mode)) {
                _cleanup_close_ int from = openat(a, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                _cleanup_close_ int to = openat(b, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                return compare_directories(pairs, from, to, here);
        }
        return NULL;
}

static inline int names_read(int fd, struct dirent ***ret)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return scandir(path, ret, NULL, alphasort);
}

static inline char *compare_directories(Pairs *pairs, int a, int b, const char *path)
{
        struct dirent **x = NULL, **y = NULL;
        int n = names_read(a, &x), m = names_read(b, &y);
        char *result = NULL;

        if (n != m)
                result = text_format("%s: %d names and %d", path, n - 2, m - 2);
        for (int i = 0; i < n && !result; i++)
                if (strcmp(x[i]->d_name, ".") != 0 && strcmp(x[i]->d_name, "..") != 0)
                        result = compare_entry(pairs, a, b, x[i]->d_name, path);
        for (int i = 0; i < n; i++)
                free(x[i]);
        for (int i = 0; i < m; i++)
                free(y[i]);
        free(x);
        free(y);
        return result;
}

// NULL: equal in every way a mirror promises, the roots' own attributes among them.
static inline char *trees_compare(int a, int b)
{
        Pairs pairs = {0};
        struct stat x, y;
        const char *why;
        char *result;

        require(fstat(a, &x) == 0 && fstat(b, &y) == 0, "stat");
        why = compare_stat(&x, &y);
        result = why ? text_format(".: %s", why) : compare_directories(&pairs, a, b, ".");
        free(pairs.items);
        return result;
}

// --- places ---

// A fresh directory on a file system with extended attributes; $TREE_TEST_DIRECTORY, else tmpfs.
static inline int scratch_make(char path[static 128], bool *ret_xattrs)
{
        const char *directory = getenv("TREE_TEST_DIRECTORY");
        int fd;

        if (!directory)
                directory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(path, 128, "%s/understudy-tree.XXXXXX", directory);
        require(mkdtemp(path) != NULL, "mkdtemp");
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        require(fd >= 0, "open");
        *ret_xattrs = fsetxattr(fd, "user.test", "1", 1, 0) == 0;
        return fd;
}

static inline int directory_at(int dirfd, const char *name)
{
        int fd;

        require(mkdirat(dirfd, name, 0755) == 0 || errno == EEXIST, "mkdir");
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        require(fd >= 0, "open");
        return fd;
}

#endif
