// The command of a program: which paths it names, which address it offers, whether it is linod.
#ifndef UNDERSTUDY_WORKER_ADOPT_COMMAND_H
#define UNDERSTUDY_WORKER_ADOPT_COMMAND_H

#include "adopt/part.h"

// Splits at blanks, quotes heeded, as supervisor, systemd and cron do; at most 200 words. A
// relative path of an .ini file counts from `directory` (NULL: unknown).
void command_mention(
        Part *part, const char *command, const char *directory, const char *path, unsigned line);

// The next word of `*rest`, without its quotes; NULL at the end. Allocated.
char *command_word(const char **rest);

#endif
