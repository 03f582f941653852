// The command line of Understudy: what understudyctl offers.
#ifndef UNDERSTUDY_CLI_CLI_H
#define UNDERSTUDY_CLI_CLI_H

#include "base/command.h"

// Exit statuses, beside COMMAND_OK, COMMAND_FAILED (the job failed) and COMMAND_USAGE.
enum {
        CLI_UNREACHABLE = 3,
        CLI_REFUSED = 4,
        CLI_INTERRUPTED = 130, // by Ctrl-C, as the shell counts it; the job goes on
};

extern const Command understudyctl;

#endif
