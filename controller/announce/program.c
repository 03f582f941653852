#include "announce/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

struct Program {
        pid_t pid;
        int pidfd;
        struct event *ended;
        ProgramDone done;
        void *userdata;
};

static void program_free(Program *program)
{
        if (program->ended)
                event_free(program->ended);
        closep(&program->pidfd);
        free(program);
}

static int end(Program *program)
{
        int status = 0;

        // What it has started ends with it.
        kill(-program->pid, SIGKILL);
        while (waitpid(program->pid, &status, 0) < 0 && errno == EINTR)
                ;
        return status;
}

void program_stop(Program *program)
{
        if (!program)
                return;
        end(program);
        program_free(program);
}

static void on_end(evutil_socket_t fd, short events, void *userdata)
{
        Program *program = userdata;
        ProgramDone done = program->done;
        void *whose = program->userdata;
        int status = end(program);

        (void)fd;
        program_free(program);
        done(whose, status, events & EV_TIMEOUT);
}

// Readable from its beginning, whatever its length.
static int open_input(const char *input)
{
        _cleanup_close_ int fd = memfd_create("announcement", MFD_CLOEXEC);
        int r = fd < 0 ? -errno : file_write_all(fd, input, strlen(input));

        if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        return r < 0 ? r : TAKE_FD(fd);
}

static int spawn(const char *path, int input, pid_t *ret)
{
        char *const argv[] = {(char *)path, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        int r;

        sigemptyset(&none);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setsigmask(&attributes, &none);
        r = posix_spawn(ret, path, &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

int program_start(struct event_base *base, const char *path, const char *input, int seconds,
        ProgramDone done, void *userdata, Program **ret, Error *error)
{
        const struct timeval time = {.tv_sec = seconds};
        _cleanup_close_ int fd = open_input(input);
        Program *program;
        pid_t pid = 0;
        int r = fd < 0 ? fd : spawn(path, fd, &pid);

        if (r < 0) {
                error_set(error, r, "command", "the announcement's program cannot be started");
                error_where(error, "%s", path);
                return r;
        }
        program = memory_new(sizeof *program);
        *program = (Program){.pid = pid, .done = done, .userdata = userdata};
        program->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        program->ended = event_new(base, program->pidfd, EV_READ | EV_TIMEOUT, on_end, program);
        if (program->pidfd < 0 || !program->ended) {
                program_stop(program);
                return error_set(error, -EMFILE, "command", "cannot wait for a program");
        }
        event_add(program->ended, &time);
        *ret = program;
        return 0;
}
