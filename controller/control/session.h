// One connection of one host.
#ifndef UNDERSTUDY_CONTROLLER_SESSION_H
#define UNDERSTUDY_CONTROLLER_SESSION_H

#include "control/core.h"

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
void session_free(Controller *controller, Session *session);
void session_close(Controller *controller, Session *session, const char *code, const char *message);

// Hands queued frames to the link until it takes no more.
void session_flush(Controller *controller, Session *session);

#endif
