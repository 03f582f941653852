// The engine killed at random moments, and a source that others change meanwhile. $TREE_KILLS: how
// many times (500).
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "random_tree.h"
#include "tree/tree.h"

enum {
        KILLS = 500,
        FILES = 60,
        FILE_SIZE = 40000,
        DELAY_US = 6000, // a run takes about as long
};

typedef struct Scene {
        char path[128];
        int fd, source, target;
        Random random;
        uint64_t version;
} Scene;

static const TreeOptions plain = {.cancel_fd = -1, .anyway = true};

static unsigned kills(void)
{
        uint64_t value;

        return getenv("TREE_KILLS") && text_parse_u64(getenv("TREE_KILLS"), &value) == 0
                       ? (unsigned)value
                       : KILLS;
}

static int setup(void **state)
{
        Scene *scene = memory_new(sizeof(*scene));

        umask(022);
        scene->fd = scratch_make(scene->path, &scene->random.xattrs);
        scene->source = directory_at(scene->fd, "source");
        scene->target = directory_at(scene->fd, "target");
        *state = scene;
        return 0;
}

static void remove_tree(const Scene *scene, const char *name)
{
        assert_int_equal(tree_remove(scene->fd, name, &plain, NULL, NULL), 0);
}

static int teardown(void **state)
{
        Scene *scene = *state;

        close(scene->source);
        close(scene->target);
        remove_tree(scene, "source");
        remove_tree(scene, "target");
        remove_tree(scene, "outside");
        close(scene->fd);
        assert_int_equal(rmdir(scene->path), 0);
        free(scene);
        return 0;
}

// A file that shows whether it is whole: every 8 bytes are its version.
static void write_version(Random *random, int dirfd, const char *name, uint64_t version)
{
        _cleanup_free_ uint64_t *words = memory_new(FILE_SIZE);
        _cleanup_close_ int fd = -EBADF;

        for (size_t i = 0; i < FILE_SIZE / 8; i++)
                words[i] = version;
        (void)unlinkat(dirfd, name, 0);
        fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        require(fd >= 0 && write(fd, words, FILE_SIZE) == FILE_SIZE, "write");
        random_time(random, dirfd, name);
}

static void source_make(Scene *scene)
{
        for (unsigned i = 0; i < FILES; i++) {
                char directory[16], name[16];
                _cleanup_close_ int fd = -EBADF;

                snprintf(directory, sizeof(directory), "d%u", random_below(&scene->random, 8));
                snprintf(name, sizeof(name), "f%u", i % 20);
                fd = directory_at(scene->source, directory);
                write_version(&scene->random, fd, name, ++scene->version);
        }
}

static void assert_whole(int dirfd, const char *name, const struct stat *st)
{
        _cleanup_free_ char *data = NULL;
        size_t size;

        assert_int_equal(file_read_at(dirfd, name, 1 << 20, &data, &size), 0);
        assert_int_equal(size, st->st_size);
        assert_int_equal(size, FILE_SIZE);
        for (size_t at = 8; at < size; at += 8)
                assert_memory_equal(data, data + at, 8);
}

// Every published file is whole, the old one or the new one.
static void assert_all_whole(int dirfd)
{
        struct dirent **names = NULL;
        int count = names_read(dirfd, &names);

        for (int i = 0; i < count; i++) {
                const char *name = names[i]->d_name;
                struct stat st;

                if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
                        text_starts(name, ".understudy-"))
                        continue;
                assert_int_equal(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
                if (S_ISDIR(st.st_mode)) {
                        int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                        assert_all_whole(fd);
                        close(fd);
                } else {
                        assert_whole(dirfd, name, &st);
                }
        }
        for (int i = 0; i < count; i++)
                free(names[i]);
        free(names);
}

static void run_and_kill(Scene *scene, int (*work)(Scene *scene))
{
        struct timespec delay = {.tv_nsec = random_below(&scene->random, DELAY_US) * 1000L};
        pid_t pid = fork();

        if (pid == 0)
                _exit(work(scene) == 0 ? 0 : 1);
        nanosleep(&delay, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int mirror(Scene *scene)
{
        _cleanup_free_ char *cache = text_format("%s/cache", scene->path);
        TreeOptions options = plain;

        options.cache = cache;
        return tree_mirror(scene->source, scene->target, &options, NULL, NULL);
}

static int clone(Scene *scene)
{
        return tree_clone(scene->source, scene->fd, "clone", &plain, NULL, NULL);
}

static void assert_equal(Scene *scene, int target)
{
        _cleanup_free_ char *difference = trees_compare(scene->source, target);

        if (difference)
                fail_msg("%s", difference);
}

// Caches half written.
static void remove_leftovers(int dirfd)
{
        struct dirent **names = NULL;
        int count = names_read(dirfd, &names);

        for (int i = 0; i < count; i++) {
                if (text_starts(names[i]->d_name, ".understudy-"))
                        require(unlinkat(dirfd, names[i]->d_name, 0) == 0, "unlink");
                free(names[i]);
        }
        free(names);
}

static void a_killed_mirror_leaves_whole_files_and_the_next_run_converges(void **state)
{
        Scene *scene = *state;

        for (unsigned i = 0; i < kills(); i++) {
                if (i % 4 == 0) {
                        char name[16];

                        snprintf(name, sizeof(name), "d%u", random_below(&scene->random, 8));
                        remove_tree(&(Scene){.fd = scene->source}, name);
                        source_make(scene);
                }
                run_and_kill(scene, mirror);
                assert_all_whole(scene->target);
                if (i % 4 == 3) {
                        assert_int_equal(mirror(scene), 0);
                        assert_equal(scene, scene->target);
                }
        }
        require(unlinkat(scene->fd, "cache", 0) == 0, "cache");
        remove_leftovers(scene->fd);
}

static void a_killed_clone_is_there_whole_or_not_at_all(void **state)
{
        Scene *scene = *state;

        source_make(scene);
        for (unsigned i = 0; i < kills() / 5; i++) {
                struct stat st;

                run_and_kill(scene, clone);
                if (fstatat(scene->fd, "clone", &st, AT_SYMLINK_NOFOLLOW) < 0)
                        assert_int_equal(clone(scene), 0);
                {
                        int fd = directory_at(scene->fd, "clone");

                        assert_equal(scene, fd);
                        close(fd);
                }
                remove_tree(scene, "clone");
        }
}

// --- a hostile source ---

// Swaps, adds, deletes, renames and truncates; links lead out of the tree, to the canary.
static void mutate(Scene *scene, int root)
{
        for (;;) {
                char from[16], to[16], path[40];
                int fd;

                snprintf(from, sizeof(from), "d%u", random_below(&scene->random, 8));
                snprintf(to, sizeof(to), "d%u", random_below(&scene->random, 8));
                snprintf(path, sizeof(path), "%s/f%u", to, random_below(&scene->random, 20));
                switch (random_below(&scene->random, 6)) {
                case 0: // a directory becomes a link out of the tree, and comes back
                        if (renameat(root, from, root, "aside") == 0) {
                                (void)!symlinkat("../outside", root, from);
                                (void)unlinkat(root, from, 0);
                                (void)!renameat(root, "aside", root, from);
                        }
                        break;
                case 1:
                        (void)unlinkat(root, path, 0);
                        (void)!symlinkat("../../outside/canary", root, path);
                        break;
                case 2:
                        (void)!renameat(root, from, root, to);
                        (void)!mkdirat(root, from, 0755);
                        break;
                case 3:
                        fd = openat(root, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
                        if (fd >= 0) {
                                (void)!ftruncate(fd, random_below(&scene->random, FILE_SIZE));
                                close(fd);
                        }
                        break;
                case 4:
                        (void)unlinkat(root, path, 0);
                        fd = openat(root, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
                        if (fd >= 0) {
                                (void)!write(fd, path, sizeof(path));
                                close(fd);
                        }
                        break;
                default:
                        (void)!renameat2(root, from, root, path, RENAME_EXCHANGE);
                }
        }
}

static pid_t mutator_start(Scene *scene, int root)
{
        pid_t pid = fork();

        scene->random.stamp++;
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that fails leaves nobody behind
                scene->random.state += scene->random.stamp;
                mutate(scene, root);
        }
        return pid;
}

static void mutator_stop(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void tell(void *userdata, TreeEventKind kind, const char *path, const char *why)
{
        (void)userdata;
        if (kind == TREE_SPECIAL)
                assert_non_null(why);
        assert_non_null(path);
}

// No file of the target has the canary's content, and the canary is as it was.
static void assert_no_escape(int dirfd)
{
        struct dirent **names = NULL;
        int count = names_read(dirfd, &names);

        for (int i = 0; i < count; i++) {
                const char *name = names[i]->d_name;
                _cleanup_free_ char *data = NULL;
                struct stat st;

                if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
                        fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                        if (S_ISDIR(st.st_mode)) {
                                int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                                assert_no_escape(fd);
                                close(fd);
                        } else if (S_ISREG(st.st_mode) &&
                                   file_read_at(dirfd, name, 1 << 20, &data, NULL) == 0) {
                                assert_null(strstr(data, "canary of a test"));
                                assert_true(!text_equal(name, "canary"));
                        }
                }
        }
        for (int i = 0; i < count; i++)
                free(names[i]);
        free(names);
}

static void canary_make(Scene *scene)
{
        _cleanup_close_ int outside = directory_at(scene->fd, "outside");

        assert_int_equal(file_write_at(outside, "canary", "canary of a test", 16, 0644), 0);
}

static void assert_canary(Scene *scene)
{
        _cleanup_close_ int outside = directory_at(scene->fd, "outside");
        _cleanup_free_ char *data = NULL;
        struct dirent **names = NULL;
        int count = names_read(outside, &names);

        assert_int_equal(count, 3);
        for (int i = 0; i < count; i++)
                free(names[i]);
        free(names);
        assert_int_equal(file_read_at(outside, "canary", 100, &data, NULL), 0);
        assert_string_equal(data, "canary of a test");
}

// After the mutator: its links would lead the test itself out of the tree.
static void source_reset(Scene *scene)
{
        close(scene->source);
        remove_tree(scene, "source");
        scene->source = directory_at(scene->fd, "source");
        source_make(scene);
}

static void a_source_that_changes_all_the_time_is_never_left(void **state)
{
        Scene *scene = *state;
        _cleanup_free_ char *cache = text_format("%s/cache", scene->path);
        TreeOptions options = plain;

        options.event = tell;
        options.cache = cache;
        canary_make(scene);
        for (unsigned i = 0; i < kills() / 10; i++) {
                _cleanup_error_ Error error = ERROR_EMPTY;
                pid_t pid;

                source_reset(scene);
                pid = mutator_start(scene, scene->source);
                for (int run = 0; run < 3; run++)
                        (void)!tree_mirror(scene->source, scene->target, &options, NULL, &error);
                mutator_stop(pid);
                assert_no_escape(scene->target);
                assert_canary(scene);
                assert_int_equal(
                        tree_mirror(scene->source, scene->target, &options, NULL, &error), 0);
                assert_equal(scene, scene->target);
        }
        require(unlinkat(scene->fd, "cache", 0) == 0, "cache");
}

// The target belongs to a site too.
static void a_target_that_changes_all_the_time_is_never_left(void **state)
{
        Scene *scene = *state;

        canary_make(scene);
        source_make(scene);
        for (unsigned i = 0; i < kills() / 10; i++) {
                _cleanup_error_ Error error = ERROR_EMPTY;
                pid_t pid = mutator_start(scene, scene->target);

                for (int run = 0; run < 3; run++)
                        (void)!tree_mirror(scene->source, scene->target, &plain, NULL, &error);
                mutator_stop(pid);
                assert_canary(scene);
                assert_int_equal(
                        tree_mirror(scene->source, scene->target, &plain, NULL, &error), 0);
                assert_equal(scene, scene->target);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_killed_mirror_leaves_whole_files_and_the_next_run_converges),
                TEST(a_killed_clone_is_there_whole_or_not_at_all),
                TEST(a_source_that_changes_all_the_time_is_never_left),
                TEST(a_target_that_changes_all_the_time_is_never_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
