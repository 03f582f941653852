#include "rehearsal.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "site/warm.h"

static void a_site_is_listened_for_once_and_found(void **state)
{
        Rehearsal *r = *state;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY, other _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_close_ int listening = -EBADF, connection = -EBADF;

        assert_int_equal(site_open(&r->f.policy, &r->preview, &site, &r->error), 0);
        assert_int_equal(site_open(&r->f.policy, &r->production, &other, &r->error), 0);
        assert_int_equal(warm_connect(&site), -ECONNREFUSED);
        listening = warm_listen(&site);
        assert_true(listening >= 0);
        assert_int_equal(warm_listen(&site), -EADDRINUSE);
        connection = warm_connect(&site);
        assert_true(connection >= 0);
        assert_int_equal(warm_connect(&other), -ECONNREFUSED);
}

static void what_must_be_asked_anew_never_begins_in_a_started_site(void **state)
{
        (void)state;
        assert_true(warm_suits("restore"));
        assert_false(warm_suits("probe"));
        assert_false(warm_suits("dump"));
        assert_false(warm_suits("adopt"));
}

// The fake site has no Lino, so its start fails: that costs nothing but time.
static void a_site_that_cannot_be_started_is_told_and_fails_nothing(void **state)
{
        Rehearsal *r = *state;
        Fleet__WarmArguments arguments = FLEET__WARM_ARGUMENTS__INIT;
        Fleet__WarmResult result = FLEET__WARM_RESULT__INIT;

        arguments.preview = &r->preview;
        fake_site_behave(&r->f, "berta", "nothing");
        rehearsal_done(r, "warm", &arguments.base, &result.base);
        assert_int_equal(step_fixture_said(&r->f, "Python is not kept started"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(a_site_is_listened_for_once_and_found),
                REHEARSE(what_must_be_asked_anew_never_begins_in_a_started_site),
                REHEARSE(a_site_that_cannot_be_started_is_told_and_fails_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
