#include "tree/meta.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

static MetaTime time_of(const struct statx_timestamp *time)
{
        return (MetaTime){.s = time->tv_sec, .ns = time->tv_nsec};
}

int meta_read(int dirfd, const char *name, Meta *ret)
{
        int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
        struct statx x;

        if (statx(dirfd, name, name[0] ? flags : flags | AT_EMPTY_PATH, STATX_BASIC_STATS, &x) < 0)
                return -errno;
        *ret = (Meta){
                .device = makedev(x.stx_dev_major, x.stx_dev_minor),
                .inode = x.stx_ino,
                .size = x.stx_size,
                .blocks = x.stx_blocks,
                .modified = time_of(&x.stx_mtime),
                .changed = time_of(&x.stx_ctime),
                .special = makedev(x.stx_rdev_major, x.stx_rdev_minor),
                .mode = x.stx_mode,
                .uid = x.stx_uid,
                .gid = x.stx_gid,
                .links = x.stx_nlink,
                .mount = (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
        };
        return 0;
}
