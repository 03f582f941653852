#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"
#include "wire/address.h"
#include "wire/link_private.h"

#define CONTROLLER_URI "understudy://controller"

// One try to connect. It may outlive its dialer: it ends on the reaper's thread.
typedef struct Attempt {
        Transfer dialing;
        Post grave;
        nng_stream_dialer *nng;
        bool pending;
        Dialer *dialer; // NULL: given up
} Attempt;

struct Dialer {
        Member member;
        Post grave;
        Wire *wire;
        char *address;
        nng_tls_config *config;
        LinkSettings settings;
        Attempt *attempt; // at most one of these two
        Link *link;
        struct event *timer; // while an attempt runs: its deadline; between two: the wait
        unsigned attempts;
        unsigned failures; // in a row
};

static void attempt_free_memory(Post *post)
{
        free(CONTAINER(post, Attempt, grave));
}

// On the reaper's thread. Closing the dialer ends the attempt; to cancel it could cross its
// completion inside nng, so it is only waited for.
static void attempt_take_apart(Post *post)
{
        Attempt *attempt = CONTAINER(post, Attempt, grave);
        nng_aio *aio = attempt->dialing.aio;

        nng_stream_dialer_close(attempt->nng);
        nng_aio_wait(aio);
        if (attempt->pending && nng_aio_result(aio) == 0) {
                nng_stream_close(nng_aio_get_output(aio, 0));
                nng_stream_free(nng_aio_get_output(aio, 0));
        }
        nng_aio_free(aio);
        nng_stream_dialer_free(attempt->nng);
        post->run = attempt_free_memory;
        wire_post(attempt->dialing.wire, post);
}

static void attempt_free(Attempt *attempt)
{
        attempt->dialer = NULL;
        wire_bury(attempt->dialing.wire, &attempt->grave);
}

// Full jitter: uniform between nothing and a bound that doubles, so that a thousand workers do not
// come back at once.
static int64_t redial_wait_us(const Dialer *dialer)
{
        const LinkLimits *limits = &dialer->settings.limits;
        uint64_t bound_ms = limits->redial_first_ms;
        uint64_t random;

        for (unsigned i = 1; i < dialer->failures && bound_ms < limits->redial_last_ms; i++)
                bound_ms *= 2;
        if (bound_ms > limits->redial_last_ms)
                bound_ms = limits->redial_last_ms;
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                random = (uint64_t)clock_monotonic_us();
        return (int64_t)(random % ((uint64_t)US_PER_MS * bound_ms + 1));
}

static void set_timer(Dialer *dialer, int64_t wait_us)
{
        struct timeval wait = {
                .tv_sec = wait_us / US_PER_SECOND, .tv_usec = wait_us % US_PER_SECOND};

        event_add(dialer->timer, &wait);
}

static void set_failed(Dialer *dialer)
{
        dialer->failures++;
        set_timer(dialer, redial_wait_us(dialer));
}

// The user may free the dialer in the callback.
static void report(Dialer *dialer, const char *why)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        set_failed(dialer);
        error_set(&error, -EHOSTUNREACH, "unreachable", "cannot reach the controller");
        error_where(&error, "%s", dialer->address);
        error_why(&error, "%s", why);
        error_next(&error, "see that the controller runs and that this address reaches it");
        dialer->settings.handlers.closed(dialer->settings.userdata, NULL, &error);
}

static int identify_controller(const char *uri, char **ret_name)
{
        if (!text_equal(uri, CONTROLLER_URI))
                return -EACCES;
        *ret_name = text_copy("controller");
        return 0;
}

// Only a link that held for a while proves that to come back at once does no harm.
static void link_gone(void *owner, Link *link)
{
        Dialer *dialer = owner;
        int64_t lived_us = clock_monotonic_us() - link->created_us;

        dialer->link = NULL;
        if (link->opened && lived_us >= dialer->settings.limits.redial_last_ms * US_PER_MS)
                dialer->failures = 0;
        set_failed(dialer);
}

static const LinkSide side = {
        .identify = identify_controller,
        .opens_at_message = true,
        .gone = link_gone,
};

static void on_dialed(Post *post)
{
        Attempt *attempt = CONTAINER(post, Attempt, dialing.post);
        Dialer *dialer = attempt->dialer;
        int result = nng_aio_result(attempt->dialing.aio);

        if (!dialer)
                return;
        attempt->pending = false;
        dialer->attempt = NULL;
        event_del(dialer->timer);
        if (result == 0)
                dialer->link = link_new(dialer->wire, nng_aio_get_output(attempt->dialing.aio, 0),
                        &side, &dialer->settings, dialer);
        attempt_free(attempt);
        if (result != 0)
                report(dialer, nng_strerror(result));
}

// nng tries the first address of a name only: every second attempt asks for an IPv4 address.
static int open_dialer(Dialer *dialer, nng_stream_dialer **ret)
{
        bool ipv4 = dialer->attempts++ % 2 == 1 && dialer->address[0] != '[';
        _cleanup_free_ char *url = NULL;
        int r = address_url(ipv4 ? "tls+tcp4" : "tls+tcp", dialer->address, &url, NULL);

        if (r < 0)
                return NNG_EADDRINVAL;
        r = nng_stream_dialer_alloc(ret, url);
        if (r == 0)
                nng_stream_dialer_set_ptr(*ret, NNG_OPT_TLS_CONFIG, dialer->config);
        return r;
}

static void try_connect(Dialer *dialer)
{
        nng_stream_dialer *nng;
        Attempt *attempt;
        int r = open_dialer(dialer, &nng);

        if (r != 0) {
                report(dialer, nng_strerror(r));
                return;
        }
        attempt = memory_new(sizeof(*attempt));
        attempt->nng = nng;
        attempt->dialer = dialer;
        attempt->pending = true;
        attempt->grave.run = attempt_take_apart;
        if (transfer_init(&attempt->dialing, dialer->wire, on_dialed) < 0)
                abort(); // out of memory, as everywhere
        dialer->attempt = attempt;
        set_timer(dialer, dialer->settings.limits.hello_ms * US_PER_MS);
        nng_stream_dialer_dial(nng, attempt->dialing.aio);
}

static void on_timer(evutil_socket_t fd, short events, void *userdata)
{
        Dialer *dialer = userdata;

        (void)fd;
        (void)events;
        if (!dialer->attempt) {
                try_connect(dialer);
                return;
        }
        attempt_free(TAKE_PTR(dialer->attempt));
        report(dialer, "no connection in time");
}

static void free_memory(Post *post)
{
        Dialer *dialer = CONTAINER(post, Dialer, grave);

        nng_tls_config_free(dialer->config);
        free(dialer->address);
        free(dialer);
}

void dialer_free(Dialer *dialer)
{
        LIST_REMOVE(&dialer->member, entry);
        event_free(dialer->timer);
        if (dialer->attempt)
                attempt_free(TAKE_PTR(dialer->attempt));
        if (dialer->link)
                link_abandon(TAKE_PTR(dialer->link));
        wire_post(dialer->wire, &dialer->grave);
}

static void member_free(Member *member)
{
        dialer_free(CONTAINER(member, Dialer, member));
}

int wire_dial(Wire *wire, const char *address, const Credentials *credentials,
        const LinkLimits *limits, const LinkHandlers *handlers, void *userdata, Dialer **ret,
        Error *error)
{
        _cleanup_free_ char *url = NULL;
        nng_tls_config *config;
        Dialer *dialer;
        int r = address_url("tls+tcp", address, &url, error);

        if (r >= 0)
                r = engine_config_new(NNG_TLS_MODE_CLIENT, credentials, &config, error);
        if (r < 0)
                return r;
        dialer = memory_new(sizeof(*dialer));
        dialer->wire = wire;
        dialer->address = text_copy(address);
        dialer->config = config;
        dialer->member.free = member_free;
        dialer->grave.run = free_memory;
        link_settings_init(&dialer->settings, limits, handlers, userdata);
        dialer->timer = evtimer_new(wire->base, on_timer, dialer);
        if (!dialer->timer)
                abort(); // out of memory, as everywhere
        LIST_INSERT_HEAD(&wire->members, &dialer->member, entry);
        set_timer(dialer, 0);
        *ret = dialer;
        return 0;
}
