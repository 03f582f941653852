#include "steps/target.h"

#include "base/text.h"

void target_close(Target *target)
{
        site_close(&target->site);
        if (target->identity)
                fleet__identity__free_unpacked(target->identity, NULL);
        *target = TARGET_EMPTY;
}

int target_open(StepContext *context, const Fleet__Site *site, const Fleet__Guard *guard,
        Target *ret, Error *error)
{
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r;

        if (!site || !guard || !guard->target || !text_equal(site->root, guard->target->root) ||
                !text_equal(site->name, guard->target->name)) {
                error_set(error, -EINVAL, "interlock",
                        "the task guards another site than it changes");
                error_next(error, "This is a defect of the controller: please report it");
                return -EINVAL;
        }
        r = site_open(step_policy(context), site, &target.site, error);
        if (r == 0)
                r = interlock_check(context, guard, &target.identity, error);
        if (r == 0)
                r = database_engine(target.identity->database, &target.engine, error);
        if (r < 0)
                return r;
        *ret = TAKE(target, TARGET_EMPTY);
        return 0;
}
