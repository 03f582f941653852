// From word to work: what is asked of a series becomes a graph of tasks.
//
// The planner is a pure function: it reads its input and nothing else, so that each plan and each
// refusal can be shown as text (tests/unit/plan/golden). It plans again when a queued job starts,
// for the series may have changed since it was asked for.
#ifndef UNDERSTUDY_PLAN_PLAN_H
#define UNDERSTUDY_PLAN_PLAN_H

#include "settings/settings.h"
#include "steps.h"
#include "store/job.h"
#include "store/lifecycle.h"

// Where production's dump goes, and where the maintained script lies; in the project directory.
#define PLAN_SNAPSHOT_DIRECTORY "snapshot2preview"

typedef struct PlanSite {
        const char *series;
        const char *root;
        const char *name;
        SiteState state;
        const Fleet__Identity *identity; // NULL: it has not answered yet
        const char *log_directory;
} PlanSite;

// All borrowed.
typedef struct PlanInput {
        JobKind kind;
        bool dry_run;
        bool review;                      // prepare: wait for a person's word after the rewriting
        const char *series, *host, *root; // scan: no series, and a root or none
        const char *site; // adopt: production's name; prepare: the new site's; retire
        const char *const *install;
        size_t install_count;
        bool series_known;        // adopt: there is a series of that name already
        int64_t unfinished;       // prepare: id of a failed one that left something; 0: none
        const char *const *taken; // scan: names of all series
        size_t taken_count;
        const char *prod_link, *preview_link; // what the links point at, as last seen; "": no link
        const PlanSite *sites;                // all of the host that are not purged
        size_t site_count;
        const PlanSite *production, *preview, *old; // the series' own among them, or NULL
        const Fleet__Allowance *allowed;
        size_t allowed_count;
        uint64_t last_dump_bytes, last_database_bytes, last_environment_bytes;
        bool full, nightly;  // sync: as asked for
        const char *attempt; // state of an attempt under way that the job is no part of; NULL: none
        int64_t standby_us;  // standby: when its worker is to act
        int weekday;         // of now, 0 is Sunday
        const SeriesSettings *settings; // NULL: defaults
} PlanInput;

typedef struct PlanNode {
        char *label; // unique in its plan
        const StepInfo *info;
        char *depends; // labels of earlier nodes, a blank between them
        ProtobufCMessage *arguments;
        bool gate_after; // the job waits for a person once it is done
        bool skipped;    // in a dry run: shown, not run
        bool again; // a retry begins here at the latest: what it reads, people may have changed
} PlanNode;

typedef struct Plan {
        PlanNode *nodes;
        size_t count;
} Plan;

// Each node comes after all it depends on. A refusal (-EINVAL, -EEXIST, -ENOENT, -EBUSY, -EPERM)
// says the rule and a way out. Free with plan_clear.
int plan_make(const PlanInput *input, Plan *ret, Error *error) _must_use_;
void plan_clear(Plan *plan);
#define _cleanup_plan_ _cleanup_(plan_clear)

// The series' site that its retirement is about; NULL: it has none of that name.
const PlanSite *plan_retired(const PlanInput *input);

// The refusals alone; plan_make begins with them.
int plan_refuse(const PlanInput *input, Error *error) _must_use_;

// Whether what a site in production answered lets its series be added: nothing of it is another
// series', and the link "prod" is missing or points at it.
int plan_check_adopted(const PlanInput *input, const Fleet__ProbeResult *answer, Error *error)
        _must_use_;

#endif
