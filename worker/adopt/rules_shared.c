// What two sites have in common and should not.
#include "adopt/line.h"
#include "adopt/rules.h"

static bool is_here(const char *host)
{
        return text_blank(host) || text_equal(host, "localhost") || text_equal(host, "127.0.0.1") ||
               text_equal(host, "::1") || *host == '/';
}

static const char *member(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
}

void site_databases(const FoundSite *site, TextList *ret)
{
        const char *alias;
        json_t *database;

        json_object_foreach (json_object_get(site->answer, "databases"), alias, database) {
                const char *engine = member(database, "engine"), *name = member(database, "name");
                const char *host = member(database, "host"), *port = member(database, "port");

                if (text_blank(name))
                        continue;
                if (text_equal(engine, "sqlite"))
                        text_list_take(ret, text_format("sqlite %s", name));
                else
                        text_list_take(ret, text_format("%s %s on %s%s%s", engine, name,
                                                    is_here(host) ? "localhost" : host,
                                                    text_blank(port) ? "" : ":", port));
        }
}

static void check_databases(Landscape *landscape, const FoundSite *a, const FoundSite *b)
{
        TextList ones _cleanup_text_list_ = {0}, others _cleanup_text_list_ = {0};
        _cleanup_free_ char *place = site_setting_place(b, "DATABASES");

        site_databases(a, &ones);
        site_databases(b, &others);
        for (size_t i = 0; i < ones.count; i++)
                for (size_t k = 0; k < others.count; k++)
                        if (text_equal(ones.items[i], others.items[k]))
                                finding_add(&landscape->findings, FINDING_DATABASE_SHARED,
                                        b->dir.name, place,
                                        "'%s' and '%s' name the same database: %s", b->dir.name,
                                        a->dir.name, ones.items[i]);
}

static void check_environments(Landscape *landscape, const FoundSite *a, const FoundSite *b)
{
        _cleanup_free_ char *where = text_format("%s/env", b->dir.path);
        bool roles = a->root == b->root && a->role == ROLE_PRODUCTION && b->role == ROLE_PREVIEW;

        if (a->environment && text_equal(a->environment, b->environment))
                finding_add(&landscape->findings,
                        roles ? FINDING_ENV_SHARED_WITH_PRODUCTION : FINDING_ENV_SHARED,
                        b->dir.name, where, "'%s' and '%s' use the same environment: %s",
                        b->dir.name, a->dir.name, b->environment);
}

static void check_static(Landscape *landscape, const FoundSite *a, const FoundSite *b)
{
        _cleanup_free_ char *place = site_setting_place(b, "STATIC_ROOT");

        if (a->probe && b->probe && !text_blank(a->probe->static_root) &&
                text_equal(a->probe->static_root, b->probe->static_root))
                finding_add(&landscape->findings, FINDING_STATIC_SHARED, b->dir.name, place,
                        "'%s' and '%s' collect static files into the same directory: %s",
                        b->dir.name, a->dir.name, a->probe->static_root);
}

static void check_logs(Landscape *landscape, const FoundSite *a, const FoundSite *b)
{
        _cleanup_free_ char *where = text_format("%s/log", b->dir.path);

        if (a->log && text_equal(a->log, b->log))
                finding_add(&landscape->findings, FINDING_LOG_SHARED, b->dir.name, where,
                        "'%s' and '%s' log into the same directory: %s", b->dir.name, a->dir.name,
                        a->log);
}

// A value of the site's lino.ini; NULL: it has none. The caller's.
static char *ini_value(const FoundSite *site, const char *name)
{
        const char *text = site_text(site, "lino.ini");
        LineCursor cursor _cleanup_line_ = {.rest = text ? text : ""};

        while (line_next(&cursor)) {
                const char *value = cursor.line + strspn(cursor.line, " \t");

                if (!text_starts(value, name))
                        continue;
                value += strlen(name);
                value += strspn(value, " \t");
                if (*value++ == '=')
                        return text_copy(value + strspn(value, " \t"));
        }
        return NULL;
}

// What linod and the web server of each site must have for themselves.
static void check_linod(Landscape *landscape, const FoundSite *a, const FoundSite *b)
{
        static const char *const names[] = {"upstream_port", "channels"};
        _cleanup_free_ char *where = text_format("%s/lino.ini", b->dir.path);

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_free_ char *one = ini_value(a, names[i]), *other = ini_value(b, names[i]);

                if (!text_blank(one) && text_equal(one, other))
                        finding_add(&landscape->findings, FINDING_ADDRESS_TWICE, b->dir.name, where,
                                "'%s' and '%s' have the same %s: %s", b->dir.name, a->dir.name,
                                names[i], one);
        }
}

// Production first, so that what is said is said of the other one.
static bool comes_first(const FoundSite *a, const FoundSite *b)
{
        return a->role == ROLE_PRODUCTION || b->role != ROLE_PRODUCTION;
}

void rules_shared(Landscape *landscape)
{
        static void (*const checks[])(Landscape *, const FoundSite *, const FoundSite *) = {
                check_databases, check_environments, check_static, check_logs, check_linod};

        for (size_t i = 0; i < landscape->site_count; i++)
                for (size_t k = i + 1; k < landscape->site_count; k++) {
                        const FoundSite *a = &landscape->sites[i], *b = &landscape->sites[k];

                        for (size_t c = 0; c < ELEMENTS(checks); c++)
                                if (comes_first(a, b))
                                        checks[c](landscape, a, b);
                                else
                                        checks[c](landscape, b, a);
                }
}
