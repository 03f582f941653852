#include "rehearsal.h"

static Fleet__SettleArguments arguments_for(Rehearsal *r)
{
        Fleet__SettleArguments arguments = FLEET__SETTLE_ARGUMENTS__INIT;

        arguments.guard = &r->guard;
        arguments.preview = &r->preview;
        return arguments;
}

static void the_kept_database_goes_and_its_size_is_told(void **state)
{
        Rehearsal *r = *state;
        Fleet__SettleArguments arguments = arguments_for(r);
        Fleet__SettleResult result = FLEET__SETTLE_RESULT__INIT;
        Fleet__DumpResult *dump = rehearsal_dump(r);

        protobuf_c_message_free_unpacked(&rehearsal_restore(r, dump)->base, NULL);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        rehearsal_swap(r);
        assert_int_equal(rehearsal_rows(r, "berta", "berta.understudy-kept"), 2);
        rehearsal_done(r, "settle", &arguments.base, &result.base);
        assert_true(result.freed_bytes > 0);
        rehearsal_done(r, "settle", &arguments.base, &result.base);
        assert_int_equal(result.freed_bytes, 0);
        assert_int_equal(rehearsal_rows(r, "berta", "berta.understudy-kept"), -1);
        assert_int_equal(rehearsal_rows(r, "berta", "berta"), 2);
}

static void a_preview_that_names_production_is_not_settled(void **state)
{
        Rehearsal *r = *state;
        Fleet__SettleArguments arguments = arguments_for(r);
        Fleet__SettleResult result = FLEET__SETTLE_RESULT__INIT;

        shell("touch '%s/anna/anna.understudy-kept'", r->f.root);
        fake_site_setting(&r->f, "berta", "DATABASES['default']['NAME'] = '../anna/anna'");
        assert_int_equal(rehearsal_run(r, "settle", &arguments.base, &result.base), -EPERM);
        shell("test -e '%s/anna/anna.understudy-kept'", r->f.root);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(the_kept_database_goes_and_its_size_is_told),
                REHEARSE(a_preview_that_names_production_is_not_settled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
