// How a host comes into the fleet: invited with a token that is good once, for a day.
#ifndef UNDERSTUDY_HOSTS_INVITE_H
#define UNDERSTUDY_HOSTS_INVITE_H

#include "core/core.h"
#include "wire/enroll.h"

#define INVITATION_SECONDS 86400

// Invites a host, again if need be, as long as it is not connected. The line to type on it is the
// caller's; the database keeps only the hash of its secret.
int invite_host(Controller *controller, const char *name, const char *who, char **ret_line,
        Error *error) _must_use_;

// For enroll_listen; `userdata` is the Controller. Committed before it answers.
EnrollRequest invite_answer;

#endif
