// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "service/config.h"
#include "service/init.h"
#include "service/service.h"

static char directory[64];

static int setup(void **state)
{
        (void)state;
        strcpy(directory, "/tmp/init-XXXXXX");
        assert_non_null(mkdtemp(directory));
        return 0;
}

static int teardown(void **state)
{
        DIR *dir = opendir(directory);
        struct dirent *entry;

        (void)state;
        while ((entry = readdir(dir)))
                (void)!unlinkat(dirfd(dir), entry->d_name, 0);
        closedir(dir);
        return rmdir(directory);
}

static mode_t mode_of(const char *name)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name);
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return st.st_mode & 07777;
}

static void init_makes_what_run_needs_and_keeps_keys_secret(void **state)
{
        (void)state;
        assert_int_equal(init_directory(directory, "127.0.0.1:7700", NULL), 0);
        assert_int_equal(mode_of(INIT_AUTHORITY_KEY), 0600);
        assert_int_equal(mode_of(INIT_KEY), 0600);
        assert_int_equal(mode_of(INIT_DATABASE), 0600);
}

static void init_refuses_to_overwrite_and_changes_nothing(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *path = text_format("%s/" INIT_AUTHORITY, directory);
        char *before, *after;
        size_t size;

        (void)state;
        assert_int_equal(init_directory(directory, "127.0.0.1:7700", NULL), 0);
        assert_int_equal(file_read(path, 65536, &before, &size), 0);
        assert_int_equal(init_directory(directory, "127.0.0.1:7700", &error), -EEXIST);
        assert_non_null(strstr(error.next, "understudy-controller run"));
        assert_int_equal(file_read(path, 65536, &after, &size), 0);
        assert_string_equal(before, after);
        free(before);
        free(after);
}

static void init_that_was_killed_is_repeated(void **state)
{
        _cleanup_free_ char *path = text_format("%s/" CONFIG_FILE, directory);

        (void)state;
        assert_int_equal(init_directory(directory, "127.0.0.1:7700", NULL), 0);
        assert_int_equal(unlink(path), 0); // it is written last
        assert_int_equal(init_directory(directory, "127.0.0.1:7700", NULL), 0);
}

static void an_address_without_a_port_is_refused(void **state)
{
        static const char *const bad[] = {
                "localhost", "localhost:", ":7700", "localhost:0", "localhost:65536", "::1:7700"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(init_directory(directory, bad[i], NULL), -EINVAL);
}

static void hosts_join_on_the_port_behind_the_workers(void **state)
{
        _cleanup_free_ char *path = text_format("%s/" CONFIG_FILE, directory);
        _cleanup_config_ Config config = {0};

        (void)state;
        assert_int_equal(init_directory(directory, "192.0.2.7:7800", NULL), 0);
        assert_int_equal(option_read(path, config_options, &config, NULL), 0);
        assert_string_equal(config.listen, "192.0.2.7:7800");
        assert_string_equal(config.enrolment, "192.0.2.7:7801");
        assert_int_equal(config.limits.host_heavy, 2);
        assert_int_equal(config.keep_events_seconds, 90 * 86400);
}

static void assert_advertised(const char *listen, const char *advertise, const char *expected)
{
        const Config config = {.advertise = (char *)advertise};
        _cleanup_free_ char *told = config_advertised(&config, listen);

        assert_string_equal(told, expected);
}

static void hosts_are_told_an_address_that_they_can_reach(void **state)
{
        const Config config = {0};
        _cleanup_free_ char *told = config_advertised(&config, "0.0.0.0:7701");

        (void)state;
        assert_advertised("192.0.2.7:7701", NULL, "192.0.2.7:7701");
        assert_advertised("0.0.0.0:7701", "hub.example.org", "hub.example.org:7701");
        assert_advertised("[::]:7701", "hub.example.org", "hub.example.org:7701");
        assert_advertised("10.0.0.1:7701", "hub.example.org", "hub.example.org:7701");
        assert_false(text_starts(told, "0.0.0.0"));
        assert_true(text_ends(told, ":7701"));
}

static void a_directory_without_a_controller_is_refused_with_the_command_to_type(void **state)
{
        struct event_base *base = event_base_new();
        _cleanup_error_ Error error = ERROR_EMPTY;
        Service *service;

        (void)state;
        assert_true(service_new(base, directory, &service, &error) < 0);
        assert_non_null(strstr(error.next, "understudy-controller init"));
        event_base_free(base);
}

static void a_second_controller_on_one_directory_is_refused(void **state)
{
        struct event_base *base = event_base_new();
        _cleanup_error_ Error error = ERROR_EMPTY;
        Service *first, *second;

        (void)state;
        assert_int_equal(init_directory(directory, "127.0.0.1:17760", NULL), 0);
        assert_int_equal(service_new(base, directory, &first, &error), 0);
        assert_int_equal(service_new(base, directory, &second, &error), -EBUSY);
        assert_string_equal(error.code, "running");
        service_free(first);
        event_base_free(base);
}

int main(void)
{
#define INIT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                INIT_TEST(init_makes_what_run_needs_and_keeps_keys_secret),
                INIT_TEST(init_refuses_to_overwrite_and_changes_nothing),
                INIT_TEST(init_that_was_killed_is_repeated),
                INIT_TEST(an_address_without_a_port_is_refused),
                INIT_TEST(hosts_join_on_the_port_behind_the_workers),
                INIT_TEST(hosts_are_told_an_address_that_they_can_reach),
                INIT_TEST(a_directory_without_a_controller_is_refused_with_the_command_to_type),
                INIT_TEST(a_second_controller_on_one_directory_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
