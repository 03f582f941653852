// Ends a program with SIGKILL at a chosen system call, loaded by LD_PRELOAD.
//
// The file named by CRASH_FILE holds "WORD FUNCTION COUNT": a process whose first argument is WORD
// dies right before its COUNTth call of FUNCTION ("*": of any). It removes the file first, so that
// it happens once. Without the file nothing happens.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static const char *crash_file;
static int calls_left = -1; // -1: not asked for yet
static char function_wanted[32];

static int first_argument_is(const char *word)
{
        char line[4096] = "";
        FILE *file = fopen("/proc/self/cmdline", "re");
        size_t size = file ? fread(line, 1, sizeof(line) - 1, file) : 0;
        size_t program = strlen(line) + 1;

        if (file)
                fclose(file);
        line[size] = '\0';
        return program < size && strcmp(line + program, word) == 0;
}

// At each call, not once at the start: a runner may be started before it is asked for.
static void crash_look(void)
{
        FILE *file = crash_file ? fopen(crash_file, "re") : NULL;
        char word[64];
        int count;

        if (!file)
                return;
        // NOLINTNEXTLINE(cert-err34-c): a count that does not parse is 0 and asks for nothing
        if (fscanf(file, "%63s %31s %d", word, function_wanted, &count) == 3 && count > 0 &&
                first_argument_is(word))
                calls_left = count;
        fclose(file);
}

static void crash_maybe(const char *function)
{
        if (!crash_file)
                crash_file = getenv("CRASH_FILE");
        if (calls_left < 0)
                crash_look();
        if (!crash_file || calls_left < 0 ||
                (function_wanted[0] != '*' && strcmp(function, function_wanted) != 0))
                return;
        if (--calls_left > 0)
                return;
        // Another runner was faster: this one goes on.
        if (unlink(crash_file) == 0)
                kill(getpid(), SIGKILL);
        calls_left = -1;
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
        crash_maybe("renameat");
        return REAL(renameat)(from_fd, from, to_fd, to);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
        crash_maybe("renameat2");
        return REAL(renameat2)(from_fd, from, to_fd, to, flags);
}

int symlinkat(const char *target, int fd, const char *path)
{
        crash_maybe("symlinkat");
        return REAL(symlinkat)(target, fd, path);
}

int unlinkat(int fd, const char *path, int flags)
{
        crash_maybe("unlinkat");
        return REAL(unlinkat)(fd, path, flags);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
        crash_maybe("mkdirat");
        return REAL(mkdirat)(fd, path, mode);
}

int fsync(int fd)
{
        crash_maybe("fsync");
        return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
        crash_maybe("fdatasync");
        return REAL(fdatasync)(fd);
}
