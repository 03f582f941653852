// What people have to hear of who do not watch: put into the outbox, in the transaction of what
// happened. Delivered from there, at least once, by announce/.
#ifndef UNDERSTUDY_TELL_ANNOUNCE_H
#define UNDERSTUDY_TELL_ANNOUNCE_H

#include "core/core.h"
#include "store/announcement.h"

#define ANNOUNCE_BY_MAIL "mail" // the channel

// Announces on every channel that is configured. `topic` names the series or host. An announcement
// of the same kind and cause as the last one about the topic is not made again.
int announce(Controller *controller, AnnouncementKind kind, const char *topic, int64_t job,
        const char *cause, const char *detail, Error *error) _must_use_;

// Announces by mail to a voter alone, at that address. What the mail ends with, their link, is made
// when it is delivered (control/voters.h).
int announce_to_voter(Controller *controller, AnnouncementKind kind, const char *topic,
        int64_t voter, const char *address, const char *cause, const char *detail, Error *error)
        _must_use_;

// How a retirement that nobody asked for has ended.
int announce_retirement(Controller *controller, const JobRow *job, Error *error) _must_use_;

// How a synchronisation that nobody watched has ended: whether that is news.
int announce_sync(Controller *controller, const JobRow *job, Error *error) _must_use_;

#endif
