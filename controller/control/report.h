// The report of what users have done since an attempt's site stepped in: what a cancel loses. It is
// made after the way back, from the site as they left it, and on demand while the attempt is open.
#ifndef UNDERSTUDY_CONTROL_REPORT_H
#define UNDERSTUDY_CONTROL_REPORT_H

#include "core/core.h"

// How long a report is kept after its attempt has ended.
#define REPORT_KEEP_US (INT64_C(90) * 24 * 3600 * 1000000)

// Keeps in its attempt what the job has found.
int report_keep(Controller *controller, const JobRow *job, const Fleet__LossResult *loss,
        Error *error) _must_use_;
// Forgets those that were kept long enough.
int report_forget_old(Controller *controller, int64_t now_us, Error *error) _must_use_;

#endif
