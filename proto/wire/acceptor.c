#include "wire/acceptor.h"

#include "base/clock.h"
#include "base/text.h"
#include "wire/address.h"

#define RETRY_MS 100 // after accept failed, which happens when descriptors are used up
#define HURRY    5   // part of its time that a newcomer gets while others wait

struct Acceptor {
        Wire *wire;
        nng_stream_listener *nng;
        nng_tls_config *config;
        Transfer accepting;
        Post grave;
        bool pending; // an accept is under way
        bool freed;
        struct event *timer; // for the oldest newcomer
        struct event *retry;
        TAILQ_HEAD(, Newcomer) newcomers; // oldest first
        uint32_t count, cap;
        int64_t deadline_us;
        char *address;
        const AcceptorHandlers *handlers;
        void *userdata;
};

static void accept_next(Acceptor *acceptor)
{
        if (acceptor->freed || acceptor->pending || acceptor->count >= acceptor->cap)
                return;
        acceptor->pending = true;
        nng_stream_listener_accept(acceptor->nng, acceptor->accepting.aio);
}

// When the oldest newcomer's time is up.
static int64_t due_us(const Acceptor *acceptor)
{
        int64_t patience_us = acceptor->deadline_us;

        if (acceptor->count >= acceptor->cap)
                patience_us /= HURRY;
        return TAILQ_FIRST(&acceptor->newcomers)->since_us + patience_us;
}

static void arm_timer(Acceptor *acceptor)
{
        if (TAILQ_EMPTY(&acceptor->newcomers))
                event_del(acceptor->timer);
        else
                timer_set(acceptor->timer, due_us(acceptor) - clock_monotonic_us());
}

void acceptor_add(Acceptor *acceptor, Newcomer *newcomer)
{
        newcomer->acceptor = acceptor;
        newcomer->since_us = clock_monotonic_us();
        TAILQ_INSERT_TAIL(&acceptor->newcomers, newcomer, entry);
        acceptor->count++;
        arm_timer(acceptor);
}

void newcomer_remove(Newcomer *newcomer)
{
        Acceptor *acceptor = newcomer->acceptor;

        if (!acceptor)
                return;
        newcomer->acceptor = NULL;
        TAILQ_REMOVE(&acceptor->newcomers, newcomer, entry);
        acceptor->count--;
        if (acceptor->freed)
                return;
        arm_timer(acceptor);
        accept_next(acceptor);
}

static void on_timer(evutil_socket_t fd, short events, void *userdata)
{
        Acceptor *acceptor = userdata;
        int64_t now = clock_monotonic_us();

        (void)fd;
        (void)events;
        while (!TAILQ_EMPTY(&acceptor->newcomers) && due_us(acceptor) <= now) {
                Newcomer *oldest = TAILQ_FIRST(&acceptor->newcomers);

                newcomer_remove(oldest);
                acceptor->handlers->overdue(acceptor->userdata, oldest);
        }
        arm_timer(acceptor);
}

static void on_retry(evutil_socket_t fd, short events, void *userdata)
{
        (void)fd;
        (void)events;
        accept_next(userdata);
}

static void on_accepted(Post *post)
{
        Acceptor *acceptor = CONTAINER(post, Acceptor, accepting.post);

        if (acceptor->freed)
                return;
        acceptor->pending = false;
        if (nng_aio_result(acceptor->accepting.aio) != 0) {
                timer_set(acceptor->retry, RETRY_MS * US_PER_MS);
                return;
        }
        acceptor->handlers->accepted(
                acceptor->userdata, nng_aio_get_output(acceptor->accepting.aio, 0));
        accept_next(acceptor);
}

static void free_memory(Post *post)
{
        Acceptor *acceptor = CONTAINER(post, Acceptor, grave);

        free(acceptor->address);
        free(acceptor);
}

// On the reaper's thread. Closing ends a pending accept; to cancel it could cross its completion
// inside nng, so it is only waited for.
static void take_apart(Post *post)
{
        Acceptor *acceptor = CONTAINER(post, Acceptor, grave);
        nng_aio *aio = acceptor->accepting.aio;

        nng_stream_listener_close(acceptor->nng);
        nng_aio_wait(aio);
        if (acceptor->pending && nng_aio_result(aio) == 0) {
                nng_stream_close(nng_aio_get_output(aio, 0));
                nng_stream_free(nng_aio_get_output(aio, 0));
        }
        nng_aio_free(aio);
        nng_stream_listener_free(acceptor->nng);
        nng_tls_config_free(acceptor->config);
        post->run = free_memory;
        wire_post(acceptor->wire, post);
}

void acceptor_free(Acceptor *acceptor)
{
        acceptor->freed = true;
        event_free(acceptor->timer);
        event_free(acceptor->retry);
        wire_bury(acceptor->wire, &acceptor->grave);
}

static int listen_failed(Error *error, const char *address, int result)
{
        int r = result == NNG_EADDRINUSE ? -EADDRINUSE : -EADDRNOTAVAIL;

        error_set(error, r, "listen", "cannot listen");
        error_where(error, "%s", address);
        error_why(error, "%s", nng_strerror(result));
        error_next(error, "choose an address of this machine and a port that nothing else uses");
        return r;
}

static int open_listener(
        const char *address, nng_tls_config *config, nng_stream_listener **ret, Error *error)
{
        _cleanup_free_ char *url = NULL;
        nng_stream_listener *listener;
        int r = address_url("tls+tcp", address, &url, error);

        if (r < 0)
                return r;
        r = nng_stream_listener_alloc(&listener, url);
        if (r != 0)
                return listen_failed(error, address, r);
        r = nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
        // TLS streams have Nagle's algorithm on by default, which costs 40 ms a frame.
        nng_stream_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true);
        if (r == 0)
                r = nng_stream_listener_listen(listener);
        if (r != 0) {
                nng_stream_listener_free(listener);
                return listen_failed(error, address, r);
        }
        *ret = listener;
        return 0;
}

static void start(Acceptor *acceptor)
{
        nng_sockaddr bound = {0};

        nng_stream_listener_get_addr(acceptor->nng, NNG_OPT_LOCADDR, &bound);
        acceptor->address = address_format(&bound);
        acceptor->timer = evtimer_new(acceptor->wire->base, on_timer, acceptor);
        acceptor->retry = evtimer_new(acceptor->wire->base, on_retry, acceptor);
        acceptor->grave.run = take_apart;
        TAILQ_INIT(&acceptor->newcomers);
        if (!acceptor->timer || !acceptor->retry ||
                transfer_init(&acceptor->accepting, acceptor->wire, on_accepted) < 0)
                abort(); // out of memory, as everywhere
        accept_next(acceptor);
}

int acceptor_new(Wire *wire, const char *address, const Credentials *credentials, uint32_t cap,
        uint32_t deadline_ms, const AcceptorHandlers *handlers, void *userdata, Acceptor **ret,
        Error *error)
{
        nng_tls_config *config;
        nng_stream_listener *listener = NULL;
        Acceptor *acceptor;
        int r = engine_config_new(NNG_TLS_MODE_SERVER, credentials, &config, error);

        if (r < 0)
                return r;
        r = open_listener(address, config, &listener, error);
        if (r < 0) {
                nng_tls_config_free(config);
                return r;
        }
        acceptor = memory_new(sizeof(*acceptor));
        acceptor->wire = wire;
        acceptor->nng = listener;
        acceptor->config = config;
        acceptor->cap = cap;
        acceptor->deadline_us = deadline_ms * US_PER_MS;
        acceptor->handlers = handlers;
        acceptor->userdata = userdata;
        start(acceptor);
        *ret = acceptor;
        return 0;
}

const char *acceptor_address(const Acceptor *acceptor)
{
        return acceptor->address;
}

nng_tls_config *acceptor_config(const Acceptor *acceptor)
{
        return acceptor->config;
}
