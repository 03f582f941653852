// What two sites have in common and should not.
#include "adopt/claim.h"
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

// What each site must have for itself, but for the environment: whether that matters depends on
// the two.
typedef enum SharedKind {
        SHARED_DATABASE,
        SHARED_ENVIRONMENT,
        SHARED_STATIC,
        SHARED_LOG,
        SHARED_PORT,
        SHARED_CHANNELS,
} SharedKind;

static const struct {
        FindingCode code;
        const char *what;
} kinds[] = {
        [SHARED_DATABASE] = {FINDING_DATABASE_SHARED, "name the same database"},
        [SHARED_ENVIRONMENT] = {FINDING_ENV_SHARED, "use the same environment"},
        [SHARED_STATIC] = {FINDING_STATIC_SHARED, "collect static files into the same directory"},
        [SHARED_LOG] = {FINDING_LOG_SHARED, "log into the same directory"},
        [SHARED_PORT] = {FINDING_ADDRESS_TWICE, "have the same upstream_port"},
        [SHARED_CHANNELS] = {FINDING_ADDRESS_TWICE, "have the same channels"},
};

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

static void claim_file(ClaimList *claims, SharedKind kind, const char *text, size_t index,
        const FoundSite *site, const char *name)
{
        _cleanup_free_ char *where = text_format("%s/%s", site->dir.path, name);

        claim_add(claims, kind, text, site->role != ROLE_PRODUCTION, index, where);
}

static void claim_setting(ClaimList *claims, SharedKind kind, const char *text, size_t index,
        const FoundSite *site, const char *name)
{
        _cleanup_free_ char *where = site_setting_place(site, name);

        claim_add(claims, kind, text, site->role != ROLE_PRODUCTION, index, where);
}

static void claim_all(ClaimList *claims, const FoundSite *site, size_t index)
{
        TextList databases _cleanup_text_list_ = {0};
        _cleanup_free_ char *port = ini_value(site, "upstream_port"),
                            *channels = ini_value(site, "channels");

        site_databases(site, &databases);
        for (size_t i = 0; i < databases.count; i++)
                claim_setting(
                        claims, SHARED_DATABASE, databases.items[i], index, site, "DATABASES");
        if (site->probe)
                claim_setting(claims, SHARED_STATIC, site->probe->static_root, index, site,
                        "STATIC_ROOT");
        claim_file(claims, SHARED_ENVIRONMENT, site->environment, index, site, "env");
        claim_file(claims, SHARED_LOG, site->log, index, site, "log");
        claim_file(claims, SHARED_PORT, port, index, site, "lino.ini");
        claim_file(claims, SHARED_CHANNELS, channels, index, site, "lino.ini");
}

static void tell_shared(void *userdata, const Claim *has, const Claim *other)
{
        Landscape *landscape = userdata;
        const FoundSite *a = &landscape->sites[has->owner], *b = &landscape->sites[other->owner];
        FindingCode code = kinds[has->kind].code;

        if (code == FINDING_ENV_SHARED && a->root == b->root && a->role == ROLE_PRODUCTION &&
                b->role == ROLE_PREVIEW)
                code = FINDING_ENV_SHARED_WITH_PRODUCTION;
        finding_add(&landscape->findings, code, b->dir.name, other->where, "'%s' and '%s' %s: %s",
                b->dir.name, a->dir.name, kinds[has->kind].what, has->text);
}

void rules_shared(Landscape *landscape)
{
        ClaimList claims _cleanup_claims_ = {0};

        for (size_t i = 0; i < landscape->site_count; i++)
                claim_all(&claims, &landscape->sites[i], i);
        claims_sort(&claims);
        claims_contested(&claims, tell_shared, landscape);
}
