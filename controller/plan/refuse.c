#include "base/text.h"
#include "names.h"
#include "plan/served.h"

static int refuse_adopt(const PlanInput *input, Error *error)
{
        int r = name_check_series(input->series, error)
                        ?: name_check_root(input->root, error)
                        ?: name_check_site(input->site, error);

        if (r < 0)
                return r;
        if (input->series_known) {
                r = error_set(
                        error, -EEXIST, "exists", "there is a series '%s' already", input->series);
                error_why(error, "the name of a series is given once");
                error_next(error, "Look at it: understudyctl series show %s", input->series);
                return r;
        }
        for (size_t i = 0; i < input->site_count; i++)
                if (text_equal(input->sites[i].root, input->root)) {
                        const char *other = input->sites[i].series;

                        r = error_set(error, -EEXIST, "root-taken", "cannot add series '%s'",
                                input->series);
                        error_where(error, "%s on %s", input->root, input->host);
                        error_why(error,
                                "it is the root directory of series '%s', and each series has one "
                                "of its own",
                                other);
                        error_next(error, "Look at that one: understudyctl series show %s", other);
                        return r;
                }
        return 0;
}

static int refuse_prepare(const PlanInput *input, Error *error)
{
        int r = name_check_site(input->site, error);

        if (r < 0)
                return r;
        if (input->preview) {
                r = error_set(error, -EEXIST, "has-preview",
                        "series '%s' has a preview already: '%s'", input->series,
                        input->preview->name);
                error_why(error, "a series has one preview at a time");
                error_next(error, "Give it up first: understudyctl preview drop %s", input->series);
                return r;
        }
        for (size_t i = 0; i < input->site_count; i++)
                if (text_equal(input->sites[i].root, input->root) &&
                        text_equal(input->sites[i].name, input->site)) {
                        r = error_set(error, -EEXIST, "exists",
                                "'%s' is a site of series '%s' already", input->site,
                                input->series);
                        error_why(error, "the name of a project directory stays with its site");
                        error_next(error, "Choose another name.");
                        return r;
                }
        if (input->unfinished) {
                long long id = (long long)input->unfinished;

                r = error_set(error, -EBUSY, "unfinished",
                        "an earlier preview of series '%s' is half made", input->series);
                error_why(error, "job %lld failed, and what it made is still there", id);
                error_next(error,
                        "Go on with it: understudyctl job retry %lld, or take it back: "
                        "understudyctl job cancel %lld",
                        id, id);
                return r;
        }
        return 0;
}

// Says why there is no preview, which depends on whether there has been one.
static int refuse_no_preview(const PlanInput *input, const char *doing, Error *error)
{
        int r = error_set(error, -ENOENT, "no-preview", "series '%s' has no preview to %s",
                input->series, doing);

        if (input->old) {
                error_why(error, "its links were switched: '%s' is production now",
                        input->production->name);
                error_next(error,
                        "Prepare one: understudyctl preview prepare %s SITE, or switch back: "
                        "understudyctl preview switch %s",
                        input->series, input->series);
        } else {
                error_why(error, "none has been prepared");
                error_next(
                        error, "Prepare one: understudyctl preview prepare %s SITE", input->series);
        }
        return r;
}

static int refuse_drop(const PlanInput *input, Error *error)
{
        int r;

        if (!input->preview)
                return refuse_no_preview(input, "drop", error);
        if (!text_equal(input->prod_link, input->preview->name))
                return 0;
        r = error_set(error, -EPERM, "linked", "'%s' cannot be dropped", input->preview->name);
        error_where(error, "%s/prod", input->root);
        error_why(error, "the link points at it: it is used as production");
        error_next(error, "Let the link point at '%s' again, then repeat the command.",
                input->production->name);
        return r;
}

static int refuse_switch(const PlanInput *input, Error *error)
{
        return input->preview || input->old ? 0 : refuse_no_preview(input, "switch to", error);
}

// Users work on what such a job would change.
static int refuse_during_attempt(const PlanInput *input, Error *error)
{
        int r;

        if (!input->attempt || input->kind == JOB_SCAN || input->kind == JOB_ADOPT)
                return 0;
        r = error_set(
                error, -EBUSY, "attempt", "series '%s' is in an upgrade attempt", input->series);
        error_why(
                error, "the attempt is %s, and nothing else may change its sites", input->attempt);
        error_next(error, "Look at it: understudyctl attempt show %s", input->series);
        return r;
}

static int refuse_serve(const PlanInput *input, Error *error)
{
        int r;

        if (input->settings && served_at_all(input->settings))
                return 0;
        r = error_set(error, -ENOENT, "no-settings", "series '%s' is served on links alone",
                input->series);
        error_why(error, "its settings do not name the hosts of production and preview");
        error_next(error,
                "Say how: understudyctl series set %s prod-hosts=NAME preview-hosts=NAME "
                "manager=supervisor web=nginx",
                input->series);
        return r;
}

const PlanSite *plan_retired(const PlanInput *input)
{
        for (size_t i = 0; i < input->site_count; i++)
                if (text_equal(input->sites[i].series, input->series) &&
                        text_equal(input->sites[i].name, input->site))
                        return &input->sites[i];
        return NULL;
}

// The last one of its series: whether it is used still, the worker sees.
static int refuse_retire_production(const PlanInput *input, Error *error)
{
        const PlanSite *other = input->preview ? input->preview : input->old;
        int r;

        if (!other)
                return 0;
        r = error_set(error, -EBUSY, "in-use", "'%s' is production and is not retired",
                input->production->name);
        error_where(error, "%s/%s on %s", input->root, input->production->name, input->host);
        error_why(
                error, "its series has '%s' still, and production is the last to go", other->name);
        if (input->preview)
                error_next(error, "Give the preview up first: understudyctl preview drop %s",
                        input->series);
        else
                error_next(error, "Retire that first: understudyctl series retire %s %s",
                        input->series, other->name);
        return r;
}

static int refuse_retire(const PlanInput *input, Error *error)
{
        const PlanSite *site = plan_retired(input);
        int r;

        if (site && site->state == SITE_OLD)
                return 0;
        if (site && site->state == SITE_PRODUCTION)
                return refuse_retire_production(input, error);
        r = error_set(error, site ? -EPERM : -ENOENT, site ? "is-preview" : "no-site",
                "'%s' cannot be retired", input->site);
        error_where(error, "series '%s'", input->series);
        error_why(error, "%s",
                site ? "it is the preview" : "the series has no site of that name, or no more");
        error_next(error,
                site ? "A preview is given up: understudyctl preview drop %s"
                     : "See which it has: understudyctl series show %s",
                input->series);
        return r;
}

// Its last production has gone.
static int refuse_retired(const PlanInput *input, Error *error)
{
        int r;

        if (input->production || input->kind == JOB_ADOPT || input->kind == JOB_SCAN ||
                input->kind == JOB_RETIRE || input->kind == JOB_REPORT)
                return 0;
        r = error_set(error, -ENOENT, "retired", "series '%s' is retired", input->series);
        error_why(error, "it has no production any more");
        error_next(error, "See where its last backup is: understudyctl log %s", input->series);
        return r;
}

static int refuse_kind(const PlanInput *input, Error *error)
{
        switch (input->kind) {
        case JOB_ADOPT:
                return refuse_adopt(input, error);
        case JOB_PREPARE:
                return refuse_prepare(input, error);
        case JOB_OPEN:
                return input->preview ? 0 : refuse_no_preview(input, "open", error);
        case JOB_SYNC:
                return input->preview ? 0 : refuse_no_preview(input, "synchronise", error);
        case JOB_SWITCH:
        case JOB_STANDBY:
                return refuse_switch(input, error);
        case JOB_DROP:
                return refuse_drop(input, error);
        case JOB_SCAN:
                return text_blank(input->root) ? 0 : name_check_root(input->root, error);
        case JOB_REPORT:
                return 0;
        case JOB_SERVE:
                return refuse_serve(input, error);
        case JOB_RETIRE:
                return refuse_retire(input, error);
        }
        return -EINVAL;
}

int plan_refuse(const PlanInput *input, Error *error)
{
        return refuse_during_attempt(input, error)
                       ?: refuse_retired(input, error) ?: refuse_kind(input, error);
}

static bool same_database(const Fleet__Database *a, const Fleet__Database *b)
{
        if (!a || !b || !text_equal(a->engine, b->engine))
                return false;
        if (!text_blank(a->server) && !text_blank(b->server))
                return text_equal(a->server, b->server);
        return text_equal(a->name, b->name) && text_equal(a->host, b->host) &&
               text_equal(a->port, b->port);
}

static int refuse_shared(const PlanInput *input, const PlanSite *other, const char *what,
        const char *name, Error *error)
{
        int r = error_set(error, -EEXIST, "site-taken", "cannot add series '%s'", input->series);

        error_where(error, "%s/%s on %s", input->root, input->site, input->host);
        error_why(error, "its %s %s is that of site '%s' of series '%s'", what, name, other->name,
                other->series);
        error_next(error, "Look at that one: understudyctl series show %s", other->series);
        return r;
}

int plan_check_adopted(const PlanInput *input, const Fleet__ProbeResult *answer, Error *error)
{
        const Fleet__Identity *identity = answer->identity;
        int r;

        for (size_t i = 0; identity && i < input->site_count; i++) {
                const Fleet__Identity *other = input->sites[i].identity;

                if (!other)
                        continue;
                if (text_equal(identity->project_dir, other->project_dir))
                        return refuse_shared(input, &input->sites[i], "project directory",
                                other->project_dir, error);
                if (same_database(identity->database, other->database))
                        return refuse_shared(
                                input, &input->sites[i], "database", other->database->name, error);
        }
        if (text_blank(answer->prod) || text_equal(answer->prod, input->site))
                return 0;
        r = error_set(error, -EPERM, "linked", "cannot add series '%s'", input->series);
        error_where(error, "%s/prod on %s", input->root, input->host);
        error_why(error, "the link points at '%s', not at '%s'", answer->prod, input->site);
        error_next(error,
                "Name the site in production: understudyctl series add %s --host %s --root %s "
                "--production %s",
                input->series, input->host, input->root, answer->prod);
        return r;
}
