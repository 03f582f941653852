// From the outbox to people: each channel delivers its announcements one after the other, so that
// none waits for the slowness of another channel.
//
// A try that fails is made again after retry_seconds, then after twice that, and so on up to two
// hours; after DELIVER_TRIES the delivery is dead, and stays for people to see and revive. What is
// delivered, but not known to be when the controller dies, is delivered again with the same id.
// In quiet hours only what is urgent goes out.
#ifndef UNDERSTUDY_ANNOUNCE_DELIVER_H
#define UNDERSTUDY_ANNOUNCE_DELIVER_H

#include "announce/config.h"
#include "core/core.h"

#define DELIVER_TRIES 12

typedef struct Deliverer Deliverer;

// `config` is borrowed. Looks into the outbox every second.
int deliverer_new(Controller *controller, const AnnounceConfig *config, Deliverer **ret,
        Error *error) _must_use_;
void deliverer_free(Deliverer *deliverer);
DEFINE_CLEANUP(Deliverer *, deliverer_free)

#endif
