// script: creates or merges restore2preview.py, and compares it with the preview's models.
//
// Files change in an order that a kill can interrupt anywhere: the script before its base, so that
// the next run merges the same changes again and finds them there; and what a person made of a
// conflict is removed only after it became the script.
#include "steps/script.h"

#include <fcntl.h>

#include "base/file.h"
#include "site/python.h"
#include "steps/diff.h"
#include "steps/files.h"
#include "steps/script_merge.h"
#include "steps/script_units.h"
#include "steps/way.h"

extern const StepOps step_script_ops;

#define SCRIPT_MAX   (16U << 20) // bytes; a Lino application's is 60 kB
#define REPORTED_MAX 200         // mismatches in the failure; all of them are in the log

typedef struct Script {
        StepContext *context;
        SiteDir production, preview;
        int fd;           // the dump directory
        char *directory;  // its absolute path
        struct stat like; // of restore.py: owner and mode for what is written
        char *restore;    // texts; NULL: no such file
        char *script;
        char *base;
        Fleet__ScriptResult *result;
} Script;

#define SCRIPT_EMPTY                                                                               \
        ((Script){.production = SITE_DIR_EMPTY, .preview = SITE_DIR_EMPTY, .fd = -EBADF})

static void script_clear(Script *script)
{
        site_close(&script->production);
        site_close(&script->preview);
        closep(&script->fd);
        free(script->directory);
        free(script->restore);
        free(script->script);
        free(script->base);
}

static int file_failed(
        const Script *script, int r, const char *what, const char *name, Error *error)
{
        error_set(error, r, "script", "cannot %s %s", what, name);
        error_where(error, "%s/%s", script->directory, name);
        error_next(error, "Look at it: ls -la '%s'", script->directory);
        return r;
}

// A missing file leaves `ret` NULL.
static int read_text(const Script *script, const char *name, char **ret, Error *error)
{
        int r = site_file_read(script->fd, name, SCRIPT_MAX, ret, NULL, NULL);

        return r == -ENOENT || r == 0 ? 0 : file_failed(script, r, "read", name, error);
}

static int write_text(const Script *script, const char *name, const char *text, Error *error)
{
        int r = site_file_write(script->fd, name, text, strlen(text), &script->like);

        return r < 0 ? file_failed(script, r, "write", name, error) : 0;
}

static int remove_file(const Script *script, const char *name, Error *error)
{
        if (unlinkat(script->fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        return file_failed(script, -errno, "remove", name, error);
}

static int script_open(
        StepContext *context, const Fleet__ScriptArguments *arguments, Script *script, Error *error)
{
        const Policy *policy = step_policy(context);
        int r = site_open(policy, arguments->production, &script->production, error);

        if (r >= 0)
                r = site_open(policy, arguments->preview, &script->preview, error);
        if (r < 0)
                return r;
        script->context = context;
        script->directory = text_format("%s/%s", script->production.path, arguments->directory);
        script->fd = file_open_beneath(
                script->production.fd, arguments->directory, O_RDONLY | O_DIRECTORY, false);
        r = script->fd < 0 ? script->fd
                           : site_file_read(script->fd, RESTORE_FILE, SCRIPT_MAX, &script->restore,
                                     NULL, &script->like);
        if (r < 0) {
                error_set(error, r, "no-dump", "there is no dump of production to restore");
                error_where(error, "%s/%s", script->directory, RESTORE_FILE);
                error_next(error, "Synchronise again, which makes a new one.");
                return r;
        }
        r = read_text(script, SCRIPT_FILE, &script->script, error);
        return r < 0 ? r : read_text(script, SCRIPT_BASE, &script->base, error);
}

static void replace(char **text, const char *by)
{
        char *copy = text_copy(by);

        free(*text);
        *text = copy;
}

// The script first: should its base stay behind, the next merge finds the changes made already.
static int write_script(Script *script, const char *text, const char *base, Error *error)
{
        int r = text_equal(text, script->script) ? 0 : write_text(script, SCRIPT_FILE, text, error);

        if (r < 0)
                return r;
        replace(&script->script, text);
        r = text_equal(base, script->base) ? 0 : write_text(script, SCRIPT_BASE, base, error);
        if (r == 0)
                replace(&script->base, base);
        return r;
}

static int refuse_conflict(const Script *script, unsigned line, Error *error)
{
        _cleanup_free_ char *job = step_job(script->context);

        error_set(error, -EEXIST, "script-conflict",
                "your edits of %s and the new %s contradict each other", SCRIPT_FILE, RESTORE_FILE);
        error_where(error, "%s/%s:%u", script->directory, MERGE_FILE, line);
        error_why(error, "both changed the same lines; yesterday's preview is as it was");
        error_next(error,
                "Edit %s/%s until it is right and all lines '<<<<<<<', '=======' and '>>>>>>>' are "
                "gone from it, then: understudyctl job retry %s",
                script->directory, MERGE_FILE, job);
        return -EEXIST;
}

// A merge that a person has finished becomes the script; it is up to date with the restore.py that
// it was made with, which need not be the newest. One that still has markers counts only for the
// restore.py and the script it was made with.
static int adopt_merge(Script *script, Error *error)
{
        _cleanup_free_ char *merge = NULL, *base = NULL;
        unsigned line;
        int r = read_text(script, MERGE_FILE, &merge, error);

        if (r >= 0)
                r = read_text(script, MERGE_BASE_FILE, &base, error);
        if (r < 0 || !merge || !base)
                return r;
        line = script_marker_line(merge);
        if (line > 0)
                return text_equal(base, script->restore) ? refuse_conflict(script, line, error) : 0;
        r = write_script(script, merge, base, error);
        if (r >= 0)
                r = remove_file(script, MERGE_FILE, error);
        if (r >= 0)
                r = remove_file(script, MERGE_BASE_FILE, error);
        if (r >= 0)
                step_note(script->context, "%s became %s.", MERGE_FILE, SCRIPT_FILE);
        return r;
}

// The merge's base first: without it, a merge is not looked at. What somebody has begun to do about
// a conflict with an earlier dump is kept.
static int keep_conflict(const Script *script, const ScriptMerge *merge, Error *error)
{
        int r = 0;

        if (renameat(script->fd, MERGE_FILE, script->fd, MERGE_OLD_FILE) < 0 && errno != ENOENT)
                r = file_failed(script, -errno, "move away", MERGE_FILE, error);
        if (r >= 0)
                r = write_text(script, MERGE_BASE_FILE, script->restore, error);
        if (r >= 0)
                r = write_text(script, MERGE_FILE, merge->text, error);
        return r < 0 ? r : refuse_conflict(script, script_marker_line(merge->text), error);
}

static int refuse_broken(const Script *script, Error *error)
{
        _cleanup_free_ char *job = step_job(script->context);

        error_set(
                error, -EBADMSG, "script-broken", "%s has no main() that can be read", SCRIPT_FILE);
        error_where(error, "%s/%s", script->directory, SCRIPT_FILE);
        error_why(error, "a bracket or quote is open, or the function is gone");
        error_next(error,
                "Edit it, or move it away to begin with a new copy of %s, then: understudyctl job "
                "retry %s",
                RESTORE_FILE, job);
        return -EBADMSG;
}

static bool has_main(const char *text)
{
        ScriptUnits units _cleanup_units_ = {0};

        script_units_parse(text, &units);
        return script_units_find(&units, SCRIPT_MAIN) != NULL;
}

static int merge_script(Script *script, Error *error)
{
        ScriptMerge merge _cleanup_merge_ = {0};

        if (!has_main(script->script))
                return refuse_broken(script, error);
        if (!script->base)
                step_note(script->context,
                        "It is not known which restore.py %s came from: all that "
                        "differs is taken for edits.",
                        SCRIPT_FILE);
        script_merge(script->base, script->script, script->restore, &merge);
        if (merge.conflicts > 0)
                return keep_conflict(script, &merge, error);
        script->result->units_taken = merge.taken;
        script->result->units_kept = merge.kept;
        script->result->units_merged = merge.merged;
        return write_script(script, merge.text, script->restore, error);
}

static int update_script(Script *script, Error *error)
{
        int r = adopt_merge(script, error);

        if (r < 0)
                return r;
        if (!script->script) {
                script->result->created = true;
                return write_script(script, script->restore, script->restore, error);
        }
        if (text_equal(script->base, script->restore))
                return has_main(script->script) ? 0 : refuse_broken(script, error);
        return merge_script(script, error);
}

static int refuse_mismatches(const Script *script, const json_t *mismatches, Error *error)
{
        _cleanup_free_ char *why = text_copy(""), *job = step_job(script->context);
        size_t index, count = json_array_size(mismatches);
        json_t *mismatch;

        json_array_foreach (mismatches, index, mismatch) {
                const char *function = json_string_value(json_object_get(mismatch, "function"));
                const char *what = json_string_value(json_object_get(mismatch, "what"));
                _cleanup_free_ char *before = NULL, *line = NULL;

                line = text_format("%s:%lld: %s%s%s", SCRIPT_FILE,
                        (long long)json_integer_value(json_object_get(mismatch, "line")),
                        function ? function : "", text_blank(function) ? "" : ": ",
                        what ? what : "");
                step_note(script->context, "%s", line);
                if (index >= REPORTED_MAX)
                        continue;
                before = why;
                why = text_format("%s%s%s", before, index ? "\n" : "", line);
        }
        error_set(error, -EINVAL, "script-mismatch",
                "%s gives the preview's version what it does not take (%zu)", SCRIPT_FILE, count);
        error_where(error, "%s/%s", script->directory, SCRIPT_FILE);
        error_why(error, "%s", why);
        error_next(error, "Edit %s/%s, then: understudyctl job retry %s", script->directory,
                SCRIPT_FILE, job);
        return -EINVAL;
}

static int compare_models(const Script *script, Error *error)
{
        json_t *request = json_pack("{s:s}", "script", script->script), *answer = NULL;
        const json_t *mismatches;
        int r;

        if (!request) {
                error_set(error, -EILSEQ, "script-broken", "%s is not valid UTF-8", SCRIPT_FILE);
                error_where(error, "%s/%s", script->directory, SCRIPT_FILE);
                error_next(error, "Save it as UTF-8, and retry the job.");
                return -EILSEQ;
        }
        step_note(script->context, "Comparing %s with the models of %s", SCRIPT_FILE,
                script->preview.name);
        r = python_run(script->context, &script->preview, "models", request, NULL, NULL, NULL, 0,
                &answer, error);
        json_decref(request);
        if (r < 0)
                return r;
        mismatches = json_object_get(answer, "mismatches");
        if (!json_is_array(mismatches))
                r = error_set(error, -EBADMSG, "site-code", "the models could not be compared");
        else if (json_array_size(mismatches) > 0)
                r = refuse_mismatches(script, mismatches, error);
        json_decref(answer);
        return r;
}

static int script_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        Script script _cleanup_(script_clear) = SCRIPT_EMPTY;
        int r = script_open(context, (const Fleet__ScriptArguments *)message, &script, error);

        script.result = (Fleet__ScriptResult *)result;
        if (r >= 0)
                r = update_script(&script, error);
        if (r >= 0)
                r = compare_models(&script, error);
        if (r >= 0)
                script.result->diff =
                        diff_texts(RESTORE_FILE, script.restore, SCRIPT_FILE, script.script);
        return r;
}

static int script_check(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        (void)context, (void)result, (void)error;
        return !way_has_dump(((const Fleet__ScriptArguments *)arguments)->choose);
}

const StepOps step_script_ops = {.check = script_check, .run = script_run};
