// Gives up the database that swap kept.
#include "steps/target.h"

static int settle_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__SettleArguments *arguments = (const Fleet__SettleArguments *)arguments_message;
        Fleet__SettleResult *result = (Fleet__SettleResult *)result_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r == 0)
                r = target.engine->settle(context, &target.site, target.identity->database,
                        &result->freed_bytes, error);
        return r;
}

const StepOps step_settle_ops = {.run = settle_run};
