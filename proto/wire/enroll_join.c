#include "base/clock.h"
#include "base/text.h"
#include "steps.h"
#include "wire/address.h"
#include "wire/attempt.h"
#include "wire/enroll.h"
#include "wire/pki.h"
#include "wire/stream.h"

#define REPLY_BYTES (64U << 10)

typedef struct Join {
        struct event_base *base;
        Wire *wire;
        nng_tls_config *config;
        const char *address, *digest;
        const Fleet__JoinRequest *request;
        uint32_t deadline_ms;
        unsigned attempts;
        Attempt *attempt;
        Stream *stream;
        Fleet__JoinReply *reply; // NULL: failed, and `why` says why
        Error why;
} Join;

// Only the first outcome counts: more may come before the loop ends.
static bool is_over(const Join *join)
{
        return join->reply || join->why.code;
}

static void stop(Join *join)
{
        event_base_loopbreak(join->base);
}

static void fail(Join *join, const char *code, const char *why)
{
        if (is_over(join))
                return;
        error_set(&join->why, -EIO, code, "cannot join");
        error_where(&join->why, "%s", join->address);
        error_why(&join->why, "%s", why);
        error_next(&join->why, "see that the controller runs and that the address is the one that "
                               "understudyctl host add printed");
        stop(join);
}

// ---------------------------------------------------------------- the controller's answer

static void take_failure(Join *join, const Fleet__Failure *failure)
{
        error_set(&join->why, -EACCES, failure->code, "%s", failure->what);
        error_where(&join->why, "%s", *failure->where ? failure->where : join->address);
        error_why(&join->why, "%s", failure->why);
        error_next(&join->why, "%s", failure->next);
        stop(join);
}

static bool is_authority(const Join *join, const ProtobufCBinaryData *authority)
{
        char digest[PKI_DIGEST_SIZE];
        _cleanup_free_ char *pem = NULL;

        return pki_to_pem(authority->data, authority->len, &pem) == 0 &&
               pki_digest(pem, digest) == 0 && text_equal(digest, join->digest);
}

static void on_message(void *userdata, ProtobufCMessage *message)
{
        const Fleet__JoinReply *reply = (const Fleet__JoinReply *)message;
        Join *join = userdata;

        if (is_over(join))
                return;
        if (reply->failure) {
                take_failure(join, reply->failure);
        } else if (reply->certificate.len == 0 || !is_authority(join, &reply->authority)) {
                fail(join, "protocol", "the answer holds no certificate of that authority");
        } else {
                join->reply = (Fleet__JoinReply *)message_copy(message);
                stop(join);
        }
}

static void on_ended(void *userdata, const Error *why)
{
        Join *join = userdata;

        if (is_over(join))
                return;
        fail(join, why->code, why->why);
        if (text_equal(why->code, "authentication"))
                error_next(&join->why, "do not send the token elsewhere: compare the digest with "
                                       "the line that understudyctl host add printed");
}

static const StreamHandlers stream_handlers = {
        .type = &fleet__join_reply__descriptor,
        .message = on_message,
        .malformed = on_ended,
        .ended = on_ended,
};

// ---------------------------------------------------------------- on its way

static void try_connect(Join *join);

// TLS holds the request back until the handshake has proven the authority.
static void on_attempt(void *userdata, nng_stream *take_stream, const char *why)
{
        Join *join = userdata;

        join->attempt = NULL;
        if (!take_stream && join->attempts < 2) {
                try_connect(join);
                return;
        }
        if (!take_stream) {
                fail(join, "unreachable", why);
                return;
        }
        join->stream = stream_new(join->wire, take_stream, REPLY_BYTES, &stream_handlers, join);
        if (stream_send(join->stream, &join->request->base, UINT32_MAX) < 0)
                fail(join, "protocol", "the request is too large");
}

static void try_connect(Join *join)
{
        join->attempt = attempt_new(join->wire, join->address, join->attempts++ == 1, join->config,
                join->deadline_ms, on_attempt, join);
}

static void on_deadline(evutil_socket_t fd, short events, void *userdata)
{
        (void)fd;
        (void)events;
        fail(userdata, "timeout", "no answer in time");
}

static void run(Join *join)
{
        struct event *deadline = evtimer_new(join->base, on_deadline, join);

        if (!deadline)
                abort(); // out of memory, as everywhere
        timer_set(deadline, join->deadline_ms * US_PER_MS);
        try_connect(join);
        event_base_dispatch(join->base);
        event_free(deadline);
        if (join->attempt)
                attempt_free(join->attempt);
        if (join->stream)
                stream_free(join->stream);
}

static int run_with_tls(Join *join, Error *error)
{
        _cleanup_free_ char *authority = text_format("sha256:%s", join->digest);
        const Credentials pinned = {.authority = authority};
        int r = engine_config_new(NNG_TLS_MODE_CLIENT, &pinned, &join->config, error);

        if (r < 0)
                return r;
        run(join);
        nng_tls_config_free(join->config);
        if (join->reply)
                return 0;
        error_move(error, &join->why);
        return -EIO;
}

static int run_with_wire(Join *join, Error *error)
{
        int r = wire_new(join->base, &join->wire, error);

        if (r < 0)
                return r;
        r = run_with_tls(join, error);
        wire_free(join->wire);
        return r;
}

static int check(const Join *join, Error *error)
{
        _cleanup_free_ char *url = NULL;

        if (strlen(join->digest) != PKI_DIGEST_SIZE - 1 ||
                strspn(join->digest, "0123456789abcdef") != PKI_DIGEST_SIZE - 1) {
                error_set(error, -EINVAL, "bad-digest", "cannot use the authority's digest");
                error_why(error, "it is not 64 lower-case hexadecimal digits");
                error_next(error, "copy the whole line that understudyctl host add printed");
                return -EINVAL;
        }
        return address_url("tls+tcp", join->address, &url, error);
}

int enroll_join(const char *address, const char *authority_digest,
        const Fleet__JoinRequest *request, uint32_t deadline_ms, Fleet__JoinReply **ret,
        Error *error)
{
        Join join = {
                .address = address,
                .digest = authority_digest,
                .request = request,
                .deadline_ms = deadline_ms,
        };
        int r = check(&join, error);

        if (r < 0)
                return r;
        join.base = event_base_new();
        if (!join.base)
                abort(); // out of memory, as everywhere
        r = run_with_wire(&join, error);
        event_base_free(join.base);
        error_clear(&join.why);
        if (r == 0)
                *ret = join.reply;
        return r;
}
