// Whose a log directory is: its parent may be shared by sites of several roots, which may have the
// same names and the same owner. So a file in it names the project directory that it was made for.
#ifndef UNDERSTUDY_WORKER_STEPS_LOG_MARK_H
#define UNDERSTUDY_WORKER_STEPS_LOG_MARK_H

#include <sys/stat.h>

#include "site/site.h"

#define LOG_MARK ".understudy-log"

typedef enum LogMark {
        LOG_MARK_NONE, // empty, made by somebody else, or by a run that was killed
        LOG_MARK_OWN,
        LOG_MARK_OTHERS, // also when it cannot be read
} LogMark;

LogMark log_mark_read(int directory, const SiteDir *site);

// Durable on return; as the directory's owner has it. Finds its work done.
int log_mark_write(int directory, const SiteDir *site) _must_use_;

#endif
