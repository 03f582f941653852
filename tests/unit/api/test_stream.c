#include "serve.h"

#define EVENTS(job) "GET /v1/jobs/" #job "/events HTTP/1.1\r\n" HOST "\r\n"

static int64_t state_of(const char *name)
{
        _cleanup_free_ char *answer = get("/v1/watches");
        json_t *body = body_of(answer);
        int64_t value = json_integer_value(json_object_get(body, name));

        json_decref(body);
        return value;
}

static void wait_for_watches(int64_t count)
{
        int64_t end = clock_monotonic_us() + 20 * US_PER_SECOND;

        while (state_of("watches") != count)
                assert_true(clock_monotonic_us() < end);
}

static void assert_three_events_then_the_end(const char *answer)
{
        const char *first = strstr(answer, "id: 1\ndata: {\"seq\":1,\"type\":\"log\"");
        const char *third = strstr(answer, "id: 3\ndata: {\"seq\":3,");

        assert_has(answer, "Content-Type: text/event-stream\r\n");
        assert_non_null(first);
        assert_non_null(third);
        assert_true(first < third);
        assert_true(text_ends(answer, "\r\n0\r\n\r\n"));
}

static void a_job_is_followed_to_its_end(void **state)
{
        _cleanup_free_ char *answer = ask(EVENTS(1));
        _cleanup_free_ char *at_once = ask(EVENTS(4));

        (void)state;
        assert_three_events_then_the_end(answer);
        assert_three_events_then_the_end(at_once);
        wait_for_watches(0);
}

static void a_follower_goes_on_after_the_last_event_it_saw(void **state)
{
        _cleanup_free_ char *by_query =
                ask("GET /v1/jobs/1/events?after=2 HTTP/1.1\r\n" HOST "\r\n");
        _cleanup_free_ char *by_header =
                ask("GET /v1/jobs/1/events HTTP/1.1\r\n" HOST "Last-Event-ID: 2\r\n\r\n");

        (void)state;
        assert_null(strstr(by_query, "id: 2\n"));
        assert_has(by_query, "id: 3\n");
        assert_null(strstr(by_header, "id: 2\n"));
        assert_has(by_header, "id: 3\n");
}

static void a_job_that_cannot_be_followed_is_a_failure(void **state)
{
        _cleanup_free_ char *unknown = ask("GET /v1/jobs/99/events HTTP/1.1\r\n" HOST CLOSE "\r\n");
        _cleanup_free_ char *word = ask("GET /v1/jobs/x/events HTTP/1.1\r\n" HOST CLOSE "\r\n");
        _cleanup_free_ char *number =
                ask("GET /v1/jobs/1/events?after=-1 HTTP/1.1\r\n" HOST CLOSE "\r\n");
        _cleanup_free_ char *broken = ask(EVENTS(5));

        (void)state;
        assert_starts(unknown, "HTTP/1.1 404 ");
        assert_has(unknown, "\"code\":\"no-job\"");
        assert_starts(word, "HTTP/1.1 400 ");
        assert_starts(number, "HTTP/1.1 400 ");
        assert_has(broken, "id: 1\n");
}

static void a_silent_job_gives_signs_of_life_beyond_the_deadline(void **state)
{
        _cleanup_close_ int fd = client_connect();
        size_t beats = 0;

        (void)state;
        client_send(fd, EVENTS(2), strlen(EVENTS(2)));
        while (beats < 3 * DEADLINE_MS / HEARTBEAT_MS) {
                _cleanup_free_ char *text = client_read(fd, ":\n\n");

                assert_has(text, ":\n\n");
                beats++;
        }
}

static void a_follower_that_leaves_is_forgotten(void **state)
{
        int fd = client_connect();
        _cleanup_free_ char *text = NULL;

        (void)state;
        wait_for_watches(0);
        client_send(fd, EVENTS(2), strlen(EVENTS(2)));
        text = client_read(fd, ":\n\n");
        assert_has(text, ":\n\n");
        assert_int_equal(state_of("watches"), 1);
        close(fd);
        wait_for_watches(0);
}

static void a_follower_that_talks_is_dropped(void **state)
{
        _cleanup_close_ int fd = client_connect();
        char block[1024] = "GET / HTTP/1.1\r\n";

        (void)state;
        client_send(fd, EVENTS(2), strlen(EVENTS(2)));
        while (client_send(fd, block, sizeof(block)))
                ;
        wait_for_watches(0);
}

static void a_reader_that_stops_is_fed_no_more_and_dropped(void **state)
{
        _cleanup_close_ int fd = client_connect();
        int64_t fed = state_of("fed");

        (void)state;
        client_send(fd, EVENTS(3), strlen(EVENTS(3)));
        while (state_of("fed") == fed)
                ;
        wait_for_watches(0); // paused or dropped
        assert_in_range(state_of("fed") - fed, 1, 6);
        while (client_send(fd, "x", 1)) // until it is dropped
                usleep(10000);
}

static void a_reader_that_catches_up_misses_nothing(void **state)
{
        _cleanup_close_ int fd = client_connect();
        _cleanup_free_ char *answer = NULL;
        const char *at;
        int64_t fed = state_of("fed");

        (void)state;
        client_send(fd, EVENTS(3), strlen(EVENTS(3)));
        while (state_of("fed") == fed)
                ;
        answer = client_read(fd, NULL);
        at = answer;
        for (int i = 1; i <= HUGE_EVENTS; i++) {
                char id[32];

                snprintf(id, sizeof(id), "id: %d\n", i);
                at = strstr(at, id);
                if (!at)
                        fail_msg("event %d is missing or out of order", i);
        }
        assert_true(text_ends(answer, "\r\n0\r\n\r\n"));
}

static void an_old_client_gets_its_events_without_chunks(void **state)
{
        _cleanup_free_ char *answer = ask("GET /v1/jobs/1/events HTTP/1.0\r\n" HOST "\r\n");

        (void)state;
        assert_has(answer, "id: 3\n");
        assert_null(strstr(answer, "chunked"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_is_followed_to_its_end),
                cmocka_unit_test(a_follower_goes_on_after_the_last_event_it_saw),
                cmocka_unit_test(a_job_that_cannot_be_followed_is_a_failure),
                cmocka_unit_test(a_silent_job_gives_signs_of_life_beyond_the_deadline),
                cmocka_unit_test(a_follower_that_leaves_is_forgotten),
                cmocka_unit_test(a_follower_that_talks_is_dropped),
                cmocka_unit_test(a_reader_that_stops_is_fed_no_more_and_dropped),
                cmocka_unit_test(a_reader_that_catches_up_misses_nothing),
                cmocka_unit_test(an_old_client_gets_its_events_without_chunks),
        };

        return cmocka_run_group_tests(tests, server_start, server_stop);
}
