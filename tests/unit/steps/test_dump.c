#include "rehearsal.h"

static char *manifest_without_snapshot(const Rehearsal *r)
{
        shell("mv '%s/anna/snapshot2preview' '%s/away'", r->f.root, r->f.directory);
        shell("touch -d @1 '%s/anna'", r->f.root);
        char *text = fake_site_manifest(&r->f, "anna");

        shell("mv '%s/away' '%s/anna/snapshot2preview'", r->f.directory, r->f.root);
        return text;
}

static Fleet__DumpArguments arguments_for(Rehearsal *r)
{
        Fleet__DumpArguments arguments = FLEET__DUMP_ARGUMENTS__INIT;

        arguments.production = &r->production;
        arguments.directory = "snapshot2preview";
        return arguments;
}

static int run(Rehearsal *r, const Fleet__DumpArguments *arguments)
{
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__dump_result__descriptor);

        return rehearsal_run(r, "dump", &arguments->base, result);
}

// Only the snapshot is in the project directory: neither the copy of the database nor an old dump.
static void nothing_else_is_left(const Rehearsal *r)
{
        shell("cd '%s/anna' && test -z \"$(find . -name '.understudy*' -o -name '.snapshot*')\"",
                r->f.root);
}

static void tables_rows_and_version_are_told(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = rehearsal_dump(r);

        assert_int_equal(dump->objects, 3);
        assert_int_equal(dump->n_tables, 2);
        assert_string_equal(dump->tables[0]->table, "contacts_person");
        assert_int_equal(dump->tables[0]->rows, 2);
        assert_int_equal(dump->tables[0]->parts, 1);
        assert_string_equal(dump->source_version, "1.0");
        assert_true(dump->bytes > 0);
        nothing_else_is_left(r);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void a_second_dump_has_no_file_of_the_first(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);

        assert_int_equal(run(r, &arguments), 0);
        shell("touch '%s/anna/snapshot2preview/working_session.py'", r->f.root);
        assert_int_equal(run(r, &arguments), 0);
        shell("test ! -e '%s/anna/snapshot2preview/working_session.py'", r->f.root);
        nothing_else_is_left(r);
}

static void the_maintained_script_its_base_and_an_open_merge_are_carried_over(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);

        assert_int_equal(run(r, &arguments), 0);
        shell("cd '%s/anna/snapshot2preview' && chmod 750 . && echo mine > restore2preview.py && "
              "chmod 640 restore2preview.py && touch -d @1000 restore2preview.py && "
              "echo base > .restore2preview.base.py && echo merge > restore2preview.merge.py && "
              "echo begun > restore2preview.merge.old.py",
                r->f.root);
        for (int i = 0; i < 3; i++)
                assert_int_equal(run(r, &arguments), 0);
        shell("cd '%s/anna/snapshot2preview' && test \"$(cat restore2preview.py "
              ".restore2preview.base.py restore2preview.merge.py restore2preview.merge.old.py | tr "
              "'\\n' ' ')\" = "
              "'mine base merge begun ' && test \"$(stat -c '%%a %%Y %%h' restore2preview.py)\" = "
              "'640 1000 1' && test \"$(stat -c %%a .)\" = 750",
                r->f.root);
}

static void nothing_else_of_production_changes(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);
        _cleanup_free_ char *before = NULL, *after = NULL;

        assert_int_equal(run(r, &arguments), 0);
        before = manifest_without_snapshot(r);
        assert_int_equal(run(r, &arguments), 0);
        after = manifest_without_snapshot(r);
        assert_string_equal(before, after);
}

static void what_a_killed_dump_left_is_removed(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);

        shell("cd '%s/anna' && mkdir -p .understudy-dump/snapshot2preview && "
              "echo half > .understudy-dump/snapshot2preview/x.py && "
              "echo copy > .understudy-dump/database && chmod 500 .understudy-dump",
                r->f.root);
        assert_int_equal(run(r, &arguments), 0);
        nothing_else_is_left(r);
}

static void a_failed_dump_leaves_the_last_snapshot(void **state)
{
        static const char *const ways[] = {"disk-full", "short", "fail", "nothing"};
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);
        _cleanup_free_ char *before = NULL;

        assert_int_equal(run(r, &arguments), 0);
        fake_site_behave(&r->f, "anna", "fail");
        shell("touch -d @1 '%s/anna'", r->f.root);
        for (size_t i = 0; i < ELEMENTS(ways); i++) {
                _cleanup_free_ char *after = NULL;

                fake_site_behave(&r->f, "anna", ways[i]);
                shell("rm -f '%s/manifest'; touch -d @1 '%s/anna'", r->f.directory, r->f.root);
                free(before);
                before = fake_site_manifest(&r->f, "anna");
                assert_true(run(r, &arguments) < 0);
                shell("touch -d @1 '%s/anna'", r->f.root);
                after = fake_site_manifest(&r->f, "anna");
                assert_string_equal(before, after);
                assert_non_null(r->error.next);
        }
}

static void a_snapshot_that_is_a_link_is_not_followed(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);

        shell("mkdir '%s/elsewhere' && ln -s '%s/elsewhere' '%s/anna/snapshot2preview'",
                r->f.directory, r->f.directory, r->f.root);
        assert_int_equal(run(r, &arguments), -ELOOP);
        shell("test -z \"$(ls -A '%s/elsewhere')\"", r->f.directory);
        nothing_else_is_left(r);
}

static void a_directory_that_is_no_plain_name_is_refused(void **state)
{
        static char *const names[] = {"", ".", "..", "../x", "a/b", ".hidden"};
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                arguments.directory = names[i];
                assert_int_equal(run(r, &arguments), -EINVAL);
                assert_string_equal(r->error.code, "bad-name");
        }
}

static void undo_removes_what_was_begun(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpArguments arguments = arguments_for(r);

        shell("mkdir -p '%s/anna/.understudy-dump/x'", r->f.root);
        for (int i = 0; i < 2; i++)
                assert_int_equal(rehearsal_undo(r, "dump", &arguments.base), 0);
        nothing_else_is_left(r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(tables_rows_and_version_are_told),
                REHEARSE(a_second_dump_has_no_file_of_the_first),
                REHEARSE(the_maintained_script_its_base_and_an_open_merge_are_carried_over),
                REHEARSE(nothing_else_of_production_changes),
                REHEARSE(what_a_killed_dump_left_is_removed),
                REHEARSE(a_failed_dump_leaves_the_last_snapshot),
                REHEARSE(a_snapshot_that_is_a_link_is_not_followed),
                REHEARSE(a_directory_that_is_no_plain_name_is_refused),
                REHEARSE(undo_removes_what_was_begun),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
