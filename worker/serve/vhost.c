#include "serve/vhost.h"

#include <fcntl.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/manager.h"
#include "serve/marked.h"
#include "serve/visit.h"

#define RELOAD_SECONDS 15
#define PAUSE_MS       25
#define COMPLAINT_MAX  500

typedef struct WebServer {
        const char *name;
        size_t hosting; // offset in Hosting
        bool opens;     // the ports that its vhosts name
} WebServer;

static const WebServer web_servers[] = {
        {"nginx", offsetof(Hosting, nginx), true},
        {"apache", offsetof(Hosting, apache), false},
};

// A vhost being changed. While it is, the file before it stands beside it, under a hidden name that
// no web server includes; empty: there was none.
typedef struct Vhost {
        StepContext *context;
        const Fleet__Serving *serving;
        const char *role;
        const WebHosting *hosting;
        const WebServer *server;
        char *file, *kept; // names in hosting->vhosts
        char *mark;
        char *before; // text; NULL: there was none
        char *wanted; // NULL: there shall be none
        char *version;
} Vhost;

static void vhost_clear(Vhost *vhost)
{
        free(vhost->file);
        free(vhost->kept);
        free(vhost->mark);
        free(vhost->before);
        free(vhost->wanted);
        free(vhost->version);
}

static int find(Vhost *vhost, Error *error)
{
        const char *name = vhost->serving->web;
        const Hosting *hosting = &step_policy(vhost->context)->hosting;

        for (size_t i = 0; i < ELEMENTS(web_servers); i++)
                if (text_equal(web_servers[i].name, name)) {
                        vhost->server = &web_servers[i];
                        vhost->hosting =
                                (const void *)((const char *)hosting + web_servers[i].hosting);
                        if (vhost->hosting->vhosts && vhost->hosting->test &&
                                vhost->hosting->reload)
                                return 0;
                }
        error_set(error, -ENOENT, "vhost", "there is no web server '%s' on this host", name);
        error_why(error, "it is neither nginx nor apache, or worker.conf says nothing of it");
        error_next(error, "Fill in its section of worker.conf, or change the series: "
                          "understudyctl series set SERIES web=nginx");
        return -ENOENT;
}

// A change that was killed goes on from what was there before it.
static int vhost_open(Vhost *vhost, Error *error)
{
        _cleanup_free_ char *empty = NULL, *kept = NULL;
        int r = find(vhost, error);

        if (r < 0)
                return r;
        vhost->file = text_format("%s-%s.conf", vhost->serving->series, vhost->role);
        vhost->kept = text_format(".%s.before", vhost->file);
        vhost->mark = serving_mark(vhost->serving);
        r = marked_read(vhost->hosting->vhosts, vhost->kept, "", &kept, error);
        if (r == 0 && !kept)
                return marked_read(
                        vhost->hosting->vhosts, vhost->file, vhost->mark, &vhost->before, error);
        if (r == 0 && *kept)
                vhost->before = TAKE_PTR(kept);
        return r;
}

static char *digest(const char *text)
{
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        EVP_Digest(text, strlen(text), bytes, &size, EVP_sha256(), NULL);
        return text_hexadecimal(bytes, 6);
}

static int fill(Vhost *vhost, const char *root, Error *error)
{
        TemplateWords words _cleanup_words_ = {0};
        bool own = !text_blank(vhost->serving->vhost);
        _cleanup_free_ char *name =
                text_format("vhost/%s.conf", own ? vhost->serving->vhost : vhost->serving->web);
        _cleanup_free_ char *template = NULL, *text = NULL;
        int r = serving_vhost_words(vhost->serving, root, vhost->role, &words, error)
                        ?: template_read(step_policy(vhost->context), name, &template, error);

        if (r < 0)
                return r;
        template_word(&words, "version", text_copy("-"));
        r = template_fill(name, template, &words, &text, error);
        if (r < 0)
                return r;
        vhost->version = digest(text);
        free(words.items[words.count - 1].value);
        words.items[words.count - 1].value = text_copy(vhost->version);
        free(TAKE_PTR(text));
        r = template_fill(name, template, &words, &text, error);
        if (r == 0)
                vhost->wanted = text_format("%s%s", vhost->mark, text);
        return r;
}

// ---- the web server's word

static int disliked(const Vhost *vhost, const char *why, const char *next, Error *error)
{
        error_set(error, -EINVAL, "vhost", "%s does not take the vhost", vhost->serving->web);
        error_where(error, "%s/%s", vhost->hosting->vhosts, vhost->file);
        error_why(error, "%s", why);
        error_next(error, "%s", next);
        return -EINVAL;
}

// From the line that tells of an error on; the last one when none does.
static char *complaint(const char *printed)
{
        const char *found = printed;

        for (const char *line = printed; *line;) {
                size_t length = strcspn(line, "\n");

                found = line;
                if (memmem(line, length, "[emerg]", 7) || memmem(line, length, "Syntax error", 12))
                        break;
                line += length + (line[length] == '\n');
        }
        return text_copy_n(found, strnlen(found, COMPLAINT_MAX));
}

static int run(const Vhost *vhost, const char *command, Error *error)
{
        _cleanup_free_ char *printed = NULL, *why = NULL, *next = NULL;
        int status = 0;
        int r = manager_command(vhost->context, command, "", &printed, &status, error);

        if (r < 0 || status == 0)
                return r;
        why = complaint(printed);
        next = text_format("Correct the template or the settings, see what '%s' says, and repeat "
                           "the command.",
                command);
        return disliked(vhost, why, next, error);
}

// Where to reach the vhost from this host: "*:80" and "80" by the loopback.
static char *address(const char *listen)
{
        const char *colon = strrchr(listen, ':');

        if (!colon)
                return text_format("127.0.0.1:%s", listen);
        if (listen[0] == '*' || text_starts(listen, "0.0.0.0:") || text_starts(listen, "[::]:"))
                return text_format("127.0.0.1%s", colon);
        return text_copy(listen);
}

static char *answer_text(const VisitAnswer *answer, const char *host, const char *where)
{
        if (!answer->status)
                return text_format("%s does not answer for host %s: %s", where, host, answer->why);
        return text_format("%s answers for host %s, but not by this vhost: another server has the "
                           "port, another vhost the name, or the new configuration was not taken",
                where, host);
}

static Visit visitor(const Vhost *vhost, char **ret_where)
{
        const Fleet__Front *front = serving_front(vhost->serving, vhost->role);
        bool tls = !text_blank(front->certificate);
        const char *standard = tls ? "443" : "80";

        *ret_where =
                address(text_blank(vhost->serving->listen) ? standard : vhost->serving->listen);
        return (Visit){.address = *ret_where,
                .host = front->hosts[0],
                .tls = tls,
                .path = "/static/.understudy",
                .timeout_ms = 2000};
}

// Before anything changes: a vhost that moves to a port where it cannot be would be nowhere.
static int check_port(const Vhost *vhost, Error *error)
{
        _cleanup_free_ char *where = NULL, *why = NULL;
        const Visit request = visitor(vhost, &where);
        VisitAnswer answer _cleanup_answer_ = {0};
        int r = visit(vhost->context, &request, &answer, error);

        if (r < 0 || request.tls)
                return r;
        if (answer.absent && !vhost->server->opens)
                why = text_format(
                        "nobody listens at %s: its configuration needs a 'Listen'", where);
        else if (!answer.absent &&
                 (!answer.status ||
                         (answer.server && !strcasestr(answer.server, vhost->server->name))))
                why = text_format("another program has the port: %s", where);
        return why ? disliked(vhost, why, "See who listens there: ss -ltnp", error) : 0;
}

static int wait_until_served(const Vhost *vhost, Error *error)
{
        _cleanup_free_ char *where = NULL;
        const Visit request = visitor(vhost, &where);
        int64_t end = clock_monotonic_us() + RELOAD_SECONDS * US_PER_SECOND;

        for (;;) {
                VisitAnswer answer _cleanup_answer_ = {0};
                _cleanup_free_ char *why = NULL;
                int r = visit(vhost->context, &request, &answer, error);

                if (r < 0 || text_equal(answer.vhost, vhost->version))
                        return r;
                if (clock_monotonic_us() > end) {
                        why = answer_text(&answer, request.host, where);
                        return disliked(vhost, why,
                                "Read the web server's error log, and see who listens there: ss "
                                "-ltnp",
                                error);
                }
                r = visit_pause(vhost->context, PAUSE_MS, error);
                if (r < 0)
                        return r;
        }
}

// ---- the change

static int place(const Vhost *vhost, const char *text, Error *error)
{
        return text ? marked_write(vhost->hosting->vhosts, vhost->file, text, error)
                    : marked_remove(vhost->hosting->vhosts, vhost->file, error);
}

static int forget_previous(const Vhost *vhost, Error *error)
{
        return marked_remove(vhost->hosting->vhosts, vhost->kept, error);
}

// A web server that was not told of the new one need not be told of the previous one.
static void put_back(const Vhost *vhost, bool told, Error *error)
{
        _cleanup_error_ Error second = ERROR_EMPTY;
        int r = place(vhost, vhost->before, &second);

        if (r == 0 && told)
                r = run(vhost, vhost->hosting->reload, &second);
        r = r ?: forget_previous(vhost, &second);

        if (r < 0) {
                _cleanup_free_ char *line = error_line(&second);

                error_next(error, "The previous one could not be put back: %s", line);
        }
}

static int change(const Vhost *vhost, bool killed_before, Error *error)
{
        bool told;
        int r = vhost->wanted ? check_port(vhost, error) : 0;

        if (r < 0 && killed_before)
                put_back(vhost, true, error);
        if (r < 0)
                return r;
        r = marked_write(
                vhost->hosting->vhosts, vhost->kept, vhost->before ? vhost->before : "", error);
        if (r < 0)
                return r;
        r = place(vhost, vhost->wanted, error) ?: run(vhost, vhost->hosting->test, error);
        told = r == 0 || killed_before;
        r = r ?: run(vhost, vhost->hosting->reload, error);
        if (r == 0 && vhost->wanted)
                r = wait_until_served(vhost, error);
        if (r < 0) {
                put_back(vhost, told, error);
                return r;
        }
        return forget_previous(vhost, error);
}

static int make_so(Vhost *vhost, char **ret_path, Error *error)
{
        _cleanup_free_ char *kept = text_format("%s/%s", vhost->hosting->vhosts, vhost->kept);
        bool killed_before = access(kept, F_OK) == 0;
        int r = 0;

        *ret_path = NULL;
        if (killed_before || !text_equal(vhost->before, vhost->wanted)) {
                r = change(vhost, killed_before, error);
                if (r == 0)
                        *ret_path = text_format("%s/%s", vhost->hosting->vhosts, vhost->file);
        }
        return r;
}

int vhost_set(StepContext *context, const Fleet__Serving *serving, const char *root,
        const char *role, char **ret_path, Error *error)
{
        Vhost vhost _cleanup_(vhost_clear) = {.context = context, .serving = serving, .role = role};
        int r = vhost_open(&vhost, error) ?: fill(&vhost, root, error);

        return r < 0 ? r : make_so(&vhost, ret_path, error);
}

int vhost_remove(StepContext *context, const Fleet__Serving *serving, const char *role,
        char **ret_path, Error *error)
{
        Vhost vhost _cleanup_(vhost_clear) = {.context = context, .serving = serving, .role = role};
        int r = vhost_open(&vhost, error);

        return r < 0 ? r : make_so(&vhost, ret_path, error);
}
