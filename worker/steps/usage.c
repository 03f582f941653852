#include "steps/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "adopt/parts.h"
#include "base/file.h"
#include "steps/files.h"

DEFINE_CLEANUP(DIR *, closedir)
#define _cleanup_dir_  _cleanup_(closedirp)

#define UNIX_SOCKETS   "/proc/net/unix"
#define UNIX_LISTENS   "00010000" // __SO_ACCEPTCON, in the column of flags
#define UNIX_TABLE_MAX (16U << 20)
#define COMMAND_MAX    200
#define STATUS_MAX     (64U << 10)

static int in_use(const SiteDir *site, const char *where, const char *next, Error *error,
        const char *why, ...) _printf_(5, 6);
static int in_use(const SiteDir *site, const char *where, const char *next, Error *error,
        const char *why, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, why);
        text = text_vformat(why, arguments);
        va_end(arguments);
        error_set(error, -EBUSY, "in-use", "%s is in use and is not removed", site->name);
        error_where(error, "%s", where);
        error_why(error, "%s", text);
        error_next(error, "%s", next);
        return -EBUSY;
}

// ---- links

static bool is_leaving(const char *name, const char *const *leaving, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (text_equal(leaving[i], name))
                        return true;
        return false;
}

static bool leads_to(const SiteDir *site, const struct dirent *entry)
{
        struct stat link, target, directory;

        return fstatat(site->root_fd, entry->d_name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISLNK(link.st_mode) && fstatat(site->root_fd, entry->d_name, &target, 0) == 0 &&
               fstat(site->fd, &directory) == 0 && target.st_dev == directory.st_dev &&
               target.st_ino == directory.st_ino;
}

int usage_refuse_links(
        const SiteDir *site, const char *const *leaving, size_t leaving_count, Error *error)
{
        _cleanup_dir_ DIR *root = opendir(site->root);
        const struct dirent *entry;

        if (!root) {
                error_set(error, -errno, "no-root", "cannot read the root directory");
                error_where(error, "%s", site->root);
                error_next(error, "Look at it: ls -ld '%s'", site->root);
                return -errno;
        }
        while ((entry = readdir(root))) {
                _cleanup_free_ char *where = NULL, *next = NULL;

                if (is_leaving(entry->d_name, leaving, leaving_count) || !leads_to(site, entry))
                        continue;
                where = text_format("%s/%s", site->root, entry->d_name);
                next = text_format("If that is no longer meant, remove the link (rm '%s'), then: "
                                   "understudyctl job retry ID",
                        where);
                return in_use(
                        site, where, next, error, "the link '%s' points at it", entry->d_name);
        }
        return 0;
}

// ---- processes

// A link of /proc, when it leads into the site.
static char *link_into(const SiteDir *site, int directory, const char *name)
{
        _cleanup_free_ char *target = NULL;

        if (file_read_link_at(directory, name, &target) < 0 || !file_is_beneath(target, site->path))
                return NULL;
        return TAKE_PTR(target);
}

static char *open_file(const SiteDir *site, int process)
{
        _cleanup_dir_ DIR *files = NULL;
        const struct dirent *entry;
        int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        files = fd < 0 ? NULL : fdopendir(fd);
        if (!files && fd >= 0)
                close(fd);
        while (files && (entry = readdir(files))) {
                char *target = link_into(site, dirfd(files), entry->d_name);

                if (target)
                        return target;
        }
        return NULL;
}

static char *used_path(const SiteDir *site, int process)
{
        static const char *const links[] = {"cwd", "exe", "root"};

        for (size_t i = 0; i < ELEMENTS(links); i++) {
                char *target = link_into(site, process, links[i]);

                if (target)
                        return target;
        }
        return open_file(site, process);
}

static char *command_of(int process)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        if (file_read_at(process, "cmdline", COMMAND_MAX * 100, &text, &size) < 0 || size == 0)
                return text_copy("?");
        for (size_t i = 0; i + 1 < size; i++)
                if (text[i] == '\0')
                        text[i] = ' ';
        return text_escape(text, strnlen(text, COMMAND_MAX));
}

// Runners of this worker, this one too, have sites open.
static bool is_ours(int process)
{
        _cleanup_free_ char *own = NULL, *other = NULL;

        return file_read_link_at(AT_FDCWD, "/proc/self/exe", &own) == 0 &&
               file_read_link_at(process, "exe", &other) == 0 && text_equal(own, other);
}

// Users of processes that do not show what they work on.
typedef struct Hidden {
        unsigned owners, others;
} Hidden;

static bool runs_as(int process, uid_t uid)
{
        _cleanup_free_ char *status = NULL;
        const char *line;

        if (file_read_at(process, "status", STATUS_MAX, &status, NULL) < 0)
                return false; // it has ended
        line = strstr(status, "\nUid:\t");
        return line && strtoul(line + strlen("\nUid:\t"), NULL, 10) == uid;
}

// The first process of all is none that a site has.
static void count_hidden(const SiteDir *site, int process, const char *id, Hidden *hidden)
{
        _cleanup_free_ char *target = NULL;
        int r = file_read_link_at(process, "cwd", &target);

        if ((r != -EACCES && r != -EPERM) || text_equal(id, "1"))
                return;
        if (runs_as(process, site->owner.uid))
                hidden->owners++;
        else
                hidden->others++;
}

static int refuse_process(const SiteDir *site, const char *id, Hidden *hidden, Error *error)
{
        _cleanup_free_ char *path = text_format("/proc/%s", id), *used = NULL, *command = NULL,
                            *next = NULL;
        _cleanup_close_ int process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (process < 0 || is_ours(process))
                return 0;
        count_hidden(site, process, id, hidden);
        used = used_path(site, process);
        if (!used)
                return 0;
        command = command_of(process);
        next = text_format(
                "See what it is (ps -fp %s), end it, then: understudyctl job retry ID", id);
        return in_use(site, used, next, error, "process %s uses it: %s", id, command);
}

// A site's programs run as its owner. Who else works there is seen by a worker that is root, unless
// it was started without what that takes.
static int tell_hidden(
        StepContext *context, const SiteDir *site, const Hidden *hidden, Error *error)
{
        if (hidden->others > 0)
                step_note(context, "%u processes of other users do not show what they work on.",
                        hidden->others);
        if (hidden->owners == 0)
                return 0;
        error_set(error, -EPERM, "hidden", "it cannot be seen whether %s is in use", site->name);
        error_where(error, "%s", site->path);
        error_why(error, "%u processes of its owner, %s, do not show what they work on",
                hidden->owners, site->owner.name);
        error_next(error,
                "Let understudy-worker have CAP_SYS_PTRACE, as its unit of this version says "
                "(CapabilityBoundingSet), restart it, then: understudyctl job retry ID");
        return -EPERM;
}

static int refuse_processes(StepContext *context, const SiteDir *site, Error *error)
{
        _cleanup_dir_ DIR *all = opendir("/proc");
        const struct dirent *entry;
        Hidden hidden = {0};
        int r = 0;

        while (r == 0 && all && (entry = readdir(all)))
                if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
                        r = refuse_process(site, entry->d_name, &hidden, error);
        return r ?: tell_hidden(context, site, &hidden, error);
}

// "0000: 00000002 00000000 00010000 0001 01 12345 /path"
static bool listens_in(const SiteDir *site, const char *line, const char **ret_path)
{
        const char *flags = line, *path = strchr(line, '/');

        for (int column = 0; flags && column < 3; column++) {
                const char *end = strchr(flags, ' ');

                flags = end ? end + 1 : NULL;
        }
        *ret_path = path;
        return flags && path && text_starts(flags, UNIX_LISTENS) &&
               file_is_beneath(path, site->path);
}

static int refuse_sockets(const SiteDir *site, Error *error)
{
        _cleanup_close_ int fd = open(UNIX_SOCKETS, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *table = NULL;
        char *rest, *line;

        if (fd < 0 || file_read_open(fd, 0, UNIX_TABLE_MAX, &table, NULL) < 0)
                return 0; // who listens has it open, and was found by that
        rest = table;
        while ((line = strsep(&rest, "\n"))) {
                const char *path;

                if (listens_in(site, line, &path))
                        return in_use(site, path,
                                "See who it is (ss -lxp), end it, then: understudyctl job retry ID",
                                error, "a program listens on this socket");
        }
        return 0;
}

// ---- configuration

static bool names_it(const Part *part, const TextList *spellings, const char **ret_where)
{
        for (size_t i = 0; i < part->count; i++)
                for (size_t k = 0; k < spellings->count; k++) {
                        const Mention *mention = &part->mentions[i];

                        if (mention->kind != MENTION_PATH ||
                                !file_is_beneath(mention->text, spellings->items[k]))
                                continue;
                        *ret_where = mention->where;
                        return true;
                }
        return false;
}

static int refuse_configuration(StepContext *context, const SiteDir *site, Error *error)
{
        Landscape landscape _cleanup_landscape_ = {.context = context};
        TextList spellings _cleanup_text_list_ = {0};
        const Policy *policy = step_policy(context);

        site_spellings(policy, site, &spellings);
        parts_read(&landscape, &policy->scan);
        for (size_t i = 0; i < landscape.parts.count; i++) {
                const Part *part = &landscape.parts.items[i];
                const char *where;

                if (!part->disabled && names_it(part, &spellings, &where))
                        return in_use(site, where,
                                "Remove it there, and what runs by it, then: understudyctl job "
                                "retry ID",
                                error, "a %s, '%s', names it", part_kind_name(part->kind),
                                part->name);
        }
        return 0;
}

int usage_refuse_programs(StepContext *context, const SiteDir *site, Error *error)
{
        return refuse_processes(context, site, error)
                       ?: refuse_sockets(site, error) ?: refuse_configuration(context, site, error);
}
