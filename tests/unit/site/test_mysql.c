#include "mysql_world.h"

#define LEFT                                                                                       \
        "SELECT IFNULL(GROUP_CONCAT(schema_name ORDER BY schema_name), '') FROM "                  \
        "information_schema.schemata WHERE schema_name LIKE 'berta%'"

static void swap(MysqlWorld *w, bool expect_kept)
{
        bool kept = !expect_kept;

        assert_done(w, w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error));
        assert_int_equal(kept, expect_kept);
}

static void put_back(MysqlWorld *w)
{
        assert_done(w, w->engine->put_back(w->f.context, &w->site, &w->database, &w->error));
}

static void settle(MysqlWorld *w)
{
        uint64_t freed;

        assert_done(w, w->engine->settle(w->f.context, &w->site, &w->database, &freed, &w->error));
}

static void assert_number(MysqlWorld *w, const char *expect)
{
        assert_sql(w, "SELECT p.v + c.v FROM berta.parent p JOIN berta.child c ON p.id = c.parent",
                expect);
}

// As the site itself would.
static void assert_as_berta(MysqlWorld *w, const ManagedAccount *account, const char *sql,
        int expect, const char *answer)
{
        TextList rows _cleanup_text_list_ = {0};
        _cleanup_free_ char *script = text_format("%s;\n", sql), *all = text_copy("");

        assert_int_equal(mysql_run(w->f.context,
                                 &(MysqlCall){.database = &w->database,
                                         .what = "test",
                                         .sql = script,
                                         .user = account->user,
                                         .password = account->password,
                                         .rows = &rows},
                                 &w->error),
                expect);
        for (size_t i = 0; i < rows.count; i++)
                mysql_append(&all, i > 0 ? " {row!}" : "{row!}",
                        (const MysqlValue[]){{"row", rows.items[i]}, {0}});
        assert_string_equal(all, answer);
}

static void a_new_site_gets_a_database_and_a_user_with_no_other_rights(void **state)
{
        MysqlWorld *w = *state;
        ManagedAccount account _cleanup_managed_account_ = {0};

        mysql_create_berta(w);
        mysql_create_berta(w); // again, as after a kill
        assert_sql(w,
                "SELECT default_collation_name FROM information_schema.schemata "
                "WHERE schema_name = 'berta'",
                "utf8mb4_unicode_ci");
        // A name that the pattern in a grant would fit, too, if it were not escaped.
        run_sql(w, "CREATE DATABASE bertaXunderstudyXstaging; CREATE DATABASE anna");
        assert_done(w, managed_account(&w->site, &w->database, &account, &w->error));
        assert_as_berta(w, &account, "SHOW DATABASES", 0, "berta information_schema");
        assert_as_berta(w, &account, "CREATE DATABASE berta_understudy_staging", 0, "");
        assert_as_berta(w, &account, "DROP DATABASE berta_understudy_staging", 0, "");
        assert_as_berta(w, &account, "CREATE TABLE berta.t (id INT)", 0, "");
        assert_as_berta(w, &account, "CREATE TABLE anna.t (id INT)", -EPERM, "");
        assert_as_berta(
                w, &account, "CREATE TABLE bertaXunderstudyXstaging.t (id INT)", -EPERM, "");
        run_sql(w, "DROP DATABASE bertaXunderstudyXstaging");
}

static void the_restored_one_takes_the_place_and_the_previous_one_is_kept(void **state)
{
        MysqlWorld *w = *state;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        swap(w, false);
        settle(w);
        assert_number(w, "2");
        mysql_restore_number(w, 2);
        swap(w, true);
        assert_number(w, "4");
        assert_sql(w, "SELECT v FROM berta_understudy_kept.child", "1");
        assert_sql(w, "INSERT INTO berta.parent (v) VALUES (9); SELECT MAX(id) FROM berta.parent",
                "2");
        swap(w, true); // again, as after a kill
        assert_number(w, "4");
        settle(w);
        settle(w);
        assert_number(w, "4");
        assert_sql(w, LEFT, "berta");
}

static void what_was_swapped_can_be_put_back(void **state)
{
        MysqlWorld *w = *state;

        mysql_create_berta(w);
        put_back(w); // nothing kept: nothing to do
        mysql_restore_number(w, 1);
        swap(w, false);
        settle(w);
        mysql_restore_number(w, 2);
        swap(w, true);
        put_back(w);
        put_back(w);
        assert_number(w, "2");
        assert_sql(w, LEFT, "berta");
}

static void what_an_unsettled_swap_kept_stays_the_kept_one(void **state)
{
        MysqlWorld *w = *state;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        swap(w, false);
        settle(w);
        mysql_restore_number(w, 2);
        swap(w, true);
        mysql_restore_number(w, 3);
        swap(w, true);
        assert_number(w, "6");
        put_back(w);
        assert_number(w, "2");
        assert_sql(w, LEFT, "berta");
}

static void an_empty_preview_is_what_to_go_back_to(void **state)
{
        MysqlWorld *w = *state;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        swap(w, false);
        mysql_restore_number(w, 2);
        swap(w, false);
        put_back(w);
        assert_sql(w, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'berta'",
                "0");
        assert_sql(w, LEFT, "berta");
}

static void without_a_restored_one_nothing_is_swapped(void **state)
{
        MysqlWorld *w = *state;
        bool kept;

        mysql_create_berta(w);
        assert_done(w, w->engine->open_staging(w->f.context, &w->site, &w->database, &w->error));
        // Not sealed: half a restore.
        assert_int_equal(
                w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error), -ENOENT);
        assert_done(w, w->engine->drop_staging(w->f.context, &w->site, &w->database, &w->error));
        assert_done(w, w->engine->drop_staging(w->f.context, &w->site, &w->database, &w->error));
        assert_sql(w, LEFT, "berta");
}

static void drop_user(MysqlWorld *w)
{
        w->database.user = (char *)"berta";
        assert_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        assert_done(w, w->engine->drop_user(w->f.context, &w->site, &w->database, &w->error));
}

// As an operator makes them for a site that is adopted.
static void a_user_made_by_hand_goes_when_it_is_nothing_elses(void **state)
{
        MysqlWorld *w = *state;
        _cleanup_free_ char *left = NULL;

        run_sql(w, "CREATE DATABASE berta; CREATE USER berta IDENTIFIED BY 'x'; "
                   "CREATE USER berta@localhost IDENTIFIED BY 'x'; GRANT ALL ON berta.* TO berta; "
                   "GRANT ALL ON berta.* TO berta@localhost");
        drop_user(w);
        left = mysql_left(w);
        assert_string_equal(left, "NULL");
        drop_user(w);
}

static void a_user_that_may_something_elsewhere_or_rules_is_left(void **state)
{
        MysqlWorld *w = *state;

        run_sql(w, "CREATE DATABASE anna; CREATE USER berta IDENTIFIED BY 'x'; "
                   "GRANT SELECT ON anna.* TO berta");
        drop_user(w);
        assert_sql(w, "SELECT COUNT(*) FROM mysql.global_priv WHERE user = 'berta'", "1");
        assert_true(step_fixture_said(&w->f, "is left"));
        run_sql(w, "REVOKE ALL ON anna.* FROM berta; GRANT PROCESS ON *.* TO berta");
        drop_user(w);
        assert_sql(w, "SELECT COUNT(*) FROM mysql.global_priv WHERE user = 'berta'", "1");
        run_sql(w, "DROP USER berta; DROP DATABASE anna");
}

static void dropping_leaves_no_database_user_or_right(void **state)
{
        MysqlWorld *w = *state;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        swap(w, false);
        mysql_restore_number(w, 2);
        assert_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        assert_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        assert_sql(w, LEFT, "");
        assert_sql(w,
                "SELECT COUNT(*) FROM mysql.global_priv WHERE user = 'berta' UNION ALL "
                "SELECT COUNT(*) FROM mysql.db WHERE user = 'berta'",
                "0\n0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_new_site_gets_a_database_and_a_user_with_no_other_rights,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        the_restored_one_takes_the_place_and_the_previous_one_is_kept,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        what_was_swapped_can_be_put_back, mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(what_an_unsettled_swap_kept_stays_the_kept_one,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(an_empty_preview_is_what_to_go_back_to,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(without_a_restored_one_nothing_is_swapped,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(a_user_made_by_hand_goes_when_it_is_nothing_elses,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        a_user_that_may_something_elsewhere_or_rules_is_left, mysql_world_open,
                        mysql_world_close),
                cmocka_unit_test_setup_teardown(dropping_leaves_no_database_user_or_right,
                        mysql_world_open, mysql_world_close),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
