// Time of one small frame from a controller's process to a worker's and back, over mutual TLS on
// the loopback.
//
// usage: bench-link [ROUNDS]
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "fleet.h"

#define WARM_UP 200

typedef struct Bench {
        struct event_base *base;
        BenchFleet fleet;
        uint64_t rounds, done;
        int64_t sent_us, *times_us;
} Bench;

static void send_task(Link *link)
{
        Fleet__EchoArguments echo = FLEET__ECHO_ARGUMENTS__INIT;
        Fleet__Task task = FLEET__TASK__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        echo.text = (char *)"a small frame";
        task.id = (char *)"1.1.1";
        task.arguments_case = FLEET__TASK__ARGUMENTS_ECHO;
        task.echo = &echo;
        frame.body_case = FLEET__FRAME__BODY_TASK;
        frame.task = &task;
        require(link_send(link, &frame), NULL);
}

// ---------------------------------------------------------------- the worker

static int worker_opened(void *userdata, Link *link, const Peer *peer)
{
        (void)userdata;
        (void)peer;
        send_task(link);
        return 0;
}

static int worker_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        (void)userdata;
        return link_send(link, frame);
}

static void worker_closed(void *userdata, Link *link, const Error *why)
{
        (void)userdata;
        (void)link;
        (void)why;
}

static void run_worker(Bench *bench, const char *address)
{
        static const LinkHandlers handlers = {worker_opened, worker_frame, NULL, worker_closed};
        const Credentials credentials = bench_worker(&bench->fleet);
        _cleanup_error_ Error error = ERROR_EMPTY;
        Dialer *dialer;
        Wire *wire;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bench->base = event_base_new();
        require(wire_new(bench->base, &wire, &error), &error);
        require(wire_dial(wire, address, &credentials, NULL, &handlers, NULL, &dialer, &error),
                &error);
        event_base_dispatch(bench->base);
}

// ---------------------------------------------------------------- the controller

static int controller_opened(void *userdata, Link *link, const Peer *peer)
{
        (void)userdata;
        (void)link;
        (void)peer;
        return 0;
}

static int controller_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        Bench *bench = userdata;
        int64_t now = clock_monotonic_us();

        (void)frame;
        if (bench->done >= WARM_UP)
                bench->times_us[bench->done - WARM_UP] = now - bench->sent_us;
        if (++bench->done == bench->rounds + WARM_UP) {
                event_base_loopbreak(bench->base);
                return 0;
        }
        bench->sent_us = clock_monotonic_us();
        send_task(link);
        return 0;
}

static int compare(const void *a, const void *b)
{
        const int64_t *one = a, *other = b;

        return (*one > *other) - (*one < *other);
}

static void report(Bench *bench)
{
        qsort(bench->times_us, bench->rounds, sizeof(*bench->times_us), compare);
        printf("round trip of a small frame, %llu rounds: p50 %lld us, p99 %lld us, worst %lld "
               "us\n",
                (unsigned long long)bench->rounds, (long long)bench->times_us[bench->rounds / 2],
                (long long)bench->times_us[bench->rounds * 99 / 100],
                (long long)bench->times_us[bench->rounds - 1]);
}

// The address comes to the worker through a socket: it is forked before any thread starts.
static void run_controller(Bench *bench, int channel)
{
        static const LinkHandlers handlers = {
                controller_opened, controller_frame, NULL, worker_closed};
        const Credentials credentials = bench_controller(&bench->fleet);
        _cleanup_error_ Error error = ERROR_EMPTY;
        Listener *listener;
        const char *address;
        Wire *wire;

        bench->base = event_base_new();
        bench->times_us = memory_new(bench->rounds * sizeof(*bench->times_us));
        require(wire_new(bench->base, &wire, &error), &error);
        require(wire_listen(wire, "127.0.0.1:0", &credentials, NULL, &handlers, bench, &listener,
                        &error),
                &error);
        address = listener_address(listener);
        require((int)write(channel, address, strlen(address) + 1), NULL);
        event_base_dispatch(bench->base);
        report(bench);
        wire_free(wire);
        event_base_free(bench->base);
}

int main(int argc, char **argv)
{
        Bench bench = {.rounds = 20000};
        char address[64] = "";
        int channel[2];
        pid_t worker;

        if (argc > 1 && (text_parse_u64(argv[1], &bench.rounds) < 0 || bench.rounds == 0)) {
                fprintf(stderr, "usage: bench-link [ROUNDS]\n");
                return 2;
        }
        bench_make(&bench.fleet);
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), NULL);
        worker = fork();
        if (worker == 0) {
                require((int)read(channel[1], address, sizeof(address) - 1), NULL);
                run_worker(&bench, address);
                return 1;
        }
        run_controller(&bench, channel[0]);
        kill(worker, SIGKILL);
        waitpid(worker, NULL, 0);
        return 0;
}
