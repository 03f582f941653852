// Names and paths of what a site is served by.
#ifndef UNDERSTUDY_WORKER_SERVE_SERVING_H
#define UNDERSTUDY_WORKER_SERVE_SERVING_H

#include "serve/template.h"
#include "site/site.h"

// In each project directory that is served: the sockets and logs of its programs, its maintenance
// page. Its owner and group are the site's. No clone takes it along.
#define SERVING_DIRECTORY ".understudy-run"

// Variable that tells a program its role, so that it keeps it whatever the site's becomes.
#define SERVING_ROLE_VARIABLE "UNDERSTUDY_ROLE"

// Are these settings fit to become names of files, words of commands and lines of configurations?
// -EINVAL with code "serving".
int serving_check(const Fleet__Serving *serving, Error *error) _must_use_;

// What the visitors of a role meet; NULL: there is no such role.
const Fleet__Front *serving_front(const Fleet__Serving *serving, const char *role);

// Name of a site's program by the pattern of the settings. -EINVAL: the pattern does not tell
// programs apart, or makes no name; code "serving".
int serving_program(const Fleet__Serving *serving, const Fleet__Program *program, char **ret,
        Error *error) _must_use_;

// Socket of the site's program for visitors of a role, the caller's. -ENAMETOOLONG, code "serving".
int serving_socket(const SiteDir *site, const char *role, char **ret, Error *error) _must_use_;

// Makes SERVING_DIRECTORY in the project directory, or finds it. Gives it open.
int serving_directory(const SiteDir *site, int *ret, Error *error) _must_use_;

// What templates may say of a program, and of a vhost.
int serving_program_words(const Fleet__Serving *serving, const Fleet__Program *program,
        const SiteDir *site, TemplateWords *ret, Error *error) _must_use_;
int serving_vhost_words(const Fleet__Serving *serving, const char *root, const char *role,
        TemplateWords *ret, Error *error) _must_use_;

// First line of every file that the worker writes outside of project directories. The caller's.
char *serving_mark(const Fleet__Serving *serving);

#endif
