// Asks a site who it is, and looks at what a person needs to know before anything is done with it.
#include <dirent.h>
#include <fcntl.h>

#include "base/file.h"
#include "site/database.h"
#include "site/probe.h"
#include "steps/files.h"

static void warn(Fleet__ProbeResult *result, char *take_text)
{
        result->warnings =
                memory_grow(result->warnings, (result->n_warnings + 1) * sizeof(*result->warnings));
        result->warnings[result->n_warnings++] = take_text;
}

// Does another project directory of the root use this environment?
static bool used_by_another(const SiteDir *site, const char *prefix, char **ret_name)
{
        int fd = openat(site->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        bool used = false;

        if (!stream && fd >= 0)
                close(fd);
        for (struct dirent *entry; stream && !used && (entry = readdir(stream));) {
                _cleanup_free_ char *path = text_format("%s/%s/env", site->root, entry->d_name);
                _cleanup_free_ char *resolved = NULL;
                struct stat st;

                if (entry->d_name[0] == '.' || text_equal(entry->d_name, site->name) ||
                        fstatat(site->root_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                        !S_ISDIR(st.st_mode) || file_resolve(path, &resolved) < 0)
                        continue;
                used = text_equal(resolved, prefix);
                if (used)
                        *ret_name = text_copy(entry->d_name);
        }
        if (stream)
                closedir(stream);
        return used;
}

static void look_at_environment(const SiteDir *site, Fleet__ProbeResult *result)
{
        _cleanup_free_ char *target = NULL, *other = NULL;

        result->shared_environment = file_read_link_at(site->fd, "env", &target) == 0 ||
                                     used_by_another(site, result->python_prefix, &other);
        if (target)
                warn(result, text_format("env is a link to %s: an environment that others may use",
                                     target));
        else if (other)
                warn(result, text_format("the site '%s' uses this environment, too", other));
}

static void look_at_links(const SiteDir *site, Fleet__ProbeResult *result)
{
        const struct {
                const char *name;
                char **ret;
        } links[] = {{"prod", &result->prod}, {"preview", &result->preview}};

        for (size_t i = 0; i < ELEMENTS(links); i++) {
                char *target = NULL;

                if (root_link_read(site->root_fd, site->root, links[i].name, &target) < 0)
                        warn(result, text_format("%s/%s leads to no project directory of the root",
                                             site->root, links[i].name));
                if (target)
                        *links[i].ret = target;
        }
}

static int measure(StepContext *context, int fd, const char *const *exclude, size_t count,
        uint64_t *ret_bytes, Error *error)
{
        TreeOptions options = tree_options(context);
        TreeFigures figures = {0};
        int r;

        options.exclude = exclude;
        options.exclude_count = count;
        r = tree_measure(fd, &options, &figures, error);
        *ret_bytes = figures.bytes;
        return r < 0 && step_canceled(context) ? step_canceled_error(context, error) : r;
}

// A link in the place of media is somebody else's directory: told, not measured.
static int measure_media(
        StepContext *context, const SiteDir *site, Fleet__ProbeResult *result, Error *error)
{
        _cleanup_close_ int fd =
                file_open_beneath(site->fd, "media", O_RDONLY | O_DIRECTORY, false);
        _cleanup_free_ char *expected = text_format("%s/media", site->path);

        if (!text_equal(result->identity->media_root, expected))
                warn(result, text_format("its media directory is %s, outside of it",
                                     result->identity->media_root));
        return fd < 0 ? 0 : measure(context, fd, NULL, 0, &result->media_bytes, error);
}

static void measure_database(StepContext *context, const SiteDir *site, Fleet__ProbeResult *result)
{
        Error why _cleanup_error_ = ERROR_EMPTY;
        const DatabaseEngine *engine;
        int r = database_engine(result->identity->database, &engine, &why);

        if (r == 0)
                r = engine->size(
                        context, site, result->identity->database, &result->database_bytes, &why);
        if (r < 0 && r != -ENOENT)
                warn(result, error_line(&why));
}

static int measure_all(
        StepContext *context, const SiteDir *site, Fleet__ProbeResult *result, Error *error)
{
        static const char *const elsewhere[] = {"env", "media"};
        int r = measure(
                context, site->fd, elsewhere, ELEMENTS(elsewhere), &result->project_bytes, error);

        if (r == 0)
                r = measure_media(context, site, result, error);
        if (r == 0)
                measure_database(context, site, result);
        return r;
}

static int probe_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__ProbeArguments *arguments = (const Fleet__ProbeArguments *)arguments_message;
        Fleet__ProbeResult *result = (Fleet__ProbeResult *)result_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = site_open(step_policy(context), arguments->site, &site, error);

        if (r == 0)
                r = site_probe(context, &site, result, error);
        if (r < 0)
                return r;
        result->owner = text_copy(site.owner.name);
        look_at_environment(&site, result);
        look_at_links(&site, result);
        return measure_all(context, &site, result, error);
}

const StepOps step_probe_ops = {.run = probe_run};
