// The rules for names that people give, checked alike by the controller (early) and the worker
// (last word).
#ifndef UNDERSTUDY_NAMES_H
#define UNDERSTUDY_NAMES_H

#include "base/error.h"

// Name of a project directory: it is also a Python package and must stay true for the site's whole
// life, so it is a lower-case Python identifier of at most 32 characters, no keyword, and names no
// role ("prod", "preview", "old", "new", "testing" ...). -EINVAL with code "bad-name", the rule and
// a way out. Source: Lino Hosting Guide, "Preview sites": neutral, never-changing names.
int name_check_site(const char *name, Error *error) _must_use_;

// Name of a series or of a host: letters, digits, dots and dashes, begins with a letter, at most 64
// characters.
int name_check_series(const char *name, Error *error) _must_use_;
int name_check_host(const char *name, Error *error) _must_use_;

// A root directory as written by a person: absolute, normalized (no "..", no doubled or trailing
// slash), not "/".
int name_check_root(const char *path, Error *error) _must_use_;

#endif
