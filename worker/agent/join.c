#include "agent/join.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "agent/config.h"
#include "agent/identity.h"
#include "base/file.h"
#include "names.h"
#include "wire/enroll.h"
#include "wire/pki.h"

#define DEADLINE_MS 30000

void join_report_clear(JoinReport *report)
{
        free(report->host);
        free(report->directory);
        text_list_clear(&report->written);
        text_list_clear(&report->users);
        text_list_clear(&report->warnings);
        *report = (JoinReport){0};
}

// ---------------------------------------------------------------- owners of sites

static void add_once(TextList *list, const char *text)
{
        for (size_t i = 0; i < list->count; i++)
                if (text_equal(list->items[i], text))
                        return;
        text_list_add(list, text);
}

static void add_owner(
        const char *root, const char *name, uid_t uid, TextList *users, TextList *warnings)
{
        const struct passwd *owner = getpwuid(uid);

        if (!owner) {
                text_list_take(warnings,
                        text_format("%s/%s belongs to user number %u, which has no account: it "
                                    "cannot be served",
                                root, name, uid));
                return;
        }
        add_once(users, owner->pw_name);
        if (uid == 0)
                text_list_take(
                        warnings, text_format("%s/%s belongs to root: its code will run as root",
                                          root, name));
}

// Links are left out: prod and preview point at directories that are found by themselves.
static void see_entry(
        int rootfd, const char *root, const char *name, TextList *users, TextList *warnings)
{
        _cleanup_close_ int fd =
                openat(rootfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat project, manage;

        if (fd >= 0 && name[0] != '.' &&
                fstatat(fd, "manage.py", &manage, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(manage.st_mode) && fstat(fd, &project) == 0)
                add_owner(root, name, project.st_uid, users, warnings);
}

static int find_users_in(const char *root, TextList *users, TextList *warnings, Error *error)
{
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!directory) {
                int r = -errno;

                error_set(error, r, "root", "cannot read the root directory");
                error_where(error, "%s", root);
                error_next(error, "Give with --root the directory that holds the project "
                                  "directories of this host's sites.");
                return r;
        }
        while ((entry = readdir(directory)))
                see_entry(fd, root, entry->d_name, users, warnings);
        closedir(directory);
        return 0;
}

int join_find_users(const char *const *roots, size_t count, TextList *ret_users,
        TextList *ret_warnings, Error *error)
{
        int r = 0;

        for (size_t i = 0; i < count && r == 0; i++) {
                r = name_check_root(roots[i], error);
                if (r == 0)
                        r = find_users_in(roots[i], ret_users, ret_warnings, error);
        }
        if (r == 0 && ret_users->count == 0)
                text_list_add(ret_warnings,
                        "no project directory with a manage.py was found, so no user is listed: "
                        "add 'user = NAME' lines to [policy] in worker.conf when there are sites");
        return r;
}

// ---------------------------------------------------------------- token

// SECRET "." DIGEST, the digest being the SHA-256 of the CA's certificate.
static int split_token(const char *token, char **ret_secret, const char **ret_digest, Error *error)
{
        const char *dot = strrchr(token, '.');

        if (dot && dot > token && strlen(dot + 1) == PKI_DIGEST_SIZE - 1 &&
                strspn(dot + 1, "0123456789abcdef") == PKI_DIGEST_SIZE - 1) {
                *ret_secret = text_copy_n(token, (size_t)(dot - token));
                *ret_digest = dot + 1;
                return 0;
        }
        error_set(error, -EINVAL, "token", "the token is not whole");
        error_why(error, "it ends in a dot and 64 digits, by which the controller is recognized");
        error_next(error, "Copy the whole line that 'understudyctl host add NAME' prints.");
        return -EINVAL;
}

// ---------------------------------------------------------------- files

static int refuse_existing(const char *path, Error *error)
{
        error_set(error, -EEXIST, "joined", "this directory is a worker's already");
        error_where(error, "%s", path);
        error_why(error, "what is there is never overwritten");
        error_next(error, "Choose another --dir; or, to join anew, move that away first.");
        return -EEXIST;
}

static int prepare_directory(const char *path, char **ret, Error *error)
{
        _cleanup_free_ char *resolved = NULL;
        int r = file_make_directories(path, 0700);

        if (r == 0)
                r = file_resolve(path, &resolved);
        if (r < 0) {
                error_set(error, r, "directory", "cannot make the worker's directory");
                error_where(error, "%s", path);
                error_next(error, "Run this as root, or give a --dir that you may write to.");
                return r;
        }
        if (identity_exists(resolved))
                return refuse_existing(resolved, error);
        *ret = TAKE_PTR(resolved);
        return 0;
}

// A worker.conf without an identity is what an interrupted join left, or was written by hand.
static int keep_config(const char *path, JoinReport *report)
{
        _cleanup_free_ char *kept = text_format("%s.before", path);

        if (rename(path, kept) < 0)
                return errno == ENOENT ? 0 : -errno;
        text_list_take(&report->warnings, text_format("the earlier %s is %s now", path, kept));
        return 0;
}

static const char *choose_log_root(const JoinRequest *request)
{
        struct stat st;

        if (request->log_root || !request->log_place)
                return request->log_root;
        return lstat(request->log_place, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
                               !(st.st_mode & S_IWOTH)
                       ? request->log_place
                       : NULL;
}

static int write_config(
        const JoinRequest *request, const char *listen, JoinReport *report, Error *error)
{
        _cleanup_config_ Config config = {0};
        _cleanup_free_ char *path = text_format("%s/" CONFIG_FILE, report->directory);
        _cleanup_free_ char *text = NULL;
        int r;

        option_defaults(config_options, &config);
        config.address = text_copy(listen);
        config.policy.log_root = text_copy(choose_log_root(request));
        for (size_t i = 0; i < request->root_count; i++)
                add_once(&config.policy.roots, request->roots[i]);
        for (size_t i = 0; i < report->users.count; i++)
                text_list_add(&config.policy.users, report->users.items[i]);
        text = option_render(config_options, &config);
        r = keep_config(path, report);
        if (r == 0)
                r = file_write(path, text, strlen(text), 0640);
        if (r < 0) {
                error_set(error, r, "configuration", "cannot write the configuration");
                error_where(error, "%s", path);
                return r;
        }
        text_list_take(&report->written, TAKE_PTR(path));
        return 0;
}

static int write_identity(
        const Fleet__JoinReply *reply, char *take_key, JoinReport *report, Error *error)
{
        _cleanup_identity_ Identity identity = {.key = take_key};
        int r = pki_to_pem(reply->certificate.data, reply->certificate.len, &identity.certificate);

        if (r == 0)
                r = pki_to_pem(reply->authority.data, reply->authority.len, &identity.authority);
        if (r < 0)
                return error_set(error, r, "protocol", "the controller's answer is no certificate");
        r = identity_write(report->directory, &identity, error);
        if (r == 0)
                text_list_take(&report->written, text_format("%s/identity", report->directory));
        return r;
}

// ---------------------------------------------------------------- joining

static int ask_controller(
        const JoinRequest *request, char **ret_key, Fleet__JoinReply **ret, Error *error)
{
        Fleet__JoinRequest message = FLEET__JOIN_REQUEST__INIT;
        _cleanup_free_ char *secret = NULL;
        _cleanup_free_ uint8_t *signing_request = NULL;
        const char *digest;
        size_t size;
        int r = split_token(request->token, &secret, &digest, error);

        if (r == 0)
                r = pki_make_request(ret_key, &signing_request, &size, error);
        if (r < 0)
                return r;
        message.token = secret;
        message.signing_request = (ProtobufCBinaryData){.data = signing_request, .len = size};
        return enroll_join(request->controller, digest, &message, DEADLINE_MS, ret, error);
}

int join_fleet(const JoinRequest *request, JoinReport *ret, Error *error)
{
        _cleanup_join_report_ JoinReport report = {0};
        _cleanup_free_ char *key = NULL;
        Fleet__JoinReply *reply = NULL;
        int r = join_find_users(
                request->roots, request->root_count, &report.users, &report.warnings, error);

        if (r == 0)
                r = prepare_directory(request->directory, &report.directory, error);
        if (r == 0)
                r = ask_controller(request, &key, &reply, error);
        // The configuration comes first: a directory with an identity is a whole worker.
        if (r == 0)
                r = write_config(request, reply->listen, &report, error);
        if (r == 0)
                r = write_identity(reply, TAKE_PTR(key), &report, error);
        if (r == 0)
                report.host = text_copy(reply->host);
        if (reply)
                fleet__join_reply__free_unpacked(reply, NULL);
        if (r < 0)
                return r;
        *ret = TAKE(report, (JoinReport){0});
        return 0;
}
