// System calls that fail: a full disk, an exceeded quota, a bad sector, no descriptors left, a file
// system gone read-only. The engine's calls land in this program first, which lets one of them
// fail. $TREE_FAULTS: how many (1,500).
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_tree.h"
#include "tree/tree.h"

enum {
        FAULTS = 1500,
        ENTRIES = 40,
};

// The calls of one name, from now on: the `left`th fails.
static const char *fault_call;
static int fault_errno;
static atomic_int fault_left;
static atomic_int fault_hits;

static bool fault(const char *call)
{
        if (!fault_call || strcmp(call, fault_call) != 0 || atomic_fetch_sub(&fault_left, 1) != 1)
                return false;
        atomic_fetch_add(&fault_hits, 1);
        errno = fault_errno;
        return true;
}

#define NAME_AND_ARGUMENTS(name, parameters, arguments, type)                                      \
        type name parameters;                                                                      \
        type name parameters                                                                       \
        {                                                                                          \
                static type(*real) parameters;                                                     \
                                                                                                   \
                if (fault(#name))                                                                  \
                        return (type)-1;                                                           \
                if (!real)                                                                         \
                        real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                        \
                return real arguments;                                                             \
        }
#define CALL(name, parameters, arguments)  NAME_AND_ARGUMENTS(name, parameters, arguments, int)
#define SIZED(name, parameters, arguments) NAME_AND_ARGUMENTS(name, parameters, arguments, ssize_t)

int openat(int dirfd, const char *path, int flags, ...)
{
        static int (*real)(int, const char *, int, ...);
        mode_t mode = 0;
        va_list rest;

        if (fault("openat"))
                return -1;
        if (!real)
                real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
        va_start(rest, flags);
        if (flags & O_CREAT)
                mode = va_arg(rest, mode_t); // NOLINT(clang-analyzer-valist.Uninitialized)
        va_end(rest);
        return real(dirfd, path, flags, mode);
}
CALL(mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode))
CALL(symlinkat, (const char *text, int dirfd, const char *path), (text, dirfd, path))
CALL(linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
CALL(unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags))
CALL(renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
        (a, from, b, to, flags))
CALL(futimens, (int fd, const struct timespec times[2]), (fd, times))
CALL(fchmod, (int fd, mode_t mode), (fd, mode))
CALL(fchownat, (int dirfd, const char *path, uid_t uid, gid_t gid, int flags),
        (dirfd, path, uid, gid, flags))
CALL(statx, (int dirfd, const char *path, int flags, unsigned mask, struct statx *x),
        (dirfd, path, flags, mask, x))
CALL(syncfs, (int fd), (fd))
SIZED(getdents64, (int fd, void *buffer, size_t size), (fd, buffer, size))
SIZED(copy_file_range, (int a, off_t *from, int b, off_t *to, size_t size, unsigned flags),
        (a, from, b, to, size, flags))
SIZED(read, (int fd, void *buffer, size_t size), (fd, buffer, size))
SIZED(write, (int fd, const void *buffer, size_t size), (fd, buffer, size))
SIZED(pread, (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at))
SIZED(pwrite, (int fd, const void *buffer, size_t size, off_t at), (fd, buffer, size, at))
CALL(fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))

static const char *const calls[] = {"openat", "mkdirat", "symlinkat", "linkat", "unlinkat",
        "renameat2", "futimens", "fchmod", "fchownat", "statx", "syncfs", "getdents64",
        "copy_file_range", "read", "write", "pread", "pwrite", "fallocate"};
static const int errors[] = {ENOSPC, EDQUOT, EACCES, EIO, EMFILE, EROFS};

static unsigned count_descriptors(void)
{
        struct dirent **names = NULL;
        int count = scandir("/proc/self/fd", &names, NULL, NULL);

        for (int i = 0; i < count; i++)
                free(names[i]);
        free(names);
        return (unsigned)count;
}

static uint64_t setting(const char *name, uint64_t fallback)
{
        uint64_t value;

        return getenv(name) && text_parse_u64(getenv(name), &value) == 0 ? value : fallback;
}

static void describe(uint64_t seed, const char *call, int error, const char *what, const char *more)
{
        fprintf(stderr, "TREE_SEED=%" PRIu64 " TREE_FAULTS=1: %s, %s: %s: %s\n", seed, call,
                strerror(error), what, more);
}

// Whatever fails: an error with its reason, or nothing wrong; and afterwards it can be done.
static void one_fault(int fd, Random *random, uint64_t seed)
{
        TreeOptions options = {.cancel_fd = -1, .anyway = true, .full = true};
        _cleanup_close_ int source = directory_at(fd, "source"),
                            target = directory_at(fd, "target");
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *difference = NULL;
        unsigned before, after;
        int result;

        random->state = seed;
        random->left = ENTRIES;
        random_directory(random, source, source, 0);
        random->left = ENTRIES;
        random_directory(random, target, target, 0);
        before = count_descriptors();

        fault_errno = errors[random_below(random, ELEMENTS(errors))];
        atomic_store(&fault_left, 1 + (int)random_below(random, 12));
        fault_call = calls[random_below(random, ELEMENTS(calls))];
        result = tree_mirror(source, target, &options, NULL, &error);
        if (result < 0 && (!error.code || !error.why || !error.what))
                describe(seed, fault_call, fault_errno, "no reason", error.what ? error.what : "");
        assert_true(result == 0 || (error.code && error.why && error.what));
        fault_call = NULL;

        after = count_descriptors();
        assert_int_equal(before, after);
        error_clear(&error);
        result = tree_mirror(source, target, &options, NULL, &error);
        if (result < 0)
                describe(seed, "again", 0, error.what, error.why);
        assert_int_equal(result, 0);
        difference = trees_compare(source, target);
        if (difference)
                describe(seed, "again", 0, "different", difference);
        assert_null(difference);
        assert_int_equal(tree_remove(fd, "source", &options, NULL, &error), 0);
        assert_int_equal(tree_remove(fd, "target", &options, NULL, &error), 0);
}

static void after_any_fault_the_next_run_converges(void **state)
{
        uint64_t faults = setting("TREE_FAULTS", FAULTS), first = setting("TREE_SEED", 1);
        Random random = {0};
        char path[128];
        int fd = scratch_make(path, &random.xattrs);

        (void)state;
        umask(022);
        for (uint64_t seed = first; seed < first + faults; seed++)
                one_fault(fd, &random, seed);
        close(fd);
        assert_int_equal(rmdir(path), 0);
        printf("%d of %" PRIu64 " faults met a call\n", atomic_load(&fault_hits), faults);
        assert_true(faults < 100 || (uint64_t)atomic_load(&fault_hits) > faults / 4);
}

static void mirror_with(const char *call, int number, int expected, const char *where)
{
        const TreeOptions options = {.cancel_fd = -1};
        _cleanup_error_ Error error = ERROR_EMPTY;
        Random random = {0};
        char path[128];
        int fd = scratch_make(path, &random.xattrs);
        int source = directory_at(fd, "source"), target = directory_at(fd, "target");

        assert_int_equal(file_write_at(source, "file\n", "content", 7, 0644), 0);
        fault_errno = number;
        atomic_store(&fault_left, 1);
        fault_call = call;
        assert_int_equal(tree_mirror(source, target, &options, NULL, &error), expected);
        fault_call = NULL;
        assert_string_equal(error.where, where);
        assert_non_null(error.next);
        close(source);
        close(target);
        assert_int_equal(tree_remove(fd, "source", &options, NULL, NULL), 0);
        assert_int_equal(tree_remove(fd, "target", &options, NULL, NULL), 0);
        close(fd);
        assert_int_equal(rmdir(path), 0);
}

static void a_full_disk_is_an_error_with_the_path_and_a_way_out(void **state)
{
        (void)state;
        mirror_with("pwrite", ENOSPC, -ENOSPC, "file\\n");
        mirror_with("pwrite", EDQUOT, -EDQUOT, "file\\n");
        mirror_with("pwrite", EIO, -EIO, "file\\n");
        mirror_with("pread", EIO, -EIO, "file\\n");
        mirror_with("renameat2", EROFS, -EROFS, "file\\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_full_disk_is_an_error_with_the_path_and_a_way_out),
                cmocka_unit_test(after_any_fault_the_next_run_converges),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
