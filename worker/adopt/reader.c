#include "adopt/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>

#include "adopt/quiet.h"
#include "base/file.h"

DEFINE_CLEANUP(DIR *, closedir)

void reader_open(Reader *reader, Landscape *landscape, const TextList *paths)
{
        *reader = (Reader){.landscape = landscape};
        for (size_t i = 0; i < paths->count; i++) {
                _cleanup_free_ char *resolved = NULL;
                struct stat st;

                if (file_resolve(paths->items[i], &resolved) < 0 || stat(resolved, &st) < 0)
                        continue;
                if (!S_ISDIR(st.st_mode) && strrchr(resolved, '/') != resolved)
                        *strrchr(resolved, '/') = '\0';
                text_list_take(&reader->tops, TAKE_PTR(resolved));
        }
}

void reader_close(Reader *reader)
{
        text_list_clear(&reader->tops);
}

static bool lies_within(const Reader *reader, const char *resolved)
{
        const Landscape *landscape = reader->landscape;

        for (size_t i = 0; i < reader->tops.count; i++)
                if (file_is_beneath(resolved, reader->tops.items[i]))
                        return true;
        for (size_t i = 0; i < landscape->root_count; i++)
                if (file_is_beneath(resolved, landscape->roots[i].path))
                        return true;
        return false;
}

// The system's own files, such as /usr/share/nginx/modules-available, say nothing about sites.
static bool is_of_the_system(const char *resolved)
{
        return text_starts(resolved, "/usr/") || text_starts(resolved, "/etc/") ||
               text_starts(resolved, "/lib/") || text_starts(resolved, "/dev/");
}

static bool was_seen(const Landscape *landscape, const char *resolved)
{
        for (size_t i = 0; i < landscape->seen.count; i++)
                if (text_equal(landscape->seen.items[i], resolved))
                        return true;
        return false;
}

// A descriptor for resolved paths, which have no link in them, so that nobody redirects one
// meanwhile.
static int open_top(void)
{
        return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void tell_unread(Landscape *landscape, const char *path, const char *why)
{
        finding_add(&landscape->findings, FINDING_CONFIG_NOT_READ, NULL, path,
                "a file of the configuration was not read: %s", why);
}

bool reader_is_dangling(Reader *reader, const char *path)
{
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode) || stat(path, &st) == 0 || errno != ENOENT)
                return false;
        finding_add(&reader->landscape->findings, FINDING_CONFIG_LINK_DANGLING, NULL, path,
                "a link of the configuration leads to nothing");
        return true;
}

bool reader_read(Reader *reader, const char *path, char **ret)
{
        Landscape *landscape = reader->landscape;
        _cleanup_free_ char *resolved = NULL;
        _cleanup_close_ int top = open_top();
        size_t size = 0;
        int r = file_resolve(path, &resolved);

        if (r == -ENOENT || r == -ENOTDIR || (r == 0 && was_seen(landscape, resolved)))
                return false;
        if (r == 0 && !lies_within(reader, resolved)) {
                if (!is_of_the_system(resolved))
                        tell_unread(landscape, path, "it lies outside of the scan's directories");
                return false;
        }
        if (landscape->seen.count == FILES_MAX || landscape->bytes > ALL_BYTES_MAX) {
                finding_add(&landscape->findings, FINDING_SCAN_LIMIT, NULL, NULL,
                        "the host's configuration is larger than a scan reads");
                return false;
        }
        if (r == 0)
                r = quiet_read(top, resolved + 1, FILE_BYTES_MAX, ret, &size);
        if (r == -EISDIR) // a pattern meant it, which wants files
                return false;
        if (r == 0)
                text_list_take(&landscape->seen, TAKE_PTR(resolved));
        else
                tell_unread(landscape, path, r == -EINVAL ? "it is no regular file" : strerror(-r));
        landscape->bytes += size;
        return r == 0;
}

static bool is_left_over(const char *name)
{
        static const char *const endings[] = {
                "~", ".bak", ".orig", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".swp", ".rej"};

        for (size_t i = 0; i < ELEMENTS(endings); i++)
                if (text_ends(name, endings[i]))
                        return true;
        return *name == '.';
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void reader_list(Reader *reader, const char *path, TextList *ret)
{
        _cleanup_free_ char *resolved = NULL;
        _cleanup_close_ int top = open_top();
        int r = file_resolve(path, &resolved);
        int fd = r < 0 ? r : quiet_open(top, resolved + 1, O_DIRECTORY);
        _cleanup_(closedirp) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!stream) {
                if (fd >= 0)
                        close(fd);
                if (fd != -ENOENT && fd != -ENOTDIR)
                        tell_unread(reader->landscape, path, strerror(fd < 0 ? -fd : ENOMEM));
                return;
        }
        while (ret->count < ENTRIES_MAX && (entry = readdir(stream)))
                if (!is_left_over(entry->d_name))
                        text_list_add(ret, entry->d_name);
        if (ret->count > 0)
                qsort(ret->items, ret->count, sizeof(char *), by_name);
}

void reader_expand(Reader *reader, const char *base, const char *pattern, TextList *ret)
{
        _cleanup_free_ char *whole =
                *pattern == '/' ? text_copy(pattern) : text_format("%s/%s", base, pattern);
        TextList names _cleanup_text_list_ = {0};
        char *last = strrchr(whole, '/');

        if (!strpbrk(whole, "*?[")) {
                text_list_add(ret, whole);
                return;
        }
        *last++ = '\0';
        if (strpbrk(whole, "*?["))
                return;
        reader_list(reader, whole, &names);
        for (size_t i = 0; i < names.count; i++)
                if (fnmatch(last, names.items[i], FNM_PERIOD) == 0)
                        text_list_take(ret, text_format("%s/%s", whole, names.items[i]));
}
