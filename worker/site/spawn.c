#include "site/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"

// Everything the child needs between fork and exec, where it may not allocate.
typedef struct Plan {
        const ProcessSpec *spec;
        char *const *environment;
        pid_t runner, group;
        int input, output, errors;
        int status; // the errno of what failed goes here; closed by exec
} Plan;

static _Noreturn void keep_group(int runner)
{
        sigset_t all;
        char byte;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        if (dup2(runner, 0) < 0 || close_range(1, ~0U, 0) < 0)
                _exit(1);
        while (read(0, &byte, 1) < 0 && errno == EINTR)
                ;
        kill(0, SIGKILL);
        _exit(0);
}

static int start_keeper(Spawned *child)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        child->keeper = fork();
        if (child->keeper == 0) {
                setpgid(0, 0);
                keep_group(ends[0]);
        }
        close(ends[0]);
        child->keeper_fd = ends[1];
        if (child->keeper < 0)
                return -errno;
        return setpgid(child->keeper, child->keeper) < 0 ? -errno : 0;
}

static int become(const Account *account)
{
        if (!account)
                return 0;
        if (geteuid() != 0)
                return account->uid == geteuid() ? 0 : -EPERM;
        if (setgroups(account->group_count, account->groups) < 0 ||
                setresgid(account->gid, account->gid, account->gid) < 0 ||
                setresuid(account->uid, account->uid, account->uid) < 0)
                return -errno;
        return 0;
}

// Moves descriptor `from` to number `to`, which stays open over exec.
static int place(int from, int to)
{
        if (from == to)
                return fcntl(to, F_SETFD, 0) < 0 ? -errno : 0;
        return dup2(from, to) < 0 ? -errno : 0;
}

// First out of the way of each other, then where the program expects them; all others are closed.
static int place_descriptors(Plan *plan)
{
        const ProcessSpec *spec = plan->spec;
        int end = 3 + (int)spec->fd_count, moved[3 + 32];

        if (spec->fd_count > ELEMENTS(moved) - 3)
                return -EINVAL;
        for (int i = 0; i < end; i++) {
                int from = i == 0   ? plan->input
                           : i == 1 ? plan->output
                           : i == 2 ? plan->errors
                                    : spec->fds[i - 3];

                moved[i] = fcntl(from, F_DUPFD_CLOEXEC, end + 1);
                if (moved[i] < 0)
                        return -errno;
        }
        plan->status = fcntl(plan->status, F_DUPFD_CLOEXEC, end + 1);
        if (plan->status < 0 || dup3(plan->status, end, O_CLOEXEC) < 0)
                return -errno;
        plan->status = end;
        for (int i = 0; i < end; i++) {
                int r = place(moved[i], i);

                if (r < 0)
                        return r;
        }
        return close_range((unsigned)end + 1, ~0U, 0) < 0 ? -errno : 0;
}

static int prepare_child(Plan *plan)
{
        struct sigaction normal = {.sa_handler = SIG_DFL};
        sigset_t none;
        int r;

        if (setpgid(0, plan->group) < 0)
                return -errno;
        for (int i = 1; i < NSIG; i++)
                sigaction(i, &normal, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        r = place_descriptors(plan);
        if (r < 0)
                return r;
        r = become(plan->spec->account);
        if (r < 0)
                return r;
        umask(0002);
        // After the change of user, which clears it.
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != plan->runner)
                return -ESRCH;
        return chdir(plan->spec->directory ? plan->spec->directory : "/") < 0 ? -errno : 0;
}

static _Noreturn void run_child(Plan *plan)
{
        int r = prepare_child(plan);

        if (r == 0) {
                execve(plan->spec->argv[0], (char *const *)plan->spec->argv, plan->environment);
                r = -errno;
        }
        _exit(write(plan->status, &r, sizeof(r)) == sizeof(r) ? 127 : 126);
}

// 0 when exec closed the pipe, else what the child failed with.
static int read_status(int fd)
{
        int status = 0;
        ssize_t n;

        do
                n = read(fd, &status, sizeof(status));
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n == 0 ? 0 : n == sizeof(status) ? status : -EIO;
}

static int open_input(const ProcessSpec *spec)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!spec->input)
                return open("/dev/null", O_RDONLY | O_CLOEXEC);
        fd = memfd_create("input", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = file_write_all(fd, spec->input, spec->input_size);
        if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        return r < 0 ? r : TAKE_FD(fd);
}

static int start_child(Plan *plan, Spawned *child)
{
        _cleanup_close_ int input = open_input(plan->spec), output = -EBADF, errors = -EBADF;
        _cleanup_close_ int status_read = -EBADF, status_write = -EBADF;
        int ends[2];

        if (input < 0)
                return input;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        child->streams[0] = ends[0], output = ends[1];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        child->streams[1] = ends[0], errors = ends[1];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        status_read = ends[0], status_write = ends[1];
        for (int i = 0; i < 2; i++)
                if (fcntl(child->streams[i], F_SETFL, O_NONBLOCK) < 0)
                        return -errno;
        plan->input = input, plan->output = output, plan->errors = errors;
        plan->status = status_write;
        child->pid = fork();
        if (child->pid == 0)
                run_child(plan);
        if (child->pid < 0)
                return -errno;
        close(TAKE_FD(status_write));
        child->pidfd = pidfd_open(child->pid, 0);
        if (child->pidfd < 0)
                return -errno;
        return read_status(status_read);
}

int spawn(const Policy *policy, const ProcessSpec *spec, Spawned *ret, Error *error)
{
        TextList environment _cleanup_text_list_ = {0};
        Spawned child _cleanup_(spawn_clear) = SPAWNED_EMPTY;
        Plan plan = {.spec = spec, .runner = getpid()};
        int r;

        process_environment(policy, spec->account, &environment);
        plan.environment = spec->environment ? (char *const *)spec->environment : environment.items;
        r = start_keeper(&child);
        if (r == 0) {
                plan.group = child.keeper;
                r = start_child(&plan, &child);
        }
        if (r < 0) {
                error_set(error, r, "program", "cannot start %s", spec->argv[0]);
                error_where(error, "%s", spec->directory ? spec->directory : "/");
                error_next(error, "Look at it: ls -l '%s'", spec->argv[0]);
                return r;
        }
        *ret = TAKE(child, SPAWNED_EMPTY);
        return 0;
}

void spawn_signal(const Spawned *child, int signal)
{
        kill(-child->keeper, signal);
        pidfd_send_signal(child->pidfd, signal, NULL, 0); // also if it left the group
}

static int wait_for(pid_t pid)
{
        int status = 0;

        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return status;
}

int spawn_wait(Spawned *child)
{
        int status = 0;

        closep(&child->keeper_fd);
        child->keeper_fd = -EBADF;
        if (child->keeper > 0)
                kill(-child->keeper, SIGKILL);
        if (child->pid > 0) {
                if (child->pidfd >= 0)
                        pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
                status = wait_for(child->pid);
        }
        child->pid = 0;
        if (child->keeper > 0)
                wait_for(child->keeper);
        child->keeper = 0;
        return status;
}

void spawn_clear(Spawned *child)
{
        spawn_wait(child);
        closep(&child->pidfd);
        closep(&child->streams[0]);
        closep(&child->streams[1]);
        *child = SPAWNED_EMPTY;
}
