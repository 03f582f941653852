#include "agent/identity.h"

#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/text.h"

#define PEM_BYTES_MAX (64U << 10)
#define DIRECTORY     "identity"
#define STAGING       ".identity.new"

static const struct {
        const char *name;
        size_t offset;
        mode_t mode;
} parts[] = {
        {"key.pem", offsetof(Identity, key), 0600},
        {"certificate.pem", offsetof(Identity, certificate), 0644},
        {"authority.pem", offsetof(Identity, authority), 0644},
};

static char **part_of(const Identity *identity, size_t i)
{
        return (char **)((char *)identity + parts[i].offset);
}

void identity_clear(Identity *identity)
{
        for (size_t i = 0; i < ELEMENTS(parts); i++)
                free(*part_of(identity, i));
        *identity = (Identity){0};
}

bool identity_exists(const char *directory)
{
        _cleanup_free_ char *path = text_format("%s/" DIRECTORY, directory);

        return access(path, F_OK) == 0;
}

char *identity_controller(const char *directory)
{
        _cleanup_free_ char *path = text_format("%s/" DIRECTORY "/authority.pem", directory);
        _cleanup_free_ char *authority = NULL;
        size_t size;

        if (file_read(path, PEM_BYTES_MAX, &authority, &size) < 0)
                return NULL;
        return text_format("%016llx", (unsigned long long)XXH3_64bits(authority, size));
}

int identity_read(const char *directory, Identity *ret, Error *error)
{
        _cleanup_identity_ Identity identity = {0};

        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                _cleanup_free_ char *path =
                        text_format("%s/" DIRECTORY "/%s", directory, parts[i].name);
                int r = file_read(path, PEM_BYTES_MAX, part_of(&identity, i), NULL);

                if (r < 0) {
                        error_set(error, r, "identity", "cannot read the worker's identity");
                        error_where(error, "%s", path);
                        error_next(error, "Join a controller first, with the line that "
                                          "'understudyctl host add NAME' prints.");
                        return r;
                }
        }
        *ret = TAKE(identity, (Identity){0});
        return 0;
}

static int write_parts(const char *staging, const Identity *identity)
{
        if (mkdir(staging, 0700) < 0 && errno != EEXIST)
                return -errno;
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                _cleanup_free_ char *path = text_format("%s/%s", staging, parts[i].name);
                const char *text = *part_of(identity, i);
                int r = file_write(path, text, strlen(text), parts[i].mode);

                if (r < 0)
                        return r;
        }
        return 0;
}

int identity_write(const char *directory, const Identity *identity, Error *error)
{
        _cleanup_free_ char *staging = text_format("%s/" STAGING, directory);
        _cleanup_free_ char *path = text_format("%s/" DIRECTORY, directory);
        int r = identity_exists(directory) ? -EEXIST : write_parts(staging, identity);

        // A directory that is not empty is not replaced.
        if (r == 0 && rename(staging, path) < 0)
                r = -errno;
        if (r == 0)
                r = file_sync_parent_at(-1, path);
        if (r < 0) {
                error_set(error, r, "identity", "cannot store the worker's identity");
                error_where(error, "%s", path);
        }
        return r;
}
