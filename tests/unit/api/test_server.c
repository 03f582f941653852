#include <pwd.h>
#include <sys/stat.h>

#include "serve.h"

static void an_operation_is_given_user_subjects_query_and_body(void **state)
{
        _cleanup_free_ char *answer =
                post("/v1/echo/a%20%C3%BC/7?limit=3&series=no%2Fi", "{\"name\": \"anna\"}");
        json_t *body = body_of(answer);
        struct passwd *user = getpwuid(getuid());

        (void)state;
        assert_starts(answer, "HTTP/1.1 200 OK\r\n");
        assert_has(answer, "Content-Type: application/json\r\n");
        assert_string_equal(json_string_value(json_object_get(body, "who")), user->pw_name);
        assert_string_equal(json_string_value(json_object_get(body, "first")), "a \xc3\xbc");
        assert_string_equal(json_string_value(json_object_get(body, "second")), "7");
        assert_has(answer, "\"query\":{\"limit\":\"3\",\"series\":\"no/i\"}");
        assert_has(answer, "\"body\":{\"name\":\"anna\"}");
        json_decref(body);
}

static void a_text_goes_out_as_it_is_with_its_type(void **state)
{
        _cleanup_free_ char *answer = get("/v1/text");

        (void)state;
        assert_starts(answer, "HTTP/1.1 200 OK\r\n");
        assert_has(answer, "Content-Type: text/calendar; charset=utf-8\r\n");
        assert_has(answer, "X-Content-Type-Options: nosniff\r\n");
        assert_has(answer, "\r\n\r\none \"two\"\r\n100 %\r\n");
}

static void no_body_is_an_empty_object(void **state)
{
        _cleanup_free_ char *posted = post("/v1/echo", "");
        _cleanup_free_ char *gotten = get("/v1/echo/x");

        (void)state;
        assert_has(posted, "\"body\":{}");
        assert_has(gotten, "\"body\":{}");
}

static void a_failure_is_answered_whole_with_its_status(void **state)
{
        static const struct {
                const char *path;
                const char *status;
        } cases[] = {
                {"/v1/fail/ENOENT", "HTTP/1.1 404 "},
                {"/v1/fail/EINVAL", "HTTP/1.1 400 "},
                {"/v1/fail/EPERM", "HTTP/1.1 403 "},
                {"/v1/fail/EEXIST", "HTTP/1.1 409 "},
                {"/v1/fail/EBUSY", "HTTP/1.1 409 "},
                {"/v1/fail/EIO", "HTTP/1.1 500 "},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *answer = get(cases[i].path);

                assert_starts(answer, cases[i].status);
                assert_has(answer, "{\"failure\":{\"code\":\"some-code\",\"what\":\"it failed\","
                                   "\"where\":\"there\",\"why\":\"");
                assert_has(answer, "\"next\":\"Do it again.\"}}\n");
        }
}

static void bad_json_is_refused_with_its_place(void **state)
{
        static const char *const bodies[] = {"{\"a\": }", "[]", "3", "\"x\"", "{\"a\":1,\"a\":2}",
                "{} {}", "\xff", "{\"a\":\"\\u0000\"}"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bodies); i++) {
                _cleanup_free_ char *answer = post("/v1/echo", bodies[i]);

                assert_starts(answer, "HTTP/1.1 400 Bad Request\r\n");
                assert_has(answer, "its body is no JSON: line ");
        }
}

static void a_body_nested_ten_thousand_deep_is_refused(void **state)
{
        _cleanup_free_ char *brackets = memory_new(10001);
        _cleanup_free_ char *body = NULL;
        _cleanup_free_ char *answer = NULL;

        (void)state;
        memset(brackets, '[', 10000);
        body = text_format("{\"a\":%s", brackets);
        answer = post("/v1/echo", body);
        assert_starts(answer, "HTTP/1.1 400 Bad Request\r\n");
        assert_has(answer, "maximum parsing depth reached");
}

static void an_unknown_path_is_404(void **state)
{
        static const char *const paths[] = {"/", "/v1", "/v1/ech", "/v1/echo/", "/v1/echo/a/b/c",
                "/v1/../v1/watches", "/V1/watches", "/v1/jobs/1/events/"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                _cleanup_free_ char *answer = get(paths[i]);

                assert_starts(answer, "HTTP/1.1 404 Not Found\r\n");
                assert_has(answer, "\"code\":\"unknown-path\"");
        }
}

static void a_wrong_method_is_405_and_says_the_right_ones(void **state)
{
        _cleanup_free_ char *answer = post("/v1/echo/x", "{}");
        _cleanup_free_ char *events = post("/v1/jobs/1/events", "{}");

        (void)state;
        assert_starts(answer, "HTTP/1.1 405 Method Not Allowed\r\n");
        assert_has(answer, "Allow: GET, DELETE\r\n");
        assert_starts(events, "HTTP/1.1 405 Method Not Allowed\r\n");
        assert_has(events, "Allow: GET\r\n");
}

static void requests_that_could_mean_two_things_are_refused(void **state)
{
        static const char *const requests[] = {
                "GET /v1/watches HTTP/1.1\r\n\r\n",
                "GET /v1/watches HTTP/1.1\r\n" HOST HOST "\r\n",
                "GET //v1/watches HTTP/1.1\r\n" HOST "\r\n",
                "GET /v1/echo/\xc3\xbc HTTP/1.1\r\n" HOST "\r\n",
                "GET /v1/watches HTTP/1.9\r\n" HOST "\r\n",
                "GET /v1/watches HTTP/1.1\r\n" HOST "Bad Name: x\r\n\r\n",
                "POST /v1/echo HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\n{}",
                "POST /v1/echo HTTP/1.1\r\n" HOST
                "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
                "POST /v1/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n",
                "POST /v1/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n",
                "POST /v1/echo HTTP/1.0\r\n" HOST
                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(requests); i++) {
                _cleanup_free_ char *answer = ask(requests[i]);

                assert_has(answer, " 400 ");
                assert_has(answer, "Connection: close\r\n");
        }
}

static void malformed_percent_encoding_is_refused(void **state)
{
        static const char *const paths[] = {"/v1/echo/%", "/v1/echo/%2", "/v1/echo/%zz",
                "/v1/echo/a%00b", "/v1/echo/%ff", "/v1/echo/%0a", "/v1/echo/x?a=%",
                "/v1/echo/x?a=1&a=2", "/v1/echo/x?=1"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                _cleanup_free_ char *answer = get(paths[i]);

                assert_starts(answer, "HTTP/1.1 400 Bad Request\r\n");
        }
}

static void a_body_over_a_megabyte_is_refused(void **state)
{
        size_t size = 1024 * 1024 + 1;
        _cleanup_free_ char *body = memory_new(size + 1);
        _cleanup_free_ char *answer = NULL;
        _cleanup_free_ char *fits = NULL;

        (void)state;
        memset(body, ' ', size);
        memcpy(body, "{}", 2);
        answer = post("/v1/echo", body);
        assert_null(strstr(answer, " 200 "));
        body[size - 1] = '\0';
        fits = post("/v1/echo", body);
        assert_starts(fits, "HTTP/1.1 200 OK\r\n");
}

static void headers_over_8_kilobytes_are_refused(void **state)
{
        _cleanup_free_ char *filler = memory_new(HEADER_BYTES + 1);
        _cleanup_free_ char *request = NULL;
        _cleanup_free_ char *answer = NULL;

        (void)state;
        memset(filler, 'x', HEADER_BYTES);
        request = text_format("GET /v1/watches HTTP/1.1\r\n" HOST "X: %s\r\n\r\n", filler);
        answer = ask(request);
        assert_null(strstr(answer, " 200 "));
}

static void a_line_without_end_ends_the_connection(void **state)
{
        static const char *const starts[] = {"GET /", "GET / HTTP/1.1\r\nX: ",
                "POST /v1/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(starts); i++) {
                _cleanup_close_ int fd = client_connect();
                char block[4096];
                size_t sent = 0;

                memset(block, '1', sizeof(block));
                client_send(fd, starts[i], strlen(starts[i]));
                while (client_send(fd, block, sizeof(block)))
                        sent += sizeof(block);
                assert_in_range(sent, 0, 4 * 1024 * 1024);
        }
}

static void a_byte_now_and_then_does_not_hold_a_connection(void **state)
{
        static const char request[] = "GET /v1/watches HTTP/1.1\r\n" HOST "X: ";
        _cleanup_close_ int fd = client_connect();
        int64_t begun = clock_monotonic_us();

        (void)state;
        client_send(fd, request, strlen(request));
        while (client_send(fd, "x", 1)) {
                assert_in_range(clock_monotonic_us() - begun, 0, 10 * US_PER_SECOND);
                usleep(20000); // the pace of the attack
        }
        assert_true(clock_monotonic_us() - begun >= (DEADLINE_MS - 50) * US_PER_MS);
}

static void a_client_that_says_nothing_is_dropped(void **state)
{
        _cleanup_free_ char *answer = ask("");

        (void)state;
        assert_string_equal(answer, "");
}

static void a_half_closed_client_still_gets_its_answer(void **state)
{
        static const char request[] = "GET /v1/watches HTTP/1.1\r\n" HOST "\r\n";
        _cleanup_close_ int fd = client_connect();
        _cleanup_free_ char *answer = NULL;

        (void)state;
        client_send(fd, request, strlen(request));
        shutdown(fd, SHUT_WR);
        answer = client_read(fd, NULL);
        assert_starts(answer, "HTTP/1.1 200 OK\r\n");
}

static void a_hundred_requests_in_one_breath_get_a_hundred_answers_in_order(void **state)
{
        _cleanup_close_ int fd = client_connect();
        _cleanup_free_ char *answers = NULL;
        const char *at;
        char requests[100 * 80];
        size_t size = 0;

        (void)state;
        for (int i = 0; i < 100; i++)
                size += (size_t)snprintf(requests + size, sizeof(requests) - size,
                        "GET /v1/echo/n%d HTTP/1.1\r\n" HOST "%s\r\n", i, i == 99 ? CLOSE : "");
        client_send(fd, requests, size);
        answers = client_read(fd, NULL);
        at = answers;
        for (int i = 0; i < 100; i++) {
                char wanted[32];

                snprintf(wanted, sizeof(wanted), "\"first\":\"n%d\"", i);
                at = strstr(at, wanted);
                assert_non_null(at);
        }
}

static void connections_over_the_cap_are_closed_and_the_others_served(void **state)
{
        static const char request[] = "GET /v1/jobs/2/events HTTP/1.1\r\n" HOST "\r\n";
        int fds[CONNECTIONS];

        (void)state;
        for (size_t i = 0; i < CONNECTIONS; i++) {
                _cleanup_free_ char *head = NULL;

                fds[i] = client_connect();
                client_send(fds[i], request, strlen(request));
                head = client_read(fds[i], "\r\n\r\n");
                assert_starts(head, "HTTP/1.1 200 OK\r\n");
        }
        for (int i = 0; i < 5; i++) {
                _cleanup_free_ char *answer = get("/v1/watches");

                assert_string_equal(answer, "");
        }
        for (size_t i = 0; i < CONNECTIONS; i++)
                close(fds[i]);
        for (;;) { // until the server has noticed
                _cleanup_free_ char *answer = get("/v1/watches");

                if (text_starts(answer, "HTTP/1.1 200"))
                        return;
        }
}

static void the_socket_is_for_owner_and_group(void **state)
{
        struct stat status;

        (void)state;
        assert_int_equal(stat(server.path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0660);
}

static int start_at(const char *path, Error *error)
{
        struct event_base *loop = event_base_new();
        Api *api = NULL;
        int result = api_start(loop, path, NULL, table, &limits, &api, error);

        if (result == 0)
                api_free(api);
        event_base_free(loop);
        return result;
}

static void a_second_server_on_the_same_socket_is_refused(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *answer = NULL;

        (void)state;
        assert_int_equal(start_at(server.path, &error), -EADDRINUSE);
        assert_has(error.next, "stop it first");
        answer = get("/v1/watches");
        assert_starts(answer, "HTTP/1.1 200 OK\r\n");
}

static void a_socket_of_a_dead_server_is_replaced(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)state;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/dead", server.directory);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        close(fd);
        assert_int_equal(start_at(address.sun_path, &error), 0);
        assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void a_file_in_the_sockets_place_is_left_alone(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        char path[100];
        FILE *file;

        (void)state;
        snprintf(path, sizeof(path), "%s/file", server.directory);
        file = fopen(path, "w");
        fclose(file);
        assert_int_equal(start_at(path, &error), -EEXIST);
        assert_string_equal(error.where, path);
        assert_int_equal(unlink(path), 0);
}

static void a_path_too_long_for_a_socket_is_refused_with_a_way_out(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        char path[200];

        (void)state;
        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[108] = '\0';
        assert_int_equal(start_at(path, &error), -ENAMETOOLONG);
        assert_has(error.next, "shorter --dir");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_operation_is_given_user_subjects_query_and_body),
                cmocka_unit_test(a_text_goes_out_as_it_is_with_its_type),
                cmocka_unit_test(no_body_is_an_empty_object),
                cmocka_unit_test(a_failure_is_answered_whole_with_its_status),
                cmocka_unit_test(bad_json_is_refused_with_its_place),
                cmocka_unit_test(a_body_nested_ten_thousand_deep_is_refused),
                cmocka_unit_test(an_unknown_path_is_404),
                cmocka_unit_test(a_wrong_method_is_405_and_says_the_right_ones),
                cmocka_unit_test(requests_that_could_mean_two_things_are_refused),
                cmocka_unit_test(malformed_percent_encoding_is_refused),
                cmocka_unit_test(a_body_over_a_megabyte_is_refused),
                cmocka_unit_test(headers_over_8_kilobytes_are_refused),
                cmocka_unit_test(a_line_without_end_ends_the_connection),
                cmocka_unit_test(a_byte_now_and_then_does_not_hold_a_connection),
                cmocka_unit_test(a_client_that_says_nothing_is_dropped),
                cmocka_unit_test(a_half_closed_client_still_gets_its_answer),
                cmocka_unit_test(a_hundred_requests_in_one_breath_get_a_hundred_answers_in_order),
                cmocka_unit_test(connections_over_the_cap_are_closed_and_the_others_served),
                cmocka_unit_test(the_socket_is_for_owner_and_group),
                cmocka_unit_test(a_second_server_on_the_same_socket_is_refused),
                cmocka_unit_test(a_socket_of_a_dead_server_is_replaced),
                cmocka_unit_test(a_file_in_the_sockets_place_is_left_alone),
                cmocka_unit_test(a_path_too_long_for_a_socket_is_refused_with_a_way_out),
        };

        return cmocka_run_group_tests(tests, server_start, server_stop);
}
