// An empty database for the preview.
#include "steps/target.h"

static int database_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__DatabaseArguments *arguments =
                (const Fleet__DatabaseArguments *)arguments_message;
        Fleet__DatabaseResult *result = (Fleet__DatabaseResult *)result_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r == 0)
                r = target.engine->create(context, &target.site, target.identity->database, error);
        if (r == 0)
                result->database = TAKE_PTR(target.identity->database);
        return r;
}

const StepOps step_database_ops = {.run = database_run};
