// Answers with what it was sent: proves the way to a runner and back.
#include "base/text.h"
#include "step/step.h"

static int echo_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__EchoArguments *arguments = (const Fleet__EchoArguments *)arguments_message;
        Fleet__EchoResult *result = (Fleet__EchoResult *)result_message;

        (void)context, (void)error;
        result->text = text_copy(arguments->text);
        return 0;
}

const StepOps step_echo_ops = {.run = echo_run};
