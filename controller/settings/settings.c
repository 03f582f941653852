#include "settings/settings.h"

#define KEPT_MAX (UINT64_C(100) * 366 * 86400)

static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static int refuse(const char *name, const char *value, const char *takes, Error *error)
{
        _cleanup_free_ char *shown = text_escape(value, strlen(value));

        error_set(error, -EINVAL, "setting", "'%s' is no value for %s", shown, name);
        error_why(error, "it takes: %s", takes);
        error_next(error, "Say it so: understudyctl series set SERIES %s=VALUE", name);
        return -EINVAL;
}

static int check_word(const char *value, const char *const *words)
{
        for (; *words; words++)
                if (text_equal(value, *words))
                        return 0;
        return -EINVAL;
}

static int check_native(const char *value, Error *error)
{
        (void)error;
        return check_word(value, (const char *const[]){"allow", "forbid", NULL});
}

static int check_delta(const char *value, Error *error)
{
        (void)error;
        return check_word(value, (const char *const[]){"off", "on-demand", "always", NULL});
}

static int check_myisam(const char *value, Error *error)
{
        (void)error;
        return check_word(value, (const char *const[]){"refuse", "stop", NULL});
}

static int check_clearance(const char *value, Error *error)
{
        uint64_t seconds;

        (void)error;
        return text_equal(value, "forecast") ? 0 : text_parse_duration(value, &seconds);
}

static int check_manager(const char *value, Error *error)
{
        (void)error;
        return check_word(
                value, (const char *const[]){"none", "supervisor", "systemd", "command", NULL});
}

static int check_web(const char *value, Error *error)
{
        (void)error;
        return check_word(value, (const char *const[]){"none", "nginx", "apache", NULL});
}

static int check_certificate(const char *value, Error *error)
{
        const char *key = strchr(value, ' ');

        (void)error;
        if (text_equal(value, "none"))
                return 0;
        return value[0] == '/' && key && key[1] == '/' && !strchr(key + 1, ' ') ? 0 : -EINVAL;
}

static int check_outcome_rule(const char *value, Error *error)
{
        (void)error;
        return check_word(
                value, (const char *const[]){"operator", "all-agree", "objection-cancels", NULL});
}

static int weekday_of(const char *word)
{
        for (size_t i = 0; i < ELEMENTS(weekdays); i++)
                if (text_equal(word, weekdays[i]))
                        return (int)i;
        return -1;
}

static int check_full_nights(const char *value, Error *error)
{
        _cleanup_free_ char *words = text_copy(value);
        char *rest = words;

        (void)error;
        if (text_equal(value, "all") || text_equal(value, "none"))
                return 0;
        for (char *word; (word = strsep(&rest, " "));)
                if (weekday_of(word) < 0)
                        return -EINVAL;
        return 0;
}

static int check_keep_old(const char *value, Error *error)
{
        uint64_t seconds;

        (void)error;
        if (text_equal(value, "forever"))
                return 0;
        return text_parse_duration(value, &seconds) == 0 && seconds <= KEPT_MAX ? 0 : -EINVAL;
}

const Option series_settings[] = {
#define ROW(setting, kind, field, takes, standard, checked, told)                                  \
        {                                                                                          \
                .section = takes,                                                                  \
                .name = (setting),                                                                 \
                .type = (kind),                                                                    \
                .offset = offsetof(SeriesSettings, field),                                         \
                .fallback = (standard),                                                            \
                .check = (checked),                                                                \
                .help = (told),                                                                    \
        },
        SERIES_SETTINGS(ROW)
#undef ROW
                {0}};

const Option *series_setting_find(const char *name)
{
        for (const Option *option = series_settings; option->name; option++)
                if (text_equal(option->name, name))
                        return option;
        return NULL;
}

static int refuse_name(const char *name, Error *error)
{
        _cleanup_free_ char *shown = text_escape(name, strlen(name)), *names = text_copy("");

        for (const Option *option = series_settings; option->name; option++) {
                char *longer = text_format("%s%s%s", names, *names ? ", " : "", option->name);

                free(names);
                names = longer;
        }
        error_set(error, -EINVAL, "setting", "there is no setting '%s'", shown);
        error_why(error, "a series has: %s", names);
        error_next(error, "What each means: understudyctl series set --help");
        return -EINVAL;
}

int series_setting_check(const char *name, const char *value, char **ret, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        const Option *option = series_setting_find(name);

        if (!option)
                return refuse_name(name, error);
        if (option_set(option, &settings, value, NULL) < 0)
                return refuse(name, value, option->section, error);
        *ret = option_text(option, &settings);
        return 0;
}

void series_settings_clear(SeriesSettings *settings)
{
        option_clear(series_settings, settings);
}

int64_t series_settings_kept(const SeriesSettings *settings)
{
        uint64_t seconds;

        return text_parse_duration(settings->keep_old, &seconds) < 0 ? -1 : (int64_t)seconds;
}

static bool is_full_night(const SeriesSettings *settings, int weekday)
{
        return text_equal(settings->full_nights, "all") ||
               strstr(settings->full_nights, weekdays[weekday]);
}

char *series_settings_no_delta(const SeriesSettings *settings, bool nightly, int weekday)
{
        if (text_equal(settings->delta, "off"))
                return text_copy("the series is set to delta=off");
        if (!nightly)
                return NULL;
        if (!text_equal(settings->delta, "always"))
                return text_format("the series is set to delta=%s, and this is a nightly run",
                        settings->delta);
        return is_full_night(settings, weekday)
                       ? text_format("the series is set to full-nights=%s", settings->full_nights)
                       : NULL;
}
