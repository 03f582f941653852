// What this worker accepts to do, whatever it is told: its own configuration has the last word.
#ifndef UNDERSTUDY_WORKER_STEP_POLICY_H
#define UNDERSTUDY_WORKER_STEP_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"
#include "step/hosting.h"

// Where a host's configuration is, for a scan; each a file or a directory.
typedef struct ScanPaths {
        TextList nginx, apache, supervisor, systemd, cron;
        uint64_t patience_seconds; // that a site has to say who it is
} ScanPaths;

// How this worker reaches one kind of database server as its administrator.
typedef struct ServerAccess {
        char *admin; // "host=... port=... user=...", see site/client.h; NULL: the engine's habit
        char *password_file; // whose first line is the administrator's password; NULL: none
} ServerAccess;

typedef struct Policy {
        TextList roots;    // root directories that sites may live in
        TextList users;    // Unix users whose sites it serves
        TextList commands; // programs beyond the environment's own that steps may start, absolute
        TextList environment; // variables of the worker's own environment that site code and pip
                              // are given
        uint64_t clone_free_percent; // of a file system that stays free
        char *controller; // tells the controller that tasks are from from every other one; NULL:
                          // none
        char *backups;    // where last backups go
        char *log_root;   // parent of new log directories when production's cannot tell it
        ScanPaths scan;
        ServerAccess postgresql, mysql;
        Hosting hosting; // borrowed by policies that are not a Config's
} Policy;

// A Unix account, resolved. Zeros are not an account; free with account_clear.
typedef struct Account {
        char *name;
        char *home;
        uid_t uid;
        gid_t gid;
        gid_t *groups;
        size_t group_count;
} Account;

// -ENOENT: there is no account of this name.
int account_find(const char *name, Account *ret) _must_use_;
void account_clear(Account *account);
#define _cleanup_account_ _cleanup_(account_clear)

// Is this root one of the policy's? -EPERM with code "policy" and the line to add to worker.conf.
int policy_check_root(const Policy *policy, const char *root, Error *error) _must_use_;

// Looks up the owner of a site's files and checks that the policy serves it. -EPERM with code
// "policy".
int policy_check_owner(
        const Policy *policy, uid_t uid, const char *where, Account *ret, Error *error) _must_use_;

// May steps start this program, which is not of the site's own environment? Links are resolved on
// both sides. -EPERM with code "policy" and the line to add to worker.conf.
int policy_check_command(const Policy *policy, const char *program, Error *error) _must_use_;

void policy_clear(Policy *policy);

#endif
