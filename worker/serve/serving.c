#include "serve/serving.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "names.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static int unfit(const char *what, const char *value, const char *why, Error *error)
{
        error_set(error, -EINVAL, "serving", "the %s '%s' will not do", what, value);
        error_why(error, "%s", why);
        error_next(error, "Change it: understudyctl series set SERIES KEY=VALUE");
        return -EINVAL;
}

typedef struct Rule {
        const char *what;
        const char *characters;
        const char *why;
} Rule;

static const Rule host_rule = {
        "host name", LETTERS ".-", "it has other characters than a-z 0-9 . -"};
static const Rule word_rule = {
        "name", LETTERS "_-.%", "it has other characters than a-z A-Z 0-9 _ - . and %"};
static const Rule listen_rule = {"address", LETTERS ".:[]*", "it is neither PORT nor ADDRESS:PORT"};
static const Rule path_rule = {
        "path", LETTERS "_-./?=&+~:,", "it has characters that a configuration may misread"};

static int check_text(const Rule *rule, const char *text, Error *error)
{
        if (text_blank(text))
                return 0;
        if (text[strspn(text, rule->characters)] || text[0] == '-')
                return unfit(rule->what, text, rule->why, error);
        return 0;
}

static int check_path(const char *path, Error *error)
{
        if (!text_blank(path) && path[0] != '/')
                return unfit("path", path, "it must be an absolute path", error);
        return check_text(&path_rule, path, error);
}

static int check_front(const Fleet__Front *front, Error *error)
{
        int r = check_path(front->certificate, error) ?: check_path(front->certificate_key, error);

        for (size_t i = 0; i < front->n_hosts && r == 0; i++)
                r = check_text(&host_rule, front->hosts[i], error);
        if (r == 0 && front->n_hosts == 0)
                r = unfit("list of host names", "", "a role needs one at least", error);
        return r;
}

int serving_check(const Fleet__Serving *serving, Error *error)
{
        if (!serving || !serving->prod || !serving->preview)
                return unfit("settings", "", "they say nothing of the roles", error);
        return name_check_series(serving->series, error)
                       ?: check_text(&word_rule, serving->manager, error)
                       ?: check_text(&word_rule, serving->server, error)
                       ?: check_text(&word_rule, serving->program, error)
                       ?: check_text(&word_rule, serving->linod, error)
                       ?: check_text(&word_rule, serving->web, error)
                       ?: check_text(&word_rule, serving->vhost, error)
                       ?: check_text(&listen_rule, serving->listen, error)
                       ?: check_path(serving->health_path, error)
                       ?: check_front(serving->prod, error)
                       ?: check_front(serving->preview, error);
}

const Fleet__Front *serving_front(const Fleet__Serving *serving, const char *role)
{
        if (text_equal(role, "prod"))
                return serving->prod;
        return text_equal(role, "preview") ? serving->preview : NULL;
}

// Replaces %s and %r. `ret_told` says whether the pattern tells all programs apart.
static char *expand(const char *pattern, const Fleet__Program *program, bool *ret_told)
{
        char *name = text_copy("");
        bool site = false, role = program->linod;

        for (const char *at = pattern; *at; at++) {
                bool word = *at == '%' && (at[1] == 's' || at[1] == 'r');
                const char *value = at[1] == 's' ? program->site : program->role;
                char *longer =
                        word ? text_format("%s%s", name, value) : text_format("%s%c", name, *at);

                free(name);
                name = longer;
                if (word)
                        *(at[1] == 's' ? &site : &role) = true;
                at += word;
        }
        *ret_told = site && role;
        return name;
}

int serving_program(
        const Fleet__Serving *serving, const Fleet__Program *program, char **ret, Error *error)
{
        const char *pattern = program->linod ? serving->linod : serving->program;
        bool told;
        _cleanup_free_ char *name = NULL;
        int r = name_check_site(program->site, error);

        if (r < 0)
                return r;
        if (!serving_front(serving, program->role))
                return unfit("role", program->role, "it is neither prod nor preview", error);
        name = expand(pattern, program, &told);
        if (!told)
                return unfit("pattern", pattern,
                        program->linod ? "it must have %s, for the site's name"
                                       : "it must have %s, for the site's name, and %r, for its "
                                         "role: a switch runs a site's programs of both roles for "
                                         "a moment",
                        error);
        if (name[0] == '.' || name[strspn(name, LETTERS "_-.")])
                return unfit("pattern", pattern, "it makes no name of a program", error);
        *ret = TAKE_PTR(name);
        return 0;
}

int serving_socket(const SiteDir *site, const char *role, char **ret, Error *error)
{
        _cleanup_free_ char *path =
                text_format("%s/%s/%s.sock", site->path, SERVING_DIRECTORY, role);

        // Through the link, too, whose name may be longer than the site's.
        if (strlen(site->root) + strlen("/preview/" SERVING_DIRECTORY "/preview.sock") <
                        sizeof((struct sockaddr_un){0}.sun_path) &&
                strlen(path) < sizeof((struct sockaddr_un){0}.sun_path)) {
                *ret = TAKE_PTR(path);
                return 0;
        }
        error_set(error, -ENAMETOOLONG, "serving", "the site's socket would have too long a path");
        error_where(error, "%s", path);
        error_why(error, "a Unix socket's path has at most %zu bytes",
                sizeof((struct sockaddr_un){0}.sun_path) - 1);
        error_next(error, "Serve it from a root directory with a shorter path.");
        return -ENAMETOOLONG;
}

// The group of the project directory is the web server's, as getlino sets it up.
static int own(int fd, const SiteDir *site)
{
        struct stat project;

        if (fstat(site->fd, &project) < 0 || fchown(fd, site->owner.uid, project.st_gid) < 0 ||
                fchmod(fd, 02750) < 0)
                return -errno;
        return 0;
}

int serving_directory(const SiteDir *site, int *ret, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        int r = mkdirat(site->fd, SERVING_DIRECTORY, 0700) < 0 && errno != EEXIST ? -errno : 0;

        if (r == 0) {
                fd = openat(site->fd, SERVING_DIRECTORY,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = fd < 0 ? -errno : own(fd, site);
        }
        if (r == 0) {
                *ret = TAKE_FD(fd);
                return 0;
        }
        error_set(error, r, "serving", "cannot make the directory of the site's sockets");
        error_where(error, "%s/%s", site->path, SERVING_DIRECTORY);
        error_next(error, "Look at it: ls -ld '%s/%s'", site->path, SERVING_DIRECTORY);
        return r;
}

static char *group_name(const SiteDir *site)
{
        struct stat st;
        const struct group *group = fstat(site->fd, &st) == 0 ? getgrgid(st.st_gid) : NULL;

        return group ? text_copy(group->gr_name) : text_format("%u", site->owner.gid);
}

static char *join(char **texts, size_t count)
{
        char *joined = text_copy("");

        for (size_t i = 0; i < count; i++) {
                char *longer = text_format("%s%s%s", joined, i ? " " : "", texts[i]);

                free(joined);
                joined = longer;
        }
        return joined;
}

int serving_program_words(const Fleet__Serving *serving, const Fleet__Program *program,
        const SiteDir *site, TemplateWords *ret, Error *error)
{
        const Fleet__Front *front = serving_front(serving, program->role);
        char *name = NULL, *socket = NULL;
        int r = serving_program(serving, program, &name, error);

        if (r < 0)
                return r;
        template_word(ret, "hosts", join(front->hosts, front->n_hosts));
        template_word(ret, "program", name);
        r = serving_socket(site, program->role, &socket, error);
        if (r < 0)
                return r;
        template_word(ret, "socket", socket);
        template_word(ret, "series", text_copy(serving->series));
        template_word(ret, "site", text_copy(program->site));
        template_word(ret, "role", text_copy(program->role));
        template_word(ret, "root", text_copy(site->root));
        template_word(ret, "project", text_copy(site->path));
        template_word(ret, "log",
                text_format("%s/%s/%s.log", site->path, SERVING_DIRECTORY, program->role));
        template_word(ret, "owner", text_copy(site->owner.name));
        template_word(ret, "group", group_name(site));
        template_word(ret, "drain_seconds", text_format("%u", serving->drain_seconds));
        template_word(ret, "stop_seconds", text_format("%u", serving->drain_seconds + 10));
        template_word(ret, "health_seconds", text_format("%u", serving->health_seconds));
        return 0;
}

int serving_vhost_words(const Fleet__Serving *serving, const char *root, const char *role,
        TemplateWords *ret, Error *error)
{
        const Fleet__Front *front = serving_front(serving, role);
        bool own_port = !text_blank(serving->listen), tls;
        const char *port;

        if (!front)
                return unfit("role", role, "it is neither prod nor preview", error);
        tls = !text_blank(front->certificate);
        port = own_port ? serving->listen : tls ? "443" : "80";
        template_word(ret, "series", text_copy(serving->series));
        template_word(ret, "role", text_copy(role));
        template_word(ret, "root", text_copy(root));
        template_word(ret, "link", text_format("%s/%s", root, role));
        template_word(ret, "hosts", join(front->hosts, front->n_hosts));
        template_word(ret, "host", text_copy(front->hosts[0]));
        template_word(ret, "aliases", join(front->hosts + 1, front->n_hosts - 1));
        template_word(ret, "listen", text_format("%s%s", port, tls ? " ssl" : ""));
        template_word(ret, "address", text_format("%s%s", strchr(port, ':') ? "" : "*:", port));
        template_word(ret, "certificate", text_copy(front->certificate));
        template_word(ret, "certificate_key", text_copy(front->certificate_key));
        template_word(ret, "redirect", text_copy(tls && !own_port ? "yes" : ""));
        return 0;
}

char *serving_mark(const Fleet__Serving *serving)
{
        return text_format("# Managed by Understudy for series %s: what is changed here is "
                           "overwritten.\n",
                serving->series);
}
