// Files of sections and "name = value" lines, as supervisor, systemd and uwsgi write them.
#ifndef UNDERSTUDY_WORKER_ADOPT_INI_H
#define UNDERSTUDY_WORKER_ADOPT_INI_H

#include "base/text.h"

// One value, whole: continued lines (a backslash at the end, or a line that begins with a blank)
// are joined by a blank. A new section comes with `name` NULL. What is behind " ;" is a comment.
typedef void (*IniVisit)(
        void *userdata, const char *section, const char *name, const char *value, unsigned line);

// Any bytes will do: a line that is none of this is passed over.
void ini_read(const char *text, IniVisit visit, void *userdata);

#endif
