// log: gives the clone a log directory of its own, of the kind that production has.
//
// Where production's log is a link, a site decides where it leads. So the directory beside it is
// made as the site's owner, unless the policy names that place as the parent of log directories.
#include <fcntl.h>

#include "base/file.h"
#include "steps/files.h"
#include "steps/log_mark.h"

extern const StepOps step_log_ops;

typedef struct LogPlan {
        SiteDir production, preview;
        struct stat like; // production's directory
        char *parent;     // where the directory is made: resolved; NULL: in the project directory
        char *directory;  // absolute; NULL: production has none
        bool trusted;     // the parent is the policy's
} LogPlan;

static void log_plan_clear(LogPlan *plan)
{
        site_close(&plan->production);
        site_close(&plan->preview);
        free(plan->parent);
        free(plan->directory);
}

#define LOG_PLAN_EMPTY ((LogPlan){.production = SITE_DIR_EMPTY, .preview = SITE_DIR_EMPTY})

// Production's log is a link to a directory: the parent is that directory's.
static int plan_link(const Policy *policy, LogPlan *plan)
{
        _cleanup_free_ char *link = text_format("%s/log", plan->production.path);
        _cleanup_free_ char *target = NULL, *own = NULL;
        int r = file_resolve(link, &target);

        if (r < 0 && !policy->log_root)
                return r == -ENOENT ? 0
                                    : r; // dangling: Lino writes no log, and neither will the clone
        if (policy->log_root) {
                r = file_resolve(policy->log_root, &own);
                if (r < 0)
                        return r;
        }
        if (target && stat(target, &plan->like) < 0)
                return -errno;
        if (target && !S_ISDIR(plan->like.st_mode))
                return -ENOTDIR;
        if (!target && fstat(plan->production.fd, &plan->like) < 0)
                return -errno;
        plan->parent = target ? text_copy_n(target, (size_t)(strrchr(target, '/') - target))
                              : text_copy(own);
        plan->trusted = text_equal(plan->parent, own);
        plan->directory = text_format("%s/%s", plan->parent, plan->preview.name);
        return 0;
}

static int plan_log(StepContext *context, LogPlan *plan)
{
        struct stat st;

        if (fstatat(plan->production.fd, "log", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (S_ISLNK(st.st_mode))
                return plan_link(step_policy(context), plan);
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        plan->like = st;
        plan->directory = text_format("%s/log", plan->preview.path);
        return 0;
}

static int log_open(
        StepContext *context, const Fleet__LogArguments *arguments, LogPlan *plan, Error *error)
{
        int r = site_open(step_policy(context), arguments->production, &plan->production, error);

        if (r >= 0)
                r = site_open_root(step_policy(context), arguments->preview, &plan->preview, error);
        if (r < 0)
                return r;
        r = plan_log(context, plan);
        if (r < 0) {
                error_set(error, r, "log", "cannot tell where production's log directory is");
                error_where(error, "%s/log", plan->production.path);
                error_next(error, "Look at it: ls -ld '%s/log'", plan->production.path);
        }
        return r;
}

static int own_directory(int fd, const LogPlan *plan)
{
        const struct stat *like = &plan->like;

        // Not permitted to us means: not permitted to the site either, and it stays its owner's.
        if (fchown(fd, like->st_uid, like->st_gid) < 0 && errno != EPERM)
                return -errno;
        if (fchmod(fd, like->st_mode & 07777) < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

// Can this directory be the preview's? The link alone proves nothing: a site can set it to the
// directory of another.
static bool may_be_ours(int fd, const LogPlan *plan)
{
        struct stat st;

        return fstat(fd, &st) == 0 &&
               (st.st_uid == plan->like.st_uid || st.st_uid == plan->production.owner.uid) &&
               log_mark_read(fd, &plan->preview) != LOG_MARK_OTHERS;
}

// Was it made for the preview? Without a mark, which earlier versions did not leave, its link says.
static bool is_ours(int fd, const LogPlan *plan, bool linked)
{
        return may_be_ours(fd, plan) &&
               (linked || log_mark_read(fd, &plan->preview) == LOG_MARK_OWN);
}

// -ENOTEMPTY: there is something of that name already, with something in it.
static int make_in(int parent, const char *name, const LogPlan *plan, bool linked)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (!directory_is_empty(fd) && !is_ours(fd, plan, linked))
                return -ENOTEMPTY;
        r = own_directory(fd, plan);
        return r == 0 && plan->parent ? log_mark_write(fd, &plan->preview) : r;
}

static int make_directory(const LogPlan *plan, bool linked)
{
        _cleanup_close_ int parent = -EBADF;

        if (!plan->parent)
                return make_in(plan->preview.fd, "log", plan, true);
        parent = open(plan->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return parent < 0 ? -errno : make_in(parent, plan->preview.name, plan, linked);
}

static bool link_is_set(const LogPlan *plan)
{
        _cleanup_free_ char *target = NULL;

        return plan->preview.fd >= 0 && plan->parent &&
               file_read_link_at(plan->preview.fd, "log", &target) == 0 &&
               text_equal(target, plan->directory);
}

static int log_failed(int r, const LogPlan *plan, Error *error)
{
        error_set(error, r, "log", "cannot give the preview a log directory");
        error_where(error, "%s", plan->directory);
        if (r == -ENOTEMPTY)
                error_next(error,
                        "It holds the log of another site or an earlier one: move it away "
                        "(mv '%s' '%s.old'), and retry the job.",
                        plan->directory, plan->directory);
        else if ((r == -EACCES || r == -EPERM) && plan->parent)
                error_next(error,
                        "The site's own user may not make it. Add the line 'log_root = %s' to "
                        "[policy] in worker.conf, restart understudy-worker, and retry the job.",
                        plan->parent);
        else
                error_next(error, "Look at its parent: ls -ld '%s/..'", plan->directory);
        return r;
}

static int no_preview(const LogPlan *plan, Error *error)
{
        error_set(error, -ENOENT, "no-site", "the preview's project directory is gone");
        error_where(error, "%s", plan->preview.path);
        error_next(error, "Prepare the preview again: understudyctl preview prepare SERIES %s",
                plan->preview.name);
        return -ENOENT;
}

static int log_run(StepContext *context, const ProtobufCMessage *message, ProtobufCMessage *output,
        Error *error)
{
        Fleet__LogResult *result = (Fleet__LogResult *)output;
        LogPlan plan _cleanup_(log_plan_clear) = LOG_PLAN_EMPTY;
        int r = log_open(context, (const Fleet__LogArguments *)message, &plan, error);

        if (r < 0)
                return r;
        if (plan.preview.fd < 0)
                return no_preview(&plan, error);
        if (!plan.directory) {
                step_note(context, "Production has no log directory, so neither has the preview.");
                return 0;
        }
        if (!plan.trusted)
                site_act_as(&plan.production.owner);
        r = make_directory(&plan, link_is_set(&plan));
        site_act_as(NULL);
        if (r == 0 && plan.parent && !link_is_set(&plan))
                r = file_replace_link_at(plan.preview.fd, "log", plan.directory);
        if (r < 0)
                return log_failed(r, &plan, error);
        result->directory = text_copy(plan.directory);
        return 0;
}

// Only what was made for the preview goes, or an empty directory that a killed run made.
static int discard(StepContext *context, int parent, const LogPlan *plan, Error *error)
{
        const char *name = plan->preview.name;
        _cleanup_close_ int fd =
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        bool linked = link_is_set(plan);

        if (fd < 0 ? linked : is_ours(fd, plan, linked))
                return directory_discard(context, parent, name, fd, NULL, error);
        if (fd >= 0 && linked)
                step_note(context, "%s is left as it is: it is another site's.", plan->directory);
        else if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT &&
                 errno != ENOTEMPTY && errno != ENOTDIR)
                return log_failed(-errno, plan, error);
        return 0;
}

static int log_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        LogPlan plan _cleanup_(log_plan_clear) = LOG_PLAN_EMPTY;
        _cleanup_close_ int parent = -EBADF;
        int r = log_open(context, (const Fleet__LogArguments *)message, &plan, error);

        if (r < 0 || !plan.parent)
                return r;
        parent = open(plan.parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parent < 0)
                return errno == ENOENT ? 0 : log_failed(-errno, &plan, error);
        if (!plan.trusted)
                site_act_as(&plan.production.owner);
        r = discard(context, parent, &plan, error);
        site_act_as(NULL);
        if (r == 0 && link_is_set(&plan) && unlinkat(plan.preview.fd, "log", 0) < 0)
                r = log_failed(-errno, &plan, error);
        return r;
}

const StepOps step_log_ops = {.run = log_run, .undo = log_undo};
