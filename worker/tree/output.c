#include "tree/output.h"

#include <fcntl.h>
#include <libgen.h>

#include "base/text.h"

int output_open(const char *path, Output *ret)
{
        _cleanup_free_ char *directory = text_copy(path), *name = text_copy(path);

        *ret = OUTPUT_EMPTY;
        ret->name = text_copy(basename(name));
        ret->directory = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (ret->directory < 0)
                return -errno;
        temporary_name(ret->temporary);
        ret->fd = openat(ret->directory, ret->temporary,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return ret->fd < 0 ? -errno : 0;
}

int output_commit(Output *output)
{
        if (fsync(output->fd) < 0 ||
                renameat(output->directory, output->temporary, output->directory, output->name) < 0)
                return -errno;
        closep(&output->fd);
        output->fd = -EBADF;
        return fsync(output->directory) < 0 ? -errno : 0;
}

void output_clear(Output *output)
{
        if (output->fd >= 0)
                (void)unlinkat(output->directory, output->temporary, 0);
        closep(&output->fd);
        closep(&output->directory);
        free(output->name);
        *output = OUTPUT_EMPTY;
}
