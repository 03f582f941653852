#include "wire/stream.h"

#include "base/clock.h"
#include "base/text.h"
#include "wire/address.h"

// One TLS record: nng takes no more than its ring of 16 KiB at a time.
#define CHUNK_BYTES 16128

struct Stream {
        Wire *wire;
        nng_stream *nng;
        Transfer receiving, sending;
        Post grave;
        const StreamHandlers *handlers;
        void *userdata;
        FrameDecoder decoder;
        struct evbuffer *queue;
        struct event *flush; // at the end of a turn, so that its frames go out together
        uint8_t *chunk;      // taken from the queue and on its way; NULL: sending rests
        size_t chunk_size, chunk_sent;
        int64_t received_us, sent_us;
        bool connected;
        bool discarding;
        bool ended; // by our side or the other: nng must not be asked again
};

static void receive(Stream *stream)
{
        nng_iov iov;

        iov.iov_buf = frame_decoder_space(&stream->decoder, &iov.iov_len);
        nng_aio_set_iov(stream->receiving.aio, 1, &iov);
        nng_stream_recv(stream->nng, stream->receiving.aio);
}

static void send_chunk(Stream *stream)
{
        nng_iov iov = {
                .iov_buf = stream->chunk + stream->chunk_sent,
                .iov_len = stream->chunk_size - stream->chunk_sent,
        };

        nng_aio_set_iov(stream->sending.aio, 1, &iov);
        nng_stream_send(stream->nng, stream->sending.aio);
}

static void send_next(Stream *stream)
{
        size_t queued = evbuffer_get_length(stream->queue);

        free(TAKE_PTR(stream->chunk));
        if (queued == 0)
                return;
        stream->chunk_sent = 0;
        stream->chunk_size = queued < CHUNK_BYTES ? queued : CHUNK_BYTES;
        stream->chunk = memory_new(stream->chunk_size);
        evbuffer_remove(stream->queue, stream->chunk, stream->chunk_size);
        send_chunk(stream);
}

static void fail(Stream *stream, int result)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        EnginePeer peer;
        bool authentication = result == NNG_EPEERAUTH || result == NNG_ECRYPTO;

        stream->ended = true;
        engine_peer(stream->nng, &peer);
        error_set(&error, -EIO, authentication ? "authentication" : "disconnected",
                authentication ? "the two sides do not trust each other" : "the connection ended");
        error_why(&error, "%s", *peer.failure ? peer.failure : nng_strerror(result));
        error_next(&error, "%s",
                authentication ? "join the host again if its certificate is not of this controller"
                               : "look at the other side's log; the worker keeps trying by itself");
        stream->handlers->ended(stream->userdata, &error);
}

static void set_connected(Stream *stream)
{
        if (stream->connected)
                return;
        stream->connected = true;
        if (stream->handlers->connected)
                stream->handlers->connected(stream->userdata);
}

static void malformed(Stream *stream, int result)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        stream_discard(stream);
        error_set(&error, result, "protocol", "cannot read what the other side sent");
        if (result == -EMSGSIZE)
                error_why(
                        &error, "a frame over the limit of %s", text_bytes(stream->decoder.limit));
        else if (result == -ENOBUFS)
                error_why(&error, "a frame of countless small parts");
        else
                error_why(&error, "a frame that holds no message");
        stream->handlers->malformed(stream->userdata, &error);
}

static void deliver(Stream *stream)
{
        while (!stream->ended && !stream->discarding) {
                ProtobufCMessage *message;
                int r = frame_decoder_next(&stream->decoder, &message);

                if (r < 0)
                        malformed(stream, r);
                if (r <= 0)
                        return;
                stream->handlers->message(stream->userdata, message);
                protobuf_c_message_free_unpacked(message, NULL);
        }
}

static void on_received(Post *post)
{
        Stream *stream = CONTAINER(post, Stream, receiving.post);
        int result = nng_aio_result(stream->receiving.aio);

        if (stream->ended)
                return;
        if (result != 0) {
                fail(stream, result);
                return;
        }
        stream->received_us = clock_monotonic_us();
        frame_decoder_filled(&stream->decoder, nng_aio_count(stream->receiving.aio));
        set_connected(stream);
        deliver(stream);
        if (stream->ended)
                return;
        if (stream->discarding)
                frame_decoder_clear(&stream->decoder);
        receive(stream);
}

static void on_sent(Post *post)
{
        Stream *stream = CONTAINER(post, Stream, sending.post);
        int result = nng_aio_result(stream->sending.aio);

        if (stream->ended)
                return;
        if (result != 0) {
                fail(stream, result);
                return;
        }
        stream->sent_us = clock_monotonic_us();
        stream->chunk_sent += nng_aio_count(stream->sending.aio);
        set_connected(stream);
        if (stream->ended)
                return;
        if (stream->chunk_sent < stream->chunk_size)
                send_chunk(stream);
        else
                send_next(stream);
        if (!stream->chunk && stream->handlers->drained)
                stream->handlers->drained(stream->userdata);
}

static void on_flush(evutil_socket_t fd, short events, void *userdata)
{
        Stream *stream = userdata;

        (void)fd;
        (void)events;
        if (stream->ended || stream->chunk)
                return;
        stream->sent_us = clock_monotonic_us();
        send_next(stream);
}

static void free_memory(Post *post)
{
        Stream *stream = CONTAINER(post, Stream, grave);

        frame_decoder_clear(&stream->decoder);
        evbuffer_free(stream->queue);
        free(stream->chunk);
        free(stream);
}

// On the reaper's thread.
static void take_apart(Post *post)
{
        Stream *stream = CONTAINER(post, Stream, grave);

        nng_stream_close(stream->nng);
        nng_aio_stop(stream->receiving.aio);
        nng_aio_stop(stream->sending.aio);
        nng_stream_free(stream->nng);
        nng_aio_free(stream->receiving.aio);
        nng_aio_free(stream->sending.aio);
        post->run = free_memory;
        wire_post(stream->wire, post);
}

Stream *stream_new(Wire *wire, nng_stream *take_stream, uint32_t frame_bytes,
        const StreamHandlers *handlers, void *userdata)
{
        Stream *stream = memory_new(sizeof(*stream));

        stream->wire = wire;
        stream->nng = take_stream;
        stream->handlers = handlers;
        stream->userdata = userdata;
        stream->grave.run = take_apart;
        stream->queue = evbuffer_new();
        stream->flush = evtimer_new(wire->base, on_flush, stream);
        stream->received_us = stream->sent_us = clock_monotonic_us();
        frame_decoder_init(&stream->decoder, handlers->type, frame_bytes);
        if (!stream->queue || !stream->flush ||
                transfer_init(&stream->receiving, wire, on_received) < 0 ||
                transfer_init(&stream->sending, wire, on_sent) < 0)
                abort(); // out of memory, as everywhere
        receive(stream);
        return stream;
}

void stream_free(Stream *stream)
{
        stream->ended = true;
        event_free(stream->flush);
        wire_bury(stream->wire, &stream->grave);
}

int stream_send(Stream *stream, const ProtobufCMessage *message, uint32_t queue_bytes)
{
        size_t queued = evbuffer_get_length(stream->queue);
        int r;

        if (queued + protobuf_c_message_get_packed_size(message) > queue_bytes && queued > 0)
                return -ENOBUFS;
        r = frame_encode(stream->queue, message, stream->decoder.limit);
        if (r < 0)
                return r;
        if (!stream->ended && !stream->chunk)
                event_active(stream->flush, EV_TIMEOUT, 0);
        return 0;
}

bool stream_is_drained(const Stream *stream)
{
        return !stream->chunk && evbuffer_get_length(stream->queue) == 0;
}

void stream_discard(Stream *stream)
{
        stream->discarding = true;
}

void stream_peer(const Stream *stream, EnginePeer *ret)
{
        engine_peer(stream->nng, ret);
}

char *stream_address(const Stream *stream)
{
        nng_sockaddr address = {0};

        nng_stream_get_addr(stream->nng, NNG_OPT_REMADDR, &address);
        return address_format(&address);
}

int64_t stream_received_us(const Stream *stream)
{
        return stream->received_us;
}

int64_t stream_sent_us(const Stream *stream)
{
        return stream->sent_us;
}
