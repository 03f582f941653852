#include "site/mysql.h"

#include <openssl/evp.h>

#include "site/managed.h"
#include "site/mysql_content.h"
#include "site/mysql_copy.h"
#include "site/mysql_names.h"
#include "site/mysql_swap.h"

// ---- who it is

// The same text as worker/python/probe.py's: a Galera cluster is one server; else it is the machine
// and the data directory that make one.
#define SERVER_SQL                                                                                 \
        "SELECT CONCAT('mysql:', COALESCE((SELECT NULLIF(variable_value, '') "                     \
        "FROM information_schema.global_status "                                                   \
        "WHERE variable_name = 'wsrep_cluster_state_uuid'), CONCAT(@@hostname, ':', "              \
        "@@datadir)), ':', IF(@@lower_case_table_names, LOWER({a'}), {a'}));\n"

int mysql_identify(
        StepContext *context, const SiteDir *site, Fleet__Database *database, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};
        char *text;
        int r = mysql_ask(context, database, "cannot ask the server who it is", SERVER_SQL,
                (const MysqlValue[]){{"a", database->name}, {0}}, &rows, error);

        (void)site;
        if (r < 0)
                return r;
        if (rows.count != 1 || !mysql_split(rows.items[0], &text, 1))
                return mysql_unreadable(database, error);
        free(database->server);
        database->server = text_copy(text);
        return 0;
}

// ---- create

// As mysql_native_password keeps it: no password goes through SQL.
static char *password_hash(const char *password)
{
        unsigned char once[EVP_MAX_MD_SIZE], twice[EVP_MAX_MD_SIZE];
        size_t size = 0;
        char *text = memory_new(42), *to = text;

        if (!EVP_Q_digest(NULL, "SHA1", NULL, password, strlen(password), once, &size) ||
                !EVP_Q_digest(NULL, "SHA1", NULL, once, size, twice, &size) || size != 20)
                abort();
        *to++ = '*';
        for (size_t i = 0; i < size; i++, to += 2)
                (void)snprintf(to, 3, "%02X", twice[i]);
        explicit_bzero(once, sizeof(once));
        return text;
}

#define FOUND_SQL                                                                                  \
        "SELECT 'databases', COUNT(*), '' FROM information_schema.schemata "                       \
        "WHERE schema_name = {a'};\n"                                                              \
        "SELECT 'tables', COUNT(*), '' FROM information_schema.tables WHERE table_schema = "       \
        "{a'};\n"                                                                                  \
        "SELECT 'users', COUNT(*), IFNULL(MAX(JSON_VALUE(priv, '$.authentication_string')), '') "  \
        "FROM mysql.global_priv WHERE BINARY user = {user'};\n"                                    \
        "SELECT 'rights', COUNT(*), '' FROM mysql.db WHERE BINARY db = {apattern'} "               \
        "AND BINARY user = {user'};\n"                                                             \
        "SELECT 'others', COUNT(*), IFNULL(MAX(user), '') FROM mysql.db "                          \
        "WHERE BINARY db IN ({a'}, {apattern'}) AND BINARY user <> {user'};\n"

// What a site's new database meets: {what, how many, which} of each row of FOUND_SQL.
typedef struct Found {
        uint64_t databases, tables, users, rights, others;
        char *hash, *other;
} Found;

static void found_clear(Found *found)
{
        free(found->hash);
        free(found->other);
}

static int take_found(
        const Fleet__Database *database, const TextList *rows, Found *ret, Error *error)
{
        const struct {
                const char *what;
                uint64_t *count;
                char **which;
        } places[] = {
                {"databases", &ret->databases, NULL},
                {"tables", &ret->tables, NULL},
                {"users", &ret->users, &ret->hash},
                {"rights", &ret->rights, NULL},
                {"others", &ret->others, &ret->other},
        };

        for (size_t i = 0; i < ELEMENTS(places); i++) {
                char *fields[3];

                if (i >= rows->count || !mysql_split(rows->items[i], fields, 3) ||
                        !text_equal(fields[0], places[i].what) ||
                        text_parse_u64(fields[1], places[i].count) < 0)
                        return mysql_unreadable(database, error);
                if (places[i].which)
                        *places[i].which = text_copy(fields[2]);
        }
        return 0;
}

static int taken(const Fleet__Database *database, const char *code, const char *why,
        const char *next, Error *error)
{
        error_set(error, -EEXIST, code, "the new site's database cannot be made");
        error_where(error, "%s database %s", database->engine, database->name);
        error_why(error, "%s", why);
        error_next(error, "%s", next);
        return -EEXIST;
}

// The database is made last: one that is there while the site's own user has no rights on it is
// somebody else's, also when it is empty.
static int check_free(
        const Fleet__Database *database, const char *hash, const Found *found, Error *error)
{
        _cleanup_free_ char *why = NULL, *next = NULL;
        bool own = found->users == 1 && text_equal(found->hash, hash);

        if (found->users > 0 && !own) {
                next = text_format("If nobody needs it: mariadb -e \"DROP USER '%s'\"; or give the "
                                   "site another name",
                        database->name);
                return taken(database, "name-taken",
                        "there is a user of this name, who is not this site's", next, error);
        }
        if (found->others > 0) {
                why = text_format("the user %s has rights on it", found->other);
                next = text_format("If it is not needed: SHOW GRANTS FOR '%s'; REVOKE ...; or give "
                                   "the site another name",
                        found->other);
                return taken(database, "name-taken", why, next, error);
        }
        if (found->databases == 0 || (own && found->rights > 0 && found->tables == 0))
                return 0;
        own = own && found->rights > 0;
        why = text_format("it is there%s, with %llu tables", own ? "" : ", and not this site's",
                (unsigned long long)found->tables);
        next = text_format("If nobody needs it: mariadb -e 'DROP DATABASE `%s`'; then: "
                           "understudyctl job retry ID; else give the site another name",
                database->name);
        return taken(database, own ? "database-exists" : "name-taken", why, next, error);
}

// The collation of a new database is what its server prefers, if it can hold every character; what
// is restored into it brings production's along.
#define CREATE_SQL                                                                                 \
        "CREATE USER IF NOT EXISTS {user'}@'%' IDENTIFIED BY PASSWORD {hash'};\n"                  \
        "GRANT ALL PRIVILEGES ON {a%}.* TO {user'}@'%';\n"                                         \
        "GRANT ALL PRIVILEGES ON {s%}.* TO {user'}@'%';\n"                                         \
        "SET @collation = IF(@@collation_server LIKE 'utf8mb4%', @@collation_server, "             \
        "'utf8mb4_unicode_ci');\n"                                                                 \
        "EXECUTE IMMEDIATE CONCAT('CREATE DATABASE IF NOT EXISTS ', {a\"}, "                       \
        "' CHARACTER SET utf8mb4 COLLATE ', @collation);\n"

// What the site will do first. An anonymous user of the machine's name, for instance, would come
// before the new one.
static int try_account(StepContext *context, const Fleet__Database *database,
        const ManagedAccount *account, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};
        int r = mysql_run(context,
                &(MysqlCall){.database = database,
                        .what = "the new user cannot come in",
                        .sql = "SELECT 1;\n",
                        .user = account->user,
                        .password = account->password,
                        .rows = &rows},
                error);

        if (r == -EACCES)
                error_next(error,
                        "Look for users without a name (SELECT host FROM mysql.global_priv WHERE "
                        "user = ''), and drop them");
        return r;
}

// Grants' patterns, with their backslashes, as mysql.db keeps them.
static char *grant_pattern(const char *name)
{
        char *text = memory_new(2 * strlen(name) + 1), *to = text;

        for (; *name; name++) {
                if (strchr("\\%_", *name))
                        *to++ = '\\';
                *to++ = *name;
        }
        return text;
}

static int mysql_create(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        static const char *const what = "cannot create the database";
        MysqlNames names _cleanup_mysql_names_ = {0};
        ManagedAccount account _cleanup_managed_account_ = {0};
        Found found _cleanup_(found_clear) = {0};
        TextList rows _cleanup_text_list_ = {0};
        _cleanup_free_ char *hash = NULL, *pattern = NULL;
        int r = mysql_names(database, &names, error);

        if (r == 0)
                r = managed_account(site, database, &account, error);
        if (r < 0)
                return r;
        hash = password_hash(account.password);
        pattern = grant_pattern(database->name);
        mysql_names_add(&names, "user", account.user);
        mysql_names_add(&names, "hash", hash);
        mysql_names_add(&names, "apattern", pattern);
        r = mysql_ask(context, database, what, FOUND_SQL, names.values, &rows, error);
        if (r == 0)
                r = take_found(database, &rows, &found, error);
        if (r == 0)
                r = check_free(database, hash, &found, error);
        if (r == 0)
                r = mysql_do(context, database, what, MYSQL_LOCK CREATE_SQL, names.values, error);
        return r < 0 ? r : try_account(context, database, &account, error);
}

// ---- staging

static int mysql_volume(
        StepContext *context, const Fleet__Database *database, char **ret, Error *error)
{
        bool log;

        return mysql_data_directory(context, database, ret, &log, error);
}

static int mysql_size(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_bytes, Error *error)
{
        (void)site;
        return mysql_measure(context, database, database->name, ret_bytes, error);
}

// Also in a task that is canceled: the restore that it was has ended, and its session may not have.
static int mysql_drop_staging(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        MysqlNames names _cleanup_mysql_names_ = {0};
        _cleanup_free_ char *sql = NULL;
        int r = mysql_names(database, &names, error);

        (void)site;
        if (r < 0)
                return r;
        sql = mysql_fill(MYSQL_LOCK MYSQL_END_SESSIONS("s") MYSQL_DROP("s"), names.values);
        return mysql_run(context,
                &(MysqlCall){.database = database,
                        .what = "cannot drop the unfinished copy of the database",
                        .sql = sql,
                        .limit_ms = 60000},
                error);
}

#define MAKE_STAGING_SQL                                                                           \
        "SET @collation = COALESCE(NULLIF({collation'}, ''), "                                     \
        "(SELECT default_collation_name FROM information_schema.schemata "                         \
        "WHERE schema_name = {a'} AND default_character_set_name = 'utf8mb4'), "                   \
        "'utf8mb4_unicode_ci');\n"                                                                 \
        "EXECUTE IMMEDIATE CONCAT('CREATE DATABASE ', {s\"}, "                                     \
        "' CHARACTER SET utf8mb4 COLLATE ', @collation);\n"

int mysql_open_staging_as(StepContext *context, const Fleet__Database *database,
        const Fleet__Database *like, const char *collation, Error *error)
{
        MysqlNames names _cleanup_mysql_names_ = {0};
        int r = mysql_drop_staging(context, NULL, database, error);

        if (r == 0)
                r = mysql_check_room(context, database, like->name, error);
        if (r == 0)
                r = mysql_names(database, &names, error);
        if (r < 0)
                return r;
        mysql_names_add(&names, "collation", collation ? collation : "");
        return mysql_do(context, database, "cannot make a database to restore into",
                MYSQL_LOCK MAKE_STAGING_SQL, names.values, error);
}

static int mysql_open_staging(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        (void)site;
        return mysql_open_staging_as(context, database, database, NULL, error);
}

static int odd_tables(const Fleet__Database *database, const TextList *rows, Error *error)
{
        _cleanup_free_ char *why = NULL;

        for (size_t i = 0; i < rows->count && i < 10; i++)
                mysql_append(&why, i == 0 ? "{row!}" : "; {row!}",
                        (const MysqlValue[]){{"row", rows->items[i]}, {0}});
        error_set(error, -EILSEQ, "collation", "what was restored cannot hold every character");
        error_where(error, "%s database %s", database->engine, database->name);
        error_why(error, "%s", why);
        error_next(error,
                "Its tables have to be utf8mb4, all with the collation of their database: look for "
                "\"charset\", \"collation\" and \"init_command\" in OPTIONS of the site's "
                "DATABASES, then: understudyctl job retry ID");
        return -EILSEQ;
}

static int mysql_seal(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_bytes, Error *error)
{
        static const char *const what = "cannot make durable the restored copy of the database";
        MysqlNames names _cleanup_mysql_names_ = {0};
        TextList rows _cleanup_text_list_ = {0};
        int r = mysql_names(database, &names, error);

        (void)site;
        if (r == 0)
                r = mysql_ask(context, database, what,
                        "SELECT CONCAT('the database is ', default_collation_name) "
                        "FROM information_schema.schemata WHERE schema_name = {s'} "
                        "AND default_character_set_name <> 'utf8mb4';\n"
                        "SELECT CONCAT(table_name, ' is ', table_collation) "
                        "FROM information_schema.tables JOIN information_schema.schemata "
                        "ON schema_name = table_schema WHERE table_schema = {s'} "
                        "AND table_collation <> default_collation_name;\n",
                        names.values, &rows, error);
        if (r == 0 && rows.count > 0)
                r = odd_tables(database, &rows, error);
        if (r == 0)
                r = mysql_do(context, database, what,
                        MYSQL_LOCK "CREATE TABLE IF NOT EXISTS {s}." MYSQL_SEAL
                                   " (x INT) ENGINE=InnoDB;\nFLUSH LOCAL ENGINE LOGS;\n",
                        names.values, error);
        return r < 0 ? r : mysql_measure(context, database, names.staging, ret_bytes, error);
}

// ---- drop

// Only the user that was made for this database, with the password that the site's managed settings
// have, and that has come to nothing else meanwhile.
#define DROP_USER_SQL                                                                              \
        "delimiter //\nBEGIN NOT ATOMIC\n"                                                         \
        "IF EXISTS(SELECT 1 FROM mysql.global_priv WHERE BINARY user = {user'} AND host = '%' "    \
        "AND JSON_VALUE(priv, '$.authentication_string') = {hash'}) "                              \
        "AND NOT EXISTS(SELECT 1 FROM mysql.db WHERE BINARY user = {user'} "                       \
        "AND BINARY db NOT IN ({a'}, {apattern'}, {spattern'})) THEN\n"                            \
        "DROP USER {user'}@'%';\nEND IF;\nEND //\ndelimiter ;\n"

static int drop_user(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        MysqlNames *names, Error *error)
{
        const char *name = NULL, *user = NULL, *password = NULL;
        _cleanup_free_ char *hash = NULL, *pattern = grant_pattern(database->name),
                            *staging_pattern = grant_pattern(names->staging);
        json_t *section = NULL;
        int r = managed_get(site, MANAGED_DATABASE, &section, error);

        if (r == 0 &&
                json_unpack(section, "{s:s, s:s, s:s}", "name", &name, "user", &user, "password",
                        &password) == 0 &&
                text_equal(name, database->name)) {
                hash = password_hash(password);
                mysql_names_add(names, "user", user);
                mysql_names_add(names, "hash", hash);
                mysql_names_add(names, "apattern", pattern);
                mysql_names_add(names, "spattern", staging_pattern);
                r = mysql_do(context, database, "cannot drop the database's user", DROP_USER_SQL,
                        names->values, error);
        }
        json_decref(section);
        return r;
}

static int mysql_drop(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        MysqlNames names _cleanup_mysql_names_ = {0};
        int r = mysql_names(database, &names, error);

        if (r == 0)
                r = mysql_do(context, database, "cannot drop the database",
                        MYSQL_LOCK MYSQL_END_SESSIONS("s") MYSQL_DROP("s") MYSQL_DROP("k")
                                MYSQL_DROP("o") MYSQL_END_SESSIONS("a") MYSQL_DROP("a"),
                        names.values, error);
        return r < 0 ? r : drop_user(context, site, database, &names, error);
}

// Of every host it may come from: those that may nothing but what the site's database was.
#define DROP_LONE_USER_SQL                                                                         \
        "delimiter //\nBEGIN NOT ATOMIC\n"                                                         \
        "FOR one IN (SELECT host FROM mysql.global_priv g WHERE BINARY user = {user'} "            \
        "AND coalesce(JSON_VALUE(priv, '$.access'), 0) = 0 "                                       \
        "AND coalesce(JSON_VALUE(priv, '$.is_role'), 0) = 0 "                                      \
        "AND NOT EXISTS(SELECT 1 FROM mysql.db d WHERE BINARY d.user = {user'} "                   \
        "AND BINARY d.db NOT IN ({a'}, {apattern'}, {spattern'})) "                                \
        "AND NOT EXISTS(SELECT 1 FROM mysql.tables_priv t WHERE BINARY t.user = {user'} "          \
        "AND BINARY t.db <> {a'}) "                                                                \
        "AND NOT EXISTS(SELECT 1 FROM mysql.procs_priv p WHERE BINARY p.user = {user'} "           \
        "AND BINARY p.db <> {a'})) DO\n"                                                           \
        "EXECUTE IMMEDIATE CONCAT('DROP USER ', QUOTE({user'}), '@', QUOTE(one.host));\n"          \
        "END FOR;\nEND //\ndelimiter ;\n"                                                          \
        "SELECT COUNT(*) FROM mysql.global_priv WHERE BINARY user = {user'};\n"

static int mysql_drop_lone_user(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        MysqlNames names _cleanup_mysql_names_ = {0};
        TextList rows _cleanup_text_list_ = {0};
        _cleanup_free_ char *pattern = grant_pattern(database->name), *staging_pattern = NULL;
        int r = mysql_names(database, &names, error);

        (void)site;
        if (r < 0)
                return r;
        staging_pattern = grant_pattern(names.staging);
        mysql_names_add(&names, "user", database->user);
        mysql_names_add(&names, "apattern", pattern);
        mysql_names_add(&names, "spattern", staging_pattern);
        r = mysql_ask(context, database, "cannot drop the database's user", DROP_LONE_USER_SQL,
                names.values, &rows, error);
        if (r == 0 && rows.count > 0 && !text_equal(rows.items[0], "0"))
                step_note(context, "The database user %s is left: it may more than this database.",
                        database->user);
        return r;
}

const DatabaseEngine mysql_engine = {
        .name = "mysql",
        .on_server = true,
        .identify = mysql_identify,
        .staging_name = mysql_staging_name,
        .create = mysql_create,
        .size = mysql_size,
        .volume = mysql_volume,
        .open_staging = mysql_open_staging,
        .seal = mysql_seal,
        .swap = mysql_swap,
        .put_back = mysql_put_back,
        .settle = mysql_settle,
        .drop_staging = mysql_drop_staging,
        .drop = mysql_drop,
        .drop_user = mysql_drop_lone_user,
        .count_rows = mysql_count_rows,
        .digest = mysql_digest,
        .copy = mysql_copy,
};
