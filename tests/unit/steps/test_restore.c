#include "rehearsal.h"

#define STAGING "berta.understudy-staging"

// A restore that must fail, and must leave everything that others see as it was.
static void fails(
        Rehearsal *r, const Fleet__RestoreArguments *arguments, const char *code, const char *words)
{
        _cleanup_message_ ProtobufCMessage *result =
                message_new(&fleet__restore_result__descriptor);
        _cleanup_free_ char *line = NULL;

        assert_true(rehearsal_run(r, "restore", &arguments->base, result) < 0);
        line = error_line(&r->error);
        assert_string_equal(r->error.code, code);
        if (!strstr(line, words))
                fail_msg("'%s' is not in '%s'", words, line);
        assert_non_null(r->error.next);
        assert_int_equal(rehearsal_rows(r, "berta", "berta"), 2);
        assert_int_equal(rehearsal_rows(r, "berta", STAGING), -1);
        assert_int_equal(rehearsal_rows(r, "anna", "anna"), 3);
}

static Fleet__DumpResult *begin(Rehearsal *r)
{
        Fleet__DumpResult *dump;

        rehearsal_add_person(r, "anna");
        dump = rehearsal_dump(r);
        rehearsal_mirror(r);
        return dump;
}

static void fails_when(Rehearsal *r, const char *behaviour, const char *code, const char *words)
{
        Fleet__DumpResult *dump = begin(r);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);

        fake_site_behave(&r->f, "berta", behaviour);
        fails(r, &arguments, code, words);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void the_dump_is_loaded_beside_the_preview(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump;
        Fleet__RestoreResult *restore;

        rehearsal_add_person(r, "anna");
        dump = rehearsal_dump(r);
        restore = rehearsal_restore(r, dump);
        assert_int_equal(restore->loaded, 4);
        assert_int_equal(restore->n_tables, 2);
        assert_int_equal(restore->tables[0]->rows, 3);
        assert_true(restore->database_bytes > 0);
        assert_int_equal(rehearsal_rows(r, "berta", "berta"), 2);
        assert_int_equal(rehearsal_rows(r, "berta", STAGING), 3);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restore->base, NULL);
}

static void volumes_in_productions_directory_move_to_the_previews(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = rehearsal_dump(r);
        Fleet__RestoreResult *restore = rehearsal_restore(r, dump);
        _cleanup_free_ char *path = text_format("%s/berta/%s", r->f.root, STAGING),
                            *sql = text_format("SELECT count(*) FROM uploads_volume "
                                               "WHERE root_dir = '%s/berta/tmp'",
                                    r->f.root);

        assert_int_equal(restore->paths_corrected, 1);
        assert_int_equal(fake_sql(path, sql), 1);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restore->base, NULL);
}

static void other_values_that_name_production_are_told(void **state)
{
        Rehearsal *r = *state;
        _cleanup_free_ char *path = text_format("%s/anna/anna", r->f.root),
                            *sql = text_format(
                                    "UPDATE contacts_person SET name = 'see %s/anna/media/x.pdf'",
                                    r->f.root);
        Fleet__DumpResult *dump;
        Fleet__RestoreResult *restore;

        fake_sql(path, sql);
        dump = rehearsal_dump(r);
        restore = rehearsal_restore(r, dump);
        assert_int_equal(step_fixture_said(&r->f, "contacts_person.py: 2 objects name"), 1);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restore->base, NULL);
}

static void what_a_killed_restore_left_is_begun_anew(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = rehearsal_dump(r);
        Fleet__RestoreResult *restore;

        shell("cd '%s/berta' && echo half > %s && echo half > %s-journal", r->f.root, STAGING,
                STAGING);
        restore = rehearsal_restore(r, dump);
        assert_int_equal(rehearsal_rows(r, "berta", STAGING), 2);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restore->base, NULL);
}

static void a_script_that_does_nothing_fails(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = begin(r);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);

        shell(": > '%s/berta/snapshot2preview/restore2preview.py'", r->f.root);
        fails(r, &arguments, "restore", "without the line \"Loaded N objects\"");
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void a_site_that_exits_0_having_done_nothing_fails(void **state)
{
        fails_when(*state, "nothing", "restore", "SystemExit");
}

static void abandoned_objects_fail_it_and_are_named(void **state)
{
        fails_when(*state, "abandon", "restore",
                "contacts.Person no such city (2 object(s) with primary key 1, 2)");
}

static void an_object_that_cannot_be_saved_is_named_with_its_table(void **state)
{
        Rehearsal *r = *state;

        fails_when(r, "unsavable", "restore",
                "in table contacts_person, object create_contacts_person(1, 'Joe')");
        assert_non_null(strstr(r->error.why, "Failed to save independent"));
        assert_non_null(strstr(r->error.next, "understudyctl job retry 1"));
}

static void a_preview_that_names_production_is_refused_and_production_untouched(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = begin(r);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);
        _cleanup_free_ char *before = NULL, *after = NULL;

        fake_site_setting(&r->f, "berta", "DATABASES['default']['NAME'] = '../anna/anna'");
        before = fake_site_manifest(&r->f, "anna");
        fails(r, &arguments, "interlock", "outside of it");
        after = fake_site_manifest(&r->f, "anna");
        assert_string_equal(before, after);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

// Settings that answer the interlock rightly and the restore wrongly.
static void a_preview_that_changes_its_mind_is_stopped(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = begin(r);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);

        fake_site_setting(&r->f, "berta",
                "DATABASES['default']['NAME'] = '../anna/anna' if os.path.exists('asked') else "
                "NAME; open('asked', 'w').close()");
        fails(r, &arguments, "site-code", "the settings now name the database");
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void a_script_that_opens_production_is_stopped(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = begin(r);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);

        shell("printf 'import os\\nos.remove(\"%s/anna/anna\")\\n' > "
              "'%s/berta/snapshot2preview/restore2preview.py'",
                r->f.root, r->f.root);
        fails(r, &arguments, "restore", "not to be touched");
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void a_preview_without_a_script_is_told_so(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = begin(r);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);

        shell("rm '%s/berta/snapshot2preview/restore2preview.py'", r->f.root);
        fails(r, &arguments, "script", "no maintained script");
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void a_guard_of_another_site_is_refused(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = begin(r);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);

        r->guard.target = &r->production;
        fails(r, &arguments, "interlock", "another site");
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void undo_removes_what_was_restored(void **state)
{
        Rehearsal *r = *state;
        Fleet__DumpResult *dump = rehearsal_dump(r);
        Fleet__RestoreResult *restore = rehearsal_restore(r, dump);
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);

        for (int i = 0; i < 2; i++)
                assert_int_equal(rehearsal_undo(r, "restore", &arguments.base), 0);
        assert_int_equal(rehearsal_rows(r, "berta", STAGING), -1);
        assert_int_equal(rehearsal_rows(r, "berta", "berta"), 2);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restore->base, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(the_dump_is_loaded_beside_the_preview),
                REHEARSE(volumes_in_productions_directory_move_to_the_previews),
                REHEARSE(other_values_that_name_production_are_told),
                REHEARSE(what_a_killed_restore_left_is_begun_anew),
                REHEARSE(a_script_that_does_nothing_fails),
                REHEARSE(a_site_that_exits_0_having_done_nothing_fails),
                REHEARSE(abandoned_objects_fail_it_and_are_named),
                REHEARSE(an_object_that_cannot_be_saved_is_named_with_its_table),
                REHEARSE(a_preview_that_names_production_is_refused_and_production_untouched),
                REHEARSE(a_preview_that_changes_its_mind_is_stopped),
                REHEARSE(a_script_that_opens_production_is_stopped),
                REHEARSE(a_preview_without_a_script_is_told_so),
                REHEARSE(a_guard_of_another_site_is_refused),
                REHEARSE(undo_removes_what_was_restored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
