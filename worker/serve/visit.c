#include "serve/visit.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
// Without arguments of its own they are functions, not macros.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/library.h"
#include "base/text.h"

#define BODY_MAX (16U << 20)

static struct Curl {
        LIBRARY_MEMBER(curl_easy_init);
        LIBRARY_MEMBER(curl_easy_cleanup);
        LIBRARY_MEMBER(curl_easy_setopt);
        LIBRARY_MEMBER(curl_easy_perform);
        LIBRARY_MEMBER(curl_easy_getinfo);
        LIBRARY_MEMBER(curl_easy_strerror);
        LIBRARY_MEMBER(curl_slist_append);
        LIBRARY_MEMBER(curl_slist_free_all);
} library;
static const LibraryFunction library_functions[] = {
        LIBRARY_FUNCTION(library, curl_easy_init),
        LIBRARY_FUNCTION(library, curl_easy_cleanup),
        LIBRARY_FUNCTION(library, curl_easy_setopt),
        LIBRARY_FUNCTION(library, curl_easy_perform),
        LIBRARY_FUNCTION(library, curl_easy_getinfo),
        LIBRARY_FUNCTION(library, curl_easy_strerror),
        LIBRARY_FUNCTION(library, curl_slist_append),
        LIBRARY_FUNCTION(library, curl_slist_free_all),
};

typedef struct Request {
        StepContext *context;
        CURL *curl;
        struct curl_slist *resolve;
        VisitAnswer answer;
        size_t body;
        char reason[CURL_ERROR_SIZE];
} Request;

static void request_clear(Request *request)
{
        if (request->curl)
                library.curl_easy_cleanup(request->curl);
        if (request->resolve)
                library.curl_slist_free_all(request->resolve);
        visit_answer_clear(&request->answer);
}

void visit_answer_clear(VisitAnswer *answer)
{
        free(answer->site);
        free(answer->vhost);
        free(answer->server);
        free(answer->why);
        *answer = (VisitAnswer){0};
}

static void take_header(const char *line, size_t length, const char *name, char **field)
{
        size_t skip = strlen(name);

        if (length <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':')
                return;
        for (skip++; skip < length && line[skip] == ' ';)
                skip++;
        while (length > skip && strchr("\r\n ", line[length - 1]))
                length--;
        free(*field);
        *field = text_copy_n(line + skip, length - skip);
}

static size_t on_header(char *line, size_t size, size_t count, void *userdata)
{
        Request *request = userdata;

        take_header(line, size * count, VISIT_SITE_HEADER, &request->answer.site);
        take_header(line, size * count, VISIT_VHOST_HEADER, &request->answer.vhost);
        take_header(line, size * count, "Server", &request->answer.server);
        return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
        Request *request = userdata;

        (void)bytes;
        request->body += size * count;
        return request->body <= BODY_MAX ? size * count : 0;
}

static int on_progress(
        void *userdata, curl_off_t total, curl_off_t now, curl_off_t out_total, curl_off_t out_now)
{
        (void)total;
        (void)now;
        (void)out_total;
        (void)out_now;
        return step_canceled(((Request *)userdata)->context);
}

static void set_target(Request *request, const Visit *visit)
{
        _cleanup_free_ char *url = text_format("%s://%s%s", visit->tls ? "https" : "http",
                visit->host, text_blank(visit->path) ? "/" : visit->path);

        library.curl_easy_setopt(request->curl, CURLOPT_URL, url);
        if (visit->socket) {
                library.curl_easy_setopt(request->curl, CURLOPT_UNIX_SOCKET_PATH, visit->socket);
        } else {
                _cleanup_free_ char *to = text_format("::%s", visit->address);

                request->resolve = library.curl_slist_append(NULL, to);
                library.curl_easy_setopt(request->curl, CURLOPT_CONNECT_TO, request->resolve);
        }
}

static void set_manners(Request *request, const Visit *visit)
{
        CURL *curl = request->curl;

        library.curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)visit->timeout_ms);
        library.curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        library.curl_easy_setopt(curl, CURLOPT_PROXY, "");
        library.curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        library.curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
        library.curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->reason);
        library.curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        library.curl_easy_setopt(curl, CURLOPT_HEADERDATA, request);
        library.curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        library.curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
        library.curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        library.curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        library.curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request);
}

int visit(StepContext *context, const Visit *visit, VisitAnswer *ret, Error *error)
{
        Request request _cleanup_(request_clear) = {
                .context = context,
        };
        CURLcode code;
        int r = library_load(LIBCURL_FILE, library_functions, ELEMENTS(library_functions), error);

        if (r < 0)
                return r;
        request.curl = library.curl_easy_init();
        if (!request.curl)
                return error_set(error, -ENOMEM, "internal", "cannot make an HTTP request");
        set_target(&request, visit);
        set_manners(&request, visit);
        code = library.curl_easy_perform(request.curl);
        if (step_canceled(context))
                return step_canceled_error(context, error);
        if (code == CURLE_OK)
                library.curl_easy_getinfo(
                        request.curl, CURLINFO_RESPONSE_CODE, &request.answer.status);
        else
                request.answer.why = text_copy(
                        *request.reason ? request.reason : library.curl_easy_strerror(code));
        request.answer.absent = code == CURLE_COULDNT_CONNECT;
        *ret = TAKE(request.answer, (VisitAnswer){0});
        return 0;
}

int visit_pause(StepContext *context, uint32_t ms, Error *error)
{
        struct pollfd fd = {.fd = step_cancel_fd(context), .events = POLLIN};

        (void)!poll(&fd, 1, (int)ms);
        return step_canceled(context) ? step_canceled_error(context, error) : 0;
}

// ---- who is connected

int visit_listener(const char *path, pid_t *ret)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
                getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (peer.pid <= 0)
                return -ESRCH;
        *ret = peer.pid;
        return 0;
}

// A line of /proc/net/unix: number, references, protocol, flags, type, state, inode, path. The
// listening socket has state 01; one that is connected and accepted 03, one that waits 02.
static bool counts(char *line, const char *path)
{
        unsigned state;
        int at = 0;

        line[strcspn(line, "\n")] = '\0';
        // NOLINTNEXTLINE(cert-err34-c): a line of another form counts as none
        return sscanf(line, "%*s %*s %*s %*s %*s %x %*s %n", &state, &at) == 1 && at > 0 &&
               state != 1 && text_equal(line + at, path);
}

// In its own table: it may be in another network namespace.
int visit_connections(pid_t listener, const char *socket, unsigned *ret)
{
        _cleanup_free_ char *table = text_format("/proc/%d/net/unix", listener), *line = NULL;
        _cleanup_fclose_ FILE *file = fopen(table, "re");
        size_t room = 0;
        unsigned count = 0;

        if (!file)
                return -errno;
        while (getline(&line, &room, file) >= 0)
                count += counts(line, socket);
        *ret = count;
        return 0;
}
