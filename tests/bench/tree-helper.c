// For tests/bench/tree: the floor under the tree engine, which is what the necessary calls alone
// cost with as many threads, and a measure of other programs.
//
//   tree-helper walk A B        lists both trees and looks at every entry
//   tree-helper create A B      walks A, and makes its directories and files in B: content from
//                               memory, times
//   tree-helper run COMMAND...  runs it and prints wall and CPU seconds and its peak memory in KiB
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Item {
        struct Item *next;
        char *a, *b; // paths; b NULL: only walk
} Item;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static Item *stack;
static size_t outstanding;
static bool creating;
static char block[1 << 20];

static char *join(const char *path, const char *name)
{
        char *joined = NULL;

        if (asprintf(&joined, "%s/%s", path, name) < 0)
                abort();
        return joined;
}

static void push(char *a, char *b)
{
        Item *item = malloc(sizeof(*item));

        if (!item)
                abort();
        pthread_mutex_lock(&lock);
        *item = (Item){stack, a, b};
        stack = item;
        outstanding++;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&lock);
}

static void create(int dirfd, const char *name, const struct stat *st)
{
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
        off_t left = st->st_blocks * 512 < st->st_size ? st->st_blocks * 512 : st->st_size;
        int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);

        while (left > 0) {
                ssize_t n = write(
                        fd, block, left < (off_t)sizeof(block) ? (size_t)left : sizeof(block));

                if (n <= 0)
                        abort();
                left -= n;
        }
        futimens(fd, times);
        close(fd);
}

static void walk(const Item *item)
{
        int fd = open(item->a, O_RDONLY | O_DIRECTORY), to = -1;
        static _Thread_local char buffer[128 * 1024];
        ssize_t size;

        if (creating) {
                mkdir(item->b, 0755);
                to = open(item->b, O_RDONLY | O_DIRECTORY);
        }
        while ((size = getdents64(fd, buffer, sizeof(buffer))) > 0) {
                for (ssize_t at = 0; at < size;) {
                        struct dirent64 *entry = (struct dirent64 *)(buffer + at);
                        struct stat st;

                        at += entry->d_reclen;
                        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
                                continue;
                        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                                continue;
                        if (S_ISDIR(st.st_mode))
                                push(join(item->a, entry->d_name),
                                        creating ? join(item->b, entry->d_name) : NULL);
                        else if (creating && S_ISREG(st.st_mode))
                                create(to, entry->d_name, &st);
                        else if (creating && S_ISLNK(st.st_mode))
                                (void)!symlinkat("target", to, entry->d_name);
                }
        }
        close(fd);
        if (to >= 0)
                close(to);
}

static void *work(void *unused)
{
        for (;;) {
                Item *item;

                pthread_mutex_lock(&lock);
                while (!stack && outstanding)
                        pthread_cond_wait(&filled, &lock);
                item = stack;
                if (item)
                        stack = item->next;
                pthread_mutex_unlock(&lock);
                if (!item)
                        return unused;
                walk(item);
                free(item->a);
                free(item->b);
                free(item);
                pthread_mutex_lock(&lock);
                if (--outstanding == 0)
                        pthread_cond_broadcast(&filled);
                pthread_mutex_unlock(&lock);
        }
}

static double seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// From here and not from the bench: a child's peak memory begins with that of its parent.
static int run(char **argv)
{
        double begin = seconds();
        struct rusage usage;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                int null = open("/dev/null", O_WRONLY);

                dup2(null, STDOUT_FILENO);
                execvp(argv[0], argv);
                _exit(127);
        }
        if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
                return 1;
        printf("%.6f %.6f %ld\n", seconds() - begin,
                (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
                usage.ru_maxrss);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int main(int argc, char **argv)
{
        long count = sysconf(_SC_NPROCESSORS_ONLN) * 2;
        pthread_t threads[8];

        if (argc > 2 && strcmp(argv[1], "run") == 0)
                return run(argv + 2);
        if (argc != 4)
                return 2;
        creating = strcmp(argv[1], "create") == 0;
        memset(block, 'x', sizeof(block));
        push(strdup(argv[2]), creating ? strdup(argv[3]) : NULL);
        if (!creating)
                push(strdup(argv[3]), NULL);
        count = count > 8 ? 8 : count;
        for (long i = 0; i < count; i++)
                pthread_create(&threads[i], NULL, work, NULL);
        for (long i = 0; i < count; i++)
                pthread_join(threads[i], NULL);
        return 0;
}
