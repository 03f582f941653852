#include "pair.h"

extern const StepOps step_backup_ops;

// berta gets its last backup.
typedef struct World {
        Pair pair;
        Fleet__BackupArguments arguments;
        char *manifest, *place;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));
        const char *directory;

        pair_open(&w->pair, "backup");
        directory = w->pair.f.directory;
        w->pair.guard.registered = w->pair.probes[1]->identity;
        w->pair.f.policy.backups = text_format("%s/backups", directory);
        w->place = text_format("%s/backups/test/berta.1", directory);
        fleet__backup_arguments__init(&w->arguments);
        w->arguments.guard = &w->pair.guard;
        w->arguments.site = &w->pair.berta;
        shell("cd '%s' && mkdir -p log/berta && ln -s '%s/log/berta' root/berta/log && ln -s anna "
              "root/prod && echo line > log/berta/lino.log && ln -s /nowhere root/berta/media/x && "
              "touch -d 2001-02-03 root/berta/media/old",
                directory, directory);
        make_socket(&w->pair.f, "berta/stale.sock");
        w->manifest = fake_site_manifest(&w->pair.f, "berta");
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;
        _cleanup_free_ char *manifest = fake_site_manifest(&w->pair.f, "berta");

        assert_string_equal(manifest, w->manifest); // whatever the test was about
        free(w->manifest);
        free(w->place);
        pair_close(&w->pair);
        free(w);
        return 0;
}

static Fleet__BackupResult *backed_up(World *w)
{
        return (Fleet__BackupResult *)step_done(
                &w->pair.f, &step_backup_ops, "backup", &w->arguments.base);
}

static void back_up(World *w)
{
        fleet__backup_result__free_unpacked(backed_up(w), NULL);
}

static void refused(World *w, const char *code)
{
        step_refused(
                &w->pair.f, &step_backup_ops, "backup", &w->arguments.base, code, &w->pair.error);
}

static void assert_whole(const World *w)
{
        shell("cd '%s' && rm -f '%s/berta/stale.sock' && "
              "rsync --dry-run -rlptgoH --itemize-changes --checksum --delete project/ '%s/berta/' "
              "> ../../changes && ! grep -v ' ./$' ../../changes && test \"$(cat log/lino.log)\" = "
              "line && test \"$(ls -A | tr '\\n' ' ')\" = "
              "'RESTORE log log.manifest origin project project.manifest '",
                w->place, w->pair.f.root, w->pair.f.root);
}

static void the_whole_site_lies_outside(void **state)
{
        World *w = *state;
        Fleet__BackupResult *result = backed_up(w);

        assert_string_equal(result->directory, w->place);
        assert_true(result->files > 5);
        assert_int_equal(result->n_special, 1); // the socket
        fleet__backup_result__free_unpacked(result, NULL);
        shell("test \"$(stat -c %%a '%s' '%s/backups' | tr '\\n' ' ')\" = '700 700 '", w->place,
                w->pair.f.directory);
        shell("grep -q \"cp -a '%s/project' '%s/berta'\" '%s/RESTORE'", w->place, w->pair.f.root,
                w->place);
        assert_whole(w);
        free(w->manifest);
        w->manifest = fake_site_manifest(&w->pair.f, "berta"); // without the socket
}

static void a_killed_one_is_made_anew_and_a_whole_one_is_kept(void **state)
{
        World *w = *state;

        shell("mkdir -p '%s/backups/test/.berta.1.understudy-backup/project' && touch "
              "'%s/backups/test/.berta.1.understudy-backup/project/half'",
                w->pair.f.directory, w->pair.f.directory);
        back_up(w);
        shell("test \"$(ls -A '%s/..')\" = berta.1 && ! test -e '%s/project/half' && touch "
              "'%s/kept'",
                w->place, w->place, w->place);
        back_up(w);
        shell("test -e '%s/kept'", w->place);
}

static void taken_back_nothing_is_left(void **state)
{
        World *w = *state;

        back_up(w);
        step_undone(&w->pair.f, &step_backup_ops, &w->arguments.base);
        shell("test -z \"$(ls -A '%s/backups/test')\"", w->pair.f.directory);
        step_undone(&w->pair.f, &step_backup_ops, &w->arguments.base);
}

static void one_of_another_controllers_job_is_neither_replaced_nor_removed(void **state)
{
        World *w = *state;

        shell("mkdir -p -m 700 '%s' && echo 'job 1' > '%s/origin'", w->place, w->place);
        refused(w, "backup");
        step_undone(&w->pair.f, &step_backup_ops, &w->arguments.base);
        shell("grep -q 'job 1' '%s/origin'", w->place);
}

static void it_never_lies_in_a_root(void **state)
{
        World *w = *state;

        free(w->pair.f.policy.backups);
        w->pair.f.policy.backups = text_format("%s/backups", w->pair.f.root);
        refused(w, "backup");
        assert_non_null(strstr(w->pair.error.why, "root directory of sites"));
}

static void a_place_where_others_write_is_refused(void **state)
{
        World *w = *state;

        shell("mkdir -p '%s/backups/test' && chmod 777 '%s/backups/test'", w->pair.f.directory,
                w->pair.f.directory);
        refused(w, "backup");
        assert_non_null(strstr(w->pair.error.next, "worker.conf"));
}

static void what_cannot_be_copied_stops_it(void **state)
{
        World *w = *state;
        _cleanup_free_ char *manifest = NULL;

        if (geteuid() != 0)
                return; // only root makes devices
        shell("mknod '%s/berta/device' c 1 3", w->pair.f.root);
        manifest = fake_site_manifest(&w->pair.f, "berta");
        refused(w, "backup");
        assert_non_null(strstr(w->pair.error.why, "device"));
        shell("! test -e '%s' && test -z \"$(ls -A '%s/..')\" && rm '%s/berta/device'", w->place,
                w->place, w->pair.f.root);
        free(w->manifest);
        w->manifest = fake_site_manifest(&w->pair.f, "berta");
}

static void a_disk_that_would_be_full_is_told_before(void **state)
{
        World *w = *state;

        w->pair.f.policy.clone_free_percent = 100;
        refused(w, "no-space");
}

static void a_site_that_is_production_is_refused(void **state)
{
        World *w = *state;

        shell("ln -sfn berta '%s/prod'", w->pair.f.root);
        refused(w, "interlock");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_whole_site_lies_outside),
                TEST(a_killed_one_is_made_anew_and_a_whole_one_is_kept),
                TEST(taken_back_nothing_is_left),
                TEST(one_of_another_controllers_job_is_neither_replaced_nor_removed),
                TEST(it_never_lies_in_a_root),
                TEST(a_place_where_others_write_is_refused),
                TEST(what_cannot_be_copied_stops_it),
                TEST(a_disk_that_would_be_full_is_told_before),
                TEST(a_site_that_is_production_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
