#include "store/host.h"

const char *const host_state_names[] = {"invited", "joined", NULL};

static const Column columns[] = {
        TEXT_COLUMN(HostRow, name),
        ENUM_COLUMN(HostRow, state, host_state_names),
        TEXT_COLUMN(HostRow, token_hash),
        INTEGER_COLUMN(HostRow, token_expires_us),
        TEXT_COLUMN(HostRow, fingerprint),
        TEXT_COLUMN(HostRow, address),
        TEXT_COLUMN(HostRow, version),
        BLOB_COLUMN(HostRow, facts),
        INTEGER_COLUMN(HostRow, invited_us),
        INTEGER_COLUMN(HostRow, joined_us),
        INTEGER_COLUMN(HostRow, last_seen_us),
        TEXT_COLUMN(HostRow, window),
        TEXT_COLUMN(HostRow, zone),
};
const Table host_table = {"host", columns, ELEMENTS(columns), sizeof(HostRow)};

int host_get(Store *store, const char *name, HostRow *ret, Error *error)
{
        return row_get(store, &host_table, ret, error, "name = ?", "t", name);
}

int host_get_by_token(Store *store, const char *token_hash, HostRow *ret, Error *error)
{
        return row_get(store, &host_table, ret, error, "token_hash = ?", "t", token_hash);
}

int hosts_get(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &host_table, ret, error, "ORDER BY name", "");
}

int host_seen(Store *store, const char *name, int64_t at_us, Error *error)
{
        return store_run(
                store, error, "UPDATE host SET last_seen_us = ? WHERE name = ?", "it", at_us, name);
}

int host_set_facts(Store *store, const char *name, const Blob *facts, Error *error)
{
        return store_run(store, error, "UPDATE host SET facts = ? WHERE name = ?", "bt",
                facts->data, facts->size, name);
}
