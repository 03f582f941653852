// Reads what each program of a host is told, and adds it to the landscape's parts.
#ifndef UNDERSTUDY_WORKER_ADOPT_PARTS_H
#define UNDERSTUDY_WORKER_ADOPT_PARTS_H

#include "adopt/reader.h"

// Every server block: nginx.conf with all it includes (to a depth of 8), conf.d, sites-enabled;
// what is in sites-available only is added as disabled. Names of upstreams are replaced by their
// addresses.
void nginx_read(Reader *reader, const TextList *paths);

// Every VirtualHost, in the same way: apache2.conf, conf-enabled, sites-enabled, sites-available.
void apache_read(Reader *reader, const TextList *paths);

// Every [program:NAME] of supervisord.conf and conf.d/*.conf.
void supervisor_read(Reader *reader, const TextList *paths);

// Every *.service file; enabled when a *.wants directory beside it has its name.
void systemd_read(Reader *reader, const TextList *paths);

// Every line of a crontab, with a user's name in those of the system; a script of cron.daily and
// the like is one job.
void cron_read(Reader *reader, const TextList *paths);

// All of these, from where the worker's configuration says.
void parts_read(Landscape *landscape, const ScanPaths *paths);

// True once no part may be added any more, which is told.
bool parts_full(Landscape *landscape);

#endif
