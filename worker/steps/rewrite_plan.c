#include "steps/rewrite_plan.h"

#include <ctype.h>
#include <fcntl.h>

#include "base/file.h"
#include "site/managed.h"
#include "steps/diff.h"
#include "steps/files.h"
#include "steps/walk.h"
#include "steps/words.h"

#define TEXT_MAX  (256U << 10) // what names a site is configuration, and small
#define DEPTH_MAX 1            // the project directory and the directories in it

// As django-admin startproject makes a key.
#define KEY_CHARS 50
static const char key_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789!@#%^&*(-_=+)";

void rewrite_plan_clear(RewritePlan *plan)
{
        for (size_t i = 0; i < plan->count; i++) {
                RewriteFile *file = &plan->files[i];

                free(file->path);
                free(file->new_path);
                free(file->original);
                free(file->before);
                free(file->after);
                free(file->like);
        }
        free(plan->files);
        text_list_clear(&plan->left_out);
        free(plan->settings_module);
        free(plan->old_key);
        free(plan->new_key);
}

bool rewrite_is_left_out(const RewritePlan *plan, const char *path)
{
        for (size_t i = 0; i < plan->left_out.count; i++)
                if (text_equal(plan->left_out.items[i], path))
                        return true;
        return false;
}

// Users' files, other dumps, and the histories of repositories are not configuration.
static bool is_no_configuration(const char *path, const char *name)
{
        static const char *const names[] = {".git", ".hg", ".svn"};

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (text_equal(name, names[i]))
                        return true;
        return text_equal(path, "media") ||
               (path_depth(path) == 0 && text_starts(name, "snapshot"));
}

static char *key_in(const char *text)
{
        size_t start, length;

        return assignment_find(text, "SECRET_KEY", &start, &length)
                       ? text_copy_n(text + start, length)
                       : NULL;
}

// A preview that shares production's key accepts production's sessions.
static char *replace_key(const RewritePlan *plan, char *take_text)
{
        _cleanup_free_ char *text = take_text, *key = key_in(text);
        size_t start, length;

        if (!key || !plan->old_key || !text_equal(key, plan->old_key) ||
                !assignment_find(text, "SECRET_KEY", &start, &length))
                return TAKE_PTR(text);
        return text_format("%.*s%s%s", (int)start, text, plan->new_key, text + start + length);
}

// The last part of an assigned path becomes `site`, unless it is a role's link or a variable.
static char *assign_site(const char *line, const char *site)
{
        const char *value = strchr(line, '=') + 1;
        size_t length = strcspn(value, " \t#;"), end, start;
        _cleanup_free_ char *name = NULL;

        for (end = length; end > 0 && strchr("/'\"", value[end - 1]); end--)
                ;
        for (start = end; start > 0 && !strchr("/'\"", value[start - 1]); start--)
                ;
        name = text_copy_n(value + start, end - start);
        if (!*name || text_equal(name, "prod") || text_equal(name, "preview") ||
                name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
                return text_copy(line);
        return text_format("%.*s%s%s", (int)(value + start - line), line, site, value + end);
}

static bool assigns(const char *line, const char *variable)
{
        line += strspn(line, " \t");
        if (text_starts(line, "export "))
                line += strlen("export ");
        return text_starts(line, variable) && line[strlen(variable)] == '=';
}

// initdb_from_prod.sh names two sites on purpose. Renamed like the rest, OLD and NEW would be the
// same one, or OLD the production of the time when this production was a preview.
static char *rewrite_pull(const RewritePlan *plan, const char *text)
{
        char *result = text_copy("");

        for (const char *at = text; *at;) {
                size_t length = strcspn(at, "\n");
                _cleanup_free_ char *line = text_copy_n(at, length), *changed = NULL;
                _cleanup_free_ char *before = result;

                if (assigns(line, "OLD"))
                        changed = assign_site(line, plan->old_name);
                else if (assigns(line, "NEW"))
                        changed = assign_site(line, plan->new_name);
                else
                        changed = word_replace(line, plan->old_name, plan->new_name, NULL);
                at += length;
                result = text_format("%s%s%s", before, changed, *at == '\n' ? "\n" : "");
                at += *at == '\n';
        }
        return result;
}

static char *rewrite_text(const RewritePlan *plan, const char *path, const char *text)
{
        if (text_equal(path, "initdb_from_prod.sh"))
                return rewrite_pull(plan, text);
        return replace_key(plan, word_replace(text, plan->old_name, plan->new_name, NULL));
}

// The settings end with the line by which the worker manages them.
static char *manage_settings(const RewritePlan *plan, char *take_text)
{
        _cleanup_free_ char *text = take_text, *module = NULL;

        if (!plan->settings_module)
                return TAKE_PTR(text);
        module = word_replace(plan->settings_module, plan->old_name, plan->new_name, NULL);
        return managed_settings_text(text, module);
}

// Production's text of a file that may carry the new name already.
static char *read_original(const RewritePlan *plan, const char *path)
{
        _cleanup_free_ char *old_path = word_replace(path, plan->new_name, plan->old_name, NULL);
        char *text = NULL;
        size_t size;

        if (site_file_read(plan->production->fd, path, TEXT_MAX, &text, &size, NULL) < 0 &&
                site_file_read(plan->production->fd, old_path, TEXT_MAX, &text, &size, NULL) < 0)
                return NULL;
        return text;
}

static void plan_add(RewritePlan *plan, RewriteFile *take_file)
{
        plan->files = memory_grow(plan->files, (plan->count + 1) * sizeof(*plan->files));
        plan->files[plan->count++] = *take_file;
}

static int visit(
        void *userdata, int dirfd, const char *path, const char *name, const struct stat *st)
{
        RewritePlan *plan = userdata;
        RewriteFile file = {0};
        size_t size, renamed;
        bool descend = S_ISDIR(st->st_mode) && path_depth(path) < DEPTH_MAX;
        _cleanup_free_ char *new_name =
                word_replace(name, plan->old_name, plan->new_name, &renamed);

        if (rewrite_is_left_out(plan, path) || is_no_configuration(path, name) ||
                text_equal(path, MANAGED_MODULE))
                return 0;
        if (!S_ISREG(st->st_mode) && !(S_ISDIR(st->st_mode) && renamed > 0))
                return descend;
        file.like = memory_new(sizeof(*st));
        *file.like = *st;
        if (S_ISREG(st->st_mode) &&
                site_file_read(dirfd, name, TEXT_MAX, &file.before, &size, file.like) == 0) {
                if (memchr(file.before, '\0', size)) {
                        free(TAKE_PTR(file.before));
                } else {
                        file.after = rewrite_text(plan, path, file.before);
                        if (text_equal(path, "settings.py"))
                                file.after = manage_settings(plan, file.after);
                        file.original = read_original(plan, path);
                }
        }
        if (renamed > 0 || !text_equal(file.before, file.after) ||
                (file.original && !text_equal(file.original, file.after))) {
                file.path = text_copy(path);
                file.new_path =
                        text_format("%.*s%s", (int)(strlen(path) - strlen(name)), path, new_name);
                plan_add(plan, &file);
                return descend;
        }
        free(file.like);
        free(file.before);
        free(file.after);
        free(file.original);
        return descend;
}

// The worker's own module, the same for all sites, beside the settings.
static void plan_module(RewritePlan *plan, const struct stat *like)
{
        RewriteFile file = {.path = text_copy(MANAGED_MODULE),
                .new_path = text_copy(MANAGED_MODULE),
                .like = memory_new(sizeof(*like))};
        size_t size;
        const char *text = managed_module_text(&size);

        *file.like = *like;
        file.after = text_copy_n(text, size);
        file.original = read_original(plan, MANAGED_MODULE);
        (void)!site_file_read(
                plan->subject->fd, MANAGED_MODULE, TEXT_MAX, &file.before, &size, NULL);
        plan_add(plan, &file);
}

int rewrite_plan_make(RewritePlan *plan, Error *error)
{
        _cleanup_free_ char *settings = NULL;
        struct stat st;
        int r = site_file_read(plan->production->fd, "settings.py", TEXT_MAX, &settings, NULL, &st);

        if (r < 0) {
                error_set(error, r, "rewrite", "cannot read production's settings");
                error_where(error, "%s/settings.py", plan->production->path);
                error_next(error, "Look at it: ls -l '%s/settings.py'", plan->production->path);
                return r;
        }
        plan->old_key = key_in(settings);
        plan->new_key = managed_random(key_letters, KEY_CHARS);
        if (plan->settings_module)
                plan_module(plan, &st);
        r = site_walk(plan->subject->fd, visit, plan);
        if (r < 0) {
                error_set(error, r, "rewrite", "cannot read the project directory");
                error_where(error, "%s", plan->subject->path);
                error_next(error, "Look at it: ls -la '%s'", plan->subject->path);
        }
        return r;
}

// The directory that holds `path`, and its name in there.
static int open_parent(int fd, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *parent =
                slash ? text_copy_n(path, (size_t)(slash - path)) : text_copy(".");

        *ret_name = slash ? slash + 1 : path;
        return file_open_beneath(fd, parent, O_RDONLY | O_DIRECTORY, false);
}

static int write_file(const RewritePlan *plan, const RewriteFile *file)
{
        const char *name;
        _cleanup_close_ int parent = open_parent(plan->subject->fd, file->path, &name);

        return parent < 0 ? parent
                          : site_file_write(
                                    parent, name, file->after, strlen(file->after), file->like);
}

static int rename_file(const RewritePlan *plan, const RewriteFile *file)
{
        const char *name;
        _cleanup_close_ int parent = open_parent(plan->subject->fd, file->path, &name);

        if (parent < 0)
                return parent;
        if (renameat2(parent, name, parent,
                    strrchr(file->new_path, '/') ? strrchr(file->new_path, '/') + 1
                                                 : file->new_path,
                    RENAME_NOREPLACE) < 0)
                return -errno;
        return fsync(parent) < 0 ? -errno : 0;
}

int rewrite_plan_apply(const RewritePlan *plan, Error *error)
{
        const char *path = "";
        int r = 0;

        for (size_t i = 0; i < plan->count && r == 0; i++) {
                path = plan->files[i].path;
                if (plan->files[i].after &&
                        !text_equal(plan->files[i].before, plan->files[i].after))
                        r = write_file(plan, &plan->files[i]);
        }
        // What lies deeper first, while the directories above still have their old names.
        for (int depth = DEPTH_MAX; depth >= 0; depth--)
                for (size_t i = 0; i < plan->count && r == 0; i++) {
                        path = plan->files[i].path;
                        if (path_depth(path) == depth && !text_equal(path, plan->files[i].new_path))
                                r = rename_file(plan, &plan->files[i]);
                }
        if (r < 0) {
                error_set(error, r, "rewrite", "cannot rename the site in a file");
                error_where(error, "%s/%s", plan->subject->path, path);
                if (r == -EEXIST)
                        error_why(error, "its new name is taken");
                error_next(error, "Look at the file and its directory (ls -la), move away what is "
                                  "in the way, and retry the job.");
        }
        return r;
}

char *rewrite_plan_diff(const RewritePlan *plan)
{
        char *diff = text_copy("");

        for (size_t i = 0; i < plan->count; i++) {
                const RewriteFile *file = &plan->files[i];
                _cleanup_free_ char *before = diff, *masked_before = NULL, *masked_after = NULL;
                _cleanup_free_ char *part = NULL, *old_path = NULL, *new_path = NULL;
                _cleanup_free_ char *name = NULL;

                name = word_replace(file->new_path, plan->new_name, plan->old_name, NULL);
                old_path = text_format("%s/%s", plan->old_name, name);
                new_path = text_format("%s/%s", plan->new_name, file->new_path);
                masked_before =
                        secrets_mask(file->original ? file->original : "", "(production's)");
                masked_after = secrets_mask(file->after ? file->after : "", "(a new one)");
                part = diff_texts(old_path, masked_before, new_path, masked_after);
                diff = text_format("%s%s", before, part);
        }
        return diff;
}
