// A step's context on a directory of its own, for tests that run a step without a runner.
//
//      StepFixture f;
//      step_fixture_open(&f, "echo");                    a temporary directory, f.root in it, and a
//      context arguments.text = "hello"; assert_int_equal(step_echo_ops.run(f.context,
//      &arguments.base, &result.base, &error), 0); assert_true(step_fixture_said(&f, "part of a
//      note or a program's line")); step_fixture_close(&f);                           removes
//      everything
//
// The policy accepts f.root, serves the current user, and leaves 0 % free; change f.policy at will.
// step_fixture_cancel() cancels, step_fixture_expire() lets the deadline pass, as a signal would.
// Works for libraries step, site and steps: #include "../steps/fixture.h".
#ifndef UNDERSTUDY_TESTS_STEP_FIXTURE_H
#define UNDERSTUDY_TESTS_STEP_FIXTURE_H

#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "remove.h"
#include "step/context.h"
#include "step/spool.h"

typedef struct StepFixture {
        char *directory; // temporary, resolved
        char *root;      // directory/root, mode 0755
        char *task;      // directory/task: what the daemon would have made
        Policy policy;
        int cancel_fd;
        bool deadline_over;
        StepContext *context;
} StepFixture;

static inline void step_fixture_write_task(StepFixture *f, const char *step)
{
        Fleet__Task task = FLEET__TASK__INIT;
        const StepInfo *info = step_info_find(step);
        _cleanup_free_ char *path = text_format("%s/task", f->task);
        _cleanup_free_ uint8_t *packed = NULL;
        _cleanup_message_ ProtobufCMessage *arguments = NULL;
        size_t size;

        assert_non_null(info);
        arguments = message_new(info->arguments);
        step_task_set_arguments(&task, info, arguments);
        task.id = "1.test.1";
        task.job = 1;
        task.series = "test";
        task.deadline_seconds = info->deadline_seconds;
        size = fleet__task__get_packed_size(&task);
        packed = memory_new(size);
        fleet__task__pack(&task, packed);
        assert_int_equal(file_write(path, packed, size, 0600), 0);
}

static inline void step_fixture_open(StepFixture *f, const char *step)
{
        char template[] = "/tmp/understudy-test-XXXXXX";
        const struct passwd *user = getpwuid(geteuid());
        Error error = ERROR_EMPTY;

        *f = (StepFixture){.cancel_fd = eventfd(0, EFD_CLOEXEC)};
        assert_non_null(mkdtemp(template));
        assert_int_equal(chmod(template, 0755), 0);
        assert_int_equal(file_resolve(template, &f->directory), 0);
        f->root = text_format("%s/root", f->directory);
        f->task = text_format("%s/task", f->directory);
        assert_int_equal(mkdir(f->root, 0755), 0);
        assert_int_equal(mkdir(f->task, 0700), 0);
        text_list_add(&f->policy.roots, f->root);
        if (user)
                text_list_add(&f->policy.users, user->pw_name);
        text_list_add(&f->policy.commands, "/usr/bin/python3");
        step_fixture_write_task(f, step);
        assert_int_equal(context_open(f->task, &f->policy, f->cancel_fd, &f->deadline_over,
                                 &f->context, &error),
                0);
}

static inline void step_fixture_close(StepFixture *f)
{
        context_free(f->context);
        policy_clear(&f->policy);
        close(f->cancel_fd);
        remove_tree(f->directory);
        free(f->directory);
        free(f->root);
        free(f->task);
}

static inline void step_fixture_cancel(StepFixture *f)
{
        assert_int_equal(eventfd_write(f->cancel_fd, 1), 0);
}

static inline void step_fixture_expire(StepFixture *f)
{
        f->deadline_over = true;
        step_fixture_cancel(f);
}

// Calls `see` with each event so far.
static inline void step_fixture_events(const StepFixture *f,
        void (*see)(void *userdata, const Fleet__Event *event), void *userdata)
{
        _cleanup_free_ char *path = text_format("%s/events", f->task);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        SpoolCursor cursor = {0};
        Fleet__Event *event;

        assert_true(fd >= 0);
        while (spool_read(fd, &cursor, &event) == 1) {
                see(userdata, event);
                fleet__event__free_unpacked(event, NULL);
        }
}

typedef struct StepFixtureSearch {
        const char *text;
        unsigned count;
} StepFixtureSearch;

static inline void step_fixture_search(void *userdata, const Fleet__Event *event)
{
        StepFixtureSearch *search = userdata;

        if (event->body_case == FLEET__EVENT__BODY_LOG && strstr(event->log->text, search->text))
                search->count++;
}

// In how many notes and lines of output does `text` stand?
static inline unsigned step_fixture_said(const StepFixture *f, const char *text)
{
        StepFixtureSearch search = {.text = text};

        step_fixture_events(f, step_fixture_search, &search);
        return search.count;
}

#endif
