#include "plan/plan.h"

#include "base/text.h"

typedef struct Planning {
        const PlanInput *input;
        const PlanSite *production;
        const PlanSite *preview; // the target of all that destroys
} Planning;

typedef void (*FillFn)(const Planning *planning, ProtobufCMessage *arguments);

enum {
        NODE_DRY = 1U << 0,  // runs in a dry run, too
        NODE_GATE = 1U << 1, // when there is a review, it is of this node's result
        NODE_AGAIN = 1U << 2,
};

typedef struct NodeSpec {
        const char *label;
        const char *step;
        const char *depends;
        unsigned flags;
        FillFn fill; // what is not the same for all steps; NULL: nothing
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
        restore->compare_seconds = planning->input->settings->compare_interval;
        restore->keep_for_delta = !text_equal(planning->input->settings->delta, "off");
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

static void fill_purge(const Planning *planning, ProtobufCMessage *arguments)
{
        Fleet__PurgeArguments *purge = (Fleet__PurgeArguments *)arguments;

        purge->site = site_message(planning->preview);
        set_text(&purge->log_directory, planning->preview->log_directory);
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
        {"database", "database", "environment", 0, NULL},
        {"preview_probe", "probe", "database", 0, fill_probe_preview},
        {"switch", "switch", "preview_probe", 0, fill_link_preview},
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
        {"swap", "swap", "ledger static", 0, NULL},
        {"verify", "verify", "swap", 0, NULL},
        {"settle", "settle", "verify", 0, NULL},
        {"warm", "warm", "preview_probe", 0, NULL},
        {NULL},
};

static const NodeSpec switch_nodes[] = {
        {"switch", "switch", "", 0, fill_switch},
        {NULL},
};

static const NodeSpec drop_nodes[] = {
        {"switch", "switch", "", 0, fill_unlink_preview},
        {"purge", "purge", "switch", 0, fill_purge},
        {NULL},
};

static const NodeSpec *const graphs[] = {
        [JOB_ADOPT] = adopt_nodes,
        [JOB_PREPARE] = prepare_nodes,
        [JOB_SYNC] = sync_nodes,
        [JOB_SWITCH] = switch_nodes,
        [JOB_DROP] = drop_nodes,
};

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
        }
}

static void add_node(Plan *plan, const Planning *planning, const NodeSpec *spec)
{
        const PlanInput *input = planning->input;
        const StepInfo *info = step_info_find(spec->step);
        PlanNode *node;

        plan->nodes = memory_grow(plan->nodes, (plan->count + 1) * sizeof *plan->nodes);
        node = &plan->nodes[plan->count++];
        *node = (PlanNode){
                .label = text_copy(spec->label),
                .info = info,
                .depends = text_copy(spec->depends),
                .arguments = message_new(info->arguments),
                .gate_after = input->review && !input->dry_run && spec->flags & NODE_GATE,
                .skipped = input->dry_run && !(spec->flags & NODE_DRY),
                .again = spec->flags & NODE_AGAIN,
        };
        fill_common(planning, node->arguments);
        if (spec->fill)
                spec->fill(planning, node->arguments);
}

int plan_make(const PlanInput *given, Plan *ret, Error *error)
{
        SeriesSettings defaults _cleanup_settings_ = {0};
        PlanInput with_settings = *given;
        const PlanInput *input = &with_settings;
        const PlanSite named = {input->series, input->root, input->site, SITE_UNKNOWN, NULL, NULL};
        const Planning planning = {
                .input = input,
                .production = input->kind == JOB_ADOPT ? &named : input->production,
                .preview = input->kind == JOB_PREPARE ? &named : input->preview,
        };
        int r = plan_refuse(input, error);

        if (r < 0)
                return r;
        option_defaults(series_settings, &defaults);
        if (!with_settings.settings)
                with_settings.settings = &defaults;
        *ret = (Plan){0};
        for (const NodeSpec *spec = graphs[input->kind]; spec->label; spec++)
                add_node(ret, &planning, spec);
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
