// What a controller is given.
#ifndef UNDERSTUDY_CORE_SETUP_H
#define UNDERSTUDY_CORE_SETUP_H

#include "wire/link.h"

typedef struct Controller Controller;

// How much may run at once.
typedef struct ControllerLimits {
        uint64_t host_heavy; // tasks that copy, dump or restore, on one host
        uint64_t host_tasks; // tasks of any kind, on one host
        uint64_t fleet_tasks;
} ControllerLimits;

// For series that nobody has made a schedule for (calendar/due.h).
typedef struct CalendarDefaults {
        const char *zone; // of the system's time zone database; NULL: the machine's
        bool nightly;     // every night, at a minute of its own; else it begins paused
} CalendarDefaults;

// Where frames go: the wire, or a test.
typedef struct Transport {
        int (*send)(Link *link, const Fleet__Frame *frame);
        void (*close)(Link *link, const char *code, const char *message);
} Transport;

extern const Transport wire_transport;

// Borrowed until controller_free.
typedef struct ControllerSetup {
        const char *database;      // path
        const char *authority;     // the CA's certificate, PEM
        const char *authority_key; // PEM
        const char *enrolment;     // HOST:PORT that a joining worker connects to
        const char *workers;       // HOST:PORT that it connects to afterwards
        ControllerLimits limits;
        CalendarDefaults calendar;
        uint64_t keep_events_seconds; // after a job's end; 0: for ever
        const char *const *channels;  // names of those that announcements go to; NULL-terminated or
                                      // NULL
        const Transport *transport;
} ControllerSetup;

#endif
