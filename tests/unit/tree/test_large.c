// Files that several threads copy at a time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_tree.h"
#include "tree/tree.h"

enum {
        LARGE = 40 * 1024 * 1024,
        PIECE = 256 * 1024,
};

typedef struct Fixture {
        char path[128];
        int fd, source, target;
        Random random;
        Error error;
        TreeFigures figures;
        int file; // of the source
        bool cut;
} Fixture;

static const TreeOptions plain = {.cancel_fd = -1, .no_sync = true};

static int setup(void **state)
{
        Fixture *fixture = memory_new(sizeof(*fixture));

        umask(022);
        fixture->fd = scratch_make(fixture->path, &fixture->random.xattrs);
        fixture->source = directory_at(fixture->fd, "source");
        fixture->target = directory_at(fixture->fd, "target");
        fixture->file =
                openat(fixture->source, "large", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        assert_true(fixture->file >= 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        Fixture *fixture = *state;

        close(fixture->file);
        close(fixture->source);
        close(fixture->target);
        assert_int_equal(tree_remove(fixture->fd, "source", &plain, NULL, NULL), 0);
        assert_int_equal(tree_remove(fixture->fd, "target", &plain, NULL, NULL), 0);
        close(fixture->fd);
        assert_int_equal(rmdir(fixture->path), 0);
        error_clear(&fixture->error);
        free(fixture);
        return 0;
}

static void fill(Fixture *fixture)
{
        for (off_t at = 0; at < LARGE; at += PIECE)
                random_fill(&fixture->random, fixture->file, at, PIECE);
}

static void assert_same_content(Fixture *fixture)
{
        _cleanup_close_ int copy = openat(fixture->target, "large", O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *a = memory_new(PIECE), *b = memory_new(PIECE);
        struct stat st;
        ssize_t n;

        assert_int_equal(fstat(fixture->file, &st), 0);
        for (off_t at = 0; (n = pread(fixture->file, a, PIECE, at)) > 0; at += n) {
                assert_int_equal(pread(copy, b, PIECE, at), n);
                assert_memory_equal(a, b, (size_t)n);
        }
        assert_int_equal(lseek(copy, 0, SEEK_END), st.st_size);
}

static int mirror(Fixture *fixture, const TreeOptions *options)
{
        return tree_mirror(
                fixture->source, fixture->target, options, &fixture->figures, &fixture->error);
}

static void a_large_file_is_copied_whole(void **state)
{
        Fixture *fixture = *state;

        fill(fixture);
        assert_int_equal(ftruncate(fixture->file, LARGE - 12345), 0); // ends inside a block
        assert_int_equal(mirror(fixture, &plain), 0);
        assert_int_equal(fixture->figures.bytes, LARGE - 12345);
        assert_same_content(fixture);
}

static void a_large_file_keeps_its_holes(void **state)
{
        Fixture *fixture = *state;
        struct stat from, to;

        for (off_t at = 0; at < LARGE; at += 3 * 1024 * 1024 + 4096 * 17)
                random_fill(&fixture->random, fixture->file, at, 1024 * 1024 + 777);
        assert_int_equal(ftruncate(fixture->file, LARGE + 1), 0);
        assert_int_equal(mirror(fixture, &plain), 0);
        assert_same_content(fixture);
        assert_int_equal(fstat(fixture->file, &from), 0);
        assert_int_equal(fstatat(fixture->target, "large", &to, 0), 0);
        assert_true(to.st_blocks <= from.st_blocks + 64);
}

// Called while the file is copied.
static int disturb(void *userdata, const TreeFigures *figures, const char *path)
{
        Fixture *fixture = userdata;

        (void)path;
        if (figures->bytes == 0 || fixture->cut)
                return 0;
        fixture->cut = true;
        assert_int_equal(ftruncate(fixture->file, LARGE / 2), 0);
        random_fill(&fixture->random, fixture->file, 17, PIECE);
        return 0;
}

static void a_large_file_that_is_cut_off_meanwhile_is_copied_again(void **state)
{
        Fixture *fixture = *state;
        TreeOptions options = plain;

        fill(fixture);
        options.progress = disturb;
        options.userdata = fixture;
        options.bytes_per_second = 200 * 1024 * 1024;
        assert_int_equal(mirror(fixture, &options), 0);
        assert_true(fixture->cut);
        assert_same_content(fixture);
}

static int cancel(void *userdata, const TreeFigures *figures, const char *path)
{
        (void)userdata;
        (void)path;
        return figures->bytes > 0 ? -ECANCELED : 0;
}

static void a_large_file_that_is_canceled_leaves_nothing(void **state)
{
        Fixture *fixture = *state;
        TreeOptions options = plain;

        fill(fixture);
        options.progress = cancel;
        options.bytes_per_second = 50 * 1024 * 1024;
        assert_int_equal(mirror(fixture, &options), -ECANCELED);
        assert_int_equal(tree_measure(fixture->target, &plain, &fixture->figures, NULL), 0);
        assert_int_equal(fixture->figures.files, 0);
}

static void a_large_file_is_copied_by_one_thread_too(void **state)
{
        Fixture *fixture = *state;
        TreeOptions options = plain;

        fill(fixture);
        options.threads = 1;
        assert_int_equal(mirror(fixture, &options), 0);
        assert_same_content(fixture);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_large_file_is_copied_whole),
                TEST(a_large_file_keeps_its_holes),
                TEST(a_large_file_that_is_cut_off_meanwhile_is_copied_again),
                TEST(a_large_file_that_is_canceled_leaves_nothing),
                TEST(a_large_file_is_copied_by_one_thread_too),
        };

        setenv("TREE_TEST_DIRECTORY", "/var/tmp", 0); // on a disk's file system: see data_copy
        return cmocka_run_group_tests(tests, NULL, NULL);
}
