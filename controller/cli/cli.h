// The command line of Understudy: what understudyctl offers.
#ifndef UNDERSTUDY_CLI_CLI_H
#define UNDERSTUDY_CLI_CLI_H

#include "base/command.h"

extern const Command understudyctl;

#endif
