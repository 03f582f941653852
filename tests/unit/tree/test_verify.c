// Manifests: written while cloning or of a tree as it is, and what verify finds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_tree.h"
#include "tree/manifest.h"
#include "tree/tree.h"

typedef struct Fixture {
        char path[128];
        char *manifest;
        int fd, source;
        Random random;
        Error error;
        TreeOptions options;
        TextList said;
} Fixture;

static void remember(void *userdata, TreeEventKind kind, const char *path, const char *why)
{
        Fixture *fixture = userdata;

        if (kind == TREE_SPECIAL)
                text_list_take(&fixture->said, text_format("%s: %s", path, why));
}

static int setup(void **state)
{
        Fixture *fixture = memory_new(sizeof(*fixture));

        umask(022);
        fixture->fd = scratch_make(fixture->path, &fixture->random.xattrs);
        fixture->manifest = text_format("%s/manifest", fixture->path);
        fixture->source = directory_at(fixture->fd, "source");
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
        *name = '\0';
        parent = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(tree_remove(parent, name + 1, &plain, NULL, NULL), 0);
        close(parent);
        error_clear(&fixture->error);
        text_list_clear(&fixture->said);
        free(fixture->manifest);
        free(fixture);
        return 0;
}

static int verify(Fixture *fixture, int tree)
{
        text_list_clear(&fixture->said);
        return tree_verify(tree, fixture->manifest, &fixture->options, NULL, &fixture->error);
}

static void a_clone_and_its_source_are_what_the_manifest_says(void **state)
{
        Fixture *fixture = *state;

        for (unsigned seed = 1; seed <= 60; seed++) {
                const TreeOptions plain = {.cancel_fd = -1};
                int clone;

                fixture->random.state = seed;
                fixture->random.left = 60;
                fixture->random.xattrs = false;
                random_directory(&fixture->random, fixture->source, fixture->source, 0);
                fixture->options.manifest = fixture->manifest;
                fixture->options.hash = seed % 2 ? TREE_HASH_SHA256 : TREE_HASH_XXH3;
                assert_int_equal(tree_clone(fixture->source, fixture->fd, "clone",
                                         &fixture->options, NULL, &fixture->error),
                        0);
                clone = directory_at(fixture->fd, "clone");
                if (verify(fixture, clone) < 0 || verify(fixture, fixture->source) < 0)
                        fail_msg("seed %u: %s", seed, fixture->said.items[0]);
                assert_int_equal(tree_manifest(clone, fixture->manifest, &fixture->options, NULL,
                                         &fixture->error),
                        0);
                assert_int_equal(verify(fixture, fixture->source), 0);
                close(clone);
                assert_int_equal(tree_remove(fixture->fd, "clone", &plain, NULL, NULL), 0);
                close(fixture->source);
                assert_int_equal(tree_remove(fixture->fd, "source", &plain, NULL, NULL), 0);
                fixture->source = directory_at(fixture->fd, "source");
        }
}

static void corruption_that_shows_in_no_time_is_found(void **state)
{
        Fixture *fixture = *state;
        struct timespec times[2];
        struct stat st;
        int fd;

        assert_int_equal(file_write_at(fixture->source, "new\nline", "content", 7, 0644), 0);
        assert_int_equal(tree_manifest(fixture->source, fixture->manifest, &fixture->options, NULL,
                                 &fixture->error),
                0);
        assert_int_equal(verify(fixture, fixture->source), 0);
        fd = openat(fixture->source, "new\nline", O_WRONLY | O_CLOEXEC);
        assert_int_equal(fstat(fd, &st), 0);
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        assert_int_equal(pwrite(fd, "C", 1, 0), 1);
        assert_int_equal(futimens(fd, times), 0);
        close(fd);
        assert_int_equal(verify(fixture, fixture->source), -EUCLEAN);
        assert_int_equal(fixture->said.count, 1);
        assert_string_equal(fixture->said.items[0], "new\\nline: its content differs");
}

static void what_is_missing_or_extra_is_named(void **state)
{
        Fixture *fixture = *state;

        assert_int_equal(file_write_at(fixture->source, "gone", "", 0, 0644), 0);
        assert_int_equal(tree_manifest(fixture->source, fixture->manifest, &fixture->options, NULL,
                                 &fixture->error),
                0);
        assert_int_equal(renameat(fixture->source, "gone", fixture->source, "come"), 0);
        assert_int_equal(verify(fixture, fixture->source), -EUCLEAN);
        assert_int_equal(fixture->said.count, 3); // and the directory's time
}

static void a_damaged_manifest_is_refused(void **state)
{
        Fixture *fixture = *state;
        _cleanup_free_ char *text = NULL;
        size_t size;

        fixture->random.left = 30;
        random_directory(&fixture->random, fixture->source, fixture->source, 0);
        assert_int_equal(tree_manifest(fixture->source, fixture->manifest, &fixture->options, NULL,
                                 &fixture->error),
                0);
        assert_int_equal(file_read(fixture->manifest, 1 << 20, &text, &size), 0);
        for (size_t at = 0; at < size; at += 1 + size / 200) {
                char was = text[at];

                text[at] = (char)(was ^ 1);
                assert_int_equal(file_write(fixture->manifest, text, size, 0600), 0);
                assert_int_equal(verify(fixture, fixture->source), -EBADMSG);
                text[at] = was;
        }
        assert_int_equal(file_write(fixture->manifest, text, size / 2, 0600), 0);
        assert_int_equal(verify(fixture, fixture->source), -EBADMSG);
        assert_string_equal(fixture->error.code, "manifest");
}

static void a_line_that_makes_no_sense_is_refused(void **state)
{
        static const char *const lines[] = {"", "f", "x\t-\t-\t-\t-\t-\t-\t-\tname",
                "f\t99\t0\t0\t0\t1.0\t-\t-\tname", "f\t0644\t0\t0\t0\t1\t-\t-\tname",
                "f\t0644\t0\t0\t0\t1.0\t-\t-\tbad\\q", "l\t0644\t0\t0\t0\t1.0\t-\t-\tno target"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(lines); i++) {
                _cleanup_free_ char *line = text_copy(lines[i]);
                ManifestLine parsed;

                assert_int_equal(manifest_parse(line, &parsed), -EBADMSG);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_clone_and_its_source_are_what_the_manifest_says),
                TEST(corruption_that_shows_in_no_time_is_found),
                TEST(what_is_missing_or_extra_is_named),
                TEST(a_damaged_manifest_is_refused),
                cmocka_unit_test(a_line_that_makes_no_sense_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
