// An empty database for the preview; on a server with a user of its own.
#include "site/managed.h"
#include "site/probe.h"
#include "steps/target.h"

// By the site's own way, with its new password, to the database that the worker has made.
static int check_reached(StepContext *context, const Target *target, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message = message_new(&fleet__probe_result__descriptor);
        Fleet__ProbeResult *probe = (Fleet__ProbeResult *)message;
        const Fleet__Database *made = target->identity->database, *reached;
        int r = site_probe(context, &target->site, probe, error);

        if (r < 0)
                return r;
        reached = probe->identity->database;
        if (text_equal(reached->server, made->server))
                return 0;
        error_set(error, -ECONNREFUSED, "database-unreached",
                "the site does not reach its new database");
        error_where(error, "%s database %s, user %s", made->engine, reached->name, reached->user);
        error_why(error, "%s",
                !text_blank(reached->server) ? "its settings lead to another server or database"
                : probe->n_warnings > 0      ? probe->warnings[0]
                                             : "it does not answer");
        error_next(error,
                "See that the server lets this user in by its password from where HOST and PORT of "
                "'%s'/settings.py lead, then: understudyctl job retry ID",
                target->site.path);
        return -ECONNREFUSED;
}

static int database_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__DatabaseArguments *arguments =
                (const Fleet__DatabaseArguments *)arguments_message;
        Fleet__DatabaseResult *result = (Fleet__DatabaseResult *)result_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r == 0 && target.engine->on_server)
                r = managed_install(&target.site, target.identity->settings_module, error);
        if (r == 0)
                r = target.engine->create(context, &target.site, target.identity->database, error);
        if (r == 0 && target.engine->on_server)
                r = check_reached(context, &target, error);
        if (r == 0)
                result->database = TAKE_PTR(target.identity->database);
        return r;
}

// Only what the managed settings say was made for this very site; a clone does not inherit them.
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

static int database_undo(
        StepContext *context, const ProtobufCMessage *arguments_message, Error *error)
{
        const Fleet__DatabaseArguments *arguments =
                (const Fleet__DatabaseArguments *)arguments_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        json_t *section = NULL;
        int r = site_open_root(step_policy(context), arguments->preview, &site, error);

        if (r < 0 || site.fd < 0)
                return r;
        r = managed_get(&site, MANAGED_DATABASE, &section, error);
        if (r == 0 && section)
                r = drop_made(context, &site, section, arguments->guard, error);
        json_decref(section);
        return r;
}

const StepOps step_database_ops = {.run = database_run, .undo = database_undo};
