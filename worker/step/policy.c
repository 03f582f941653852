#include "step/policy.h"

#include <grp.h>
#include <pwd.h>

#include "base/file.h"

// The same directory under another name: a root may be reached through a link outside the
// sites' reach, such as /home -> /srv/home.
static bool listed_resolved(const TextList *list, const char *path)
{
        _cleanup_free_ char *resolved = NULL;

        if (file_resolve(path, &resolved) < 0)
                return false;
        for (size_t i = 0; i < list->count; i++) {
                _cleanup_free_ char *item = NULL;

                if (file_resolve(list->items[i], &item) == 0 && text_equal(item, resolved))
                        return true;
        }
        return false;
}

int policy_check_root(const Policy *policy, const char *root, Error *error)
{
        if (text_list_has(&policy->roots, root) || listed_resolved(&policy->roots, root))
                return 0;
        error_set(error, -EPERM, "policy", "this worker does not accept the root directory");
        error_where(error, "%s", root);
        error_why(error, "its configuration does not list it");
        error_next(error,
                "If its sites are to be served, add the line 'root = %s' to [policy] in "
                "worker.conf and restart understudy-worker.",
                root);
        return -EPERM;
}

void account_clear(Account *account)
{
        free(account->name);
        free(account->home);
        free(account->groups);
        *account = (Account){0};
}

static int account_groups(Account *account)
{
        int count = 32;

        for (;;) {
                int room = count;

                account->groups = memory_grow(account->groups, (size_t)count * sizeof(gid_t));
                if (getgrouplist(account->name, account->gid, account->groups, &count) >= 0) {
                        account->group_count = (size_t)count;
                        return 0;
                }
                if (count <= room)
                        count = room * 2;
        }
}

// Of the account that has this name, or without one this number. -ENOENT: there is none.
static int account_lookup(const char *name, uid_t uid, Account *ret)
{
        _cleanup_account_ Account account = {0};
        _cleanup_free_ char *buffer = NULL;
        struct passwd entry, *found = NULL;
        size_t size = 1024;
        int r;

        do {
                size *= 2;
                buffer = memory_grow(buffer, size);
                r = name ? getpwnam_r(name, &entry, buffer, size, &found)
                         : getpwuid_r(uid, &entry, buffer, size, &found);
        } while (r == ERANGE);
        if (r != 0)
                return -r;
        if (!found)
                return -ENOENT;
        account = (Account){.name = text_copy(entry.pw_name),
                .home = text_copy(entry.pw_dir),
                .uid = entry.pw_uid,
                .gid = entry.pw_gid};
        r = account_groups(&account);
        if (r < 0)
                return r;
        *ret = TAKE(account, (Account){0});
        return 0;
}

int account_find(const char *name, Account *ret)
{
        return account_lookup(name, 0, ret);
}

static int refuse_user(const Account *account, const char *where, Error *error)
{
        error_set(error, -EPERM, "policy", "this worker does not serve sites of user %s",
                account->name);
        error_where(error, "%s", where);
        error_why(error, "its configuration does not list the user");
        error_next(error,
                "If the sites of %s are to be served, add the line 'user = %s' to [policy] in "
                "worker.conf and restart understudy-worker.",
                account->name, account->name);
        return -EPERM;
}

static int refuse_to_become(const Account *account, const char *where, Error *error)
{
        error_set(error, -EPERM, "policy", "this worker cannot act as user %s", account->name);
        error_where(error, "%s", where);
        error_why(error,
                "it does not run as root, and the files belong to another user than its own");
        error_next(error, "Run understudy-worker as root or as %s.", account->name);
        return -EPERM;
}

int policy_check_owner(
        const Policy *policy, uid_t uid, const char *where, Account *ret, Error *error)
{
        _cleanup_account_ Account account = {0};
        int r = account_lookup(NULL, uid, &account);

        if (r < 0) {
                error_set(error, r, "policy", "the owner of the files, number %u, has no account",
                        uid);
                error_where(error, "%s", where);
                error_next(error, "Give the project directory to its site's user with chown(1).");
                return r;
        }
        if (!text_list_has(&policy->users, account.name))
                return refuse_user(&account, where, error);
        if (geteuid() != 0 && geteuid() != uid)
                return refuse_to_become(&account, where, error);
        *ret = TAKE(account, (Account){0});
        return 0;
}

int policy_check_command(const Policy *policy, const char *program, Error *error)
{
        _cleanup_free_ char *wanted = NULL;
        int r = file_resolve(program, &wanted);

        for (size_t i = 0; r == 0 && i < policy->commands.count; i++) {
                _cleanup_free_ char *allowed = NULL;

                if (file_resolve(policy->commands.items[i], &allowed) == 0 &&
                        text_equal(allowed, wanted))
                        return 0;
        }
        r = r < 0 ? r : -EPERM;
        error_set(error, r, "policy", "this worker does not start %s", program);
        if (r == -EPERM) {
                error_why(error, "its configuration does not list the program");
                error_next(error,
                        "If it may be started, add the line 'command = %s' to [policy] in "
                        "worker.conf and restart understudy-worker.",
                        wanted);
        }
        return r;
}

static void access_clear(ServerAccess *access)
{
        free(access->admin);
        free(access->password_file);
}

void policy_clear(Policy *policy)
{
        text_list_clear(&policy->roots);
        text_list_clear(&policy->users);
        text_list_clear(&policy->commands);
        text_list_clear(&policy->environment);
        free(policy->controller);
        free(policy->backups);
        free(policy->log_root);
        text_list_clear(&policy->scan.nginx);
        text_list_clear(&policy->scan.apache);
        text_list_clear(&policy->scan.supervisor);
        text_list_clear(&policy->scan.systemd);
        text_list_clear(&policy->scan.cron);
        access_clear(&policy->postgresql);
        access_clear(&policy->mysql);
        *policy = (Policy){0};
}
