#include "cli/client.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdbool.h>

#include "base/text.h"
#include "cli/events.h"

// The controller answers from memory and its database; it gives signs of life every 10 s while
// somebody follows a job.
#define CALL_SECONDS    60L
#define CONNECT_SECONDS 5L
#define SILENT_SECONDS  30L
#define TURN_MS         200

struct Client {
        char *socket;
        CURL *curl;
};

// What comes back.
typedef struct Answer {
        CURL *curl;
        char *text;
        size_t size;
        Events *events; // where a stream's bytes go; NULL: all is kept in `text`
        const FollowFns *fns;
} Answer;

static void answer_clear(Answer *answer)
{
        free(answer->text);
}
#define _cleanup_answer_ _cleanup_(answer_clear)

Client *client_new(const char *directory)
{
        Client *client = memory_new(sizeof(*client));

        client->socket = text_format("%s/api.socket", directory);
        client->curl = curl_easy_init();
        if (!client->curl)
                abort();
        return client;
}

void client_free(Client *client)
{
        curl_easy_cleanup(client->curl);
        free(client->socket);
        free(client);
}

char *client_path(const char *format, const char *name)
{
        char *escaped = curl_easy_escape(NULL, name, 0), *copy;
        // "." and ".." would be taken for steps through the path.
        const char *dots = strcmp(name, ".") == 0    ? "%2E"
                           : strcmp(name, "..") == 0 ? "%2E%2E"
                                                     : NULL;
        const char *place = strstr(format, "%s");

        if (!escaped || !place)
                abort();
        copy = text_format(
                "%.*s%s%s", (int)(place - format), format, dots ? dots : escaped, place + 2);
        curl_free(escaped);
        return copy;
}

// ---------------------------------------------------------------- failures

static int unreachable(const Client *client, CURLcode code, Error *error)
{
        long number = 0;

        curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
        error_set(error, -ENOTCONN, "unreachable", "the controller cannot be reached");
        error_where(error, "%s", client->socket);
        error_why(error, "%s", number ? strerror((int)number) : curl_easy_strerror(code));
        if (number == EACCES || number == EPERM)
                error_next(error, "Only root, the controller's user and the members of the "
                                  "socket's group may use it: join the group or use sudo.");
        else
                error_next(error, "Start it with 'understudy-controller run --dir DIR', or name "
                                  "its directory by --dir or UNDERSTUDY_DIR.");
        return -ENOTCONN;
}

static void take_part(json_t *failure, const char *name, Error *error,
        void (*set)(Error *error, const char *format, ...))
{
        const char *text = json_string_value(json_object_get(failure, name));

        if (!text_blank(text))
                set(error, "%s", text);
}

static int refused(const Client *client, const Answer *answer, long status, Error *error)
{
        json_t *body = json_loadb(answer->text, answer->size, 0, NULL);
        json_t *failure = json_object_get(body, "failure");
        const char *code = json_string_value(json_object_get(failure, "code"));
        const char *what = json_string_value(json_object_get(failure, "what"));

        error_set(error, -EPERM, code ? code : "refused", "%s",
                what ? what : "the controller refused");
        error_why(error, "it answered with HTTP status %ld", status);
        if (!failure)
                error_where(error, "%s", client->socket);
        take_part(failure, "where", error, error_where);
        take_part(failure, "why", error, error_why);
        take_part(failure, "next", error, error_next);
        json_decref(body);
        return -EPERM;
}

// ---------------------------------------------------------------- requests

static long answer_status(const Answer *answer)
{
        long status = 0;

        curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status);
        return status;
}

static size_t on_bytes(char *bytes, size_t one, size_t size, void *userdata)
{
        Answer *answer = userdata;

        (void)one;
        if (answer->events && answer_status(answer) == 200) {
                answer->fns->alive(answer->events->userdata);
                events_feed(answer->events, bytes, size);
                return size;
        }
        answer->text = memory_grow(answer->text, answer->size + size + 1);
        memcpy(answer->text + answer->size, bytes, size);
        answer->size += size;
        answer->text[answer->size] = '\0';
        return size;
}

static void prepare(Client *client, const char *path, Answer *answer)
{
        _cleanup_free_ char *url = text_format("http://understudy%s", path);

        answer->curl = client->curl;
        curl_easy_reset(client->curl);
        curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
        curl_easy_setopt(client->curl, CURLOPT_URL, url);
        curl_easy_setopt(client->curl, CURLOPT_PATH_AS_IS, 1L);
        curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
        curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
        curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_bytes);
        curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, answer);
}

static bool is_json(const Answer *answer)
{
        const char *type = NULL;

        curl_easy_getinfo(answer->curl, CURLINFO_CONTENT_TYPE, &type);
        return !type || text_starts(type, "application/json");
}

int client_call(Client *client, const char *method, const char *path, json_t *body, json_t **ret,
        Error *error)
{
        _cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        _cleanup_answer_ Answer answer = {0};
        CURLcode code;

        prepare(client, path, &answer);
        curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, CALL_SECONDS);
        curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
        if (text) {
                curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
                curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
        }
        code = curl_easy_perform(client->curl);
        curl_slist_free_all(headers);
        if (code != CURLE_OK)
                return unreachable(client, code, error);
        if (answer_status(&answer) != 200)
                return refused(client, &answer, answer_status(&answer), error);
        *ret = is_json(&answer) ? json_loadb(answer.text ? answer.text : "", answer.size,
                                          JSON_DECODE_ANY, NULL)
                                : json_stringn(answer.text ? answer.text : "", answer.size);
        if (!*ret) {
                error_set(error, -ENOTCONN, "unreachable", "the controller's answer is no JSON");
                error_where(error, "%s", client->socket);
                return -ENOTCONN;
        }
        return 0;
}

// ---------------------------------------------------------------- following

// Runs the transfer until it ends or `turn` says so.
static int transfer(
        Client *client, CURLM *multi, const FollowFns *fns, void *userdata, CURLcode *ret)
{
        struct curl_waitfd wake = {.fd = fns->wake_fd, .events = CURL_WAIT_POLLIN};
        int running = 1, left;
        CURLMsg *message;

        *ret = CURLE_OK;
        curl_multi_add_handle(multi, client->curl);
        while (running) {
                curl_multi_perform(multi, &running);
                if (!fns->turn(userdata))
                        return -EINTR;
                if (running)
                        curl_multi_poll(multi, &wake, fns->wake_fd >= 0, TURN_MS, NULL);
        }
        while ((message = curl_multi_info_read(multi, &left)))
                if (message->msg == CURLMSG_DONE)
                        *ret = message->data.result;
        return 0;
}

int client_follow(Client *client, uint64_t job, uint64_t after, const FollowFns *fns,
        void *userdata, Error *error)
{
        _cleanup_free_ char *path =
                text_format("/v1/jobs/%" PRIu64 "/events?after=%" PRIu64, job, after);
        _cleanup_(events_clear) Events events = {.fn = fns->event, .userdata = userdata};
        _cleanup_answer_ Answer answer = {.events = &events, .fns = fns};
        CURLM *multi = curl_multi_init();
        CURLcode code;
        int result;

        prepare(client, path, &answer);
        curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
        result = transfer(client, multi, fns, userdata, &code);
        curl_multi_remove_handle(multi, client->curl);
        curl_multi_cleanup(multi);
        if (result < 0)
                return result;
        if (code != CURLE_OK)
                return unreachable(client, code, error);
        if (answer_status(&answer) != 200)
                return refused(client, &answer, answer_status(&answer), error);
        return 0;
}
