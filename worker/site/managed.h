// What the worker owns of a site's settings, in one place beside settings.py:
//
//      understudy_managed.py       worker/python/managed.py, the same for all sites
//      understudy_managed.json     its values, an object of sections: "database", "role" ...
//      settings.py                 ends with a marked line that applies them
//
// The database's password is in the .json and nowhere else: it is 0640, the site's owner's, and not
// cloned. Whoever shows a section to people leaves "password" out.
#ifndef UNDERSTUDY_WORKER_SITE_MANAGED_H
#define UNDERSTUDY_WORKER_SITE_MANAGED_H

#include <jansson.h>

#include "site/site.h"

#define MANAGED_MODULE "understudy_managed.py"
#define MANAGED_VALUES "understudy_managed.json"
// {"alias", "engine", "name", "user", "password"}; of a clone that has no database of its own yet,
// empty: then no password works.
#define MANAGED_DATABASE "database"

// Text of MANAGED_MODULE; borrowed.
const char *managed_module_text(size_t *ret_size);

// `settings`, the text of settings.py, with the marked line as its last; as it is when it has that.
// `module` is the settings module's name ("lino_local.anna.settings"). The caller's.
char *managed_settings_text(const char *settings, const char *module);

// The sections that the site applies, in one order, out of the text of MANAGED_VALUES: those whose
// names end in MANAGED_NOTE are the worker's own, for a way back. NULL: it is no such text. The
// caller's.
#define MANAGED_NOTE "_before"
char *managed_applied(const char *values);

// Puts the module and the line in place, where they are not. Repeatable.
int managed_install(const SiteDir *site, const char *module, Error *error) _must_use_;

// Replaces one section, atomically and durably; NULL removes it. `value` is borrowed.
int managed_set(const SiteDir *site, const char *section, json_t *value, Error *error) _must_use_;

// One section; NULL in `ret` when there is none. The caller's reference.
int managed_get(const SiteDir *site, const char *section, json_t **ret, Error *error) _must_use_;

// User and password of the preview's own database on a server.
typedef struct ManagedAccount {
        char *user, *password;
} ManagedAccount;

void managed_account_clear(ManagedAccount *account);
#define _cleanup_managed_account_ _cleanup_(managed_account_clear)

// The account of the section "database", which is made when it is missing or empty: the user has
// the database's name, the password is random. -EINVAL, code "managed": the section is another
// database's.
int managed_account(const SiteDir *site, const Fleet__Database *database, ManagedAccount *ret,
        Error *error) _must_use_;

// The same of a section that is there: -ENOENT, code "managed", when none is.
int managed_account_known(const SiteDir *site, const Fleet__Database *database, ManagedAccount *ret,
        Error *error) _must_use_;

// `count` random characters out of `letters`. The caller's.
char *managed_random(const char *letters, size_t count);

#endif
