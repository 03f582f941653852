// Frames between two programs that know each other: nng byte streams on TLS 1.3 with certificates
// on both sides, delivered on the caller's libevent loop.
//
// Thread: every call and every callback on the loop's thread. nng's and the reaper's threads stay
// inside. A Link belongs to the Wire; it is valid from `opened` until `closed` returns.
#ifndef UNDERSTUDY_WIRE_LINK_H
#define UNDERSTUDY_WIRE_LINK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "fleet.pb-c.h"

typedef struct Wire Wire;
typedef struct Link Link;
typedef struct Listener Listener;
typedef struct Dialer Dialer;

// Who is at the other end, from its verified certificate.
typedef struct Peer {
        char *name;        // of the host, from the SAN URI understudy://host/NAME, or "controller"
        char *fingerprint; // SHA-256 of the certificate, 64 lower-case hexadecimal digits
        char *address;     // "192.0.2.7:40112"
} Peer;

// PEM texts, copied by the callee.
typedef struct Credentials {
        const char *authority; // the CA's certificate, which the peer's must be signed by
        const char *certificate;
        const char *key;
        const char *revoked; // certificate revocation list, or NULL
} Credentials;

typedef struct LinkHandlers {
        // Listener: a peer was authenticated. Dialer: the controller has accepted our certificate
        // too. A negative return refuses the peer: it is told so, and `closed` follows as always.
        int (*opened)(void *userdata, Link *link, const Peer *peer);
        // A whole, well-formed frame, borrowed. Ping, Pong and Refusal stay inside: a Refusal ends
        // the link and gives `closed` its code and message. A negative return closes the link as a
        // protocol error.
        int (*frame)(void *userdata, Link *link, const Fleet__Frame *frame);
        // All queued frames are with the kernel; more may be queued. May be NULL.
        void (*drained)(void *userdata, Link *link);
        // Comes once for each `opened`, from the loop and never inside another call; with a Dialer
        // also, link NULL, for each attempt that failed before. Codes: "unreachable",
        // "authentication", "disconnected", "timeout", "protocol", those of a Refusal from the
        // peer, and "closed" or the code given to link_close.
        void (*closed)(void *userdata, Link *link, const Error *why);
} LinkHandlers;

// Values of zero mean the default in brackets.
typedef struct LinkLimits {
        uint32_t frame_bytes;     // [4 MiB] a larger frame ends the link
        uint32_t queue_bytes;     // [16 MiB] of frames to be sent; beyond, link_send says -ENOBUFS
        uint32_t unauthenticated; // [64] connections at once that have not sent their first frame
                                  // yet; beyond, others wait in the kernel's backlog
        uint32_t hello_ms; // [5000] from accept or connect to the first frame that is no ping; a
                           // fifth of it while others wait
        uint32_t ping_ms;  // [10000] both sides send a ping when they have sent nothing for so long
        uint32_t dead_ms;  // [30000] without a byte from the peer, or taken by it, ends the link
        uint32_t redial_first_ms; // [1000] full jitter: a wait is uniform between 0 and half of the
                                  // time without a link, but at least `first` and at most `last`
        uint32_t redial_last_ms;  // [30000] a link that held for so long begins that time anew
} LinkLimits;

// Starts the engine, once per process. `base` must outlive the Wire.
int wire_new(struct event_base *base, Wire **ret, Error *error) _must_use_;
// Closes everything without callbacks and joins all threads of its own. Not from a callback.
void wire_free(Wire *wire);

// Listens on "HOST:PORT" ("[::1]:7700", "0.0.0.0:7700", port 0: any). `ret` lives as long as the
// Wire.
int wire_listen(Wire *wire, const char *address, const Credentials *credentials,
        const LinkLimits *limits, const LinkHandlers *handlers, void *userdata, Listener **ret,
        Error *error) _must_use_;
// The address in use, with the port the system chose. Borrowed.
const char *listener_address(const Listener *listener);
// Replaces the certificate revocation list (PEM) and closes, with code "revoked", the links of
// revoked certificates.
int listener_revoke(Listener *listener, const char *revoked, Error *error) _must_use_;

// Connects to "HOST:PORT", whose certificate must be the CA's with the name "controller", and again
// whenever the link ends, until dialer_free.
int wire_dial(Wire *wire, const char *address, const Credentials *credentials,
        const LinkLimits *limits, const LinkHandlers *handlers, void *userdata, Dialer **ret,
        Error *error) _must_use_;
void dialer_free(Dialer *dialer);

// Who is at the other end; borrowed.
const Peer *link_peer(const Link *link);

// A pointer of the user's own, NULL at first.
void link_set_data(Link *link, void *data);
void *link_data(const Link *link);

// Queues a frame. -ENOBUFS: the queue is full, try after `drained`. -EMSGSIZE: over the cap.
// -ENOTCONN: closing.
int link_send(Link *link, const Fleet__Frame *frame) _must_use_;

// Ends a link: sends a Refusal first when `code` is given, as far as the kernel takes it. `closed`
// follows later.
void link_close(Link *link, const char *code, const char *message);

#endif
