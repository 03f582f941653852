#include "rehearsal.h"

static Fleet__SwapArguments arguments_for(Rehearsal *r)
{
        Fleet__SwapArguments arguments = FLEET__SWAP_ARGUMENTS__INIT;

        arguments.guard = &r->guard;
        arguments.preview = &r->preview;
        return arguments;
}

static void restore_one_more(Rehearsal *r)
{
        Fleet__DumpResult *dump;

        rehearsal_add_person(r, "anna");
        dump = rehearsal_dump(r);
        protobuf_c_message_free_unpacked(&rehearsal_restore(r, dump)->base, NULL);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
}

static void the_restored_database_answers_and_undo_brings_yesterdays_back(void **state)
{
        Rehearsal *r = *state;
        Fleet__SwapArguments arguments = arguments_for(r);

        restore_one_more(r);
        for (int i = 0; i < 2; i++)
                rehearsal_swap(r);
        assert_int_equal(rehearsal_rows(r, "berta", "berta"), 3);
        for (int i = 0; i < 2; i++)
                assert_int_equal(rehearsal_undo(r, "swap", &arguments.base), 0);
        assert_int_equal(rehearsal_rows(r, "berta", "berta"), 2);
}

static void a_preview_that_names_production_is_not_swapped(void **state)
{
        Rehearsal *r = *state;
        Fleet__SwapArguments arguments = arguments_for(r);
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__swap_result__descriptor);
        _cleanup_free_ char *before = NULL, *after = NULL;

        restore_one_more(r);
        fake_site_setting(&r->f, "berta", "DATABASES['default']['NAME'] = '../anna/anna'");
        before = fake_site_manifest(&r->f, "anna");
        assert_int_equal(rehearsal_run(r, "swap", &arguments.base, result), -EPERM);
        assert_int_equal(rehearsal_undo(r, "swap", &arguments.base), -EPERM);
        after = fake_site_manifest(&r->f, "anna");
        assert_string_equal(before, after);
        assert_string_equal(r->error.code, "interlock");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(the_restored_database_answers_and_undo_brings_yesterdays_back),
                REHEARSE(a_preview_that_names_production_is_not_swapped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
