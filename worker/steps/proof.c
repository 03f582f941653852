#include "steps/proof.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "site/managed.h"
#include "steps/files.h"
#include "steps/script.h"
#include "steps/walk.h"
#include "tree/hash.h"

#define TEXT_MAX    (16U << 20)
#define POINTER_MAX (64U << 10) // of a .pth file

DEFINE_CLEANUP(Hasher *, hasher_free)

typedef struct Tree {
        Hasher *hasher;
        const char *const *skipped; // paths from where the walk began, NULL-terminated
        const char *database;       // files of this name, and beside it, are left out; NULL: none
        TextList *pointed;          // what .pth files name; NULL: not wanted
} Tree;

static int failed(int r, const char *path, Error *error)
{
        error_set(error, r, "proof", "cannot look through a directory");
        error_where(error, "%s", path);
        error_next(error, "Look at it: ls -la '%s'", path);
        return r;
}

static bool is_skipped(const Tree *tree, const char *path, const char *name)
{
        if (text_equal(name, "__pycache__") || text_starts(name, ".understudy"))
                return true;
        if (tree->database && path_depth(path) == 0 && text_starts(name, tree->database))
                return true;
        for (const char *const *skipped = tree->skipped; *skipped; skipped++)
                if (text_equal(path, *skipped))
                        return true;
        return false;
}

// Directories that lie elsewhere and count like the environment's own: lines and quoted texts that
// are absolute paths.
static void take_pointers(TextList *pointed, const char *text)
{
        while (*text) {
                size_t length = strcspn(text, "\"'\n");

                if (*text == '/') {
                        _cleanup_free_ char *path = text_copy_n(text, length);
                        struct stat st;

                        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                                text_list_add(pointed, path);
                }
                text += length + (text[length] != '\0');
        }
}

static void follow_pointer(const Tree *tree, int dirfd, const char *name)
{
        _cleanup_free_ char *text = NULL;

        if (!tree->pointed || !(text_ends(name, ".pth") || text_ends(name, ".egg-link") ||
                                      text_starts(name, "__editable__")))
                return;
        if (site_file_read(dirfd, name, POINTER_MAX, &text, NULL, NULL) == 0)
                take_pointers(tree->pointed, text);
}

// What this worker manages is written again with each change of roles; only what it says to the
// site counts.
static bool add_managed(const Tree *tree, int dirfd, const char *path)
{
        _cleanup_free_ char *text = NULL, *applied = NULL;
        size_t size;

        if (!text_equal(path, MANAGED_VALUES) && !text_equal(path, MANAGED_MODULE))
                return false;
        if (site_file_read(dirfd, path, POINTER_MAX, &text, &size, NULL) < 0)
                return false;
        if (text_equal(path, MANAGED_VALUES))
                applied = managed_applied(text);
        hasher_add(tree->hasher, path, strlen(path) + 1);
        hasher_add(tree->hasher, applied ? applied : text, applied ? strlen(applied) : size);
        return true;
}

static int visit(
        void *userdata, int dirfd, const char *path, const char *name, const struct stat *st)
{
        const Tree *tree = userdata;
        struct {
                uint64_t inode, mode, size;
                int64_t modified[2], changed[2];
        } facts = {st->st_ino, st->st_mode, (uint64_t)st->st_size,
                {st->st_mtim.tv_sec, st->st_mtim.tv_nsec},
                {st->st_ctim.tv_sec, st->st_ctim.tv_nsec}};

        if (is_skipped(tree, path, name))
                return 0;
        // Directories change with what comes and goes in them, which is seen by itself.
        if (S_ISDIR(st->st_mode))
                return 1;
        if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
                return 0;
        if (add_managed(tree, dirfd, path))
                return 0;
        hasher_add(tree->hasher, path, strlen(path) + 1);
        hasher_add(tree->hasher, &facts, sizeof(facts));
        follow_pointer(tree, dirfd, name);
        return 0;
}

static int walk_path(Tree *tree, const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        hasher_add(tree->hasher, path, strlen(path) + 1);
        return site_walk(fd, visit, tree);
}

// The part of an absolute path beneath `directory`, or NULL.
static const char *beneath(const char *path, const char *directory)
{
        if (text_blank(path) || !file_is_beneath(path, directory) || !path[strlen(directory)])
                return NULL;
        return path + strlen(directory) + 1;
}

static char *finish(Hasher *hasher)
{
        char text[HASH_TEXT];

        hasher_end(hasher, text);
        return text_copy(text);
}

int proof_environment(const SiteDir *site, const char *static_root, char **ret, Error *error)
{
        _cleanup_(hasher_freep) Hasher *hasher = hasher_new(TREE_HASH_SHA256);
        _cleanup_free_ char *link = text_format("%s/env", site->path), *path = NULL;
        TextList pointed _cleanup_text_list_ = {0};
        const char *skipped[] = {NULL, NULL};
        Tree tree = {.hasher = hasher, .skipped = skipped, .pointed = &pointed};
        int r = file_resolve(link, &path);

        if (r < 0)
                return failed(r, link, error);
        hasher_begin(hasher);
        skipped[0] = beneath(static_root, path);
        r = walk_path(&tree, path);
        // Those may name more, which is more than pip makes.
        tree.pointed = NULL;
        skipped[0] = NULL;
        for (size_t i = 0; r == 0 && i < pointed.count; i++)
                if (!file_is_beneath(pointed.items[i], path))
                        r = walk_path(&tree, pointed.items[i]);
        if (r < 0)
                return failed(r, path, error);
        *ret = finish(hasher);
        return 0;
}

int proof_project(const SiteDir *site, const Fleet__ProbeResult *probe, const char *snapshot,
        char **ret, Error *error)
{
        _cleanup_(hasher_freep) Hasher *hasher = hasher_new(TREE_HASH_SHA256);
        const Fleet__Identity *identity = probe ? probe->identity : NULL;
        const char *media = identity ? beneath(identity->media_root, site->path) : NULL,
                   *collected = probe ? beneath(probe->static_root, site->path) : NULL,
                   *database = identity && identity->database
                                       ? beneath(identity->database->name, site->path)
                                       : NULL;
        // A preview's mail is kept as files; Lino touches lino_version.txt whenever it starts.
        const char *const skipped[] = {"env", "log", "tmp", "mail", "media", snapshot,
                "lino_version.txt", media ? media : "media", collected ? collected : "static",
                NULL};
        Tree tree = {.hasher = hasher, .skipped = skipped, .database = database};
        int r;

        hasher_begin(hasher);
        r = site_walk(site->fd, visit, &tree);
        if (r < 0)
                return failed(r, site->path, error);
        for (size_t i = 0; probe && i < probe->n_plugins; i++)
                hasher_add(hasher, probe->plugins[i], strlen(probe->plugins[i]) + 1);
        *ret = finish(hasher);
        return 0;
}

int proof_tree(const char *path, char **ret, Error *error)
{
        _cleanup_(hasher_freep) Hasher *hasher = hasher_new(TREE_HASH_SHA256);
        const char *const skipped[] = {NULL};
        Tree tree = {.hasher = hasher, .skipped = skipped};
        int r;

        hasher_begin(hasher);
        r = walk_path(&tree, path);
        if (r < 0 && r != -ENOENT)
                return failed(r, path, error);
        *ret = r < 0 ? text_copy("") : finish(hasher);
        return 0;
}

static int read_script(
        const SiteDir *site, const char *snapshot, const char *name, char **ret, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/%s", snapshot, name);
        int r = site_file_read(site->fd, path, TEXT_MAX, ret, NULL, NULL);

        if (r == 0 || r == -ENOENT)
                return 0;
        error_set(error, r, "proof", "cannot read %s", name);
        error_where(error, "%s/%s", site->path, path);
        error_next(error, "Look at it: ls -la '%s/%s'", site->path, snapshot);
        return r;
}

int proof_script(const SiteDir *site, const char *snapshot, char **ret, Error *error)
{
        _cleanup_(hasher_freep) Hasher *hasher = hasher_new(TREE_HASH_SHA256);
        _cleanup_free_ char *script = NULL, *merge = NULL;
        int r = read_script(site, snapshot, SCRIPT_FILE, &script, error);

        if (r == 0)
                r = read_script(site, snapshot, MERGE_FILE, &merge, error);
        if (r < 0)
                return r;
        if (!script && !merge) {
                *ret = text_copy("");
                return 0;
        }
        hasher_begin(hasher);
        hasher_add(hasher, script ? script : "", script ? strlen(script) + 1 : 1);
        if (merge)
                hasher_add(hasher, merge, strlen(merge) + 1);
        *ret = finish(hasher);
        return 0;
}

int proof_script_is_unedited(const SiteDir *site, const char *snapshot, bool *ret, Error *error)
{
        _cleanup_free_ char *script = NULL, *merge = NULL, *restore = NULL, *base = NULL;
        int r = read_script(site, snapshot, SCRIPT_FILE, &script, error)
                        ?: read_script(site, snapshot, MERGE_FILE, &merge, error)
                        ?: read_script(site, snapshot, RESTORE_FILE, &restore, error)
                        ?: read_script(site, snapshot, SCRIPT_BASE, &base, error);

        if (r == 0)
                *ret = script && restore && !merge && text_equal(script, restore) &&
                       text_equal(base, restore);
        return r;
}

char *proof_parameters(const Fleet__ChooseArguments *arguments)
{
        char *text = text_format(
                "directory=%s quick=%d allowed=", arguments->directory, arguments->quick);

        for (size_t i = 0; i < arguments->n_allowed; i++) {
                char *longer = text_format("%s%s ", text, arguments->allowed[i]->table);

                free(text);
                text = longer;
        }
        return text;
}
