// Who is asked whether the site of an upgrade attempt works. Each voter has a link of their own: a
// token signed with the controller's key, for one attempt, good until that ends. It is made when it
// is shown or mailed; the database has its SHA-256 only.
#ifndef UNDERSTUDY_CONTROL_VOTERS_H
#define UNDERSTUDY_CONTROL_VOTERS_H

#include "core/core.h"
#include "store/announcement.h"
#include "store/attempt.h"
#include "store/vote.h"

#define VOTERS_MAX 500 // of an attempt

// Whether all of these may be added. -EINVAL, code "voter": no name or address; -EEXIST: one is
// asked already, or stands there twice; -EPERM, code "attempt-state": the attempt is over.
int voters_check(Controller *controller, const AttemptRow *attempt, const TextList *names,
        Error *error) _must_use_;
// Adds all or none. Who has an address, and would have had a mail by now, gets it.
int voters_add(Controller *controller, const AttemptRow *attempt, const TextList *names,
        const char *who, Error *error) _must_use_;
// Removes all or none, with their votes; their links end. -ENOENT, code "voter".
int voters_remove(Controller *controller, const AttemptRow *attempt, const TextList *names,
        const char *who, Error *error) _must_use_;

// Whose token it is. -EPERM, code "token": nobody's.
int voters_find(Controller *controller, const char *token, VoterRow *ret, Error *error) _must_use_;

// The caller frees these: the token; what to type to say that it works.
char *voters_token(Controller *controller, const VoterRow *voter);
char *voters_link(Controller *controller, const AttemptRow *attempt, const VoterRow *voter);

// Asks all voters who have an address, by mail, of an attempt that is announced or open: invited,
// told of another time, or asked.
int voters_ask(Controller *controller, const AttemptRow *attempt, AnnouncementKind kind,
        Error *error) _must_use_;
// Tells them how the attempt has ended, as they were asked.
int voters_tell_end(Controller *controller, const AttemptRow *attempt, Error *error) _must_use_;
// How a mail to a voter ends, with the link; the caller frees it. -ENOENT, code "voter": they are
// not asked any more, so that no mail is due.
int voters_letter(Controller *controller, int64_t id, char **ret, Error *error) _must_use_;

#endif
