// service: starts and stops programs of sites, in the order given. Both are repeatable. Undone, in
// the opposite order, what was stopped is up and well again, before a switch that fails puts the
// links back; and what the job has brought up is stopped.
#include "serve/program.h"
#include "steps/files.h"
#include "steps/way.h"

extern const StepOps step_service_ops;

static void remember(char ***list, size_t *count, char *take_name)
{
        *list = memory_grow(*list, (*count + 1) * sizeof(**list));
        (*list)[(*count)++] = take_name;
}

static int open_site(StepContext *context, const Fleet__ServiceArguments *arguments,
        const Fleet__Program *program, SiteDir *ret, Error *error)
{
        Fleet__Site named = FLEET__SITE__INIT;

        named.root = arguments->root;
        named.name = program->site;
        return site_open(step_policy(context), &named, ret, error);
}

static int change(StepContext *context, const Fleet__ServiceArguments *arguments,
        const Fleet__Program *program, Error *error)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_free_ char *job = step_job(context);
        int r = open_site(context, arguments, program, &site, error);

        if (r < 0)
                return r;
        if (program->up)
                return program_up(context, arguments->serving, &site, program, job,
                        arguments->unasked, error);
        if (arguments->as_found)
                r = program_note_running(context, arguments->serving, &site, program, job, error);
        return r ?: program_down(context, arguments->serving, &site, program, error);
}

static int change_back(StepContext *context, const Fleet__ServiceArguments *arguments,
        const Fleet__Program *program, Error *error)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_free_ char *job = step_job(context);
        int r = open_site(context, arguments, program, &site, error);

        if (r < 0)
                return r;
        if (!program->up && arguments->as_found && !program_was_running(&site, program, job))
                return 0;
        if (!program->up)
                return program_up(context, arguments->serving, &site, program, job,
                        arguments->unasked, error);
        return program_is_of(&site, program, job)
                       ? program_down(context, arguments->serving, &site, program, error)
                       : 0;
}

static bool stays(const Fleet__ServiceArguments *arguments, const Fleet__Program *program)
{
        return !program->up && arguments->unless_in_place && !way_has_staging(arguments->restore);
}

static int service_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__ServiceArguments *arguments = (const Fleet__ServiceArguments *)message;
        Fleet__ServiceResult *result = (Fleet__ServiceResult *)output;
        int r = serving_check(arguments->serving, error);

        for (size_t i = 0; i < arguments->n_programs && r == 0; i++) {
                const Fleet__Program *program = arguments->programs[i];
                char *name = NULL;

                if (stays(arguments, program))
                        continue;
                r = serving_program(arguments->serving, program, &name, error)
                            ?: change(context, arguments, program, error);
                if (r < 0)
                        free(name);
                else if (program->up)
                        remember(&result->started, &result->n_started, name);
                else
                        remember(&result->stopped, &result->n_stopped, name);
        }
        return r;
}

static int service_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        const Fleet__ServiceArguments *arguments = (const Fleet__ServiceArguments *)message;
        int r = serving_check(arguments->serving, error);

        for (size_t i = arguments->n_programs; i-- > 0 && r == 0;)
                if (!stays(arguments, arguments->programs[i]))
                        r = change_back(context, arguments, arguments->programs[i], error);
        return r;
}

const StepOps step_service_ops = {.run = service_run, .undo = service_undo};
