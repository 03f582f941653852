// What a scan has found so far: root directories, the sites in them, and the parts of the host's
// configuration. All of it is read, nothing is changed.
#ifndef UNDERSTUDY_WORKER_ADOPT_LANDSCAPE_H
#define UNDERSTUDY_WORKER_ADOPT_LANDSCAPE_H

#include <jansson.h>
#include <sys/stat.h>

#include "adopt/finding.h"
#include "adopt/part.h"
#include "site/site.h"

#define SITES_MAX      500
#define PARTS_MAX      2000
#define FILES_MAX      5000        // of the host's configuration
#define FILE_BYTES_MAX (1U << 20)  // of one of them
#define ALL_BYTES_MAX  (64U << 20) // of all of them
#define ENTRIES_MAX    2000        // of one directory

typedef enum SiteRole { ROLE_NONE, ROLE_PRODUCTION, ROLE_PREVIEW } SiteRole;

typedef struct FoundRoot {
        char *path;    // resolved
        char *spelled; // as the worker's configuration or the request has it
        int fd;
        bool accepted;  // by the worker's policy, for series
        char *links[2]; // names of the sites that "prod" and "preview" lead to, or NULL
} FoundRoot;

// A text of a site that may name paths: settings.py, manage.py, nginx/uwsgi.ini ...
typedef struct SiteText {
        char *name; // relative to the project directory
        char *text;
} SiteText;

typedef struct FoundSite {
        SiteDir dir;
        size_t root; // index in the landscape
        SiteRole role;
        bool may_ask; // its owner is one whom the worker serves
        struct stat st;
        SiteText *texts;
        size_t text_count;
        json_t *answer; // what it says (worker/python/probe.py); NULL: nothing
        Fleet__ProbeResult *probe;
        char *environment; // resolved; NULL: there is none
        char *log;         // resolved; NULL: there is none
        char *series;      // that it belongs to already; NULL: none
} FoundSite;

typedef struct Landscape {
        StepContext *context;
        FoundRoot *roots;
        size_t root_count;
        FoundSite *sites;
        size_t site_count;
        PartList parts;
        TextList seen;  // files of the configuration that were read, resolved
        uint64_t bytes; // of files read
        FindingList findings;
} Landscape;

// Where an absolute path leads, by its text alone.
typedef struct Place {
        FoundSite *site;  // NULL: to none
        const char *link; // "prod" or "preview", when it goes through one
        const char *rest; // what follows the site's directory, in the path itself
        bool gone;        // into a root, to a project directory that is not there
} Place;

Place landscape_place(const Landscape *landscape, const char *path);

// The site of a name in a root; NULL: none.
FoundSite *landscape_site(const Landscape *landscape, size_t root, const char *name);

static inline const FoundRoot *site_root(const Landscape *landscape, const FoundSite *site)
{
        return &landscape->roots[site->root];
}

// The site's file of that name, if it was read; NULL: none.
const char *site_text(const FoundSite *site, const char *name);

// "PATH:LINE" of the first line of the site's settings that assigns to `name`, else of the file
// alone. The caller's.
char *site_setting_place(const FoundSite *site, const char *name);

const char *role_name(SiteRole role); // "" for none

void landscape_clear(Landscape *landscape);
#define _cleanup_landscape_ _cleanup_(landscape_clear)

#endif
