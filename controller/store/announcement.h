// What people have to hear of, and how far its deliveries are: the outbox.
#ifndef UNDERSTUDY_STORE_ANNOUNCEMENT_H
#define UNDERSTUDY_STORE_ANNOUNCEMENT_H

#include "store/row.h"

// X(name, word, what it is about, urgent: also in quiet hours, subject; %s is the topic's name)
#define ANNOUNCEMENT_KINDS(X)                                                                      \
        X(TEST, "test", "", true, "A test announcement")                                           \
        X(SYNC_FAILED, "sync-failed", "series", false, "The nightly synchronisation of %s failed") \
        X(SYNC_LEFT_OUT, "sync-left-out", "series", false, "A synchronisation of %s was left out") \
        X(SYNC_RECOVERED, "sync-recovered", "series", false,                                       \
                "The synchronisation of %s is well again")                                         \
        X(ATTEMPT_PLANNED, "attempt-planned", "attempt", false, "An upgrade of %s is planned")     \
        X(ATTEMPT_MOVED, "attempt-moved", "attempt", true, "The upgrade of %s has another time")   \
        X(ATTEMPT_ANNOUNCED, "attempt-announced", "attempt", false,                                \
                "An upgrade of %s is announced")                                                   \
        X(ATTEMPT_AT_RISK, "attempt-at-risk", "attempt", false,                                    \
                "The upgrade of %s may not open in time")                                          \
        X(ATTEMPT_OPEN, "attempt-open", "attempt", true, "The upgraded %s is open")                \
        X(ATTEMPT_EXTENDED, "attempt-extended", "attempt", true,                                   \
                "The upgrade attempt of %s has more time")                                         \
        X(ATTEMPT_ENDS_SOON, "attempt-ends-soon", "attempt", true,                                 \
                "The upgrade attempt of %s is about to end")                                       \
        X(ATTEMPT_ACCEPTED, "attempt-accepted", "attempt", true, "The upgrade of %s is accepted")  \
        X(ATTEMPT_CANCELED, "attempt-canceled", "attempt", true,                                   \
                "The upgrade of %s is taken back")                                                 \
        X(ATTEMPT_NOT_TAKEN_BACK, "attempt-not-taken-back", "attempt", true,                       \
                "The upgrade of %s could not be taken back")                                       \
        X(ATTEMPT_WITHDRAWN, "attempt-withdrawn", "attempt", true,                                 \
                "The upgrade of %s will not take place")                                           \
        X(ATTEMPT_FAILED, "attempt-failed", "attempt", true, "The upgrade of %s did not begin")    \
        X(VOTER_INVITED, "voter-invited", "attempt", false,                                        \
                "Your word on the upgrade of %s is asked for")                                     \
        X(VOTER_MOVED, "voter-moved", "attempt", true, "The upgrade of %s has another time")       \
        X(VOTER_ASKED, "voter-asked", "attempt", true, "Does the upgraded %s work?")               \
        X(VOTER_TOLD, "voter-told", "attempt", true, "What became of the upgrade of %s")           \
        X(RETIRE_SOON, "retire-soon", "retirement", false,                                         \
                "An old site of %s is about to be retired")                                        \
        X(RETIRE_OFF, "retire-off", "retirement", false, "An old site of %s is kept after all")    \
        X(RETIRED, "retired", "retirement", false, "An old site of %s is retired")                 \
        X(RETIRE_FAILED, "retire-failed", "retirement", false,                                     \
                "An old site of %s could not be retired")                                          \
        X(HOST_AWAY, "host-away", "host", true, "Host %s is away")                                 \
        X(HOST_BACK, "host-back", "host", true, "Host %s is back")                                 \
        X(DISK_SHORT, "disk-short", "disk", true, "The disk of %s is almost full")                 \
        X(DISK_WELL, "disk-well", "disk", true, "The disk of %s has room again")

typedef enum AnnouncementKind {
#define X(name, ...) ANNOUNCE_##name,
        ANNOUNCEMENT_KINDS(X)
#undef X
} AnnouncementKind;
extern const char *const announcement_kind_names[];

typedef struct AnnouncementInfo {
        const char *about; // "series", "attempt" or "retirement" (topic: its series), "host",
                           // "disk" (topic: HOST:PATH) or ""
        bool urgent;
        const char *subject; // with one %s
} AnnouncementInfo;
extern const AnnouncementInfo announcement_infos[];

typedef struct AnnouncementRow {
        int64_t id;
        AnnouncementKind kind;
        char *about; // as in AnnouncementInfo
        char *topic; // name of that
        int64_t job; // 0: none
        char *subject, *detail;
        char *cause; // what would not be announced again
        int64_t at_us;
        char *recipient; // by mail to this one alone; "": to all that are configured
        int64_t voter;   // whose link is added when it is delivered; 0: none
        int64_t attempt; // that it is about; 0: it is about something else
} AnnouncementRow;

DEFINE_ROW(AnnouncementRow, announcement)
#define _cleanup_announcement_ _cleanup_(announcement_clear)

typedef enum DeliveryState { DELIVERY_PENDING, DELIVERY_DONE, DELIVERY_DEAD } DeliveryState;
extern const char *const delivery_state_names[];

typedef struct DeliveryRow {
        int64_t id;
        int64_t announcement;
        char *channel; // "mail", "webhook", "command"
        DeliveryState state;
        int64_t tries;
        int64_t next_us; // when it is tried (again)
        int64_t done_us; // 0: not yet
        char *why;       // the last try failed; "": it did not
} DeliveryRow;

DEFINE_ROW(DeliveryRow, delivery)
#define _cleanup_delivery_ _cleanup_(delivery_clear)

// 1: found; 0: there is none.
int announcement_get(Store *store, int64_t id, AnnouncementRow *ret, Error *error) _must_use_;
// The newest about one series or host.
int announcement_last(Store *store, const char *about, const char *topic, AnnouncementRow *ret,
        Error *error) _must_use_;
int announcements_newest(Store *store, int64_t limit, Rows *ret, Error *error) _must_use_;

// When somebody was told first; 0: nobody was yet.
int announcement_told(Store *store, int64_t id, int64_t *ret_us, Error *error) _must_use_;

int deliveries_of(Store *store, int64_t announcement, Rows *ret, Error *error) _must_use_;
// The one of a channel that is due first, of those before `now_us`. 1: found; 0: none.
int delivery_due(Store *store, const char *channel, int64_t now_us, DeliveryRow *ret, Error *error)
        _must_use_;
// Dead ones of an announcement are tried again from the beginning. Gives their number.
int deliveries_revive(Store *store, int64_t announcement, int64_t now_us, Error *error) _must_use_;

#endif
