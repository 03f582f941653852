// What a series can be set to: one row a setting. From it come the defaults, the refusals, the API,
// `understudyctl series show` and the manual of `understudyctl series set`.
#ifndef UNDERSTUDY_SETTINGS_SETTINGS_H
#define UNDERSTUDY_SETTINGS_SETTINGS_H

#include "base/option.h"

typedef struct SeriesSettings {
        bool quick;
        char *native;              // "allow", "forbid"
        char *delta;               // "off", "on-demand", "always"
        char *full_nights;         // "all", "none", or weekdays: "sun wed"
        uint64_t compare_interval; // seconds
        char *myisam;              // "refuse", "stop"
        char *clearance;           // "forecast", or a duration
        // How its sites are served. Host names are what turns it on; "none" and "standard" say that
        // nothing is set.
        char *prod_hosts, *preview_hosts;             // names, a blank between them
        char *prod_certificate, *preview_certificate; // "CERTIFICATE KEY", paths
        char *manager, *server, *program, *linod;
        char *web, *vhost, *listen;
        char *health_path;
        uint64_t health_time, drain_time; // seconds
        char *outcome_rule;               // "operator", "all-agree", "objection-cancels"
        char *keep_old;                   // "forever" or a duration: series_settings_kept
        uint64_t retire_notice;           // seconds
} SeriesSettings;

// X(name, type, field, what it takes, default, check, help in one line of at most 70 columns)
#define SERIES_SETTINGS(X)                                                                         \
        X("quick", OPTION_BOOLEAN, quick, "yes | no", "no", NULL,                                  \
                "Restore without Lino's full_clean(): quicker, and it checks less.")               \
        X("native", OPTION_TEXT, native, "allow | forbid", "allow", check_native,                  \
                "Same versions and no edited script: copy the database itself.")                   \
        X("delta", OPTION_TEXT, delta, "off | on-demand | always", "on-demand", check_delta,       \
                "Restore only what has changed; on-demand: not in nightly runs.")                  \
        X("full-nights", OPTION_TEXT, full_nights, "all | none | DAY...", "sun",                   \
                check_full_nights,                                                                 \
                "With delta=always, the days (\"sun wed\") of full nightly runs.")                 \
        X("compare-interval", OPTION_DURATION, compare_interval, "DURATION", "7 d", NULL,          \
                "How often a delta is compared with a full restore, row by row.")                  \
        X("myisam", OPTION_TEXT, myisam, "refuse | stop", "refuse", check_myisam,                  \
                "MyISAM tables have no snapshot: refuse, or stop writers meanwhile.")              \
        X("clearance", OPTION_TEXT, clearance, "forecast | DURATION", "forecast", check_clearance, \
                "How long before an announced attempt no nightly run begins.")                     \
        X("prod-hosts", OPTION_TEXT, prod_hosts, "none | NAME...", "none", NULL,                   \
                "Host names of production; with preview-hosts, roles are managed.")                \
        X("preview-hosts", OPTION_TEXT, preview_hosts, "none | NAME...", "none", NULL,             \
                "Host names of the preview, whose mail is kept as files.")                         \
        X("prod-certificate", OPTION_TEXT, prod_certificate, "none | CERTIFICATE KEY", "none",     \
                check_certificate, "Paths for HTTPS; they are referred to, not made.")             \
        X("preview-certificate", OPTION_TEXT, preview_certificate, "none | CERTIFICATE KEY",       \
                "none", check_certificate, "The same for the preview.")                            \
        X("manager", OPTION_TEXT, manager, "none | supervisor | systemd | command", "none",        \
                check_manager, "What runs the sites' programs.")                                   \
        X("server", OPTION_TEXT, server, "uwsgi | gunicorn | TEMPLATE", "uwsgi", NULL,             \
                "What the program of a site is.")                                                  \
        X("program", OPTION_TEXT, program, "PATTERN", "%s-%r", NULL,                               \
                "Name of a site's program: %s is the site, %r prod or preview.")                   \
        X("linod", OPTION_TEXT, linod, "none | PATTERN", "none", NULL,                             \
                "Name of production's linod program, such as linod_%s.")                           \
        X("web", OPTION_TEXT, web, "none | nginx | apache", "none", check_web,                     \
                "Whose vhosts lead to the sites.")                                                 \
        X("vhost", OPTION_TEXT, vhost, "standard | TEMPLATE", "standard", NULL,                    \
                "A template of yours for the vhosts.")                                             \
        X("listen", OPTION_TEXT, listen, "standard | [ADDRESS:]PORT", "standard", NULL,            \
                "Where vhosts listen: 80, or 443 with a certificate.")                             \
        X("health-path", OPTION_TEXT, health_path, "PATH", "/", NULL,                              \
                "What a site has to answer before visitors are led to it.")                        \
        X("health-time", OPTION_DURATION, health_time, "DURATION", "1 min", NULL,                  \
                "Within which time.")                                                              \
        X("drain-time", OPTION_DURATION, drain_time, "DURATION", "30 s", NULL,                     \
                "How long a request may go on when its program is to stop.")                       \
        X("outcome-rule", OPTION_TEXT, outcome_rule, "operator | all-agree | objection-cancels",   \
                "operator", check_outcome_rule,                                                    \
                "Who decides on an upgrade attempt: an operator, or its voters.")                  \
        X("keep-old", OPTION_TEXT, keep_old, "forever | DURATION", "forever", check_keep_old,      \
                "How long a replaced production is kept before it is retired.")                    \
        X("retire-notice", OPTION_DURATION, retire_notice, "DURATION", "7 d", NULL,                \
                "How long before that it is announced; never without.")

// For manuals: a line each for what it takes, with its default, and for its help.
#define SETTING_MANUAL(name, type, field, takes, fallback, check, help)                            \
        "  " name " = " takes "  (" fallback ")\n"                                                 \
        "    " help "\n"
#define SERIES_SETTINGS_MANUAL SERIES_SETTINGS(SETTING_MANUAL)

// Ends with a row of zeros.
extern const Option series_settings[];

const Option *series_setting_find(const char *name); // NULL: there is none

// Whether `name` may be set to `value`, and how that is written. -EINVAL, code "setting": no such
// setting (all are listed), or no such value (what it takes is told). `ret` is the caller's.
int series_setting_check(const char *name, const char *value, char **ret, Error *error) _must_use_;

void series_settings_clear(SeriesSettings *settings);
#define _cleanup_settings_ _cleanup_(series_settings_clear)

// Seconds that a replaced production is kept, or -1: until somebody asks.
int64_t series_settings_kept(const SeriesSettings *settings);

// Why a delta must not be used, as the series is set: for people, allocated; NULL: it may.
// `weekday`: 0 is Sunday; `nightly`: the synchronisation was asked for by a timer.
char *series_settings_no_delta(const SeriesSettings *settings, bool nightly, int weekday);

#endif
