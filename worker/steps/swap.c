// Puts the restored database in the place of the preview's, which is kept until it is settled.
#include "steps/target.h"
#include "steps/way.h"

static int swap_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__SwapArguments *arguments = (const Fleet__SwapArguments *)arguments_message;
        Fleet__SwapResult *result = (Fleet__SwapResult *)result_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        bool kept = false;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r == 0)
                r = target.engine->swap(
                        context, &target.site, target.identity->database, &kept, error);
        if (r == 0)
                result->kept = kept;
        return r;
}

static int swap_undo(StepContext *context, const ProtobufCMessage *arguments_message, Error *error)
{
        const Fleet__SwapArguments *arguments = (const Fleet__SwapArguments *)arguments_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r == 0)
                r = target.engine->put_back(
                        context, &target.site, target.identity->database, error);
        return r;
}

static int swap_check(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        (void)context, (void)result, (void)error;
        return !way_has_staging(((const Fleet__SwapArguments *)arguments)->restore);
}

const StepOps step_swap_ops = {.check = swap_check, .run = swap_run, .undo = swap_undo};
