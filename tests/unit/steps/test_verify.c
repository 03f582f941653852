#include "rehearsal.h"

typedef struct Check {
        Rehearsal *r;
        Fleet__DumpResult *dump;
        Fleet__LedgerResult ledger;
        Fleet__VerifyArguments arguments;
        Fleet__VerifyResult *result;
} Check;

static Check *open_check(Rehearsal *r)
{
        Check *check = memory_new(sizeof(*check));

        check->r = r;
        check->dump = rehearsal_dump(r);
        fleet__ledger_result__init(&check->ledger);
        fleet__verify_arguments__init(&check->arguments);
        check->ledger.found = 3;
        check->arguments.preview = &r->preview;
        check->arguments.guard = &r->guard;
        check->arguments.ledger = &check->ledger;
        check->arguments.dump = check->dump;
        check->result = (Fleet__VerifyResult *)message_new(&fleet__verify_result__descriptor);
        return check;
}

static int run(Check *check)
{
        return rehearsal_run(check->r, "verify", &check->arguments.base, &check->result->base);
}

static void close_check(Check *check)
{
        protobuf_c_message_free_unpacked(&check->dump->base, NULL);
        protobuf_c_message_free_unpacked(&check->result->base, NULL);
        free(check);
}

static void versions_and_rows_are_told(void **state)
{
        Check *check = open_check(*state);

        if (run(check) < 0)
                fail_msg("%s", check->r->error.why);
        assert_int_equal(check->result->rows, 3);
        assert_string_equal(check->result->versions->app, "Fake");
        assert_string_equal(check->result->versions->django, "5.2");
        close_check(check);
}

static void rows_that_the_ledger_did_not_find_fail_it(void **state)
{
        Check *check = open_check(*state);

        rehearsal_add_person(check->r, "berta");
        assert_int_equal(run(check), -EIO);
        assert_string_equal(check->r->error.code, "verify");
        assert_non_null(strstr(check->r->error.why, "it has 4 rows, the ledger found 3"));
        close_check(check);
}

static void a_page_that_fails_fails_it(void **state)
{
        Check *check = open_check(*state);

        fake_site_behave(&check->r->f, "berta", "broken-page");
        assert_int_equal(run(check), -EIO);
        assert_non_null(strstr(check->r->error.why, "status 500"));
        close_check(check);
}

static void failing_checks_fail_it(void **state)
{
        Check *check = open_check(*state);

        fake_site_behave(&check->r->f, "berta", "fail");
        assert_int_equal(run(check), -EIO);
        assert_non_null(strstr(check->r->error.why, "this site is broken"));
        close_check(check);
}

static void before_the_first_synchronisation_only_its_checks_count(void **state)
{
        Check *check = open_check(*state);

        check->arguments.ledger = NULL;
        check->arguments.dump = NULL;
        fake_site_behave(&check->r->f, "berta", "broken-page");
        assert_int_equal(run(check), 0);
        assert_int_equal(check->result->rows, 0);
        close_check(check);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(versions_and_rows_are_told),
                REHEARSE(rows_that_the_ledger_did_not_find_fail_it),
                REHEARSE(a_page_that_fails_fails_it),
                REHEARSE(failing_checks_fail_it),
                REHEARSE(before_the_first_synchronisation_only_its_checks_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
