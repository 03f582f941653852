#include "rehearsal.h"

static int run(Rehearsal *r, Fleet__StaticResult **ret)
{
        Fleet__StaticArguments arguments = FLEET__STATIC_ARGUMENTS__INIT;

        arguments.preview = &r->preview;
        *ret = (Fleet__StaticResult *)message_new(&fleet__static_result__descriptor);
        return rehearsal_run(r, "static", &arguments.base, &(*ret)->base);
}

static void files_are_collected_in_the_project_directory(void **state)
{
        Rehearsal *r = *state;
        Fleet__StaticResult *result;

        if (run(r, &result) < 0)
                fail_msg("%s", r->error.why);
        assert_int_equal(result->copied, 2);
        assert_int_equal(result->unmodified, 1);
        shell("test -f '%s/berta/static/a.css'", r->f.root);
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void a_directory_that_other_sites_may_serve_from_is_refused(void **state)
{
        Rehearsal *r = *state;
        Fleet__StaticResult *result;

        fake_site_setting(&r->f, "berta", "STATIC_ROOT = '../anna/static'");
        assert_int_equal(run(r, &result), -EPERM);
        assert_string_equal(r->error.code, "static-root");
        shell("test ! -e '%s/anna/static'", r->f.root);
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void a_directory_elsewhere_that_is_named_after_the_site_is_its_own(void **state)
{
        Rehearsal *r = *state;
        Fleet__StaticResult *result;

        fake_site_setting(&r->f, "berta", "STATIC_ROOT = '../../www/berta/static'");
        assert_int_equal(run(r, &result), 0);
        shell("test -f '%s/www/berta/static/b.js'", r->f.directory);
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void a_broken_site_fails_in_its_own_words(void **state)
{
        Rehearsal *r = *state;
        Fleet__StaticResult *result;

        fake_site_behave(&r->f, "berta", "fail");
        assert_int_equal(run(r, &result), -EIO);
        assert_non_null(strstr(r->error.why, "this site is broken"));
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(files_are_collected_in_the_project_directory),
                REHEARSE(a_directory_that_other_sites_may_serve_from_is_refused),
                REHEARSE(a_directory_elsewhere_that_is_named_after_the_site_is_its_own),
                REHEARSE(a_broken_site_fails_in_its_own_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
