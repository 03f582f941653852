// What a site's files say, whether the site answers or not.
#include <fcntl.h>

#include "adopt/line.h"
#include "adopt/rules.h"

#define PATHS_MAX 1000 // of one file

// This one names production on purpose.
#define SCRIPT_FROM_PRODUCTION "initdb_from_prod.sh"

static bool is_comment(const char *line)
{
        line += strspn(line, " \t");
        return *line == '#' || *line == ';';
}

static void check_path(
        Landscape *landscape, const FoundSite *site, const char *path, const char *where)
{
        Place place = landscape_place(landscape, path);

        if (place.site && place.site != site)
                finding_add(&landscape->findings, FINDING_PATH_OF_OTHER, site->dir.name, where,
                        "a file of '%s' names a path of '%s': %s", site->dir.name,
                        place.site->dir.name, path);
        else if (place.gone)
                finding_add(&landscape->findings, FINDING_PATH_GONE, site->dir.name, where,
                        "a file of '%s' names a site that is not there: %s", site->dir.name, path);
}

// Every absolute path in a line, whatever stands around it.
static void check_paths(Landscape *landscape, const FoundSite *site, const char *line,
        const char *where, size_t *paths)
{
        for (const char *at = strchr(line, '/'); at && *paths < PATHS_MAX;
                at = strchr(at + 1, '/')) {
                size_t length = strcspn(at, " \t'\",:;()[]{}<>|&\r");
                _cleanup_free_ char *path = NULL;

                if (at > line && !strchr(" \t'\"=:(,[{", at[-1]))
                        continue;
                path = text_copy_n(at, length);
                (*paths)++;
                check_path(landscape, site, path, where);
                if (length > 1)
                        at += length - 1;
        }
}

// "DJANGO_SETTINGS_MODULE", "lino_local.anna.settings": the name before ".settings".
static char *module_site(const char *line)
{
        const char *end = strstr(line, "DJANGO_SETTINGS_MODULE"), *start;

        end = end ? strstr(end, ".settings") : NULL;
        if (!end)
                return NULL;
        for (start = end; start > line && !strchr(".'\"= ", start[-1]);)
                start--;
        return text_copy_n(start, (size_t)(end - start));
}

static void check_module(Landscape *landscape, const FoundSite *site, const char *file,
        const char *line, const char *where)
{
        _cleanup_free_ char *name = module_site(line);
        const FoundSite *other = name ? landscape_site(landscape, site->root, name) : NULL;

        if (other && other != site)
                finding_add(&landscape->findings, FINDING_SETTINGS_OF_OTHER, site->dir.name, where,
                        "%s of '%s' uses the settings of '%s'", file, site->dir.name, name);
}

static void check_text(Landscape *landscape, const FoundSite *site, const SiteText *text)
{
        LineCursor cursor _cleanup_line_ = {.rest = text->text};
        size_t paths = 0;

        if (text_equal(text->name, SCRIPT_FROM_PRODUCTION))
                return;
        while (line_next(&cursor)) {
                _cleanup_free_ char *where = NULL;

                if (is_comment(cursor.line))
                        continue;
                where = text_format("%s/%s:%u", site->dir.path, text->name, cursor.number);
                check_paths(landscape, site, cursor.line, where, &paths);
                check_module(landscape, site, text->name, cursor.line, where);
        }
}

// ---------------------------------------------------------------- secrets

// The line on which a secret stands as a plain text; 0: none.
static unsigned secret_line(const char *text)
{
        static const char *const names[] = {"SECRET_KEY", "PASSWORD"};
        LineCursor cursor _cleanup_line_ = {.rest = text};

        while (line_next(&cursor))
                for (size_t i = 0; i < ELEMENTS(names); i++) {
                        const char *at = strstr(cursor.line, names[i]);
                        const char *value = at ? strpbrk(at, "=:") : NULL;

                        value = value ? value + 1 + strspn(value + 1, " \t") : NULL;
                        if (value && !is_comment(cursor.line) &&
                                (*value == '\'' || *value == '"') && value[1] && value[1] != *value)
                                return cursor.number;
                }
        return 0;
}

static void check_secrets(Landscape *landscape, const FoundSite *site, const SiteText *text)
{
        _cleanup_free_ char *where = NULL;
        unsigned line;
        struct stat st;

        if (fstatat(site->dir.fd, text->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                !(st.st_mode & S_IROTH) || !(site->st.st_mode & S_IXOTH))
                return;
        line = secret_line(text->text);
        if (line == 0)
                return;
        where = text_format("%s/%s:%u", site->dir.path, text->name, line);
        finding_add(&landscape->findings, FINDING_SECRETS_READABLE, site->dir.name, where,
                "a file with secrets of '%s' can be read by everybody (mode %04o)", site->dir.name,
                st.st_mode & 07777U);
}

void rules_texts(Landscape *landscape)
{
        for (size_t i = 0; i < landscape->site_count; i++) {
                const FoundSite *site = &landscape->sites[i];

                for (size_t k = 0; k < site->text_count; k++) {
                        check_text(landscape, site, &site->texts[k]);
                        check_secrets(landscape, site, &site->texts[k]);
                }
        }
}
