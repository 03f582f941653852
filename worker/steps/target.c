#include "steps/target.h"

#include "base/text.h"
#include "site/managed.h"
#include "steps/files.h"

void target_close(Target *target)
{
        site_close(&target->site);
        if (target->identity)
                fleet__identity__free_unpacked(target->identity, NULL);
        *target = TARGET_EMPTY;
}

static int other_server(const Target *target, const char *site_says, Error *error)
{
        const Fleet__Database *database = target->identity->database;

        error_set(error, -EPERM, "interlock", "refused: the site is not only itself");
        error_where(error, "%s", target->site.path);
        error_why(error,
                "its settings lead to another database server than this worker administers (%s is "
                "not %s)",
                site_says, database->server);
        error_next(error, "Correct HOST and PORT in its settings.py, or [%s] in worker.conf",
                database->engine);
        return -EPERM;
}

// The database that the worker would change, by its server's word to the worker, has to be the one
// that the site means, by its server's word to the site.
static int ask_server(StepContext *context, const Fleet__Guard *guard, Target *target, Error *error)
{
        Fleet__Database *database = target->identity->database;
        _cleanup_free_ char *site_says = NULL;
        int r;

        if (!target->engine->on_server)
                return 0;
        site_says = text_copy(database->server);
        r = target->engine->identify(context, &target->site, database, error);
        if (r < 0)
                return r;
        if (!text_blank(site_says) && !text_equal(site_says, database->server))
                return other_server(target, site_says, error);
        return interlock_compare(guard, target->identity, error);
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
        if (r == 0)
                r = ask_server(context, guard, &target, error);
        if (r < 0)
                return r;
        *ret = TAKE(target, TARGET_EMPTY);
        return 0;
}

static int drop_made(StepContext *context, const SiteDir *site, json_t *section,
        const Fleet__Guard *guard, Error *error)
{
        Fleet__Database database = FLEET__DATABASE__INIT;
        const DatabaseEngine *engine;
        int r;

        if (json_unpack(section, "{s:s, s:s, s:s}", "engine", &database.engine, "name",
                    &database.name, "user", &database.user) < 0)
                return 0; // none was made yet
        for (size_t i = 0; guard && i < guard->n_others; i++) {
                const Fleet__Database *other = guard->others[i]->database;

                if (other && text_equal(other->engine, database.engine) &&
                        text_equal(other->name, database.name))
                        return 0;
        }
        r = database_engine(&database, &engine, error);
        return r < 0 ? r : engine->drop(context, site, &database, error);
}

int target_drop_managed(
        StepContext *context, const SiteDir *site, const Fleet__Guard *guard, Error *error)
{
        json_t *section = NULL;
        int r = managed_get(site, MANAGED_DATABASE, &section, error);

        if (r == 0 && section)
                r = drop_made(context, site, section, guard, error);
        json_decref(section);
        return r;
}

json_t *target_keep(const Target *target, const Fleet__Guard *guard, bool own)
{
        const Fleet__Database *database = target->identity->database;
        json_t *keep = json_array();

        if (own)
                json_array_append_new(keep, json_string(database->name));
        for (size_t i = 0; i < guard->n_others; i++) {
                const Fleet__Database *other = guard->others[i]->database;

                if (other && text_equal(other->engine, database->engine))
                        json_array_append_new(keep, json_string(other->name));
        }
        return keep;
}

int target_production_paths(
        StepContext *context, const Fleet__Site *production, json_t **ret, Error *error)
{
        const Policy *policy = step_policy(context);
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        TextList spellings _cleanup_text_list_ = {0};
        json_t *paths;
        int r = site_open_root(policy, production, &site, error);

        if (r < 0)
                return r;
        site_spellings(policy, &site, &spellings);
        paths = json_array();
        for (size_t i = 0; i < spellings.count; i++)
                json_array_append_new(paths, json_string(spellings.items[i]));
        *ret = paths;
        return 0;
}
