// What a site's files say, read and not run.
#include <dirent.h>
#include <fcntl.h>

#include "adopt/quiet.h"
#include "adopt/sites.h"
#include "base/file.h"

#define TEXT_BYTES_MAX (128U << 10)
#define TEXTS_MAX      40 // of one site

DEFINE_CLEANUP(DIR *, closedir)

static void read_text(Landscape *landscape, FoundSite *site, const char *name)
{
        char *text = NULL;
        size_t size;

        if (site->text_count == TEXTS_MAX || landscape->bytes > ALL_BYTES_MAX ||
                quiet_read(site->dir.fd, name, TEXT_BYTES_MAX, &text, &size) < 0)
                return;
        landscape->bytes += size;
        site->texts = memory_grow(site->texts, (site->text_count + 1) * sizeof(*site->texts));
        site->texts[site->text_count++] = (SiteText){text_copy(name), text};
}

static bool may_name_paths(const char *name)
{
        static const char *const endings[] = {".py", ".sh", ".ini", ".conf", ".cfg"};

        for (size_t i = 0; i < ELEMENTS(endings); i++)
                if (text_ends(name, endings[i]))
                        return true;
        return false;
}

// `directory` is "" for the project directory itself.
static void read_texts(Landscape *landscape, FoundSite *site, const char *directory)
{
        int fd = quiet_open(site->dir.fd, *directory ? directory : ".", O_DIRECTORY);
        _cleanup_(closedirp) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!stream && fd >= 0)
                close(fd);
        for (size_t seen = 0; stream && seen < ENTRIES_MAX && (entry = readdir(stream)); seen++) {
                _cleanup_free_ char *path =
                        text_format("%s%s%s", directory, *directory ? "/" : "", entry->d_name);

                if (may_name_paths(entry->d_name))
                        read_text(landscape, site, path);
        }
}

// Where an entry of the site leads in the end, links followed by their names only.
static char *resolved(const FoundSite *site, const char *name)
{
        _cleanup_free_ char *path = text_format("%s/%s", site->dir.path, name);
        char *where = NULL;
        struct stat st;

        if (file_resolve(path, &where) < 0)
                return NULL;
        if (stat(where, &st) == 0 && S_ISDIR(st.st_mode))
                return where;
        free(where);
        return NULL;
}

void sites_read(Landscape *landscape)
{
        for (size_t i = 0; i < landscape->site_count; i++) {
                FoundSite *site = &landscape->sites[i];

                read_texts(landscape, site, "");
                read_texts(landscape, site, "nginx");
                site->environment = resolved(site, "env");
                site->log = resolved(site, "log");
        }
}
