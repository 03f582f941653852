#include "site/client.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "site/lines.h"
#include "site/spawn.h"

void client_admin_clear(ClientAdmin *admin)
{
        if (admin->password)
                explicit_bzero(admin->password, strlen(admin->password));
        free(admin->host);
        free(admin->port);
        free(admin->user);
        free(admin->password);
        *admin = (ClientAdmin){0};
}

static int bad_admin(const char *word, Error *error)
{
        error_set(error, -EINVAL, "configuration", "'%s' says no way to a server", word);
        error_why(error, "it takes host=..., port=... and user=..., each at most once");
        error_next(error, "For instance: admin = host=/var/run/postgresql port=5432 user=postgres");
        return -EINVAL;
}

static bool is_port(const char *text)
{
        uint64_t port;

        return text_parse_u64(text, &port) == 0 && port > 0 && port < 65536;
}

int client_admin_parse(const char *text, ClientAdmin *ret, Error *error)
{
        ClientAdmin admin _cleanup_admin_ = {0};
        const struct {
                const char *key;
                char **value;
        } parts[] = {{"host=", &admin.host}, {"port=", &admin.port}, {"user=", &admin.user}};

        for (const char *at = text + strspn(text, " \t"); *at; at += strspn(at, " \t")) {
                size_t length = strcspn(at, " \t"), i;
                _cleanup_free_ char *word = text_copy_n(at, length);

                for (i = 0; i < ELEMENTS(parts); i++)
                        if (text_starts(word, parts[i].key) && !*parts[i].value)
                                break;
                if (i == ELEMENTS(parts) || !word[strlen(parts[i].key)])
                        return bad_admin(word, error);
                *parts[i].value = text_copy(word + strlen(parts[i].key));
                if (parts[i].value == &admin.port && !is_port(admin.port))
                        return bad_admin(word, error);
                at += length;
        }
        *ret = TAKE(admin, (ClientAdmin){0});
        return 0;
}

static int bad_password_file(int r, const char *path, const char *why, Error *error)
{
        error_set(error, r, "configuration", "cannot use the administrator's password");
        error_where(error, "%s", path);
        if (why)
                error_why(error, "%s", why);
        error_next(error, "It is one line that its owner alone reads: chmod 600 '%s'", path);
        return r;
}

static int read_password(const char *path, char **ret, Error *error)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return bad_password_file(-errno, path, NULL, error);
        if (!S_ISREG(st.st_mode) || st.st_mode & 077 || (st.st_uid != 0 && st.st_uid != geteuid()))
                return bad_password_file(
                        -EPERM, path, "others than the worker's user can read or write it", error);
        r = file_read_open(fd, (size_t)st.st_size, 4096, &text, NULL);
        if (r < 0)
                return bad_password_file(r, path, NULL, error);
        *ret = text_copy_n(text, strcspn(text, "\n"));
        explicit_bzero(text, strlen(text));
        return 0;
}

int client_admin_read(const ServerAccess *access, ClientAdmin *ret, Error *error)
{
        ClientAdmin admin _cleanup_admin_ = {0};
        int r = client_admin_parse(access->admin ? access->admin : "", &admin, error);

        if (r == 0 && access->password_file)
                r = read_password(access->password_file, &admin.password, error);
        if (r == 0)
                *ret = TAKE(admin, (ClientAdmin){0});
        return r;
}

bool client_admin_is_local(const ClientAdmin *admin)
{
        return !admin->host || admin->host[0] == '/' || text_equal(admin->host, "localhost") ||
               text_equal(admin->host, "127.0.0.1") || text_equal(admin->host, "::1");
}

// A file in memory that `account` alone can open.
static int open_secret(const char *text, const Account *account)
{
        _cleanup_close_ int fd = memfd_create("secret", MFD_CLOEXEC);
        int r;

        if (fd < 0)
                return -errno;
        r = file_write_all(fd, text, strlen(text));
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0 || fchmod(fd, 0600) < 0 ||
                (account && geteuid() == 0 && fchown(fd, account->uid, account->gid) < 0))
                return -errno;
        return TAKE_FD(fd);
}

typedef struct Output {
        TextList *lines;
        char *errors;
        size_t size;
} Output;

#define ERRORS_MAX 65536

static int take_line(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        Output *output = userdata;

        if (stream == FLEET__LOG_LINE__STREAM__OUTPUT) {
                if (!output->lines)
                        return 1;
                text_list_add(output->lines, line);
        } else if (output->size + length + 2 < ERRORS_MAX) {
                output->errors = memory_grow(output->errors, output->size + length + 2);
                memcpy(output->errors + output->size, line, length);
                output->size += length;
                memcpy(output->errors + output->size, "\n", 2);
                output->size++;
        }
        return 0;
}

static void make_environment(
        const Policy *policy, const Account *account, const ClientCall *call, TextList *ret)
{
        process_environment(policy, account, ret);
        for (const char *const *variable = call->variables; variable && *variable; variable++)
                text_list_add(ret, *variable);
}

// What a call becomes; everything that the spec points at lives here.
typedef struct Prepared {
        TextList environment;
        Account account;
        int secret;
        int fds[2];
        ProcessSpec spec;
} Prepared;

static void prepared_clear(Prepared *prepared)
{
        text_list_clear(&prepared->environment);
        account_clear(&prepared->account);
        closep(&prepared->secret);
}
#define _cleanup_prepared_ _cleanup_(prepared_clear)

static int prepare(const Policy *policy, const ClientCall *call, Prepared *ret, Error *error)
{
        bool other =
                geteuid() == 0 && call->account && account_find(call->account, &ret->account) == 0;
        const Account *account = other ? &ret->account : NULL;
        int r = policy_check_command(policy, call->argv[0], error);

        ret->secret = -EBADF;
        if (r < 0)
                return r;
        ret->secret = open_secret(call->secret ? call->secret : "", account);
        if (ret->secret < 0)
                return error_set(error, ret->secret, "program", "cannot pass on a secret");
        make_environment(policy, account, call, &ret->environment);
        ret->fds[0] = ret->secret;
        ret->fds[1] = call->directory;
        ret->spec = (ProcessSpec){
                .argv = call->argv,
                .account = account,
                .environment = (const char *const *)ret->environment.items,
                .input = call->input,
                .input_size = call->input ? strlen(call->input) : 0,
                .fds = ret->fds,
                .fd_count = call->directory > 0 ? 2 : 1,
                .limit_ms = call->limit_ms,
        };
        return 0;
}

int client_run(StepContext *context, const ClientCall *call, char **ret_errors, Error *error)
{
        Prepared prepared _cleanup_prepared_ = {.secret = -EBADF};
        Output output = {.lines = call->lines};
        ProcessResult result = {0};
        int r = prepare(step_policy(context), call, &prepared, error);

        *ret_errors = NULL;
        if (r < 0)
                return r;
        prepared.spec.line = take_line;
        prepared.spec.userdata = &output;
        r = process_run(context, &prepared.spec, &result, error);
        free(result.tail);
        if (r == 0 && result.status != 0) {
                *ret_errors = output.errors ? TAKE_PTR(output.errors)
                                            : process_status_text(result.status);
                r = -EIO;
        }
        free(output.errors);
        return r;
}

// ---- a program that goes on

struct ClientHold {
        StepContext *context;
        Spawned child;
        LineBuffer buffers[2];
        TextList lines; // read and not yet asked for, from `next` on
        size_t next;
        Output output;
};

int client_hold(StepContext *context, const ClientCall *call, ClientHold **ret, Error *error)
{
        Prepared prepared _cleanup_prepared_ = {.secret = -EBADF};
        _cleanup_hold_ ClientHold *hold = memory_new(sizeof(*hold));
        int r = prepare(step_policy(context), call, &prepared, error);

        hold->child = SPAWNED_EMPTY;
        hold->context = context;
        if (r == 0)
                r = spawn(step_policy(context), &prepared.spec, &hold->child, error);
        if (r == 0)
                *ret = TAKE_PTR(hold);
        return r;
}

static int keep_line(void *userdata, const char *line, size_t length)
{
        (void)length;
        text_list_add(userdata, line);
        return 0;
}

static int keep_complaint(void *userdata, const char *line, size_t length)
{
        return take_line(userdata, FLEET__LOG_LINE__STREAM__ERRORS, line, length);
}

static void read_stream(ClientHold *hold, int stream)
{
        char bytes[16384];
        ssize_t n = read(hold->child.streams[stream], bytes, sizeof(bytes));

        if (n > 0)
                (void)!lines_feed(&hold->buffers[stream], bytes, (size_t)n, PROCESS_LINE_MAX,
                        stream == 0 ? keep_line : keep_complaint,
                        stream == 0 ? (void *)&hold->lines : &hold->output);
        if (n == 0)
                close(TAKE_FD(hold->child.streams[stream]));
}

int client_hold_line(ClientHold *hold, char **ret, Error *error)
{
        *ret = NULL;
        while (hold->next == hold->lines.count && hold->child.streams[0] >= 0) {
                struct pollfd fds[] = {{.fd = hold->child.streams[0], .events = POLLIN},
                        {.fd = hold->child.streams[1], .events = POLLIN},
                        {.fd = step_cancel_fd(hold->context), .events = POLLIN}};

                if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return error_set(error, -errno, "program", "cannot wait for a program");
                if (fds[2].revents)
                        return step_canceled_error(hold->context, error);
                for (int i = 0; i < 2; i++)
                        if (fds[i].revents)
                                read_stream(hold, i);
        }
        if (hold->next < hold->lines.count)
                *ret = text_copy(hold->lines.items[hold->next++]);
        return 0;
}

char *client_hold_errors(ClientHold *hold)
{
        return text_copy(hold->output.errors ? hold->output.errors : "it ended");
}

void client_hold_free(ClientHold *hold)
{
        spawn_clear(&hold->child);
        lines_clear(&hold->buffers[0]);
        lines_clear(&hold->buffers[1]);
        text_list_clear(&hold->lines);
        free(hold->output.errors);
        free(hold);
}

// The complaint's own words, on one line: what a program prints before and after is not needed.
static char *complaint_text(const char *errors)
{
        char *text = text_to_utf8(errors, strlen(errors)), *end = text + strlen(text);

        while (end > text && isspace((unsigned char)end[-1]))
                *--end = '\0';
        for (char *at = text; *at; at++)
                if (*at == '\n' || *at == '\t')
                        *at = ' ';
        return text;
}

int client_explain(const ClientComplaint *complaints, const char *errors, const char *what,
        const Fleet__Database *database, Error *error)
{
        const ClientComplaint *row = complaints;
        _cleanup_free_ char *why = complaint_text(errors), *next = NULL;
        const char *mark;

        while (row->pattern && !strstr(errors, row->pattern))
                row++;
        mark = strstr(row->next, "%s");
        next = mark ? text_format("%.*s%s%s", (int)(mark - row->next), row->next, database->name,
                              mark + 2)
                    : text_copy(row->next);
        error_set(error, row->result, row->code, "%s", what);
        error_where(error, "%s database %s", database->engine, database->name);
        error_why(error, "%s", why);
        error_next(error, "%s", next);
        return row->result;
}
