// Vhosts, programs and cron jobs, and what they make of the sites.
#include <strings.h>
#include <sys/stat.h>

#include "adopt/address.h"
#include "adopt/claim.h"
#include "adopt/ini.h"
#include "adopt/rules.h"

#define PORTS_MAX 8 // of one vhost, that are compared

typedef enum ClaimKind { CLAIM_ADDRESS, CLAIM_NGINX, CLAIM_APACHE } ClaimKind;

// While the parts are looked at.
typedef struct Parts {
        Landscape *landscape;
        ClaimList claims;
        bool *unknown; // by site: one of its programs does not say what it offers
} Parts;

// ---------------------------------------------------------------- whose it is

// Whether a name has the site's as a word of its own: "anna-uwsgi", "linod_anna", "anna.conf".
static bool names(const char *text, const char *site)
{
        size_t length = strlen(site);

        for (const char *at = strstr(text, site); at; at = strstr(at + 1, site)) {
                bool begins = at == text || strchr("-_. @/:", at[-1]);
                bool ends = at[length] == '\0' || strchr("-_. @/:", at[length]);

                if (begins && ends)
                        return true;
        }
        return false;
}

static Place part_place(const Landscape *landscape, const Part *part)
{
        Place gone = {0};

        for (size_t i = 0; i < part->count; i++) {
                Place place = {0};

                if (part->mentions[i].kind == MENTION_PATH)
                        place = landscape_place(landscape, part->mentions[i].text);
                if (place.site)
                        return place;
                if (place.gone)
                        gone = place;
        }
        if (gone.gone || part->kind == PART_CRON)
                return gone;
        for (size_t i = 0; i < landscape->site_count; i++)
                if (names(part->name, landscape->sites[i].dir.name))
                        return (Place){.site = &landscape->sites[i]};
        return gone;
}

static const FoundSite *part_site(const Landscape *landscape, const Part *part)
{
        return part->site ? &landscape->sites[part->site - 1] : NULL;
}

static void find_owner(const Landscape *landscape, Part *part)
{
        Place place = part_place(landscape, part);

        part->site = place.site ? (size_t)(place.site - landscape->sites) + 1 : 0;
        part->link = place.link;
}

// ---------------------------------------------------------------- uwsgi configurations

typedef struct Uwsgi {
        Part *part;
        const char *path;
} Uwsgi;

static void visit_uwsgi(
        void *userdata, const char *section, const char *name, const char *value, unsigned line)
{
        static const char *const offers[] = {"socket", "uwsgi-socket", "http", "http-socket"};
        Uwsgi *uwsgi = userdata;

        if (!name || !text_equal(section, "uwsgi"))
                return;
        for (size_t i = 0; i < ELEMENTS(offers); i++)
                if (text_equal(name, offers[i]))
                        part_mention_address(
                                uwsgi->part, MENTION_LISTENS, value, uwsgi->path, line);
        part_mention_paths(uwsgi->part, value, uwsgi->path, line);
}

// A program that names a site's own uwsgi configuration offers what that one says.
static void read_uwsgi(const Landscape *landscape, Part *part)
{
        for (size_t i = 0; i < part->count; i++) {
                _cleanup_free_ char *path = NULL;
                const char *text;
                Place place;

                if (part->mentions[i].kind != MENTION_INI)
                        continue;
                path = text_copy(part->mentions[i].text);
                place = landscape_place(landscape, path);
                text = place.site ? site_text(place.site, place.rest) : NULL;
                if (text)
                        ini_read(text, visit_uwsgi, &(Uwsgi){part, path});
        }
}

// ---------------------------------------------------------------- paths

// More than one site in one part; a site that is gone; production reached beside its link.
static void check_paths(Landscape *landscape, const Part *part, const FoundSite *own)
{
        unsigned told = 0; // a site that is gone is told once

        for (size_t i = 0; i < part->count; i++) {
                const Mention *mention = &part->mentions[i];
                Place place = {0};

                if (mention->kind == MENTION_PATH)
                        place = landscape_place(landscape, mention->text);
                if (place.gone && !told++)
                        finding_add(&landscape->findings, FINDING_SITE_GONE, NULL, mention->where,
                                "the %s '%s' names a site that is gone: %s",
                                part_kind_name(part->kind), part->name, mention->text);
                if (own && place.site && place.site != own && part->kind != PART_CRON)
                        finding_add(&landscape->findings,
                                part_is_vhost(part) ? FINDING_VHOST_MIXED : FINDING_PROGRAM_MIXED,
                                own->dir.name, mention->where, "the %s '%s' mixes '%s' and '%s'",
                                part_kind_name(part->kind), part->name, own->dir.name,
                                place.site->dir.name);
                if (part_is_vhost(part) && !part->disabled && place.site && !place.link &&
                        place.site->role != ROLE_NONE)
                        finding_add(&landscape->findings, FINDING_VHOST_BYPASSES_LINKS,
                                place.site->dir.name, part->where,
                                "the %s '%s' names '%s' itself, not the link to it",
                                part_kind_name(part->kind), part->name, place.site->dir.name);
        }
}

// ---------------------------------------------------------------- vhosts

static bool is_allowed(const FoundSite *site, const char *host)
{
        for (size_t i = 0; i < site->probe->n_allowed_hosts; i++) {
                const char *allowed = site->probe->allowed_hosts[i];

                if (text_equal(allowed, "*") || strcasecmp(allowed, host) == 0)
                        return true;
                if (*allowed == '.' &&
                        (strcasecmp(allowed + 1, host) == 0 ||
                                (strlen(host) > strlen(allowed) &&
                                        strcasecmp(host + strlen(host) - strlen(allowed),
                                                allowed) == 0)))
                        return true;
        }
        return false;
}

static bool is_plain(const char *host)
{
        return *host && !text_equal(host, "_") && !strpbrk(host, "~*^$()");
}

static void check_hosts(Landscape *landscape, const Part *part, const FoundSite *site)
{
        for (size_t i = 0; site->probe && i < part->count; i++) {
                const Mention *mention = &part->mentions[i];

                if (mention->kind == MENTION_HOST && is_plain(mention->text) &&
                        !is_allowed(site, mention->text))
                        finding_add(&landscape->findings, FINDING_HOST_NOT_ALLOWED, site->dir.name,
                                mention->where,
                                "the %s serves '%s' as %s, which '%s' does not allow",
                                part_kind_name(part->kind), site->dir.name, mention->text,
                                site->dir.name);
        }
}

// Both spellings of a socket: through the link and by the site's own name.
static char *socket_itself(const Landscape *landscape, const char *address)
{
        const char *path = address_socket(address);
        Place place = {0};

        if (path)
                place = landscape_place(landscape, path);
        return place.site ? text_format("unix:%s/%s", place.site->dir.path, place.rest)
                          : text_copy(address);
}

static void check_upstreams(Parts *all, const Part *part, const FoundSite *site)
{
        for (size_t i = 0; i < part->count; i++) {
                const Mention *mention = &part->mentions[i];
                bool known = mention->kind == MENTION_REACHES &&
                             (text_starts(mention->text, "unix:") ||
                                     text_starts(mention->text, "port "));

                if (known && !claims_have(&all->claims, CLAIM_ADDRESS, mention->text) &&
                        !all->unknown[part->site - 1])
                        finding_add(&all->landscape->findings, FINDING_NOTHING_LISTENS,
                                site->dir.name, mention->where,
                                "nothing offers what the %s of '%s' asks: %s",
                                part_kind_name(part->kind), site->dir.name, mention->text);
        }
}

static void check_vhost(Parts *all, const Part *part, const FoundSite *site)
{
        Landscape *landscape = all->landscape;

        if (part->disabled) {
                finding_add(&landscape->findings, FINDING_VHOST_DISABLED, site->dir.name,
                        part->where, "the %s '%s' of '%s' is not enabled",
                        part_kind_name(part->kind), part->name, site->dir.name);
                return;
        }
        check_hosts(landscape, part, site);
        check_upstreams(all, part, site);
}

// ---------------------------------------------------------------- programs and jobs

static void check_program(Landscape *landscape, const Part *part, const FoundSite *site)
{
        const Mention *linod = part_find(part, MENTION_LINOD);

        if (part->disabled)
                return;
        if (site->role == ROLE_PREVIEW && linod)
                finding_add(&landscape->findings, FINDING_LINOD_IN_PREVIEW, site->dir.name,
                        part->where, "linod runs for the preview '%s' (%s '%s')", site->dir.name,
                        part_kind_name(part->kind), part->name);
        if (text_blank(part->user) || text_equal(part->user, "root"))
                finding_add(&landscape->findings, FINDING_PROGRAM_ROOT, site->dir.name, part->where,
                        "the %s '%s' of '%s' runs as root", part_kind_name(part->kind), part->name,
                        site->dir.name);
}

static void check_job(Landscape *landscape, const Part *part, const FoundSite *site)
{
        const Mention *mails = part_find(part, MENTION_MAILS);

        if (site->role != ROLE_PREVIEW)
                return;
        if (mails)
                finding_add(&landscape->findings, FINDING_CRON_MAILS_IN_PREVIEW, site->dir.name,
                        mails->where, "a cron job of the preview '%s' mails (%s): %s",
                        site->dir.name, mails->text, part->name);
        else
                finding_add(&landscape->findings, FINDING_CRON_IN_PREVIEW, site->dir.name,
                        part->where, "a cron job works in the preview '%s': %s", site->dir.name,
                        part->name);
}

// ---------------------------------------------------------------- what only one may have

static void claim_hosts(Parts *all, const Part *part, size_t index, const char *port)
{
        for (size_t i = 0; i < part->count; i++) {
                const Mention *mention = &part->mentions[i];
                _cleanup_free_ char *text = NULL;

                if (mention->kind != MENTION_HOST || !is_plain(mention->text))
                        continue;
                text = text_format("%s %s", mention->text, port);
                claim_add(&all->claims, part->kind == PART_NGINX ? CLAIM_NGINX : CLAIM_APACHE, text,
                        0, index, part->where);
        }
}

static void claim_all(Parts *all, const Part *part, size_t index)
{
        unsigned ports = 0;

        for (size_t i = 0; i < part->count; i++) {
                const Mention *mention = &part->mentions[i];

                if (mention->kind == MENTION_LISTENS)
                        claim_add(
                                &all->claims, CLAIM_ADDRESS, mention->text, 0, index, part->where);
                if (mention->kind == MENTION_PORT && ports++ < PORTS_MAX)
                        claim_hosts(all, part, index, mention->text);
        }
        if (part_is_vhost(part) && ports == 0)
                claim_hosts(all, part, index, "80");
}

static void tell_contested(void *userdata, const Claim *has, const Claim *other)
{
        Landscape *landscape = ((Parts *)userdata)->landscape;
        const Part *a = &landscape->parts.items[has->owner];
        const Part *b = &landscape->parts.items[other->owner];

        if (has->kind == CLAIM_ADDRESS)
                finding_add(&landscape->findings, FINDING_ADDRESS_TWICE, NULL, other->where,
                        "the programs '%s' and '%s' offer the same address: %s", a->name, b->name,
                        has->text);
        else
                finding_add(&landscape->findings, FINDING_VHOST_TWICE, NULL, other->where,
                        "two vhosts answer to %.*s; the other is at %s",
                        (int)strcspn(has->text, " "), has->text, has->where);
}

// ---------------------------------------------------------------- all of them

static void take_links_out(const Landscape *landscape, Part *part)
{
        for (size_t i = 0; i < part->count; i++) {
                Mention *mention = &part->mentions[i];

                if (mention->kind == MENTION_LISTENS || mention->kind == MENTION_REACHES) {
                        char *itself = socket_itself(landscape, mention->text);

                        free(mention->text);
                        mention->text = itself;
                }
        }
}

static void check_unserved(Landscape *landscape)
{
        bool vhosts = false;

        for (size_t i = 0; i < landscape->site_count; i++) {
                const FoundSite *site = &landscape->sites[i];
                bool served = false;

                for (size_t k = 0; k < landscape->parts.count; k++) {
                        const Part *part = &landscape->parts.items[k];

                        vhosts |= part_is_vhost(part);
                        served |= part_is_vhost(part) && !part->disabled &&
                                  part_site(landscape, part) == site;
                }
                if (vhosts && !served && site->role == ROLE_PRODUCTION)
                        finding_add(&landscape->findings, FINDING_SITE_UNSERVED, site->dir.name,
                                site->dir.path, "no web server serves '%s'", site->dir.name);
        }
}

static void check_part(Parts *all, const Part *part)
{
        const FoundSite *site = part_site(all->landscape, part);

        check_paths(all->landscape, part, site);
        if (!site)
                return;
        if (part_is_vhost(part))
                check_vhost(all, part, site);
        else if (part_is_program(part))
                check_program(all->landscape, part, site);
        else
                check_job(all->landscape, part, site);
}

static void prepare(Parts *all, size_t index)
{
        Part *part = &all->landscape->parts.items[index];

        read_uwsgi(all->landscape, part);
        take_links_out(all->landscape, part);
        find_owner(all->landscape, part);
        if (!part->disabled)
                claim_all(all, part, index);
        if (part->site && part_is_program(part) && !part_find(part, MENTION_LISTENS) &&
                !part_find(part, MENTION_LINOD))
                all->unknown[part->site - 1] = true;
}

void rules_parts(Landscape *landscape)
{
        _cleanup_free_ bool *unknown = memory_new(landscape->site_count * sizeof(*unknown));
        Parts all = {.landscape = landscape, .unknown = unknown};

        for (size_t i = 0; i < landscape->parts.count; i++)
                prepare(&all, i);
        claims_sort(&all.claims);
        for (size_t i = 0; i < landscape->parts.count; i++)
                check_part(&all, &landscape->parts.items[i]);
        claims_contested(&all.claims, tell_contested, &all);
        claims_clear(&all.claims);
        check_unserved(landscape);
}
