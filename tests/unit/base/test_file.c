#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "test.h"

static char *directory;
static int directory_fd = -EBADF;

static int set_up(void **state)
{
        (void)state;
        directory = text_copy("/tmp/understudy-test-file-XXXXXX");
        if (!mkdtemp(directory))
                return -1;
        directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return directory_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
        const char *const argv[] = {"rm", "-rf", directory, NULL};
        pid_t pid = fork();

        (void)state;
        if (pid == 0) {
                execvp(argv[0], (char *const *)argv);
                _exit(127);
        }
        close(directory_fd);
        free(directory);
        return 0;
}

static void what_is_written_is_read_again(void **state)
{
        _cleanup_free_ char *data = NULL;
        size_t size = 0;
        struct stat st;

        (void)state;
        assert_int_equal(file_write_at(directory_fd, "a", "one\0two", 7, 0640), 0);
        assert_int_equal(file_read_at(directory_fd, "a", 100, &data, &size), 0);
        assert_int_equal(size, 7);
        assert_memory_equal(data, "one\0two", 8);
        assert_int_equal(fstatat(directory_fd, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_write_that_fails_leaves_the_file_and_no_rest(void **state)
{
        struct stat st;

        (void)state;
        assert_int_equal(mkdirat(directory_fd, "d", 0700), 0);
        assert_int_equal(file_write_at(directory_fd, "d", "x", 1, 0600), -EISDIR);
        assert_int_equal(fstatat(directory_fd, "d", &st, 0), 0);
        assert_int_equal(unlinkat(directory_fd, "d", AT_REMOVEDIR), 0);
        assert_int_equal(file_write_at(directory_fd, "missing/x", "x", 1, 0600), -ENOENT);
}

static void a_file_over_the_limit_is_not_read(void **state)
{
        char *data = NULL;

        (void)state;
        assert_int_equal(file_write_at(directory_fd, "big", "12345", 5, 0600), 0);
        assert_int_equal(file_read_at(directory_fd, "big", 4, &data, NULL), -EFBIG);
        assert_null(data);
}

static void a_fifo_is_refused_without_waiting(void **state)
{
        char *data = NULL;

        (void)state;
        assert_int_equal(mkfifoat(directory_fd, "fifo", 0600), 0);
        assert_int_equal(file_read_at(directory_fd, "fifo", 100, &data, NULL), -EINVAL);
}

static void nothing_opens_outside_the_root(void **state)
{
        static const char *const ways_out[] = {"../..", "/etc/passwd", "away", "deep/../../.."};

        (void)state;
        assert_int_equal(symlinkat("/etc/passwd", directory_fd, "away"), 0);
        assert_int_equal(mkdirat(directory_fd, "deep", 0700), 0);
        for (size_t i = 0; i < ELEMENTS(ways_out); i++) {
                assert_true(file_open_beneath(directory_fd, ways_out[i], O_RDONLY, false) < 0);
                assert_true(file_open_beneath(directory_fd, ways_out[i], O_RDONLY, true) < 0);
        }
}

static void links_within_the_root_are_followed_only_when_asked(void **state)
{
        int fd;

        (void)state;
        assert_int_equal(file_write_at(directory_fd, "target", "x", 1, 0600), 0);
        assert_int_equal(symlinkat("target", directory_fd, "link"), 0);
        assert_int_equal(file_open_beneath(directory_fd, "link", O_RDONLY, false), -ELOOP);
        fd = file_open_beneath(directory_fd, "link", O_RDONLY, true);
        assert_true(fd >= 0);
        close(fd);
}

static void a_link_is_replaced_in_one_step(void **state)
{
        _cleanup_free_ char *target = NULL;

        (void)state;
        assert_int_equal(file_replace_link_at(directory_fd, "prod", "anna"), 0);
        assert_int_equal(file_replace_link_at(directory_fd, "prod", "berta"), 0);
        assert_int_equal(file_read_link_at(directory_fd, "prod", &target), 0);
        assert_string_equal(target, "berta");
}

static void directories_are_made_with_their_parents(void **state)
{
        _cleanup_free_ char *path = text_format("%s/x/y/z", directory);
        _cleanup_free_ char *through_file = text_format("%s/file/y", directory);

        (void)state;
        assert_int_equal(file_make_directories(path, 0750), 0);
        assert_int_equal(file_make_directories(path, 0750), 0);
        assert_int_equal(file_write_at(directory_fd, "file", "", 0, 0600), 0);
        assert_int_equal(file_make_directories(through_file, 0750), -ENOTDIR);
}

static void beneath_is_a_matter_of_whole_names(void **state)
{
        (void)state;
        assert_true(file_is_beneath("/srv/lino/anna", "/srv/lino"));
        assert_true(file_is_beneath("/srv/lino", "/srv/lino/"));
        assert_false(file_is_beneath("/srv/lino2", "/srv/lino"));
        assert_false(file_is_beneath("/srv", "/srv/lino"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read_again),
                cmocka_unit_test(a_write_that_fails_leaves_the_file_and_no_rest),
                cmocka_unit_test(a_file_over_the_limit_is_not_read),
                cmocka_unit_test(a_fifo_is_refused_without_waiting),
                cmocka_unit_test(nothing_opens_outside_the_root),
                cmocka_unit_test(links_within_the_root_are_followed_only_when_asked),
                cmocka_unit_test(a_link_is_replaced_in_one_step),
                cmocka_unit_test(directories_are_made_with_their_parents),
                cmocka_unit_test(beneath_is_a_matter_of_whole_names),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
