// A controller of a few prepared answers, in a process of its own, and the command line run against
// it, in another one, with its output caught from pipes or from a terminal.
#ifndef UNDERSTUDY_TESTS_CLI_FAKE_H
#define UNDERSTUDY_TESTS_CLI_FAKE_H

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "test.h"

// One request in the order they must come, and its answer.
typedef struct Exchange {
        const char *request; // how it must begin: "GET /v1/hosts "
        long status;         // 0: `answer` are events
        const char *answer;  // JSON, or events with their empty lines
        const char *body;    // a part that the request's body must have; NULL: any
        bool cut;            // the connection breaks off behind the answer
        bool gone;           // the controller is away for a moment after it
        bool hang;           // the connection stays open and silent
} Exchange;

typedef struct Fake {
        char directory[64];
        pid_t pid;
} Fake;

// ---------------------------------------------------------------- the controller

static int fake_listen(const char *directory)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.socket", directory);
        unlink(address.sun_path);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
                _exit(90);
        return fd;
}

// A whole request: its body is as long as its head says.
static void fake_receive(int fd, char *request, size_t size)
{
        size_t used = 0;

        while (used + 1 < size) {
                ssize_t got = read(fd, request + used, size - used - 1);
                const char *head, *length;

                if (got <= 0)
                        return;
                used += (size_t)got;
                request[used] = '\0';
                head = strstr(request, "\r\n\r\n");
                length = strstr(request, "Content-Length: ");
                if (head && strlen(head + 4) >= (length ? strtoul(length + 16, NULL, 10) : 0))
                        return;
        }
}

static void fake_answer(int fd, const Exchange *exchange)
{
        char byte;

        if (exchange->status == 0)
                dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n");
        else
                dprintf(fd, "HTTP/1.1 %ld X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                        exchange->status, strlen(exchange->answer), exchange->answer);
        if (exchange->status == 0 && *exchange->answer)
                dprintf(fd, "%zx\r\n%s\r\n", strlen(exchange->answer), exchange->answer);
        if (exchange->status == 0 && !exchange->cut && !exchange->hang)
                dprintf(fd, "0\r\n\r\n");
        if (exchange->hang)
                (void)!read(fd, &byte, 1); // until the other side goes
}

// Ends with status 0 when every exchange has taken place.
static void fake_serve(const char *directory, int listener, const Exchange *exchanges)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (; exchanges->request; exchanges++) {
                char request[8192] = "";
                int fd = accept(listener, NULL, NULL);

                fake_receive(fd, request, sizeof(request));
                if (!text_starts(request, exchanges->request) ||
                        (exchanges->body && !strstr(request, exchanges->body))) {
                        fprintf(stderr, "wanted: %s %s\ngot: %s\n", exchanges->request,
                                exchanges->body ? exchanges->body : "", request);
                        _exit(91);
                }
                fake_answer(fd, exchanges);
                close(fd);
                if (exchanges->gone) {
                        close(listener);
                        poll(NULL, 0, 700); // a restart takes its time; the client tries meanwhile
                        listener = fake_listen(directory);
                }
        }
        _exit(0);
}

static Fake fake_start(const Exchange *exchanges)
{
        Fake fake = {.directory = "/tmp/understudy-cli-XXXXXX"};
        int listener;

        assert_non_null(mkdtemp(fake.directory));
        listener = fake_listen(fake.directory);
        fflush(NULL);
        fake.pid = fork();
        if (fake.pid == 0)
                fake_serve(fake.directory, listener, exchanges);
        close(listener);
        return fake;
}

static void fake_stop(const Fake *fake)
{
        char path[100];
        int status;

        assert_int_equal(waitpid(fake->pid, &status, 0), fake->pid);
        snprintf(path, sizeof(path), "%s/api.socket", fake->directory);
        unlink(path);
        rmdir(fake->directory);
        assert_int_equal(status, 0);
}

// ---------------------------------------------------------------- the command line

typedef struct Outcome {
        int status;
        char *out;
        char *errors;
} Outcome;

static void outcome_clear(Outcome *outcome)
{
        free(outcome->out);
        free(outcome->errors);
}
#define _cleanup_outcome_ _cleanup_(outcome_clear)

// Never returns. `words` are separated by '|'.
static void run_words(const char *directory, const char *words)
{
        char *rest = text_copy(words), *copy = rest,
             *argv[32] = {"understudyctl", "--dir", (char *)directory};
        int argc = 3, status;

        for (char *word = strsep(&rest, "|"); word; word = strsep(&rest, "|"))
                argv[argc++] = word;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        status = command_main(&understudyctl, argc, argv);
        free(copy);
        exit(status); // with the sanitizer's own checks
}

static char *read_all(int fd)
{
        char *text = memory_new(1), buffer[4096];
        size_t size = 0;
        ssize_t got;

        while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
                text = memory_grow(text, size + (size_t)got + 1);
                memcpy(text + size, buffer, (size_t)got);
                size += (size_t)got;
                text[size] = '\0';
        }
        return text;
}

static int wait_for(pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

// Runs with standard output and standard error caught; nothing to read from.
static Outcome run_in(const char *directory, const char *words)
{
        int out[2], nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        FILE *errors = tmpfile();
        Outcome outcome;
        pid_t pid;

        assert_int_equal(pipe(out), 0);
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
                dup2(nothing, STDIN_FILENO);
                dup2(out[1], STDOUT_FILENO);
                dup2(fileno(errors), STDERR_FILENO);
                close(out[1]);
                run_words(directory, words);
        }
        close(out[1]);
        close(nothing);
        outcome.out = read_all(out[0]);
        close(out[0]);
        outcome.status = wait_for(pid);
        lseek(fileno(errors), 0, SEEK_SET);
        outcome.errors = read_all(fileno(errors));
        fclose(errors);
        return outcome;
}

// The same on a terminal of 80 columns, where `typed` is typed as soon as `prompt` is seen.
static inline Outcome run_on_terminal(
        const char *directory, const char *words, const char *prompt, const char *typed)
{
        struct winsize size = {.ws_row = 24, .ws_col = 80};
        Outcome outcome = {.out = memory_new(1)};
        char buffer[4096];
        size_t used = 0;
        ssize_t got;
        int terminal;
        pid_t pid;

        fflush(NULL);
        pid = forkpty(&terminal, NULL, NULL, &size);
        if (pid == 0) {
                setenv("TERM", "xterm", 1);
                setenv("LC_ALL", "C.UTF-8", 1);
                run_words(directory, words);
        }
        while ((got = read(terminal, buffer, sizeof(buffer))) > 0) {
                outcome.out = memory_grow(outcome.out, used + (size_t)got + 1);
                memcpy(outcome.out + used, buffer, (size_t)got);
                used += (size_t)got;
                outcome.out[used] = '\0';
                if (prompt && strstr(outcome.out, prompt)) {
                        assert_int_equal(write(terminal, typed, strlen(typed)), strlen(typed));
                        prompt = NULL;
                }
        }
        outcome.status = wait_for(pid);
        close(terminal);
        return outcome;
}

// Both: the exchanges, and the command line over them.
static inline Outcome run_with(const Exchange *exchanges, const char *words)
{
        Fake fake = fake_start(exchanges);
        Outcome outcome = run_in(fake.directory, words);

        fake_stop(&fake);
        return outcome;
}

// ---------------------------------------------------------------- what is expected

static inline void assert_has(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("no '%s' in:\n%s", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
        if (strstr(text, part))
                fail_msg("'%s' in:\n%s", part, text);
}

// At most 80 columns, counting UTF-8 sequences as one.
static inline void assert_narrow(const char *text)
{
        size_t columns = 0;

        for (const char *at = text; *at; at++) {
                columns = *at == '\n' ? 0 : columns + ((*at & 0xc0) != 0x80);
                if (columns > 80)
                        fail_msg("a line over 80 columns:\n%s", text);
        }
}

#endif
