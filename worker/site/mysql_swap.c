#include "site/mysql_swap.h"

#include <strings.h>

#include "site/mysql_content.h"

// {in} is the database whose tables become the site's, as a whole; the site's go to @target, a name
// in backticks. The seal goes there, too, and is what makes the target count.
#define MOVE_SQL                                                                                   \
        "SET @sql = CONCAT('DROP DATABASE IF EXISTS ', @target);\n"                                \
        "EXECUTE IMMEDIATE @sql;\n"                                                                \
        "SET @sql = CONCAT('CREATE DATABASE ', @target, ' COLLATE ', "                             \
        "(SELECT default_collation_name FROM information_schema.schemata "                         \
        "WHERE schema_name = {a'}));\n"                                                            \
        "EXECUTE IMMEDIATE @sql;\n"                                                                \
        "SET @sql = CONCAT('RENAME TABLE ', CONCAT_WS(', ', "                                      \
        "(SELECT GROUP_CONCAT({a\"}, '.', name, ' TO ', @target, '.', name SEPARATOR ', ') "       \
        "FROM (SELECT CONCAT('`', REPLACE(table_name, '`', '``'), '`') AS name "                   \
        "FROM information_schema.tables "                                                          \
        "WHERE table_schema = {a'} AND table_type <> 'VIEW') AS site), "                           \
        "(SELECT GROUP_CONCAT({in\"}, '.', name, ' TO ', IF(name = '`" MYSQL_SEAL "`', "           \
        "@target, {a\"}), '.', name SEPARATOR ', ') "                                              \
        "FROM (SELECT CONCAT('`', REPLACE(table_name, '`', '``'), '`') AS name "                   \
        "FROM information_schema.tables "                                                          \
        "WHERE table_schema = {in'} AND table_type <> 'VIEW') AS fresh)));\n"                      \
        "EXECUTE IMMEDIATE @sql;\n"

// Tables that are made later get the collation that the moved ones were made with. Then nothing is
// left in {in}, and nobody needs {o}.
#define AFTER_SQL                                                                                  \
        "SET @sql = (SELECT CONCAT('ALTER DATABASE ', {a\"}, ' COLLATE ', "                        \
        "default_collation_name) FROM information_schema.schemata WHERE schema_name = {in'});\n"   \
        "IF @sql IS NOT NULL THEN\nEXECUTE IMMEDIATE @sql;\nEND IF;\n"                             \
        "END //\ndelimiter ;\n" MYSQL_DROP("in") MYSQL_DROP("o")

#define LOOK_SQL                                                                                   \
        "SET @fresh = EXISTS(SELECT 1 FROM information_schema.tables "                             \
        "WHERE table_schema = {in'} AND table_name = '" MYSQL_SEAL "');\n"                         \
        "SET @kept = EXISTS(SELECT 1 FROM information_schema.tables "                              \
        "WHERE table_schema = {k'} AND table_name = '" MYSQL_SEAL "');\n"                          \
        "delimiter //\nBEGIN NOT ATOMIC\n"

// What was kept by a swap that was not settled stays the kept one: then the site's tables go away.
#define SWAP_SQL                                                                                   \
        "IF @fresh THEN\nSET @target = IF(@kept, {o\"}, {k\"});\n" MOVE_SQL                        \
        "ELSEIF NOT @kept THEN\n"                                                                  \
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'understudy:nothing';\nEND IF;\n"

#define PUT_BACK_SQL "IF @fresh THEN\nSET @target = {o\"};\n" MOVE_SQL "END IF;\n"

#define COUNT_KEPT_SQL                                                                             \
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {k'} "                \
        "AND table_name <> '" MYSQL_SEAL "';\n"

int mysql_swap(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        bool *ret_kept, Error *error)
{
        MysqlNames names _cleanup_mysql_names_ = {0};
        TextList rows _cleanup_text_list_ = {0};
        int r = mysql_names(database, &names, error);

        (void)site;
        if (r < 0)
                return r;
        mysql_names_add(&names, "in", names.staging);
        r = mysql_ask(context, database,
                "cannot put the restored database in the place of the site's",
                MYSQL_LOCK LOOK_SQL SWAP_SQL AFTER_SQL COUNT_KEPT_SQL, names.values, &rows, error);
        if (r == 0)
                *ret_kept = rows.count > 0 && !text_equal(rows.items[rows.count - 1], "0");
        return r;
}

int mysql_put_back(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        MysqlNames names _cleanup_mysql_names_ = {0};
        int r = mysql_names(database, &names, error);

        (void)site;
        if (r < 0)
                return r;
        mysql_names_add(&names, "in", names.kept);
        return mysql_do(context, database, "cannot put back the previous database",
                MYSQL_LOCK LOOK_SQL PUT_BACK_SQL AFTER_SQL, names.values, error);
}

int mysql_settle(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_freed, Error *error)
{
        MysqlNames names _cleanup_mysql_names_ = {0};
        int r = mysql_names(database, &names, error);

        (void)site;
        if (r == 0)
                r = mysql_measure(context, database, names.kept, ret_freed, error);
        // USE is an error when the site's own is not there.
        if (r == 0)
                r = mysql_do(context, database, "cannot give up the previous database",
                        MYSQL_LOCK "USE {a};\n" MYSQL_DROP("k") MYSQL_DROP("o"), names.values,
                        error);
        return r;
}
