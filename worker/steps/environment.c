// environment: a new virtual environment for the preview, with production's packages and those that
// the operator asks for. What stays as it is in production is copied from there, so that it is the
// same to the byte, and neither fetched nor unpacked again; pip installs the rest.
//
// Virtual environments know their own path, so it is built in place, with a marker in it until it
// is whole: one with the marker is removed and begun again.
#include <fcntl.h>

#include "base/file.h"
#include "site/python.h"
#include "steps/files.h"
#include "steps/pip.h"
#include "steps/words.h"

extern const StepOps step_environment_ops;

#define BUILDING          ".understudy-building"
#define REQUIREMENTS_FILE "env/requirements.understudy.txt"
#define REPOSITORIES      "repositories"
#define PULL_SCRIPT       "pull.sh"

typedef struct Environment {
        StepContext *context;
        SiteDir production, preview;
        json_t *before; // packages.py's answer, of production
        json_t *taken;  // names of the packages that were copied
        Requirements requirements;
} Environment;

#define ENVIRONMENT_EMPTY ((Environment){.production = SITE_DIR_EMPTY, .preview = SITE_DIR_EMPTY})

static void environment_clear(Environment *environment)
{
        site_close(&environment->production);
        site_close(&environment->preview);
        json_decref(environment->before);
        json_decref(environment->taken);
        requirements_clear(&environment->requirements);
}

static int failed(const Environment *environment, int r, const char *what, Error *error)
{
        error_set(error, r, "environment", "%s", what);
        error_where(error, "%s/env", environment->preview.path);
        error_next(error, "Look at it (ls -la '%s/env'), and retry the job.",
                environment->preview.path);
        return r;
}

static int list_packages(StepContext *context, const SiteDir *site, json_t **ret, Error *error)
{
        json_t *request = json_object();
        int r = python_run(context, site, "packages", request, NULL, NULL, NULL, 0, ret, error);

        json_decref(request);
        if (r == 0 && !json_is_array(json_object_get(*ret, "packages")))
                r = error_set(error, -EBADMSG, "site-code", "the packages could not be listed");
        return r;
}

static int check_production(const Environment *environment, Error *error)
{
        int r;

        if (faccessat(environment->production.fd, "env/bin/python", X_OK, 0) == 0)
                return 0;
        r = -errno;
        error_set(error, r, "no-environment", "production has no Python environment to copy");
        error_where(error, "%s/env/bin/python", environment->production.path);
        error_next(error, "Look at it: ls -l '%s/env' '%s/env/bin/'", environment->production.path,
                environment->production.path);
        return r;
}

static int environment_open(StepContext *context, const Fleet__EnvironmentArguments *arguments,
        Environment *environment, Error *error)
{
        const Policy *policy = step_policy(context);
        int r = site_open(policy, arguments->production, &environment->production, error);

        environment->context = context;
        if (r >= 0)
                r = site_open(policy, arguments->preview, &environment->preview, error);
        return r < 0 ? r : check_production(environment, error);
}

// ---------------------------------------------------------------- what is there

enum { NOTHING, LINK, UNFINISHED, READY };

static int environment_state(const Environment *environment)
{
        struct stat st;

        if (fstatat(environment->preview.fd, "env", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? NOTHING : -errno;
        if (S_ISLNK(st.st_mode))
                return LINK;
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        if (fstatat(environment->preview.fd, "env/" BUILDING, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return UNFINISHED;
        return READY;
}

// ---------------------------------------------------------------- what was changed

static const char *version_in(const json_t *list, const char *name)
{
        size_t index;
        json_t *package;

        json_array_foreach (json_object_get(list, "packages"), index, package)
                if (text_equal(json_string_value(json_object_get(package, "name")), name))
                        return json_string_value(json_object_get(package, "version"));
        return NULL;
}

static void add_change(
        Fleet__EnvironmentResult *result, const char *name, const char *before, const char *after)
{
        Fleet__PackageChange *change;

        if (text_equal(before, after))
                return;
        change = (Fleet__PackageChange *)message_new(&fleet__package_change__descriptor);
        change->name = text_copy(name);
        if (before)
                change->before = text_copy(before);
        if (after)
                change->after = text_copy(after);
        result->changes =
                memory_grow(result->changes, (result->n_changes + 1) * sizeof(*result->changes));
        result->changes[result->n_changes++] = change;
}

static void compare_packages(
        const json_t *before, const json_t *after, Fleet__EnvironmentResult *result)
{
        size_t index;
        json_t *package;

        json_array_foreach (json_object_get(before, "packages"), index, package) {
                const char *name = json_string_value(json_object_get(package, "name"));

                add_change(result, name, version_in(before, name), version_in(after, name));
        }
        json_array_foreach (json_object_get(after, "packages"), index, package) {
                const char *name = json_string_value(json_object_get(package, "name"));

                if (!version_in(before, name))
                        add_change(result, name, NULL, version_in(after, name));
        }
}

static int report(Environment *environment, Fleet__EnvironmentResult *result, Error *error)
{
        TreeOptions options = tree_options(environment->context);
        TreeFigures figures = {0};
        _cleanup_close_ int fd =
                file_open_beneath(environment->preview.fd, "env", O_RDONLY | O_DIRECTORY, false);
        json_t *after = NULL;
        int r = list_packages(environment->context, &environment->preview, &after, error);

        options.progress = NULL;
        if (r >= 0 && fd >= 0)
                r = tree_measure(fd, &options, &figures, error);
        if (r >= 0) {
                compare_packages(environment->before, after, result);
                result->prefix = text_format("%s/env", environment->preview.path);
                result->bytes = figures.bytes;
        }
        json_decref(after);
        return r;
}

// ---------------------------------------------------------------- building

// A directory that is marked as unfinished from its first moment.
static int make_directory(const Environment *environment)
{
        static const char staged[] = ".env.understudy-new";
        int project = environment->preview.fd;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (fstat(project, &st) < 0)
                return -errno;
        fd = directory_make(project, staged, st.st_uid, st.st_gid);
        if (fd < 0)
                return fd;
        if (fchmod(fd, st.st_mode & 07777) < 0)
                return -errno;
        st.st_mode = 0644;
        r = site_file_write(fd, BUILDING, "", 0, &st);
        if (r < 0)
                return r;
        if (renameat2(project, staged, project, "env", RENAME_NOREPLACE) < 0)
                return -errno;
        return fsync(project) < 0 ? -errno : 0;
}

static int begin(const Environment *environment, int state, Error *error)
{
        int r = 0;

        if (state == LINK && unlinkat(environment->preview.fd, "env", 0) < 0)
                r = -errno;
        else if (state == UNFINISHED)
                r = directory_discard(
                        environment->context, environment->preview.fd, "env", -1, NULL, error);
        if (r == 0)
                r = make_directory(environment);
        return r < 0 && error && !error->code
                       ? failed(environment, r, "cannot begin the environment", error)
                       : r;
}

// In the preview, as its owner. `next` is what to do when it fails by itself.
static int run_program(
        const Environment *environment, const char *const *argv, const char *next, Error *error)
{
        ProcessSpec spec = {.argv = argv,
                .directory = environment->preview.path,
                .account = &environment->preview.owner};
        int r = process_check(environment->context, &spec, error);

        if (r < 0 && r != -ECANCELED && r != -ETIME)
                error_next(error, "%s", next);
        return r;
}

static int make_venv(const Environment *environment, Error *error)
{
        const char *base = json_string_value(json_object_get(environment->before, "base"));
        _cleanup_free_ char *path = text_format("%s/env", environment->preview.path);
        const char *argv[] = {base, "-m", "venv", "--without-pip", path, NULL};
        int r;

        if (!base)
                return failed(environment, -EBADMSG,
                        "production's Python does not say where it is from", error);
        r = policy_check_command(step_policy(environment->context), base, error);
        if (r < 0)
                return r;
        step_note(environment->context, "Building %s with %s (Python %s)", path, base,
                json_string_value(json_object_get(environment->before, "python")));
        return run_program(environment, argv,
                "Is the venv module installed (apt install python3-venv)? Then retry the job.",
                error);
}

// With their uncommitted edits, and with the rights of their owner, since the environment may be a
// link to anywhere.
static int copy_repositories(const Environment *environment, Error *error)
{
        TreeOptions options = tree_options(environment->context);
        _cleanup_close_ int source = -EBADF, target = -EBADF;
        TreeFigures figures = {0};
        int r = 0;

        site_act_as(&environment->production.owner);
        source = openat(environment->production.fd, "env/" REPOSITORIES,
                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        target = file_open_beneath(environment->preview.fd, "env", O_RDONLY | O_DIRECTORY, false);
        if (source >= 0 && target >= 0) {
                step_note(environment->context, "Copying env/" REPOSITORIES);
                r = tree_clone(source, target, REPOSITORIES, &options, &figures, error);
        }
        site_act_as(NULL);
        return r;
}

// A repository elsewhere stays where it is, for both sites: the operator should know.
static void note_shared(const Environment *environment, const char *line)
{
        if (text_starts(line, "-e ") && !file_is_beneath(line + 3, environment->preview.path))
                step_note(environment->context, "%s is used by production and the preview alike.",
                        line + 3);
}

static void freeze(Environment *environment)
{
        const char *prefix = json_string_value(json_object_get(environment->before, "prefix"));
        _cleanup_free_ char *env = text_format("%s/env", environment->preview.path);
        const char *const from[] = {prefix, environment->production.path};
        const char *const to[] = {env, environment->preview.path};
        Requirements *requirements = &environment->requirements;

        requirements_freeze(
                requirements, json_object_get(environment->before, "packages"), from, to);
        for (size_t i = 0; i < requirements->freed.count; i++)
                step_note(environment->context,
                        "%s gets the newest version that fits, for Lino's packages are released "
                        "together; name it to choose.",
                        requirements->freed.items[i]);
        for (size_t i = 0; i < requirements->frozen.count; i++)
                note_shared(environment, requirements->frozen.items[i]);
}

static int write_requirements(const Environment *environment, Error *error)
{
        _cleanup_free_ char *text = requirements_text(&environment->requirements);
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        fd = file_open_beneath(environment->preview.fd, "env", O_RDONLY | O_DIRECTORY, false);
        r = fd < 0 ? fd : fstat(environment->preview.fd, &st) < 0 ? -errno : 0;
        st.st_mode = 0644;
        if (r == 0)
                r = site_file_write(
                        fd, strrchr(REQUIREMENTS_FILE, '/') + 1, text, strlen(text), &st);
        return r < 0 ? failed(environment, r, "cannot write the list of requirements", error) : 0;
}

// ---- copied from production

static void add_names(json_t *names, const TextList *list)
{
        for (size_t i = 0; i < list->count; i++)
                json_array_append_new(names, json_string(list->items[i]));
}

static int take_packages(Environment *environment, Error *error)
{
        json_t *leave = json_array(), *answer = NULL;
        json_t *request = json_pack("{s:O, s:O, s:o}", "prefix",
                json_object_get(environment->before, "prefix"), "libraries",
                json_object_get(environment->before, "libraries"), "leave", leave);
        int r;

        add_names(leave, &environment->requirements.named);
        add_names(leave, &environment->requirements.freed);
        r = python_run(environment->context, &environment->preview, "take_packages", request, NULL,
                NULL, NULL, 0, &answer, error);
        json_decref(request);
        if (r >= 0) {
                environment->taken = json_incref(json_object_get(answer, "taken"));
                step_note(environment->context, "%zu packages are copied from production.",
                        json_array_size(environment->taken));
        }
        json_decref(answer);
        return r;
}

static bool is_taken(const Environment *environment, const char *name)
{
        size_t index;
        const json_t *taken;

        json_array_foreach (environment->taken, index, taken)
                if (text_equal(json_string_value(taken), name))
                        return true;
        return false;
}

// ---- by pip

static bool is_left(const Environment *environment, const char *name)
{
        return !text_list_has(&environment->requirements.named, name) &&
               !is_taken(environment, name);
}

static bool is_pip_needed(const Environment *environment)
{
        size_t index;
        const json_t *package;

        json_array_foreach (json_object_get(environment->before, "packages"), index, package)
                if (is_left(environment, json_string_value(json_object_get(package, "name"))))
                        return true;
        return environment->requirements.asked.count > 0;
}

// As the venv module does.
static int make_pip(const Environment *environment, Error *error)
{
        const char *argv[] = {
                "env/bin/python", "-m", "ensurepip", "--upgrade", "--default-pip", NULL};

        return run_program(environment, argv,
                "Is the ensurepip module installed (apt install python3-venv)? Then retry the job.",
                error);
}

static int install(Environment *environment, Error *error)
{
        int r = 0;

        if (!is_taken(environment, "pip"))
                r = make_pip(environment, error);
        if (r >= 0)
                r = write_requirements(environment, error);
        if (r < 0 || !is_pip_needed(environment))
                return r;
        return pip_install(environment->context, &environment->preview, REQUIREMENTS_FILE,
                &environment->requirements, error);
}

// The site's own way of bringing its repositories up to date. It asks whether to go on; nobody is
// there to answer, and it is for the script to take that as it likes.
static int run_pull(const Environment *environment, Error *error)
{
        const char *argv[] = {"env/bin/" PULL_SCRIPT, NULL};
        _cleanup_free_ char *script = NULL, *renamed = NULL;
        _cleanup_close_ int bin = -EBADF;
        struct stat st;
        int r;

        site_act_as(&environment->production.owner);
        r = file_read_at(
                environment->production.fd, "env/bin/" PULL_SCRIPT, 1U << 20, &script, NULL);
        site_act_as(NULL);
        if (r < 0) {
                failed(environment, r, "production's environment has no pull.sh", error);
                error_where(error, "%s/env/bin/" PULL_SCRIPT, environment->production.path);
                error_next(error, "Prepare the preview again without --install pull.sh.");
                return r;
        }
        renamed =
                word_replace(script, environment->production.name, environment->preview.name, NULL);
        bin = file_open_beneath(environment->preview.fd, "env/bin", O_RDONLY | O_DIRECTORY, false);
        r = bin < 0 ? bin : fstat(environment->preview.fd, &st) < 0 ? -errno : 0;
        st.st_mode = 0755;
        if (r == 0)
                r = site_file_write(bin, PULL_SCRIPT, renamed, strlen(renamed), &st);
        if (r < 0)
                return failed(environment, r, "cannot write the preview's pull.sh", error);
        step_note(environment->context,
                "Running env/bin/" PULL_SCRIPT "; what it asks is answered with end of file.");
        return run_program(environment, argv,
                "If it gave up because nobody answered its question, let it go on without a "
                "terminal, and retry the job; or prepare the preview without --install pull.sh.",
                error);
}

static int finish(const Environment *environment, Error *error)
{
        _cleanup_close_ int fd =
                file_open_beneath(environment->preview.fd, "env", O_RDONLY | O_DIRECTORY, false);
        int r = fd < 0 ? fd : 0;

        if (r == 0 && (syncfs(fd) < 0 || unlinkat(fd, BUILDING, 0) < 0 || fsync(fd) < 0))
                r = -errno;
        return r < 0 ? failed(environment, r, "cannot finish the environment", error) : 0;
}

static int build(Environment *environment, int state, Error *error)
{
        int r = begin(environment, state, error);

        if (r >= 0) {
                freeze(environment);
                r = make_venv(environment, error);
        }
        if (r >= 0)
                r = take_packages(environment, error);
        if (r >= 0)
                r = copy_repositories(environment, error);
        if (r >= 0)
                r = install(environment, error);
        if (r >= 0 && environment->requirements.pull)
                r = run_pull(environment, error);
        return r < 0 ? r : finish(environment, error);
}

// ---------------------------------------------------------------- the step

static int environment_check(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        Environment environment _cleanup_(environment_clear) = ENVIRONMENT_EMPTY;
        int r = environment_open(
                context, (const Fleet__EnvironmentArguments *)message, &environment, error);

        if (r < 0 || environment_state(&environment) != READY)
                return r;
        r = list_packages(context, &environment.production, &environment.before, error);
        if (r >= 0)
                r = report(&environment, (Fleet__EnvironmentResult *)result, error);
        return r < 0 ? r : 1;
}

static int environment_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__EnvironmentArguments *arguments = (const Fleet__EnvironmentArguments *)message;
        Environment environment _cleanup_(environment_clear) = ENVIRONMENT_EMPTY;
        int r = environment_open(context, arguments, &environment, error), state;

        if (r >= 0)
                r = requirements_ask(&environment.requirements, &environment.preview,
                        arguments->install, arguments->n_install, error);
        if (r >= 0)
                r = list_packages(context, &environment.production, &environment.before, error);
        if (r < 0)
                return r;
        state = environment_state(&environment);
        if (state < 0)
                return failed(&environment, state, "what is called env is no environment", error);
        if (state != READY)
                r = build(&environment, state, error);
        return r < 0 ? r : report(&environment, (Fleet__EnvironmentResult *)result, error);
}

const StepOps step_environment_ops = {.check = environment_check, .run = environment_run};
