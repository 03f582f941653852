#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"
#include "wire/address.h"
#include "wire/attempt.h"
#include "wire/link_private.h"

#define CONTROLLER_URI "understudy://controller"

struct Dialer {
        Member member;
        Post grave;
        Wire *wire;
        char *address;
        nng_tls_config *config;
        LinkSettings settings;
        Attempt *attempt; // at most one of these two
        Link *link;
        struct event *timer; // the wait when there is none of them
        unsigned attempts;
        int64_t away_us; // since when there has been no link that held, CLOCK_MONOTONIC
};

// Full jitter: uniform between nothing and a bound, so that a thousand workers do not come back at
// once. The bound is half of what it has taken so far: nobody is away for much longer than the
// controller was.
static int64_t redial_wait_us(const Dialer *dialer)
{
        const LinkLimits *limits = &dialer->settings.limits;
        uint64_t bound_ms = (uint64_t)((clock_monotonic_us() - dialer->away_us) / US_PER_MS / 2);
        uint64_t random;

        if (bound_ms < limits->redial_first_ms)
                bound_ms = limits->redial_first_ms;
        if (bound_ms > limits->redial_last_ms)
                bound_ms = limits->redial_last_ms;
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                random = (uint64_t)clock_monotonic_us();
        return (int64_t)(random % ((uint64_t)US_PER_MS * bound_ms + 1));
}

// The user may free the dialer in the callback.
static void report(Dialer *dialer, const char *why)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        timer_set(dialer->timer, redial_wait_us(dialer));
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
        int64_t now_us = clock_monotonic_us();
        int64_t lived_us = now_us - link->created_us;

        dialer->link = NULL;
        if (link->opened && lived_us >= dialer->settings.limits.redial_last_ms * US_PER_MS)
                dialer->away_us = now_us;
        timer_set(dialer->timer, redial_wait_us(dialer));
}

static const LinkSide side = {
        .identify = identify_controller,
        .opens_at_message = true,
        .gone = link_gone,
};

static void on_attempt(void *userdata, nng_stream *take_stream, const char *why)
{
        Dialer *dialer = userdata;

        dialer->attempt = NULL;
        if (take_stream)
                dialer->link =
                        link_new(dialer->wire, take_stream, &side, &dialer->settings, dialer);
        else
                report(dialer, why);
}

static void on_timer(evutil_socket_t fd, short events, void *userdata)
{
        Dialer *dialer = userdata;

        (void)fd;
        (void)events;
        dialer->attempt = attempt_new(dialer->wire, dialer->address, dialer->attempts++ % 2 == 1,
                dialer->config, dialer->settings.limits.hello_ms, on_attempt, dialer);
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
        dialer->away_us = clock_monotonic_us();
        dialer->config = config;
        dialer->member.free = member_free;
        dialer->grave.run = free_memory;
        link_settings_init(&dialer->settings, limits, handlers, userdata);
        dialer->timer = evtimer_new(wire->base, on_timer, dialer);
        if (!dialer->timer)
                abort(); // out of memory, as everywhere
        LIST_INSERT_HEAD(&wire->members, &dialer->member, entry);
        timer_set(dialer->timer, 0);
        *ret = dialer;
        return 0;
}
