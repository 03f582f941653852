// The hosts that are connected, and what is on its way to them. Of two connections of one host the
// newer one wins.
#ifndef UNDERSTUDY_CORE_SESSION_H
#define UNDERSTUDY_CORE_SESSION_H

#include "core/core.h"

// One connection of one host.
struct Session {
        Link *link;
        char *host;
        char *address;
        bool greeted;          // its Hello was accepted
        bool closing;          // whatever still comes is ignored
        int64_t seen_us;       // as written to the database
        Fleet__Frame **frames; // on their way, oldest first
        size_t frame_count, frame_room;
        struct Session *next;
};

Session *session_new(Controller *controller, Link *link, const char *host, const char *address);
// Of a link; NULL when there is none.
Session *session_of_link(Controller *controller, const Link *link);
// NULL: not connected, or not greeted yet.
Session *session_of_host(Controller *controller, const char *host);
void session_close(Controller *controller, Session *session, const char *code, const char *message);
void session_free(Controller *controller, Session *session);

// Puts a frame on its way; it leaves after the commit. `take_` means that the session owns it.
void session_queue(Session *session, Fleet__Frame *take_frame);
void session_queue_task(Session *session, const TaskRow *task);
void session_queue_cancel(Session *session, const char *wire_id);
void session_queue_committed(Session *session, const char *wire_id, uint64_t last);

// Hands queued frames to the link until it takes no more.
void session_flush(Controller *controller, Session *session);

// ---- all of them

void session_list_flush(Controller *controller);
void session_list_close(Controller *controller, const char *code, const char *message);
void session_list_free(Controller *controller);

#endif
