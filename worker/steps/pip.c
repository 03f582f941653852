#include "steps/pip.h"

#include "steps/files.h"

#define ERRORS_MAX 20 // lines

typedef struct Pip {
        StepContext *context;
        const Requirements *requirements;
        uint64_t collected;
        bool in_conflict; // within the list of what contradicts what
        TextList errors;
        TextList pins; // packages whose pins are part of a conflict
} Pip;

static void pip_clear(Pip *pip)
{
        text_list_clear(&pip->errors);
        text_list_clear(&pip->pins);
}

static void result_clear(ProcessResult *result)
{
        free(result->tail);
}

static uint64_t total(const Pip *pip)
{
        return pip->requirements->frozen.count + pip->requirements->asked.count;
}

// "The user requested etgen==1.1.5", with "(constraint)" for some.
static void see_pin(Pip *pip, const char *line)
{
        static const char words[] = "The user requested ";
        const char *pin = strstr(line, words);
        _cleanup_free_ char *name = NULL;

        if (!pin)
                return;
        pin += sizeof(words) - 1;
        if (text_starts(pin, "(constraint) "))
                pin += strlen("(constraint) ");
        name = requirement_name(pin);
        if (name && !text_list_has(&pip->pins, name))
                text_list_add(&pip->pins, name);
}

static void see_error(Pip *pip, const char *line)
{
        bool begins = strstr(line, "conflict is caused by") != NULL;

        if (pip->in_conflict && *line)
                see_pin(pip, line);
        if ((begins || text_starts(line, "ERROR:") || (pip->in_conflict && *line)) &&
                pip->errors.count < ERRORS_MAX)
                text_list_add(&pip->errors, line + strspn(line, " "));
        pip->in_conflict = begins || (pip->in_conflict && *line);
}

// Shown to people: what pip complains of, and what it does. Not: each file it downloads.
static int take_line(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        static const char *const quiet[] = {"  Downloading ", "  Using cached ",
                "Requirement already satisfied", "  Preparing metadata", "  Getting requirements",
                "  Installing build", "  Created wheel", "  Stored in directory", "  Obtaining "};
        Pip *pip = userdata;

        (void)stream;
        (void)length;
        see_error(pip, line);
        if (text_starts(line, "Collecting ") || text_starts(line, "Obtaining ")) {
                pip->collected++;
                step_progress(pip->context, FLEET__UNIT__PACKAGES, pip->collected,
                        total(pip) > pip->collected ? total(pip) : pip->collected, line);
                return 0;
        }
        if (text_starts(line, "Installing collected packages"))
                step_progress(pip->context, FLEET__UNIT__PACKAGES, pip->collected, pip->collected,
                        "installing");
        for (size_t i = 0; i < ELEMENTS(quiet); i++)
                if (text_starts(line, quiet[i]))
                        return 0;
        return 1;
}

static char *join(const TextList *list, const char *prefix, const char *between)
{
        char *text = text_copy("");

        for (size_t i = 0; i < list->count; i++) {
                _cleanup_free_ char *before = text;

                text = text_format("%s%s%s%s", before, i ? between : "", prefix, list->items[i]);
        }
        return text;
}

static int install_failed(const Pip *pip, const SiteDir *site, const ProcessResult *result,
        const char *file, Error *error)
{
        _cleanup_free_ char *job = step_job(pip->context), *why = NULL, *pins = NULL;

        error_set(error, -EIO, "pip", "pip cannot install the preview's packages");
        error_where(error, "%s/%s", site->path, file);
        why = pip->errors.count ? join(&pip->errors, "", "\n") : text_copy(result->tail);
        error_why(error, "%s", why);
        if (pip->pins.count == 0) {
                error_next(error,
                        "See the log above; if the cause is passing (network, disk): "
                        "understudyctl job retry %s",
                        job);
                return -EIO;
        }
        pins = join(&pip->pins, "--install ", " ");
        error_next(error,
                "Begin again and name these packages too, with the version that fits or none, so "
                "that production's versions are given up: understudyctl job cancel %s, then "
                "understudyctl preview prepare SERIES %s with your own --install and %s",
                job, site->name, pins);
        return -EIO;
}

int pip_install(StepContext *context, const SiteDir *site, const char *file,
        const Requirements *requirements, Error *error)
{
        const char *argv[] = {"env/bin/python", "-m", "pip", "install", "--no-input",
                "--disable-pip-version-check", "--no-color", "--progress-bar", "off", "-r", file,
                NULL};
        Pip pip _cleanup_(pip_clear) = {.context = context, .requirements = requirements};
        TextList environment _cleanup_text_list_ = {0};
        ProcessSpec spec = {.argv = argv,
                .directory = site->path,
                .account = &site->owner,
                .line = take_line,
                .userdata = &pip};
        ProcessResult result _cleanup_(result_clear) = {0};
        int r;

        process_environment(step_policy(context), &site->owner, &environment);
        text_list_add(&environment, "PIP_ROOT_USER_ACTION=ignore");
        spec.environment = (const char *const *)environment.items;
        r = process_run(context, &spec, &result, error);
        if (r < 0 || result.status == 0)
                return r;
        return install_failed(&pip, site, &result, file, error);
}
