#include "site/mysql_parts.h"

#include "base/clock.h"

#define PARTS 2

void mysql_copy_clear(MysqlCopy *copy)
{
        free(copy->staging);
        mysql_tables_clear(&copy->tables);
        text_list_clear(&copy->digests);
}

// ---- scripts

void mysql_parts_append(char **sql, const MysqlCopy *copy, const MysqlTable *table, bool cursor)
{
        const MysqlValue values[] = {{"from", copy->from->name}, {"s", copy->staging},
                {"t", table->name}, {"columns", table->columns}, {"record", table->record}, {0}};

        if (!table->columns || mysql_is_volatile(table))
                return;
        if (cursor)
                mysql_append(sql,
                        "delimiter //\nBEGIN NOT ATOMIC\n"
                        "FOR one IN (SELECT {columns!} FROM {from}.{t}) DO\n"
                        "INSERT INTO {s}.{t} ({columns!}) VALUES ({record!});\n"
                        "END FOR;\nEND //\ndelimiter ;\n",
                        values);
        else
                mysql_append(sql,
                        "INSERT INTO {s}.{t} ({columns!}) SELECT {columns!} FROM {from}.{t};\n",
                        values);
        mysql_digest_append(sql, copy->from->name, table);
}

// Each row is one that the same server has checked. Without checks InnoDB also loads empty tables
// in bulk, with nothing to roll back row by row: when the volume is full, that would end the
// server.
static char *part_start(const MysqlCopy *copy)
{
        return mysql_fill("USE {s};\nSET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n"
                          "SET unique_checks = 0, foreign_key_checks = 0;\n"
                          "START TRANSACTION WITH CONSISTENT SNAPSHOT;\n" MYSQL_TELL("READY"),
                (const MysqlValue[]){{"s", copy->staging}, {0}});
}

typedef struct Parts {
        size_t count;
        char *sql[PARTS];
        MysqlSession sessions[PARTS];
} Parts;

static void parts_clear(Parts *parts)
{
        for (size_t i = 0; i < PARTS; i++) {
                mysql_session_clear(&parts->sessions[i]);
                free(parts->sql[i]);
        }
}

static int weigh(StepContext *context, const MysqlCopy *copy, uint64_t *weights, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};
        int r = mysql_ask(context, copy->from, "cannot measure production's tables",
                "SELECT table_name, IFNULL(data_length, 0) FROM information_schema.tables "
                "WHERE table_schema = {from'};\n",
                (const MysqlValue[]){{"from", copy->from->name}, {0}}, &rows, error);

        for (size_t i = 0; r == 0 && i < rows.count; i++) {
                char *fields[2];

                if (!mysql_split(rows.items[i], fields, 2))
                        continue;
                for (size_t j = 0; j < copy->tables.count; j++)
                        if (text_equal(copy->tables.items[j].name, fields[0]))
                                (void)!text_parse_u64(fields[1], &weights[j]);
        }
        return r;
}

// The heaviest table first, each to whoever has least.
static void distribute(const MysqlCopy *copy, uint64_t *weights, Parts *parts)
{
        uint64_t loads[PARTS] = {0};

        for (size_t i = 0; i < parts->count; i++)
                parts->sql[i] = part_start(copy);
        for (size_t n = 0; n < copy->tables.count; n++) {
                size_t heaviest = 0, least = 0;

                for (size_t i = 1; i < copy->tables.count; i++)
                        if (weights[i] > weights[heaviest])
                                heaviest = i;
                for (size_t i = 1; i < parts->count; i++)
                        if (loads[i] < loads[least])
                                least = i;
                loads[least] += weights[heaviest];
                weights[heaviest] = 0;
                mysql_parts_append(&parts->sql[least], copy, &copy->tables.items[heaviest], true);
        }
        for (size_t i = 0; i < parts->count; i++)
                mysql_append(
                        &parts->sql[i], "COMMIT;\n" MYSQL_TELL("DONE"), (const MysqlValue[]){{0}});
}

static char *lock_script(const MysqlCopy *copy)
{
        char *sql = NULL;

        // Who waits for this lock keeps others waiting.
        mysql_append(&sql, "SET lock_wait_timeout = 1;\nLOCK TABLES ", (const MysqlValue[]){{0}});
        for (size_t i = 0; i < copy->tables.count; i++)
                mysql_append(&sql, i > 0 ? ", {from}.{t} READ" : "{from}.{t} READ",
                        (const MysqlValue[]){{"from", copy->from->name},
                                {"t", copy->tables.items[i].name}, {0}});
        mysql_append(&sql, ";\n" MYSQL_TELL("READY") MYSQL_GATE, (const MysqlValue[]){{0}});
        return sql;
}

// Each takes its snapshot, and goes on.
static int start_parts(StepContext *context, const MysqlCopy *copy, Parts *parts, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};
        int r = 0;

        for (size_t i = 0; r == 0 && i < parts->count; i++)
                r = mysql_start(context,
                        &(MysqlCall){.database = copy->database,
                                .what = "cannot copy the database's rows",
                                .sql = parts->sql[i]},
                        &parts->sessions[i], error);
        for (size_t i = 0; r == 0 && i < parts->count; i++)
                r = mysql_wait(&parts->sessions[i], "READY", &rows, error);
        return r;
}

// 1: somebody writes for so long that the lock was not had.
static int start_locked(StepContext *context, const MysqlCopy *copy, Parts *parts, Error *error)
{
        MysqlSession lock _cleanup_session_ = MYSQL_SESSION_EMPTY;
        TextList rows _cleanup_text_list_ = {0};
        _cleanup_free_ char *sql = lock_script(copy);
        int64_t locked_at;
        int r = mysql_start(context,
                &(MysqlCall){.database = copy->from,
                        .what = "cannot lock production's tables for a moment",
                        .sql = sql},
                &lock, error);

        if (r == 0)
                r = mysql_wait(&lock, "READY", &rows, error);
        if (r == -EBUSY) {
                error_clear(error);
                return 1;
        }
        if (r < 0)
                return r;
        locked_at = clock_monotonic_us();
        r = start_parts(context, copy, parts, error);
        mysql_session_clear(&lock);
        if (r == 0)
                step_note(context, "Production's writers had to wait for %lld ms.",
                        (long long)((clock_monotonic_us() - locked_at) / US_PER_MS));
        return r;
}

static int run_parts(StepContext *context, MysqlCopy *copy, size_t count, Error *error)
{
        Parts parts _cleanup_(parts_clear) = {.count = count};
        _cleanup_free_ uint64_t *weights = memory_new((copy->tables.count + 1) * sizeof(*weights));
        int r = weigh(context, copy, weights, error);

        for (size_t i = 0; i < PARTS; i++)
                parts.sessions[i] = MYSQL_SESSION_EMPTY;
        if (r < 0)
                return r;
        distribute(copy, weights, &parts);
        r = count > 1 ? start_locked(context, copy, &parts, error)
                      : start_parts(context, copy, &parts, error);
        for (size_t i = 0; r == 0 && i < count; i++)
                r = mysql_wait(&parts.sessions[i], "DONE", &copy->digests, error);
        return r;
}

int mysql_parts(StepContext *context, MysqlCopy *copy, Error *error)
{
        int r = copy->tables.count > 1 ? run_parts(context, copy, PARTS, error) : 1;

        return r == 1 ? run_parts(context, copy, 1, error) : r;
}
