#include "store/series.h"

static const Column series_columns[] = {
        TEXT_COLUMN(SeriesRow, name),
        TEXT_COLUMN(SeriesRow, host),
        TEXT_COLUMN(SeriesRow, root),
        INTEGER_COLUMN(SeriesRow, created_us),
        TEXT_COLUMN(SeriesRow, prod_link),
        TEXT_COLUMN(SeriesRow, preview_link),
        INTEGER_COLUMN(SeriesRow, last_dump_bytes),
        INTEGER_COLUMN(SeriesRow, last_database_bytes),
        INTEGER_COLUMN(SeriesRow, last_environment_bytes),
};
const Table series_table = {"series", series_columns, ELEMENTS(series_columns), sizeof(SeriesRow)};

static const Column site_columns[] = {
        INTEGER_COLUMN(SiteRow, id),
        TEXT_COLUMN(SiteRow, series),
        TEXT_COLUMN(SiteRow, name),
        ENUM_COLUMN(SiteRow, state, site_state_names),
        BLOB_COLUMN(SiteRow, identity),
        BLOB_COLUMN(SiteRow, versions),
        TEXT_COLUMN(SiteRow, log_directory),
        INTEGER_COLUMN(SiteRow, created_us),
        INTEGER_COLUMN(SiteRow, since_us),
        INTEGER_COLUMN(SiteRow, turn),
        INTEGER_COLUMN(SiteRow, notice),
};
const Table site_table = {"site", site_columns, ELEMENTS(site_columns), sizeof(SiteRow)};

static const Column allowance_columns[] = {
        INTEGER_COLUMN(AllowanceRow, id),
        TEXT_COLUMN(AllowanceRow, series),
        TEXT_COLUMN(AllowanceRow, name),
        TEXT_COLUMN(AllowanceRow, why),
        TEXT_COLUMN(AllowanceRow, who),
        INTEGER_COLUMN(AllowanceRow, at_us),
};
const Table allowance_table = {
        "allowance", allowance_columns, ELEMENTS(allowance_columns), sizeof(AllowanceRow)};

static const Column setting_columns[] = {
        INTEGER_COLUMN(SettingRow, id),
        TEXT_COLUMN(SettingRow, series),
        TEXT_COLUMN(SettingRow, name),
        TEXT_COLUMN(SettingRow, value),
        TEXT_COLUMN(SettingRow, who),
        INTEGER_COLUMN(SettingRow, at_us),
};
const Table setting_table = {
        "setting", setting_columns, ELEMENTS(setting_columns), sizeof(SettingRow)};

int series_get(Store *store, const char *name, SeriesRow *ret, Error *error)
{
        return row_get(store, &series_table, ret, error, "name = ?", "t", name);
}

int series_list(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &series_table, ret, error, "ORDER BY name", "");
}

int series_of_host(Store *store, const char *host, Rows *ret, Error *error)
{
        return rows_get(
                store, &series_table, ret, error, "WHERE host = ? ORDER BY name", "t", host);
}

int site_get(Store *store, const char *series, SiteState state, SiteRow *ret, Error *error)
{
        return row_get(store, &site_table, ret, error,
                "series = ? AND state = ? ORDER BY turn DESC", "tt", series,
                site_state_names[state]);
}

int site_named(Store *store, const char *series, const char *name, SiteRow *ret, Error *error)
{
        return row_get(store, &site_table, ret, error,
                "series = ? AND name = ? AND state <> 'purged'", "tt", series, name);
}

int sites_old(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &site_table, ret, error, "WHERE state = 'old' ORDER BY id", "");
}

int sites_of_series(Store *store, const char *series, Rows *ret, Error *error)
{
        return rows_get(
                store, &site_table, ret, error, "WHERE series = ? ORDER BY id", "t", series);
}

int sites_of_host(Store *store, const char *host, Rows *ret, Error *error)
{
        return rows_get(store, &site_table, ret, error,
                "WHERE state <> 'purged' AND series IN (SELECT name FROM series WHERE host = ?)"
                " ORDER BY id",
                "t", host);
}

static int next_turn(Store *store, const char *series, int64_t *ret, Error *error)
{
        _cleanup_site_row_ SiteRow last = {0};
        int r = row_get(
                store, &site_table, &last, error, "series = ? ORDER BY turn DESC", "t", series);

        *ret = last.turn + 1;
        return r < 0 ? r : 0;
}

int site_move(Store *store, SiteRow *site, SiteEvent event, int64_t at_us, Error *error)
{
        SiteState next;
        int r = lifecycle_next(site->state, event, &next, error);

        if (r < 0) {
                error_where(error, "%s", site->name);
                return r;
        }
        r = next_turn(store, site->series, &site->turn, error);
        if (r < 0)
                return r;
        site->state = next;
        site->since_us = at_us;
        site->notice = 0;
        if (site->id)
                return row_update(store, &site_table, site, error);
        site->created_us = at_us;
        return row_insert(store, &site_table, site, error);
}

int allowances_of(Store *store, const char *series, Rows *ret, Error *error)
{
        return rows_get(
                store, &allowance_table, ret, error, "WHERE series = ? ORDER BY name", "t", series);
}

int allowance_set(Store *store, const AllowanceRow *allowance, Error *error)
{
        return store_run(store, error,
                "INSERT INTO allowance (series, name, why, who, at_us) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (series, name) DO UPDATE SET"
                " why = excluded.why, who = excluded.who, at_us = excluded.at_us",
                "tttti", allowance->series, allowance->name, allowance->why, allowance->who,
                allowance->at_us);
}

int settings_of(Store *store, const char *series, Rows *ret, Error *error)
{
        return rows_get(
                store, &setting_table, ret, error, "WHERE series = ? ORDER BY name", "t", series);
}

int setting_set(Store *store, const SettingRow *setting, Error *error)
{
        return store_run(store, error,
                "INSERT INTO setting (series, name, value, who, at_us) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (series, name) DO UPDATE SET"
                " value = excluded.value, who = excluded.who, at_us = excluded.at_us",
                "tttti", setting->series, setting->name, setting->value, setting->who,
                setting->at_us);
}

int settings_get(Store *store, const char *series, SeriesSettings *ret, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        _cleanup_rows_ Rows rows = {0};
        const SettingRow *row;
        int r = settings_of(store, series, &rows, error);

        if (r < 0)
                return r;
        option_defaults(series_settings, &settings);
        row = rows.items;
        for (size_t i = 0; i < rows.count; i++) {
                const Option *option = series_setting_find(row[i].name);

                // What an older version knew and this one does not is left alone.
                if (option && option_set(option, &settings, row[i].value, NULL) < 0)
                        continue;
        }
        *ret = TAKE(settings, (SeriesSettings){0});
        return 0;
}
