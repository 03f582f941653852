// clone: copies production's project directory, without what belongs to production alone.
//
// The copy gets a marker with its job before it appears under its name, by one rename. So
// a directory of that name is either this job's and whole, or somebody else's and refused.
#include "steps/clone.h"

#include <fcntl.h>

#include "base/file.h"
#include "steps/files.h"

extern const StepOps step_clone_ops;

typedef struct Clone {
        StepContext *context;
        SiteDir production, preview;
        char *origin; // what its marker says
        char *stage;  // name in the root of the directory it is made in
        Fleet__CloneResult *result;
} Clone;

#define CLONE_EMPTY ((Clone){.production = SITE_DIR_EMPTY, .preview = SITE_DIR_EMPTY})

static void clone_clear(Clone *clone)
{
        site_close(&clone->production);
        site_close(&clone->preview);
        free(clone->origin);
        free(clone->stage);
}

static int clone_open(
        StepContext *context, const Fleet__CloneArguments *arguments, Clone *clone, Error *error)
{
        const Policy *policy = step_policy(context);
        int r = site_open(policy, arguments->production, &clone->production, error);

        if (r >= 0)
                r = site_open_root(policy, arguments->preview, &clone->preview, error);
        if (r < 0)
                return r;
        clone->context = context;
        clone->origin = step_origin(context);
        clone->stage = text_format(".%s.understudy-clone", clone->preview.name);
        return 0;
}

static int refuse_existing(const Clone *clone, Error *error)
{
        error_set(error, -EEXIST, "exists", "the preview's name is taken");
        error_where(error, "%s", clone->preview.path);
        error_why(error, "there is a project directory already, and this job did not make it");
        error_next(error,
                "Choose another name, or give that site up first (understudyctl preview drop "
                "SERIES, or move the directory away).");
        return -EEXIST;
}

// With a link, the preview would write into production's media.
static int check_media(const Clone *clone, Error *error)
{
        struct stat st;

        if (fstatat(clone->production.fd, "media", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                !S_ISLNK(st.st_mode))
                return 0;
        error_set(error, -ELOOP, "media-link", "production's media is a symbolic link");
        error_where(error, "%s/media", clone->production.path);
        error_why(error, "a preview with the same link would change production's files");
        error_next(error,
                "Make it a directory of the project: stop the site, remove the link, move what it "
                "points at to '%s/media', start the site, and retry.",
                clone->production.path);
        return -ELOOP;
}

static void note_special(void *userdata, TreeEventKind kind, const char *path, const char *why)
{
        Clone *clone = userdata;
        Fleet__CloneResult *result = clone->result;
        Fleet__Special *special;

        if (kind != TREE_SPECIAL)
                return;
        special = (Fleet__Special *)message_new(&fleet__special__descriptor);
        special->path = text_copy(path);
        special->why = text_copy(why);
        result->special =
                memory_grow(result->special, (result->n_special + 1) * sizeof(*result->special));
        result->special[result->n_special++] = special;
}

// The progress callback gets the same userdata.
static int show_progress(void *userdata, const TreeFigures *figures, const char *path)
{
        Clone *clone = userdata;

        step_progress_bytes(clone->context, FLEET__UNIT__FILES, figures->files,
                figures->files_total, figures->bytes, figures->bytes_total, path);
        return 0;
}

static int open_stage(const Clone *clone)
{
        if (mkdirat(clone->preview.root_fd, clone->stage, 0700) < 0)
                return -errno;
        return file_open_beneath(
                clone->preview.root_fd, clone->stage, O_RDONLY | O_DIRECTORY, false);
}

static int copy_tree(Clone *clone, int stage, const TextList *left_out, Error *error)
{
        TreeOptions options = tree_options(clone->context);
        TextList spellings _cleanup_text_list_ = {0};
        TreeFigures figures = {0};
        int r;

        options.progress = show_progress;
        options.event = note_special;
        options.userdata = clone;
        options.exclude = (const char *const *)left_out->items;
        options.exclude_count = left_out->count;
        site_spellings(step_policy(clone->context), &clone->production, &spellings);
        options.link_from = clone->production.path;
        options.link_also = (const char *const *)spellings.items;
        options.link_also_count = spellings.count;
        options.link_to = clone->preview.path;
        r = tree_clone(clone->production.fd, stage, clone->preview.name, &options, &figures, error);
        if (r < 0)
                return step_canceled(clone->context) ? step_canceled_error(clone->context, error)
                                                     : r;
        clone->result->files = figures.files;
        clone->result->bytes = figures.bytes;
        return 0;
}

// Marks the copy and gives it its place.
static int publish(const Clone *clone, int stage)
{
        _cleanup_close_ int fd =
                file_open_beneath(stage, clone->preview.name, O_RDONLY | O_DIRECTORY, false);
        struct stat st;
        int r;

        if (fd < 0)
                return fd;
        if (fstat(clone->production.fd, &st) < 0)
                return -errno;
        st.st_mode = 0644;
        r = site_file_write(fd, CLONE_MARKER, clone->origin, strlen(clone->origin), &st);
        if (r < 0)
                return r;
        if (renameat2(stage, clone->preview.name, clone->preview.root_fd, clone->preview.name,
                    RENAME_NOREPLACE) < 0)
                return -errno;
        return fsync(clone->preview.root_fd) < 0 ? -errno : 0;
}

static void report_left_out(const TextList *left_out, Fleet__CloneResult *result)
{
        result->n_left_out = left_out->count;
        result->left_out = memory_new(left_out->count * sizeof(char *));
        for (size_t i = 0; i < left_out->count; i++)
                result->left_out[i] = text_escape(left_out->items[i], strlen(left_out->items[i]));
}

static int publish_failed(const Clone *clone, int r, Error *error)
{
        if (r == -EEXIST)
                return refuse_existing(clone, error);
        error_set(error, r, "clone", "cannot give the copy its place");
        error_where(error, "%s", clone->preview.path);
        error_next(error, "Check who may write there: ls -ld '%s'", clone->preview.root);
        return r;
}

static int stage_failed(const Clone *clone, int r, Error *error)
{
        error_set(error, r, "clone", "cannot make a directory to copy into");
        error_where(error, "%s/%s", clone->preview.root, clone->stage);
        error_next(error, "Check who may write there (ls -la '%s'), and retry the job.",
                clone->preview.root);
        return r;
}

static int drop_stage(const Clone *clone, Error *error)
{
        return directory_discard(
                clone->context, clone->preview.root_fd, clone->stage, -1, NULL, error);
}

static int clone_make(Clone *clone, const Fleet__ProbeResult *probe, Error *error)
{
        TextList left_out _cleanup_text_list_ = {0};
        _cleanup_close_ int stage = -EBADF;
        int r = drop_stage(clone, error);

        if (r >= 0)
                r = clone_left_out(&clone->production, probe, &left_out, error);
        if (r < 0)
                return r;
        stage = open_stage(clone);
        if (stage < 0)
                return stage_failed(clone, stage, error);
        r = copy_tree(clone, stage, &left_out, error);
        if (r < 0)
                return r;
        r = publish(clone, stage);
        if (r < 0)
                return publish_failed(clone, r, error);
        report_left_out(&left_out, clone->result);
        return drop_stage(clone, error);
}

static bool stage_is_there(const Clone *clone)
{
        struct stat st;

        return fstatat(clone->preview.root_fd, clone->stage, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int clone_check(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        Clone clone _cleanup_(clone_clear) = CLONE_EMPTY;
        int r = clone_open(context, (const Fleet__CloneArguments *)arguments, &clone, error);

        (void)result; // what it once counted is not counted again
        return r < 0 ? r : clone_made(&clone.preview, clone.origin) && !stage_is_there(&clone);
}

static int clone_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__CloneArguments *arguments = (const Fleet__CloneArguments *)message;
        Clone clone _cleanup_(clone_clear) = CLONE_EMPTY;
        int r = clone_open(context, arguments, &clone, error);

        if (r < 0)
                return r;
        if (clone_made(&clone.preview, clone.origin))
                return drop_stage(&clone, error);
        if (clone.preview.fd >= 0)
                return refuse_existing(&clone, error);
        clone.result = (Fleet__CloneResult *)result;
        r = check_media(&clone, error);
        return r < 0 ? r : clone_make(&clone, arguments->production_probe, error);
}

// Production need not answer, nor be there, for its clone to be taken back.
static int clone_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        const Fleet__CloneArguments *arguments = (const Fleet__CloneArguments *)message;
        Clone clone _cleanup_(clone_clear) = CLONE_EMPTY;
        int r = site_open_root(step_policy(context), arguments->preview, &clone.preview, error);

        if (r < 0)
                return r;
        clone.context = context;
        clone.origin = step_origin(context);
        clone.stage = text_format(".%s.understudy-clone", clone.preview.name);
        r = drop_stage(&clone, error);
        if (r < 0 || (clone.preview.fd >= 0 && !clone_made(&clone.preview, clone.origin)))
                return r;
        if (clone.preview.fd >= 0)
                r = root_links_refuse(&clone.preview, error);
        return r < 0 ? r
                     : directory_discard(context, clone.preview.root_fd, clone.preview.name,
                               clone.preview.fd, NULL, error);
}

const StepOps step_clone_ops = {.check = clone_check, .run = clone_run, .undo = clone_undo};
