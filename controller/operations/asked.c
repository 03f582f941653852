#include "operations/asked.h"

#include <math.h>

#include "base/text.h"
#include "control/jobs.h"
#include "tell/view.h"

#define LIMIT_MAX 10000
#define KEEP_MAX  (100.0 * 366 * 86400)

static int refuse(const char *name, const char *why, Error *error)
{
        error_set(error, -EINVAL, "bad-request", "the request cannot be understood");
        error_where(error, "%s", name);
        error_why(error, "%s", why);
        return -EINVAL;
}

int asked_text(const json_t *body, const char *name, bool required, const char **ret, Error *error)
{
        const json_t *value = json_object_get(body, name);

        *ret = NULL;
        if (!value || json_is_null(value))
                return required ? refuse(name, "it is missing", error) : 0;
        if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
                return refuse(name, "it must be a text", error);
        if (required && text_blank(json_string_value(value)))
                return refuse(name, "it is empty", error);
        *ret = json_string_value(value);
        return 0;
}

int asked_flag(const json_t *body, const char *name, bool *ret, Error *error)
{
        const json_t *value = json_object_get(body, name);

        *ret = json_is_true(value);
        return !value || json_is_null(value) || json_is_boolean(value)
                       ? 0
                       : refuse(name, "it must be true or false", error);
}

int asked_seconds(const json_t *body, const char *name, int64_t *ret, Error *error)
{
        const json_t *value = json_object_get(body, name);
        double seconds = json_number_value(value);

        *ret = 0;
        if (!value || json_is_null(value))
                return 0;
        if (!json_is_number(value) || !isfinite(seconds) || seconds < 0 || seconds > KEEP_MAX)
                return refuse(name, "it must be a number of seconds, at most 100 years", error);
        *ret = (int64_t)seconds;
        return 0;
}

static int check_line(const char *name, const json_t *value, Error *error)
{
        const char *text = json_string_value(value);

        if (!text || strlen(text) != json_string_length(value))
                return refuse(name, "it must be a text", error);
        if (text_blank(text))
                return refuse(name, "it is empty", error);
        if (strlen(text) > ASKED_LINE_MAX)
                return refuse(name, "it is longer than 1000 bytes", error);
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        return refuse(name, "it must be one line", error);
        return 0;
}

int asked_line(const json_t *body, const char *name, bool required, const char **ret, Error *error)
{
        int r = asked_text(body, name, required, ret, error);

        return r < 0 || text_blank(*ret) ? r : check_line(name, json_object_get(body, name), error);
}

int asked_lines(const json_t *body, const char *name, TextList *ret, Error *error)
{
        const json_t *list = json_object_get(body, name), *item;
        size_t i;

        if (!list || json_is_null(list))
                return 0;
        if (!json_is_array(list))
                return refuse(name, "it must be a list of texts", error);
        json_array_foreach (list, i, item) {
                int r = check_line(name, item, error);

                if (r < 0)
                        return r;
                text_list_add(ret, json_string_value(item));
        }
        return 0;
}

int asked_only(const json_t *body, const char *const *names, Error *error)
{
        const char *key;
        json_t *value;

        json_object_foreach ((json_t *)body, key, value) {
                size_t i = 0;

                while (names[i] && strcmp(names[i], key) != 0)
                        i++;
                if (!names[i])
                        return refuse(key, "there is no such member", error);
        }
        return 0;
}

const char *asked_query(const json_t *query, const char *name)
{
        const char *text = json_string_value(json_object_get(query, name));

        return text_blank(text) ? NULL : text;
}

int asked_count(const json_t *query, const char *name, int64_t fallback, int64_t most, int64_t *ret,
        Error *error)
{
        const char *text = asked_query(query, name);
        _cleanup_free_ char *why = NULL;
        uint64_t count = (uint64_t)fallback;

        if (text && (text_parse_u64(text, &count) < 0 || count < 1 || count > (uint64_t)most)) {
                why = text_format("it must be a number from 1 to %lld", (long long)most);
                return refuse(name, why, error);
        }
        *ret = (int64_t)count;
        return 0;
}

int asked_limit(const json_t *query, int64_t fallback, int64_t *ret, Error *error)
{
        return asked_count(query, "limit", fallback, LIMIT_MAX, ret, error);
}

int asked_host(Controller *controller, const char *name, const char *doing, Error *error)
{
        _cleanup_host_ HostRow host = {0};
        int r = host_get(controller->store, name, &host, error);

        if (r < 0)
                return r;
        if (r > 0 && host.state == HOST_JOINED)
                return 0;
        r = error_set(error, -ENOENT, "no-host", "cannot %s host '%s'", doing, name);
        error_why(error, "%s",
                host.name ? "it was invited, but has not joined" : "there is no such host");
        if (host.name)
                error_next(error, "Type the join line on it; a new one: understudyctl host add %s",
                        name);
        else
                error_next(error, "Invite it: understudyctl host add %s", name);
        return r;
}

int asked_series(Controller *controller, const char *name, SeriesRow *ret, Error *error)
{
        int r = series_get(controller->store, name, ret, error);

        if (r != 0)
                return r < 0 ? r : 0;
        r = error_set(error, -ENOENT, "no-series", "there is no series '%s'", name);
        error_why(error, "none of that name was added");
        error_next(error, "List them: understudyctl series list");
        return r;
}

int asked_job(Controller *controller, const char *id, JobRow *ret, Error *error)
{
        uint64_t number;
        int r = 0;

        if (text_parse_u64(id, &number) == 0 && number <= INT64_MAX)
                r = job_get(controller->store, (int64_t)number, ret, error);
        if (r != 0)
                return r < 0 ? r : 0;
        r = error_set(error, -ENOENT, "no-job", "there is no job '%s'", id);
        error_why(error, "jobs are numbered from 1, and none was given that number");
        error_next(error, "List them: understudyctl job list");
        return r;
}

int asked_show_job(Controller *controller, int64_t id, json_t **ret, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        int r = job_get(controller->store, id, &job, error);

        return r < 0 ? r : view_job(controller, &job, true, ret, error);
}

int asked_queue(Controller *controller, JobRow *job, json_t **ret, Error *error)
{
        int r = controller_begin(controller, error);

        if (r < 0)
                return r;
        r = jobs_create(controller, job, error);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : asked_show_job(controller, job->id, ret, error);
}
