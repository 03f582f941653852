// Vhosts: one file for each role of a series in the directory that its web server includes. They
// lead through the role's link, and name no site.
#ifndef UNDERSTUDY_WORKER_SERVE_VHOST_H
#define UNDERSTUDY_WORKER_SERVE_VHOST_H

#include "serve/serving.h"

// Gives a role its vhost, or removes it, and lets the web server take it, which has to like it
// first and to serve it afterwards; else the previous one is put back, with code "vhost". A killed
// call leaves the previous one beside it, for the next. `ret_path` is the file, the caller's; NULL:
// it was so already.
int vhost_set(StepContext *context, const Fleet__Serving *serving, const char *root,
        const char *role, char **ret_path, Error *error) _must_use_;
int vhost_remove(StepContext *context, const Fleet__Serving *serving, const char *role,
        char **ret_path, Error *error) _must_use_;

#endif
