#include "calendar/ics.h"

#include "base/clock.h"
#include "base/text.h"
#include "calendar/due.h"

static icalcomponent *new_calendar(void)
{
        return icalcomponent_vanew(ICAL_VCALENDAR_COMPONENT, icalproperty_new_version("2.0"),
                icalproperty_new_prodid("-//Understudy//calendar//EN"),
                icalproperty_new_method(ICAL_METHOD_PUBLISH), (void *)0);
}

static char *take_text(icalcomponent *take_calendar)
{
        char *text = icalcomponent_as_ical_string_r(take_calendar), *copy = text_copy(text);

        free(text);
        icalcomponent_free(take_calendar);
        return copy;
}

static icalproperty *stamp(int64_t at_us)
{
        return icalproperty_new_dtstamp(icaltime_from_timet_with_zone(
                at_us / US_PER_SECOND, 0, icaltimezone_get_utc_timezone()));
}

// A local time, with its zone named.
static icalproperty *in_zone(icalproperty *property, icaltimezone *zone)
{
        icalproperty_add_parameter(property, icalparameter_new_tzid(icaltimezone_get_tzid(zone)));
        return property;
}

static struct icaltimetype local(icaltimezone *zone, int64_t at_us)
{
        struct icaltimetype time = rule_to_local(zone, at_us);

        time.zone = NULL;
        return time;
}

static void add_zone(icalcomponent *calendar, icaltimezone *zone)
{
        icalcomponent *component = icaltimezone_get_component(zone);

        if (component && !icalcomponent_get_timezone(calendar, icaltimezone_get_tzid(zone)))
                icalcomponent_add_component(calendar, icalcomponent_new_clone(component));
}

// ---- synchronisations

static void add_series(icalcomponent *calendar, const CalendarRow *row)
{
        _cleanup_due_ Due due = {0};
        _cleanup_free_ char *uid = text_format("sync-%s@understudy", row->series),
                            *summary = text_format("Synchronisation of %s", row->series);

        if (row->paused || row->next_us == 0 || due_read(row, &due, NULL) < 0)
                return;
        add_zone(calendar, due.rule.zone);
        icalcomponent_add_component(calendar,
                icalcomponent_vanew(ICAL_VEVENT_COMPONENT, icalproperty_new_uid(uid),
                        stamp(row->start_us),
                        in_zone(icalproperty_new_dtstart(local(due.rule.zone, row->next_us)),
                                due.rule.zone),
                        icalproperty_new_rrule(due.rule.recurrence),
                        icalproperty_new_summary(summary),
                        icalproperty_new_transp(ICAL_TRANSP_TRANSPARENT), (void *)0));
}

// ---- upgrade attempts

static icalproperty_status status_of(const AttemptRow *attempt)
{
        switch (attempt->state) {
        case ATTEMPT_PLANNED:
                return ICAL_STATUS_TENTATIVE;
        case ATTEMPT_WITHDRAWN:
        case ATTEMPT_FAILED:
                return ICAL_STATUS_CANCELLED;
        default:
                return ICAL_STATUS_CONFIRMED;
        }
}

static int64_t begin_us(const AttemptRow *attempt)
{
        return attempt->opened_us ? attempt->opened_us : attempt->at_us;
}

static int64_t end_us(const AttemptRow *attempt)
{
        if (attempt->opened_us && attempt->ended_us)
                return attempt->ended_us;
        return attempt->ends_us ? attempt->ends_us
                                : attempt->at_us + attempt->lapse_seconds * US_PER_SECOND;
}

static void add_attempt(icalcomponent *calendar, const AttemptRow *attempt, icaltimezone *zone)
{
        _cleanup_free_ char *uid = text_format("attempt-%lld@understudy", (long long)attempt->id),
                            *summary = text_format("Upgrade of %s", attempt->series),
                            *text = text_format("The attempt is %s. When its lapse is over: %s.",
                                    attempt_state_names[attempt->state],
                                    attempt_end_names[attempt->when_over]);

        add_zone(calendar, zone);
        icalcomponent_add_component(calendar,
                icalcomponent_vanew(ICAL_VEVENT_COMPONENT, icalproperty_new_uid(uid),
                        stamp(clock_now_us()), icalproperty_new_sequence((int)attempt->sequence),
                        icalproperty_new_status(status_of(attempt)),
                        in_zone(icalproperty_new_dtstart(local(zone, begin_us(attempt))), zone),
                        in_zone(icalproperty_new_dtend(local(zone, end_us(attempt))), zone),
                        icalproperty_new_summary(summary), icalproperty_new_description(text),
                        (void *)0));
}

// The series' own, or that of the machine when it has no schedule.
static int zone_of(Controller *controller, const char *series, icaltimezone **ret, Error *error)
{
        _cleanup_calendar_row_ CalendarRow row = {0};
        int r = calendar_get(controller->store, series, &row, error);
        _cleanup_free_ char *machine = r == 0 ? rule_zone_of_machine() : NULL;

        return r < 0 ? r : rule_zone(r > 0 ? row.zone : machine, ret, error);
}

// ---- whole calendars

int ics_of_all(Controller *controller, int64_t now_us, char **ret, Error *error)
{
        _cleanup_rows_ Rows series = {0}, attempts = {0};
        int r = calendar_list(controller->store, &series, error)
                        ?: attempts_since(
                                   controller->store, now_us - ICS_PAST_US, &attempts, error);
        const CalendarRow *rows = series.items;
        const AttemptRow *each = attempts.items;
        icalcomponent *calendar = new_calendar();

        for (size_t i = 0; r == 0 && i < series.count; i++)
                add_series(calendar, &rows[i]);
        for (size_t i = 0; r == 0 && i < attempts.count; i++) {
                icaltimezone *zone;

                r = zone_of(controller, each[i].series, &zone, error);
                if (r == 0)
                        add_attempt(calendar, &each[i], zone);
        }
        *ret = take_text(calendar);
        if (r < 0)
                free(TAKE_PTR(*ret));
        return r;
}

int ics_of_attempt(Controller *controller, const AttemptRow *attempt, char **ret, Error *error)
{
        icalcomponent *calendar;
        icaltimezone *zone;
        int r = zone_of(controller, attempt->series, &zone, error);

        if (r < 0)
                return r;
        calendar = new_calendar();
        add_attempt(calendar, attempt, zone);
        *ret = take_text(calendar);
        return 0;
}
