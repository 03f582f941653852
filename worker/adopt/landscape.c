#include "adopt/landscape.h"

#include <fcntl.h>

#include "adopt/line.h"
#include "base/file.h"

static const char *const link_names[] = {"prod", "preview"};

FoundSite *landscape_site(const Landscape *landscape, size_t root, const char *name)
{
        for (size_t i = 0; i < landscape->site_count; i++)
                if (landscape->sites[i].root == root &&
                        text_equal(landscape->sites[i].dir.name, name))
                        return &landscape->sites[i];
        return NULL;
}

// What of `path` follows `directory` and a slash; NULL: it is not beneath it.
static const char *beneath(const char *path, const char *directory)
{
        size_t length = strlen(directory);

        return strncmp(path, directory, length) == 0 && path[length] == '/' ? path + length + 1
                                                                            : NULL;
}

// The innermost root that a path lies in, for one may lie in another.
static bool find_root(
        const Landscape *landscape, const char *path, size_t *ret_root, const char **ret_rest)
{
        const char *best = NULL;

        for (size_t i = 0; i < landscape->root_count; i++) {
                const char *rest = beneath(path, landscape->roots[i].path);

                if (!rest)
                        rest = beneath(path, landscape->roots[i].spelled);
                if (rest && (!best || strlen(rest) < strlen(best))) {
                        best = rest;
                        *ret_root = i;
                }
        }
        *ret_rest = best;
        return best;
}

Place landscape_place(const Landscape *landscape, const char *path)
{
        Place place = {0};
        const char *rest;
        size_t root;
        struct stat st;

        if (!find_root(landscape, path, &root, &rest))
                return place;
        _cleanup_free_ char *name = text_copy_n(rest, strcspn(rest, "/"));
        place.rest = rest + strlen(name);
        place.rest += strspn(place.rest, "/");
        for (size_t i = 0; i < ELEMENTS(link_names); i++)
                if (text_equal(name, link_names[i]) && landscape->roots[root].links[i]) {
                        place.link = link_names[i];
                        place.site =
                                landscape_site(landscape, root, landscape->roots[root].links[i]);
                        return place;
                }
        place.site = landscape_site(landscape, root, name);
        place.gone = !place.site && *name &&
                     fstatat(landscape->roots[root].fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
                     errno == ENOENT;
        return place;
}

const char *site_text(const FoundSite *site, const char *name)
{
        for (size_t i = 0; i < site->text_count; i++)
                if (text_equal(site->texts[i].name, name))
                        return site->texts[i].text;
        return NULL;
}

static bool assigns(const char *line, const char *name)
{
        size_t length = strlen(name);

        line += strspn(line, " \t");
        if (strncmp(line, name, length) != 0)
                return false;
        line += length;
        line += strspn(line, " \t");
        return line[0] == '=' && line[1] != '=';
}

char *site_setting_place(const FoundSite *site, const char *name)
{
        const char *text = site_text(site, "settings.py");
        LineCursor cursor _cleanup_line_ = {.rest = text ? text : ""};
        unsigned found = 0;

        while (line_next(&cursor))
                if (assigns(cursor.line, name))
                        found = cursor.number; // the last one counts
        return found ? text_format("%s/settings.py:%u", site->dir.path, found)
                     : text_format("%s/settings.py", site->dir.path);
}

const char *role_name(SiteRole role)
{
        static const char *const names[] = {"", "production", "preview"};

        return names[role];
}

static void clear_site(FoundSite *site)
{
        for (size_t i = 0; i < site->text_count; i++) {
                free(site->texts[i].name);
                free(site->texts[i].text);
        }
        free(site->texts);
        json_decref(site->answer);
        if (site->probe)
                fleet__probe_result__free_unpacked(site->probe, NULL);
        free(site->environment);
        free(site->log);
        free(site->series);
        site_close(&site->dir);
}

void landscape_clear(Landscape *landscape)
{
        for (size_t i = 0; i < landscape->site_count; i++)
                clear_site(&landscape->sites[i]);
        for (size_t i = 0; i < landscape->root_count; i++) {
                FoundRoot *root = &landscape->roots[i];

                free(root->path);
                free(root->spelled);
                free(root->links[0]);
                free(root->links[1]);
                closep(&root->fd);
        }
        free(landscape->sites);
        free(landscape->roots);
        part_list_clear(&landscape->parts);
        text_list_clear(&landscape->seen);
        finding_clear(&landscape->findings);
        *landscape = (Landscape){0};
}
