#include "announce/transfers.h"

#include "base/text.h"

struct Transfers {
        struct event_base *base;
        CURLM *multi;
        struct event *timer;
        TransferDone done;
};

// ---- what has ended

static void take_ended(Transfers *transfers)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(transfers->multi, &left))) {
                CURL *easy = message->easy_handle;
                CURLcode code = message->data.result;
                char *userdata = NULL;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, &userdata);
                curl_multi_remove_handle(transfers->multi, easy);
                transfers->done(userdata, easy, code);
        }
}

static void act(Transfers *transfers, curl_socket_t fd, int what)
{
        int running;

        (void)curl_multi_socket_action(transfers->multi, fd, what, &running);
        take_ended(transfers);
}

// ---- what libcurl waits for

static void on_socket(evutil_socket_t fd, short events, void *userdata)
{
        act(userdata, fd,
                (events & EV_READ ? CURL_CSELECT_IN : 0) |
                        (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socketdata)
{
        Transfers *transfers = userdata;
        struct event *event = socketdata;
        short events = EV_PERSIST;

        (void)easy;
        if (event)
                event_free(event);
        event = NULL;
        if (what & CURL_POLL_IN)
                events |= EV_READ;
        if (what & CURL_POLL_OUT)
                events |= EV_WRITE;
        if (what != CURL_POLL_REMOVE) {
                event = event_new(transfers->base, fd, events, on_socket, transfers);
                event_add(event, NULL);
        }
        curl_multi_assign(transfers->multi, fd, event);
        return 0;
}

static void on_timer(evutil_socket_t fd, short events, void *userdata)
{
        (void)fd;
        (void)events;
        act(userdata, CURL_SOCKET_TIMEOUT, 0);
}

static int watch_timer(CURLM *multi, long timeout_ms, void *userdata)
{
        Transfers *transfers = userdata;
        const struct timeval timeout = {
                .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

        (void)multi;
        if (timeout_ms < 0)
                event_del(transfers->timer);
        else
                event_add(transfers->timer, &timeout);
        return 0;
}

int transfers_new(struct event_base *base, TransferDone done, Transfers **ret, Error *error)
{
        _cleanup_(transfers_freep) Transfers *transfers = memory_new(sizeof *transfers);

        *transfers = (Transfers){.base = base, .done = done, .multi = curl_multi_init()};
        transfers->timer = event_new(base, -1, 0, on_timer, transfers);
        if (!transfers->multi || !transfers->timer)
                return error_set(error, -ENOMEM, "internal", "cannot prepare for deliveries");
        curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
        curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
        curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
        curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
        *ret = TAKE_PTR(transfers);
        return 0;
}

void transfers_free(Transfers *transfers)
{
        if (!transfers)
                return;
        if (transfers->multi)
                curl_multi_cleanup(transfers->multi);
        if (transfers->timer)
                event_free(transfers->timer);
        free(transfers);
}

int transfers_start(Transfers *transfers, CURL *easy)
{
        return curl_multi_add_handle(transfers->multi, easy) == CURLM_OK ? 0 : -EIO;
}

void transfers_stop(Transfers *transfers, CURL *easy)
{
        curl_multi_remove_handle(transfers->multi, easy);
}
