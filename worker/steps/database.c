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

static int database_undo(
        StepContext *context, const ProtobufCMessage *arguments_message, Error *error)
{
        const Fleet__DatabaseArguments *arguments =
                (const Fleet__DatabaseArguments *)arguments_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = site_open_root(step_policy(context), arguments->preview, &site, error);

        return r < 0 || site.fd < 0 ? r
                                    : target_drop_managed(context, &site, arguments->guard, error);
}

const StepOps step_database_ops = {.run = database_run, .undo = database_undo};
