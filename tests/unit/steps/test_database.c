#include "rehearsal.h"

static Fleet__DatabaseArguments arguments_for(Rehearsal *r)
{
        Fleet__DatabaseArguments arguments = FLEET__DATABASE_ARGUMENTS__INIT;

        arguments.guard = &r->guard;
        arguments.production = &r->production;
        arguments.preview = &r->preview;
        return arguments;
}

static int run(Rehearsal *r, Fleet__DatabaseResult **ret)
{
        Fleet__DatabaseArguments arguments = arguments_for(r);

        *ret = (Fleet__DatabaseResult *)message_new(&fleet__database_result__descriptor);
        return rehearsal_run(r, "database", &arguments.base, &(*ret)->base);
}

static void an_empty_database_is_made_and_told(void **state)
{
        Rehearsal *r = *state;
        Fleet__DatabaseResult *result;

        shell("rm '%s/berta/berta'", r->f.root);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(run(r, &result), 0);
                assert_string_equal(result->database->engine, "sqlite");
                assert_true(text_ends(result->database->name, "/root/berta/berta"));
                protobuf_c_message_free_unpacked(&result->base, NULL);
        }
        shell("test -f '%s/berta/berta' -a ! -s '%s/berta/berta'", r->f.root, r->f.root);
}

static void a_database_with_tables_is_not_taken(void **state)
{
        Rehearsal *r = *state;
        Fleet__DatabaseResult *result;

        assert_int_equal(run(r, &result), -EEXIST);
        assert_string_equal(r->error.code, "database-exists");
        assert_int_equal(rehearsal_rows(r, "berta", "berta"), 2);
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void a_preview_that_names_production_is_refused(void **state)
{
        Rehearsal *r = *state;
        Fleet__DatabaseResult *result;

        fake_site_setting(&r->f, "berta", "DATABASES['default']['NAME'] = '../anna/anna'");
        assert_int_equal(run(r, &result), -EPERM);
        assert_string_equal(r->error.code, "interlock");
        assert_int_equal(rehearsal_rows(r, "anna", "anna"), 2);
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void an_engine_of_a_later_version_is_told(void **state)
{
        Rehearsal *r = *state;
        Fleet__DatabaseResult *result;

        fake_site_setting(
                &r->f, "berta", "DATABASES['default']['ENGINE'] = 'django.db.backends.oracle'");
        assert_int_equal(run(r, &result), -EOPNOTSUPP);
        assert_string_equal(r->error.code, "engine");
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(an_empty_database_is_made_and_told),
                REHEARSE(a_database_with_tables_is_not_taken),
                REHEARSE(a_preview_that_names_production_is_refused),
                REHEARSE(an_engine_of_a_later_version_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
