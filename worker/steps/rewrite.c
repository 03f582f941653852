// rewrite: renames the site in the files that name it, then looks for what is left of the old name.
//
// Works on the clone, file by file, and on a clone that is partly rewritten. A dry run reads
// production and writes nothing.
#include "site/database.h"
#include "site/managed.h"
#include "steps/clone.h"
#include "steps/rewrite_scan.h"

extern const StepOps step_rewrite_ops;

typedef struct Rewrite {
        SiteDir production, preview;
        RewritePlan plan;
} Rewrite;

#define REWRITE_EMPTY ((Rewrite){.production = SITE_DIR_EMPTY, .preview = SITE_DIR_EMPTY})

static void rewrite_clear(Rewrite *rewrite)
{
        rewrite_plan_clear(&rewrite->plan);
        site_close(&rewrite->production);
        site_close(&rewrite->preview);
}

static int rewrite_open(StepContext *context, const Fleet__RewriteArguments *arguments,
        Rewrite *rewrite, Error *error)
{
        const Policy *policy = step_policy(context);
        int r = site_open(policy, arguments->production, &rewrite->production, error);

        if (r >= 0)
                r = arguments->dry_run
                            ? site_open_root(policy, arguments->preview, &rewrite->preview, error)
                            : site_open(policy, arguments->preview, &rewrite->preview, error);
        if (r < 0)
                return r;
        rewrite->plan.old_name = rewrite->production.name;
        rewrite->plan.new_name = rewrite->preview.name;
        rewrite->plan.production = &rewrite->production;
        rewrite->plan.subject = arguments->dry_run ? &rewrite->production : &rewrite->preview;
        return clone_left_out(rewrite->plan.subject,
                arguments->dry_run ? arguments->production_probe : NULL, &rewrite->plan.left_out,
                error);
}

// On a server, the clone gets a database user of its own, whose password the worker manages; and a
// site that is served has its role managed.
static void plan_managed(const Fleet__RewriteArguments *arguments, RewritePlan *plan)
{
        const Fleet__Identity *identity =
                arguments->production_probe ? arguments->production_probe->identity : NULL;
        const DatabaseEngine *engine;

        if (identity && database_engine(identity->database, &engine, NULL) == 0 &&
                (engine->on_server || arguments->serving))
                plan->settings_module = text_copy(identity->settings_module);
}

// Before its settings are rewritten: from then on production's password is not in force in it.
static int disown_database(const Rewrite *rewrite, Error *error)
{
        json_t *section = NULL;
        int r = rewrite->plan.settings_module
                        ? managed_get(&rewrite->preview, MANAGED_DATABASE, &section, error)
                        : 1;

        if (r == 0 && !section) {
                section = json_object();
                r = managed_set(&rewrite->preview, MANAGED_DATABASE, section, error);
        }
        json_decref(section);
        return r < 0 ? r : 0;
}

static void report(StepContext *context, const RewritePlan *plan, Fleet__RewriteResult *result)
{
        result->diff = rewrite_plan_diff(plan);
        result->files = memory_new((plan->count + 1) * sizeof(char *));
        for (size_t i = 0; i < plan->count; i++)
                result->files[result->n_files++] =
                        text_escape(plan->files[i].new_path, strlen(plan->files[i].new_path));
        if (!plan->old_key)
                step_note(context,
                        "settings.py has no SECRET_KEY of its own that could be replaced: "
                        "the preview has the one that production has.");
}

static int rewrite_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__RewriteArguments *arguments = (const Fleet__RewriteArguments *)message;
        Fleet__RewriteResult *result = (Fleet__RewriteResult *)output;
        Rewrite rewrite _cleanup_(rewrite_clear) = REWRITE_EMPTY;
        int r = rewrite_open(context, arguments, &rewrite, error);

        if (r >= 0) {
                plan_managed(arguments, &rewrite.plan);
                r = rewrite_plan_make(&rewrite.plan, error);
        }
        if (r >= 0)
                r = rewrite_scan(context, &rewrite.plan, result, error);
        if (r >= 0 && !arguments->dry_run)
                r = disown_database(&rewrite, error);
        if (r >= 0 && !arguments->dry_run)
                r = rewrite_plan_apply(&rewrite.plan, error);
        if (r >= 0)
                report(context, &rewrite.plan, result);
        return r;
}

const StepOps step_rewrite_ops = {.run = rewrite_run};
