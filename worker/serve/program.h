// Programs of a site: what answers its visitors in one role, and its linod.
//
// A site has a program, a socket and a log for each role. At a switch both roles of both sites run
// for a moment: whichever link a request comes by, and whenever a link flips, the site that answers
// has the role of that link.
#ifndef UNDERSTUDY_WORKER_SERVE_PROGRAM_H
#define UNDERSTUDY_WORKER_SERVE_PROGRAM_H

#include "serve/manager.h"
#include "serve/serving.h"

// Writes its configuration where that differs, and sees that it runs. Unless it is a linod or
// `unasked`, it has to answer its health request, and say that it is this site in this role, within
// the time that the settings give it: code "health" else. Then a configuration that was replaced
// comes back; what is `job`'s own is left for program_down.
int program_up(StepContext *context, const Fleet__Serving *serving, const SiteDir *site,
        const Fleet__Program *program, const char *job, bool unasked, Error *error) _must_use_;

// Notes, before a program is stopped, whether it runs; and whether `job` has stopped one that ran.
int program_note_running(StepContext *context, const Fleet__Serving *serving, const SiteDir *site,
        const Fleet__Program *program, const char *job, Error *error) _must_use_;
bool program_was_running(const SiteDir *site, const Fleet__Program *program, const char *job);

// Was it `job` that brought it up first?
bool program_is_of(const SiteDir *site, const Fleet__Program *program, const char *job);

// Lets requests under way end, within the settings' time, stops it and removes its configuration
// and socket. What is not there is fine.
int program_down(StepContext *context, const Fleet__Serving *serving, const SiteDir *site,
        const Fleet__Program *program, Error *error) _must_use_;

#endif
