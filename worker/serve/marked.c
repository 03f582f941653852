#include "serve/marked.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"

#define MARKED_MAX (256U << 10)

static int failed(int r, const char *doing, const char *directory, const char *name, Error *error)
{
        error_set(error, r, "configuration", "cannot %s a configuration file", doing);
        error_where(error, "%s/%s", directory, name);
        error_next(error,
                "Check that the worker may write there (ls -ld '%s'), or name another directory "
                "in worker.conf.",
                directory);
        return r;
}

int marked_read(const char *directory, const char *name, const char *mark, char **ret, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name), *text = NULL;
        int r = file_read(path, MARKED_MAX, &text, NULL);

        *ret = NULL;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return failed(r, "read", directory, name, error);
        if (text_starts(text, mark)) {
                *ret = TAKE_PTR(text);
                return 0;
        }
        error_set(error, -EEXIST, "not-ours", "there is such a file already, of somebody else");
        error_where(error, "%s", path);
        error_why(error, "its first line is not '%.*s'", (int)strlen(mark) - 1, mark);
        error_next(error,
                "Move it away if the series' sites are to be served by Understudy: "
                "mv '%s' '%s.before', and retry the job.",
                path, path);
        return -EEXIST;
}

int marked_write(const char *directory, const char *name, const char *text, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name);
        int r = file_write(path, text, strlen(text), 0644);

        return r < 0 ? failed(r, "write", directory, name, error) : 0;
}

int marked_remove(const char *directory, const char *name, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name);
        int r = unlink(path) < 0 && errno != ENOENT ? -errno : file_sync_parent_at(AT_FDCWD, path);

        return r < 0 && r != -ENOENT ? failed(r, "remove", directory, name, error) : 0;
}
