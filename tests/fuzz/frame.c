// Feeds the frame decoder with good streams that were damaged. As a program: fuzz_frame [ROUNDS
// [SEED]]. With clang -fsanitize=fuzzer -DLIBFUZZER it is a libFuzzer target.
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "fleet.pb-c.h"
#include "wire/frame.h"

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
        if (condition)
                return;
        fprintf(stderr, "fuzz_frame: violated: %s\n", what);
        abort();
}

// What was read once must survive being written and read again.
static void check_message(const ProtobufCMessage *message)
{
        size_t size = protobuf_c_message_get_packed_size(message);
        _cleanup_free_ uint8_t *packed = memory_new(size + 1);
        ProtobufCMessage *again;

        require(protobuf_c_message_pack(message, packed) == size, "packed size");
        again = protobuf_c_message_unpack(message->descriptor, NULL, size, packed);
        require(again, "a packed message can be read");
        protobuf_c_message_free_unpacked(again, NULL);
}

// The first byte says how the rest is cut into reads.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t step = size > 0 ? 1 + (size_t)data[0] * data[0] : 1, fed = 1;
        FrameDecoder decoder;
        int r = 0;

        frame_decoder_init(&decoder, &fleet__frame__descriptor, LIMIT);
        while (fed < size && r >= 0) {
                ProtobufCMessage *message;
                size_t space, count = step;
                void *to = frame_decoder_space(&decoder, &space);

                count = count < space ? count : space;
                count = count < size - fed ? count : size - fed;
                memcpy(to, data + fed, count);
                frame_decoder_filled(&decoder, count);
                fed += count;
                while ((r = frame_decoder_next(&decoder, &message)) == 1) {
                        check_message(message);
                        protobuf_c_message_free_unpacked(message, NULL);
                }
                require(decoder.capacity <= 2 * fed + FRAME_READ_BYTES, "bounded memory");
        }
        frame_decoder_clear(&decoder);
        return 0;
}

#ifndef LIBFUZZER

static uint64_t state;

// xorshift64*: the same inputs for the same seed, everywhere.
static uint32_t next_random(uint32_t below)
{
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (uint32_t)((state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % below;
}

static void add_frame(struct evbuffer *stream, Fleet__Frame__BodyCase body, void *message)
{
        Fleet__Frame frame = FLEET__FRAME__INIT;

        frame.body_case = body;
        frame.ping = message;
        require(frame_encode(stream, &frame.base, LIMIT) == 0, "a good frame can be written");
}

static void add_good_frames(struct evbuffer *stream)
{
        Fleet__TaskCursor cursor = FLEET__TASK_CURSOR__INIT, *cursors[] = {&cursor, &cursor};
        Fleet__HostFacts facts = FLEET__HOST_FACTS__INIT;
        Fleet__Hello hello = FLEET__HELLO__INIT;
        Fleet__LogLine line = FLEET__LOG_LINE__INIT;
        Fleet__Event event = FLEET__EVENT__INIT;
        Fleet__EchoArguments echo = FLEET__ECHO_ARGUMENTS__INIT;
        Fleet__Task task = FLEET__TASK__INIT;
        char text[300];

        memset(text, 'x', sizeof(text));
        text[next_random(sizeof(text))] = '\0';
        text[sizeof(text) - 1] = '\0';
        cursor.task = line.text = echo.text = task.id = text;
        cursor.last = next_random(UINT32_MAX);
        facts.hostname = (char *)"web1";
        hello.facts = &facts;
        hello.tasks = cursors;
        hello.n_tasks = 2;
        event.body_case = FLEET__EVENT__BODY_LOG;
        event.log = &line;
        task.arguments_case = FLEET__TASK__ARGUMENTS_ECHO;
        task.echo = &echo;
        add_frame(stream, FLEET__FRAME__BODY_HELLO, &hello);
        add_frame(stream, FLEET__FRAME__BODY_EVENT, &event);
        add_frame(stream, FLEET__FRAME__BODY_TASK, &task);
}

static void damage(uint8_t *data, size_t size)
{
        for (uint32_t i = next_random(8); i > 0; i--) {
                size_t from = next_random((uint32_t)size), to = next_random((uint32_t)size);
                size_t most = size - (from > to ? from : to);

                switch (next_random(4)) {
                case 0:
                        data[to] ^= (uint8_t)(1U << next_random(8));
                        break;
                case 1:
                        data[to] = (uint8_t)next_random(256);
                        break;
                case 2:
                        memmove(data + to, data + from, next_random((uint32_t)most + 1));
                        break;
                default:
                        memset(data + to, next_random(2) ? 0xff : 0, next_random(5) % (most + 1));
                }
        }
}

static void run_round(void)
{
        struct evbuffer *stream = evbuffer_new();
        uint8_t step = (uint8_t)next_random(256);
        size_t size;

        evbuffer_add(stream, &step, 1);
        for (uint32_t i = next_random(20); i > 0; i--)
                add_good_frames(stream);
        size = evbuffer_get_length(stream);
        damage(evbuffer_pullup(stream, -1), size);
        LLVMFuzzerTestOneInput(
                evbuffer_pullup(stream, -1), size - next_random((uint32_t)size) * next_random(2));
        evbuffer_free(stream);
}

int main(int argc, char **argv)
{
        uint64_t rounds = 100000, seed = 1;

        if ((argc > 1 && text_parse_u64(argv[1], &rounds) < 0) ||
                (argc > 2 && text_parse_u64(argv[2], &seed) < 0) || seed == 0) {
                fprintf(stderr, "usage: fuzz_frame [ROUNDS [SEED]]\n");
                return 2;
        }
        state = seed;
        for (uint64_t i = 0; i < rounds; i++)
                run_round();
        printf("fuzz_frame: %llu streams, seed %llu\n", (unsigned long long)rounds,
                (unsigned long long)seed);
        return 0;
}

#endif
