#include "announce/deliver.h"

#include <sys/wait.h>

#include "announce/channel.h"
#include "announce/disks.h"
#include "announce/hosts.h"
#include "announce/program.h"
#include "announce/transfers.h"
#include "base/clock.h"
#include "base/log.h"
#include "calendar/ics.h"
#include "calendar/rule.h"
#include "calendar/window.h"
#include "control/voters.h"

#define RETRY_MOST_US (INT64_C(7200) * US_PER_SECOND)

// One channel: what it is delivering now.
typedef struct Lane {
        Deliverer *deliverer;
        const Channel *channel;
        DeliveryRow delivery; // id 0: nothing
        AnnouncementRow announcement;
        Parcel parcel;
        Program *program;
        int64_t rests_until_us; // CLOCK_MONOTONIC: what has become of the last try cannot be noted
} Lane;

struct Deliverer {
        Controller *controller;
        const AnnounceConfig *config;
        Transfers *transfers;
        struct event *timer;
        AwayHosts away;
        ShortDisks disks;
        Lane *lanes;
        size_t count;
};

static void lane_clear(Lane *lane)
{
        parcel_clear(&lane->parcel);
        delivery_clear(&lane->delivery);
        announcement_clear(&lane->announcement);
        lane->delivery = (DeliveryRow){0};
        lane->announcement = (AnnouncementRow){0};
        lane->program = NULL;
}

// ---- the end of a try

static int64_t retry_us(const Lane *lane)
{
        int64_t wait_us = (int64_t)lane->deliverer->config->retry_seconds * US_PER_SECOND;

        for (int64_t i = 1; i < lane->delivery.tries && wait_us < RETRY_MOST_US; i++)
                wait_us *= 2;
        return wait_us < RETRY_MOST_US ? wait_us : RETRY_MOST_US;
}

static void note_end(Lane *lane, const char *why)
{
        DeliveryRow *row = &lane->delivery;
        int64_t now_us = clock_now_us();

        row->tries++;
        row_set_text(&row->why, why ? why : "");
        if (!why) {
                row->state = DELIVERY_DONE;
                row->done_us = now_us;
        } else if (row->tries >= DELIVER_TRIES) {
                row->state = DELIVERY_DEAD;
                log_error("announcement given up id=%lld channel=%s error=\"%s\"",
                        (long long)row->announcement, row->channel, why);
        } else {
                row->next_us = now_us + retry_us(lane);
        }
}

// `why` NULL: delivered.
static void end_try(Lane *lane, const char *why)
{
        Controller *controller = lane->deliverer->controller;
        _cleanup_error_ Error error = ERROR_EMPTY;
        int r;

        note_end(lane, why);
        r = controller_begin(controller, &error)
                    ?: row_update(controller->store, &delivery_table, &lane->delivery, &error);
        if (r < 0)
                controller_abandon(controller, &error);
        else
                r = controller_commit(controller, &error);
        if (r < 0) // else people would get it every second, for as long as that lasts
                lane->rests_until_us = clock_monotonic_us() + retry_us(lane);
        lane_clear(lane);
}

static void on_transfer(void *userdata, CURL *easy, CURLcode code)
{
        Lane *lane = userdata;
        _cleanup_free_ char *why = NULL;
        long status = 0;

        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK)
                why = status ? text_format("%s (answer %ld)", curl_easy_strerror(code), status)
                             : text_copy(curl_easy_strerror(code));
        else if (status < 200 || status > 299)
                why = text_format("the answer was %ld", status);
        end_try(lane, why);
}

static void on_program(void *userdata, int status, bool late)
{
        _cleanup_free_ char *why = NULL;

        if (late)
                why = text_format("the program took longer than %d s", CHANNEL_SECONDS);
        else if (WIFSIGNALED(status))
                why = text_format("the program ended by signal %d", WTERMSIG(status));
        else if (WEXITSTATUS(status) != 0)
                why = text_format("the program's exit status was %d", WEXITSTATUS(status));
        end_try(userdata, why);
}

// ---- the beginning of a try

static int start_transfer(Lane *lane, Error *error)
{
        Deliverer *deliverer = lane->deliverer;
        CURL *easy = lane->parcel.easy = curl_easy_init();
        int r;

        if (!easy)
                return error_set(error, -ENOMEM, "internal", "cannot prepare a delivery");
        curl_easy_setopt(easy, CURLOPT_PRIVATE, lane);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)CHANNEL_SECONDS);
        r = lane->channel->prepare(deliverer->config, &lane->parcel, error);
        if (r == 0 && transfers_start(deliverer->transfers, easy) < 0)
                r = error_set(error, -EIO, "internal", "cannot begin a delivery");
        return r;
}

static int start_program(Lane *lane, Error *error)
{
        Deliverer *deliverer = lane->deliverer;
        _cleanup_free_ char *json = channel_json(&lane->parcel);

        return program_start(deliverer->controller->base, deliverer->config->command, json,
                CHANNEL_SECONDS, on_program, lane, &lane->program, error);
}

// What a mail that is late says of an attempt is what holds now.
static int add_calendar(Lane *lane, Error *error)
{
        Controller *controller = lane->deliverer->controller;
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r = lane->announcement.attempt ? attempt_get(controller->store,
                                                     lane->announcement.attempt, &attempt, error)
                                           : 0;

        return r <= 0 ? r
                      : ics_of_attempt(controller, &attempt, lane->deliverer->config->mail_from,
                                &lane->parcel.ics, &lane->parcel.method, error);
}

static int start(Lane *lane, Error *error)
{
        if (!lane->channel->prepare)
                return start_program(lane, error);
        return add_calendar(lane, error) ?: start_transfer(lane, error);
}

static void start_try(Lane *lane)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *why = NULL;
        int r = 0;

        lane->parcel.announcement = &lane->announcement;
        lane->parcel.id = text_format("understudy-%lld-%lld", (long long)lane->announcement.id,
                (long long)(lane->announcement.at_us / US_PER_SECOND));
        if (lane->announcement.voter)
                r = voters_letter(lane->deliverer->controller, lane->announcement.voter,
                        &lane->parcel.letter, &error);
        if (r == -ENOENT) // and that stays so
                lane->delivery.tries = DELIVER_TRIES - 1;
        if (r == 0)
                r = start(lane, &error);
        if (r >= 0)
                return;
        why = error_line(&error);
        end_try(lane, why);
}

// 0, or when quiet hours end.
static int64_t quiet_until(const Deliverer *deliverer, int64_t now_us)
{
        _cleanup_free_ char *name = deliverer->controller->setup->calendar.zone
                                            ? text_copy(deliverer->controller->setup->calendar.zone)
                                            : rule_zone_of_machine();
        icaltimezone *zone;
        Window window;

        if (text_blank(deliverer->config->quiet) ||
                window_parse(deliverer->config->quiet, &window, NULL) < 0 ||
                rule_zone(name, &zone, NULL) < 0 || !window_holds(&window, zone, now_us))
                return 0;
        return window_end(&window, zone, now_us);
}

static int put_off(Lane *lane, int64_t until_us, Error *error)
{
        Controller *controller = lane->deliverer->controller;
        int r;

        lane->delivery.next_us = until_us;
        r = controller_begin(controller, error)
                    ?: row_update(controller->store, &delivery_table, &lane->delivery, error);
        lane_clear(lane);
        return r;
}

static int look_at(Lane *lane, int64_t now_us, Error *error)
{
        Store *store = lane->deliverer->controller->store;
        int64_t until_us;
        int r;

        if (lane->delivery.id || clock_monotonic_us() < lane->rests_until_us)
                return 0;
        r = delivery_due(store, lane->channel->name, now_us, &lane->delivery, error);
        if (r <= 0)
                return r;
        r = announcement_get(store, lane->delivery.announcement, &lane->announcement, error);
        if (r < 0)
                lane_clear(lane); // it is taken up again with the next look
        if (r == 0)
                end_try(lane, "the announcement is gone");
        if (r <= 0)
                return r;
        until_us = announcement_infos[lane->announcement.kind].urgent
                           ? 0
                           : quiet_until(lane->deliverer, now_us);
        if (until_us)
                return put_off(lane, until_us, error);
        start_try(lane);
        return 0;
}

static void on_time(evutil_socket_t fd, short events, void *userdata)
{
        Deliverer *deliverer = userdata;
        _cleanup_error_ Error error = ERROR_EMPTY;
        int r = away_look(&deliverer->away, deliverer->controller, clock_now_us(), &error)
                        ?: disks_look(&deliverer->disks, deliverer->controller, &error);

        (void)fd;
        (void)events;
        for (size_t i = 0; r >= 0 && i < deliverer->count; i++)
                r = look_at(&deliverer->lanes[i], clock_now_us(), &error);
        if (r < 0)
                controller_abandon(deliverer->controller, &error);
}

// ---- all of it

static void add_lanes(Deliverer *deliverer)
{
        for (const Channel *channel = channels; channel->name; channel++) {
                if (!channel->configured(deliverer->config))
                        continue;
                deliverer->lanes = memory_grow(
                        deliverer->lanes, (deliverer->count + 1) * sizeof *deliverer->lanes);
                deliverer->lanes[deliverer->count++] =
                        (Lane){.deliverer = deliverer, .channel = channel};
        }
}

int deliverer_new(
        Controller *controller, const AnnounceConfig *config, Deliverer **ret, Error *error)
{
        static const struct timeval second = {.tv_sec = 1};
        _cleanup_(deliverer_freep) Deliverer *deliverer = memory_new(sizeof *deliverer);
        int r;

        *deliverer = (Deliverer){.controller = controller,
                .config = config,
                .away = {.after_us = (int64_t)config->away_seconds * US_PER_SECOND,
                        .started_us = clock_now_us()},
                .disks = {.percent = config->disk_percent}};
        r = transfers_new(controller->base, on_transfer, &deliverer->transfers, error);
        if (r < 0)
                return r;
        add_lanes(deliverer);
        deliverer->timer = event_new(controller->base, -1, EV_PERSIST, on_time, deliverer);
        if (!deliverer->timer)
                return error_set(error, -ENOMEM, "internal", "cannot make a timer");
        event_add(deliverer->timer, &second);
        *ret = TAKE_PTR(deliverer);
        return 0;
}

void deliverer_free(Deliverer *deliverer)
{
        if (!deliverer)
                return;
        for (size_t i = 0; i < deliverer->count; i++) {
                if (deliverer->lanes[i].parcel.easy)
                        transfers_stop(deliverer->transfers, deliverer->lanes[i].parcel.easy);
                program_stop(deliverer->lanes[i].program);
                lane_clear(&deliverer->lanes[i]);
        }
        free(deliverer->lanes);
        transfers_free(deliverer->transfers);
        if (deliverer->timer)
                event_free(deliverer->timer);
        free(deliverer);
}
