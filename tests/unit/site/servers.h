// The tests' own database servers, started by the first test that wants one (tests/servers). They
// end with the test run; of a program that is run by itself, with that.
#ifndef UNDERSTUDY_TESTS_SERVERS_H
#define UNDERSTUDY_TESTS_SERVERS_H

#include "fake_site.h"

typedef struct TestServer {
        char *socket; // what `host` is; of PostgreSQL a directory
        char *port;
} TestServer;

// "postgresql" or "mariadb".
static inline TestServer test_server(const char *engine)
{
        const char *run = getenv("UNDERSTUDY_TEST_SERVERS"), *until = getenv("UNDERSTUDY_TEST_RUN");
        _cleanup_free_ char *own = text_format("/tmp/understudy-servers-%d", getpid());
        _cleanup_free_ char *pid = text_format("%d", getpid()), *path = NULL, *text = NULL;
        const char *directory = run ? run : own;

        shell("'%s/tests/servers' start '%s' %s %s", SOURCE_DIR, directory, engine,
                run && until ? until : pid);
        path = text_format("%s/%s/port", directory, engine);
        assert_int_equal(file_read(path, 16, &text, NULL), 0);
        return (TestServer){.socket = text_format("%s/%s/socket", directory, engine),
                .port = text_copy_n(text, strcspn(text, "\n"))};
}

static inline void test_server_clear(TestServer *server)
{
        free(server->socket);
        free(server->port);
}

// Lets the worker reach it as its administrator.
static inline void test_server_use(const TestServer *server, ServerAccess *access)
{
        access->admin = text_format("host=%s port=%s", server->socket, server->port);
}

#endif
