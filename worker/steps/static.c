// Collects the preview's static files.
#include "site/python.h"

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

static int static_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__StaticArguments *arguments = (const Fleet__StaticArguments *)arguments_message;
        Fleet__StaticResult *result = (Fleet__StaticResult *)result_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        json_t *request, *answer = NULL;
        const char *outside = NULL;
        int r = site_open(step_policy(context), arguments->preview, &site, error);

        if (r < 0)
                return r;
        request = json_pack("{s:s, s:s}", "project", site.path, "name", site.name);
        r = python_run(context, &site, "static", request, NULL, NULL, NULL, 0, &answer, error);
        outside = json_string_value(json_object_get(answer, "outside"));
        if (r == 0 && outside)
                r = goes_outside(&site, outside, error);
        result->copied = (uint64_t)json_integer_value(json_object_get(answer, "copied"));
        result->unmodified = (uint64_t)json_integer_value(json_object_get(answer, "unmodified"));
        json_decref(request);
        json_decref(answer);
        return r;
}

const StepOps step_static_ops = {.run = static_run};
