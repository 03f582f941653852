// Where announcements go, from controller.conf.
#ifndef UNDERSTUDY_ANNOUNCE_CONFIG_H
#define UNDERSTUDY_ANNOUNCE_CONFIG_H

#include <stdbool.h>

#include "base/text.h"

typedef struct AnnounceConfig {
        TextList mail_to;
        char *mail_from;
        char *smtp; // URL
        char *smtp_user;
        char *smtp_password_file;
        char *webhook; // URL
        char *webhook_secret_file;
        char *command;         // program
        char *quiet;           // part of a day in which only what is urgent is delivered
        uint64_t away_seconds; // after which an absent host is told of
        uint64_t disk_percent; // of a disk, of which less is told of
        uint64_t retry_seconds;
} AnnounceConfig;

#endif
