#include "site/mysql_client.h"

#include <ctype.h>
#include <fcntl.h>

#include "base/file.h"

#define CLIENT "/usr/bin/mariadb"

static const char option_file_argument[] = "--defaults-file=" CLIENT_SECRET;

// Scripts depend on nothing that the server's configuration may say; and no session waits for ever.
#define PROLOGUE                                                                                   \
        "SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO', "                  \
        "time_zone = '+00:00', lock_wait_timeout = 10, innodb_lock_wait_timeout = 10, "            \
        "group_concat_max_len = 1073741824, max_statement_time = 0, "                              \
        "check_constraint_checks = 0;\n"

#define GIVE_RIGHTS                                                                                \
        "Give the administrator that worker.conf names ([mysql] admin) ALL PRIVILEGES ON *.* "     \
        "WITH GRANT OPTION; then: understudyctl job retry ID"
#define MAKE_ROOM                                                                                  \
        "Free space on the volume of the server's data directory (or of its tmpdir), then: "       \
        "understudyctl job retry ID"
#define RETRY_LATER "The server ended meanwhile; when it runs again: understudyctl job retry ID"

static const ClientComplaint complaints[] = {
        {"ERROR 2002 ", -ECONNREFUSED, "server-down",
                "Start the server (systemctl start mariadb), or say in worker.conf where it is: "
                "[mysql] admin = host=... port=...; then: understudyctl job retry ID"},
        {"ERROR 2003 ", -ECONNREFUSED, "server-down",
                "Start the server (systemctl start mariadb), or correct [mysql] admin in "
                "worker.conf; then: understudyctl job retry ID"},
        {"ERROR 2005 ", -ECONNREFUSED, "server-down",
                "Correct the host in [mysql] admin of worker.conf"},
        {"ERROR 2006 ", -ECONNREFUSED, "server-down", RETRY_LATER},
        {"ERROR 2013 ", -ECONNREFUSED, "server-down", RETRY_LATER},
        {"ERROR 2026 ", -ECONNREFUSED, "server-down", "See its log: journalctl -u mariadb"},
        {"ERROR 1040 ", -EBUSY, "database-busy",
                "All its connections are taken; when some are free: understudyctl job retry ID"},
        {"ERROR 1045 ", -EACCES, "server-access",
                "Say in worker.conf how its administrator comes in: [mysql] admin = host=... "
                "port=... user=..., password_file = ..."},
        {"ERROR 1698 ", -EACCES, "server-access",
                "Only root comes in without a password. Say in worker.conf how the worker does: "
                "[mysql] admin = host=... port=... user=..., password_file = ..."},
        {"ERROR 1044 ", -EPERM, "server-rights", GIVE_RIGHTS},
        {"ERROR 1142 ", -EPERM, "server-rights", GIVE_RIGHTS},
        {"ERROR 1227 ", -EPERM, "server-rights", GIVE_RIGHTS},
        {"ERROR 1410 ", -EPERM, "server-rights", GIVE_RIGHTS},
        {"ERROR 1205 ", -EBUSY, "database-busy",
                "Somebody has a transaction open there (SHOW FULL PROCESSLIST). Stop the site's "
                "server, then: understudyctl job retry ID"},
        {"ERROR 1213 ", -EBUSY, "database-busy", "understudyctl job retry ID"},
        {"understudy:busy", -EBUSY, "database-busy",
                "An earlier change of this database still runs there (SHOW FULL PROCESSLIST); when "
                "it has ended: understudyctl job retry ID"},
        {"understudy:version", -EOPNOTSUPP, "server-version",
                "Only since MariaDB 10.6 all tables of a database change places in one step: "
                "update "
                "the server"},
        {"ERROR 1064 ", -EOPNOTSUPP, "server-version",
                "The server has to be MariaDB, 10.6 or later"},
        {"understudy:nothing", -ENOENT, "database",
                "Restore it again: understudyctl preview sync SERIES"},
        // What loading in bulk says of a full volume.
        {"ERROR 1180 ", -ENOSPC, "no-space",
                "See whether the volume of its data directory is full (df -h), and the server's "
                "log"},
        {"errno: 135 ", -ENOSPC, "no-space", MAKE_ROOM},
        {"errno: 28", -ENOSPC, "no-space", MAKE_ROOM},
        {"ERROR 1021 ", -ENOSPC, "no-space", MAKE_ROOM},
        {"ERROR 1114 ", -ENOSPC, "no-space", MAKE_ROOM},
        {"ERROR 1435 ", -EOPNOTSUPP, "database-triggers",
                "Tables with triggers cannot change their database. See them: SHOW TRIGGERS FROM "
                "`%s`; drop them, then: understudyctl job retry ID"},
        {"ERROR 1049 ", -ENOENT, "no-database", "Look for it: SHOW DATABASES"},
        {NULL, -EIO, "database", "See the server's log: journalctl -u mariadb"},
};

// ---- templates

static void put_quoted(FILE *out, const char *value, char quote, bool grant)
{
        fputc(quote, out);
        for (; *value; value++) {
                if (*value == quote)
                        fputc(quote, out);
                else if ((quote == '\'' && *value == '\\') ||
                         (grant && strchr("\\%_", *value) != NULL))
                        fputc('\\', out);
                fputc(*value, out);
        }
        fputc(quote, out);
}

// A name in backticks, as a text.
static void put_twice(FILE *out, const char *value)
{
        _cleanup_free_ char *name = NULL;
        size_t size;
        FILE *stream = open_memstream(&name, &size);

        put_quoted(stream, value, '`', false);
        fclose(stream);
        put_quoted(out, name, '\'', false);
}

// "{key}" with its sign at `at`: returns what is behind it, or NULL when it is something else.
static const char *put_value(FILE *out, const char *at, const MysqlValue *values)
{
        size_t length = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_0123456789");
        const char *end = at + 1 + length;
        char sign = *end == '}' ? '`' : *end;

        if (length == 0 || (*end != '}' && (!strchr("'\"%!", *end) || end[1] != '}')))
                return NULL;
        while (values->key &&
                (strlen(values->key) != length || strncmp(values->key, at + 1, length) != 0))
                values++;
        if (!values->key)
                return NULL;
        if (sign == '!')
                fputs(values->value, out);
        else if (sign == '"')
                put_twice(out, values->value);
        else
                put_quoted(out, values->value, sign == '\'' ? '\'' : '`', sign == '%');
        return *end == '}' ? end + 1 : end + 2;
}

void mysql_append(char **text, const char *template, const MysqlValue *values)
{
        char *more = NULL;
        size_t size;
        FILE *out = open_memstream(&more, &size);

        fputs(*text ? *text : "", out);
        while (*template) {
                const char *behind = *template == '{' ? put_value(out, template, values) : NULL;

                if (!behind)
                        fputc(*template, out);
                template = behind ? behind : template + 1;
        }
        fclose(out);
        free(*text);
        *text = more;
}

char *mysql_fill(const char *template, const MysqlValue *values)
{
        char *text = NULL;

        mysql_append(&text, template, values);
        return text;
}

// ---- the client

static void put_option(FILE *out, const char *name, const char *value)
{
        if (!value)
                return;
        fprintf(out, "%s=\"", name);
        for (; *value; value++) {
                if (strchr("\\\"'", *value))
                        fputc('\\', out);
                fputc(*value, out);
        }
        fputs("\"\n", out);
}

// An option file: the only way to give the client a password that nobody else sees.
static char *option_file(const ClientAdmin *admin, const MysqlCall *call)
{
        bool socket = admin->host && admin->host[0] == '/';
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        fputs("[client]\ndefault-character-set=utf8mb4\nconnect-timeout=10\n", out);
        put_option(out, socket ? "socket" : "host", admin->host);
        put_option(out, "port", admin->port);
        if (admin->host || admin->port)
                put_option(out, "protocol", socket ? "socket" : "tcp");
        put_option(out, "user", call->user ? call->user : admin->user ? admin->user : NULL);
        put_option(out, "password", call->user ? call->password : admin->password);
        fclose(out);
        return text;
}

// Of all that the client prints, the server's own words: what it repeats of the script may be
// secret, and is long.
static int complain(
        const Fleet__Database *database, const char *what, const char *errors, Error *error)
{
        const char *found = strstr(errors, "ERROR ");

        return client_explain(complaints, found ? found : errors, what, database, error);
}

// All that one call needs, but the program.
typedef struct Prepared {
        char *options, *input;
        ClientCall client;
} Prepared;

static void prepared_clear(Prepared *prepared)
{
        if (prepared->options)
                explicit_bzero(prepared->options, strlen(prepared->options));
        free(prepared->options);
        free(prepared->input);
}

static int prepare(const Policy *policy, const MysqlCall *call, Prepared *ret, Error *error)
{
        static const char *const argv[] = {CLIENT, option_file_argument, "--batch",
                "--skip-column-names", "--unbuffered", "--loose-skip-print-query-on-error", NULL};
        ClientAdmin admin _cleanup_admin_ = {0};
        int r = client_admin_read(&policy->mysql, &admin, error);

        if (r < 0)
                return r;
        ret->options = option_file(&admin, call);
        ret->input = text_format("%s%s", PROLOGUE, call->sql);
        ret->client = (ClientCall){.argv = argv,
                .secret = ret->options,
                .input = ret->input,
                .lines = call->rows,
                .limit_ms = call->limit_ms};
        return 0;
}

int mysql_run(StepContext *context, const MysqlCall *call, Error *error)
{
        Prepared prepared _cleanup_(prepared_clear) = {0};
        _cleanup_free_ char *errors = NULL;
        int r = prepare(step_policy(context), call, &prepared, error);

        if (r == 0)
                r = client_run(context, &prepared.client, &errors, error);
        return errors ? complain(call->database, call->what, errors, error) : r;
}

// ---- sessions

int mysql_start(StepContext *context, const MysqlCall *call, MysqlSession *ret, Error *error)
{
        Prepared prepared _cleanup_(prepared_clear) = {0};
        int r = prepare(step_policy(context), call, &prepared, error), ends[2];

        if (r < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_set(error, -errno, "program", "cannot make a pipe");
        *ret = (MysqlSession){.database = call->database, .what = call->what, .gate = ends[1]};
        prepared.client.directory = ends[0];
        r = client_hold(context, &prepared.client, &ret->client, error);
        close(ends[0]);
        return r;
}

int mysql_wait(MysqlSession *session, const char *word, TextList *rows, Error *error)
{
        for (;;) {
                _cleanup_free_ char *line = NULL, *errors = NULL;
                int r = client_hold_line(session->client, &line, error);

                if (r < 0 || text_equal(line, word))
                        return r;
                if (line) {
                        text_list_add(rows, line);
                        continue;
                }
                errors = client_hold_errors(session->client);
                return complain(session->database, session->what, errors, error);
        }
}

void mysql_session_open_gate(MysqlSession *session)
{
        closep(&session->gate);
        session->gate = -EBADF;
}

void mysql_session_clear(MysqlSession *session)
{
        mysql_session_open_gate(session);
        if (session->client)
                client_hold_free(session->client);
        session->client = NULL;
}

int mysql_ask(StepContext *context, const Fleet__Database *database, const char *what,
        const char *template, const MysqlValue *values, TextList *ret_rows, Error *error)
{
        _cleanup_free_ char *sql = mysql_fill(template, values);

        return mysql_run(context,
                &(MysqlCall){.database = database, .what = what, .sql = sql, .rows = ret_rows},
                error);
}

int mysql_do(StepContext *context, const Fleet__Database *database, const char *what,
        const char *template, const MysqlValue *values, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};

        return mysql_ask(context, database, what, template, values, &rows, error);
}

// ---- answers

static void unescape(char *text)
{
        char *to = text;

        for (; *text; text++) {
                if (*text == '\\' && text[1]) {
                        text++;
                        *to++ = *text == 'n' ? '\n' : *text == 't' ? '\t' : *text;
                } else {
                        *to++ = *text;
                }
        }
        *to = '\0';
}

bool mysql_split(char *row, char **fields, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                char *end = strchr(row, '\t');

                if ((end == NULL) != (i == count - 1))
                        return false;
                fields[i] = row;
                if (end) {
                        *end = '\0';
                        row = end + 1;
                }
                unescape(fields[i]);
        }
        return true;
}

int mysql_unreadable(const Fleet__Database *database, Error *error)
{
        error_set(error, -EBADMSG, "database", "the server's answer is not readable");
        error_where(error, "%s database %s", database->engine, database->name);
        error_next(error, "This is a defect: please report it");
        return -EBADMSG;
}

char *mysql_file_name(const char *name)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        for (; *name && isascii((unsigned char)*name); name++)
                fprintf(out, isalnum((unsigned char)*name) || *name == '_' ? "%c" : "@%04x",
                        (unsigned char)*name);
        fclose(out);
        if (!*name)
                return text;
        free(text);
        return NULL;
}
