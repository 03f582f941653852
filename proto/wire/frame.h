// Frames: a 4-byte big-endian length and so many bytes of one protobuf message. Stands alone: no
// sockets, no threads.
#ifndef UNDERSTUDY_WIRE_FRAME_H
#define UNDERSTUDY_WIRE_FRAME_H

#include <event2/buffer.h>
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/macro.h"

#define FRAME_HEADER_BYTES 4
#define FRAME_READ_BYTES   16384 // offered to the first read: a TLS record

// Of two bytes protobuf-c can make a message of a hundred. What programs send each other takes at
// most a dozen times its size.
#define FRAME_MEMORY_LEAST  65536
#define FRAME_MEMORY_FACTOR 20

// Takes bytes as they come and gives whole messages. Memory follows what has arrived, not what a
// header announces: at most twice that and FRAME_READ_BYTES.
typedef struct FrameDecoder {
        const ProtobufCMessageDescriptor *type;
        uint32_t limit; // of a message, in bytes
        uint8_t *data;  // from `begin` to `end`: arrived and not yet given
        size_t begin, end, capacity;
} FrameDecoder;

void frame_decoder_init(
        FrameDecoder *decoder, const ProtobufCMessageDescriptor *type, uint32_t limit);
void frame_decoder_clear(FrameDecoder *decoder);

// Where the next bytes go, `ret_size` of them at most, never 0; then tell how many came. The place
// is valid until the next call.
void *frame_decoder_space(FrameDecoder *decoder, size_t *ret_size);
void frame_decoder_filled(FrameDecoder *decoder, size_t size);

// 1: a message, the caller's (protobuf_c_message_free_unpacked). 0: more bytes are needed.
// -EMSGSIZE: announced as larger than the limit. -EBADMSG: not a message of that type. -ENOBUFS: it
// would take more than FRAME_MEMORY_FACTOR times its size and FRAME_MEMORY_LEAST. After an error
// the decoder is only to be cleared.
int frame_decoder_next(FrameDecoder *decoder, ProtobufCMessage **ret) _must_use_;

// Appends a message as a frame. -EMSGSIZE: larger than the limit, nothing was appended.
int frame_encode(struct evbuffer *buffer, const ProtobufCMessage *message, uint32_t limit)
        _must_use_;

#endif
