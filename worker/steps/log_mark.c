#include "steps/log_mark.h"

#include "base/file.h"
#include "steps/files.h"

LogMark log_mark_read(int directory, const SiteDir *site)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = site_file_read(directory, LOG_MARK, PATH_MAX, &text, &size, NULL);

        if (r == -ENOENT)
                return LOG_MARK_NONE;
        return r == 0 && text_equal(text, site->path) ? LOG_MARK_OWN : LOG_MARK_OTHERS;
}

int log_mark_write(int directory, const SiteDir *site)
{
        struct stat like;

        if (log_mark_read(directory, site) == LOG_MARK_OWN)
                return 0;
        if (fstat(directory, &like) < 0)
                return -errno;
        like.st_mode = 0644;
        return site_file_write(directory, LOG_MARK, site->path, strlen(site->path), &like);
}
