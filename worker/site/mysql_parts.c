#include "site/mysql_parts.h"

#include <fcntl.h>

#include "base/clock.h"

#define PARTS 2

void mysql_copy_clear(MysqlCopy *copy)
{
        free(copy->staging);
        mysql_tables_clear(&copy->tables);
        text_list_clear(&copy->digests);
}

// ---- sessions that wait

void mysql_gate_open(MysqlGate *gate)
{
        closep(&gate->write_end);
        gate->write_end = -EBADF;
}

static int take_line(void *userdata, const char *line)
{
        MysqlGate *gate = userdata;

        if (text_starts(line, "DIGEST\t")) {
                text_list_add(&gate->copy->digests, line);
                return 0;
        }
        return text_equal(line, "READY") && gate->ready ? gate->ready(gate) : 0;
}

int mysql_gate_run(MysqlGate *gate, const char *what, const char *sql)
{
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_set(gate->error, -errno, "program", "cannot make a pipe");
        gate->read_end = ends[0], gate->write_end = ends[1];
        r = mysql_run(gate->context,
                &(MysqlCall){.database = gate->copy->database,
                        .what = what,
                        .sql = sql,
                        .pipe = gate->read_end,
                        .line = take_line,
                        .userdata = gate},
                gate->error);
        mysql_gate_open(gate);
        close(gate->read_end);
        return r;
}

int mysql_parts_run(StepContext *context, MysqlCopy *copy, const char *sql, Error *error)
{
        MysqlGate gate = {.copy = copy, .context = context, .error = error};

        return mysql_gate_run(&gate, "cannot copy the database's rows", sql);
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
                          "START TRANSACTION WITH CONSISTENT SNAPSHOT;\n" MYSQL_READY,
                (const MysqlValue[]){{"s", copy->staging}, {0}});
}

typedef struct Parts {
        char *sql[PARTS];
        size_t started;
        MysqlGate *lock; // NULL: there is none
        int64_t locked_at, locked_for;
} Parts;

static void parts_clear(Parts *parts)
{
        for (size_t i = 0; i < PARTS; i++)
                free(parts->sql[i]);
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
static void distribute(const MysqlCopy *copy, uint64_t *weights, size_t count, Parts *parts)
{
        uint64_t loads[PARTS] = {0};

        for (size_t i = 0; i < count; i++)
                parts->sql[i] = part_start(copy);
        for (size_t n = 0; n < copy->tables.count; n++) {
                size_t heaviest = 0, least = 0;

                for (size_t i = 1; i < copy->tables.count; i++)
                        if (weights[i] > weights[heaviest])
                                heaviest = i;
                for (size_t i = 1; i < count; i++)
                        if (loads[i] < loads[least])
                                least = i;
                loads[least] += weights[heaviest];
                weights[heaviest] = 0;
                mysql_parts_append(&parts->sql[least], copy, &copy->tables.items[heaviest], true);
        }
        for (size_t i = 0; i < count; i++)
                mysql_append(&parts->sql[i], "COMMIT;\n", (const MysqlValue[]){{0}});
}

static int run_next(const MysqlGate *of, Parts *parts);

// Each has its snapshot and goes on; the next one starts while the lock is held. The last opens it.
static int part_ready(MysqlGate *gate)
{
        Parts *parts = gate->userdata;

        if (parts->started < PARTS && parts->sql[parts->started])
                return run_next(gate, parts);
        if (parts->lock) {
                mysql_gate_open(parts->lock);
                parts->locked_for = clock_monotonic_us() - parts->locked_at;
        }
        return 0;
}

static int run_next(const MysqlGate *of, Parts *parts)
{
        MysqlGate gate = {.copy = of->copy,
                .context = of->context,
                .error = of->error,
                .ready = part_ready,
                .userdata = parts};

        return mysql_gate_run(
                &gate, "cannot copy the database's rows", parts->sql[parts->started++]);
}

static int lock_ready(MysqlGate *gate)
{
        Parts *parts = gate->userdata;

        parts->lock = gate;
        parts->locked_at = clock_monotonic_us();
        return run_next(gate, parts);
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
        mysql_append(&sql, ";\n" MYSQL_WAIT "UNLOCK TABLES;\n", (const MysqlValue[]){{0}});
        return sql;
}

static int run_parts(StepContext *context, MysqlCopy *copy, size_t count, Error *error)
{
        Parts parts _cleanup_(parts_clear) = {0};
        MysqlGate lock = {.copy = copy,
                .context = context,
                .error = error,
                .ready = lock_ready,
                .userdata = &parts};
        _cleanup_free_ uint64_t *weights = memory_new((copy->tables.count + 1) * sizeof(*weights));
        _cleanup_free_ char *sql = lock_script(copy);
        int r = weigh(context, copy, weights, error);

        if (r < 0)
                return r;
        distribute(copy, weights, count, &parts);
        if (count == 1)
                return run_next(&lock, &parts);
        r = mysql_gate_run(&lock, "cannot lock production's tables for a moment", sql);
        if (r == 0)
                step_note(context, "Production's writers had to wait for %lld ms.",
                        (long long)(parts.locked_for / US_PER_MS));
        // Nothing has started: somebody writes for long.
        if (r == -EBUSY && parts.started == 0) {
                error_clear(error);
                return 1;
        }
        return r;
}

int mysql_parts(StepContext *context, MysqlCopy *copy, Error *error)
{
        int r = copy->tables.count > 1 ? run_parts(context, copy, PARTS, error) : 1;

        if (r == 1)
                r = run_parts(context, copy, 1, error);
        return r;
}
