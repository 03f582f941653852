#include "calendar/ics.h"

#include "base/clock.h"
#include "base/text.h"
#include "calendar/due.h"
#include "calendar/host_window.h"
#include "control/votes.h"

#define MINUTES_A_DAY 1440
#define ZONE_PAST_US  (INT64_C(366) * 86400 * US_PER_SECOND) // of its history; events are younger

// ---- times

static bool is_utc(icaltimezone *zone)
{
        return zone == icaltimezone_get_utc_timezone();
}

static struct icaltimetype utc(int64_t at_us)
{
        return icaltime_from_timet_with_zone(
                at_us / US_PER_SECOND, 0, icaltimezone_get_utc_timezone());
}

typedef icalproperty *MakeFn(struct icaltimetype at);

// A local time that comes twice stands for the first of the two: the second one can only be written
// in UTC.
static icalproperty *moment(MakeFn *make, icaltimezone *zone, int64_t at_us)
{
        int64_t second_us = at_us - at_us % US_PER_SECOND;
        struct icaltimetype local = rule_to_local(zone, at_us);
        icalproperty *property;

        if (is_utc(zone) || rule_to_us(zone, local) != second_us)
                return make(utc(at_us));
        local.zone = NULL;
        property = make(local);
        icalproperty_add_parameter(
                property, icalparameter_new_tzid(icaltimezone_get_location(zone)));
        return property;
}

static void add_zone(icalcomponent *calendar, icaltimezone *zone)
{
        icalcomponent *component = is_utc(zone) ? NULL : icaltimezone_get_component(zone);
        const char *name = icaltimezone_get_location(zone);

        if (!component || icalcomponent_get_timezone(calendar, name))
                return;
        component = icalcomponent_new_clone(component);
        // As everybody calls it, not as this library does.
        icalproperty_set_tzid(
                icalcomponent_get_first_property(component, ICAL_TZID_PROPERTY), name);
        // The system knows a zone since the days of local mean time.
        icaltimezone_truncate_vtimezone(
                component, utc(clock_now_us() - ZONE_PAST_US), icaltime_null_time(), false);
        icalcomponent_add_component(calendar, component);
}

// ---- calendars

static icalcomponent *calendar_new(void)
{
        return icalcomponent_vanew(ICAL_VCALENDAR_COMPONENT, icalproperty_new_version("2.0"),
                icalproperty_new_prodid("-//Understudy//calendar//EN"), (void *)0);
}

static char *take_text(icalcomponent *take_calendar)
{
        char *text = icalcomponent_as_ical_string_r(take_calendar), *copy = text_copy(text);

        free(text);
        icalcomponent_free(take_calendar);
        return copy;
}

static icalcomponent *vevent_new(const char *uid, const char *summary, int64_t stamp_us)
{
        return icalcomponent_vanew(ICAL_VEVENT_COMPONENT, icalproperty_new_uid(uid),
                icalproperty_new_dtstamp(utc(stamp_us)), icalproperty_new_summary(summary),
                (void *)0);
}

static void add_event(
        icalcomponent *calendar, icalcomponent *event, icaltimezone *zone, icalproperty *take_begin)
{
        add_zone(calendar, zone);
        icalcomponent_add_property(event, take_begin);
        icalcomponent_add_component(calendar, event);
}

// ---- nightly runs

static void add_runs(icalcomponent *calendar, const CalendarRow *row, const Due *due)
{
        _cleanup_free_ char *uid = text_format("sync-%s@understudy", row->series),
                            *summary = text_format("Synchronisation of %s", row->series);
        icalcomponent *event = vevent_new(uid, summary, row->start_us);

        icalcomponent_add_property(event, icalproperty_new_rrule(due->rule.recurrence));
        icalcomponent_add_property(event, icalproperty_new_transp(ICAL_TRANSP_TRANSPARENT));
        add_event(calendar, event, due->rule.zone,
                moment(icalproperty_new_dtstart, due->rule.zone, row->next_us));
}

// ---- windows

static void add_window(icalcomponent *calendar, const char *uid, const char *summary,
        const Window *window, icaltimezone *zone, int64_t since_us)
{
        int64_t opens_us = window_opening(window, zone, since_us);
        int minutes = (window->end - window->begin + MINUTES_A_DAY) % MINUTES_A_DAY;
        icalcomponent *event = vevent_new(uid, summary, since_us);

        icalcomponent_add_property(
                event, icalproperty_new_duration(icaldurationtype_from_int(minutes * 60)));
        icalcomponent_add_property(
                event, icalproperty_new_rrule(icalrecurrencetype_from_string("FREQ=DAILY")));
        icalcomponent_add_property(event, icalproperty_new_transp(ICAL_TRANSP_TRANSPARENT));
        add_event(calendar, event, zone, moment(icalproperty_new_dtstart, zone, opens_us));
}

static void add_series_window(icalcomponent *calendar, const CalendarRow *row, const Due *due)
{
        _cleanup_free_ char *uid = text_format("window-%s@understudy", row->series),
                            *summary = text_format("Synchronisations of %s may begin", row->series);

        if (due->window.begin != due->window.end)
                add_window(calendar, uid, summary, &due->window, due->rule.zone, row->start_us);
}

static int add_schedules(Controller *controller, icalcomponent *calendar, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        int r = calendar_list(controller->store, &rows, error);
        const CalendarRow *row = rows.items;

        for (size_t i = 0; r == 0 && i < rows.count; i++) {
                _cleanup_due_ Due due = {0};

                if (row[i].paused || row[i].next_us == 0 || due_read(&row[i], &due, NULL) < 0)
                        continue;
                add_runs(calendar, &row[i], &due);
                add_series_window(calendar, &row[i], &due);
        }
        return r;
}

static int add_host_windows(Controller *controller, icalcomponent *calendar, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        int r = hosts_get(controller->store, &rows, error);
        const HostRow *host = rows.items;

        for (size_t i = 0; r == 0 && i < rows.count; i++) {
                _cleanup_host_window_ HostWindow window = {0};
                _cleanup_free_ char *uid = text_format("host-%s@understudy", host[i].name),
                                    *summary =
                                            text_format("Heavy work may begin on %s", host[i].name);

                if (host_window_of(controller, &host[i], &window, NULL) == 0 &&
                        window.window.begin != window.window.end)
                        add_window(calendar, uid, summary, &window.window, window.zone,
                                host[i].invited_us);
        }
        return r;
}

// ---- attempts

int64_t ics_begin_us(const AttemptRow *attempt)
{
        return attempt->opened_us                        ? attempt->opened_us
               : attempt->state == ATTEMPT_SYNCHRONISING ? attempt->began_us
                                                         : attempt->at_us;
}

int64_t ics_end_us(const AttemptRow *attempt)
{
        int64_t begin_us = ics_begin_us(attempt);
        int64_t agreed_us = begin_us + attempt->lapse_seconds * US_PER_SECOND;
        int64_t end_us = attempt->opened_us && attempt->ended_us ? attempt->ended_us
                         : attempt->ends_us                      ? attempt->ends_us
                                                                 : agreed_us;

        // An event has to last, and a second is what is written.
        return end_us < begin_us + US_PER_SECOND ? begin_us + US_PER_SECOND : end_us;
}

static bool takes_place(const AttemptRow *attempt)
{
        return attempt->state != ATTEMPT_WITHDRAWN && attempt->state != ATTEMPT_FAILED;
}

static icalproperty_status status_of(const AttemptRow *attempt)
{
        return !takes_place(attempt)               ? ICAL_STATUS_CANCELLED
               : attempt->state == ATTEMPT_PLANNED ? ICAL_STATUS_TENTATIVE
                                                   : ICAL_STATUS_CONFIRMED;
}

static char *how_it_ended(const AttemptRow *attempt)
{
        bool why = !text_blank(attempt->why);

        return text_format("It was %s%s%s.",
                attempt->state == ATTEMPT_FAILED ? "not opened"
                                                 : attempt_state_names[attempt->state],
                why ? ": " : "", why ? attempt->why : "");
}

static int describe(Controller *controller, const AttemptRow *attempt, char **ret, Error *error)
{
        Outcome outcome _cleanup_outcome_ = {0};
        int r;

        if (attempt_is_over(attempt)) {
                *ret = how_it_ended(attempt);
                return 0;
        }
        r = votes_outcome(controller, attempt, &outcome, error);
        if (r == 0)
                *ret = text_format("It is %s. Users work on the new version. When the time is "
                                   "over: %s.",
                        attempt_state_names[attempt->state], outcome.sentence);
        return r;
}

static icalcomponent *attempt_event(const AttemptRow *attempt, const char *text, icaltimezone *zone)
{
        _cleanup_free_ char *uid = text_format("attempt-%lld@understudy", (long long)attempt->id),
                            *summary = text_format("Upgrade of %s", attempt->series);
        icalcomponent *event = vevent_new(uid, summary, attempt->changed_us);

        icalcomponent_add_property(event, icalproperty_new_sequence((int)attempt->sequence));
        icalcomponent_add_property(event, icalproperty_new_status(status_of(attempt)));
        icalcomponent_add_property(event, icalproperty_new_description(text));
        icalcomponent_add_property(
                event, moment(icalproperty_new_dtend, zone, ics_end_us(attempt)));
        return event;
}

static int zone_of_series(
        Controller *controller, const char *series, icaltimezone **ret, Error *error)
{
        _cleanup_calendar_row_ CalendarRow row = {0};
        int r = calendar_get(controller->store, series, &row, error);

        *ret = icaltimezone_get_utc_timezone();
        if (r > 0)
                (void)!rule_zone(row.zone, ret, NULL); // else it stays UTC
        return r < 0 ? r : 0;
}

static int add_attempt(Controller *controller, icalcomponent *calendar, const AttemptRow *attempt,
        const char *organizer, Error *error)
{
        _cleanup_free_ char *text = NULL;
        icalcomponent *event;
        icaltimezone *zone;
        int r = zone_of_series(controller, attempt->series, &zone, error)
                        ?: describe(controller, attempt, &text, error);

        if (r < 0)
                return r;
        event = attempt_event(attempt, text, zone);
        if (organizer)
                icalcomponent_add_property(event, icalproperty_new_organizer(organizer));
        add_event(calendar, event, zone,
                moment(icalproperty_new_dtstart, zone, ics_begin_us(attempt)));
        return 0;
}

static int add_attempts(
        Controller *controller, icalcomponent *calendar, int64_t now_us, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        int r = attempts_since(controller->store, now_us - ICS_KEEP_US, &rows, error);
        const AttemptRow *attempt = rows.items;

        for (size_t i = 0; r == 0 && i < rows.count; i++)
                r = add_attempt(controller, calendar, &attempt[i], NULL, error);
        return r;
}

// ---- what is asked for

int ics_of_fleet(Controller *controller, int64_t now_us, char **ret, Error *error)
{
        icalcomponent *calendar = calendar_new();
        int r = add_schedules(controller, calendar, error)
                        ?: add_host_windows(controller, calendar, error)
                        ?: add_attempts(controller, calendar, now_us, error);

        if (r < 0)
                icalcomponent_free(calendar);
        else
                *ret = take_text(calendar);
        return r;
}

int ics_of_attempt(Controller *controller, const AttemptRow *attempt, const char *organizer,
        char **ret, const char **ret_method, Error *error)
{
        _cleanup_free_ char *address = text_format("mailto:%s", organizer);
        bool goes_on = takes_place(attempt);
        icalcomponent *calendar = calendar_new();
        int r;

        icalcomponent_add_property(calendar,
                icalproperty_new_method(goes_on ? ICAL_METHOD_PUBLISH : ICAL_METHOD_CANCEL));
        r = add_attempt(controller, calendar, attempt, address, error);
        if (r < 0) {
                icalcomponent_free(calendar);
                return r;
        }
        *ret = take_text(calendar);
        *ret_method = goes_on ? "PUBLISH" : "CANCEL";
        return 0;
}
