// Temporary: stands in for the steps whose file is not there yet.
#include "step/step.h"

static int missing_run(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        (void)context, (void)arguments, (void)result;
        return error_set(error, -ENOSYS, "missing", "This step is not built yet");
}
#define MISSING(name) const StepOps step_##name##_ops = {.run = missing_run}
// clang-format off
#if !__has_include("steps/echo.c")
extern const StepOps step_echo_ops;
MISSING(echo);
#endif
#if !__has_include("steps/probe.c")
extern const StepOps step_probe_ops;
MISSING(probe);
#endif
#if !__has_include("steps/space.c")
extern const StepOps step_space_ops;
MISSING(space);
#endif
#if !__has_include("steps/clone.c")
extern const StepOps step_clone_ops;
MISSING(clone);
#endif
#if !__has_include("steps/log.c")
extern const StepOps step_log_ops;
MISSING(log);
#endif
#if !__has_include("steps/rewrite.c")
extern const StepOps step_rewrite_ops;
MISSING(rewrite);
#endif
#if !__has_include("steps/environment.c")
extern const StepOps step_environment_ops;
MISSING(environment);
#endif
#if !__has_include("steps/database.c")
extern const StepOps step_database_ops;
MISSING(database);
#endif
#if !__has_include("steps/dump.c")
extern const StepOps step_dump_ops;
MISSING(dump);
#endif
#if !__has_include("steps/script.c")
extern const StepOps step_script_ops;
MISSING(script);
#endif
#if !__has_include("steps/mirror.c")
extern const StepOps step_mirror_ops;
MISSING(mirror);
#endif
#if !__has_include("steps/restore.c")
extern const StepOps step_restore_ops;
MISSING(restore);
#endif
#if !__has_include("steps/ledger.c")
extern const StepOps step_ledger_ops;
MISSING(ledger);
#endif
#if !__has_include("steps/static.c")
extern const StepOps step_static_ops;
MISSING(static);
#endif
#if !__has_include("steps/swap.c")
extern const StepOps step_swap_ops;
MISSING(swap);
#endif
#if !__has_include("steps/verify.c")
extern const StepOps step_verify_ops;
MISSING(verify);
#endif
#if !__has_include("steps/settle.c")
extern const StepOps step_settle_ops;
MISSING(settle);
#endif
#if !__has_include("steps/switch.c")
extern const StepOps step_switch_ops;
MISSING(switch);
#endif
#if !__has_include("steps/purge.c")
extern const StepOps step_purge_ops;
MISSING(purge);
#endif
