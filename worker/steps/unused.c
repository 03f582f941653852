// unused: looks whether anything on the host still uses a site that is to go, before anything is
// done to it. Whoever removes it asks again, right before.
#include "steps/usage.h"

extern const StepOps step_unused_ops;

static int unused_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__UnusedArguments *arguments = (const Fleet__UnusedArguments *)message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = site_open(step_policy(context), arguments->site, &site, error);

        (void)output;
        if (r == 0)
                r = usage_refuse_links(&site, (const char *const *)arguments->leaving,
                        arguments->n_leaving, error);
        if (r == 0 && !arguments->running)
                r = usage_refuse_programs(context, &site, error);
        return r;
}

const StepOps step_unused_ops = {.run = unused_run};
