#include "wire/frame.h"

#include <endian.h>

#include "base/text.h"

#define ALLOCATION_BYTES 16 // of malloc's own for each piece, about

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

// What one message may still take. Nothing is ever given back to it, so that it bounds the work of
// merging a field that comes again and again, too.
typedef struct Budget {
        size_t left;
        bool spent;
} Budget;

static void *spend(void *userdata, size_t size)
{
        Budget *budget = userdata;
        size_t cost = size + ALLOCATION_BYTES;

        if (size > budget->left || cost > budget->left) {
                budget->spent = true;
                return NULL;
        }
        budget->left -= cost;
        return malloc(size);
}

static void give_back(void *userdata, void *pointer)
{
        (void)userdata;
        free(pointer);
}

// Its memory is malloc's, and so the caller frees it without an allocator of its own.
static int unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size,
        ProtobufCMessage **ret)
{
        Budget budget = {.left = FRAME_MEMORY_LEAST + FRAME_MEMORY_FACTOR * size};
        ProtobufCAllocator allocator = {
                .alloc = spend, .free = give_back, .allocator_data = &budget};
        ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, size, data);

        if (!message)
                return budget.spent ? -ENOBUFS : -EBADMSG;
        *ret = message;
        return 0;
}

int frame_decoder_next(FrameDecoder *decoder, ProtobufCMessage **ret)
{
        const uint8_t *frame = decoder->data + decoder->begin;
        size_t pending = decoder->end - decoder->begin;
        uint32_t size;
        int r;

        if (pending < FRAME_HEADER_BYTES)
                return 0;
        memcpy(&size, frame, sizeof(size));
        size = be32toh(size);
        if (size > decoder->limit)
                return -EMSGSIZE;
        if (pending - FRAME_HEADER_BYTES < size)
                return 0;
        r = unpack(decoder->type, frame + FRAME_HEADER_BYTES, size, ret);
        if (r < 0)
                return r;
        decoder->begin += FRAME_HEADER_BYTES + size;
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
