// mirror: makes directories of the preview exactly equal to production's, deletions included.
//
// Never nested: both sides are opened, and made equal entry by entry. Links that point into
// production's project directory point into the preview's afterwards.
#include <fcntl.h>

#include "base/file.h"
#include "site/interlock.h"
#include "steps/files.h"

extern const StepOps step_mirror_ops;

typedef struct Mirror {
        StepContext *context;
        const char *directory; // being mirrored
        SiteDir production, preview;
        TreeFigures before; // of the directories that are done
        Fleet__MirrorResult *result;
} Mirror;

#define MIRROR_EMPTY ((Mirror){.production = SITE_DIR_EMPTY, .preview = SITE_DIR_EMPTY})

static void mirror_clear(Mirror *mirror)
{
        site_close(&mirror->production);
        site_close(&mirror->preview);
}

static int show_progress(void *userdata, const TreeFigures *figures, const char *path)
{
        const Mirror *mirror = userdata;
        _cleanup_free_ char *note = text_format("%s/%s", mirror->directory, path ? path : "");

        step_progress_bytes(mirror->context, FLEET__UNIT__FILES,
                mirror->before.files + figures->files, 0, mirror->before.bytes + figures->bytes, 0,
                note);
        return 0;
}

static void note_special(void *userdata, TreeEventKind kind, const char *path, const char *why)
{
        Mirror *mirror = userdata;
        Fleet__MirrorResult *result = mirror->result;
        Fleet__Special *special;

        if (kind != TREE_SPECIAL)
                return;
        special = (Fleet__Special *)message_new(&fleet__special__descriptor);
        special->path = text_format("%s/%s", mirror->directory, path);
        special->why = text_copy(why);
        step_note(mirror->context, "%s: %s", special->path, why);
        result->special =
                memory_grow(result->special, (result->n_special + 1) * sizeof(*result->special));
        result->special[result->n_special++] = special;
}

static int open_failed(int r, const SiteDir *site, const char *directory, Error *error)
{
        bool link = r == -ELOOP || r == -EXDEV || r == -ENOTDIR;

        error_set(error, r, link ? "media-link" : "mirror", "cannot mirror %s", directory);
        error_where(error, "%s/%s", site->path, directory);
        if (link) {
                error_why(error, "it is, or lies behind, something else than a directory, and "
                                 "links are not followed");
                error_next(error,
                        "Make it a directory of the project: stop the site, move the link away and "
                        "what it points at to '%s/%s', start the site, and sync again.",
                        site->path, directory);
        } else {
                error_next(error, "Look at it: ls -ld '%s/%s'", site->path, directory);
        }
        return r;
}

// Opens or creates the preview's side. -ENOENT with `like` NULL: there is none.
static int open_target(const Mirror *mirror, const struct stat *like)
{
        int fd = file_open_beneath(
                mirror->preview.fd, mirror->directory, O_RDONLY | O_DIRECTORY, false);

        if (fd != -ENOENT || !like)
                return fd;
        return directory_make(mirror->preview.fd, mirror->directory, like->st_uid, like->st_gid);
}

// Production's may be missing, but then so must the preview's: more likely a file system is not
// mounted than that all of it is to go.
static int source_missing(const Mirror *mirror, Error *error)
{
        _cleanup_close_ int target = open_target(mirror, NULL);

        if (target == -ENOENT) {
                step_note(mirror->context, "Production has no %s, and neither has the preview.",
                        mirror->directory);
                return 0;
        }
        error_set(error, -ENOENT, "source-missing", "production has no %s, but the preview has",
                mirror->directory);
        error_where(error, "%s/%s", mirror->production.path, mirror->directory);
        error_why(error, "a file system that is not mounted would look the same");
        error_next(error,
                "Put it back, or, if production really gave it up, remove '%s/%s', and sync again.",
                mirror->preview.path, mirror->directory);
        return -ENOENT;
}

static void add_figures(Mirror *mirror, const TreeFigures *figures)
{
        Fleet__MirrorResult *result = mirror->result;

        mirror->before.files += figures->files;
        mirror->before.bytes += figures->bytes;
        result->files += figures->files;
        result->copied += figures->copied;
        result->deleted += figures->deleted;
        result->bytes += figures->bytes;
        result->links_corrected += figures->links_corrected;
}

static int mirror_failed(const Mirror *mirror, int r, Error *error)
{
        if (step_canceled(mirror->context))
                return step_canceled_error(mirror->context, error);
        if (r == -ENOTEMPTY)
                error_next(error,
                        "If production really has so much less in %s, empty '%s/%s' by hand and "
                        "sync again.",
                        mirror->directory, mirror->preview.path, mirror->directory);
        return r;
}

static int check_name(const char *directory, Error *error)
{
        if (!text_blank(directory) && !strchr(directory, '/') && directory[0] != '.')
                return 0;
        error_set(error, -EINVAL, "bad-name", "'%s' is no directory to mirror", directory);
        error_why(error, "only directories of the project directory itself are mirrored");
        error_next(error, "This is a mistake of the controller: see its log.");
        return -EINVAL;
}

static int mirror_directory(Mirror *mirror, const char *directory, Error *error)
{
        TreeOptions options = tree_options(mirror->context);
        _cleanup_close_ int source = -EBADF, target = -EBADF;
        TextList spellings _cleanup_text_list_ = {0};
        TreeFigures figures = {0};
        struct stat st;
        int r = check_name(directory, error);

        if (r < 0)
                return r;
        mirror->directory = directory;
        source = file_open_beneath(mirror->production.fd, directory, O_RDONLY | O_DIRECTORY, false);
        if (source == -ENOENT)
                return source_missing(mirror, error);
        if (source < 0 || fstat(source, &st) < 0)
                return open_failed(
                        source < 0 ? source : -errno, &mirror->production, directory, error);
        target = open_target(mirror, &st);
        if (target < 0)
                return open_failed(target, &mirror->preview, directory, error);
        options.progress = show_progress;
        options.event = note_special;
        options.userdata = mirror;
        site_spellings(step_policy(mirror->context), &mirror->production, &spellings);
        options.link_from = mirror->production.path;
        options.link_also = (const char *const *)spellings.items;
        options.link_also_count = spellings.count;
        options.link_to = mirror->preview.path;
        r = tree_mirror(source, target, &options, &figures, error);
        if (r < 0)
                return mirror_failed(mirror, r, error);
        add_figures(mirror, &figures);
        return 0;
}

// The guard's target is what is going to be changed, or the interlock would ask the wrong site.
static int check_target(const Fleet__MirrorArguments *arguments, Error *error)
{
        const Fleet__Site *target = arguments->guard ? arguments->guard->target : NULL;

        if (target && text_equal(target->root, arguments->preview->root) &&
                text_equal(target->name, arguments->preview->name) &&
                !(text_equal(arguments->production->root, arguments->preview->root) &&
                        text_equal(arguments->production->name, arguments->preview->name)))
                return 0;
        error_set(
                error, -EPERM, "interlock", "the mirror's target is not the site that is guarded");
        error_where(error, "%s/%s", arguments->preview->root, arguments->preview->name);
        error_next(error, "This is a mistake of the controller: see its log.");
        return -EPERM;
}

static int mirror_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__MirrorArguments *arguments = (const Fleet__MirrorArguments *)message;
        const Policy *policy = step_policy(context);
        Mirror mirror _cleanup_(mirror_clear) = MIRROR_EMPTY;
        int r = check_target(arguments, error);

        mirror.context = context;
        mirror.result = (Fleet__MirrorResult *)result;
        if (r >= 0)
                r = site_open(policy, arguments->production, &mirror.production, error);
        if (r >= 0)
                r = site_open(policy, arguments->preview, &mirror.preview, error);
        if (r >= 0)
                r = interlock_check(context, arguments->guard, NULL, error);
        for (size_t i = 0; i < arguments->n_directories && r >= 0; i++)
                r = mirror_directory(&mirror, arguments->directories[i], error);
        return r;
}

const StepOps step_mirror_ops = {.run = mirror_run};
