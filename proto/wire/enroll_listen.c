#include "base/clock.h"
#include "base/text.h"
#include "steps.h"
#include "wire/acceptor.h"
#include "wire/enroll.h"
#include "wire/stream.h"

struct Enrollment {
        Member member;
        Wire *wire;
        Acceptor *acceptor;
        EnrollLimits limits;
        EnrollRequest *request;
        void *userdata;
        LIST_HEAD(, Session) sessions;
        int64_t second_us; // when the second began in which `attempts` were counted
        uint32_t attempts;
};

typedef struct Session {
        LIST_ENTRY(Session) entry;
        Newcomer newcomer;
        Enrollment *enrollment;
        Stream *stream;
        bool answered;
} Session;

static void session_free(Session *session)
{
        LIST_REMOVE(session, entry);
        newcomer_remove(&session->newcomer);
        stream_free(session->stream);
        free(session);
}

static void set_failure(Fleet__JoinReply *reply, const char *code, const char *why)
{
        Fleet__Failure *failure = (Fleet__Failure *)message_new(&fleet__failure__descriptor);

        failure->code = text_copy(code);
        failure->what = text_copy("cannot join");
        failure->why = text_copy(why);
        failure->next = text_copy("try again in a moment");
        reply->failure = failure;
}

static bool is_too_often(Enrollment *enrollment)
{
        int64_t now = clock_monotonic_us();

        if (now - enrollment->second_us >= US_PER_SECOND) {
                enrollment->second_us = now;
                enrollment->attempts = 0;
        }
        return ++enrollment->attempts > enrollment->limits.attempts_per_second;
}

static void answer(Session *session, const Fleet__JoinRequest *request, Fleet__JoinReply *reply)
{
        Enrollment *enrollment = session->enrollment;
        _cleanup_free_ char *address = stream_address(session->stream);
        int r;

        if (is_too_often(enrollment)) {
                set_failure(reply, "busy", "too many hosts try to join at once");
                return;
        }
        r = enrollment->request(enrollment->userdata, request, address, reply);
        if (r < 0 && !reply->failure)
                set_failure(reply, "refused", strerror(-r));
}

// The connection ends when the host has read the answer and goes, or when its time is up.
static void on_message(void *userdata, ProtobufCMessage *message)
{
        _cleanup_message_ ProtobufCMessage *reply = NULL;
        Session *session = userdata;

        if (session->answered) {
                session_free(session);
                return;
        }
        session->answered = true;
        reply = message_new(&fleet__join_reply__descriptor);
        answer(session, (const Fleet__JoinRequest *)message, (Fleet__JoinReply *)reply);
        if (stream_send(session->stream, reply, UINT32_MAX) < 0)
                session_free(session);
}

static void on_ended(void *userdata, const Error *why)
{
        (void)why;
        session_free(userdata);
}

static const StreamHandlers stream_handlers = {
        .type = &fleet__join_request__descriptor,
        .message = on_message,
        .malformed = on_ended,
        .ended = on_ended,
};

static void on_accepted(void *userdata, nng_stream *take_stream)
{
        Enrollment *enrollment = userdata;
        Session *session = memory_new(sizeof(*session));

        session->enrollment = enrollment;
        session->stream = stream_new(enrollment->wire, take_stream,
                enrollment->limits.request_bytes, &stream_handlers, session);
        LIST_INSERT_HEAD(&enrollment->sessions, session, entry);
        acceptor_add(enrollment->acceptor, &session->newcomer);
}

static void on_overdue(void *userdata, Newcomer *newcomer)
{
        (void)userdata;
        session_free(CONTAINER(newcomer, Session, newcomer));
}

static const AcceptorHandlers acceptor_handlers = {
        .accepted = on_accepted,
        .overdue = on_overdue,
};

static void enrollment_free(Member *member)
{
        Enrollment *enrollment = CONTAINER(member, Enrollment, member);
        Session *session, *next;

        LIST_REMOVE(member, entry);
        for (session = LIST_FIRST(&enrollment->sessions); session; session = next) {
                next = LIST_NEXT(session, entry);
                session_free(session);
        }
        acceptor_free(enrollment->acceptor);
        free(enrollment);
}

static EnrollLimits limits_or_defaults(const EnrollLimits *limits)
{
        EnrollLimits own = limits ? *limits : (EnrollLimits){0};

        own.request_bytes = own.request_bytes ? own.request_bytes : 16U << 10;
        own.connections = own.connections ? own.connections : 16;
        own.deadline_ms = own.deadline_ms ? own.deadline_ms : 5000;
        own.attempts_per_second = own.attempts_per_second ? own.attempts_per_second : 10;
        return own;
}

int enroll_listen(Wire *wire, const char *address, const Credentials *credentials,
        const EnrollLimits *limits, EnrollRequest *request, void *userdata, Enrollment **ret,
        Error *error)
{
        _cleanup_free_ char *chain =
                text_format("%s%s", credentials->certificate, credentials->authority);
        const Credentials open = {.certificate = chain, .key = credentials->key};
        Enrollment *enrollment = memory_new(sizeof(*enrollment));
        int r;

        enrollment->limits = limits_or_defaults(limits);
        r = acceptor_new(wire, address, &open, enrollment->limits.connections,
                enrollment->limits.deadline_ms, &acceptor_handlers, enrollment,
                &enrollment->acceptor, error);
        if (r < 0) {
                free(enrollment);
                return r;
        }
        enrollment->wire = wire;
        enrollment->request = request;
        enrollment->userdata = userdata;
        enrollment->member.free = enrollment_free;
        LIST_INIT(&enrollment->sessions);
        LIST_INSERT_HEAD(&wire->members, &enrollment->member, entry);
        *ret = enrollment;
        return 0;
}

const char *enroll_address(const Enrollment *enrollment)
{
        return acceptor_address(enrollment->acceptor);
}
