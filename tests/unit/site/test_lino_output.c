#include "../test.h"
#include "site/lino_output.h"

static void feed(LinoOutput *output, const char *const *lines)
{
        for (; *lines; lines++)
                lino_output_line(output, *lines);
}

static void a_dump_tells_how_many_objects_it_wrote(void **state)
{
        LinoOutput output _cleanup_lino_output_ = {0};

        (void)state;
        feed(&output,
                (const char *const[]){"Started manage.py dump2py --noinput x (using a.b) --> PID 1",
                        "en_US.UTF-8 : unsupported locale setting", "Writing /x/y/restore.py...",
                        "There are 37 models with circular dependencies :",
                        "- comments.Comment (300 rows, depends on users.User)", "",
                        "Wrote 3896 objects to /x/y/restore.py and siblings.", NULL});
        assert_true(output.wrote);
        assert_int_equal(output.objects_written, 3896);
        assert_false(output.loaded || output.abandoned);
}

static void a_restore_tells_tables_deferred_and_loaded_objects(void **state)
{
        LinoOutput output _cleanup_lino_output_ = {0};

        (void)state;
        feed(&output,
                (const char *const[]){"Source version is 25.12.1 : no migration needed.",
                        "`initdb ` started on database /srv/berta/berta.understudy-staging.",
                        "Execute file users_user.py ...",
                        "Loading 5 objects to table users_user...",
                        "Loading 70000 objects (part 1 of 2) to table working_session...",
                        "Deferred Task #1 ('x') : {'user': ['User 1 is not a valid choice.']}",
                        "Loading 70000 objects (part 2 of 2) to table working_session...",
                        "Trying to save 3 deferred objects.", "Saved 3 objects.",
                        "Loaded 70005 objects", "Done manage.py run x (PID 1)", NULL});
        assert_string_equal(output.database, "/srv/berta/berta.understudy-staging");
        assert_int_equal(output.table_count, 2);
        assert_string_equal(output.tables[0].name, "users_user");
        assert_int_equal(output.tables[0].rows, 5);
        assert_string_equal(output.tables[1].name, "working_session");
        assert_int_equal(output.tables[1].rows, 70000);
        assert_int_equal(output.deferred, 1);
        assert_true(output.loaded);
        assert_int_equal(output.objects_loaded, 70005);
        assert_false(output.abandoned);
}

static void abandoned_objects_are_seen_in_a_line_and_in_an_exception(void **state)
{
        static const char *const heads[] = {"Abandoning with 4 unsaved instances:",
                "Exception: Abandoning with 4 unsaved instances:"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(heads); i++) {
                LinoOutput output _cleanup_lino_output_ = {0};

                feed(&output,
                        (const char *const[]){"- a.B before (1 object(s) with primary key 1)",
                                heads[i],
                                "- tickets.Ticket no user (3 object(s) with primary key 7, 8, 9)",
                                "- no such line", NULL});
                assert_true(output.abandoned);
                assert_int_equal(output.objects_abandoned, 4);
                assert_int_equal(output.unsaved.count, 1);
                assert_true(text_starts(output.unsaved.items[0], "tickets.Ticket "));
        }
}

static void what_only_looks_like_it_is_ignored(void **state)
{
        LinoOutput output _cleanup_lino_output_ = {0};

        (void)state;
        feed(&output,
                (const char *const[]){"", "Loaded", "Loaded  objects", "Loaded x objects",
                        "Loaded 5 objects from nowhere", " Loaded 5 objects",
                        "Loaded 99999999999999999999999999 objects", "Wrote 5 objects to",
                        "Wrote 5 objects to x", "Loading 5 objects", "Loading 5 objects to table",
                        "Loading 5 objects to table a b...", "Loading 5 objects to table ...",
                        "Loading 5 objects (part 1 of to table x...", "`initdb", "Abandoning with",
                        "Loading 5 objects to table x", NULL});
        assert_false(output.wrote || output.loaded || output.abandoned || output.database);
        assert_int_equal(output.table_count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_dump_tells_how_many_objects_it_wrote),
                cmocka_unit_test(a_restore_tells_tables_deferred_and_loaded_objects),
                cmocka_unit_test(abandoned_objects_are_seen_in_a_line_and_in_an_exception),
                cmocka_unit_test(what_only_looks_like_it_is_ignored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
