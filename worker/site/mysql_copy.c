#include "site/mysql_copy.h"

#include <fcntl.h>
#include <inttypes.h>

#include "base/clock.h"
#include "site/mysql.h"
#include "site/mysql_export.h"
#include "site/mysql_parts.h"

static int not_so(const Fleet__Database *from, const char *why, const char *next, Error *error)
{
        error_set(error, -EOPNOTSUPP, "native", "the server cannot copy this database by itself");
        error_where(error, "%s database %s", from->engine, from->name);
        error_why(error, "%s", why);
        error_next(error, "%s", next);
        return -EOPNOTSUPP;
}

// ---- may it be copied?

// One row for each hindrance: kind, how many, an example. Then the collation.
#define LOOK_SQL                                                                                   \
        "SELECT 'kind', COUNT(*), IFNULL(MAX(table_name), '') FROM information_schema.tables "     \
        "WHERE table_schema = {from'} AND table_type NOT IN ('BASE TABLE', 'VIEW');\n"             \
        "SELECT 'engine', COUNT(*), IFNULL(MAX(table_name), '') FROM information_schema.tables "   \
        "WHERE table_schema = {from'} AND table_type = 'BASE TABLE' AND engine <> 'InnoDB';\n"     \
        "SELECT 'collation', COUNT(*), IFNULL(MAX(CONCAT(table_name, ' is ', table_collation)), "  \
        "'') FROM information_schema.tables JOIN information_schema.schemata "                     \
        "ON schema_name = table_schema WHERE table_schema = {from'} "                              \
        "AND (table_collation <> default_collation_name "                                          \
        "OR default_character_set_name <> 'utf8mb4');\n"                                           \
        "SELECT 'views', COUNT(*), IFNULL(MAX(table_name), '') FROM information_schema.tables "    \
        "WHERE table_schema = {from'} AND table_type = 'VIEW';\n"                                  \
        "SELECT 'triggers', COUNT(*), IFNULL(MAX(trigger_name), '') "                              \
        "FROM information_schema.triggers WHERE trigger_schema = {from'};\n"                       \
        "SELECT 'default', COUNT(*), IFNULL(MAX(default_collation_name), '') "                     \
        "FROM information_schema.schemata WHERE schema_name = {from'};\n"

static const struct {
        const char *kind, *why, *next;
        bool frozen_too; // or only of a production at work
} hindrances[] = {
        {"kind", "%s is neither a plain table nor a view",
                "Synchronise by way of Lino: understudyctl series set SERIES native=forbid", true},
        {"engine", "%s is no InnoDB table, which has no snapshots",
                "ALTER TABLE ... ENGINE=InnoDB in production, or synchronise by way of Lino",
                false},
        {"collation", "%s, not utf8mb4 with its database's collation",
                "ALTER TABLE ... CONVERT TO CHARACTER SET utf8mb4 in production, or synchronise by "
                "way of Lino",
                true},
};

static int judge(StepContext *context, const Fleet__Database *from, bool frozen,
        char *const fields[3], Error *error)
{
        for (size_t i = 0; i < ELEMENTS(hindrances); i++) {
                const char *mark = strstr(hindrances[i].why, "%s");
                _cleanup_free_ char *why = NULL;

                if (!text_equal(hindrances[i].kind, fields[0]) || text_equal(fields[1], "0") ||
                        (frozen && !hindrances[i].frozen_too))
                        continue;
                why = text_format("%.*s%s%s", (int)(mark - hindrances[i].why), hindrances[i].why,
                        fields[2], mark + 2);
                return not_so(from, why, hindrances[i].next, error);
        }
        if (!text_equal(fields[1], "0") &&
                (text_equal(fields[0], "views") || text_equal(fields[0], "triggers")))
                step_note(context, "%s %s of production are not copied (one is %s).", fields[1],
                        fields[0], fields[2]);
        return 0;
}

static int look(StepContext *context, const Fleet__Database *from, bool frozen,
        char **ret_collation, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};
        char *fields[3];
        int r = mysql_ask(context, from, "cannot look at production's database", LOOK_SQL,
                (const MysqlValue[]){{"from", from->name}, {0}}, &rows, error);

        for (size_t i = 0; r == 0 && i < rows.count; i++) {
                if (!mysql_split(rows.items[i], fields, 3))
                        return mysql_unreadable(from, error);
                r = judge(context, from, frozen, fields, error);
                if (r == 0 && text_equal(fields[0], "default"))
                        *ret_collation = text_copy(fields[2]);
        }
        return r;
}

// The worker administers one server. Production's must be there, by that server's own word.
static int check_server(
        StepContext *context, const SiteDir *from_site, const Fleet__Database *from, Error *error)
{
        Fleet__Database here = FLEET__DATABASE__INIT;
        bool same;
        int r;

        here.engine = from->engine;
        here.name = from->name;
        here.server = NULL;
        r = mysql_identify(context, from_site, &here, error);
        if (r < 0)
                return r;
        same = text_blank(from->server) || text_equal(from->server, here.server);
        free(here.server);
        return same ? 0
                    : not_so(from,
                              "it is on another server than the one that this worker administers",
                              "Synchronise by way of Lino: understudyctl series set SERIES "
                              "native=forbid",
                              error);
}

// ---- the empty tables

static int make_tables(StepContext *context, const MysqlCopy *copy, Error *error)
{
        _cleanup_free_ char *show = text_copy(""), *sql = NULL;
        TextList rows _cleanup_text_list_ = {0};
        int r;

        for (size_t i = 0; i < copy->tables.count; i++)
                mysql_append(&show, "SHOW CREATE TABLE {from}.{t};\n",
                        (const MysqlValue[]){{"from", copy->from->name},
                                {"t", copy->tables.items[i].name}, {0}});
        r = mysql_run(context,
                &(MysqlCall){.database = copy->from,
                        .what = "cannot read how production's tables are made",
                        .sql = show,
                        .rows = &rows},
                error);
        if (r < 0)
                return r;
        mysql_append(&sql, "USE {s};\nSET foreign_key_checks = 0;\n",
                (const MysqlValue[]){{"s", copy->staging}, {0}});
        for (size_t i = 0; i < rows.count; i++) {
                char *fields[2];

                if (!mysql_split(rows.items[i], fields, 2))
                        return mysql_unreadable(copy->from, error);
                mysql_append(&sql, "{sql!};\n", (const MysqlValue[]){{"sql", fields[1]}, {0}});
        }
        return mysql_run(context,
                &(MysqlCall){.database = copy->database,
                        .what = "cannot make the tables of the copy",
                        .sql = sql},
                error);
}

// ---- all together

static int fill(StepContext *context, MysqlCopy *copy, bool frozen, Error *error)
{
        int r = frozen ? mysql_export_possible(context, copy, error) : 0;

        if (r == 1)
                return mysql_export(context, copy, error);
        return r < 0 ? r : mysql_parts(context, copy, error);
}

static int copy_tables(
        StepContext *context, MysqlCopy *copy, bool frozen, const char *collation, Error *error)
{
        int r = mysql_open_staging_as(context, copy->database, copy->from, collation, error);

        if (r == 0)
                r = mysql_tables(context, copy->from, copy->from->name, NULL, &copy->tables, error);
        if (r == 0)
                r = make_tables(context, copy, error);
        return r < 0 ? r : fill(context, copy, frozen, error);
}

int mysql_copy(StepContext *context, const SiteDir *from_site, const Fleet__Database *from,
        const SiteDir *site, const Fleet__Database *database, bool frozen, DatabaseFigures *ret,
        Error *error)
{
        MysqlCopy copy _cleanup_(mysql_copy_clear) = {
                .from = from, .database = database, .staging = mysql_staging_name(database)};
        _cleanup_free_ char *collation = NULL;
        DatabaseFigures figures _cleanup_figures_ = {0};
        int r = check_server(context, from_site, from, error);

        (void)site;
        if (r == 0)
                r = look(context, from, frozen, &collation, error);
        if (r == 0)
                r = copy_tables(context, &copy, frozen, collation, error);
        if (r == 0)
                r = mysql_digest_fold(
                        database, &copy.tables, &copy.digests, &figures.digest, error);
        if (r == 0)
                r = mysql_measure(context, database, copy.staging, &figures.bytes, error);
        if (r == 0)
                *ret = TAKE(figures, (DatabaseFigures){0});
        return r;
}
