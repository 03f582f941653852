// What a worker accepts: its own configuration has the last word.
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "step/policy.h"
#include "test.h"

static void a_root_that_is_not_listed_is_refused_with_the_line_to_add(void **state)
{
        (void)state;
        Policy policy = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;

        text_list_add(&policy.roots, "/srv/lino");
        assert_int_equal(policy_check_root(&policy, "/srv/lino", &error), 0);
        assert_int_equal(policy_check_root(&policy, "/srv/lino/anna", &error), -EPERM);
        assert_string_equal(error.code, "policy");
        assert_non_null(strstr(error.next, "'root = /srv/lino/anna'"));
        assert_int_equal(policy_check_root(&policy, "/srv", NULL), -EPERM);
        assert_int_equal(policy_check_root(&policy, "/srv/lino2", NULL), -EPERM);
        policy_clear(&policy);
}

static void a_root_may_be_listed_by_a_link_to_it(void **state)
{
        (void)state;
        char directory[] = "/tmp/understudy-policy-XXXXXX";
        _cleanup_free_ char *real = NULL, *link = NULL;
        Policy policy = {0};

        assert_non_null(mkdtemp(directory));
        real = text_format("%s/real", directory);
        link = text_format("%s/link", directory);
        assert_int_equal(mkdir(real, 0755), 0);
        assert_int_equal(symlink(real, link), 0);
        text_list_add(&policy.roots, link);
        assert_int_equal(policy_check_root(&policy, real, NULL), 0);
        assert_int_equal(policy_check_root(&policy, directory, NULL), -EPERM);
        policy_clear(&policy);
        unlink(link);
        rmdir(real);
        rmdir(directory);
}

static void a_program_that_is_not_listed_is_refused_with_the_line_to_add(void **state)
{
        (void)state;
        Policy policy = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *resolved = realpath("/usr/bin/python3", NULL);

        assert_int_equal(policy_check_command(&policy, "/usr/bin/env", &error), -EPERM);
        assert_string_equal(error.code, "policy");
        assert_non_null(strstr(error.next, "'command = /usr/bin/env'"));
        text_list_add(&policy.commands, "/usr/bin/python3");
        assert_int_equal(policy_check_command(&policy, resolved, NULL), 0);
        assert_int_equal(policy_check_command(&policy, "/usr/bin/env", NULL), -EPERM);
        assert_int_equal(policy_check_command(&policy, "/nowhere/python3", NULL), -ENOENT);
        policy_clear(&policy);
}

static void an_owner_that_is_listed_is_returned_as_an_account(void **state)
{
        (void)state;
        const struct passwd *self = getpwuid(geteuid());
        Policy policy = {0};
        _cleanup_account_ Account account = {0};

        text_list_add(&policy.users, self->pw_name);
        assert_int_equal(policy_check_owner(&policy, geteuid(), "/x", &account, NULL), 0);
        assert_string_equal(account.name, self->pw_name);
        assert_string_equal(account.home, self->pw_dir);
        assert_int_equal(account.uid, geteuid());
        assert_true(account.group_count > 0);
        policy_clear(&policy);
}

static void an_owner_that_is_not_listed_is_refused_even_if_it_is_root(void **state)
{
        (void)state;
        Policy policy = {0};
        Account account = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;

        text_list_add(&policy.users, "somebody");
        assert_int_equal(policy_check_owner(&policy, 0, "/x", &account, &error), -EPERM);
        assert_string_equal(error.code, "policy");
        assert_non_null(strstr(error.next, "'user = root'"));
        assert_null(account.name);
        policy_clear(&policy);
}

static void an_owner_without_an_account_is_refused(void **state)
{
        (void)state;
        Policy policy = {0};
        Account account = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;

        assert_int_equal(policy_check_owner(&policy, 3999999999U, "/x", &account, &error), -ENOENT);
        assert_string_equal(error.where, "/x");
}

// In a child, for there is no way back.
static void a_worker_without_root_serves_nobody_else(void **state)
{
        (void)state;
        int status;
        pid_t child;

        if (geteuid() != 0)
                skip_because("only root can act as other users");
        child = fork();
        if (child == 0) {
                Policy policy = {0};
                Account account = {0};

                text_list_add(&policy.users, "root");
                if (setuid(65534) < 0)
                        _exit(1);
                _exit(policy_check_owner(&policy, 0, "/x", &account, NULL) == -EPERM ? 0 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_root_that_is_not_listed_is_refused_with_the_line_to_add),
                cmocka_unit_test(a_root_may_be_listed_by_a_link_to_it),
                cmocka_unit_test(a_program_that_is_not_listed_is_refused_with_the_line_to_add),
                cmocka_unit_test(an_owner_that_is_listed_is_returned_as_an_account),
                cmocka_unit_test(an_owner_that_is_not_listed_is_refused_even_if_it_is_root),
                cmocka_unit_test(an_owner_without_an_account_is_refused),
                cmocka_unit_test(a_worker_without_root_serves_nobody_else),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
