#include "steps/stale.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "adopt/ini.h"
#include "base/file.h"
#include "serve/visit.h"
#include "steps/files.h"

#define UWSGI_FILE "nginx/uwsgi.ini" // as getlino makes it
#define UWSGI_MAX  (64U << 10)
#define NUMBER_MAX 32

typedef struct Stale {
        StepContext *context;
        const SiteDir *site;
        void (*removed)(void *userdata, const char *path);
        void *userdata;
} Stale;

static bool is_pid_file(const char *name)
{
        return text_equal(name, "pidfile") || text_equal(name, "pidfile2") ||
               text_equal(name, "safe-pidfile") || text_equal(name, "safe-pidfile2");
}

static bool is_socket(const char *name)
{
        return text_equal(name, "socket") || text_equal(name, "uwsgi-socket") ||
               text_equal(name, "http-socket");
}

// Why a file is left; NULL: nobody stands behind it.
static const char *kept_pid_file(int directory, const char *name)
{
        _cleanup_free_ char *text = NULL;
        uint64_t pid;

        if (file_read_at(directory, name, NUMBER_MAX, &text, NULL) < 0)
                return "it is no file with a process number";
        text[strcspn(text, "\n")] = '\0';
        if (text_parse_u64(text, &pid) < 0 || pid == 0 || pid > INT32_MAX)
                return "it is no file with a process number";
        return kill((pid_t)pid, 0) == 0 || errno != ESRCH ? "that process runs" : NULL;
}

static const char *kept_socket(const char *path)
{
        pid_t listener;

        return visit_listener(path, &listener) == -ECONNREFUSED ? NULL : "somebody listens there";
}

// By whom it could have been made: what its owner may do is done, no more.
static void look_at(const Stale *stale, const char *path, bool socket)
{
        _cleanup_free_ char *parent = text_copy_n(path, (size_t)(strrchr(path, '/') - path));
        const char *name = strrchr(path, '/') + 1, *why;
        _cleanup_close_ int directory =
                open(*parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (directory < 0 || fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        if (st.st_uid != stale->site->owner.uid ||
                (socket ? !S_ISSOCK(st.st_mode) : !S_ISREG(st.st_mode)))
                why = "it is somebody else's";
        else
                why = socket ? kept_socket(path) : kept_pid_file(directory, name);
        if (!why && unlinkat(directory, name, 0) < 0)
                why = "it cannot be removed";
        if (why)
                step_note(stale->context, "%s is left as it is: %s.", path, why);
        else
                stale->removed(stale->userdata, path);
}

static void visit_line(
        void *userdata, const char *section, const char *name, const char *value, unsigned line)
{
        const Stale *stale = userdata;

        (void)section;
        (void)line;
        if (!name || value[0] != '/' || !value[1] || file_is_beneath(value, stale->site->path) ||
                (!is_pid_file(name) && !is_socket(name)))
                return;
        site_act_as(&stale->site->owner);
        look_at(stale, value, is_socket(name));
        site_act_as(NULL);
}

void stale_remove(StepContext *context, const SiteDir *site,
        void (*removed)(void *userdata, const char *path), void *userdata)
{
        Stale stale = {context, site, removed, userdata};
        _cleanup_free_ char *text = NULL;

        if (site_file_read(site->fd, UWSGI_FILE, UWSGI_MAX, &text, NULL, NULL) == 0)
                ini_read(text, visit_line, &stale);
}
