// Series, their sites, and the differences that are allowed between these.
#ifndef UNDERSTUDY_STORE_SERIES_H
#define UNDERSTUDY_STORE_SERIES_H

#include "settings/settings.h"
#include "store/lifecycle.h"
#include "store/row.h"

typedef struct SeriesRow {
        char *name;
        char *host;
        char *root;
        int64_t created_us;
        char *prod_link, *preview_link; // sites the root's links point at, as last seen; "": none
        int64_t last_dump_bytes, last_database_bytes, last_environment_bytes; // 0: not known yet
} SeriesRow;

DEFINE_ROW(SeriesRow, series)
#define _cleanup_series_ _cleanup_(series_clear)

typedef struct SiteRow {
        int64_t id;
        char *series;
        char *name;
        SiteState state;
        Blob identity;       // Identity
        Blob versions;       // Versions
        char *log_directory; // as the log step reported it; "": none
        int64_t created_us;
        int64_t since_us; // it has its state
        int64_t notice;   // announcement of its retirement; 0: none yet
        int64_t turn;     // of its last move among those of its series, whatever the clock said
} SiteRow;

DEFINE_ROW(SiteRow, site)
#define _cleanup_site_row_ _cleanup_(site_clear)

typedef struct AllowanceRow {
        int64_t id;
        char *series;
        char *name; // of the table
        char *why;
        char *who;
        int64_t at_us;
} AllowanceRow;

DEFINE_ROW(AllowanceRow, allowance)
#define _cleanup_allowance_ _cleanup_(allowance_clear)

// What a series was set to; a setting without a row has its default.
typedef struct SettingRow {
        int64_t id;
        char *series;
        char *name, *value;
        char *who;
        int64_t at_us;
} SettingRow;

DEFINE_ROW(SettingRow, setting)

// 1: found; 0: there is none.
int series_get(Store *store, const char *name, SeriesRow *ret, Error *error) _must_use_;
int series_list(Store *store, Rows *ret, Error *error) _must_use_; // by name
int series_of_host(Store *store, const char *host, Rows *ret, Error *error) _must_use_;

// The site of a series in a state: of several, the one that came to it last. 1: found; 0: none.
int site_get(Store *store, const char *series, SiteState state, SiteRow *ret, Error *error)
        _must_use_;
// One that is not purged. 1: found; 0: there is none.
int site_named(Store *store, const char *series, const char *name, SiteRow *ret, Error *error)
        _must_use_;
int sites_of_series(Store *store, const char *series, Rows *ret, Error *error) _must_use_;
// All that are not purged.
int sites_of_host(Store *store, const char *host, Rows *ret, Error *error) _must_use_;

// Those that have been replaced and not retired, of all series.
int sites_old(Store *store, Rows *ret, Error *error) _must_use_;

// Moves a site along an edge of its life, at `at_us`; a site with id 0 is inserted.
int site_move(Store *store, SiteRow *site, SiteEvent event, int64_t at_us, Error *error) _must_use_;

int allowances_of(Store *store, const char *series, Rows *ret, Error *error) _must_use_;
// Adds an allowance, or gives the one of the same table a new reason.
int allowance_set(Store *store, const AllowanceRow *allowance, Error *error) _must_use_;

int settings_of(Store *store, const char *series, Rows *ret, Error *error) _must_use_;
int setting_set(Store *store, const SettingRow *setting, Error *error) _must_use_;
// All settings of a series, with their defaults. Free with series_settings_clear.
int settings_get(Store *store, const char *series, SeriesSettings *ret, Error *error) _must_use_;

#endif
