// What a mirror refuses, what it survives, and what it says meanwhile.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "random_tree.h"
#include "tree/tree.h"

typedef struct Fixture {
        char path[128];
        int fd, source, target;
        Error error;
        TreeOptions options;
        TreeFigures figures;
        TextList said;
        unsigned reports;
        int cancel;
} Fixture;

static void remember(void *userdata, TreeEventKind kind, const char *path, const char *why)
{
        Fixture *fixture = userdata;

        text_list_take(&fixture->said,
                text_format("%c %s%s%s", "+*-!"[kind], path, why ? ": " : "", why ? why : ""));
}

static int setup(void **state)
{
        Fixture *fixture = memory_new(sizeof(*fixture));
        bool xattrs;

        umask(022);
        fixture->fd = scratch_make(fixture->path, &xattrs);
        fixture->source = directory_at(fixture->fd, "source");
        fixture->target = directory_at(fixture->fd, "target");
        fixture->options = (TreeOptions){.cancel_fd = -1, .event = remember, .userdata = fixture};
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        Fixture *fixture = *state;
        const TreeOptions plain = {.cancel_fd = -1};
        char *name = strrchr(fixture->path, '/');
        int parent;

        close(fixture->fd);
        close(fixture->source);
        close(fixture->target);
        *name = '\0';
        parent = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(tree_remove(parent, name + 1, &plain, NULL, NULL), 0);
        close(parent);
        error_clear(&fixture->error);
        text_list_clear(&fixture->said);
        free(fixture);
        return 0;
}

static int mirror(Fixture *fixture)
{
        return tree_mirror(fixture->source, fixture->target, &fixture->options, &fixture->figures,
                &fixture->error);
}

static void fill(int dirfd, const char *prefix, unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                _cleanup_free_ char *name = text_format("%s%u", prefix, i);

                assert_int_equal(file_write_at(dirfd, name, name, strlen(name), 0644), 0);
        }
}

static bool exists(int dirfd, const char *name)
{
        struct stat st;

        return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_equal(Fixture *fixture)
{
        _cleanup_free_ char *difference = trees_compare(fixture->source, fixture->target);

        if (difference)
                fail_msg("%s", difference);
}

static void too_many_deletions_are_refused_and_nothing_is_deleted(void **state)
{
        Fixture *fixture = *state;

        fill(fixture->source, "new", 5);
        fill(fixture->target, "old", 150);
        assert_int_equal(mirror(fixture), -ENOTEMPTY);
        assert_string_equal(fixture->error.code, "too-many-deletions");
        assert_string_equal(fixture->error.why, "150 of its 150 entries are not in the source");
        assert_true(exists(fixture->target, "old149"));
        fixture->options.anyway = true;
        assert_int_equal(mirror(fixture), 0);
        assert_equal(fixture);
}

static void deletions_inside_a_directory_count_for_the_guard(void **state)
{
        Fixture *fixture = *state;
        int old = directory_at(fixture->target, "old");

        fill(fixture->source, "new", 50);
        fill(old, "f", 120);
        close(old);
        assert_int_equal(mirror(fixture), -ENOTEMPTY);
        fixture->options.delete_percent = 100;
        assert_int_equal(mirror(fixture), 0);
        assert_equal(fixture);
}

static void few_deletions_are_made(void **state)
{
        Fixture *fixture = *state;

        fill(fixture->source, "new", 1);
        fill(fixture->target, "old", 99);
        assert_int_equal(mirror(fixture), 0);
        assert_int_equal(fixture->figures.deleted, 99);
        assert_equal(fixture);
}

static void an_empty_source_does_not_empty_the_target(void **state)
{
        Fixture *fixture = *state;

        fill(fixture->target, "old", 1);
        assert_int_equal(mirror(fixture), -ENODATA);
        assert_string_equal(fixture->error.code, "empty-source");
        assert_true(exists(fixture->target, "old0"));
}

static void a_source_on_another_file_system_than_last_time_is_refused(void **state)
{
        Fixture *fixture = *state;
        _cleanup_free_ char *cache = text_format("%s/cache", fixture->path);
        int other = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        fill(fixture->source, "f", 3);
        fixture->options.cache = cache;
        assert_int_equal(mirror(fixture), 0);
        assert_int_equal(tree_mirror(other, fixture->target, &fixture->options, &fixture->figures,
                                 &fixture->error),
                -EXDEV);
        assert_string_equal(fixture->error.code, "other-source");
        close(other);
        assert_equal(fixture);
}

static void a_damaged_cache_is_ignored(void **state)
{
        Fixture *fixture = *state;
        _cleanup_free_ char *cache = text_format("%s/cache", fixture->path);
        const struct timespec rest = {.tv_nsec = 30 * 1000 * 1000}; // older than the clock's tick

        fill(fixture->source, "f", 3);
        nanosleep(&rest, NULL);
        fixture->options.cache = cache;
        for (size_t at = 0; at < 600; at += 37) {
                int fd;

                assert_int_equal(mirror(fixture), 0);
                fd = open(cache, O_WRONLY | O_CLOEXEC);
                assert_int_equal(pwrite(fd, "damage", 6, (off_t)at), 6);
                close(fd);
                // What a trusted cache would not look at.
                require(unlinkat(fixture->target, "f1", 0) == 0, "unlink");
                assert_int_equal(mirror(fixture), 0);
                assert_equal(fixture);
        }
}

static void an_unchanged_source_costs_no_look_at_the_target(void **state)
{
        Fixture *fixture = *state;
        _cleanup_free_ char *cache = text_format("%s/cache", fixture->path);
        const struct timespec rest = {.tv_nsec = 30 * 1000 * 1000};
        int fd;

        fill(fixture->source, "f", 3);
        nanosleep(&rest, NULL);
        fixture->options.cache = cache;
        assert_int_equal(mirror(fixture), 0);
        fd = openat(fixture->target, "f1", O_WRONLY | O_TRUNC | O_CLOEXEC); // not seen before ...
        close(fd);
        assert_int_equal(mirror(fixture), 0);
        assert_int_equal(fixture->figures.changed, 0);
        fixture->options.full = true; // ... all is compared
        assert_int_equal(mirror(fixture), 0);
        assert_equal(fixture);
}

static void sockets_and_devices_are_reported_and_left_alone(void **state)
{
        Fixture *fixture = *state;

        assert_int_equal(mknodat(fixture->source, "socket", S_IFSOCK | 0600, 0), 0);
        fill(fixture->source, "f", 1);
        assert_int_equal(mknodat(fixture->target, "socket", S_IFSOCK | 0640, 0), 0);
        assert_int_equal(mirror(fixture), 0);
        assert_int_equal(fixture->said.count, 1);
        assert_string_equal(fixture->said.items[0], "! socket: a socket: not copied");
        assert_true(exists(fixture->target, "socket"));
        assert_int_equal(fixture->figures.reported, 1);
}

// Found at random: the directory takes a name of the file away, which touches its ctime, before its
// other names are compared.
static void a_name_that_becomes_a_directory_hides_no_edit_of_the_file(void **state)
{
        const struct timespec rest = {.tv_nsec = 30 * 1000 * 1000}; // longer than the clock's tick
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1700000000}};
        Fixture *fixture = *state;
        int from = directory_at(fixture->source, "z"), to, file;

        assert_int_equal(file_write_at(from, "file", "before", 6, 0644), 0);
        assert_int_equal(linkat(from, "file", from, "other", 0), 0);
        assert_int_equal(utimensat(from, "file", times, 0), 0);
        assert_int_equal(mirror(fixture), 0);
        to = directory_at(fixture->target, "z");
        for (char name[] = "m0"; name[1] < '5'; name[1]++) { // some are walked before "z"
                assert_int_equal(linkat(to, "file", fixture->target, name, 0), 0);
                close(directory_at(fixture->source, name));
        }
        file = openat(from, "file", O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(file, "edited", 6, 0), 6);
        assert_int_equal(futimens(file, times), 0);
        nanosleep(&rest, NULL);
        fixture->options.threads = 1;
        assert_int_equal(mirror(fixture), 0);
        assert_equal(fixture);
        close(file);
        close(from);
        close(to);
}

static void a_dry_run_changes_nothing(void **state)
{
        Fixture *fixture = *state;

        fill(fixture->source, "f", 2);
        fill(fixture->target, "old", 1);
        fixture->options.dry_run = true;
        assert_int_equal(mirror(fixture), 0);
        assert_false(exists(fixture->target, "f0"));
        assert_true(exists(fixture->target, "old0"));
        assert_true(fixture->said.count >= 3); // the directory's own time may differ too
}

// --- depth ---

static void names_deeper_than_any_path_are_copied_and_removed(void **state)
{
        Fixture *fixture = *state;
        int at = fcntl(fixture->source, F_DUPFD_CLOEXEC, 0);

        for (int level = 0; level < 3000; level++) {
                int next = directory_at(at, "dd");

                close(at);
                at = next;
        }
        fill(at, "deepest", 1);
        close(at);
        assert_int_equal(mirror(fixture), 0);
        assert_int_equal(tree_clone(fixture->source, fixture->fd, "clone", &fixture->options,
                                 &fixture->figures, &fixture->error),
                0);
        assert_int_equal(fixture->figures.files, 3001);
        at = directory_at(fixture->fd, "clone");
        for (int level = 0; level < 3000; level++) {
                int next = openat(at, "dd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                assert_true(next >= 0);
                close(at);
                at = next;
        }
        assert_true(exists(at, "deepest0"));
        close(at);
}

// --- cancel, progress, rate ---

static int cancel_soon(void *userdata, const TreeFigures *figures, const char *path)
{
        Fixture *fixture = userdata;
        const uint64_t one = 1;

        (void)figures;
        assert_non_null(path);
        if (++fixture->reports == 2)
                assert_int_equal(write(fixture->cancel, &one, sizeof(one)), sizeof(one));
        return 0;
}

static void make_big(Fixture *fixture, size_t size)
{
        _cleanup_free_ char *data = memory_new(size);

        memset(data, 'x', size);
        assert_int_equal(file_write_at(fixture->source, "big", data, size, 0644), 0);
}

static void a_cancel_is_obeyed_within_a_tenth_of_a_second(void **state)
{
        Fixture *fixture = *state;
        int64_t begin;

        make_big(fixture, 8 << 20);
        fixture->cancel = eventfd(0, EFD_CLOEXEC);
        fixture->options.cancel_fd = fixture->cancel;
        fixture->options.progress = cancel_soon;
        fixture->options.bytes_per_second = 1 << 20; // it would take 8 seconds
        begin = clock_monotonic_us();
        assert_int_equal(mirror(fixture), -ECANCELED);
        assert_string_equal(fixture->error.code, "canceled");
        assert_true(clock_monotonic_us() - begin < 2 * US_PER_SECOND);
        assert_false(exists(fixture->target, "big"));
        close(fixture->cancel);
}

static void a_rate_is_kept(void **state)
{
        Fixture *fixture = *state;
        int64_t begin = clock_monotonic_us();

        make_big(fixture, 4 << 20);
        fixture->options.bytes_per_second = 8 << 20;
        assert_int_equal(mirror(fixture), 0);
        assert_true(clock_monotonic_us() - begin > 400 * US_PER_MS);
        assert_equal(fixture);
}

static int refuse(void *userdata, const TreeFigures *figures, const char *path)
{
        (void)userdata, (void)figures, (void)path;
        return -EPIPE;
}

static void a_refusal_of_progress_ends_the_run(void **state)
{
        Fixture *fixture = *state;

        make_big(fixture, 4 << 20);
        fixture->options.bytes_per_second = 1 << 20;
        fixture->options.progress = refuse;
        assert_int_equal(mirror(fixture), -EPIPE);
}

// --- without privileges ---

// In a process of its own, as another user.
static void as_nobody(Fixture *fixture, int (*work)(Fixture *fixture))
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                if (setgid(65534) < 0 || setuid(65534) < 0)
                        _exit(99);
                _exit(work(fixture));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static int mirror_not_owned(Fixture *fixture)
{
        if (mirror(fixture) < 0)
                return 1;
        if (fixture->figures.reported == 0) // the directory's time could not be set
                return 2;
        return mirror(fixture) == 0 && fixture->figures.copied == 0 ? 0 : 3;
}

static void files_of_another_user_are_mirrored_where_the_group_may_write(void **state)
{
        Fixture *fixture = *state;
        struct stat st;

        if (geteuid() != 0)
                skip();
        require(fchmod(fixture->fd, 0755) == 0, "chmod");
        fill(fixture->source, "f", 3);
        fill(fixture->target, "f", 2);
        fill(fixture->target, "old", 1);
        require(fchown(fixture->target, 0, 65534) == 0 && fchmod(fixture->target, 02775) == 0,
                "chmod");
        as_nobody(fixture, mirror_not_owned);
        assert_false(exists(fixture->target, "old0"));
        assert_int_equal(fstatat(fixture->target, "f2", &st, 0), 0);
        assert_int_equal(st.st_uid, 65534);
}

static int mirror_unreadable(Fixture *fixture)
{
        if (mirror(fixture) < 0)
                return 1;
        if (fixture->figures.reported != 2)
                return 2;
        return 0;
}

static void what_cannot_be_read_is_named_and_its_copy_stays(void **state)
{
        Fixture *fixture = *state;
        int closed;

        if (geteuid() != 0)
                skip();
        require(fchmod(fixture->fd, 0755) == 0 && fchown(fixture->target, 65534, 65534) == 0,
                "chmod");
        fill(fixture->source, "f", 2);
        require(fchmodat(fixture->source, "f1", 0, 0) == 0, "chmod");
        closed = directory_at(fixture->source, "closed");
        require(fchmod(closed, 0) == 0, "chmod");
        close(closed);
        closed = directory_at(fixture->target, "closed");
        fill(closed, "kept", 1);
        require(fchown(closed, 65534, 65534) == 0, "chown");
        fill(fixture->target, "f", 2);
        require(unlinkat(fixture->target, "f1", 0) == 0, "unlink");
        as_nobody(fixture, mirror_unreadable);
        assert_true(exists(closed, "kept0"));
        close(closed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(too_many_deletions_are_refused_and_nothing_is_deleted),
                TEST(deletions_inside_a_directory_count_for_the_guard),
                TEST(few_deletions_are_made),
                TEST(an_empty_source_does_not_empty_the_target),
                TEST(a_source_on_another_file_system_than_last_time_is_refused),
                TEST(a_damaged_cache_is_ignored),
                TEST(an_unchanged_source_costs_no_look_at_the_target),
                TEST(sockets_and_devices_are_reported_and_left_alone),
                TEST(a_name_that_becomes_a_directory_hides_no_edit_of_the_file),
                TEST(a_dry_run_changes_nothing),
                TEST(names_deeper_than_any_path_are_copied_and_removed),
                TEST(a_cancel_is_obeyed_within_a_tenth_of_a_second),
                TEST(a_rate_is_kept),
                TEST(a_refusal_of_progress_ends_the_run),
                TEST(files_of_another_user_are_mirrored_where_the_group_may_write),
                TEST(what_cannot_be_read_is_named_and_its_copy_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
