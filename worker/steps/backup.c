// backup: the last one of a site that is to be retired, outside of all roots: its project directory
// as it is, with the dump that was just made in it, and its log.
//
// It is made under a hidden name and gets its own by one rename, after the copy was read again and
// compared with what was read of the site. A directory of that name is this job's and whole, or
// somebody else's and refused.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "names.h"
#include "step/context.h"
#include "steps/files.h"
#include "steps/site_log.h"
#include "steps/target.h"
#include "steps/usage.h"

extern const StepOps step_backup_ops;

#define ORIGIN_FILE   "origin"
#define RESTORE_FILE  "RESTORE"
#define TOLD_TROUBLES 5

typedef struct Backup {
        StepContext *context;
        Target target;
        char *parent; // of the series' backups
        int parent_fd;
        char *name, *stage; // in it
        char *origin;
        int stage_fd;
        Fleet__BackupResult *result;
        TextList troubles; // what could not be copied
} Backup;

#define BACKUP_EMPTY ((Backup){.target = TARGET_EMPTY, .parent_fd = -EBADF, .stage_fd = -EBADF})

static void backup_clear(Backup *backup)
{
        target_close(&backup->target);
        free(backup->parent);
        closep(&backup->parent_fd);
        free(backup->name);
        free(backup->stage);
        free(backup->origin);
        closep(&backup->stage_fd);
        text_list_clear(&backup->troubles);
}

// ---- where it goes

static int refuse_place(int r, const char *place, const char *why, Error *error)
{
        error_set(error, r, "backup", "the last backup has no place");
        error_where(error, "%s", place);
        error_why(error, "%s", why);
        error_next(error,
                "Say a directory that is root's alone and outside of all roots in worker.conf "
                "([policy], backups = DIRECTORY), restart understudy-worker, then: understudyctl "
                "job retry ID");
        return r;
}

static bool is_in_a_root(const Policy *policy, const char *path)
{
        for (size_t i = 0; i < policy->roots.count; i++) {
                _cleanup_free_ char *root = NULL;

                if (file_resolve(policy->roots.items[i], &root) == 0 && file_is_beneath(path, root))
                        return true;
        }
        return false;
}

static int check_place(const Policy *policy, const char *path, int fd, Error *error)
{
        struct stat st;

        if (is_in_a_root(policy, path))
                return refuse_place(-EPERM, path, "it lies in a root directory of sites", error);
        if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
                return refuse_place(
                        -EPERM, path, "others than the worker's user may write there", error);
        return 0;
}

static int open_parent(Backup *backup, Error *error)
{
        const Policy *policy = step_policy(backup->context);
        const char *series = context_task(backup->context)->series;
        _cleanup_free_ char *wanted = NULL;
        int r = name_check_series(series, error);

        if (r < 0)
                return r;
        if (text_blank(policy->backups))
                return refuse_place(-ENOENT, "worker.conf", "it does not say one", error);
        wanted = text_format("%s/%s", policy->backups, series);
        r = file_make_directories(wanted, 0700);
        if (r == 0)
                r = file_resolve(wanted, &backup->parent);
        if (r == 0)
                r = backup->parent_fd =
                        open(backup->parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (r < 0)
                return refuse_place(-ENOENT, wanted, "it cannot be made, or opened", error);
        return check_place(policy, backup->parent, backup->parent_fd, error);
}

static int backup_open(
        StepContext *context, const Fleet__BackupArguments *arguments, Backup *backup, Error *error)
{
        _cleanup_free_ char *job = step_job(context);
        int r = name_check_site(arguments->site->name, error);

        if (r < 0)
                return r;
        backup->context = context;
        backup->name = text_format("%s.%s", arguments->site->name, job);
        backup->stage = text_format(".%s.understudy-backup", backup->name);
        backup->origin = step_origin(context);
        return open_parent(backup, error);
}

static bool is_ours(const Backup *backup)
{
        _cleanup_free_ char *path = text_format("%s/" ORIGIN_FILE, backup->name), *text = NULL;

        return file_read_at(backup->parent_fd, path, 4096, &text, NULL) == 0 &&
               text_equal(text, backup->origin);
}

static int refuse_taken(const Backup *backup, Error *error)
{
        struct stat st;

        if (fstatat(backup->parent_fd, backup->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        error_set(error, -EEXIST, "backup", "there is a backup of that name already");
        error_where(error, "%s/%s", backup->parent, backup->name);
        error_why(error, "another job, of another controller, made it");
        error_next(error, "Move it away (mv '%s/%s' elsewhere), then: understudyctl job retry ID",
                backup->parent, backup->name);
        return -EEXIST;
}

static int drop_stage(const Backup *backup, Error *error)
{
        return directory_discard(
                backup->context, backup->parent_fd, backup->stage, -1, NULL, error);
}

// ---- room

static int check_room(const Backup *backup, Error *error)
{
        const SiteDir *site = &backup->target.site;
        uint64_t percent = step_policy(backup->context)->clone_free_percent, free, keep;
        TreeOptions options = tree_options(backup->context);
        TreeFigures figures = {0};
        struct statvfs state;
        int r = tree_measure(site->fd, &options, &figures, error);

        if (r < 0)
                return r;
        if (fstatvfs(backup->parent_fd, &state) < 0)
                return refuse_place(-errno, backup->parent, "it cannot be measured", error);
        free = (uint64_t)state.f_bavail * state.f_frsize;
        keep = (uint64_t)state.f_blocks * state.f_frsize / 100 * percent;
        if (figures.bytes + keep <= free)
                return 0;
        error_set(error, -ENOSPC, "no-space", "there is no room for the last backup");
        error_where(error, "%s", backup->parent);
        error_why(error, "%s has %s, %s is free, and %d percent stay free", site->path,
                text_bytes(figures.bytes), text_bytes(free), (int)percent);
        error_next(
                error, "Free some (df -h '%s'), then: understudyctl job retry ID", backup->parent);
        return -ENOSPC;
}

// ---- the copy

static void add_socket(Fleet__BackupResult *result, const char *path, const char *why)
{
        Fleet__Special *special = (Fleet__Special *)message_new(&fleet__special__descriptor);

        special->path = text_copy(path);
        special->why = text_copy(why);
        result->special =
                memory_grow(result->special, (result->n_special + 1) * sizeof(*result->special));
        result->special[result->n_special++] = special;
}

// A socket that nobody listens on is nothing to keep. All else that is not copied is missed.
static void take_event(void *userdata, TreeEventKind kind, const char *path, const char *why)
{
        Backup *backup = userdata;

        if (kind != TREE_SPECIAL)
                return;
        if (text_starts(why, "a socket"))
                add_socket(backup->result, path, why);
        else
                text_list_take(&backup->troubles, text_format("%s: %s", path, why));
}

static int show_progress(void *userdata, const TreeFigures *figures, const char *path)
{
        const Backup *backup = userdata;

        step_progress_bytes(backup->context, FLEET__UNIT__FILES, figures->files,
                figures->files_total, figures->bytes, figures->bytes_total, path);
        return 0;
}

static int refuse_troubles(const Backup *backup, const char *what, Error *error)
{
        _cleanup_free_ char *told = NULL;
        TextList first = backup->troubles;

        if (first.count == 0)
                return 0;
        if (first.count > TOLD_TROUBLES)
                first.count = TOLD_TROUBLES;
        told = text_list_join(&first, "; ");
        error_set(error, -EIO, "backup", "%s (%zu)", what, backup->troubles.count);
        error_where(error, "%s", backup->target.site.path);
        error_why(error, "%s", told);
        error_next(error, "See to them in the site, then: understudyctl job retry ID");
        return -EIO;
}

static int ended(const Backup *backup, int r, Error *error)
{
        return r < 0 && step_canceled(backup->context) ? step_canceled_error(backup->context, error)
                                                       : r;
}

// Reads the copy again, and compares it with what was read of the original.
static int compare(Backup *backup, const char *name, const char *manifest, Error *error)
{
        _cleanup_close_ int copy =
                file_open_beneath(backup->stage_fd, name, O_RDONLY | O_DIRECTORY, false);
        TreeOptions options = tree_options(backup->context);
        TreeFigures figures = {0};
        int r;

        options.progress = show_progress;
        options.event = take_event;
        options.userdata = backup;
        if (copy < 0)
                return error_set(error, copy, "backup", "the copy is gone: %s", name);
        r = tree_verify(copy, manifest, &options, &figures, error);
        if (r == -EUCLEAN) {
                error_clear(error);
                return refuse_troubles(backup, "the copy is not what was read", error);
        }
        return ended(backup, r, error);
}

static int copy_tree(Backup *backup, int from, const char *name, Error *error)
{
        _cleanup_free_ char *manifest =
                text_format("%s/%s/%s.manifest", backup->parent, backup->stage, name);
        TreeOptions options = tree_options(backup->context);
        TreeFigures figures = {0};
        int r;

        options.progress = show_progress;
        options.event = take_event;
        options.userdata = backup;
        options.manifest = manifest;
        r = tree_clone(from, backup->stage_fd, name, &options, &figures, error);
        if (r < 0)
                return ended(backup, r, error);
        backup->result->files += figures.files;
        backup->result->bytes += figures.bytes;
        return refuse_troubles(backup, "not all of the site can be copied", error)
                       ?: compare(backup, name, manifest, error);
}

static int copy_log(Backup *backup, const Fleet__Guard *guard, Error *error)
{
        const SiteDir *site = &backup->target.site;
        _cleanup_free_ char *directory = NULL, *parent = NULL;
        _cleanup_close_ int above = -EBADF, fd = -EBADF;
        const char *why;

        site_log_find(site, guard, &directory);
        if (!directory)
                return 0;
        parent = text_copy_n(directory, (size_t)(strrchr(directory, '/') - directory));
        above = open(*parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (above < 0 || !site_log_open(site, above, site->name, &fd, &why))
                return 0; // it stays, as purge finds it, too
        return copy_tree(backup, fd, "log", error);
}

// ---- what people read who need it

// How the database comes back: a file of the project directory is there with it.
static char *database_text(const Backup *backup)
{
        const Fleet__Database *database = backup->target.identity->database;

        if (!backup->target.engine->on_server)
                return text_format("\nIts database is the file %s.\n", database->name);
        return text_format("\nMake its database '%s' (%s) and its user '%s' again, with the "
                           "password that its settings have, and load the dump, as its owner:\n\n"
                           "    cd '%s'\n"
                           "    env/bin/python manage.py run snapshot2preview/restore.py "
                           "--noinput\n",
                database->name, database->engine, database->user, backup->target.site.path);
}

static int write_restore(const Backup *backup, Error *error)
{
        const SiteDir *site = &backup->target.site;
        _cleanup_free_ char *log = NULL, *log_line = NULL, *database = database_text(backup),
                            *text = NULL;
        int r;

        if (faccessat(backup->stage_fd, "log", F_OK, 0) == 0 &&
                file_read_link_at(site->fd, "log", &log) == 0)
                log_line = text_format(
                        "    cp -a '%s/%s/log' '%s'\n", backup->parent, backup->name, log);
        text = text_format("The last backup of %s, from before it was removed. To put it back, as "
                           "root:\n\n    cp -a '%s/%s/project' '%s'\n%s%s",
                site->path, backup->parent, backup->name, site->path, log_line ? log_line : "",
                database);
        r = file_write_at(backup->stage_fd, RESTORE_FILE, text, strlen(text), 0600);
        if (r == 0)
                r = file_write_at(backup->stage_fd, ORIGIN_FILE, backup->origin,
                        strlen(backup->origin), 0600);
        return r < 0 ? refuse_place(r, backup->parent, "it cannot be written to", error) : 0;
}

// ---- the step

static int open_stage(Backup *backup, Error *error)
{
        int r = drop_stage(backup, error);

        if (r < 0)
                return r;
        if (mkdirat(backup->parent_fd, backup->stage, 0700) < 0)
                return refuse_place(-errno, backup->parent, "it cannot be written to", error);
        r = backup->stage_fd =
                file_open_beneath(backup->parent_fd, backup->stage, O_RDONLY | O_DIRECTORY, false);
        return r < 0 ? refuse_place(r, backup->parent, "it cannot be read", error) : 0;
}

static int publish(const Backup *backup, Error *error)
{
        if (renameat2(backup->parent_fd, backup->stage, backup->parent_fd, backup->name,
                    RENAME_NOREPLACE) == 0 &&
                fsync(backup->parent_fd) == 0)
                return 0;
        return refuse_place(-errno, backup->parent, "it cannot be written to", error);
}

static void tell(const Backup *backup)
{
        backup->result->directory = text_format("%s/%s", backup->parent, backup->name);
        step_note(backup->context, "The last backup is %s.", backup->result->directory);
}

// Whole already: a run that was killed had only to say so.
static int backup_check(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        Backup backup _cleanup_(backup_clear) = BACKUP_EMPTY;
        int r = backup_open(context, (const Fleet__BackupArguments *)message, &backup, error);

        if (r < 0 || !is_ours(&backup))
                return r;
        backup.result = (Fleet__BackupResult *)output;
        tell(&backup);
        return 1;
}

static int backup_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__BackupArguments *arguments = (const Fleet__BackupArguments *)message;
        Backup backup _cleanup_(backup_clear) = BACKUP_EMPTY;
        int r = backup_open(context, arguments, &backup, error)
                        ?: refuse_taken(&backup, error)
                        ?: target_open(
                                   context, arguments->site, arguments->guard, &backup.target, error);

        if (r < 0)
                return r;
        backup.result = (Fleet__BackupResult *)output;
        r = usage_refuse_programs(context, &backup.target.site, error)
                    ?: check_room(&backup, error)
                    ?: open_stage(&backup, error)
                    ?: copy_tree(&backup, backup.target.site.fd, "project", error)
                    ?: copy_log(&backup, arguments->guard, error)
                    ?: write_restore(&backup, error)
                    ?: publish(&backup, error);
        if (r == 0)
                tell(&backup);
        else
                (void)!drop_stage(
                        &backup, NULL); // it fills the disk; what stays goes with the next run
        return r;
}

static int backup_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        Backup backup _cleanup_(backup_clear) = BACKUP_EMPTY;
        int r = backup_open(context, (const Fleet__BackupArguments *)message, &backup, error)
                        ?: drop_stage(&backup, error);

        if (r < 0 || !is_ours(&backup))
                return r;
        return directory_discard(context, backup.parent_fd, backup.name, -1, NULL, error);
}

const StepOps step_backup_ops = {.check = backup_check, .run = backup_run, .undo = backup_undo};
