#include "api/check.h"

#include <ctype.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define HEADERS_MAX 64

typedef struct Seen {
        unsigned headers;
        unsigned hosts;
        unsigned lengths;
        unsigned encodings;
        bool length_is_number;
        bool encoding_is_chunked;
} Seen;

// A token of RFC 9110, section 5.6.2. "Content-Length :" is none: others would read it otherwise.
static bool is_token(const char *text)
{
        return *text && text[strspn(text, "!#$%&'*+-.^_`|~0123456789"
                                          "abcdefghijklmnopqrstuvwxyz"
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static bool is_printable(const char *text)
{
        for (; *text; text++)
                if (!isgraph((unsigned char)*text))
                        return false;
        return true;
}

static void look_at(Seen *seen, const char *name, const char *value)
{
        seen->headers++;
        if (strcasecmp(name, "Host") == 0) {
                seen->hosts++;
        } else if (strcasecmp(name, "Content-Length") == 0) {
                seen->lengths++;
                seen->length_is_number = *value && value[strspn(value, "0123456789")] == '\0';
        } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
                seen->encodings++;
                seen->encoding_is_chunked = strcasecmp(value, "chunked") == 0;
        }
}

static const char *check_framing(const Seen *seen, int minor)
{
        if (seen->headers > HEADERS_MAX)
                return "it has more than 64 headers";
        if (seen->hosts != 1)
                return "it must have exactly one Host";
        if (seen->lengths > 1 || (seen->lengths && seen->encodings))
                return "it says the length of its body twice";
        if (seen->lengths && !seen->length_is_number)
                return "its Content-Length is not a number";
        if (seen->encodings && (minor == 0 || seen->encodings > 1 || !seen->encoding_is_chunked))
                return "its Transfer-Encoding is not 'chunked'";
        return NULL;
}

const char *request_check(struct evhttp_request *request)
{
        const char *uri = evhttp_request_get_uri(request);
        const struct evkeyval *header;
        Seen seen = {0};

        if (request->major != 1 || (request->minor != 0 && request->minor != 1))
                return "it is neither HTTP/1.0 nor HTTP/1.1";
        if (uri[0] != '/' || uri[1] == '/' || !is_printable(uri))
                return "its path must begin with one '/' and hold printable characters only";
        TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
        {
                if (!is_token(header->key))
                        return "the name of a header is malformed";
                look_at(&seen, header->key, header->value);
        }
        return check_framing(&seen, request->minor);
}
