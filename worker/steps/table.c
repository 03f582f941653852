// The row of proto/steps.h and the code that does it, brought together: a row without a step does
// not link.
#include "step/step.h"

#define DECLARE(name, flags, deadline, title) extern const StepOps step_##name##_ops;
STEPS(DECLARE)
#undef DECLARE

static const StepOps *const ops[] = {
#define ROW(name, flags, deadline, title) &step_##name##_ops,
        STEPS(ROW)
#undef ROW
};

const StepOps *step_ops(const StepInfo *info)
{
        return ops[info - step_infos];
}
