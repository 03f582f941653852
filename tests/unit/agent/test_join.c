// From a join line to a worker's directory.
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/config.h"
#include "agent/identity.h"
#include "agent/join.h"
#include "base/file.h"
#include "remove.h"
#include "wire/enroll.h"
#include "wire/pki.h"

typedef struct Place {
        char *directory, *root, *worker, *address, *token;
        char *authority, *authority_key, *certificate, *key;
        struct event_base *base;
        struct event *stop;
        int stop_fd;
        Wire *wire;
        Enrollment *enrollment;
        pthread_t thread;
        unsigned requests;
} Place;

// The controller's side: signs for who has the secret.
static int on_request(void *userdata, const Fleet__JoinRequest *request, const char *address,
        Fleet__JoinReply *reply)
{
        Place *place = userdata;
        _cleanup_free_ char *certificate = NULL;

        (void)address;
        place->requests++;
        if (!text_equal(request->token, "SECRET"))
                return -EPERM;
        if (pki_sign_host(place->authority, place->authority_key, request->signing_request.data,
                    request->signing_request.len, "a", 10, &certificate, NULL) < 0 ||
                pki_to_der(certificate, &reply->certificate.data, &reply->certificate.len) < 0 ||
                pki_to_der(place->authority, &reply->authority.data, &reply->authority.len) < 0)
                return -EIO;
        reply->host = text_copy("a");
        reply->listen = text_copy("192.0.2.1:7700");
        return 0;
}

static void *serve(void *userdata)
{
        Place *place = userdata;

        event_base_dispatch(place->base);
        return NULL;
}

static void on_stop(evutil_socket_t fd, short what, void *userdata)
{
        Place *place = userdata;

        (void)fd, (void)what;
        event_base_loopbreak(place->base);
}

static void start_controller(Place *place)
{
        char digest[PKI_DIGEST_SIZE];
        static const EnrollLimits limits;
        Credentials credentials;

        assert_int_equal(pki_make_authority(&place->authority, &place->authority_key, NULL), 0);
        assert_int_equal(pki_issue_controller(place->authority, place->authority_key,
                                 &place->certificate, &place->key, NULL),
                0);
        assert_int_equal(pki_digest(place->authority, digest), 0);
        place->token = text_format("SECRET.%s", digest);
        credentials = (Credentials){.authority = place->authority,
                .certificate = place->certificate,
                .key = place->key};
        place->base = event_base_new();
        place->stop_fd = eventfd(0, EFD_CLOEXEC);
        place->stop = event_new(place->base, place->stop_fd, EV_READ, on_stop, place);
        event_add(place->stop, NULL);
        assert_int_equal(wire_new(place->base, &place->wire, NULL), 0);
        assert_int_equal(enroll_listen(place->wire, "127.0.0.1:0", &credentials, &limits,
                                 on_request, place, &place->enrollment, NULL),
                0);
        place->address = text_copy(enroll_address(place->enrollment));
        assert_int_equal(pthread_create(&place->thread, NULL, serve, place), 0);
}

static void make_site(const Place *place, const char *name, bool manage)
{
        _cleanup_free_ char *path = text_format("%s/%s", place->root, name);
        _cleanup_free_ char *file = text_format("%s/manage.py", path);

        assert_int_equal(mkdir(path, 0755), 0);
        if (manage)
                assert_int_equal(file_write(file, "", 0, 0644), 0);
        if (manage && geteuid() == 0)
                assert_int_equal(chown(path, getpwnam("www-data")->pw_uid, (gid_t)-1), 0);
}

static int enter(void **state)
{
        char template[] = "/tmp/understudy-join-XXXXXX";
        Place *place = memory_new(sizeof(*place));

        assert_non_null(mkdtemp(template));
        place->directory = text_copy(template);
        place->root = text_format("%s/root", template);
        place->worker = text_format("%s/lib/worker", template);
        assert_int_equal(mkdir(place->root, 0755), 0);
        make_site(place, "anna", true);
        make_site(place, "notes", false);
        start_controller(place);
        *state = place;
        return 0;
}

static int leave(void **state)
{
        Place *place = *state;
        char **texts[] = {&place->directory, &place->root, &place->worker, &place->address,
                &place->token, &place->authority, &place->authority_key, &place->certificate,
                &place->key};

        assert_int_equal(eventfd_write(place->stop_fd, 1), 0);
        pthread_join(place->thread, NULL);
        wire_free(place->wire);
        event_free(place->stop);
        event_base_free(place->base);
        close(place->stop_fd);
        remove_tree(place->directory);
        for (size_t i = 0; i < ELEMENTS(texts); i++)
                free(*texts[i]);
        free(place);
        return 0;
}

static int join(const Place *place, const char *token, JoinReport *report, Error *error)
{
        const char *roots[] = {place->root};
        JoinRequest request = {.directory = place->worker,
                .controller = place->address,
                .token = token,
                .roots = roots,
                .root_count = 1};

        return join_fleet(&request, report, error);
}

static const char *site_owner(void)
{
        return geteuid() == 0 ? "www-data" : getpwuid(geteuid())->pw_name;
}

static void a_join_writes_identity_and_configuration(void **state)
{
        Place *place = *state;
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_config_ Config config = {0};
        _cleanup_identity_ Identity identity = {0};

        assert_int_equal(join(place, place->token, &report, &error), 0);
        assert_string_equal(report.host, "a");
        assert_int_equal(report.written.count, 2);
        assert_int_equal(report.warnings.count, 0);
        assert_int_equal(config_read(place->worker, &config, &error), 0);
        assert_string_equal(config.address, "192.0.2.1:7700");
        assert_int_equal(config.policy.roots.count, 1);
        assert_string_equal(config.policy.roots.items[0], place->root);
        assert_int_equal(config.policy.users.count, 1);
        assert_string_equal(config.policy.users.items[0], site_owner());
        assert_int_equal(identity_read(config.directory, &identity, &error), 0);
        assert_string_equal(identity.authority, place->authority);
        assert_int_equal(pki_check_pair(identity.certificate, identity.key), 0);
}

static char *log_root_after(
        const Place *place, const char *name, const char *log_root, const char *log_place)
{
        _cleanup_free_ char *directory = text_format("%s/%s", place->directory, name);
        const char *roots[] = {place->root};
        const JoinRequest request = {.directory = directory,
                .controller = place->address,
                .token = place->token,
                .roots = roots,
                .root_count = 1,
                .log_root = log_root,
                .log_place = log_place};
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_config_ Config config = {0};

        assert_int_equal(join_fleet(&request, &report, NULL), 0);
        assert_int_equal(config_read(directory, &config, NULL), 0);
        return text_copy(config.policy.log_root);
}

static void the_place_of_logs_is_configured_where_only_root_may_write(void **state)
{
        Place *place = *state;
        _cleanup_free_ char *roots_own = log_root_after(place, "a", NULL, "/var/log");
        _cleanup_free_ char *everybodys = log_root_after(place, "b", NULL, "/tmp");
        _cleanup_free_ char *missing = log_root_after(place, "c", NULL, "/var/log/no/such/place");
        _cleanup_free_ char *said = log_root_after(place, "d", "/srv/logs", "/var/log");

        assert_string_equal(roots_own, "/var/log");
        assert_null(everybodys);
        assert_null(missing);
        assert_string_equal(said, "/srv/logs");
}

static void an_identity_is_never_overwritten(void **state)
{
        Place *place = *state;
        _cleanup_join_report_ JoinReport report = {0}, again = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;

        assert_int_equal(join(place, place->token, &report, NULL), 0);
        assert_int_equal(join(place, place->token, &again, &error), -EEXIST);
        assert_string_equal(error.code, "joined");
        assert_int_equal(place->requests, 1);
}

static void a_configuration_without_an_identity_is_kept_beside(void **state)
{
        Place *place = *state;
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_free_ char *path = text_format("%s/worker.conf", place->worker);
        _cleanup_free_ char *kept = text_format("%s.before", path);

        assert_int_equal(file_make_directories(place->worker, 0700), 0);
        assert_int_equal(file_write(path, "mine", 4, 0600), 0);
        assert_int_equal(join(place, place->token, &report, NULL), 0);
        assert_int_equal(report.warnings.count, 1);
        assert_int_equal(access(kept, F_OK), 0);
}

static void a_refused_token_writes_nothing(void **state)
{
        Place *place = *state;
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *other = text_format("OTHER%s", strchr(place->token, '.'));

        assert_true(join(place, other, &report, &error) < 0);
        assert_non_null(error.code);
        assert_false(identity_exists(place->worker));
        assert_int_equal(place->requests, 1);
}

static void a_controller_with_another_authority_never_sees_the_token(void **state)
{
        Place *place = *state;
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *token = text_copy(place->token);
        char *last = token + strlen(token) - 1;

        *last = *last == '0' ? '1' : '0';
        assert_true(join(place, token, &report, &error) < 0);
        assert_string_equal(error.code, "authentication");
        assert_int_equal(place->requests, 0);
        assert_false(identity_exists(place->worker));
}

static void a_token_that_is_not_whole_is_refused(void **state)
{
        Place *place = *state;
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        static const char *const tokens[] = {"", "SECRET", "SECRET.", ".", "SECRET.abc",
                ".0123456789012345678901234567890123456789012345678901234567890123"};

        for (size_t i = 0; i < ELEMENTS(tokens); i++) {
                assert_int_equal(join(place, tokens[i], &report, &error), -EINVAL);
                assert_string_equal(error.code, "token");
        }
        assert_int_equal(place->requests, 0);
}

static void roots_that_are_relative_or_missing_are_refused_before_the_token_is_used(void **state)
{
        Place *place = *state;
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        char *root = place->root;

        place->root = (char[]){"root"};
        assert_int_equal(join(place, place->token, &report, &error), -EINVAL);
        place->root = (char[]){"/nonexistent/root"};
        assert_int_equal(join(place, place->token, &report, &error), -ENOENT);
        assert_string_equal(error.code, "root");
        place->root = root;
        assert_int_equal(place->requests, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_join_writes_identity_and_configuration),
                TEST(the_place_of_logs_is_configured_where_only_root_may_write),
                TEST(an_identity_is_never_overwritten),
                TEST(a_configuration_without_an_identity_is_kept_beside),
                TEST(a_refused_token_writes_nothing),
                TEST(a_controller_with_another_authority_never_sees_the_token),
                TEST(a_token_that_is_not_whole_is_refused),
                TEST(roots_that_are_relative_or_missing_are_refused_before_the_token_is_used),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
