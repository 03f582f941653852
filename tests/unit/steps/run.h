// Running steps on fake sites, and what to expect of them.
#ifndef UNDERSTUDY_TESTS_STEPS_RUN_H
#define UNDERSTUDY_TESTS_STEPS_RUN_H

#include <sys/socket.h>
#include <sys/un.h>

#include "../site/fake_site.h"

// Runs a step as a runner does: check, then run. The result is the caller's.
static inline ProtobufCMessage *step_done(
        StepFixture *f, const StepOps *ops, const char *name, const ProtobufCMessage *arguments)
{
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProtobufCMessage *result = message_new(step_info_find(name)->result);
        int r = ops->check ? ops->check(f->context, arguments, result, &error) : 0;

        if (r == 0)
                r = ops->run(f->context, arguments, result, &error);
        if (r < 0) {
                _cleanup_free_ char *line = error_line(&error);

                fail_msg("%s: %s (%s)", name, line, error.code);
        }
        return result;
}

static inline void step_done_unseen(
        StepFixture *f, const StepOps *ops, const char *name, const ProtobufCMessage *arguments)
{
        protobuf_c_message_free_unpacked(step_done(f, ops, name, arguments), NULL);
}

// The step refuses with this code, and says what to do. The error is left for more questions.
static inline void step_refused(StepFixture *f, const StepOps *ops, const char *name,
        const ProtobufCMessage *arguments, const char *code, Error *error)
{
        _cleanup_message_ ProtobufCMessage *result = message_new(step_info_find(name)->result);

        error_clear(error);
        assert_true(ops->run(f->context, arguments, result, error) < 0);
        assert_string_equal(error->code, code);
        assert_non_null(error->what);
        assert_non_null(error->why);
        assert_non_null(error->next);
}

static inline void step_undone(
        StepFixture *f, const StepOps *ops, const ProtobufCMessage *arguments)
{
        Error error _cleanup_error_ = ERROR_EMPTY;

        if (ops->undo(f->context, arguments, &error) < 0) {
                _cleanup_free_ char *line = error_line(&error);

                fail_msg("undo: %s", line);
        }
}

static inline bool there(const StepFixture *f, const char *path)
{
        _cleanup_free_ char *whole = text_format("%s/%s", f->root, path);
        struct stat st;

        return lstat(whole, &st) == 0;
}

// Text of a file, or target of a link, in the root. The caller's.
static inline char *text_at(const StepFixture *f, const char *path)
{
        _cleanup_free_ char *whole = text_format("%s/%s", f->root, path);
        char *text = NULL;

        if (file_read_link_at(AT_FDCWD, whole, &text) < 0)
                assert_int_equal(file_read(whole, 1 << 20, &text, NULL), 0);
        return text;
}

static inline void assert_text_at(const StepFixture *f, const char *path, const char *expected)
{
        _cleanup_free_ char *text = text_at(f, path);

        assert_string_equal(text, expected);
}

static inline void write_at(const StepFixture *f, const char *path, const char *text)
{
        _cleanup_free_ char *whole = text_format("%s/%s", f->root, path);

        assert_int_equal(file_write(whole, text, strlen(text), 0644), 0);
}

static inline void make_socket(const StepFixture *f, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", f->root, path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

#endif
