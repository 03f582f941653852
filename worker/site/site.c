#include "site/site.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "names.h"

void site_close(SiteDir *site)
{
        free(site->name);
        free(site->root);
        free(site->path);
        closep(&site->root_fd);
        closep(&site->fd);
        account_clear(&site->owner);
        *site = SITE_DIR_EMPTY;
}

// The policy is asked about the root as it was written, which only an administrator can redirect.
static int open_root(const Policy *policy, const Fleet__Site *site, SiteDir *ret, Error *error)
{
        int r;

        r = name_check_root(site->root, error);
        if (r < 0)
                return r;
        r = policy_check_root(policy, site->root, error);
        if (r < 0)
                return r;
        ret->root_fd = open(site->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = ret->root_fd < 0 ? -errno : file_resolve(site->root, &ret->root);
        if (r < 0) {
                error_set(error, r, "no-root", "cannot open the root directory");
                error_where(error, "%s", site->root);
                error_next(error, "Check that it exists on this host: ls -ld '%s'", site->root);
                return r;
        }
        ret->name = text_copy(site->name);
        ret->path = text_format("%s/%s", ret->root, ret->name);
        return 0;
}

static int open_failed(int r, const SiteDir *site, Error *error)
{
        bool link = r == -ELOOP || r == -EXDEV;

        r = link ? -ELOOP : r;
        error_set(error, r,
                link           ? "escape"
                : r == -ENOENT ? "no-site"
                               : "site-directory",
                "cannot open the project directory");
        error_where(error, "%s", site->path);
        if (link) {
                error_why(error, "it is a symbolic link, or lies beyond a mount or link that "
                                 "leaves its root");
                error_next(error,
                        "Name the project directory itself; see where this one leads: ls -l '%s'",
                        site->path);
        } else if (r == -ENOENT) {
                error_next(error, "See which project directories there are: ls '%s'", site->root);
        } else {
                error_next(error, "Look at it: ls -ld '%s'", site->path);
        }
        return r;
}

static int open_beneath_root(
        const Policy *policy, const Fleet__Site *site, bool required, SiteDir *ret, Error *error)
{
        SiteDir opened _cleanup_site_ = SITE_DIR_EMPTY;
        struct stat st;
        int r;

        r = name_check_site(site->name, error);
        if (r < 0)
                return r;
        r = open_root(policy, site, &opened, error);
        if (r < 0)
                return r;
        r = file_open_beneath(opened.root_fd, opened.name, O_RDONLY | O_DIRECTORY, false);
        if (r < 0 && (required || r != -ENOENT))
                return open_failed(r, &opened, error);
        if (r >= 0) {
                opened.fd = r;
                if (fstat(opened.fd, &st) < 0)
                        return open_failed(-errno, &opened, error);
                r = policy_check_owner(policy, st.st_uid, opened.path, &opened.owner, error);
                if (r < 0)
                        return r;
        }
        *ret = TAKE(opened, SITE_DIR_EMPTY);
        return 0;
}

int site_open(const Policy *policy, const Fleet__Site *site, SiteDir *ret, Error *error)
{
        return open_beneath_root(policy, site, true, ret, error);
}

int site_open_root(const Policy *policy, const Fleet__Site *site, SiteDir *ret, Error *error)
{
        return open_beneath_root(policy, site, false, ret, error);
}
