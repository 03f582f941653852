#include <dirent.h>
#include <fcntl.h>

#include "base/file.h"
#include "steps/clone.h"
#include "steps/files.h"

#define DEPTH_MAX 64

DEFINE_CLEANUP(DIR *, closedir)

typedef struct Search {
        const char *database; // relative to the project directory; NULL: not in it
        TextList *found;
} Search;

// Not of the clone, whatever they contain.
static bool left_out_by_name(const char *path)
{
        static const char *const names[] = {"env", "log", SNAPSHOT_DIRECTORY, CLONE_MARKER};

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (text_equal(path, names[i]))
                        return true;
        return false;
}

static bool is_sqlite(int dirfd, const char *name)
{
        static const char magic[] = "SQLite format 3"; // with its NUL
        _cleanup_close_ int fd = file_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK, false);
        char start[sizeof(magic)];

        return fd >= 0 && read(fd, start, sizeof(start)) == sizeof(start) &&
               memcmp(start, magic, sizeof(magic)) == 0;
}

// The database, what SQLite keeps beside it while it is open, and copies of it.
static bool is_database(const Search *search, int dirfd, const char *path, const char *name)
{
        const char *rest;

        if (!search->database || !text_starts(path, search->database))
                return false;
        rest = path + strlen(search->database);
        return !*rest || text_equal(rest, "-wal") || text_equal(rest, "-shm") ||
               text_equal(rest, "-journal") || (!strchr(rest, '/') && is_sqlite(dirfd, name));
}

static bool left_out(const Search *search, int dirfd, const char *path, const char *name,
        const struct stat *st)
{
        if (left_out_by_name(path) || strstr(name, ".understudy-"))
                return true;
        if (S_ISDIR(st->st_mode))
                return text_equal(name, "__pycache__");
        if (S_ISSOCK(st->st_mode) || S_ISFIFO(st->st_mode))
                return true;
        return S_ISREG(st->st_mode) &&
               (text_ends(name, ".pid") || is_database(search, dirfd, path, name));
}

static int search_directory(const Search *search, int fd, const char *prefix, int depth)
{
        _cleanup_(closedirp) DIR *directory = NULL;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        struct dirent *entry;

        if (copy < 0)
                return -errno;
        directory = fdopendir(copy);
        if (!directory)
                return -errno;
        while ((errno = 0, entry = readdir(directory))) {
                _cleanup_free_ char *path = text_format(
                        "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
                _cleanup_close_ int child = -EBADF;
                struct stat st;

                if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, "..") ||
                        fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (left_out(search, fd, path, entry->d_name, &st)) {
                        text_list_add(search->found, path);
                        continue;
                }
                // Nothing in media belongs to production alone.
                if (!S_ISDIR(st.st_mode) || text_equal(path, "media") || depth == DEPTH_MAX)
                        continue;
                child = file_open_beneath(fd, entry->d_name, O_RDONLY | O_DIRECTORY, false);
                if (child >= 0 && search_directory(search, child, path, depth + 1) < 0)
                        continue; // unreadable: the tree engine reports it
        }
        return -errno;
}

int clone_left_out(const SiteDir *production, const Fleet__ProbeResult *probe, TextList *ret,
        Error *error)
{
        const Fleet__Database *database =
                probe && probe->identity ? probe->identity->database : NULL;
        Search search = {.found = ret};
        int r;

        if (database && text_equal(database->engine, "sqlite") &&
                file_is_beneath(database->name, production->path) &&
                database->name[strlen(production->path)])
                search.database = database->name + strlen(production->path) + 1;
        r = search_directory(&search, production->fd, "", 0);
        if (r < 0) {
                error_set(error, r, "read", "cannot read the project directory");
                error_where(error, "%s", production->path);
                error_next(error, "Look at it: ls -la '%s'", production->path);
        }
        return r;
}

bool clone_made(const SiteDir *site, const char *job)
{
        _cleanup_free_ char *text = NULL, *expected = text_format("job %s\n", job ? job : "");

        if (site->fd < 0 || site_file_read(site->fd, CLONE_MARKER, 256, &text, NULL, NULL) < 0)
                return false;
        return job ? text_equal(text, expected) : text_starts(text, "job ");
}
