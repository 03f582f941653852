// Keeps the preview's Python started until its job needs it no more; the controller then ends it.
// Whatever goes wrong here only costs time: helpers start by themselves.
#include "site/warm.h"

#include "site/python.h"
#include "steps/files.h"

static int warm_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__WarmArguments *arguments = (const Fleet__WarmArguments *)arguments_message;
        Error why _cleanup_error_ = ERROR_EMPTY;
        _cleanup_close_ int listening = -EBADF;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        json_t *request, *answer = NULL;
        int r = site_open(step_policy(context), arguments->preview, &site, error);

        (void)result_message;
        if (r < 0)
                return r;
        listening = warm_listen(&site);
        if (listening < 0) {
                step_note(context, "Python is not kept started: %s", strerror(-listening));
                return 0;
        }
        request = json_pack("{s:I}", "worker", (json_int_t)geteuid());
        r = python_run(context, &site, "warm", request, NULL, NULL, &listening, 1, &answer, &why);
        json_decref(request);
        json_decref(answer);
        if (step_canceled(context))
                return step_canceled_error(context, error);
        if (r < 0)
                step_note(context, "Python is not kept started: %s", why.why ? why.why : why.what);
        return 0;
}

const StepOps step_warm_ops = {.run = warm_run};
