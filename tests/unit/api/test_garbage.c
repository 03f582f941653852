// Requests, good ones and bent ones, in a few thousand connections: whatever comes, the server
// stays and answers the next good request. The seed is fixed, so that a failure can be met again.
#include "serve.h"

#define SEED             20261122U
#define CONNECTIONS_SENT 6000

static const char *const corpus[] = {
        "GET /v1/watches HTTP/1.1\r\n" HOST "\r\n",
        "GET /v1/echo/a%20b?x=1&y=%41 HTTP/1.1\r\n" HOST CLOSE "\r\n",
        "DELETE /v1/echo/a HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n",
        "POST /v1/echo HTTP/1.1\r\n" HOST "Content-Length: 13\r\n\r\n{\"name\": \"x\"}",
        "POST /v1/echo HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n",
        "GET /v1/jobs/1/events HTTP/1.1\r\n" HOST "Last-Event-ID: 1\r\n\r\n",
        "GET /v1/jobs/2/events HTTP/1.1\r\n" HOST "\r\n",
        "GET /v1/jobs/3/events HTTP/1.0\r\n" HOST "\r\n",
        "POST /v1/echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
        "HEAD /v1/watches HTTP/1.1\r\n" HOST "\r\n",
        "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
};

static const char *const pieces[] = {"\r\n", "\n", "\r\n\r\n", ":", " ", "%00", "%", "\t",
        "HTTP/9.9", "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: chunked\r\n",
        "Content-Length: -1\r\n", "ffffffffffffffff\r\n", "{", "\"", "\xff\xfe", "/../", "?", "#",
        "CONNECT", "Host: a\r\n", "Expect: x\r\n"};

typedef struct Bytes {
        char data[8192];
        size_t size;
} Bytes;

static void insert(Bytes *bytes, size_t at, const char *piece, size_t size)
{
        if (bytes->size + size > sizeof(bytes->data))
                return;
        memmove(bytes->data + at + size, bytes->data + at, bytes->size - at);
        memcpy(bytes->data + at, piece, size);
        bytes->size += size;
}

static void bend(Bytes *bytes, unsigned *seed)
{
        size_t at = bytes->size ? (size_t)rand_r(seed) % bytes->size : 0;
        const char *piece = pieces[(size_t)rand_r(seed) % ELEMENTS(pieces)];
        size_t span = (size_t)rand_r(seed) % 16;

        switch (rand_r(seed) % 5) {
        case 0:
                if (bytes->size)
                        bytes->data[at] ^= (char)(1 << rand_r(seed) % 8);
                break;
        case 1:
                insert(bytes, at, piece, strlen(piece));
                break;
        case 2:
                if (at + span <= bytes->size) {
                        memmove(bytes->data + at, bytes->data + at + span, bytes->size - at - span);
                        bytes->size -= span;
                }
                break;
        case 3:
                bytes->size = at;
                break;
        default:
                piece = corpus[(size_t)rand_r(seed) % ELEMENTS(corpus)];
                insert(bytes, bytes->size, piece, strlen(piece));
        }
}

// Sends it in two pieces, and leaves in one of three ways.
static void attack(const Bytes *bytes, unsigned *seed)
{
        _cleanup_close_ int fd = client_connect();
        size_t first = bytes->size ? (size_t)rand_r(seed) % bytes->size : 0;
        char buffer[4096];

        client_send(fd, bytes->data, first);
        client_send(fd, bytes->data + first, bytes->size - first);
        switch (rand_r(seed) % 3) {
        case 0:
                return;
        case 1:
                (void)!recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
                return;
        default:
                shutdown(fd, SHUT_WR);
                while (recv(fd, buffer, sizeof(buffer), 0) > 0)
                        ;
        }
}

static void whatever_comes_the_next_good_request_is_answered(void **state)
{
        unsigned seed = SEED;

        (void)state;
        for (int i = 0; i < CONNECTIONS_SENT; i++) {
                const char *start = corpus[(size_t)rand_r(&seed) % ELEMENTS(corpus)];
                Bytes bytes = {.size = strlen(start)};

                memcpy(bytes.data, start, bytes.size);
                for (int bends = rand_r(&seed) % 4; bends > 0; bends--)
                        bend(&bytes, &seed);
                attack(&bytes, &seed);
                if (i % 100 == 0) {
                        _cleanup_free_ char *answer = get("/v1/watches");

                        assert_starts(answer, "HTTP/1.1 200 OK\r\n");
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whatever_comes_the_next_good_request_is_answered),
        };

        return cmocka_run_group_tests(tests, server_start, server_stop);
}
