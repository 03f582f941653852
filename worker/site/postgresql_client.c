#include "site/postgresql_client.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "site/managed.h"

#define PSQL "/usr/bin/psql"

// SQLSTATEs, and what the client says when it gets no connection.
static const ClientComplaint complaints[] = {
        {"53100: ", -ENOSPC, "no-space",
                "Free space where the server keeps its data (SHOW data_directory), then: "
                "understudyctl job retry ID"},
        {"No space left on device", -ENOSPC, "no-space",
                "Free space on the file system that is full (df -h), then: understudyctl job retry "
                "ID"},
        {"42501: ", -EPERM, "server-rights",
                "The administrator of [postgresql] in worker.conf must be a superuser of the "
                "server: ALTER ROLE ... SUPERUSER; then: understudyctl job retry ID"},
        {"55006: ", -EBUSY, "database-busy",
                "Stop what uses it (SELECT pid, usename, query FROM pg_stat_activity WHERE "
                "datname = '%s'), then: understudyctl job retry ID"},
        {"55P03: ", -EBUSY, "database-busy",
                "Somebody holds a lock on it: SELECT pid, query FROM pg_stat_activity WHERE "
                "datname = '%s'; then: understudyctl job retry ID"},
        {"3D000: ", -ENOENT, "no-database",
                "Look which databases there are: sudo -u postgres psql -l"},
        {"\" does not exist", -ENOENT, "no-database",
                "Look which databases there are: sudo -u postgres psql -l"},
        {"42P04: ", -EEXIST, "name-taken", "Look whose it is: sudo -u postgres psql -l"},
        {"42710: ", -EEXIST, "name-taken", "Look whose it is: sudo -u postgres psql -c '\\du+'"},
        {"authentication failed", -EACCES, "server-access",
                "Correct [postgresql] admin and password_file in worker.conf, and try them: "
                "understudy-worker check"},
        {"no password supplied", -EACCES, "server-access",
                "The server wants a password: name its file as password_file in [postgresql] of "
                "worker.conf, and try it: understudy-worker check"},
        {"no pg_hba.conf entry", -EACCES, "server-access",
                "Let the administrator in (pg_hba.conf), or say in [postgresql] of worker.conf who "
                "may; try it: understudy-worker check"},
        {"connection to server", -ECONNREFUSED, "server-down",
                "Start the server (systemctl start postgresql), or say in [postgresql] of "
                "worker.conf where it is; then: understudyctl job retry ID"},
        {NULL, -EIO, "database", "See the server's log, then: understudyctl job retry ID"},
};

// `text` with `escape` before each of the characters of `special`, between two `quote`s.
static char *quoted(const char *text, const char *special, char escape, const char *quote)
{
        size_t quote_length = strlen(quote);
        char *result = memory_new(2 * strlen(text) + 2 * quote_length + 1), *at = result;

        at = stpcpy(at, quote);
        for (; *text; text++) {
                if (strchr(special, *text))
                        *at++ = escape;
                *at++ = *text;
        }
        stpcpy(at, quote);
        return result;
}

char *postgresql_literal(const char *text)
{
        return quoted(text, "'", '\'', "'");
}

char *postgresql_name(const char *text)
{
        return quoted(text, "\"", '"', "\"");
}

// ---- the verifier

#define DIGEST_SIZE 32
#define SALT_SIZE   16
#define ITERATIONS  4096

static void hmac(const unsigned char *key, const char *text, unsigned char *ret)
{
        if (!HMAC(EVP_sha256(), key, DIGEST_SIZE, (const unsigned char *)text, strlen(text), ret,
                    NULL))
                abort();
}

char *postgresql_verifier(const char *password)
{
        unsigned char salt[SALT_SIZE], salted[DIGEST_SIZE], client[DIGEST_SIZE],
                stored[DIGEST_SIZE], server[DIGEST_SIZE];
        unsigned char shown[3][4 * (DIGEST_SIZE + 2) / 3 + 1];

        if (RAND_bytes(salt, sizeof(salt)) != 1 ||
                PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, sizeof(salt), ITERATIONS,
                        EVP_sha256(), sizeof(salted), salted) != 1)
                abort();
        hmac(salted, "Client Key", client);
        hmac(salted, "Server Key", server);
        if (EVP_Digest(client, sizeof(client), stored, NULL, EVP_sha256(), NULL) != 1)
                abort();
        EVP_EncodeBlock(shown[0], salt, sizeof(salt));
        EVP_EncodeBlock(shown[1], stored, sizeof(stored));
        EVP_EncodeBlock(shown[2], server, sizeof(server));
        explicit_bzero(salted, sizeof(salted));
        explicit_bzero(client, sizeof(client));
        return text_format("SCRAM-SHA-256$%d:%s$%s:%s", ITERATIONS, shown[0], shown[1], shown[2]);
}

// ---- connections

void postgresql_connection_clear(PostgresqlConnection *connection)
{
        if (connection->secret)
                explicit_bzero(connection->secret, strlen(connection->secret));
        free(connection->words);
        free(connection->secret);
        free(connection->account);
        *connection = (PostgresqlConnection){0};
}

static void add_word(char **words, const char *key, const char *value)
{
        _cleanup_free_ char *before = NULL, *quote = NULL;

        if (text_blank(value))
                return;
        before = *words;
        quote = quoted(value, "'\\", '\\', "'");
        *words = text_format("%s%s%s=%s", before ? before : "", before ? " " : "", key, quote);
}

static char *password_file(const char *password)
{
        _cleanup_free_ char *escaped = quoted(password, ":\\", '\\', "");

        return text_format("*:*:*:*:%s\n", escaped);
}

static char *connection_words(
        const char *name, const char *host, const char *port, const char *user)
{
        char *words = NULL;

        add_word(&words, "dbname", name);
        add_word(&words, "host", host);
        add_word(&words, "port", port);
        add_word(&words, "user", user);
        add_word(&words, "connect_timeout", "10");
        return words;
}

int postgresql_connect(
        const Policy *policy, const char *name, PostgresqlConnection *ret, Error *error)
{
        ClientAdmin admin _cleanup_admin_ = {0};
        int r = client_admin_read(&policy->postgresql, &admin, error);
        const char *user = admin.user ? admin.user : "postgres";

        if (r < 0)
                return r;
        *ret = (PostgresqlConnection){.words = connection_words(name, admin.host, admin.port, user),
                .secret = admin.password ? password_file(admin.password) : NULL,
                .account = text_copy(user)};
        return 0;
}

int postgresql_connect_as_site(const Policy *policy, const SiteDir *site,
        const Fleet__Database *database, const char *name, PostgresqlConnection *ret, Error *error)
{
        ManagedAccount account _cleanup_managed_account_ = {0};
        ClientAdmin admin _cleanup_admin_ = {0};
        int r = managed_account_known(site, database, &account, error);

        if (r == 0)
                r = client_admin_read(&policy->postgresql, &admin, error);
        if (r < 0)
                return r;
        *ret = (PostgresqlConnection){
                .words = connection_words(name, database->host, database->port, account.user),
                .secret = password_file(account.password),
                .account = text_copy(admin.user ? admin.user : "postgres")};
        return 0;
}

// Names mean the server's own, and nothing waits for ever.
static const char *const variables[] = {"PGPASSFILE=" CLIENT_SECRET, "PGAPPNAME=understudy",
        "PGOPTIONS=-csearch_path=pg_catalog -cstandard_conforming_strings=on -clock_timeout=30s "
        "-cclient_min_messages=error -ctimezone=UTC -cdatestyle=ISO",
        NULL};

int postgresql_program(StepContext *context, const PostgresqlCall *call,
        const PostgresqlConnection *connection, const ClientCall *client, Error *error)
{
        _cleanup_free_ char *errors = NULL;
        ClientCall whole = *client;
        int r;

        whole.variables = variables;
        whole.account = connection->account;
        whole.secret = connection->secret;
        whole.limit_ms = call->limit_ms;
        r = client_run(context, &whole, &errors, error);
        return errors ? client_explain(complaints, errors, call->what, call->database, error) : r;
}

#define PSQL_WORDS                                                                                 \
        PSQL, "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password",            \
                "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose", "--file=-", "--dbname"

int postgresql_hold(StepContext *context, const PostgresqlCall *call,
        const PostgresqlConnection *connection, const char *script, ClientHold **ret, Error *error)
{
        const ClientCall client = {
                .argv = (const char *const[]){PSQL_WORDS, connection->words, NULL},
                .variables = variables,
                .account = connection->account,
                .secret = connection->secret,
                .input = script,
        };

        (void)call;
        return client_hold(context, &client, ret, error);
}

int postgresql_hold_line(const PostgresqlCall *call, ClientHold *hold, char **ret, Error *error)
{
        _cleanup_free_ char *errors = NULL;
        int r = client_hold_line(hold, ret, error);

        if (r < 0 || *ret)
                return r;
        errors = client_hold_errors(hold);
        return client_explain(complaints, errors, call->what, call->database, error);
}

int postgresql_run(StepContext *context, const PostgresqlCall *call, char *take_script,
        TextList *ret_lines, Error *error)
{
        PostgresqlConnection connection _cleanup_connection_ = {0};
        _cleanup_free_ char *script = take_script;
        TextList unwanted _cleanup_text_list_ = {0};
        int r = postgresql_connect(
                step_policy(context), call->name ? call->name : "postgres", &connection, error);

        if (r < 0)
                return r;
        const ClientCall client = {
                .argv = (const char *const[]){PSQL_WORDS, connection.words, NULL},
                .input = script,
                .lines = ret_lines ? ret_lines : &unwanted,
        };
        return postgresql_program(context, call, &connection, &client, error);
}
