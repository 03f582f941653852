// role: tells sites which role they have: host names, mail, linod, title. It is a section of what
// the worker manages of a site's settings, and says it of both roles: a program that was started
// for one keeps that (SERVING_ROLE_VARIABLE), all else has the site's own.
//
// The section before stands in one of its own, with the job that changed it, until that job is
// undone or another one changes it.
#include "serve/serving.h"
#include "site/managed.h"
#include "site/probe.h"
#include "steps/files.h"

extern const StepOps step_role_ops;

#define ROLE_SECTION   "role"
#define BEFORE_SECTION "role" MANAGED_NOTE

static json_t *front_values(const Fleet__Front *front)
{
        json_t *hosts = json_array();

        for (size_t i = 0; i < front->n_hosts; i++)
                json_array_append_new(hosts, json_string(front->hosts[i]));
        return json_pack("{s:o, s:b}", "hosts", hosts, "tls", !text_blank(front->certificate));
}

static json_t *role_values(const Fleet__Serving *serving, const char *role)
{
        return json_pack("{s:s, s:{s:o, s:o}}", "role", role, "roles", "prod",
                front_values(serving->prod), "preview", front_values(serving->preview));
}

// A module of an earlier version is replaced, too.
static int install(
        StepContext *context, const SiteDir *site, const Fleet__SiteRole *wanted, Error *error)
{
        Fleet__ProbeResult *answer;
        int r;

        if (!text_blank(wanted->settings_module))
                return managed_install(site, wanted->settings_module, error);
        answer = (Fleet__ProbeResult *)message_new(&fleet__probe_result__descriptor);
        r = site_probe(context, site, answer, error);
        if (r == 0)
                r = managed_install(site, answer->identity->settings_module, error);
        fleet__probe_result__free_unpacked(answer, NULL);
        return r;
}

static bool is_of_job(json_t *before, const char *job)
{
        return text_equal(json_string_value(json_object_get(before, "job")), job);
}

// A run that was killed has kept it already.
static int keep_before(const SiteDir *site, const char *job, json_t *now, Error *error)
{
        json_t *before = NULL;
        int r = managed_get(site, BEFORE_SECTION, &before, error);

        if (r == 0 && !is_of_job(before, job)) {
                json_decref(before);
                before = json_pack("{s:s, s:O}", "job", job, "section", now ? now : json_null());
                r = managed_set(site, BEFORE_SECTION, before, error);
        }
        json_decref(before);
        return r;
}

static int set_role(StepContext *context, const SiteDir *site, json_t *values, Error *error)
{
        _cleanup_free_ char *job = step_job(context);
        json_t *now = NULL;
        int r = managed_get(site, ROLE_SECTION, &now, error);

        if (r == 0 && !json_equal(now, values))
                r = keep_before(site, job, now, error)
                            ?: managed_set(site, ROLE_SECTION, values, error);
        json_decref(now);
        return r;
}

static int open_site(StepContext *context, const Fleet__RoleArguments *arguments, size_t i,
        SiteDir *ret, Error *error)
{
        Fleet__Site named = FLEET__SITE__INIT;

        named.root = arguments->root;
        named.name = arguments->sites[i]->site;
        return site_open(step_policy(context), &named, ret, error);
}

static int tell(StepContext *context, const Fleet__RoleArguments *arguments, size_t i, Error *error)
{
        const Fleet__SiteRole *wanted = arguments->sites[i];
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        json_t *values;
        int r = open_site(context, arguments, i, &site, error)
                        ?: install(context, &site, wanted, error);

        if (r < 0)
                return r;
        values = role_values(arguments->serving, wanted->role);
        r = set_role(context, &site, values, error);
        json_decref(values);
        if (r == 0)
                step_note(context, "%s is %s now.", wanted->site,
                        text_equal(wanted->role, "prod") ? "production" : "a preview");
        return r;
}

static int role_run(StepContext *context, const ProtobufCMessage *message, ProtobufCMessage *output,
        Error *error)
{
        const Fleet__RoleArguments *arguments = (const Fleet__RoleArguments *)message;
        Fleet__RoleResult *result = (Fleet__RoleResult *)output;
        int r = serving_check(arguments->serving, error);

        for (size_t i = 0; i < arguments->n_sites && r == 0; i++)
                r = tell(context, arguments, i, error);
        if (r < 0)
                return r;
        result->sites = memory_new(arguments->n_sites * sizeof(*result->sites));
        for (size_t i = 0; i < arguments->n_sites; i++)
                result->sites[result->n_sites++] =
                        (Fleet__SiteRole *)message_copy(&arguments->sites[i]->base);
        return 0;
}

// Of a site that is gone, there is nothing to take back.
static int put_back(
        StepContext *context, const Fleet__RoleArguments *arguments, size_t i, Error *error)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_free_ char *job = step_job(context);
        json_t *before = NULL, *section;
        int r = open_site(context, arguments, i, &site, error);

        if (r == -ENOENT) {
                error_clear(error);
                return 0;
        }
        r = r ?: managed_get(&site, BEFORE_SECTION, &before, error);
        if (r == 0 && is_of_job(before, job)) {
                section = json_object_get(before, "section");
                r = managed_set(&site, ROLE_SECTION, json_is_null(section) ? NULL : section, error)
                            ?: managed_set(&site, BEFORE_SECTION, NULL, error);
        }
        json_decref(before);
        return r;
}

static int role_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        const Fleet__RoleArguments *arguments = (const Fleet__RoleArguments *)message;
        int r = 0;

        for (size_t i = arguments->n_sites; i-- > 0 && r == 0;)
                r = put_back(context, arguments, i, error);
        return r;
}

const StepOps step_role_ops = {.run = role_run, .undo = role_undo};
