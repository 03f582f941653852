// What the hosts say: who connects, and which frames come.
//
// A host is invited with a one-time token (invite.h), joins through the enrolment listener, and
// from then on is known by its certificate.
#ifndef UNDERSTUDY_HOSTS_FLEET_H
#define UNDERSTUDY_HOSTS_FLEET_H

#include "wire/link.h"

// For the listener of workers; `userdata` is the Controller.
extern const LinkHandlers fleet_handlers;

#endif
