#include "fake_site.h"

#include "site/site.h"

static int open_fixture(void **state)
{
        StepFixture *f = memory_new(sizeof(*f));

        step_fixture_open(f, "echo");
        shell("mkdir '%s/anna' && ln -s anna '%s/berta' && touch '%s/carla'", f->root, f->root,
                f->root);
        *state = f;
        return 0;
}

static int close_fixture(void **state)
{
        step_fixture_close(*state);
        free(*state);
        return 0;
}

static void refused(const StepFixture *f, const char *name, int result, const char *code)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__Site wanted = fake_site(f, name);

        assert_int_equal(site_open(&f->policy, &wanted, &site, &error), result);
        assert_string_equal(error.code, code);
        assert_non_null(error.what);
        assert_non_null(error.why);
        assert_non_null(error.next);
        assert_int_equal(site.fd, -EBADF);
}

static void a_project_directory_is_opened_with_its_owner(void **state)
{
        const StepFixture *f = *state;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__Site anna = fake_site(f, "anna");

        assert_int_equal(site_open(&f->policy, &anna, &site, &error), 0);
        assert_true(site.fd >= 0 && site.root_fd >= 0);
        assert_string_equal(site.root, f->root);
        assert_true(text_ends(site.path, "/root/anna"));
        assert_int_equal(site.owner.uid, geteuid());
}

static void names_that_are_none_are_refused(void **state)
{
        refused(*state, "..", -EINVAL, "bad-name");
        refused(*state, "anna/../..", -EINVAL, "bad-name");
        refused(*state, "prod", -EINVAL, "bad-name");
}

static void links_and_files_are_no_project_directories(void **state)
{
        refused(*state, "berta", -ELOOP, "escape");
        refused(*state, "carla", -ENOTDIR, "site-directory");
        refused(*state, "dora", -ENOENT, "no-site");
}

static void a_site_that_need_not_exist_gives_its_root(void **state)
{
        const StepFixture *f = *state;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__Site dora = fake_site(f, "dora");

        assert_int_equal(site_open_root(&f->policy, &dora, &site, &error), 0);
        assert_true(site.root_fd >= 0);
        assert_int_equal(site.fd, -EBADF);
        assert_null(site.owner.name);
}

static void roots_and_owners_that_are_not_in_the_policy_are_refused(void **state)
{
        StepFixture *f = *state;

        text_list_clear(&f->policy.users);
        text_list_add(&f->policy.users, "nobody-we-know");
        refused(f, "anna", -EPERM, "policy");
        text_list_clear(&f->policy.roots);
        text_list_add(&f->policy.roots, "/srv/other");
        refused(f, "anna", -EPERM, "policy");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_project_directory_is_opened_with_its_owner),
                TEST(names_that_are_none_are_refused),
                TEST(links_and_files_are_no_project_directories),
                TEST(a_site_that_need_not_exist_gives_its_root),
                TEST(roots_and_owners_that_are_not_in_the_policy_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
