#include "wire/frame.h"

#include <endian.h>

#include "base/text.h"

void frame_decoder_init(
        FrameDecoder *decoder, const ProtobufCMessageDescriptor *type, uint32_t limit)
{
        *decoder = (FrameDecoder){.type = type, .limit = limit};
}

void frame_decoder_clear(FrameDecoder *decoder)
{
        free(decoder->data);
        frame_decoder_init(decoder, decoder->type, decoder->limit);
}

static void resize(FrameDecoder *decoder, size_t capacity)
{
        decoder->data = memory_grow(decoder->data, capacity);
        decoder->capacity = capacity;
}

void *frame_decoder_space(FrameDecoder *decoder, size_t *ret_size)
{
        size_t pending = decoder->end - decoder->begin;

        if (pending > 0 && decoder->begin > 0)
                memmove(decoder->data, decoder->data + decoder->begin, pending);
        decoder->begin = 0;
        decoder->end = pending;
        if (pending == 0 && decoder->capacity != FRAME_READ_BYTES)
                resize(decoder, FRAME_READ_BYTES);
        else if (pending == decoder->capacity)
                resize(decoder, 2 * decoder->capacity);
        *ret_size = decoder->capacity - pending;
        return decoder->data + pending;
}

void frame_decoder_filled(FrameDecoder *decoder, size_t size)
{
        decoder->end += size;
}

int frame_decoder_next(FrameDecoder *decoder, ProtobufCMessage **ret)
{
        const uint8_t *frame = decoder->data + decoder->begin;
        size_t pending = decoder->end - decoder->begin;
        ProtobufCMessage *message;
        uint32_t size;

        if (pending < FRAME_HEADER_BYTES)
                return 0;
        memcpy(&size, frame, sizeof(size));
        size = be32toh(size);
        if (size > decoder->limit)
                return -EMSGSIZE;
        if (pending - FRAME_HEADER_BYTES < size)
                return 0;
        message = protobuf_c_message_unpack(decoder->type, NULL, size, frame + FRAME_HEADER_BYTES);
        if (!message)
                return -EBADMSG;
        decoder->begin += FRAME_HEADER_BYTES + size;
        *ret = message;
        return 1;
}

int frame_encode(struct evbuffer *buffer, const ProtobufCMessage *message, uint32_t limit)
{
        size_t size = protobuf_c_message_get_packed_size(message);
        uint32_t header = htobe32((uint32_t)size);
        struct evbuffer_iovec space;

        if (size > limit)
                return -EMSGSIZE;
        if (evbuffer_reserve_space(buffer, (ev_ssize_t)(FRAME_HEADER_BYTES + size), &space, 1) != 1)
                abort(); // out of memory, as everywhere
        memcpy(space.iov_base, &header, FRAME_HEADER_BYTES);
        protobuf_c_message_pack(message, (uint8_t *)space.iov_base + FRAME_HEADER_BYTES);
        space.iov_len = FRAME_HEADER_BYTES + size;
        evbuffer_commit_space(buffer, &space, 1);
        return 0;
}
