// Making a controller's directory: certificates, database, configuration.
#ifndef UNDERSTUDY_SERVICE_INIT_H
#define UNDERSTUDY_SERVICE_INIT_H

#include "base/error.h"

#define INIT_AUTHORITY     "authority.pem"
#define INIT_AUTHORITY_KEY "authority.key"
#define INIT_CERTIFICATE   "controller.pem"
#define INIT_KEY           "controller.key"
#define INIT_DATABASE      "controller.db"

// Makes `directory` (and its parents). Refuses one that a controller was made in ("exists"). The
// configuration is written last: without it, nothing was made, and init may be repeated.
int init_directory(const char *directory, const char *listen, Error *error) _must_use_;

#endif
