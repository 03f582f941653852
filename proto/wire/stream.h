// Messages of one type over a TLS stream. Private to this library; the loop's thread only.
#ifndef UNDERSTUDY_WIRE_STREAM_H
#define UNDERSTUDY_WIRE_STREAM_H

#include "wire/engine.h"
#include "wire/frame.h"
#include "wire/wire.h"

typedef struct Stream Stream;

// Each may call stream_free; after that none comes any more.
typedef struct StreamHandlers {
        const ProtobufCMessageDescriptor *type;
        // The first bytes went either way: the handshake is done. May be NULL.
        void (*connected)(void *userdata);
        void (*message)(void *userdata, ProtobufCMessage *message); // borrowed
        void (*drained)(void *userdata); // nothing is queued any more; may be NULL
        // What came was no message: the rest of what comes is discarded. Sending goes on.
        void (*malformed)(void *userdata, const Error *why);
        // Nothing comes or goes any more.
        void (*ended)(void *userdata, const Error *why);
} StreamHandlers;

// Both sides must begin to send, receive or both for the handshake to run: receiving begins here.
Stream *stream_new(Wire *wire, nng_stream *take_stream, uint32_t frame_bytes,
        const StreamHandlers *handlers, void *userdata);

// Ends the stream at once. What is queued and not yet with the kernel is lost.
void stream_free(Stream *stream);

// -EMSGSIZE: over frame_bytes. -ENOBUFS: `queue_bytes` are queued.
int stream_send(Stream *stream, const ProtobufCMessage *message, uint32_t queue_bytes) _must_use_;
bool stream_is_drained(const Stream *stream);

// What comes from now on is read, for a peer that has been told to go, but not looked at.
void stream_discard(Stream *stream);

void stream_peer(const Stream *stream, EnginePeer *ret);
char *stream_address(const Stream *stream); // "192.0.2.7:40112", the caller's

// When bytes last came, and when bytes last went or were queued where none were; monotonic.
int64_t stream_received_us(const Stream *stream);
int64_t stream_sent_us(const Stream *stream);

DEFINE_CLEANUP(Stream *, stream_free)

#endif
