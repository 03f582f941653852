#include "steps/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "step/context.h"

char *step_job(const StepContext *context)
{
        const char *id = step_task_id(context);

        return text_copy_n(id, strcspn(id, "."));
}

char *step_origin(const StepContext *context)
{
        _cleanup_free_ char *job = step_job(context);
        const char *controller = step_policy(context)->controller;

        return text_format("job %s\nof series %s\nof controller %s\n", job,
                context_task(context)->series, controller ? controller : "");
}

static int progress(void *userdata, const TreeFigures *figures, const char *path)
{
        step_progress_bytes(userdata, FLEET__UNIT__FILES, figures->files, figures->files_total,
                figures->bytes, figures->bytes_total, path);
        return 0;
}

TreeOptions tree_options(StepContext *context)
{
        return (TreeOptions){
                .progress = progress, .userdata = context, .cancel_fd = step_cancel_fd(context)};
}

bool directory_is_empty(int fd)
{
        // Room for more than the entries "." and "..", of 24 bytes each.
        _Alignas(struct dirent64) char entries[1024];

        return lseek(fd, 0, SEEK_SET) == 0 && getdents64(fd, entries, sizeof(entries)) <= 48;
}

// Whoever may write in `dirfd` can put another directory in the place of ours before it is opened;
// root's ownership must not be given away with it.
int directory_make(int dirfd, const char *name, uid_t uid, gid_t gid)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = file_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, false);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != uid && (st.st_uid != geteuid() || !directory_is_empty(fd)))
                return -EEXIST;
        if (fchown(fd, uid, gid) < 0 && geteuid() == 0)
                return -errno;
        return TAKE_FD(fd);
}

static bool is_entry(int parent, const char *name, int fd)
{
        struct stat entry, opened;

        return fstatat(parent, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0 &&
               entry.st_dev == opened.st_dev && entry.st_ino == opened.st_ino;
}

// Under its own name again or, where that was taken at once, under one that nothing ever removes.
static int give_back(int parent, const char *gone, const char *name, Error *error)
{
        _cleanup_free_ char *aside = text_format("%s.understudy-aside", name);
        const char *now = gone;

        if (renameat2(parent, gone, parent, name, RENAME_NOREPLACE) == 0)
                now = name;
        else if (renameat2(parent, gone, parent, aside, RENAME_NOREPLACE) == 0)
                now = aside;
        error_set(error, -ESTALE, "changed", "a directory to be removed is another one now");
        error_where(error, "%s", now);
        error_why(error, "its name was given to another between the check and the removal");
        error_next(error, "See who does that: ls -la; then: understudyctl job retry ID");
        return -ESTALE;
}

// 1: there is none.
static int move_away(int parent, const char *name, const char *gone, int looked_at, Error *error)
{
        int r = 0;

        if (renameat(parent, name, parent, gone) < 0) {
                if (errno == ENOENT)
                        return 1;
                r = error_set(error, -errno, "remove", "cannot move a directory away");
                error_where(error, "%s", name);
                error_next(error, "Look at it and at the directory it is in: ls -la");
        } else if (looked_at >= 0 && !is_entry(parent, gone, looked_at)) {
                r = give_back(parent, gone, name, error);
        }
        return r;
}

int directory_discard(StepContext *context, int parent, const char *name, int looked_at,
        TreeFigures *figures, Error *error)
{
        _cleanup_free_ char *gone = text_format(".%s.understudy-gone", name);
        TreeOptions options = tree_options(context);
        int r;

        for (int round = 0; round < 2; round++) {
                TreeFigures removed = {0};

                r = tree_remove(parent, gone, &options, &removed, error);
                if (r < 0)
                        return r;
                if (figures) {
                        figures->files += removed.files;
                        figures->freed += removed.freed;
                        figures->deleted += removed.deleted;
                }
                if (round == 0) {
                        r = move_away(parent, name, gone, looked_at, error);
                        if (r != 0)
                                return r < 0 ? r : 0;
                }
                if (fsync(parent) < 0)
                        return error_set(error, -errno, "remove", "cannot sync a directory");
        }
        return 0;
}

// The site's name in a link's target that begins with the root as it is resolved, or as nothing.
static const char *name_in_target(char *target, const char *root)
{
        const char *name = target;

        for (size_t n = strlen(target); n > 1 && target[n - 1] == '/'; n--)
                target[n - 1] = '\0';
        if (target[0] == '/')
                name = file_is_beneath(target, root) && target[strlen(root)]
                               ? target + strlen(root) + 1
                               : "";
        else if (text_starts(target, "./"))
                name = target + 2;
        if (!*name || strchr(name, '/') || text_equal(name, ".") || text_equal(name, ".."))
                return NULL;
        return name;
}

int root_link_read(int root_fd, const char *root, const char *name, char **ret)
{
        _cleanup_free_ char *target = NULL, *path = NULL, *resolved = NULL;
        const char *site;
        int r = file_read_link_at(root_fd, name, &target);

        *ret = NULL;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        site = name_in_target(target, root);
        if (!site) { // by another spelling of the root
                path = text_format("%s/%s", root, name);
                if (file_resolve(path, &resolved) == 0)
                        site = resolved[0] == '/' ? name_in_target(resolved, root) : NULL;
        }
        if (!site)
                return -EXDEV;
        *ret = text_copy(site);
        return 0;
}

static void add_spelling(TextList *list, const char *root, const char *name)
{
        _cleanup_free_ char *path = text_format("%s/%s", root, name);

        for (size_t i = 0; i < list->count; i++)
                if (text_equal(list->items[i], path))
                        return;
        text_list_take(list, TAKE_PTR(path));
}

void site_spellings(const Policy *policy, const SiteDir *site, TextList *ret)
{
        _cleanup_free_ char *current = NULL;
        bool prod = root_link_read(site->root_fd, site->root, "prod", &current) == 0 &&
                    text_equal(current, site->name);

        add_spelling(ret, site->root, site->name);
        if (prod)
                add_spelling(ret, site->root, "prod");
        for (size_t i = 0; i < policy->roots.count; i++) {
                _cleanup_free_ char *resolved = NULL;

                if (file_resolve(policy->roots.items[i], &resolved) < 0 ||
                        !text_equal(resolved, site->root))
                        continue;
                add_spelling(ret, policy->roots.items[i], site->name);
                if (prod)
                        add_spelling(ret, policy->roots.items[i], "prod");
        }
}

static bool link_leads_to(const SiteDir *site, const char *role)
{
        _cleanup_free_ char *name = NULL;
        struct stat directory, target;

        if (root_link_read(site->root_fd, site->root, role, &name) == 0 &&
                text_equal(name, site->name))
                return true;
        return site->fd >= 0 && fstat(site->fd, &directory) == 0 &&
               fstatat(site->root_fd, role, &target, 0) == 0 && directory.st_dev == target.st_dev &&
               directory.st_ino == target.st_ino;
}

int root_links_refuse(const SiteDir *site, Error *error)
{
        static const char *const roles[] = {"prod", "preview"};

        for (size_t i = 0; i < ELEMENTS(roles); i++) {
                if (!link_leads_to(site, roles[i]))
                        continue;
                error_set(error, -EBUSY, "in-use", "%s is in use and is not removed", site->name);
                error_where(error, "%s/%s", site->root, roles[i]);
                error_why(error, "the link '%s' points at it", roles[i]);
                error_next(error,
                        "If that is no longer meant, set the link first "
                        "(understudyctl preview switch SERIES, or rm '%s/%s').",
                        site->root, roles[i]);
                return -EBUSY;
        }
        return 0;
}

void site_act_as(const Account *account)
{
        if (geteuid() != 0)
                return;
        if (syscall(SYS_setgroups, account ? account->group_count : 0,
                    account ? account->groups : NULL) < 0)
                abort();
        setfsgid(account ? account->gid : 0);
        setfsuid(account ? account->uid : 0);
}
