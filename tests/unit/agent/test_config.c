// worker.conf: what it says, what it leaves to the defaults, and what is no configuration.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/access.h"
#include "base/file.h"

static char directory[] = "/tmp/understudy-config-XXXXXX";

static int enter(void **state)
{
        (void)state;
        return mkdtemp(directory) ? 0 : -1;
}

static int leave(void **state)
{
        _cleanup_free_ char *path = text_format("%s/worker.conf", directory);

        (void)state;
        unlink(path);
        return rmdir(directory);
}

static int read_text(const char *text, Config *config, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/worker.conf", directory);

        assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
        return config_read(directory, config, error);
}

static bool lists(const TextList *list, const char *text)
{
        for (size_t i = 0; i < list->count; i++)
                if (text_equal(list->items[i], text))
                        return true;
        return false;
}

static void without_a_configuration_the_next_command_is_named(void **state)
{
        (void)state;
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_config_ Config config = {0};

        assert_int_equal(config_read("/nonexistent", &config, &error), -ENOENT);
        assert_string_equal(error.where, "/nonexistent/worker.conf");
        assert_non_null(strstr(error.next, "host add"));
}

static void an_empty_configuration_allows_no_root_and_no_user(void **state)
{
        (void)state;
        _cleanup_config_ Config config = {0};

        assert_int_equal(read_text("", &config, NULL), 0);
        assert_int_equal(config.policy.roots.count, 0);
        assert_int_equal(config.policy.users.count, 0);
        assert_true(lists(&config.policy.commands, "/usr/bin/python3"));
        assert_int_equal(config.tasks, 16);
        assert_int_equal(config.grace_seconds, 30);
}

static void patterns_of_variables_stand_for_those_that_are_set(void **state)
{
        (void)state;
        _cleanup_config_ Config config = {0};

        setenv("PIP_TEST_ONE", "1", 1);
        setenv("PIP_TEST_TWO", "2", 1);
        setenv("SECRET_TEST", "3", 1);
        assert_int_equal(read_text("", &config, NULL), 0);
        assert_true(lists(&config.policy.environment, "PIP_TEST_ONE"));
        assert_true(lists(&config.policy.environment, "PIP_TEST_TWO"));
        assert_false(lists(&config.policy.environment, "SECRET_TEST"));
        config_clear(&config);
        assert_int_equal(read_text("[policy]\nenvironment = SECRET_TEST\n", &config, NULL), 0);
        assert_int_equal(config.policy.environment.count, 1);
}

static void administrators_of_servers_are_told_by_words(void **state)
{
        (void)state;
        _cleanup_config_ Config config = {0};

        assert_int_equal(read_text("[postgresql]\nadmin = host=/run/pg port=5433\n"
                                   "password_file = /etc/understudy/secret\n",
                                 &config, NULL),
                0);
        assert_string_equal(config.policy.postgresql.admin, "host=/run/pg port=5433");
        assert_string_equal(config.policy.postgresql.password_file, "/etc/understudy/secret");
        assert_null(config.policy.mysql.admin);
        assert_true(lists(&config.policy.commands, "/usr/bin/psql"));
}

// Prints lines on both kinds of servers; the text is the caller's.
static char *tried(const char *conf, int expected)
{
        _cleanup_config_ Config config = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_int_equal(read_text(conf, &config, &error), 0);
        assert_int_equal(access_try(&config, out, &error), expected);
        assert_true(expected == 0 || error.next);
        fclose(out);
        return text;
}

static void access_that_is_configured_has_to_work(void **state)
{
        (void)state;
        _cleanup_free_ char *text = tried("[postgresql]\nadmin = host=/nonexistent\n", -EIO);

        assert_non_null(strstr(text, "# [postgresql]: no access: "));
        assert_non_null(strstr(text, "# [mysql]: "));
}

static void access_that_nobody_configured_is_only_told(void **state)
{
        (void)state;
        _cleanup_free_ char *text = tried("[policy]\ncommand = /usr/bin/python3\n", 0);

        assert_non_null(strstr(text, "sites on such a server cannot be served"));
}

static void values_that_would_weaken_the_policy_are_refused(void **state)
{
        (void)state;
        static const char *const texts[] = {"[policy]\nroot = srv/lino\n", "[policy]\nroot = /\n",
                "[policy]\nroot = /srv/../etc\n", "[policy]\ncommand = python3\n",
                "[policy]\nroots = /srv\n", "[limits]\ntasks = 0\n",
                "[postgresql]\nadmin = hots=x\n", "[postgresql]\nadmin = port=0\n",
                "[mysql]\nadmin = user=a user=b\n", "[mysql]\npassword_file = secret\n"};

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                _cleanup_error_ Error error = ERROR_EMPTY;
                _cleanup_config_ Config config = {0};

                assert_int_not_equal(read_text(texts[i], &config, &error), 0);
                assert_non_null(strstr(error.where, "worker.conf:2"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_configuration_the_next_command_is_named),
                cmocka_unit_test(an_empty_configuration_allows_no_root_and_no_user),
                cmocka_unit_test(patterns_of_variables_stand_for_those_that_are_set),
                cmocka_unit_test(administrators_of_servers_are_told_by_words),
                cmocka_unit_test(access_that_is_configured_has_to_work),
                cmocka_unit_test(access_that_nobody_configured_is_only_told),
                cmocka_unit_test(values_that_would_weaken_the_policy_are_refused),
        };

        return cmocka_run_group_tests(tests, enter, leave);
}
