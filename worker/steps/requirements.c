#include "steps/requirements.h"

#include <ctype.h>

#include "base/file.h"
#include "steps/files.h"

#define FILE_MAX (1U << 20)

void requirements_clear(Requirements *requirements)
{
        text_list_clear(&requirements->named);
        text_list_clear(&requirements->asked);
        text_list_clear(&requirements->frozen);
        text_list_clear(&requirements->freed);
}

// PEP 503: lower case, runs of '-', '_' and '.' are one '-'.
static char *normalize(const char *name, size_t length)
{
        char *result = memory_new(length + 1), *to = result;

        for (size_t i = 0; i < length; i++) {
                if (!strchr("-_.", name[i]))
                        *to++ = (char)tolower((unsigned char)name[i]);
                else if (to > result && to[-1] != '-')
                        *to++ = '-';
        }
        return result;
}

char *requirement_name(const char *requirement)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
        const char *egg = strstr(requirement, "#egg=");
        size_t length = strspn(requirement, letters);

        if (egg)
                return normalize(egg + 5, strspn(egg + 5, letters));
        // "git+https://..." and "./path" begin with no name.
        if (length == 0 || !isalnum((unsigned char)requirement[0]) || requirement[length] == '+' ||
                requirement[length] == ':' || requirement[length] == '/')
                return NULL;
        return normalize(requirement, length);
}

static int refuse(const char *requirement, const char *why, Error *error)
{
        _cleanup_free_ char *shown = text_escape(requirement, strlen(requirement));

        error_set(error, -EINVAL, "bad-requirement", "'%s' cannot be installed", shown);
        error_why(error, "%s", why);
        error_next(error,
                "Give --install a requirement such as 'lino-noi==26.9.2' or '-e PATH', the "
                "name of a requirements file in the project directory, or 'pull.sh'. "
                "Settings of pip itself belong into PIP_ variables that worker.conf "
                "lets through.");
        return -EINVAL;
}

static void name_and_ask(Requirements *requirements, const char *line)
{
        _cleanup_free_ char *name = requirement_name(
                text_starts(line, "-e ") ? line + 3 + strspn(line + 3, " ") : line);

        if (name)
                text_list_add(&requirements->named, name);
        text_list_add(&requirements->asked, line);
}

// The packages that a requirements file names; pip itself reads it, with all that it may contain.
static int ask_file(Requirements *requirements, const SiteDir *site, const char *file, Error *error)
{
        _cleanup_free_ char *text = NULL;
        int r = site_file_read(site->fd, file, FILE_MAX, &text, NULL, NULL);

        if (r < 0) {
                error_set(error, r, "bad-requirement", "cannot read the requirements file");
                error_where(error, "%s/%s", site->path, file);
                error_next(error, "Name a file of the project directory itself.");
                return r;
        }
        for (char *line = text, *end; *line; line = end) {
                _cleanup_free_ char *name = NULL;

                end = line + strcspn(line, "\n");
                if (*end)
                        *end++ = '\0';
                line += strspn(line, " \t");
                name = *line == '#' || *line == '-' ? NULL : requirement_name(line);
                if (name)
                        text_list_add(&requirements->named, name);
        }
        text_list_take(&requirements->asked, text_format("-r %s/%s", site->path, file));
        return 0;
}

int requirements_ask(Requirements *requirements, const SiteDir *site, char *const *install,
        size_t count, Error *error)
{
        for (size_t i = 0; i < count; i++) {
                const char *item = install[i];
                int r = 0;

                if (text_starts(item, "-r "))
                        item += 3 + strspn(item + 3, " ");
                if (item[strcspn(item, "\n\r")])
                        r = refuse(item, "it has more than one line", error);
                else if (text_equal(item, "pull.sh"))
                        requirements->pull = true;
                else if (text_ends(item, ".txt"))
                        r = ask_file(requirements, site, item, error);
                else if (*item == '-' && !text_starts(item, "-e "))
                        r = refuse(item, "options of pip are not taken", error);
                else if (!*item)
                        r = refuse(item, "it is empty", error);
                else
                        name_and_ask(requirements, item);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_lino(const char *name)
{
        return text_equal(name, "lino") || text_starts(name, "lino-");
}

static bool names_lino(const Requirements *requirements)
{
        for (size_t i = 0; i < requirements->named.count; i++)
                if (is_lino(requirements->named.items[i]))
                        return true;
        return false;
}

static char *move_path(const char *path, const char *const from[2], const char *const to[2])
{
        for (int i = 0; i < 2; i++)
                if (from[i] && file_is_beneath(path, from[i]))
                        return text_format("%s%s", to[i], path + strlen(from[i]));
        return text_copy(path);
}

static const char *member(const json_t *package, const char *name)
{
        return json_string_value(json_object_get(package, name));
}

void requirements_freeze(Requirements *requirements, const json_t *packages,
        const char *const from[2], const char *const to[2])
{
        bool lino = names_lino(requirements);
        size_t index;
        json_t *package;

        json_array_foreach (packages, index, package) {
                const char *name = member(package, "name"), *version = member(package, "version");
                const char *editable = member(package, "editable"), *url = member(package, "url");

                if (!name || !version || text_list_has(&requirements->named, name))
                        continue;
                if (editable) {
                        char *path = move_path(editable, from, to);

                        text_list_take(&requirements->frozen, text_format("-e %s", path));
                        free(path);
                } else if (lino && is_lino(name)) {
                        text_list_add(&requirements->frozen, name);
                        text_list_add(&requirements->freed, name);
                } else if (url) {
                        text_list_take(&requirements->frozen, text_format("%s @ %s", name, url));
                } else {
                        text_list_take(&requirements->frozen, text_format("%s==%s", name, version));
                }
        }
}

char *requirements_text(const Requirements *requirements)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                abort();
        fputs("# What this environment was made of. Asked for:\n", stream);
        for (size_t i = 0; i < requirements->asked.count; i++)
                fprintf(stream, "%s\n", requirements->asked.items[i]);
        fputs("# As in production:\n", stream);
        for (size_t i = 0; i < requirements->frozen.count; i++)
                fprintf(stream, "%s\n", requirements->frozen.items[i]);
        if (fclose(stream) != 0)
                abort();
        return text;
}
