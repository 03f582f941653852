#include "names.h"

#include <ctype.h>

#include "base/text.h"

static const char *const roles[] = {"prod", "production", "preview", "old", "new", "test",
        "testing", "testlino", "demo", "next", "current", "backup", "tmp", "staging"};

// Names a Python package cannot have (keyword.kwlist) or that a project directory must not shadow.
static const char *const python_words[] = {"and", "as", "assert", "async", "await", "break",
        "class", "continue", "def", "del", "elif", "else", "except", "finally", "for", "from",
        "global", "if", "import", "in", "is", "lambda", "match", "nonlocal", "not", "or", "pass",
        "raise", "return", "try", "while", "with", "yield", "settings", "manage", "env", "log",
        "media", "lino", "django", "python"};

#define SITE_NAME_MAX   32
#define NAME_MAX_LENGTH 64

static bool listed(const char *name, const char *const *list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(name, list[i]) == 0)
                        return true;
        return false;
}

static int refuse(Error *error, const char *name, const char *kind, const char *why)
{
        _cleanup_free_ char *shown = text_escape(name, strlen(name));

        error_set(error, -EINVAL, "bad-name", "'%s' cannot be the name of a %s", shown, kind);
        error_why(error, "%s", why);
        return -EINVAL;
}

int name_check_site(const char *name, Error *error)
{
        const char *why = NULL;

        if (listed(name, roles, ELEMENTS(roles)))
                why = "it is a role, and roles change while the name of a project directory stays "
                      "for ever";
        else if (listed(name, python_words, ELEMENTS(python_words)))
                why = "it is a Python keyword or the name of something else in a site";
        else if (strlen(name) > SITE_NAME_MAX)
                why = "it is longer than 32 characters";
        else if (!islower((unsigned char)name[0]))
                why = "it must begin with a lower-case letter, for it is also a Python package";
        else if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
                why = "only lower-case letters, digits and '_' may be in it, for it is also a "
                      "Python package";
        if (!why)
                return 0;
        refuse(error, name, "site", why);
        error_next(error,
                "Choose a neutral name that is true in every role, such as 'anna' or 'mdg2'.");
        return -EINVAL;
}

static int check_label(const char *name, const char *kind, Error *error)
{
        const char *why = NULL;

        if (!isalpha((unsigned char)name[0]))
                why = "it must begin with a letter";
        else if (strlen(name) > NAME_MAX_LENGTH)
                why = "it is longer than 64 characters";
        for (const char *at = name; *at && !why; at++)
                if ((unsigned char)*at >= 0x80 ||
                        (!isalnum((unsigned char)*at) && !strchr(".-_", *at)))
                        why = "only letters, digits, '.', '-' and '_' may be in it";
        if (!why)
                return 0;
        refuse(error, name, kind, why);
        error_next(error, "Choose another name.");
        return -EINVAL;
}

int name_check_series(const char *name, Error *error)
{
        return check_label(name, "series", error);
}

int name_check_host(const char *name, Error *error)
{
        return check_label(name, "host", error);
}

int name_check_root(const char *path, Error *error)
{
        const char *why = NULL;

        if (path[0] != '/')
                why = "it is not absolute";
        else if (path[1] == '\0')
                why = "the file system's root cannot be given away";
        else if (strstr(path, "//") || text_ends(path, "/"))
                why = "it has an empty part";
        else if (strstr(path, "/../") || text_ends(path, "/..") || strstr(path, "/./") ||
                 text_ends(path, "/."))
                why = "it has a part '.' or '..'";
        if (!why)
                return 0;
        refuse(error, path, "root directory", why);
        error_next(error,
                "Give the absolute path of the directory that holds the project directories.");
        return -EINVAL;
}
