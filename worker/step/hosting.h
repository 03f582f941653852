// Service managers and web servers of this host, as worker.conf names them. Commands are words with
// blanks between them, no shell; directories hold what the worker writes for them.
#ifndef UNDERSTUDY_WORKER_STEP_HOSTING_H
#define UNDERSTUDY_WORKER_STEP_HOSTING_H

typedef struct ManagerHosting {
        char *command;  // NULL: there is none on this host
        char *programs; // directory of its configuration files; NULL: it has none
} ManagerHosting;

typedef struct WebHosting {
        char *test;   // exit 0: the configuration would do
        char *reload; // takes it
        char *vhosts; // directory that its configuration includes
} WebHosting;

typedef struct Hosting {
        ManagerHosting supervisor, systemd, command;
        WebHosting nginx, apache;
        char *templates; // the administrator's own, which come before ours of the same name
} Hosting;

#endif
