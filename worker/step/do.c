#include "step/step.h"

int step_do(StepContext *context, const StepInfo *info, const StepOps *ops,
        const ProtobufCMessage *arguments, ProtobufCMessage **ret_result, bool *ret_already,
        Error *error)
{
        int r = 0;

        *ret_already = false;
        *ret_result = message_new(info->result);
        if (ops->check)
                r = ops->check(context, arguments, *ret_result, error);
        *ret_already = r == 1;
        if (r != 0)
                return r < 0 ? r : 0;
        messagep(ret_result);
        *ret_result = message_new(info->result);
        return ops->run(context, arguments, *ret_result, error);
}
