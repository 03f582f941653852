// purge: removes all that belongs to one site: database, log directory, project directory.
//
// Every removal begins with a rename, and the project directory goes last: as long as it is there,
// a killed purge finds what it needs to go on, and once it is gone only the renamed rest is left.
//
// A preview that was never finished cannot tell who it is. It is removed without its answer only if
// the controller never knew it (guard.registered is absent), the clone step made the directory,
// and no other site has anything in it; then no database beyond that directory is touched but the
// one that was made for it.
#include <fcntl.h>

#include "base/file.h"
#include "steps/clone.h"
#include "steps/files.h"
#include "steps/site_log.h"
#include "steps/stale.h"
#include "steps/target.h"
#include "steps/usage.h"

extern const StepOps step_purge_ops;

static void remember(Fleet__PurgeResult *result, const char *what)
{
        result->removed =
                memory_grow(result->removed, (result->n_removed + 1) * sizeof(*result->removed));
        result->removed[result->n_removed++] = text_copy(what);
}

static void remember_stale(void *userdata, const char *path)
{
        remember(userdata, path);
}

static void remember_tree(Fleet__PurgeResult *result, const char *path, const TreeFigures *figures)
{
        result->files += figures->deleted;
        result->bytes += figures->freed;
        if (figures->deleted > 0)
                remember(result, path);
}

static bool within(const char *path, const char *directory)
{
        return !text_blank(path) && file_is_beneath(path, directory);
}

static bool others_are_in(const Fleet__Guard *guard, const char *directory)
{
        for (size_t i = 0; i < guard->n_others; i++) {
                const Fleet__Identity *other = guard->others[i];

                if (within(other->project_dir, directory) ||
                        within(other->settings_file, directory) ||
                        within(other->media_root, directory) ||
                        (other->database && within(other->database->name, directory)))
                        return true;
        }
        return false;
}

// Never finished: see above.
static bool unfinished(const Fleet__Guard *guard, const SiteDir *site)
{
        return !guard->registered && clone_made(site, NULL) && !others_are_in(guard, site->path);
}

static int drop_database(
        StepContext *context, const Target *target, Fleet__PurgeResult *result, Error *error)
{
        const Fleet__Database *database = target->identity->database;
        _cleanup_free_ char *text =
                text_format("database %s (%s)", database->name, database->engine);
        int r = target->engine->drop(context, &target->site, database, error);

        if (r >= 0)
                remember(result, text);
        return r;
}

static bool others_have_user(const Fleet__Guard *guard, const Fleet__Database *database)
{
        for (size_t i = 0; i < guard->n_others; i++) {
                const Fleet__Database *other = guard->others[i]->database;

                if (other && text_equal(other->engine, database->engine) &&
                        text_equal(other->user, database->user))
                        return true;
        }
        return false;
}

// What its settings say now may be what they never said before.
static bool is_registered_user(const Fleet__Guard *guard, const Fleet__Database *database)
{
        const Fleet__Database *known = guard->registered ? guard->registered->database : NULL;

        return !known || text_equal(known->user, database->user);
}

// The one that its operator made, of a site that was adopted.
static int drop_user(StepContext *context, const Fleet__PurgeArguments *arguments,
        const Target *target, Error *error)
{
        const Fleet__Database *database = target->identity->database;

        if (!target->engine->drop_user || text_blank(database->user))
                return 0;
        if (others_have_user(arguments->guard, database) ||
                !is_registered_user(arguments->guard, database)) {
                step_note(context, "The database user %s is left: it is not this site's alone.",
                        database->user);
                return 0;
        }
        return target->engine->drop_user(context, &target->site, database, error);
}

static int ask_and_drop(StepContext *context, const Fleet__PurgeArguments *arguments,
        const SiteDir *site, Fleet__PurgeResult *result, Error *error)
{
        const Fleet__Guard *guard = arguments->guard;
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r = target_open(context, arguments->site, guard, &target, error);

        if (r >= 0 && arguments->retire)
                r = usage_refuse_programs(context, &target.site, error);
        if (r >= 0) {
                r = drop_database(context, &target, result, error);
                return r >= 0 && arguments->retire ? drop_user(context, arguments, &target, error)
                                                   : r;
        }
        if (arguments->retire || r == -ECANCELED || r == -ETIME || !unfinished(guard, site))
                return r;
        step_note(context,
                "%s was never finished and does not answer (%s): its directory is "
                "removed, and of databases elsewhere what was made for it.",
                site->name, error && error->why ? error->why : "no reason given");
        error_clear(error);
        return target_drop_managed(context, site, guard, error);
}

// A site chose where it logs to, and can have changed what lies there: only the policy's own place
// is touched as root.
static const Account *remover(const Policy *policy, const SiteDir *site, const char *parent)
{
        _cleanup_free_ char *own = NULL;

        if (policy->log_root && file_resolve(policy->log_root, &own) == 0 &&
                text_equal(own, parent))
                return NULL;
        return &site->owner;
}

static int log_parent_failed(int r, const SiteDir *site, const char *parent, Error *error)
{
        error_set(error, r, "log", "cannot open the directory of logs");
        error_where(error, "%s", parent);
        error_next(error, "Let %s read it (ls -ld '%s'), and retry the job.", site->owner.name,
                parent);
        return r;
}

static int remove_log_in(StepContext *context, const SiteDir *site, const char *parent,
        const char *directory, TreeFigures *figures, Error *error)
{
        _cleanup_close_ int above =
                open(*parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int fd = -EBADF;
        const char *why;

        if (above < 0)
                return errno == ENOENT ? 0 : log_parent_failed(-errno, site, parent, error);
        if (!site_log_open(site, above, site->name, &fd, &why) && why) {
                step_note(context, "%s is left as it is: %s.", directory, why);
                return 0;
        }
        return directory_discard(context, above, site->name, fd, figures, error);
}

static int remove_log(StepContext *context, const SiteDir *site, const char *directory,
        Fleet__PurgeResult *result, Error *error)
{
        _cleanup_free_ char *parent = NULL;
        TreeFigures figures = {0};
        int r;

        if (!site_log_is(site, directory)) {
                if (!text_blank(directory) && !file_is_beneath(directory, site->path))
                        step_note(context, "%s is left as it is: the site does not log to it.",
                                directory);
                return 0;
        }
        parent = text_copy_n(directory, (size_t)(strrchr(directory, '/') - directory));
        site_act_as(remover(step_policy(context), site, parent));
        r = remove_log_in(context, site, parent, directory, &figures, error);
        site_act_as(NULL);
        if (r < 0)
                return r;
        remember_tree(result, directory, &figures);
        return 0;
}

// Of an adopted site no step has reported it. The caller's.
static char *log_of(const Fleet__PurgeArguments *arguments, const SiteDir *site)
{
        char *found;

        if (!arguments->retire || !text_blank(arguments->log_directory))
                return text_copy(arguments->log_directory ? arguments->log_directory : "");
        site_log_find(site, arguments->guard, &found);
        return found;
}

static int remove_project(
        StepContext *context, const SiteDir *site, Fleet__PurgeResult *result, Error *error)
{
        TreeFigures figures = {0};
        int r = directory_discard(context, site->root_fd, site->name, site->fd, &figures, error);

        if (r < 0)
                return step_canceled(context) ? step_canceled_error(context, error) : r;
        remember_tree(result, site->path, &figures);
        return 0;
}

static int check_target(const Fleet__PurgeArguments *arguments, Error *error)
{
        const Fleet__Site *target = arguments->guard ? arguments->guard->target : NULL;

        if (target && text_equal(target->root, arguments->site->root) &&
                text_equal(target->name, arguments->site->name))
                return 0;
        error_set(error, -EPERM, "interlock", "the site to remove is not the one that is guarded");
        error_where(error, "%s/%s", arguments->site->root, arguments->site->name);
        error_next(error, "This is a mistake of the controller: see its log.");
        return -EPERM;
}

static int purge_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__PurgeArguments *arguments = (const Fleet__PurgeArguments *)message;
        Fleet__PurgeResult *result = (Fleet__PurgeResult *)output;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_free_ char *log = NULL;
        int r = check_target(arguments, error);

        if (r >= 0)
                r = site_open_root(step_policy(context), arguments->site, &site, error);
        if (r >= 0)
                r = root_links_refuse(&site, error);
        if (r >= 0 && site.fd >= 0 && arguments->retire)
                r = usage_refuse_links(&site, NULL, 0, error);
        if (r < 0 || site.fd < 0)
                return r < 0 ? r : remove_project(context, &site, result, error);
        r = ask_and_drop(context, arguments, &site, result, error);
        if (r >= 0)
                log = log_of(arguments, &site);
        if (r >= 0)
                r = remove_log(context, &site, log, result, error);
        if (r >= 0 && arguments->retire)
                stale_remove(context, &site, remember_stale, result);
        return r < 0 ? r : remove_project(context, &site, result, error);
}

const StepOps step_purge_ops = {.run = purge_run};
