// The rules for names.
#include "base/text.h"
#include "names.h"
#include "test.h"

typedef int (*Check)(const char *name, Error *error);

static void expect_accepted(Check check, const char *name)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (check(name, &error) < 0)
                fail_msg("'%s' is refused: %s", name, error.why);
}

static void expect_refused(Check check, const char *name)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (check(name, &error) != -EINVAL)
                fail_msg("'%s' is accepted", name);
        assert_string_equal(error.code, "bad-name");
        assert_false(text_blank(error.why));
        assert_false(text_blank(error.next));
}

static void neutral_names_are_accepted(void **state)
{
        static const char *const names[] = {"anna", "mdg1", "a", "site_two", "prod2", "oldtown",
                "abcdefghijklmnopqrstuvwxyz012345"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++)
                expect_accepted(name_check_site, names[i]);
}

static void names_of_roles_are_refused(void **state)
{
        static const char *const names[] = {
                "prod", "preview", "old", "new", "testing", "test", "production"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++)
                expect_refused(name_check_site, names[i]);
}

static void names_that_are_no_python_package_are_refused(void **state)
{
        static const char *const names[] = {"", "1anna", "an-na", "an na", "an.na", "Anna",
                "\xc3\xa4nna", "class", "settings", "../anna", "anna/", ".", "..", "-rf", "anna\n",
                "abcdefghijklmnopqrstuvwxyz0123456"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++)
                expect_refused(name_check_site, names[i]);
}

static void series_and_hosts_are_labels(void **state)
{
        static const char *const good[] = {"alpha", "web-1.example.com", "A_b"};
        static const char *const bad[] = {"", "1a", "-a", "a b", "a/b", "a\xc3\xa4", "a;b",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                expect_accepted(name_check_series, good[i]);
                expect_accepted(name_check_host, good[i]);
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                expect_refused(name_check_series, bad[i]);
                expect_refused(name_check_host, bad[i]);
        }
}

static void roots_are_absolute_and_normalized(void **state)
{
        static const char *const bad[] = {"", "/", "lino", "./lino", "/usr/../etc", "/usr//lino",
                "/usr/lino/", "/usr/.", "/usr/./lino", "/usr/lino/.."};

        (void)state;
        expect_accepted(name_check_root, "/usr/local/lino");
        expect_accepted(name_check_root, "/srv/..lino/a b");
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                expect_refused(name_check_root, bad[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(neutral_names_are_accepted),
                cmocka_unit_test(names_of_roles_are_refused),
                cmocka_unit_test(names_that_are_no_python_package_are_refused),
                cmocka_unit_test(series_and_hosts_are_labels),
                cmocka_unit_test(roots_are_absolute_and_normalized),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
