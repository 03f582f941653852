// How long a fleet takes to be back after kill -9 of its controller, which starts again three
// seconds later.
//
// usage: bench-return [WORKERS [SECONDS]]
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "fleet.h"

typedef struct Bench {
        BenchFleet fleet;
        struct event_base *base;
        uint64_t workers, away_s, open;
        pid_t first, second;
        int channel; // to the second, which begins when it has the address
        char address[64];
        int64_t began_us, half_us;
} Bench;

static int opened(void *userdata, Link *link, const Peer *peer)
{
        Fleet__Hello hello = FLEET__HELLO__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;
        Bench *bench = userdata;

        (void)peer;
        if (!bench) // the controller
                return 0;
        frame.body_case = FLEET__FRAME__BODY_HELLO;
        frame.hello = &hello;
        require(link_send(link, &frame), NULL);
        bench->open++;
        if (bench->open == bench->workers / 2)
                bench->half_us = clock_monotonic_us() - bench->began_us;
        if (bench->open == bench->workers)
                event_base_loopbreak(bench->base);
        return 0;
}

static int frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        (void)userdata, (void)link, (void)frame;
        return 0;
}

static void closed(void *userdata, Link *link, const Error *why)
{
        Bench *bench = userdata;

        (void)why;
        if (bench && link)
                bench->open--;
}

static const LinkHandlers handlers = {opened, frame, NULL, closed};

// ---------------------------------------------------------------- the controllers

static void serve(const BenchFleet *fleet, const char *address, int channel)
{
        const Credentials credentials = bench_controller(fleet);
        struct event_base *base = event_base_new();
        _cleanup_error_ Error error = ERROR_EMPTY;
        Listener *listener;
        Wire *wire;

        require(wire_new(base, &wire, &error), &error);
        require(wire_listen(wire, address, &credentials, NULL, &handlers, NULL, &listener, &error),
                &error);
        address = listener_address(listener);
        require((int)write(channel, address, strlen(address) + 1), NULL);
        event_base_dispatch(base);
}

// Both are forked before any thread starts; each waits for the address to listen on.
static pid_t start(const Bench *bench, int *ret_channel)
{
        char address[64] = "";
        int channel[2];
        pid_t child;

        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), NULL);
        child = fork();
        if (child != 0) {
                *ret_channel = channel[0];
                return child;
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(channel[1], address, sizeof(address) - 1) > 0)
                serve(&bench->fleet, address, channel[1]);
        _exit(1);
}

static void listen_on(int channel, char address[64])
{
        require((int)write(channel, address, strlen(address) + 1), NULL);
        require((int)read(channel, address, 63), NULL);
}

// ---------------------------------------------------------------- the workers

static void on_return(evutil_socket_t fd, short events, void *userdata)
{
        Bench *bench = userdata;

        (void)fd, (void)events;
        bench->began_us = clock_monotonic_us();
        listen_on(bench->channel, bench->address);
}

static void dial_all(Bench *bench)
{
        const Credentials credentials = bench_worker(&bench->fleet);
        _cleanup_error_ Error error = ERROR_EMPTY;
        Dialer *dialer;
        Wire *wire;

        bench->base = event_base_new();
        require(wire_new(bench->base, &wire, &error), &error);
        for (uint64_t i = 0; i < bench->workers; i++)
                require(wire_dial(wire, bench->address, &credentials, NULL, &handlers, bench,
                                &dialer, &error),
                        &error);
        event_base_dispatch(bench->base);
}

int main(int argc, char **argv)
{
        Bench bench = {.workers = 500, .away_s = 3, .address = "127.0.0.1:0"};
        struct timeval away;
        struct event *timer;
        int channel;

        if ((argc > 1 && (text_parse_u64(argv[1], &bench.workers) < 0 || bench.workers == 0)) ||
                (argc > 2 && text_parse_u64(argv[2], &bench.away_s) < 0)) {
                fprintf(stderr, "usage: bench-return [WORKERS [SECONDS]]\n");
                return 2;
        }
        bench_make(&bench.fleet);
        bench.first = start(&bench, &channel);
        bench.second = start(&bench, &bench.channel);
        listen_on(channel, bench.address);
        dial_all(&bench);

        kill(bench.first, SIGKILL);
        waitpid(bench.first, NULL, 0);
        away = (struct timeval){.tv_sec = (time_t)bench.away_s};
        timer = evtimer_new(bench.base, on_return, &bench);
        event_add(timer, &away);
        event_base_dispatch(bench.base);
        printf("%llu workers, controller away for %llu s: half of them back after %.2f s, all "
               "after %.2f s\n",
                (unsigned long long)bench.workers, (unsigned long long)bench.away_s,
                (double)bench.half_us / US_PER_SECOND,
                (double)(clock_monotonic_us() - bench.began_us) / US_PER_SECOND);
        kill(bench.second, SIGKILL);
        waitpid(bench.second, NULL, 0);
        return 0;
}
