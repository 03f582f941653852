#include <linux/capability.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "pair.h"

extern const StepOps step_unused_ops;

typedef struct World {
        Pair pair;
        Fleet__UnusedArguments arguments;
        pid_t child; // a program that was started; 0: none
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        pair_open(&w->pair, "unused");
        fleet__unused_arguments__init(&w->arguments);
        w->arguments.site = &w->pair.berta;
        shell("ln -s anna '%s/prod'", w->pair.f.root);
        *state = w;
        return 0;
}

static void end_child(World *w)
{
        if (!w->child)
                return;
        kill(w->child, SIGKILL);
        waitpid(w->child, NULL, 0);
        w->child = 0;
}

static int close_world(void **state)
{
        World *w = *state;

        end_child(w);
        pair_close(&w->pair);
        free(w);
        return 0;
}

static void unused(World *w)
{
        step_done_unseen(&w->pair.f, &step_unused_ops, "unused", &w->arguments.base);
}

static void in_use(World *w, const char *part)
{
        step_refused(&w->pair.f, &step_unused_ops, "unused", &w->arguments.base, "in-use",
                &w->pair.error);
        if (!strstr(w->pair.error.why, part))
                fail_msg("'%s' does not say '%s'", w->pair.error.why, part);
        assert_non_null(strstr(w->pair.error.next, "job retry ID"));
}

// A shell's words in the root, once they have begun: what it does last stands for it.
static void start(World *w, const char *words)
{
        int ready[2];
        char byte;

        assert_int_equal(pipe(ready), 0);
        w->child = fork();
        assert_true(w->child >= 0);
        if (w->child == 0) {
                if (chdir(w->pair.f.root) < 0 || dup2(ready[1], 9) < 0)
                        _exit(1);
                close(ready[0]);
                close(ready[1]);
                execl("/bin/sh", "sh", "-c", words, NULL);
                _exit(1);
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
}

static void a_site_that_nobody_uses_may_go(void **state)
{
        unused(*state);
}

static void a_link_is_use_whatever_it_is_called(void **state)
{
        World *w = *state;

        shell("ln -s ./berta/ '%s/archive'", w->pair.f.root);
        in_use(w, "'archive'");
        assert_non_null(strstr(w->pair.error.where, "/root/archive"));
        shell("rm '%s/archive' && ln -s berta '%s/preview'", w->pair.f.root, w->pair.f.root);
        in_use(w, "'preview'");
}

static void a_link_that_the_job_takes_away_is_none(void **state)
{
        World *w = *state;
        char *leaving[] = {"preview"};

        shell("ln -s berta '%s/preview'", w->pair.f.root);
        w->arguments.leaving = leaving;
        w->arguments.n_leaving = 1;
        unused(w);
        shell("ln -sfn berta '%s/prod'", w->pair.f.root);
        in_use(w, "'prod'");
}

static void a_process_that_works_in_it_uses_it(void **state)
{
        World *w = *state;

        start(w, "cd berta/media && echo >&9 && exec sleep 1000 9>&-");
        in_use(w, "sleep 1000");
        assert_non_null(strstr(w->pair.error.where, "/berta/media"));
        w->arguments.running = true;
        unused(w);
        w->arguments.running = false;
        end_child(w);
        unused(w);
}

static void a_process_that_has_a_file_open_uses_it(void **state)
{
        World *w = *state;

        start(w, "exec 7<berta/manage.py && echo >&9 && exec sleep 1000 9>&-");
        in_use(w, "sleep 1000");
        assert_non_null(strstr(w->pair.error.where, "/berta/manage.py"));
}

static void a_process_of_another_site_does_not(void **state)
{
        World *w = *state;

        shell("mkdir '%s/berta2'", w->pair.f.root);
        start(w, "cd berta2 && echo >&9 && exec sleep 1000 9>&-");
        unused(w);
}

static void who_listens_on_its_socket_uses_it(void **state)
{
        World *w = *state;

        start(w, "exec /usr/bin/python3 -c \"import socket, os, time; s = socket.socket(1); "
                 "s.bind('$PWD/berta/media/x.sock'); s.listen(); os.write(9, b'.'); os.close(9); "
                 "time.sleep(1000)\"");
        in_use(w, "listens");
        assert_non_null(strstr(w->pair.error.where, "/berta/media/x.sock"));
}

static bool drop_tracing(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];

        if (syscall(SYS_capget, &header, data) < 0)
                return false;
        data[0].effective &= ~(1U << CAP_SYS_PTRACE);
        data[0].permitted &= ~(1U << CAP_SYS_PTRACE);
        return syscall(SYS_capset, &header, data) == 0;
}

// Else a site would seem to be unused that is not.
static void a_worker_that_cannot_see_its_owners_processes_says_so(void **state)
{
        World *w = *state;
        _cleanup_message_ ProtobufCMessage *result = NULL;
        int status;
        pid_t blind;

        if (geteuid() != 0)
                return; // it sees its own user's whatever it may
        start(w, "cd berta && echo >&9 && exec sleep 1000 9>&-");
        blind = fork();
        if (blind == 0) {
                result = message_new(&fleet__unused_result__descriptor);
                _exit(drop_tracing() &&
                                        step_unused_ops.run(w->pair.f.context, &w->arguments.base,
                                                result, &w->pair.error) == -EPERM &&
                                        text_equal(w->pair.error.code, "hidden")
                                ? 0
                                : 1);
        }
        assert_int_equal(waitpid(blind, &status, 0), blind);
        assert_int_equal(status, 0);
}

static void a_configuration_that_names_it_uses_it(void **state)
{
        World *w = *state;
        _cleanup_free_ char *conf = text_format("%s/conf.d", w->pair.f.directory);

        text_list_add(&w->pair.f.policy.scan.supervisor, conf);
        shell("mkdir '%s' && printf '[program:anna]\\ncommand=%s/anna/run\\n' > '%s/anna.conf'",
                conf, w->pair.f.root, conf);
        unused(w);
        shell("printf '[program:berta]\\ncommand=uwsgi\\ndirectory=%s/berta\\n' > "
              "'%s/berta.conf'",
                w->pair.f.root, conf);
        in_use(w, "supervisor program, 'berta'");
        assert_non_null(strstr(w->pair.error.where, "berta.conf:3"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_site_that_nobody_uses_may_go),
                TEST(a_link_is_use_whatever_it_is_called),
                TEST(a_link_that_the_job_takes_away_is_none),
                TEST(a_process_that_works_in_it_uses_it),
                TEST(a_process_that_has_a_file_open_uses_it),
                TEST(a_process_of_another_site_does_not),
                TEST(who_listens_on_its_socket_uses_it),
                TEST(a_worker_that_cannot_see_its_owners_processes_says_so),
                TEST(a_configuration_that_names_it_uses_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
