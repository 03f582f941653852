// What pip is asked to install for a preview: production's packages as they are, but for those that
// the operator asks for otherwise.
#ifndef UNDERSTUDY_WORKER_STEPS_REQUIREMENTS_H
#define UNDERSTUDY_WORKER_STEPS_REQUIREMENTS_H

#include <jansson.h>

#include "site/site.h"

typedef struct Requirements {
        TextList named;  // packages the operator names, normalized as PEP 503 says
        TextList asked;  // lines of a requirements file, in the operator's order
        TextList frozen; // lines that keep what production has
        TextList freed;  // packages whose versions pip chooses, though nobody named them
        bool pull;       // the site's own env/bin/pull.sh is to run afterwards
} Requirements;

void requirements_clear(Requirements *requirements);

// Reads what the operator asks for, each of `install` being a requirement as pip takes it, "-e
// PATH", the name of a requirements file in the project directory, or "pull.sh". Other options of
// pip are refused ("bad-requirement").
int requirements_ask(Requirements *requirements, const SiteDir *site, char *const *install,
        size_t count, Error *error) _must_use_;

// Adds production's packages, as worker/python/packages.py lists them. A pin gives way to a package
// named by the operator; and since Lino's packages are released together and do not say so, those
// of all of them to a named one. Paths in `from` (production's project directory or its
// environment) become paths in `to`.
void requirements_freeze(Requirements *requirements, const json_t *packages,
        const char *const from[2], const char *const to[2]);

// Lines for pip -r. The caller's.
char *requirements_text(const Requirements *requirements);

// The name that a requirement begins with, normalized; NULL: it does not begin with one.
char *requirement_name(const char *requirement);

#endif
