#include <endian.h>

#include "base/text.h"
#include "fleet.pb-c.h"
#include "test.h"
#include "wire/frame.h"

#define LIMIT 100000

static void encode_ping(struct evbuffer *buffer, uint64_t number)
{
        Fleet__Ping ping = FLEET__PING__INIT;

        ping.number = number;
        assert_int_equal(frame_encode(buffer, &ping.base, LIMIT), 0);
}

// Feeds the buffer's bytes, `step` at a time, and gives the sum of the pings' numbers.
static uint64_t decode_pings(struct evbuffer *buffer, size_t step)
{
        FrameDecoder decoder;
        uint64_t sum = 0;

        frame_decoder_init(&decoder, &fleet__ping__descriptor, LIMIT);
        while (evbuffer_get_length(buffer) > 0) {
                ProtobufCMessage *message;
                size_t space;
                void *data = frame_decoder_space(&decoder, &space);
                int count = evbuffer_remove(buffer, data, step < space ? step : space);

                frame_decoder_filled(&decoder, (size_t)count);
                while (frame_decoder_next(&decoder, &message) == 1) {
                        sum += ((Fleet__Ping *)message)->number;
                        protobuf_c_message_free_unpacked(message, NULL);
                }
        }
        assert_int_equal(decoder.begin, decoder.end);
        frame_decoder_clear(&decoder);
        return sum;
}

static void frames_come_whole_however_the_bytes_are_cut(void **state)
{
        (void)state;
        for (size_t step = 1; step < 40; step++) {
                struct evbuffer *buffer = evbuffer_new();

                for (uint64_t i = 0; i < 100; i++)
                        encode_ping(buffer, i);
                assert_int_equal(decode_pings(buffer, step), 4950);
                evbuffer_free(buffer);
        }
}

static void an_empty_message_is_a_frame_too(void **state)
{
        struct evbuffer *buffer = evbuffer_new();

        (void)state;
        encode_ping(buffer, 0);
        assert_int_equal(evbuffer_get_length(buffer), FRAME_HEADER_BYTES);
        encode_ping(buffer, 7);
        assert_int_equal(decode_pings(buffer, 1), 7);
        evbuffer_free(buffer);
}

static int decode(FrameDecoder *decoder, const void *data, size_t size)
{
        ProtobufCMessage *message;
        size_t space;
        int r;

        memcpy(frame_decoder_space(decoder, &space), data, size);
        assert_in_range(size, 0, space);
        frame_decoder_filled(decoder, size);
        r = frame_decoder_next(decoder, &message);
        if (r == 1)
                protobuf_c_message_free_unpacked(message, NULL);
        return r;
}

static void an_announced_length_over_the_limit_is_an_error_at_once(void **state)
{
        uint32_t over = htobe32(LIMIT + 1), most = htobe32(LIMIT);
        FrameDecoder decoder;

        (void)state;
        frame_decoder_init(&decoder, &fleet__ping__descriptor, LIMIT);
        assert_int_equal(decode(&decoder, &over, sizeof(over)), -EMSGSIZE);
        frame_decoder_clear(&decoder);
        assert_int_equal(decode(&decoder, &most, sizeof(most)), 0);
        frame_decoder_clear(&decoder);
}

static void bytes_that_are_no_message_are_an_error(void **state)
{
        FrameDecoder decoder;

        (void)state;
        frame_decoder_init(&decoder, &fleet__ping__descriptor, LIMIT);
        assert_int_equal(decode(&decoder, "\0\0\0\2\377\377", 6), -EBADMSG);
        frame_decoder_clear(&decoder);
}

static void memory_follows_what_arrives_and_not_what_is_announced(void **state)
{
        uint32_t announced = htobe32(1U << 30);
        FrameDecoder decoder;
        size_t space;

        (void)state;
        frame_decoder_init(&decoder, &fleet__ping__descriptor, UINT32_MAX);
        assert_int_equal(decode(&decoder, &announced, sizeof(announced)), 0);
        for (int i = 0; i < 100; i++) {
                frame_decoder_space(&decoder, &space);
                frame_decoder_filled(&decoder, space);
                assert_in_range(decoder.capacity, 0, 2 * decoder.end + FRAME_READ_BYTES);
                if (decoder.end > 1U << 20)
                        break;
        }
        frame_decoder_clear(&decoder);
}

// A frame of `count` times the same bytes, as Frame; what the decoder says to it.
static int decode_repeated(const char *part, size_t size, size_t count)
{
        uint32_t announced = htobe32((uint32_t)(size * count));
        ProtobufCMessage *message;
        FrameDecoder decoder;
        size_t space;
        int r;

        frame_decoder_init(&decoder, &fleet__frame__descriptor, UINT32_MAX);
        assert_int_equal(decode(&decoder, &announced, sizeof(announced)), 0);
        for (size_t done = 0; done < size * count;) {
                char *to = frame_decoder_space(&decoder, &space);
                size_t n = space < size * count - done ? space : size * count - done;

                for (size_t i = 0; i < n; i++)
                        to[i] = part[(done + i) % size];
                frame_decoder_filled(&decoder, n);
                done += n;
        }
        r = frame_decoder_next(&decoder, &message);
        if (r == 1)
                protobuf_c_message_free_unpacked(message, NULL);
        frame_decoder_clear(&decoder);
        return r;
}

static void countless_small_parts_are_refused_before_they_take_memory(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
        } parts[] = {
                {"\012\000", 2},         // Hello again and again, to be merged
                {"\012\002\042\000", 4}, // and each with a task
                {"\230\006\001", 3},     // a field that nobody knows
                {"\232\006\000", 3},     // and one of no bytes
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                assert_int_equal(decode_repeated(parts[i].bytes, parts[i].size, 10), 1);
                assert_int_equal(decode_repeated(parts[i].bytes, parts[i].size, 1000000), -ENOBUFS);
                for (size_t count = 1; count < 4000; count += 37)
                        (void)decode_repeated(parts[i].bytes, parts[i].size, count);
        }
}

static void a_hello_with_many_tasks_is_no_such_thing(void **state)
{
        Fleet__Hello hello = FLEET__HELLO__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;
        Fleet__TaskCursor cursor = FLEET__TASK_CURSOR__INIT, *cursors[100000];
        struct evbuffer *buffer = evbuffer_new();
        FrameDecoder decoder;
        ProtobufCMessage *message;

        (void)state;
        cursor.task = (char *)"1.dump.1";
        cursor.last = 3;
        for (size_t i = 0; i < ELEMENTS(cursors); i++)
                cursors[i] = &cursor;
        hello.tasks = cursors;
        frame.hello = &hello;
        frame.body_case = FLEET__FRAME__BODY_HELLO;
        frame_decoder_init(&decoder, &fleet__frame__descriptor, 4 << 20);
        for (size_t count = 1; count <= ELEMENTS(cursors); count = count * 3 / 2 + 1) {
                hello.n_tasks = count;
                assert_int_equal(frame_encode(buffer, &frame.base, 4 << 20), 0);
                while (evbuffer_get_length(buffer) > 0) {
                        size_t space;
                        void *to = frame_decoder_space(&decoder, &space);

                        frame_decoder_filled(&decoder, (size_t)evbuffer_remove(buffer, to, space));
                }
                assert_int_equal(frame_decoder_next(&decoder, &message), 1);
                assert_int_equal(((Fleet__Frame *)message)->hello->n_tasks, count);
                protobuf_c_message_free_unpacked(message, NULL);
        }
        frame_decoder_clear(&decoder);
        evbuffer_free(buffer);
}

static void a_message_over_the_limit_is_not_encoded(void **state)
{
        struct evbuffer *buffer = evbuffer_new();
        Fleet__TaskAccepted accepted = FLEET__TASK_ACCEPTED__INIT;

        (void)state;
        accepted.task = (char *)"123456789";
        assert_int_equal(frame_encode(buffer, &accepted.base, 10), -EMSGSIZE);
        assert_int_equal(evbuffer_get_length(buffer), 0);
        assert_int_equal(frame_encode(buffer, &accepted.base, 11), 0);
        evbuffer_free(buffer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(frames_come_whole_however_the_bytes_are_cut),
                cmocka_unit_test(an_empty_message_is_a_frame_too),
                cmocka_unit_test(an_announced_length_over_the_limit_is_an_error_at_once),
                cmocka_unit_test(bytes_that_are_no_message_are_an_error),
                cmocka_unit_test(memory_follows_what_arrives_and_not_what_is_announced),
                cmocka_unit_test(countless_small_parts_are_refused_before_they_take_memory),
                cmocka_unit_test(a_hello_with_many_tasks_is_no_such_thing),
                cmocka_unit_test(a_message_over_the_limit_is_not_encoded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
