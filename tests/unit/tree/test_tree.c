// What clone, mirror, remove and measure promise, on small trees written out here.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "tree/tree.h"

typedef struct Fixture {
        char path[64];
        int fd, source, target;
        Error error;
} Fixture;

static const TreeOptions plain = {.cancel_fd = -1};

static int open_directory(int dirfd, const char *name)
{
        int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void write_file(int dirfd, const char *path, const char *text)
{
        int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
        close(fd);
}

static void assert_content(int dirfd, const char *path, const char *text)
{
        _cleanup_free_ char *data = NULL;

        assert_int_equal(file_read_at(dirfd, path, 1 << 20, &data, NULL), 0);
        assert_string_equal(data, text);
}

static bool exists(int dirfd, const char *path)
{
        struct stat st;

        return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int setup(void **state)
{
        Fixture *fixture = memory_new(sizeof(*fixture));

        strcpy(fixture->path, "/tmp/tree-test.XXXXXX");
        assert_non_null(mkdtemp(fixture->path));
        fixture->fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(fixture->fd, "source", 0755), 0);
        assert_int_equal(mkdirat(fixture->fd, "target", 0755), 0);
        fixture->source = open_directory(fixture->fd, "source");
        fixture->target = open_directory(fixture->fd, "target");
        assert_int_equal(mkdirat(fixture->source, "deep", 02775), 0);
        write_file(fixture->source, "deep/file", "content");
        write_file(fixture->source, "top", "words");
        assert_int_equal(symlinkat("/production/tmp", fixture->source, "inbox"), 0);
        assert_int_equal(linkat(fixture->source, "top", fixture->source, "deep/same", 0), 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        Fixture *fixture = *state;
        Error error = ERROR_EMPTY;
        int parent = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(tree_remove(parent, fixture->path + 5, &plain, NULL, &error), 0);
        assert_false(exists(parent, fixture->path + 5));
        close(parent);
        close(fixture->fd);
        close(fixture->source);
        close(fixture->target);
        error_clear(&fixture->error);
        free(fixture);
        return 0;
}

static void a_clone_is_equal_and_keeps_hard_links(void **state)
{
        Fixture *fixture = *state;
        TreeFigures figures;
        struct stat a, b, source;
        int clone;

        assert_int_equal(
                tree_clone(fixture->source, fixture->fd, "copy", &plain, &figures, &fixture->error),
                0);
        clone = open_directory(fixture->fd, "copy");
        assert_content(clone, "deep/file", "content");
        assert_int_equal(fstatat(clone, "top", &a, 0), 0);
        assert_int_equal(fstatat(clone, "deep/same", &b, 0), 0);
        assert_int_equal(a.st_ino, b.st_ino);
        assert_int_equal(fstatat(clone, "deep", &a, 0), 0);
        assert_int_equal(fstatat(fixture->source, "deep", &source, 0), 0);
        assert_int_equal(a.st_mode, source.st_mode);
        assert_memory_equal(&a.st_mtim, &source.st_mtim, sizeof(a.st_mtim));
        close(clone);
}

static void a_clone_onto_something_that_exists_is_refused(void **state)
{
        Fixture *fixture = *state;

        assert_int_equal(
                tree_clone(fixture->source, fixture->fd, "target", &plain, NULL, &fixture->error),
                -EEXIST);
        assert_string_equal(fixture->error.code, "exists");
}

static void a_mirror_adds_changes_and_deletes(void **state)
{
        Fixture *fixture = *state;

        write_file(fixture->target, "top", "other");
        write_file(fixture->target, "stale", "stale");
        assert_int_equal(
                tree_mirror(fixture->source, fixture->target, &plain, NULL, &fixture->error), 0);
        assert_content(fixture->target, "top", "words");
        assert_content(fixture->target, "deep/file", "content");
        assert_false(exists(fixture->target, "stale"));
}

static void a_mirror_swaps_kinds(void **state)
{
        Fixture *fixture = *state;

        write_file(fixture->target, "deep", "a file where a directory belongs");
        assert_int_equal(mkdirat(fixture->target, "top", 0755), 0);
        write_file(fixture->target, "top/inside", "a directory where a file belongs");
        assert_int_equal(
                tree_mirror(fixture->source, fixture->target, &plain, NULL, &fixture->error), 0);
        assert_content(fixture->target, "top", "words");
        assert_content(fixture->target, "deep/file", "content");
}

static void excluded_names_are_neither_copied_nor_deleted(void **state)
{
        Fixture *fixture = *state;
        const char *const names[] = {"deep/file", "kept"};
        TreeOptions options = {.cancel_fd = -1, .exclude = names, .exclude_count = 2};

        write_file(fixture->target, "kept", "kept");
        assert_int_equal(
                tree_mirror(fixture->source, fixture->target, &options, NULL, &fixture->error), 0);
        assert_content(fixture->target, "kept", "kept");
        assert_false(exists(fixture->target, "deep/file"));
}

static void links_into_production_are_corrected(void **state)
{
        Fixture *fixture = *state;
        const char *const also[] = {"/production", "/prod"};
        TreeOptions options = {.cancel_fd = -1,
                .link_from = "/srv/production",
                .link_to = "/preview",
                .link_also = also,
                .link_also_count = ELEMENTS(also)};
        _cleanup_free_ char *link = NULL;
        TreeFigures figures;

        assert_int_equal(
                tree_mirror(fixture->source, fixture->target, &options, &figures, &fixture->error),
                0);
        assert_int_equal(file_read_link_at(fixture->target, "inbox", &link), 0);
        assert_string_equal(link, "/preview/tmp");
        assert_int_equal(figures.links_corrected, 1);
}

static void a_measure_counts_entries(void **state)
{
        Fixture *fixture = *state;
        TreeFigures figures;

        assert_int_equal(tree_measure(fixture->source, &plain, &figures, &fixture->error), 0);
        assert_int_equal(figures.files, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_clone_is_equal_and_keeps_hard_links),
                TEST(a_clone_onto_something_that_exists_is_refused),
                TEST(a_mirror_adds_changes_and_deletes),
                TEST(a_mirror_swaps_kinds),
                TEST(excluded_names_are_neither_copied_nor_deleted),
                TEST(links_into_production_are_corrected),
                TEST(a_measure_counts_entries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
