#include "store/rehearsal.h"

#include "base/text.h"

static const Column columns[] = {
        INTEGER_COLUMN(RehearsalRow, id),
        TEXT_COLUMN(RehearsalRow, series),
        INTEGER_COLUMN(RehearsalRow, job),
        ENUM_COLUMN(RehearsalRow, kind, job_kind_names),
        ENUM_COLUMN(RehearsalRow, state, job_state_names),
        INTEGER_COLUMN(RehearsalRow, started_us),
        INTEGER_COLUMN(RehearsalRow, ended_us),
        TEXT_COLUMN(RehearsalRow, way),
        INTEGER_COLUMN(RehearsalRow, objects),
        INTEGER_COLUMN(RehearsalRow, dump_bytes),
        INTEGER_COLUMN(RehearsalRow, database_bytes),
        INTEGER_COLUMN(RehearsalRow, conflict),
        INTEGER_COLUMN(RehearsalRow, script_made),
        INTEGER_COLUMN(RehearsalRow, script_taken),
        INTEGER_COLUMN(RehearsalRow, script_kept),
        INTEGER_COLUMN(RehearsalRow, script_merged),
        TEXT_COLUMN(RehearsalRow, why),
        TEXT_COLUMN(RehearsalRow, steps),
};
const Table rehearsal_table = {"rehearsal", columns, ELEMENTS(columns), sizeof(RehearsalRow)};

void rehearsal_add_step(RehearsalRow *rehearsal, const char *label, int64_t microseconds)
{
        char *longer = text_format("%s%s%s %lld", rehearsal->steps ? rehearsal->steps : "",
                text_blank(rehearsal->steps) ? "" : " ", label, (long long)microseconds);

        free(rehearsal->steps);
        rehearsal->steps = longer;
}

int64_t rehearsal_step_us(const RehearsalRow *rehearsal, const char *label)
{
        size_t length = strlen(label);

        for (const char *at = rehearsal->steps; at && *at; at += strspn(at, " ")) {
                size_t part = strcspn(at, " ");
                const char *number = at + part + strspn(at + part, " ");

                if (part == length && strncmp(at, label, length) == 0)
                        return strtoll(number, NULL, 10);
                at = number + strcspn(number, " ");
        }
        return -1;
}

int rehearsals_of(Store *store, const char *series, int64_t limit, Rows *ret, Error *error)
{
        return rows_get(store, &rehearsal_table, ret, error,
                "WHERE series = ? ORDER BY id DESC LIMIT ?", "ti", series, limit);
}

int rehearsal_keep(Store *store, RehearsalRow *rehearsal, Error *error)
{
        return row_insert(store, &rehearsal_table, rehearsal, error)
                       ?: store_run(store, error,
                                  "DELETE FROM rehearsal WHERE series = ? AND id <= ("
                                  "SELECT id FROM rehearsal WHERE series = ? ORDER BY id DESC "
                                  "LIMIT 1 OFFSET ?)",
                                  "tti", rehearsal->series, rehearsal->series,
                                  (int64_t)REHEARSALS_KEPT);
}
