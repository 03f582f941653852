#include "tell/announce.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/attempt.h"
#include "tell/record.h"

static int add_deliveries(Controller *controller, const AnnouncementRow *row, Error *error)
{
        int r = 0;

        for (const char *const *channel = controller->setup->channels;
                r == 0 && channel && *channel; channel++) {
                DeliveryRow delivery = {.announcement = row->id,
                        .channel = (char *)*channel,
                        .state = DELIVERY_PENDING,
                        .next_us = row->at_us,
                        .why = (char *)""};

                if (text_blank(row->recipient) || text_equal(*channel, ANNOUNCE_BY_MAIL))
                        r = row_insert(controller->store, &delivery_table, &delivery, error);
        }
        return r;
}

static bool says_the_same(const AnnouncementRow *last, AnnouncementKind kind, const char *cause)
{
        return last->id && kind != ANNOUNCE_TEST && last->kind == kind &&
               text_equal(last->cause, cause);
}

// The attempt that an announcement about a series' attempt is of.
static int newest_attempt(
        Controller *controller, const AnnouncementRow *row, int64_t *ret, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r = text_equal(row->about, "attempt")
                        ? attempt_newest(controller->store, row->topic, &attempt, error)
                        : 0;

        *ret = attempt.id;
        return r < 0 ? r : 0;
}

// `row` has kind, topic and texts, borrowed.
static int put(Controller *controller, AnnouncementRow *row, Error *error)
{
        const AnnouncementInfo *info = &announcement_infos[row->kind];
        _cleanup_announcement_ AnnouncementRow last = {0};
        _cleanup_free_ char *subject = NULL;
        int r = announcement_last(controller->store, info->about, row->topic, &last, error);

        if (r < 0 || says_the_same(&last, row->kind, row->cause))
                return r < 0 ? r : 0;
                // The table's texts have one %s, or none.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        subject = text_format(info->subject, row->topic);
#pragma GCC diagnostic pop
        row->about = (char *)info->about;
        row->subject = subject;
        row->at_us = clock_now_us();
        r = newest_attempt(controller, row, &row->attempt, error)
                    ?: row_insert(controller->store, &announcement_table, row, error)
                    ?: add_deliveries(controller, row, error);
        row->subject = NULL;
        return r;
}

int announce(Controller *controller, AnnouncementKind kind, const char *topic, int64_t job,
        const char *cause, const char *detail, Error *error)
{
        AnnouncementRow row = {.kind = kind,
                .topic = (char *)topic,
                .job = job,
                .detail = (char *)detail,
                .cause = (char *)cause};

        return put(controller, &row, error);
}

int announce_to_voter(Controller *controller, AnnouncementKind kind, const char *topic,
        int64_t voter, const char *address, const char *cause, const char *detail, Error *error)
{
        AnnouncementRow row = {.kind = kind,
                .topic = (char *)topic,
                .detail = (char *)detail,
                .cause = (char *)cause,
                .recipient = (char *)address,
                .voter = voter};

        return put(controller, &row, error);
}

static bool is_trouble(const AnnouncementRow *row)
{
        return row->kind == ANNOUNCE_SYNC_FAILED || row->kind == ANNOUNCE_SYNC_LEFT_OUT;
}

static int announce_recovery(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_announcement_ AnnouncementRow last = {0};
        int r = announcement_last(controller->store, "series", job->series, &last, error);

        if (r <= 0 || !is_trouble(&last))
                return r < 0 ? r : 0;
        return announce(controller, ANNOUNCE_SYNC_RECOVERED, job->series, job->id, "",
                "It ended well, and the preview has production's data again.", error);
}

// `left` says how things are now.
static int announce_failure(Controller *controller, AnnouncementKind kind, const JobRow *job,
        const char *left, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message =
                blob_message(&job->failure, &fleet__failure__descriptor);
        const Fleet__Failure *failure = (Fleet__Failure *)message;
        _cleanup_free_ char *cause = NULL, *detail = NULL;

        if (!failure)
                return 0;
        cause = text_format("%s: %s: %s", failure->code, failure->where, failure->what);
        detail = text_format("%s\n\nwhere  %s\nwhy    %s\nnext   %s\n\n"
                             "%s Job %lld has the details:\n"
                             "understudyctl job show %lld\n",
                failure->what, failure->where, failure->why, failure->next, left,
                (long long)job->id, (long long)job->id);
        return announce(controller, kind, job->series, job->id, cause, detail, error);
}

int announce_retirement(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_free_ char *detail = NULL, *cause = NULL;

        if (job->kind != JOB_RETIRE || job->dry_run || !text_equal(job->who, CALENDAR_WHO))
                return 0;
        if (job->state == JOB_FAILED)
                return announce_failure(controller, ANNOUNCE_RETIRE_FAILED, job,
                        "It is not tried again by itself.", error);
        if (job->state != JOB_DONE)
                return 0;
        cause = text_format("%lld", (long long)job->id);
        detail = text_format("%s is gone from %s. Where its last backup is: understudyctl job show "
                             "%lld\n",
                job->site, job->host, (long long)job->id);
        return announce(controller, ANNOUNCE_RETIRED, job->series, job->id, cause, detail, error);
}

int announce_sync(Controller *controller, const JobRow *job, Error *error)
{
        if (job->kind != JOB_SYNC || job->dry_run)
                return 0;
        if (job->state == JOB_DONE)
                return announce_recovery(controller, job, error);
        // Who asked for it by hand sees how it ends.
        if (job->state == JOB_FAILED && text_equal(job->who, CALENDAR_WHO))
                return announce_failure(controller, ANNOUNCE_SYNC_FAILED, job,
                        "Yesterday's preview still answers.", error);
        return 0;
}
