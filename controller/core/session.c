#include "core/session.h"

#include "base/log.h"
#include "base/text.h"

Session *session_new(Controller *controller, Link *link, const char *host, const char *address)
{
        Session *session = memory_new(sizeof *session);

        session->link = link;
        session->host = text_copy(host);
        session->address = text_copy(address);
        session->next = controller->sessions;
        controller->sessions = session;
        return session;
}

static void drop_frames(Session *session, size_t count)
{
        if (count == 0)
                return;
        for (size_t i = 0; i < count; i++)
                fleet__frame__free_unpacked(session->frames[i], NULL);
        session->frame_count -= count;
        memmove(session->frames, session->frames + count,
                session->frame_count * sizeof *session->frames);
}

void session_free(Controller *controller, Session *session)
{
        Session **at = &controller->sessions;

        while (*at != session)
                at = &(*at)->next;
        *at = session->next;
        drop_frames(session, session->frame_count);
        free(session->frames);
        free(session->host);
        free(session->address);
        free(session);
}

void session_list_free(Controller *controller)
{
        while (controller->sessions)
                session_free(controller, controller->sessions);
}

Session *session_of_link(Controller *controller, const Link *link)
{
        for (Session *session = controller->sessions; session; session = session->next)
                if (session->link == link)
                        return session;
        return NULL;
}

Session *session_of_host(Controller *controller, const char *host)
{
        for (Session *session = controller->sessions; session; session = session->next)
                if (session->greeted && !session->closing && text_equal(session->host, host))
                        return session;
        return NULL;
}

void session_close(Controller *controller, Session *session, const char *code, const char *message)
{
        if (session->closing)
                return;
        session->closing = true;
        drop_frames(session, session->frame_count);
        controller->setup->transport->close(session->link, code, message);
}

void session_list_close(Controller *controller, const char *code, const char *message)
{
        for (Session *session = controller->sessions; session; session = session->next)
                session_close(controller, session, code, message);
}

void session_flush(Controller *controller, Session *session)
{
        size_t sent = 0;
        int r = 0;

        if (session->closing)
                return;
        while (sent < session->frame_count && r == 0) {
                r = controller->setup->transport->send(session->link, session->frames[sent]);
                sent += r == 0;
        }
        drop_frames(session, sent);
        // A full queue goes on when it is drained; a closing link sends again when it is back.
        if (r < 0 && r != -ENOBUFS && r != -ENOTCONN) {
                log_error("cannot send a frame host=%s error=%s", session->host, strerror(-r));
                session_close(controller, session, "controller", "a frame could not be sent");
        }
}

void session_list_flush(Controller *controller)
{
        Session *next;

        for (Session *session = controller->sessions; session; session = next) {
                next = session->next;
                session_flush(controller, session);
        }
}

void session_queue(Session *session, Fleet__Frame *take_frame)
{
        if (session->frame_count == session->frame_room) {
                session->frame_room = session->frame_room ? 2 * session->frame_room : 8;
                session->frames =
                        memory_grow(session->frames, session->frame_room * sizeof(Fleet__Frame *));
        }
        session->frames[session->frame_count++] = take_frame;
}

static Fleet__Frame *frame_new(Fleet__Frame__BodyCase body)
{
        Fleet__Frame *frame = (Fleet__Frame *)message_new(&fleet__frame__descriptor);

        frame->body_case = body;
        return frame;
}

void session_queue_task(Session *session, const TaskRow *task)
{
        Fleet__Frame *frame = frame_new(FLEET__FRAME__BODY_TASK);

        frame->task = (Fleet__Task *)blob_message(&task->message, &fleet__task__descriptor);
        session_queue(session, frame);
}

void session_queue_cancel(Session *session, const char *wire_id)
{
        Fleet__Frame *frame = frame_new(FLEET__FRAME__BODY_CANCEL);

        frame->cancel = (Fleet__Cancel *)message_new(&fleet__cancel__descriptor);
        frame->cancel->task = text_copy(wire_id);
        session_queue(session, frame);
}

// A row of events of one task is acknowledged once.
void session_queue_committed(Session *session, const char *wire_id, uint64_t last)
{
        Fleet__Frame *frame =
                session->frame_count ? session->frames[session->frame_count - 1] : NULL;

        if (!frame || frame->body_case != FLEET__FRAME__BODY_COMMITTED ||
                !text_equal(frame->committed->task, wire_id)) {
                frame = frame_new(FLEET__FRAME__BODY_COMMITTED);
                frame->committed = (Fleet__Committed *)message_new(&fleet__committed__descriptor);
                frame->committed->task = text_copy(wire_id);
                session_queue(session, frame);
        }
        frame->committed->last = last;
}
