// What is missing or unsafe in a landscape, by subject. Each adds its findings.
#ifndef UNDERSTUDY_WORKER_ADOPT_RULES_H
#define UNDERSTUDY_WORKER_ADOPT_RULES_H

#include "adopt/landscape.h"

// All of the following, in an order in which each finds what it needs.
void rules_apply(Landscape *landscape);

// Links and names of each root directory.
void rules_roots(Landscape *landscape);

// What a site says of itself: mail, debug, host names, databases, media.
void rules_answers(Landscape *landscape);

// What its files say: paths of other sites, secrets, modes.
void rules_texts(Landscape *landscape);

// What lies in its directory: environment, log, snapshot, links in media, forgotten databases.
void rules_files(Landscape *landscape);

// What two sites share.
void rules_shared(Landscape *landscape);

// Vhosts, programs and cron jobs; finds whose each is, by the paths that it mentions, else by its
// name.
void rules_parts(Landscape *landscape);

// A word for each database of the site, that is the same for the same database: "sqlite /p/db",
// "postgresql anna on localhost". The caller's list.
void site_databases(const FoundSite *site, TextList *ret);

#endif
