// What the controller is told about this host: with the Hello, and again from time to time.
#ifndef UNDERSTUDY_WORKER_AGENT_FACTS_H
#define UNDERSTUDY_WORKER_AGENT_FACTS_H

#include <sys/utsname.h>

#include "agent/config.h"
#include "fleet.pb-c.h"

typedef struct Facts {
        Fleet__HostFacts message; // borrows from what follows and from the configuration
        struct utsname system;
        Fleet__Disk *disks;
        Fleet__Disk **list;
} Facts;

// Measures now. Each file system once: those of the roots, of the worker's own directory and of /.
// What cannot be measured is left out. Free with facts_clear; it must not be moved.
void facts_take(const Config *config, Facts *ret);
void facts_clear(Facts *facts);
#define _cleanup_facts_ _cleanup_(facts_clear)

#endif
