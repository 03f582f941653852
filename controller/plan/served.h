// What a task is told of how a series is served: roles, programs, vhosts.
#ifndef UNDERSTUDY_PLAN_SERVED_H
#define UNDERSTUDY_PLAN_SERVED_H

#include "plan/plan.h"

typedef struct Planning {
        const PlanInput *input;
        const PlanSite *production;    // which is read; of a retirement, what it is about
        const PlanSite *preview;       // the target of all that destroys
        const Fleet__Serving *serving; // NULL: on links alone
} Planning;

// Whether the settings name the hosts of both roles: only then is anything of it managed.
bool served_at_all(const SeriesSettings *settings);

// The settings of a series as a task is told them; NULL: it is served on links alone. Free with
// protobuf_c_message_free_unpacked.
Fleet__Serving *served_by(const SeriesSettings *settings, const char *series);

// Does the link `preview` lead to the site that is to be retired, as a switch has left it?
bool retired_is_shown(const PlanInput *input);

typedef void FillFn(const Planning *planning, ProtobufCMessage *arguments);

// Arguments of role, service, vhost and maintenance, for the node of a graph that each is named
// after.
FillFn fill_role_preview, fill_role_switch, fill_role_serve, fill_start, fill_drain,
        fill_linod_stop, fill_linod_start, fill_stop_old, fill_stop_preview, fill_start_preview,
        fill_start_production, fill_serve_preview, fill_linod_production, fill_vhost_both,
        fill_vhost_serve, fill_vhost_preview, fill_vhost_remove, fill_freeze, fill_start_coming,
        fill_page_up, fill_page_down, fill_stop_retired, fill_vhost_retired;

#endif
