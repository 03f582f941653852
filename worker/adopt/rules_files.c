// What lies in a project directory.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <time.h>

#include "adopt/line.h"
#include "adopt/quiet.h"
#include "adopt/rules.h"
#include "base/file.h"

#define SNAPSHOT "snapshot2preview"
#define OLD_DAYS 7
#define DEPTH    3     // of directories in media that are looked through
#define VISITS   20000 // entries of media, of one site

DEFINE_CLEANUP(DIR *, closedir)

typedef void (*EntryFn)(Landscape *landscape, const FoundSite *site, int fd, const char *directory,
        const char *name);

// Calls `see` with each entry of a directory of the site, and those of the directories in it.
static void each_entry(Landscape *landscape, const FoundSite *site, const char *directory,
        int depth, size_t *visits, EntryFn see)
{
        int fd = quiet_open(site->dir.fd, *directory ? directory : ".", O_DIRECTORY);
        _cleanup_(closedirp) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!stream && fd >= 0)
                close(fd);
        while (stream && *visits < VISITS && !step_canceled(landscape->context) &&
                (entry = readdir(stream))) {
                const char *name = entry->d_name;
                _cleanup_free_ char *path =
                        text_format("%s%s%s", directory, *directory ? "/" : "", name);

                if (text_equal(name, ".") || text_equal(name, ".."))
                        continue;
                (*visits)++;
                see(landscape, site, dirfd(stream), directory, name);
                if (depth > 1 && entry->d_type == DT_DIR)
                        each_entry(landscape, site, path, depth - 1, visits, see);
        }
}

// ---------------------------------------------------------------- links in media

// Where a link's target leads by its words: `directory` is absolute. The caller's.
static char *target_path(const char *directory, const char *target)
{
        char *path = *target == '/' ? text_copy("") : text_copy(directory);

        for (const char *at = target; *at; at += strspn(at, "/")) {
                size_t length = strcspn(at, "/");
                char *slash = strrchr(path, '/'), *longer;

                if (length == 2 && strncmp(at, "..", 2) == 0) {
                        if (slash)
                                *slash = '\0';
                } else if (length > 0 && !(length == 1 && *at == '.')) {
                        longer = text_format("%s/%.*s", path, (int)length, at);
                        free(path);
                        path = longer;
                }
                at += length;
        }
        return path;
}

static void see_media(Landscape *landscape, const FoundSite *site, int fd, const char *directory,
        const char *name)
{
        _cleanup_free_ char *target = NULL, *where = NULL, *path = NULL,
                            *parent = text_format(
                                    "%s%s%s", site->dir.path, *directory ? "/" : "", directory);
        Place place;
        struct stat st;

        if (file_read_link_at(fd, name, &target) < 0)
                return;
        where = text_format("%s/%s", parent, name);
        path = target_path(parent, target);
        place = landscape_place(landscape, path);
        if (place.site && place.site != site)
                finding_add(&landscape->findings, FINDING_LINK_INTO_OTHER, site->dir.name, where,
                        "a link in the media of '%s' leads into '%s': %s", site->dir.name,
                        place.site->dir.name, target);
        else if (fstatat(fd, name, &st, 0) < 0 && errno == ENOENT)
                finding_add(&landscape->findings, FINDING_LINK_INSIDE_DANGLING, site->dir.name,
                        where, "a link in the media of '%s' leads to nothing: %s", site->dir.name,
                        target);
}

static void check_media(Landscape *landscape, const FoundSite *site)
{
        size_t visits = 0;

        see_media(landscape, site, site->dir.fd, "", "media");
        each_entry(landscape, site, "media", DEPTH, &visits, see_media);
}

// ---------------------------------------------------------------- forgotten databases

static bool is_own_database(const FoundSite *site, const char *path)
{
        const char *alias;
        json_t *database;

        json_object_foreach (json_object_get(site->answer, "databases"), alias, database)
                if (text_equal(json_string_value(json_object_get(database, "name")), path))
                        return true;
        return false;
}

static bool is_sqlite(int fd, const char *name)
{
        static const char magic[] = "SQLite format 3";
        _cleanup_close_ int file = quiet_open(fd, name, 0);
        char bytes[sizeof(magic)];
        struct stat st;

        return file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode) &&
               pread(file, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) &&
               memcmp(bytes, magic, sizeof(magic)) == 0;
}

static void see_database(Landscape *landscape, const FoundSite *site, int fd, const char *directory,
        const char *name)
{
        _cleanup_free_ char *where = text_format("%s/%s", site->dir.path, name);
        struct stat st;

        (void)directory;
        if (!site->answer || strstr(name, ".understudy") || !is_sqlite(fd, name))
                return;
        if (!is_own_database(site, where))
                finding_add(&landscape->findings, FINDING_SQLITE_LEFT_BEHIND, site->dir.name, where,
                        "an SQLite database lies in '%s' that its settings do not name",
                        site->dir.name);
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode & S_IROTH &&
                site->st.st_mode & S_IXOTH)
                finding_add(&landscape->findings, FINDING_DATABASE_READABLE, site->dir.name, where,
                        "a database of '%s' can be read by everybody (mode %04o)", site->dir.name,
                        st.st_mode & 07777U);
}

static void check_databases(Landscape *landscape, const FoundSite *site)
{
        size_t visits = 0;

        each_entry(landscape, site, "", 1, &visits, see_database);
}

// ---------------------------------------------------------------- environment

// The directory that env/bin/activate activates. The caller's; NULL: it does not say.
static char *activated(const FoundSite *site)
{
        _cleanup_free_ char *text = NULL;

        if (quiet_read(site->dir.fd, "env/bin/activate", FILE_BYTES_MAX, &text, NULL) < 0)
                return NULL;
        LineCursor cursor _cleanup_line_ = {.rest = text};
        while (line_next(&cursor)) {
                const char *line = cursor.line + strspn(cursor.line, " \t");
                const char *value =
                        text_starts(line, "VIRTUAL_ENV=") ? strchr(line, '=') + 1 : NULL;

                value = value ? value + strspn(value, "'\"") : NULL;
                if (value && *value == '/')
                        return text_copy_n(value, strcspn(value, "'\" \r"));
        }
        return NULL;
}

static bool same_directory(const char *a, const char *b)
{
        struct stat one, two;

        return text_equal(a, b) || (stat(a, &one) == 0 && stat(b, &two) == 0 &&
                                           one.st_dev == two.st_dev && one.st_ino == two.st_ino);
}

static void check_environment(Landscape *landscape, const FoundSite *site)
{
        _cleanup_free_ char *where = text_format("%s/env", site->dir.path),
                            *activate = text_format("%s/env/bin/activate", site->dir.path),
                            *named = NULL, *target = NULL;
        struct stat st;

        if (fstatat(site->dir.fd, "env/bin/python", &st, 0) < 0) {
                (void)!file_read_link_at(site->dir.fd, "env", &target);
                finding_add(&landscape->findings, FINDING_ENV_MISSING, site->dir.name, where,
                        target ? "the environment of '%s' is a link to %s, where no Python is"
                               : "'%s' has no Python environment",
                        site->dir.name, target);
                return;
        }
        named = activated(site);
        if (named && !same_directory(named, where))
                finding_add(&landscape->findings, FINDING_ENV_COPIED, site->dir.name, activate,
                        "the environment of '%s' activates another one: %s", site->dir.name, named);
}

// ---------------------------------------------------------------- log, modes, snapshot

static bool can_write(const Account *account, const struct stat *st)
{
        bool member = st->st_gid == account->gid;

        if (account->uid == 0)
                return true;
        if (st->st_uid == account->uid)
                return st->st_mode & S_IWUSR;
        for (size_t i = 0; i < account->group_count; i++)
                member = member || account->groups[i] == st->st_gid;
        return st->st_mode & (member ? S_IWGRP : S_IWOTH);
}

static void check_log(Landscape *landscape, const FoundSite *site)
{
        _cleanup_free_ char *where = text_format("%s/log", site->dir.path), *target = NULL;
        struct stat st;

        (void)!file_read_link_at(site->dir.fd, "log", &target);
        if (!site->log)
                finding_add(&landscape->findings, FINDING_LOG_MISSING, site->dir.name, where,
                        target ? "the log of '%s' is a link to %s, which is no directory"
                               : "'%s' has no log directory",
                        site->dir.name, target);
        else if (site->may_ask && stat(site->log, &st) == 0 && !can_write(&site->dir.owner, &st))
                finding_add(&landscape->findings, FINDING_LOG_NOT_WRITABLE, site->dir.name,
                        site->log, "%s cannot write the log of '%s' (mode %04o)",
                        site->dir.owner.name, site->dir.name, st.st_mode & 07777U);
}

static void check_modes(Landscape *landscape, const FoundSite *site)
{
        const struct group *group = getgrgid(site->st.st_gid);
        const char *name = group ? group->gr_name : "no known group";
        unsigned mode = site->st.st_mode & 07777U;

        if (site->st.st_uid == 0)
                finding_add(&landscape->findings, FINDING_OWNER_ROOT, site->dir.name,
                        site->dir.path, "'%s' belongs to root", site->dir.name);
        if (mode & S_IWOTH)
                finding_add(&landscape->findings, FINDING_WORLD_WRITABLE, site->dir.name,
                        site->dir.path, "the directory of '%s' can be written by everybody (%04o)",
                        site->dir.name, mode);
        else if (mode != 02775 || !text_equal(name, "www-data"))
                finding_add(&landscape->findings, FINDING_MODE, site->dir.name, site->dir.path,
                        "the directory of '%s' is %04o and of the group %s", site->dir.name, mode,
                        name);
}

static void check_writable(Landscape *landscape, const FoundSite *site)
{
        for (size_t i = 0; i < site->text_count; i++) {
                const char *name = site->texts[i].name;
                _cleanup_free_ char *where = text_format("%s/%s", site->dir.path, name);
                struct stat st;

                if (fstatat(site->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                        st.st_mode & S_IWOTH)
                        finding_add(&landscape->findings, FINDING_WORLD_WRITABLE, site->dir.name,
                                where, "%s of '%s' can be written by everybody", name,
                                site->dir.name);
        }
}

static void check_nested(Landscape *landscape, const FoundSite *site)
{
        static const char *const nested[] = {"media/media", SNAPSHOT "/" SNAPSHOT};

        for (size_t i = 0; i < ELEMENTS(nested); i++) {
                _cleanup_free_ char *where = text_format("%s/%s", site->dir.path, nested[i]);
                struct stat st;

                if (fstatat(site->dir.fd, nested[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISDIR(st.st_mode))
                        finding_add(&landscape->findings, FINDING_NESTED_COPY, site->dir.name,
                                where, "'%s' has a directory within itself: %s", site->dir.name,
                                nested[i]);
        }
}

// Of a production that has a preview.
static void check_snapshot(Landscape *landscape, const FoundSite *site)
{
        _cleanup_free_ char *where = text_format("%s/" SNAPSHOT, site->dir.path);
        time_t now = time(NULL);
        struct stat st;

        if (site->role != ROLE_PRODUCTION || !site_root(landscape, site)->links[1])
                return;
        if (fstatat(site->dir.fd, SNAPSHOT "/restore2preview.py", &st, AT_SYMLINK_NOFOLLOW) < 0)
                finding_add(&landscape->findings, FINDING_SCRIPT_MISSING, site->dir.name, where,
                        "'%s' has a preview, but no restore2preview.py", site->dir.name);
        if (fstatat(site->dir.fd, SNAPSHOT "/restore.py", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                now - st.st_mtime > (time_t)OLD_DAYS * 86400)
                finding_add(&landscape->findings, FINDING_SNAPSHOT_OLD, site->dir.name, where,
                        "the snapshot of '%s' is %lld days old", site->dir.name,
                        (long long)(now - st.st_mtime) / 86400);
}

void rules_files(Landscape *landscape)
{
        static void (*const checks[])(Landscape *, const FoundSite *) = {check_media,
                check_databases, check_environment, check_log, check_modes, check_writable,
                check_nested, check_snapshot};

        for (size_t i = 0; i < landscape->site_count; i++)
                for (size_t k = 0; k < ELEMENTS(checks); k++)
                        checks[k](landscape, &landscape->sites[i]);
}
