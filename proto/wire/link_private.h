// One link, whichever side began it. Private to this library; the loop's thread only.
#ifndef UNDERSTUDY_WIRE_LINK_PRIVATE_H
#define UNDERSTUDY_WIRE_LINK_PRIVATE_H

#include "wire/acceptor.h"
#include "wire/stream.h"

// What a listener or a dialer gives its links.
typedef struct LinkSide {
        // Takes the peer's name from its URI; -EACCES when it has no business here.
        int (*identify)(const char *uri, char **ret_name);
        bool opens_at_message; // else at once when the handshake is done
        // The link is no more; not called after link_abandon.
        void (*gone)(void *owner, Link *link);
} LinkSide;

typedef struct LinkSettings {
        LinkLimits limits;
        LinkHandlers handlers;
        void *userdata;
} LinkSettings;

// Zeros become the defaults.
void link_settings_init(LinkSettings *settings, const LinkLimits *limits,
        const LinkHandlers *handlers, void *userdata);

struct Link {
        LIST_ENTRY(Link) entry; // the owner's
        Newcomer newcomer;      // the listener's
        Wire *wire;
        Stream *stream; // NULL once the end is decided
        const LinkSide *side;
        const LinkSettings *settings;
        void *owner; // NULL: abandoned
        struct event *timer;
        Post farewell;
        Peer peer;
        char serial[64];
        Error why;
        void *data;
        uint64_t pings;
        int64_t created_us, closing_us; // closing_us 0: not closing
        bool opened;                    // and told so
        bool closing;
};

// `settings` must live as long as the owner.
Link *link_new(Wire *wire, nng_stream *take_stream, const LinkSide *side,
        const LinkSettings *settings, void *owner);

// Ends the link and forgets its owner: no callback comes any more.
void link_abandon(Link *link);

// Ends the link without a word to the peer.
void link_end(Link *link, const Error *why);

#endif
