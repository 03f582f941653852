// Collects the preview's static files, unless it is proven that none would be copied.
#include "base/text.h"
#include "site/python.h"
#include "steps/marker.h"
#include "steps/proof.h"

static int goes_outside(const SiteDir *site, const char *where, Error *error)
{
        error_set(error, -EPERM, "static-root", "the preview's static files would go elsewhere");
        error_where(error, "%s", where);
        error_why(error,
                "it is neither in %s nor named after the site, so that another site's "
                "files may be there",
                site->path);
        error_next(error, "Set STATIC_ROOT = 'env/static_root' in its settings.py, then: "
                          "understudyctl job retry ID");
        return -EPERM;
}

// What they are collected from, and what was collected: when neither has changed, nothing would be
// copied. NULL: it is not known.
static char *static_state(const Fleet__StaticArguments *arguments)
{
        const Fleet__Proof *proof = arguments->choose ? arguments->choose->proof : NULL;
        const char *root = arguments->preview_probe ? arguments->preview_probe->static_root : NULL;
        _cleanup_free_ char *collected = NULL;

        if (!proof || text_blank(root) || proof_tree(root, &collected, NULL) < 0 ||
                text_blank(collected))
                return NULL;
        return text_format(
                "%s %s %s", proof->preview_environment, proof->preview_project, collected);
}

static int static_check(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__StaticArguments *arguments = (const Fleet__StaticArguments *)arguments_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_free_ char *now = static_state(arguments), *before = NULL;
        int r = site_open(step_policy(context), arguments->preview, &site, error);

        (void)result;
        if (r < 0)
                return r;
        before = marker_text(&site, MARKER_STATIC);
        return now && text_equal(now, before);
}

static int collect(
        StepContext *context, const SiteDir *site, Fleet__StaticResult *result, Error *error)
{
        json_t *request = json_pack("{s:s, s:s}", "project", site->path, "name", site->name),
               *answer = NULL;
        int r = python_run(context, site, "static", request, NULL, NULL, NULL, 0, &answer, error);
        const char *outside = json_string_value(json_object_get(answer, "outside"));

        if (r == 0 && outside)
                r = goes_outside(site, outside, error);
        result->copied = (uint64_t)json_integer_value(json_object_get(answer, "copied"));
        result->unmodified = (uint64_t)json_integer_value(json_object_get(answer, "unmodified"));
        json_decref(request);
        json_decref(answer);
        return r;
}

static int static_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__StaticArguments *arguments = (const Fleet__StaticArguments *)arguments_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_free_ char *state = NULL;
        int r = site_open(step_policy(context), arguments->preview, &site, error);

        if (r == 0)
                r = collect(context, &site, (Fleet__StaticResult *)result, error);
        if (r < 0)
                return r;
        state = static_state(arguments);
        return state ? marker_set_text(&site, MARKER_STATIC, state, error) : 0;
}

const StepOps step_static_ops = {.check = static_check, .run = static_run};
