// The names of one site's databases, and the pieces of SQL in which the files mysql*.c agree.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_NAMES_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_NAMES_H

#include "site/database.h"
#include "site/mysql_client.h"

#define MYSQL_SEAL "understudy_sealed"

typedef struct MysqlNames {
        char *staging, *kept, *old, *lock;
        // {a} the site's, {s} staging, {k} kept, {o} old, {lock}, and room for the caller's own.
        MysqlValue values[12];
} MysqlNames;

// -EINVAL, code "bad-name": too long, or one of the server's own.
int mysql_names(const Fleet__Database *database, MysqlNames *ret, Error *error) _must_use_;
void mysql_names_clear(MysqlNames *names);
#define _cleanup_mysql_names_ _cleanup_(mysql_names_clear)

// Adds a value of the caller's; borrowed.
void mysql_names_add(MysqlNames *names, const char *key, const char *value);

char *mysql_staging_name(const Fleet__Database *current);

// Begins every change: what a killed worker left running in the server ends first.
#define MYSQL_LOCK                                                                                 \
        "delimiter //\nBEGIN NOT ATOMIC\n"                                                         \
        "IF SUBSTRING_INDEX(VERSION(), '.', 1) * 100 + "                                           \
        "SUBSTRING_INDEX(SUBSTRING_INDEX(VERSION(), '.', 2), '.', -1) < 1006 THEN\n"               \
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'understudy:version';\nEND IF;\n"              \
        "IF GET_LOCK({lock'}, 60) IS NOT TRUE THEN\n"                                              \
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'understudy:busy';\nEND IF;\nEND //\n"         \
        "delimiter ;\n"

// Ends all sessions that are in database {key}, or are a helper's that fills it, and waits until
// they are gone.
#define MYSQL_END_SESSIONS(key)                                                                    \
        "delimiter //\nBEGIN NOT ATOMIC\nDECLARE CONTINUE HANDLER FOR 1094 BEGIN END;\n"           \
        "FOR one IN (SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() "   \
        "AND (BINARY db = {" key "'} OR id = "                                                     \
        "IS_USED_LOCK(CONCAT('understudy session ', MD5({" key "'}))))) DO\n"                      \
        "EXECUTE IMMEDIATE CONCAT('KILL CONNECTION ', one.id);\nEND FOR;\n"                        \
        "SET @patience = 200;\n"                                                                   \
        "WHILE @patience > 0 AND (SELECT COUNT(*) FROM information_schema.processlist WHERE "      \
        "BINARY db = {" key "'} AND id <> CONNECTION_ID()) > 0 DO\n"                               \
        "DO SLEEP(0.05);\nSET @patience = @patience - 1;\nEND WHILE;\n"                            \
        "IF @patience = 0 THEN\n"                                                                  \
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'understudy:busy';\nEND IF;\nEND //\n"         \
        "delimiter ;\n"

// Drops a database that is not the site's own. Its seal goes first: half a database is none.
#define MYSQL_DROP(key)                                                                            \
        "DROP TABLE IF EXISTS {" key "}." MYSQL_SEAL ";\nDROP DATABASE IF EXISTS {" key "};\n"

#endif
