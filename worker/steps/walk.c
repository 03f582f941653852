#include "steps/walk.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/file.h"

#define DEPTH_MAX 64

DEFINE_CLEANUP(DIR *, closedir)

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(int fd, TextList *ret)
{
        _cleanup_(closedirp) DIR *directory = NULL;
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dirent *entry;

        if (copy < 0)
                return -errno;
        directory = fdopendir(copy);
        if (!directory) {
                close(copy);
                return -ENOMEM;
        }
        while ((errno = 0, entry = readdir(directory)))
                if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
                        text_list_add(ret, entry->d_name);
        if (ret->count > 0)
                qsort(ret->items, ret->count, sizeof(char *), by_name);
        return -errno;
}

static int walk(int fd, const char *prefix, int depth, WalkVisit visit, void *userdata)
{
        TextList names _cleanup_text_list_ = {0};
        int r = read_names(fd, &names);

        if (r < 0)
                return depth == 0 ? r : 0;
        for (size_t i = 0; i < names.count; i++) {
                const char *name = names.items[i];
                _cleanup_free_ char *path = text_format("%s%s%s", prefix, *prefix ? "/" : "", name);
                _cleanup_close_ int child = -EBADF;
                struct stat st;

                if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                r = visit(userdata, fd, path, name, &st);
                if (r < 0)
                        return r;
                if (r == 0 || !S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
                        continue;
                child = file_open_beneath(fd, name, O_RDONLY | O_DIRECTORY, false);
                r = child < 0 ? 0 : walk(child, path, depth + 1, visit, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int site_walk(int fd, WalkVisit visit, void *userdata)
{
        return walk(fd, "", 0, visit, userdata);
}

int path_depth(const char *path)
{
        int depth = 0;

        for (; *path; path++)
                depth += *path == '/';
        return depth;
}
