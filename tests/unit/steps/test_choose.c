#include "rehearsal.h"

// What the two sites answered at the job's start.
typedef struct Asked {
        Fleet__ProbeResult production, preview;
        Fleet__ChooseArguments arguments;
} Asked;

static void ask(Rehearsal *r, Asked *asked)
{
        fleet__probe_result__init(&asked->production);
        fleet__probe_result__init(&asked->preview);
        fleet__choose_arguments__init(&asked->arguments);
        asked->production.identity = rehearsal_identity(r, &r->production);
        asked->preview.identity = rehearsal_identity(r, &r->preview);
        asked->arguments.guard = &r->guard;
        asked->arguments.production = &r->production;
        asked->arguments.preview = &r->preview;
        asked->arguments.directory = "snapshot2preview";
        asked->arguments.production_probe = &asked->production;
        asked->arguments.preview_probe = &asked->preview;
}

static void forget(Asked *asked)
{
        fleet__identity__free_unpacked(asked->production.identity, NULL);
        fleet__identity__free_unpacked(asked->preview.identity, NULL);
}

static Fleet__ChooseResult *choose(Rehearsal *r, bool full)
{
        ProtobufCMessage *result = message_new(&fleet__choose_result__descriptor);
        Asked asked;

        ask(r, &asked);
        asked.arguments.full = full;
        rehearsal_done(r, "choose", &asked.arguments.base, result);
        forget(&asked);
        return (Fleet__ChooseResult *)result;
}

// A whole synchronisation, to its verified end.
static void synchronise(Rehearsal *r)
{
        Fleet__ChooseResult *way = choose(r, true);
        Fleet__DumpResult *dump = rehearsal_dump(r);
        Fleet__RestoreResult *restore = rehearsal_restore(r, dump);
        Fleet__SettleArguments settle = FLEET__SETTLE_ARGUMENTS__INIT;
        Fleet__SettleResult settled = FLEET__SETTLE_RESULT__INIT;

        rehearsal_swap(r);
        settle.guard = &r->guard;
        settle.preview = &r->preview;
        settle.directory = "snapshot2preview";
        settle.choose = way;
        settle.dump = dump;
        settle.restore = restore;
        rehearsal_done(r, "settle", &settle.base, &settled.base);
        protobuf_c_message_free_unpacked(&way->base, NULL);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restore->base, NULL);
}

static void assert_way(Rehearsal *r, Fleet__Way way, const char *why)
{
        Fleet__ChooseResult *found = choose(r, false);
        bool said = strstr(found->told, why);

        for (size_t i = 0; i < found->n_reasons; i++)
                said = said || strstr(found->reasons[i], why);
        if (found->way != way || !said)
                fail_msg("way %d, '%s', not '%s'", (int)found->way, found->told, why);
        protobuf_c_message_free_unpacked(&found->base, NULL);
}

static void without_a_verified_synchronisation_it_is_in_full(void **state)
{
        assert_way(*state, FLEET__WAY__FULL, "there was no verified synchronisation yet");
}

static void nothing_is_chosen_when_nothing_has_changed(void **state)
{
        Rehearsal *r = *state;
        _cleanup_free_ char *before = NULL, *after = NULL;

        synchronise(r);
        // The script is there, and is production's, from the second time on.
        synchronise(r);
        before = fake_site_manifest(&r->f, "anna");
        assert_way(r, FLEET__WAY__NOTHING, "nothing has changed since");
        after = fake_site_manifest(&r->f, "anna");
        assert_string_equal(before, after);
}

static void asked_for_in_full_it_is_in_full(void **state)
{
        Rehearsal *r = *state;
        Fleet__ChooseResult *found;

        synchronise(r);
        found = choose(r, true);
        assert_int_equal(found->way, FLEET__WAY__FULL);
        assert_string_equal(found->told, "in full: it was asked for");
        protobuf_c_message_free_unpacked(&found->base, NULL);
}

// A change of one thing, and what is said of it.
static void changed(Rehearsal *r, const char *command, const char *why)
{
        Fleet__ChooseResult *found;

        synchronise(r);
        synchronise(r);
        shell("cd '%s' && %s", r->f.root, command);
        found = choose(r, false);
        if (found->way == FLEET__WAY__NOTHING || !strstr(found->reasons[0], why))
                fail_msg("way %d, '%s', not '%s'", (int)found->way,
                        found->n_reasons ? found->reasons[0] : "", why);
        protobuf_c_message_free_unpacked(&found->base, NULL);
}

static void a_row_of_production_is_a_change(void **state)
{
        Rehearsal *r = *state;

        synchronise(r);
        synchronise(r);
        rehearsal_add_person(r, "anna");
        assert_way(r, FLEET__WAY__DELTA, "production's data has changed");
}

static void a_row_edited_in_the_preview_is_a_change(void **state)
{
        Rehearsal *r = *state;

        synchronise(r);
        synchronise(r);
        rehearsal_add_person(r, "berta");
        assert_way(r, FLEET__WAY__DELTA, "the preview's data was edited");
}

static void an_edited_script_is_a_change(void **state)
{
        changed(*state, "echo '# edited' >> anna/snapshot2preview/restore2preview.py",
                "the script was edited");
}

static void a_merge_that_waits_is_a_change(void **state)
{
        changed(*state, "echo >> anna/snapshot2preview/restore2preview.merge.py",
                "the script was edited");
}

static void settings_saved_again_are_a_change(void **state)
{
        changed(*state, "cp berta/settings.py x && mv x berta/settings.py",
                "the preview's settings have changed");
}

// As with each change of roles.
static void what_is_managed_written_again_as_it_was_is_no_change(void **state)
{
        Rehearsal *r = *state;

        shell("cd '%s/berta' && echo '{}' > understudy_managed.json", r->f.root);
        synchronise(r);
        synchronise(r);
        shell("cd '%s/berta' && echo '{}' > x && mv x understudy_managed.json", r->f.root);
        assert_way(r, FLEET__WAY__NOTHING, "nothing has changed since");
}

// As after a switch and the way back: what the worker notes for itself the site does not apply.
static void a_role_that_was_another_meanwhile_is_no_change(void **state)
{
        Rehearsal *r = *state;

        shell("cd '%s/berta' && echo '{\"role\": {\"role\": \"preview\"}}' > "
              "understudy_managed.json",
                r->f.root);
        synchronise(r);
        synchronise(r);
        shell("cd '%s/berta' && echo '{\"role_before\": {\"job\": \"7\"}, \"role\": {\"role\": "
              "\"preview\"}}' > "
              "understudy_managed.json",
                r->f.root);
        assert_way(r, FLEET__WAY__NOTHING, "nothing has changed since");
}

static void what_is_managed_otherwise_is_a_change(void **state)
{
        Rehearsal *r = *state;

        shell("cd '%s/berta' && echo '{}' > understudy_managed.json", r->f.root);
        changed(r, "echo '{\"role\": {\"role\": \"prod\"}}' > berta/understudy_managed.json",
                "the preview's settings have changed");
}

static void production_s_code_is_a_change(void **state)
{
        changed(*state, "echo >> anna/plugin.py", "production's settings have changed");
}

static void a_file_of_an_environment_with_its_old_time_is_a_change(void **state)
{
        changed(*state,
                "touch -r berta/settings.py berta/env/module.py && echo x > berta/env/module.py && "
                "touch -r berta/settings.py berta/env/module.py",
                "the preview's environment has changed");
}

static void code_outside_that_the_environment_names_is_a_change(void **state)
{
        Rehearsal *r = *state;
        _cleanup_free_ char *command =
                text_format("mkdir code && echo %s/code > berta/env/code.pth", r->f.root);

        shell("cd '%s' && %s", r->f.root, command);
        changed(r, "echo x > code/module.py", "the preview's environment has changed");
}

static void what_a_site_writes_as_it_runs_is_no_change(void **state)
{
        Rehearsal *r = *state;

        synchronise(r);
        synchronise(r);
        shell("cd '%s/berta' && mkdir -p tmp mail env/__pycache__ && touch tmp/x mail/x media/x "
              "lino_version.txt "
              "env/__pycache__/x.pyc",
                r->f.root);
        assert_way(r, FLEET__WAY__NOTHING, "nothing has changed since");
}

static void a_damaged_marker_counts_for_nothing(void **state)
{
        changed(*state, "sed -i 's/\"script\": \"./\"script\": \"x/' berta/.understudy/marker",
                "the marker of the last synchronisation is damaged");
        changed(*state, ": > berta/.understudy/marker", "is damaged");
        changed(*state, "rm -r berta/.understudy && ln -s /etc berta/.understudy",
                "there was no verified synchronisation yet");
}

static void a_preview_that_names_production_is_refused(void **state)
{
        Rehearsal *r = *state;
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__choose_result__descriptor);
        Asked asked;

        fake_site_setting(&r->f, "berta", "DATABASES['default']['NAME'] = '../anna/anna'");
        ask(r, &asked);
        assert_int_equal(rehearsal_run(r, "choose", &asked.arguments.base, result), -EPERM);
        assert_string_equal(r->error.code, "interlock");
        forget(&asked);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(without_a_verified_synchronisation_it_is_in_full),
                REHEARSE(nothing_is_chosen_when_nothing_has_changed),
                REHEARSE(asked_for_in_full_it_is_in_full),
                REHEARSE(a_row_of_production_is_a_change),
                REHEARSE(a_row_edited_in_the_preview_is_a_change),
                REHEARSE(an_edited_script_is_a_change),
                REHEARSE(a_merge_that_waits_is_a_change),
                REHEARSE(settings_saved_again_are_a_change),
                REHEARSE(what_is_managed_written_again_as_it_was_is_no_change),
                REHEARSE(a_role_that_was_another_meanwhile_is_no_change),
                REHEARSE(what_is_managed_otherwise_is_a_change),
                REHEARSE(production_s_code_is_a_change),
                REHEARSE(a_file_of_an_environment_with_its_old_time_is_a_change),
                REHEARSE(code_outside_that_the_environment_names_is_a_change),
                REHEARSE(what_a_site_writes_as_it_runs_is_no_change),
                REHEARSE(a_damaged_marker_counts_for_nothing),
                REHEARSE(a_preview_that_names_production_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
