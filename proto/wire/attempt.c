#include "wire/attempt.h"

#include "base/clock.h"
#include "base/text.h"
#include "wire/address.h"

struct Attempt {
        Transfer dialing;
        Post grave;
        nng_stream_dialer *nng; // NULL: could not even be made
        struct event *timer;
        AttemptDone *done; // NULL: was called, or must not be
        void *userdata;
        bool pending; // nng still has it
};

static void free_memory(Post *post)
{
        free(CONTAINER(post, Attempt, grave));
}

// On the reaper's thread. Closing the dialer ends the attempt; to cancel it could cross its
// completion inside nng, so it is only waited for.
static void take_apart(Post *post)
{
        Attempt *attempt = CONTAINER(post, Attempt, grave);
        nng_aio *aio = attempt->dialing.aio;

        if (attempt->nng)
                nng_stream_dialer_close(attempt->nng);
        nng_aio_wait(aio);
        if (attempt->pending && nng_aio_result(aio) == 0) {
                nng_stream_close(nng_aio_get_output(aio, 0));
                nng_stream_free(nng_aio_get_output(aio, 0));
        }
        nng_aio_free(aio);
        if (attempt->nng)
                nng_stream_dialer_free(attempt->nng);
        post->run = free_memory;
        wire_post(attempt->dialing.wire, post);
}

void attempt_free(Attempt *attempt)
{
        attempt->done = NULL;
        event_free(attempt->timer);
        wire_bury(attempt->dialing.wire, &attempt->grave);
}

static void finish(Attempt *attempt, nng_stream *take_stream, const char *why)
{
        AttemptDone *done = attempt->done;
        void *userdata = attempt->userdata;

        attempt_free(attempt);
        done(userdata, take_stream, why);
}

static void on_dialed(Post *post)
{
        Attempt *attempt = CONTAINER(post, Attempt, dialing.post);
        int result = nng_aio_result(attempt->dialing.aio);

        if (!attempt->done)
                return;
        attempt->pending = false;
        if (result == 0)
                finish(attempt, nng_aio_get_output(attempt->dialing.aio, 0), NULL);
        else
                finish(attempt, NULL, nng_strerror(result));
}

static void on_timer(evutil_socket_t fd, short events, void *userdata)
{
        Attempt *attempt = userdata;

        (void)fd;
        (void)events;
        finish(attempt, NULL, attempt->nng ? "no connection in time" : "bad address");
}

static nng_stream_dialer *dialer_new(const char *address, bool ipv4_only, nng_tls_config *config)
{
        const char *scheme = ipv4_only && address[0] != '[' ? "tls+tcp4" : "tls+tcp";
        _cleanup_free_ char *url = NULL;
        nng_stream_dialer *dialer;

        if (address_url(scheme, address, &url, NULL) < 0 ||
                nng_stream_dialer_alloc(&dialer, url) != 0)
                return NULL;
        nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
        nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
        return dialer;
}

Attempt *attempt_new(Wire *wire, const char *address, bool ipv4_only, nng_tls_config *config,
        uint32_t deadline_ms, AttemptDone *done, void *userdata)
{
        Attempt *attempt = memory_new(sizeof(*attempt));

        attempt->done = done;
        attempt->userdata = userdata;
        attempt->grave.run = take_apart;
        attempt->nng = dialer_new(address, ipv4_only, config);
        attempt->timer = evtimer_new(wire->base, on_timer, attempt);
        if (!attempt->timer || transfer_init(&attempt->dialing, wire, on_dialed) < 0)
                abort(); // out of memory, as everywhere
        if (attempt->nng) {
                attempt->pending = true;
                nng_stream_dialer_dial(attempt->nng, attempt->dialing.aio);
        }
        timer_set(attempt->timer, attempt->nng ? deadline_ms * US_PER_MS : 0);
        return attempt;
}
