#include "plan/plan.h"

#include "base/text.h"
#include "plan/served.h"

enum {
        NODE_DRY = 1U << 0,  // runs in a dry run, too
        NODE_GATE = 1U << 1, // when there is a review, it is of this node's result
        NODE_AGAIN = 1U << 2,
        // Only in the graph of a series whose settings say how it is served, with what is named.
        NODE_ROLE = 1U << 3,
        NODE_SERVICE = 1U << 4,
        NODE_LINOD = 1U << 5,
        NODE_VHOST = 1U << 6,
};

typedef struct NodeSpec {
        const char *label;
        const char *step;
        const char *depends;
        unsigned flags;
        FillFn *fill; // what is not the same for all steps; NULL: nothing
} NodeSpec;

static void set_text(char **field, const char *text)
{
        if (!text_blank(text))
                *field = text_copy(text);
}

static Fleet__Site *site_message(const PlanSite *site)
{
        Fleet__Site *message = (Fleet__Site *)message_new(&fleet__site__descriptor);

        set_text(&message->root, site->root);
        set_text(&message->name, site->name);
        return message;
}

static bool same_site(const PlanSite *a, const PlanSite *b)
{
        return text_equal(a->root, b->root) && text_equal(a->name, b->name);
}

static Fleet__Guard *guard_message(const Planning *planning)
{
        const PlanInput *input = planning->input;
        Fleet__Guard *guard = (Fleet__Guard *)message_new(&fleet__guard__descriptor);

        guard->target = site_message(planning->preview);
        if (planning->preview->identity)
                guard->registered =
                        (Fleet__Identity *)message_copy(&planning->preview->identity->base);
        guard->others = memory_new(input->site_count * sizeof *guard->others);
        for (size_t i = 0; i < input->site_count; i++)
                if (input->sites[i].identity && !same_site(&input->sites[i], planning->preview))
                        guard->others[guard->n_others++] =
                                (Fleet__Identity *)message_copy(&input->sites[i].identity->base);
        return guard;
}

// ---- what only one step takes

static void fill_probe_production(const Planning *planning, ProtobufCMessage *arguments)
{
        ((Fleet__ProbeArguments *)arguments)->site = site_message(planning->production);
}

static void fill_probe_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        ((Fleet__ProbeArguments *)arguments)->site = site_message(planning->preview);
}

static void fill_space(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__SpaceArguments *space = (Fleet__SpaceArguments *)arguments;
        const PlanInput *input = planning->input;

        space->purpose =
                input->kind == JOB_PREPARE ? FLEET__PURPOSE__PREPARE : FLEET__PURPOSE__SYNC;
        space->last_dump_bytes = input->last_dump_bytes;
        space->last_database_bytes = input->last_database_bytes;
        space->last_environment_bytes = input->last_environment_bytes;
}

static void fill_rewrite(const Planning *planning, ProtobufCMessage *arguments)
{
        ((Fleet__RewriteArguments *)arguments)->dry_run = planning->input->dry_run;
}

static void copy_texts(char ***ret, size_t *ret_count, const char *const *texts, size_t count)
{
        *ret = memory_new(count * sizeof **ret);
        for (size_t i = 0; i < count; i++)
                (*ret)[i] = text_copy(texts[i]);
        *ret_count = count;
}

static void fill_environment(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__EnvironmentArguments *environment = (Fleet__EnvironmentArguments *)arguments;

        copy_texts(&environment->install, &environment->n_install, planning->input->install,
                planning->input->install_count);
}

static void fill_mirror(const Planning *planning, ProtobufCMessage *arguments)
{
        static const char *const directories[] = {"media", PLAN_SNAPSHOT_DIRECTORY};
        Fleet__MirrorArguments *mirror = (Fleet__MirrorArguments *)arguments;

        (void)planning;
        copy_texts(
                &mirror->directories, &mirror->n_directories, directories, ELEMENTS(directories));
}

static void copy_allowed(const PlanInput *input, Fleet__Allowance ***ret, size_t *ret_count)
{
        *ret = memory_new(input->allowed_count * sizeof **ret);
        for (size_t i = 0; i < input->allowed_count; i++)
                (*ret)[i] = (Fleet__Allowance *)message_copy(&input->allowed[i].base);
        *ret_count = input->allowed_count;
}

static void fill_ledger(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__LedgerArguments *ledger = (Fleet__LedgerArguments *)arguments;

        copy_allowed(planning->input, &ledger->allowed, &ledger->n_allowed);
}

static void fill_choose(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__ChooseArguments *choose = (Fleet__ChooseArguments *)arguments;
        const PlanInput *input = planning->input;
        _cleanup_free_ char *no_delta =
                series_settings_no_delta(input->settings, input->nightly, input->weekday);

        choose->full = input->full;
        choose->native_forbidden = text_equal(input->settings->native, "forbid");
        choose->quick = input->settings->quick;
        set_text(&choose->delta_refused, no_delta);
        copy_allowed(input, &choose->allowed, &choose->n_allowed);
}

static void fill_dump(const Planning *planning, ProtobufCMessage *arguments)
{
        ((Fleet__DumpArguments *)arguments)->stop_writers =
                text_equal(planning->input->settings->myisam, "stop");
}

static void fill_restore(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__RestoreArguments *restore = (Fleet__RestoreArguments *)arguments;

        restore->quick = planning->input->settings->quick;
        restore->frozen = planning->input->kind == JOB_OPEN && planning->serving &&
                          !text_blank(planning->serving->manager);
        restore->compare_seconds = planning->input->settings->compare_interval;
        restore->keep_for_delta = !text_equal(planning->input->settings->delta, "off");
}

// Nobody uses the site any more.
static void fill_last_dump(const Planning *planning, ProtobufCMessage *arguments)
{
        (void)planning;
        ((Fleet__DumpArguments *)arguments)->stop_writers = true;
}

static void fill_verify(const Planning *planning, ProtobufCMessage *arguments)
{
        ((Fleet__VerifyArguments *)arguments)->opening = planning->input->kind == JOB_OPEN;
}

// The site that has stepped in is production during the attempt, and a preview after it.
static void fill_loss(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanSite site = {.root = planning->input->root, .name = planning->input->site};

        ((Fleet__LossArguments *)arguments)->site = site_message(&site);
}

static void add_link(
        Fleet__SwitchArguments *arguments, const char *name, const char *site, const char *before)
{
        Fleet__Link *link = (Fleet__Link *)message_new(&fleet__link__descriptor);

        link->name = text_copy(name);
        set_text(&link->site, site);
        set_text(&link->before, before);
        arguments->links =
                memory_grow(arguments->links, (arguments->n_links + 1) * sizeof *arguments->links);
        arguments->links[arguments->n_links++] = link;
}

static Fleet__SwitchArguments *switch_of(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__SwitchArguments *links = (Fleet__SwitchArguments *)arguments;

        set_text(&links->root, planning->input->root);
        return links;
}

static void fill_link_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        add_link(switch_of(planning, arguments), "preview", planning->preview->name,
                planning->input->preview_link);
}

// The link `prod` is set to what it points at, so that nothing changes when somebody has made the
// preview production by hand. A link `preview` that points elsewhere is somebody else's, and stays.
static void fill_unlink_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__SwitchArguments *links = switch_of(planning, arguments);
        const PlanInput *input = planning->input;

        if (!text_blank(input->prod_link))
                add_link(links, "prod", input->prod_link, input->prod_link);
        if (text_equal(input->preview_link, planning->preview->name))
                add_link(links, "preview", NULL, input->preview_link);
}

// The link of a role, when that is the last that a site has to do with it.
static void fill_unlink_retired(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__SwitchArguments *links = switch_of(planning, arguments);

        if (retired_is_shown(planning->input))
                add_link(links, "preview", NULL, planning->input->preview_link);
}

// Forward when there is a preview, else back to the site that was replaced last. The two links
// change places, so that both vhosts always lead to a site and the former production is a link
// away.
static void fill_switch(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__SwitchArguments *links = switch_of(planning, arguments);
        const PlanInput *input = planning->input;
        const PlanSite *next = input->preview ? input->preview : input->old;

        add_link(links, "prod", next->name, input->prod_link);
        add_link(links, "preview", input->production->name, input->preview_link);
}

// In the graphs, which it is itself a part of.
static FillFn fill_standby;

static void fill_scan(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__ScanArguments *scan = (Fleet__ScanArguments *)arguments;
        const PlanInput *input = planning->input;

        set_text(&scan->host, input->host);
        set_text(&scan->root, input->root);
        scan->known = memory_new(input->site_count * sizeof *scan->known);
        for (size_t i = 0; i < input->site_count; i++) {
                scan->known[i] = (Fleet__KnownSite *)message_new(&fleet__known_site__descriptor);
                set_text(&scan->known[i]->series, input->sites[i].series);
                scan->known[i]->site = site_message(&input->sites[i]);
        }
        scan->n_known = input->site_count;
        copy_texts(&scan->taken, &scan->n_taken, input->taken, input->taken_count);
}

static void fill_purge(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__PurgeArguments *purge = (Fleet__PurgeArguments *)arguments;

        purge->site = site_message(planning->preview);
        set_text(&purge->log_directory, planning->preview->log_directory);
}

static void fill_purge_retired(const Planning *planning, ProtobufCMessage *arguments)
{
        fill_purge(planning, arguments);
        ((Fleet__PurgeArguments *)arguments)->retire = true;
}

static void fill_backup(const Planning *planning, ProtobufCMessage *arguments)
{
        ((Fleet__BackupArguments *)arguments)->site = site_message(planning->preview);
}

// First of all, while its programs run that are stopped later; and when all has been done to it.
static void fill_unused(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__UnusedArguments *unused = (Fleet__UnusedArguments *)arguments;

        unused->site = site_message(planning->preview);
        unused->running = planning->serving && !text_blank(planning->serving->manager);
        if (!retired_is_shown(planning->input))
                return;
        unused->leaving = memory_new(sizeof(*unused->leaving));
        unused->leaving[unused->n_leaving++] = text_copy("preview");
}

static void fill_idle(const Planning *planning, ProtobufCMessage *arguments)
{
        ((Fleet__UnusedArguments *)arguments)->site = site_message(planning->preview);
}

// ---- the graphs

static const NodeSpec adopt_nodes[] = {
        {"probe", "probe", "", NODE_AGAIN, fill_probe_production},
        {NULL},
};

static const NodeSpec prepare_nodes[] = {
        {"production_probe", "probe", "", NODE_DRY, fill_probe_production},
        {"space", "space", "production_probe", NODE_DRY, fill_space},
        {"clone", "clone", "space", 0, NULL},
        {"log", "log", "clone", 0, NULL},
        {"rewrite", "rewrite", "log", NODE_DRY | NODE_GATE, fill_rewrite},
        {"environment", "environment", "rewrite", 0, fill_environment},
        {"role", "role", "environment", NODE_ROLE, fill_role_preview},
        {"database", "database", "role", 0, NULL},
        {"preview_probe", "probe", "database", 0, fill_probe_preview},
        {"switch", "switch", "preview_probe", 0, fill_link_preview},
        {"stop_old", "service", "switch", NODE_SERVICE, fill_stop_old},
        {"vhost", "vhost", "stop_old", NODE_VHOST, fill_vhost_preview},
        {NULL},
};

static const NodeSpec sync_nodes[] = {
        {"production_probe", "probe", "", NODE_DRY, fill_probe_production},
        {"preview_probe", "probe", "", NODE_DRY, fill_probe_preview},
        {"space", "space", "production_probe preview_probe", NODE_DRY, fill_space},
        {"choose", "choose", "space", NODE_DRY, fill_choose},
        {"dump", "dump", "choose", 0, fill_dump},
        {"static", "static", "choose", 0, NULL},
        {"script", "script", "dump", NODE_AGAIN, NULL},
        {"mirror", "mirror", "script", 0, fill_mirror},
        {"restore", "restore", "mirror", 0, fill_restore},
        {"ledger", "ledger", "restore", 0, fill_ledger},
        {"stop", "service", "ledger static", NODE_SERVICE, fill_stop_preview},
        {"swap", "swap", "stop", 0, NULL},
        {"verify", "verify", "swap", 0, NULL},
        {"start", "service", "verify", NODE_SERVICE, fill_start_preview},
        {"settle", "settle", "start", 0, NULL},
        {"warm", "warm", "preview_probe", 0, NULL},
        {NULL},
};

static const NodeSpec switch_nodes[] = {
        {"vhost", "vhost", "", NODE_VHOST, fill_vhost_both},
        {"start", "service", "vhost", NODE_SERVICE, fill_start},
        {"linod_stop", "service", "start", NODE_LINOD, fill_linod_stop},
        {"role", "role", "linod_stop", NODE_ROLE, fill_role_switch},
        {"page", "maintenance", "role", NODE_VHOST, fill_page_down},
        {"switch", "switch", "page", 0, fill_switch},
        {"drain", "service", "switch", NODE_SERVICE, fill_drain},
        {"linod_start", "service", "drain", NODE_LINOD, fill_linod_start},
        {NULL},
};

// A synchronisation from a production that stands still, then the switch. What the old database is
// given up for comes before the links: afterwards it is production's.
static const NodeSpec open_nodes[] = {
        {"production_probe", "probe", "", 0, fill_probe_production},
        {"preview_probe", "probe", "", 0, fill_probe_preview},
        {"space", "space", "production_probe preview_probe", 0, fill_space},
        {"page", "maintenance", "space", NODE_VHOST, fill_page_up},
        {"freeze", "service", "page", NODE_SERVICE, fill_freeze},
        {"choose", "choose", "freeze", 0, NULL},
        {"dump", "dump", "choose", 0, fill_dump},
        {"static", "static", "choose", 0, NULL},
        {"script", "script", "dump", 0, NULL},
        {"mirror", "mirror", "script", 0, fill_mirror},
        {"restore", "restore", "mirror", 0, fill_restore},
        {"ledger", "ledger", "restore", 0, fill_ledger},
        {"stop", "service", "ledger static", NODE_SERVICE, fill_stop_preview},
        {"swap", "swap", "stop", 0, NULL},
        {"verify", "verify", "swap", 0, fill_verify},
        {"settle", "settle", "verify", 0, NULL},
        {"vhost", "vhost", "settle", NODE_VHOST, fill_vhost_both},
        {"start", "service", "vhost", NODE_SERVICE, fill_start_coming},
        {"role", "role", "start", NODE_ROLE, fill_role_switch},
        {"switch", "switch", "role", 0, fill_switch},
        {"drain", "service", "switch", NODE_SERVICE, fill_drain},
        {"linod_start", "service", "drain", NODE_LINOD, fill_linod_start},
        {"warm", "warm", "preview_probe", 0, NULL},
        {NULL},
};

static const NodeSpec report_nodes[] = {
        {"loss", "loss", "", NODE_AGAIN, fill_loss},
        {NULL},
};

static const NodeSpec standby_nodes[] = {
        {"standby", "standby", "", 0, fill_standby},
        {NULL},
};

static const NodeSpec drop_nodes[] = {
        {"vhost", "vhost", "", NODE_VHOST, fill_vhost_remove},
        {"stop", "service", "vhost", NODE_SERVICE, fill_stop_preview},
        {"switch", "switch", "stop", 0, fill_unlink_preview},
        {"purge", "purge", "switch", 0, fill_purge},
        {NULL},
};

// Nothing of it is touched but what can be taken back, until its last backup lies outside.
static const NodeSpec retire_nodes[] = {
        {"unused", "unused", "", NODE_DRY | NODE_AGAIN, fill_unused},
        {"stop", "service", "unused", NODE_SERVICE, fill_stop_retired},
        {"switch", "switch", "stop", 0, fill_unlink_retired},
        {"dump", "dump", "switch", 0, fill_last_dump},
        {"backup", "backup", "dump", 0, fill_backup},
        {"idle", "unused", "backup", 0, fill_idle},
        {"vhost", "vhost", "idle", NODE_VHOST, fill_vhost_retired},
        {"purge", "purge", "vhost", 0, fill_purge_retired},
        {NULL},
};

static const NodeSpec scan_nodes[] = {
        {"scan", "scan", "", NODE_AGAIN, fill_scan},
        {NULL},
};

static const NodeSpec serve_nodes[] = {
        {"role", "role", "", NODE_ROLE, fill_role_serve},
        {"start", "service", "role", NODE_SERVICE, fill_start_production},
        {"start_preview", "service", "start", NODE_SERVICE, fill_serve_preview},
        {"vhost", "vhost", "start_preview", NODE_VHOST, fill_vhost_serve},
        {"linod_start", "service", "vhost", NODE_LINOD, fill_linod_production},
        {NULL},
};

static const NodeSpec *const graphs[] = {
        [JOB_ADOPT] = adopt_nodes,
        [JOB_PREPARE] = prepare_nodes,
        [JOB_SYNC] = sync_nodes,
        [JOB_SWITCH] = switch_nodes,
        [JOB_DROP] = drop_nodes,
        [JOB_SCAN] = scan_nodes,
        [JOB_SERVE] = serve_nodes,
        [JOB_OPEN] = open_nodes,
        [JOB_REPORT] = report_nodes,
        [JOB_RETIRE] = retire_nodes,
        [JOB_STANDBY] = standby_nodes,
};

static bool is_in(const Fleet__Serving *serving, const NodeSpec *spec)
{
        unsigned needs = spec->flags & (NODE_ROLE | NODE_SERVICE | NODE_LINOD | NODE_VHOST);

        if (!needs || !serving)
                return !needs;
        return needs == NODE_ROLE || (needs == NODE_SERVICE && !text_blank(serving->manager)) ||
               (needs == NODE_LINOD && !text_blank(serving->manager) &&
                       !text_blank(serving->linod)) ||
               (needs == NODE_VHOST && !text_blank(serving->web));
}

// What depends on a node that is left out depends on what that would have.
static const char *depends_of(
        const Fleet__Serving *serving, const NodeSpec *nodes, const NodeSpec *spec)
{
        const char *depends = spec->depends;

        for (const NodeSpec *other = nodes; other < spec; other++)
                if (text_equal(other->label, depends) && !is_in(serving, other))
                        return depends_of(serving, nodes, other);
        return depends;
}

// Fills what means the same in every step: a field's name says it.
static void fill_common(const Planning *planning, ProtobufCMessage *arguments)
{
        for (unsigned i = 0; i < arguments->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &arguments->descriptor->fields[i];
                void *member = (char *)arguments + field->offset;

                if (text_equal(field->name, "production"))
                        *(Fleet__Site **)member = site_message(planning->production);
                else if (text_equal(field->name, "preview"))
                        *(Fleet__Site **)member = site_message(planning->preview);
                else if (text_equal(field->name, "guard"))
                        *(Fleet__Guard **)member = guard_message(planning);
                else if (text_equal(field->name, "directory"))
                        *(char **)member = text_copy(PLAN_SNAPSHOT_DIRECTORY);
                else if (text_equal(field->name, "serving") && planning->serving)
                        *(Fleet__Serving **)member =
                                (Fleet__Serving *)message_copy(&planning->serving->base);
        }
}

static void add_node(
        Plan *plan, const Planning *planning, const NodeSpec *nodes, const NodeSpec *spec)
{
        const PlanInput *input = planning->input;
        const StepInfo *info = step_info_find(spec->step);
        PlanNode *node;

        plan->nodes = memory_grow(plan->nodes, (plan->count + 1) * sizeof *plan->nodes);
        node = &plan->nodes[plan->count++];
        *node = (PlanNode){
                .label = text_copy(spec->label),
                .info = info,
                .depends = text_copy(depends_of(planning->serving, nodes, spec)),
                .arguments = message_new(info->arguments),
                .gate_after = input->review && !input->dry_run && spec->flags & NODE_GATE,
                .skipped = input->dry_run && !(spec->flags & NODE_DRY),
                .again = spec->flags & NODE_AGAIN,
        };
        fill_common(planning, node->arguments);
        if (spec->fill)
                spec->fill(planning, node->arguments);
}

static void add_graph(Plan *plan, const Planning *planning, JobKind kind)
{
        const NodeSpec *nodes = graphs[kind];

        for (const NodeSpec *spec = nodes; spec->label; spec++)
                if (is_in(planning->serving, spec))
                        add_node(plan, planning, nodes, spec);
}

// What a switch back would do now, in its order.
static void fill_standby(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__StandbyArguments *standby = (Fleet__StandbyArguments *)arguments;
        _cleanup_plan_ Plan way_back = {0};

        add_graph(&way_back, planning, JOB_SWITCH);
        standby->at_us = planning->input->standby_us;
        standby->way_back = memory_new(way_back.count * sizeof *standby->way_back);
        for (size_t i = 0; i < way_back.count; i++) {
                PlanNode *node = &way_back.nodes[i];
                Fleet__Task *task = (Fleet__Task *)message_new(&fleet__task__descriptor);

                step_task_set_arguments(task, node->info, TAKE_PTR(node->arguments));
                standby->way_back[standby->n_way_back++] = task;
        }
}

int plan_make(const PlanInput *given, Plan *ret, Error *error)
{
        SeriesSettings defaults _cleanup_settings_ = {0};
        PlanInput input = *given;
        const PlanSite named = {input.series, input.root, input.site, SITE_UNKNOWN, NULL, NULL};
        const PlanSite *retired = input.kind == JOB_RETIRE ? plan_retired(&input) : NULL;
        _cleanup_message_ ProtobufCMessage *serving = NULL;
        int r = plan_refuse(&input, error);

        if (r < 0)
                return r;
        option_defaults(series_settings, &defaults);
        if (!input.settings)
                input.settings = &defaults;
        serving = (ProtobufCMessage *)served_by(input.settings, input.series);
        *ret = (Plan){0};
        add_graph(ret,
                &(Planning){
                        .input = &input,
                        .production = input.kind == JOB_ADOPT ? &named
                                      : retired               ? retired
                                                              : input.production,
                        .preview = input.kind == JOB_PREPARE ? &named
                                   : retired                 ? retired
                                                             : input.preview,
                        .serving = (const Fleet__Serving *)serving,
                },
                input.kind);
        return 0;
}

void plan_clear(Plan *plan)
{
        for (size_t i = 0; i < plan->count; i++) {
                free(plan->nodes[i].label);
                free(plan->nodes[i].depends);
                protobuf_c_message_free_unpacked(plan->nodes[i].arguments, NULL);
        }
        free(plan->nodes);
        *plan = (Plan){0};
}
