#include "site/managed.h"

#include <fcntl.h>
#include <sys/random.h>

#include "site/python.h"
#include "site/site_file.h"

#define SIZE_MAX_BYTES (1U << 20)
#define MARK           "# managed by Understudy"

const char *managed_module_text(size_t *ret_size)
{
        const PythonSource *source = python_sources;

        while (!text_equal(source->name, "managed"))
                source++; // the build has put it there
        *ret_size = source->size;
        return (const char *)source->text;
}

char *managed_settings_text(const char *settings, const char *module)
{
        static const char ending[] = ".settings";
        size_t length = strlen(module);

        if (strstr(settings, MARK))
                return text_copy(settings);
        if (text_ends(module, ending))
                length -= sizeof(ending) - 1;
        return text_format("%s%sfrom %.*s.understudy_managed import apply; apply(globals())  " MARK
                           "\n",
                settings, *settings && !text_ends(settings, "\n") ? "\n" : "", (int)length, module);
}

char *managed_applied(const char *values)
{
        json_t *sections = json_loads(values, 0, NULL), *section;
        const char *name;
        char *text;
        void *next;

        json_object_foreach_safe (sections, next, name, section)
                if (text_ends(name, MANAGED_NOTE))
                        json_object_del(sections, name);
        text = json_is_object(sections) ? json_dumps(sections, JSON_SORT_KEYS) : NULL;
        json_decref(sections);
        return text;
}

static int failed(int r, const SiteDir *site, const char *name, const char *what, Error *error)
{
        error_set(error, r, r == -ENOSPC || r == -EDQUOT ? "no-space" : "managed", "%s", what);
        error_where(error, "%s/%s", site->path, name);
        error_next(error, "Look at it: ls -l '%s/%s'; then: understudyctl job retry ID", site->path,
                name);
        return r;
}

int managed_install(const SiteDir *site, const char *module, Error *error)
{
        _cleanup_free_ char *settings = NULL, *changed = NULL, *there = NULL;
        struct stat st;
        size_t size, there_size;
        const char *text = managed_module_text(&size);
        int r = site_file_read(site->fd, "settings.py", SIZE_MAX_BYTES, &settings, NULL, &st);

        if (r < 0)
                return failed(r, site, "settings.py", "cannot read the site's settings", error);
        r = site_file_read(site->fd, MANAGED_MODULE, SIZE_MAX_BYTES, &there, &there_size, NULL);
        if (r < 0 || there_size != size || memcmp(there, text, size) != 0)
                r = site_file_write(site->fd, MANAGED_MODULE, text, size, &st);
        if (r < 0)
                return failed(r, site, MANAGED_MODULE, "cannot write a site's module", error);
        changed = managed_settings_text(settings, module);
        if (!text_equal(changed, settings))
                r = site_file_write(site->fd, "settings.py", changed, strlen(changed), &st);
        return r < 0 ? failed(r, site, "settings.py", "cannot write the site's settings", error)
                     : 0;
}

static int read_values(const SiteDir *site, json_t **ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        int r = site_file_read(site->fd, MANAGED_VALUES, SIZE_MAX_BYTES, &text, NULL, NULL);

        if (r < 0 && r != -ENOENT)
                return failed(r, site, MANAGED_VALUES, "cannot read what is managed", error);
        *ret = r < 0 ? json_object() : json_loads(text, 0, NULL);
        if (json_is_object(*ret))
                return 0;
        json_decref(*ret);
        return failed(-EBADMSG, site, MANAGED_VALUES, "what is managed is not readable", error);
}

int managed_set(const SiteDir *site, const char *section, json_t *value, Error *error)
{
        _cleanup_free_ char *text = NULL;
        struct stat st;
        json_t *values;
        int r = read_values(site, &values, error);

        if (r < 0)
                return r;
        if (value)
                json_object_set(values, section, value);
        else
                json_object_del(values, section);
        text = json_dumps(values, JSON_INDENT(4) | JSON_SORT_KEYS);
        json_decref(values);
        r = fstatat(site->fd, "settings.py", &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
        st.st_mode = 0640;
        if (r == 0)
                r = site_file_write(site->fd, MANAGED_VALUES, text, strlen(text), &st);
        explicit_bzero(text, strlen(text));
        return r < 0 ? failed(r, site, MANAGED_VALUES, "cannot write what is managed", error) : 0;
}

int managed_get(const SiteDir *site, const char *section, json_t **ret, Error *error)
{
        json_t *values;
        int r = read_values(site, &values, error);

        if (r < 0)
                return r;
        *ret = json_incref(json_object_get(values, section));
        json_decref(values);
        return 0;
}

char *managed_random(const char *letters, size_t count)
{
        size_t choices = strlen(letters);
        char *text = memory_new(count + 1);

        for (size_t i = 0; i < count;) {
                unsigned char byte;

                if (getrandom(&byte, 1, 0) != 1)
                        abort();
                if (byte < 256 / choices * choices) // else biased
                        text[i++] = letters[byte % choices];
        }
        return text;
}

void managed_account_clear(ManagedAccount *account)
{
        if (account->password)
                explicit_bzero(account->password, strlen(account->password));
        free(account->user);
        free(account->password);
        *account = (ManagedAccount){0};
}

static int make_account(const SiteDir *site, const Fleet__Database *database, Error *error)
{
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        _cleanup_managed_account_ ManagedAccount account = {
                .password = managed_random(letters, 32)};
        json_t *section = json_pack("{s:s, s:s, s:s, s:s, s:s}", "alias",
                text_blank(database->alias) ? "default" : database->alias, "engine",
                database->engine, "name", database->name, "user", database->name, "password",
                account.password);
        int r = managed_set(site, MANAGED_DATABASE, section, error);

        json_decref(section);
        return r;
}

static int get_account(const SiteDir *site, json_t **ret, Error *error)
{
        json_t *section;
        int r = managed_get(site, MANAGED_DATABASE, &section, error);

        if (r == 0 && json_object_size(section) == 0) {
                json_decref(section);
                section = NULL;
        }
        if (r == 0)
                *ret = section;
        return r;
}

static int take_account(const SiteDir *site, const Fleet__Database *database, json_t *take_section,
        ManagedAccount *ret, Error *error)
{
        const char *engine = NULL, *name = NULL, *user = NULL, *password = NULL;
        int r = 0;

        if (json_unpack(take_section, "{s:s, s:s, s:s, s:s}", "engine", &engine, "name", &name,
                    "user", &user, "password", &password) == 0 &&
                text_equal(engine, database->engine) && text_equal(name, database->name)) {
                *ret = (ManagedAccount){.user = text_copy(user), .password = text_copy(password)};
        } else {
                r = failed(-EINVAL, site, MANAGED_VALUES,
                        "the managed settings are not this database's", error);
                error_why(error, "they name the database %s, the site's is %s", name ? name : "?",
                        database->name);
        }
        json_decref(take_section);
        return r;
}

int managed_account_known(
        const SiteDir *site, const Fleet__Database *database, ManagedAccount *ret, Error *error)
{
        json_t *section = NULL;
        int r = get_account(site, &section, error);

        if (r == 0 && !section)
                return failed(-ENOENT, site, MANAGED_VALUES,
                        "the worker does not manage this site's database user", error);
        return r < 0 ? r : take_account(site, database, section, ret, error);
}

int managed_account(
        const SiteDir *site, const Fleet__Database *database, ManagedAccount *ret, Error *error)
{
        json_t *section = NULL;
        int r = get_account(site, &section, error);

        if (r == 0 && !section) {
                r = make_account(site, database, error);
                if (r == 0)
                        r = get_account(site, &section, error);
        }
        return r < 0 ? r : take_account(site, database, section, ret, error);
}
