#include "fake_site.h"

#include <poll.h>
#include <sys/wait.h>

#include "site/database.h"
#include "site/sqlite_file.h"

// The site berta. A database is known by its number: PRAGMA user_version.
typedef struct World {
        StepFixture f;
        SiteDir site;
        Fleet__Database database;
        const DatabaseEngine *engine;
        char *current, *staging, *kept;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));
        Fleet__Site berta;

        step_fixture_open(&w->f, "swap");
        fake_site_make(&w->f, "berta");
        berta = fake_site(&w->f, "berta");
        w->site = SITE_DIR_EMPTY;
        assert_int_equal(site_open(&w->f.policy, &berta, &w->site, &w->error), 0);
        fleet__database__init(&w->database);
        w->current = text_format("%s/berta", w->site.path);
        w->kept = text_format("%s.understudy-kept", w->current);
        w->database.engine = "sqlite";
        w->database.name = w->current;
        assert_int_equal(database_engine(&w->database, &w->engine, &w->error), 0);
        w->staging = w->engine->staging_name(&w->database);
        fake_sql(w->current, "PRAGMA user_version = 1");
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        site_close(&w->site);
        step_fixture_close(&w->f);
        error_clear(&w->error);
        free(w->current);
        free(w->staging);
        free(w->kept);
        free(w);
        return 0;
}

static bool exists(const char *path)
{
        return access(path, F_OK) == 0;
}

// 0: there is none.
static int64_t number(const char *path)
{
        return exists(path) ? fake_sql(path, "PRAGMA user_version") : 0;
}

static void restore_number(World *w, int value)
{
        _cleanup_free_ char *sql =
                text_format("CREATE TABLE contacts_person (id); PRAGMA user_version = %d", value);

        fake_sql(w->staging, sql);
}

static void swap(World *w, bool expect_kept)
{
        bool kept = !expect_kept;

        if (w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error) < 0)
                fail_msg("%s: %s", w->error.what, w->error.why);
        assert_int_equal(kept, expect_kept);
}

static void put_back(World *w)
{
        if (w->engine->put_back(w->f.context, &w->site, &w->database, &w->error) < 0)
                fail_msg("%s: %s", w->error.what, w->error.why);
}

static void settle(World *w)
{
        uint64_t freed;

        assert_int_equal(
                w->engine->settle(w->f.context, &w->site, &w->database, &freed, &w->error), 0);
}

static void the_restored_one_takes_the_place_and_the_previous_one_is_kept(void **state)
{
        World *w = *state;
        struct stat st;

        assert_int_equal(chmod(w->current, 0640), 0);
        restore_number(w, 2);
        swap(w, true);
        assert_int_equal(number(w->current), 2);
        assert_int_equal(number(w->kept), 1);
        assert_false(exists(w->staging));
        assert_int_equal(stat(w->current, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        swap(w, true); // again, as after a kill
        assert_int_equal(number(w->current), 2);
        settle(w);
        settle(w);
        assert_int_equal(number(w->current), 2);
        assert_false(exists(w->kept));
}

static void a_restored_one_that_is_another_file_too_is_refused(void **state)
{
        World *w = *state;
        bool kept;

        shell("cd '%s' && touch other && chmod 600 other && chmod 666 berta/berta && "
              "ln -f other berta/berta.understudy-staging",
                w->f.root);
        assert_int_equal(
                w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error), -EMLINK);
        shell("test \"$(stat -c %%a '%s/other')\" = 600", w->f.root);
}

static void what_was_swapped_can_be_put_back(void **state)
{
        World *w = *state;

        put_back(w); // nothing kept: nothing to do
        assert_int_equal(number(w->current), 1);
        restore_number(w, 2);
        swap(w, true);
        put_back(w);
        put_back(w);
        assert_int_equal(number(w->current), 1);
        assert_false(exists(w->kept));
}

static void without_a_restored_one_there_is_nothing_to_swap(void **state)
{
        World *w = *state;
        bool kept;

        assert_int_equal(
                w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error), -ENOENT);
        assert_int_equal(number(w->current), 1);
}

static void a_preview_without_a_database_gets_one_and_can_lose_it_again(void **state)
{
        World *w = *state;

        assert_int_equal(unlink(w->current), 0);
        restore_number(w, 2);
        swap(w, false);
        assert_int_equal(number(w->current), 2);
        put_back(w);
        assert_int_equal(number(w->current), 0);
}

static void a_swap_that_was_never_settled_keeps_the_last_settled_one(void **state)
{
        World *w = *state;

        restore_number(w, 2);
        swap(w, true);
        restore_number(w, 3);
        swap(w, true);
        assert_int_equal(number(w->current), 3);
        assert_int_equal(number(w->kept), 1);
}

// Every state that a kill can leave, made by the same calls: afterwards the end is the same.
static void a_swap_killed_anywhere_is_finished_or_put_back(void **state)
{
        World *w = *state;

        for (int steps = 0; steps <= 3; steps++) {
                for (int back = 0; back <= 1; back++) {
                        restore_number(w, 2);
                        if (steps >= 1)
                                assert_int_equal(sqlite_file_link(w->site.fd, "berta",
                                                         "berta.understudy-kept"),
                                        0);
                        if (steps >= 2)
                                assert_int_equal(sqlite_file_move_sides(w->site.fd, "berta",
                                                         "berta.understudy-kept"),
                                        0);
                        if (steps >= 3)
                                assert_int_equal(sqlite_file_rename(w->site.fd,
                                                         "berta.understudy-staging", "berta"),
                                        0);
                        if (back) {
                                put_back(w);
                                assert_int_equal(number(w->current), 1);
                                assert_false(exists(w->kept));
                                unlink(w->staging);
                                continue;
                        }
                        swap(w, true);
                        assert_int_equal(number(w->current), 2);
                        assert_int_equal(number(w->kept), 1);
                        put_back(w);
                }
        }
}

static sqlite3 *open_database(const char *path)
{
        sqlite3 *db = NULL;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        sqlite3_busy_timeout(db, 5000);
        return db;
}

static int execute(sqlite3 *db, const char *sql)
{
        return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void a_server_with_the_database_open_cannot_harm_the_new_one(void **state)
{
        World *w = *state;
        sqlite3 *server = open_database(w->current);

        assert_int_equal(execute(server, "SELECT * FROM contacts_person"), SQLITE_OK);
        restore_number(w, 2);
        swap(w, true);
        assert_int_equal(
                execute(server, "INSERT INTO contacts_person VALUES (9, 'x')"), SQLITE_READONLY);
        assert_int_equal(sqlite3_close(server), SQLITE_OK);
        assert_int_equal(fake_sql(w->current, "SELECT count(*) FROM contacts_person"), 0);
        assert_int_equal(number(w->current), 2);
}

static void a_server_in_wal_mode_loses_nothing_and_harms_nothing(void **state)
{
        World *w = *state;
        sqlite3 *server = open_database(w->current);

        assert_int_equal(execute(server, "PRAGMA journal_mode=WAL"), SQLITE_OK);
        assert_int_equal(
                execute(server, "INSERT INTO contacts_person VALUES (3, 'in the WAL')"), SQLITE_OK);
        restore_number(w, 2);
        swap(w, true);
        (void)execute(server, "INSERT INTO contacts_person VALUES (4, 'late')");
        assert_int_equal(fake_sql(w->current, "SELECT count(*) FROM contacts_person"), 0);
        sqlite3_close(server);
        put_back(w);
        assert_true(fake_sql(w->current, "SELECT count(*) FROM contacts_person") >= 3);
        assert_int_equal(number(w->current), 1);
}

static void a_writer_is_waited_for_and_a_cancel_ends_the_wait(void **state)
{
        World *w = *state;
        sqlite3 *server = open_database(w->current);
        bool kept;

        assert_int_equal(
                execute(server, "BEGIN; INSERT INTO contacts_person VALUES (9, 'x')"), SQLITE_OK);
        restore_number(w, 2);
        pid_t canceler = fork();
        if (canceler == 0) {
                poll(NULL, 0, 100);
                _exit(eventfd_write(w->f.cancel_fd, 1));
        }
        assert_int_equal(w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error),
                -ECANCELED);
        assert_int_equal(waitpid(canceler, NULL, 0), canceler);
        assert_int_equal(execute(server, "COMMIT"), SQLITE_OK);
        assert_int_equal(sqlite3_close(server), SQLITE_OK);
        assert_int_equal(number(w->current), 1);
        assert_true(exists(w->staging));
        assert_false(exists(w->kept));
}

static void an_empty_database_is_created_once_and_a_full_one_is_not_taken(void **state)
{
        World *w = *state;
        uint64_t bytes;

        assert_int_equal(
                w->engine->create(w->f.context, &w->site, &w->database, &w->error), -EEXIST);
        assert_string_equal(w->error.code, "database-exists");
        assert_int_equal(number(w->current), 1);
        assert_int_equal(unlink(w->current), 0);
        for (int i = 0; i < 2; i++)
                assert_int_equal(
                        w->engine->create(w->f.context, &w->site, &w->database, &w->error), 0);
        assert_int_equal(
                w->engine->size(w->f.context, &w->site, &w->database, &bytes, &w->error), 0);
        assert_int_equal(bytes, 0);
}

static void rows_are_counted_and_missing_tables_told(void **state)
{
        World *w = *state;
        const char *const tables[] = {"contacts_person", "no_such", "uploads_volume", "odd\"name"};
        int64_t rows[4] = {0};

        fake_sql(w->current, "CREATE TABLE \"odd\"\"name\" (id)");
        assert_int_equal(w->engine->count_rows(w->f.context, &w->site, &w->database, w->current,
                                 tables, 4, rows, &w->error),
                0);
        assert_int_equal(rows[0], 2);
        assert_int_equal(rows[1], -1);
        assert_int_equal(rows[2], 1);
        assert_int_equal(rows[3], 0);
}

static void what_was_not_closed_is_not_sealed(void **state)
{
        World *w = *state;
        uint64_t bytes;

        assert_int_equal(
                w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error), -ENOENT);
        restore_number(w, 2);
        shell("echo left > '%s-journal'", w->staging);
        assert_int_equal(
                w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error), -EBUSY);
        shell(": > '%s-journal'", w->staging);
        assert_int_equal(
                w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error), 0);
        assert_true(bytes > 0);
}

static void drop_leaves_nothing_of_it_and_all_of_others(void **state)
{
        World *w = *state;

        restore_number(w, 2);
        swap(w, true);
        restore_number(w, 3);
        shell("touch '%s-wal' '%s-shm' '%s-journal' '%s2'", w->current, w->kept, w->staging,
                w->current);
        for (int i = 0; i < 2; i++)
                assert_int_equal(
                        w->engine->drop(w->f.context, &w->site, &w->database, &w->error), 0);
        shell("test \"$(cd '%s' && echo berta*)\" = berta2", w->site.path);
}

static void a_database_outside_of_the_project_directory_is_never_touched(void **state)
{
        World *w = *state;
        _cleanup_free_ char *outside = text_format("%s/other", w->f.root),
                            *link = text_format("%s/linked/other", w->site.path);

        shell("cp '%s' '%s' && ln -s .. '%s/linked'", w->current, outside, w->site.path);
        w->database.name = outside;
        assert_int_equal(w->engine->drop(w->f.context, &w->site, &w->database, &w->error), -EPERM);
        assert_string_equal(w->error.code, "database-outside");
        w->database.name = link;
        assert_int_equal(w->engine->drop(w->f.context, &w->site, &w->database, &w->error), -ELOOP);
        w->database.name = w->site.path;
        assert_int_equal(w->engine->drop(w->f.context, &w->site, &w->database, &w->error), -EPERM);
        assert_true(exists(outside));
}

static void other_engines_are_refused_in_words(void **state)
{
        World *w = *state;

        w->database.engine = "oracle";
        assert_int_equal(database_engine(&w->database, &w->engine, &w->error), -EOPNOTSUPP);
        assert_string_equal(w->error.code, "engine");
        assert_non_null(strstr(w->error.why, "oracle"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_restored_one_takes_the_place_and_the_previous_one_is_kept),
                TEST(a_restored_one_that_is_another_file_too_is_refused),
                TEST(what_was_swapped_can_be_put_back),
                TEST(without_a_restored_one_there_is_nothing_to_swap),
                TEST(a_preview_without_a_database_gets_one_and_can_lose_it_again),
                TEST(a_swap_that_was_never_settled_keeps_the_last_settled_one),
                TEST(a_swap_killed_anywhere_is_finished_or_put_back),
                TEST(a_server_with_the_database_open_cannot_harm_the_new_one),
                TEST(a_server_in_wal_mode_loses_nothing_and_harms_nothing),
                TEST(a_writer_is_waited_for_and_a_cancel_ends_the_wait),
                TEST(an_empty_database_is_created_once_and_a_full_one_is_not_taken),
                TEST(rows_are_counted_and_missing_tables_told),
                TEST(what_was_not_closed_is_not_sealed),
                TEST(drop_leaves_nothing_of_it_and_all_of_others),
                TEST(a_database_outside_of_the_project_directory_is_never_touched),
                TEST(other_engines_are_refused_in_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
