#include "steps/site_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "steps/log_mark.h"

bool site_log_is(const SiteDir *site, const char *directory)
{
        _cleanup_free_ char *target = NULL;
        const char *name = directory ? strrchr(directory, '/') : NULL;

        return name && text_equal(name + 1, site->name) && directory[0] == '/' &&
               !file_is_beneath(directory, site->path) &&
               file_read_link_at(site->fd, "log", &target) == 0 && text_equal(target, directory);
}

// An adopted site has no mark in its log, and two may have the same name, in different roots.
static bool is_anothers(const Fleet__Guard *guard, const char *directory)
{
        struct stat own, other;

        if (stat(directory, &own) < 0)
                return false;
        for (size_t i = 0; i < guard->n_others; i++) {
                _cleanup_free_ char *log = text_format("%s/log", guard->others[i]->project_dir);

                if (stat(log, &other) == 0 && other.st_dev == own.st_dev &&
                        other.st_ino == own.st_ino)
                        return true;
        }
        return false;
}

void site_log_find(const SiteDir *site, const Fleet__Guard *guard, char **ret)
{
        _cleanup_free_ char *target = NULL;

        *ret = NULL;
        if (file_read_link_at(site->fd, "log", &target) == 0 && site_log_is(site, target) &&
                !is_anothers(guard, target))
                *ret = TAKE_PTR(target);
}

bool site_log_open(
        const SiteDir *site, int parent, const char *name, int *ret_fd, const char **ret_why)
{
        _cleanup_close_ int fd =
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        *ret_fd = -EBADF;
        *ret_why = NULL;
        if (fd < 0 && errno != ENOENT)
                *ret_why = "it cannot be opened";
        else if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_uid != site->owner.uid ||
                                    log_mark_read(fd, site) == LOG_MARK_OTHERS))
                *ret_why = "it is another site's";
        if (fd < 0 || *ret_why)
                return false;
        *ret_fd = TAKE_FD(fd);
        return true;
}
