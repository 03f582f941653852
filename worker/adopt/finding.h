// What a scan may find wrong, as one table: code, how bad it is, why it matters, and what to do.
#ifndef UNDERSTUDY_WORKER_ADOPT_FINDING_H
#define UNDERSTUDY_WORKER_ADOPT_FINDING_H

#include "base/macro.h"
#include "steps.h"

// X(symbol, code, severity, why, next)
#define FINDINGS(X)                                                                                \
        /* a preview that acts on the world, or on production */                                   \
        X(MAIL_IN_PREVIEW, "mail-in-preview", DANGER,                                              \
                "a preview has real data, so its mail reaches real people",                        \
                "Let the preview write its mail to files: EMAIL_BACKEND = "                        \
                "'django.core.mail.backends.filebased.EmailBackend', with EMAIL_FILE_PATH.")       \
        X(LINOD_IN_PREVIEW, "linod-in-preview", DANGER,                                            \
                "linod sends mail and runs the site's scheduled work, with real data",             \
                "Stop and disable it for as long as the site is a preview.")                       \
        X(CRON_MAILS_IN_PREVIEW, "cron-mails-in-preview", DANGER,                                  \
                "what the job prints or does in a preview is mailed to people",                    \
                "Remove the job, or let it print into a file, while the site is a preview.")       \
        X(CRON_IN_PREVIEW, "cron-in-preview", WARNING,                                             \
                "scheduled work in a preview is done a second time, with yesterday's data",        \
                "Remove the job while the site is a preview.")                                     \
        /* two sites that share what each must have for itself */                                  \
        X(DATABASE_SHARED, "database-shared", DANGER,                                              \
                "whatever one of the two does to it, a restore for instance, it does to the "      \
                "other",                                                                           \
                "Give each site a database and a database user of its own.")                       \
        X(DATABASE_OUTSIDE, "database-outside", WARNING,                                           \
                "an SQLite file outside of the project directory is neither copied with the site " \
                "nor removed with it",                                                             \
                "Move it into the project directory and name it in the settings.")                 \
        X(ENV_SHARED_WITH_PRODUCTION, "env-shared-with-production", WARNING,                       \
                "an upgrade of the preview's environment is one of production's",                  \
                "Give the preview an environment of its own; 'preview prepare' does.")             \
        X(ENV_SHARED, "env-shared", NOTICE,                                                        \
                "an upgrade of one of these sites is an upgrade of all of them",                   \
                "Nothing to be done for Understudy: a preview gets an environment of its own.")    \
        X(ENV_COPIED, "env-copied", DANGER,                                                        \
                "the environment was copied: '. env/bin/activate' in it activates the other one",  \
                "Build it anew with python3 -m venv, and install what the other one has.")         \
        X(ENV_MISSING, "env-missing", WARNING,                                                     \
                "without env/bin/python the site cannot be asked, dumped or restored",             \
                "Build the environment, or set the link to it.")                                   \
        X(STATIC_SHARED, "static-shared", WARNING,                                                 \
                "collecting static files for one version replaces those of the other",             \
                "Give each site a STATIC_ROOT of its own, such as one in its own environment.")    \
        X(ADDRESS_TWICE, "address-twice", DANGER,                                                  \
                "only one of them gets it; the web server reaches whichever came first",           \
                "Give each program a port or socket of its own.")                                  \
        X(LOG_SHARED, "log-shared", WARNING, "nobody can tell which of the sites wrote a line",    \
                "Give each site a log directory of its own.")                                      \
        X(PATH_OF_OTHER, "path-of-other", DANGER,                                                  \
                "it was copied from the other site and still uses that one's files",               \
                "Put the site's own path there.")                                                  \
        X(SETTINGS_OF_OTHER, "settings-of-other", DANGER,                                          \
                "every command given in this directory, initdb too, acts on the other site",       \
                "Name the site's own settings there.")                                             \
        X(PATH_GONE, "path-gone", WARNING, "nothing is there",                                     \
                "Correct the path, or remove the line.")                                           \
        X(MEDIA_OUTSIDE, "media-outside", WARNING,                                                 \
                "media outside of the project directory is not mirrored into a preview",           \
                "Move it into the project directory, or leave MEDIA_ROOT to Lino.")                \
        X(LINK_INTO_OTHER, "link-into-other", DANGER,                                              \
                "what is written or removed through the link changes the other site",              \
                "Let the link lead into the site's own directory, and its volume's root_dir too.") \
        X(LINK_INSIDE_DANGLING, "media-link-dangling", NOTICE, "it leads to nothing",              \
                "Remove the link, or let it lead where the files are.")                            \
        X(NESTED_COPY, "nested-copy", WARNING,                                                     \
                "a copy with rsync or cp went one directory too deep; restores may run the stale " \
                "one",                                                                             \
                "Look at it, and remove it when nothing in it is needed.")                         \
        /* what is open to others */                                                               \
        X(DEBUG_ON, "debug-on", DANGER, "errors show settings and data to whoever causes them",    \
                "Set DEBUG = False.")                                                              \
        X(HOSTS_ANY, "hosts-any", WARNING,                                                         \
                "the site answers to every name, also to one that an attacker makes up",           \
                "List the names of its vhosts in ALLOWED_HOSTS.")                                  \
        X(SECRETS_READABLE, "secrets-readable", WARNING,                                           \
                "every user of this host can read the site's secret key or passwords",             \
                "chmod o-rwx the file.")                                                           \
        X(DATABASE_READABLE, "database-readable", WARNING,                                         \
                "every user of this host can read all data of the site", "chmod o-rwx the file.")  \
        X(WORLD_WRITABLE, "world-writable", DANGER,                                                \
                "every user of this host can replace the site's code", "chmod o-w it.")            \
        X(OWNER_ROOT, "owner-root", WARNING, "the site's code would run as root",                  \
                "Give the project directory to the site's user: chown -R.")                        \
        X(PROGRAM_ROOT, "program-root", WARNING, "the site's code runs as root",                   \
                "Say user = (supervisor) or User= (systemd), and restart it.")                     \
        X(MODE, "mode", NOTICE,                                                                    \
                "getlino makes project directories 2775 and www-data's, so that the site and its " \
                "maintainers can both write",                                                      \
                "chgrp www-data and chmod 2775 it, unless it is meant.")                           \
        X(SQLITE_LEFT_BEHIND, "sqlite-left-behind", WARNING,                                       \
                "it has a site's data, but is not this site's database: a copy under an old name", \
                "Remove it once you know that nothing uses it.")                                   \
        /* links of a root directory */                                                            \
        X(LINK_MISSING, "link-missing", NOTICE,                                                    \
                "without it nobody can tell which site is production, and a switch is no matter "  \
                "of links",                                                                        \
                "Make it: ln -s SITE prod, in the root directory.")                                \
        X(LINK_DANGLING, "link-dangling", WARNING, "it leads to nothing",                          \
                "Let it lead to a project directory of its root, or remove it.")                   \
        X(LINK_OUTSIDE, "link-outside", WARNING,                                                   \
                "a role's link must lead to a project directory of its own root",                  \
                "Move the site into the root directory, or correct the link.")                     \
        X(LINKS_SAME, "links-same", DANGER, "who works in the preview works in production",        \
                "Remove the link 'preview'.")                                                      \
        X(ROOT_AMBIGUOUS, "root-ambiguous", NOTICE,                                                \
                "a root directory holds the sites of one series, with its links prod and preview", \
                "Give each operator's sites a root directory of their own before they are added.") \
        X(ROOT_NOT_ACCEPTED, "root-not-accepted", NOTICE,                                          \
                "the worker accepts the root directories that its configuration lists, and not "   \
                "what lies beneath them",                                                          \
                "Add the line 'root = DIRECTORY' to [policy] in worker.conf and restart "          \
                "understudy-worker.")                                                              \
        X(NAME_RULE, "name-rule", WARNING,                                                         \
                "the name stays for the site's whole life: it must be a Python identifier that "   \
                "says no role",                                                                    \
                "Give the site a neutral name, such as 'anna' or 'mdg2', before it is added.")     \
        X(SITE_INCOMPLETE, "site-incomplete", NOTICE,                                              \
                "it has settings, but no manage.py: half made, or half removed",                   \
                "Finish it, or remove it.")                                                        \
        /* what a site says, or does not */                                                        \
        X(SITE_SILENT, "site-silent", WARNING,                                                     \
                "a site that does not say who it is cannot be added",                              \
                "Try it by hand, as its owner, in its directory: env/bin/python manage.py check")  \
        X(SITE_NOT_ASKED, "site-not-asked", NOTICE,                                                \
                "its code runs as its owner only, and this worker may not act as that user",       \
                "If its sites are to be served, add the line 'user = NAME' to [policy] in "        \
                "worker.conf and restart understudy-worker.")                                      \
        X(LOG_MISSING, "log-missing", NOTICE, "without a directory 'log' Lino keeps no log",       \
                "Make one, or a link 'log' to one.")                                               \
        X(LOG_NOT_WRITABLE, "log-not-writable", WARNING,                                           \
                "the site's own user cannot write there, so that Lino does not start or keeps no " \
                "log",                                                                             \
                "chown it to the site's user.")                                                    \
        X(SCRIPT_MISSING, "script-missing", NOTICE,                                                \
                "the maintained copy of restore.py is what carries data over to another version",  \
                "Nothing to be done: the first 'preview sync' makes it.")                          \
        X(SNAPSHOT_OLD, "snapshot-old", NOTICE, "the preview shows data of that day",              \
                "Synchronise it every night: understudyctl preview sync.")                         \
        /* what serves a site */                                                                   \
        X(SITE_UNSERVED, "site-unserved", NOTICE,                                                  \
                "production is linked, but no enabled vhost names it",                             \
                "Look where its vhost is; [scan] in worker.conf says where a scan looks.")         \
        X(HOST_NOT_ALLOWED, "host-not-allowed", WARNING,                                           \
                "the site answers 400 to this name, for ALLOWED_HOSTS does not have it",           \
                "Add the name to ALLOWED_HOSTS, or take it out of the vhost.")                     \
        X(VHOST_BYPASSES_LINKS, "vhost-bypasses-links", WARNING,                                   \
                "after a switch of the links it goes on serving the site that was",                \
                "Name the site through the link 'prod' or 'preview' of its root.")                 \
        X(VHOST_MIXED, "vhost-mixed", DANGER,                                                      \
                "visitors get pages of one site and files of another",                             \
                "Let all its paths lead to one site.")                                             \
        X(VHOST_TWICE, "vhost-twice", WARNING, "the web server takes whichever it reads first",    \
                "Remove the name from all but one of them.")                                       \
        X(VHOST_DISABLED, "vhost-disabled", NOTICE, "it is in sites-available only",               \
                "Enable it, or remove it.")                                                        \
        X(NOTHING_LISTENS, "nothing-listens", WARNING,                                             \
                "no program that was found offers this address: visitors get 502",                 \
                "Start the site's program there, or correct the vhost.")                           \
        X(SITE_GONE, "site-gone", WARNING, "there is no such project directory any more",          \
                "Remove what is left of the site's configuration.")                                \
        X(PROGRAM_MIXED, "program-mixed", DANGER,                                                  \
                "the code of one site runs with files or the environment of another",              \
                "Let all its paths lead to one site.")                                             \
        X(CONFIG_LINK_DANGLING, "config-link-dangling", WARNING,                                   \
                "it leads to nothing, and the program that reads it may refuse to start",          \
                "Remove the link.")                                                                \
        X(CONFIG_NOT_READ, "config-not-read", NOTICE,                                              \
                "what it says about sites is not in this report", "Look at it by hand.")           \
        X(SCAN_LIMIT, "scan-limit", NOTICE, "a scan is bounded, and reached its bound",            \
                "Scan one root at a time: understudyctl series scan HOST --root ROOT")

typedef enum FindingCode {
#define FINDING_ENUM(symbol, code, severity, why, next) FINDING_##symbol,
        FINDINGS(FINDING_ENUM)
#undef FINDING_ENUM
                FINDING_COUNT,
} FindingCode;

typedef struct FindingInfo {
        const char *code;
        Fleet__Severity severity;
        const char *why, *next;
} FindingInfo;

extern const FindingInfo finding_infos[FINDING_COUNT];

typedef struct FoundFinding {
        FindingCode code;
        char *site; // NULL: of none
        char *what, *where;
        char *detail; // put behind the table's why; NULL: nothing
} FoundFinding;

typedef struct FindingList {
        FoundFinding *items;
        size_t count;
        size_t left_out; // beyond FINDINGS_MAX
} FindingList;

#define FINDINGS_MAX 1000

// Adds one, unless the same was said of the same place before. `site` and `where` are copied.
void finding_add(FindingList *list, FindingCode code, const char *site, const char *where,
        const char *what, ...) _printf_(5, 6);

// Says more of the last one that was added: its cause, in the words of who knows it.
void finding_detail(FindingList *list, const char *detail);

// The worst first; then by site and place.
void finding_sort(FindingList *list);

void finding_clear(FindingList *list);

#endif
