#include <fcntl.h>

#include "base/file.h"
#include "site/managed.h"
#include "steps/clone.h"
#include "steps/files.h"
#include "steps/marker.h"
#include "steps/walk.h"

typedef struct Search {
        const char *database; // relative to the project directory; NULL: not in it
        TextList *found;
} Search;

// Not of the clone, whatever they contain.
static bool left_out_by_name(const char *path)
{
        static const char *const names[] = {
                "env", "log", SNAPSHOT_DIRECTORY, CLONE_MARKER, MANAGED_VALUES, MARKER_DIRECTORY};

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

static bool left_out(
        const Search *search, int dirfd, const char *path, const char *name, const struct stat *st)
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

static int visit(
        void *userdata, int dirfd, const char *path, const char *name, const struct stat *st)
{
        const Search *search = userdata;

        if (left_out(search, dirfd, path, name, st)) {
                text_list_add(search->found, path);
                return 0;
        }
        return !text_equal(path, "media"); // nothing in it belongs to production alone
}

int clone_left_out(
        const SiteDir *production, const Fleet__ProbeResult *probe, TextList *ret, Error *error)
{
        const Fleet__Database *database =
                probe && probe->identity ? probe->identity->database : NULL;
        Search search = {.found = ret};
        int r;

        if (database && text_equal(database->engine, "sqlite") &&
                file_is_beneath(database->name, production->path) &&
                database->name[strlen(production->path)])
                search.database = database->name + strlen(production->path) + 1;
        r = site_walk(production->fd, visit, &search);
        if (r < 0) {
                error_set(error, r, "read", "cannot read the project directory");
                error_where(error, "%s", production->path);
                error_next(error, "Look at it: ls -la '%s'", production->path);
        }
        return r;
}

bool clone_made(const SiteDir *site, const char *origin)
{
        _cleanup_free_ char *text = NULL;

        if (site->fd < 0 || site_file_read(site->fd, CLONE_MARKER, 4096, &text, NULL, NULL) < 0)
                return false;
        return origin ? text_equal(text, origin) : text_starts(text, "job ");
}
