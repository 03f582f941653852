// What a site says of itself, by its own settings.
#include "adopt/rules.h"
#include "base/file.h"

static const char *answer_text(const FoundSite *site, const char *name)
{
        const char *text = json_string_value(json_object_get(site->answer, name));

        return text ? text : "";
}

static void check_mail(Landscape *landscape, const FoundSite *site)
{
        static const char *const harmless[] = {"dummy", "locmem", "console", "filebased"};
        const char *backend = answer_text(site, "email_backend");
        _cleanup_free_ char *place = site_setting_place(site, "EMAIL_BACKEND");

        if (site->role != ROLE_PREVIEW)
                return;
        for (size_t i = 0; i < ELEMENTS(harmless); i++) {
                _cleanup_free_ char *module = text_format(".%s.EmailBackend", harmless[i]);

                if (text_ends(backend, module))
                        return;
        }
        finding_add(&landscape->findings, FINDING_MAIL_IN_PREVIEW, site->dir.name, place,
                "the preview '%s' sends mail (%s)", site->dir.name, backend);
}

static void check_debug(Landscape *landscape, const FoundSite *site)
{
        _cleanup_free_ char *place = site_setting_place(site, "DEBUG");

        if (json_is_true(json_object_get(site->answer, "debug")))
                finding_add(&landscape->findings, FINDING_DEBUG_ON, site->dir.name, place,
                        "debug is on in '%s'", site->dir.name);
}

static void check_hosts(Landscape *landscape, const FoundSite *site)
{
        _cleanup_free_ char *place = site_setting_place(site, "ALLOWED_HOSTS");

        for (size_t i = 0; i < site->probe->n_allowed_hosts; i++)
                if (text_equal(site->probe->allowed_hosts[i], "*"))
                        finding_add(&landscape->findings, FINDING_HOSTS_ANY, site->dir.name, place,
                                "'%s' allows any host name", site->dir.name);
}

static void check_media(Landscape *landscape, const FoundSite *site)
{
        const Fleet__Identity *identity = site->probe->identity;
        _cleanup_free_ char *place = site_setting_place(site, "MEDIA_ROOT");
        const FoundSite *other;

        if (text_blank(identity->media_root) ||
                file_is_beneath(identity->media_root, site->dir.path))
                return;
        other = landscape_place(landscape, identity->media_root).site;
        if (other && other != site)
                finding_add(&landscape->findings, FINDING_PATH_OF_OTHER, site->dir.name, place,
                        "the media directory of '%s' is that of '%s': %s", site->dir.name,
                        other->dir.name, identity->media_root);
        else
                finding_add(&landscape->findings, FINDING_MEDIA_OUTSIDE, site->dir.name, place,
                        "the media directory of '%s' is %s", site->dir.name, identity->media_root);
}

static void check_module(Landscape *landscape, const FoundSite *site)
{
        const char *module = site->probe->identity->settings_module;
        _cleanup_free_ char *place = text_format("%s/manage.py", site->dir.path);
        const FoundSite *other =
                landscape_place(landscape, site->probe->identity->settings_file).site;

        if (other && other != site)
                finding_add(&landscape->findings, FINDING_SETTINGS_OF_OTHER, site->dir.name, place,
                        "manage.py of '%s' uses the settings of '%s' (%s)", site->dir.name,
                        other->dir.name, module);
}

static void check_sqlite(Landscape *landscape, const FoundSite *site)
{
        const char *alias;
        json_t *database;

        json_object_foreach (json_object_get(site->answer, "databases"), alias, database) {
                const char *name = json_string_value(json_object_get(database, "name"));
                const char *engine = json_string_value(json_object_get(database, "engine"));
                _cleanup_free_ char *place = site_setting_place(site, "DATABASES");
                const FoundSite *other;

                if (!text_equal(engine, "sqlite") || text_blank(name) || *name != '/' ||
                        file_is_beneath(name, site->dir.path))
                        continue;
                other = landscape_place(landscape, name).site;
                if (other && other != site) // the same database is told by rules_shared
                        continue;
                finding_add(&landscape->findings, FINDING_DATABASE_OUTSIDE, site->dir.name, place,
                        "the database '%s' of '%s' is %s", alias, site->dir.name, name);
        }
}

void rules_answers(Landscape *landscape)
{
        static void (*const checks[])(Landscape *, const FoundSite *) = {
                check_mail, check_debug, check_hosts, check_media, check_module, check_sqlite};

        for (size_t i = 0; i < landscape->site_count; i++)
                for (size_t k = 0; landscape->sites[i].answer && k < ELEMENTS(checks); k++)
                        checks[k](landscape, &landscape->sites[i]);
}
