// The last question before anything is destroyed.
//
// A clone whose settings still name production's database wipes production at its first restore.
// So, on the worker and right before acting, the target itself is asked who it is, and its answer
// must name the target's own project directory, settings module and database, and nobody else's.
#ifndef UNDERSTUDY_WORKER_SITE_INTERLOCK_H
#define UNDERSTUDY_WORKER_SITE_INTERLOCK_H

#include "site/site.h"

// Asks the target of `guard` and refuses (-EPERM, code "interlock", naming what is shared and with
// whom) unless
//  - project_dir is root/name and the settings file lies in it,
//  - the link "prod" of its root does not lead to it,
//  - the settings module ends in ".<name>.settings" or equals the registered one,
//  - the database equals the registered one when there is one, and SQLite's lies in the project
//  directory,
//  - neither project_dir, settings, media nor any database is one of the others'.
// A target that cannot answer is refused too ("interlock", with the reason). `ret` may be NULL; the
// caller frees it with fleet__identity__free_unpacked.
int interlock_check(StepContext *context, const Fleet__Guard *guard, Fleet__Identity **ret,
        Error *error) _must_use_;

// The comparison alone, without asking: for tests and for identities just probed.
int interlock_compare(const Fleet__Guard *guard, const Fleet__Identity *answer, Error *error)
        _must_use_;

#endif
