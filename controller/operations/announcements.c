#include "base/clock.h"
#include "base/text.h"
#include "operations/asked.h"
#include "tell/announce.h"
#include "tell/view.h"

#define ANNOUNCEMENTS_SHOWN 20

static json_t *view_delivery(const DeliveryRow *delivery)
{
        bool pending = delivery->state == DELIVERY_PENDING;

        return json_pack("{s:s, s:s, s:I, s:o, s:s}", "channel", delivery->channel, "state",
                delivery_state_names[delivery->state], "tries", (json_int_t)delivery->tries,
                "next_at", view_time(pending ? delivery->next_us : 0), "why", delivery->why);
}

static int view_announcement(
        Controller *controller, const AnnouncementRow *row, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows deliveries = {0};
        json_t *all = json_array();
        int r = deliveries_of(controller->store, row->id, &deliveries, error);
        const DeliveryRow *rows = deliveries.items;

        for (size_t i = 0; i < deliveries.count; i++)
                json_array_append_new(all, view_delivery(&rows[i]));
        if (r < 0) {
                json_decref(all);
                return r;
        }
        *ret = json_pack("{s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o}", "id",
                (json_int_t)row->id, "kind", announcement_kind_names[row->kind], "about",
                row->about, "topic", row->topic, "job",
                row->job ? json_integer(row->job) : json_null(), "subject", row->subject, "detail",
                row->detail, "at", view_time(row->at_us), "deliveries", all, "to",
                text_blank(row->recipient) ? json_null() : json_string(row->recipient));
        return 0;
}

int announcement_list(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows announcements = {0};
        json_t *all = json_array();
        int64_t limit;
        int r = asked_limit(request->query, ANNOUNCEMENTS_SHOWN, &limit, error)
                        ?: controller_commit(controller, error)
                        ?: announcements_newest(controller->store, limit, &announcements, error);
        const AnnouncementRow *rows = announcements.items;

        for (size_t i = 0; r == 0 && i < announcements.count; i++) {
                json_t *shown = NULL;

                r = view_announcement(controller, &rows[i], &shown, error);
                json_array_append_new(all, shown);
        }
        if (r < 0)
                json_decref(all);
        else
                *ret = all;
        return r;
}

static int refuse_no_channel(Error *error)
{
        error_set(error, -ENOENT, "no-channel", "there is nobody to announce anything to");
        error_why(error, "neither a mail address nor a webhook nor a command is configured");
        error_next(error, "Say where announcements go, in [announce] of controller.conf, and start "
                          "the controller again.");
        return -ENOENT;
}

int announcement_test(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {NULL};
        const char *const *channels = controller->setup->channels;
        _cleanup_announcement_ AnnouncementRow row = {0};
        int r = asked_only(request->body, members, error);

        if (r < 0)
                return r;
        if (!channels || !*channels)
                return refuse_no_channel(error);
        r = controller_begin(controller, error)
                    ?: announce(controller, ANNOUNCE_TEST, "", 0, "",
                               "If you can read this, announcements reach you.", error);
        if (r == 0)
                r = announcement_last(controller->store, "", "", &row, error);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : view_announcement(controller, &row, ret, error);
}

static int asked_announcement(
        Controller *controller, const char *id, AnnouncementRow *ret, Error *error)
{
        uint64_t number;
        int r = 0;

        if (text_parse_u64(id, &number) == 0 && number <= INT64_MAX)
                r = announcement_get(controller->store, (int64_t)number, ret, error);
        if (r != 0)
                return r < 0 ? r : 0;
        error_set(error, -ENOENT, "no-announcement", "there is no announcement '%s'", id);
        error_next(error, "List them: understudyctl announcement list");
        return -ENOENT;
}

int announcement_retry(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {NULL};
        _cleanup_announcement_ AnnouncementRow row = {0};
        int r = asked_only(request->body, members, error)
                        ?: asked_announcement(controller, request->subject[0], &row, error)
                        ?: controller_begin(controller, error);

        if (r < 0)
                return r;
        r = deliveries_revive(controller->store, row.id, clock_now_us(), error);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : view_announcement(controller, &row, ret, error);
}
