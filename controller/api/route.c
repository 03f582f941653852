#include "api/route.h"

#include <ctype.h>

#include "base/text.h"

static int hex_digit(char c)
{
        return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

// Decodes %XX once. -EINVAL for a malformed one, control characters and invalid UTF-8.
static int decode(const char *from, size_t length, char **ret)
{
        _cleanup_free_ char *text = memory_new(length + 1);
        _cleanup_free_ char *valid = NULL;
        size_t size = 0;

        for (size_t i = 0; i < length; i++) {
                char c = from[i];

                if (c == '%') {
                        if (i + 2 >= length || !isxdigit((unsigned char)from[i + 1]) ||
                                !isxdigit((unsigned char)from[i + 2]))
                                return -EINVAL;
                        c = (char)(hex_digit(from[i + 1]) << 4 | hex_digit(from[i + 2]));
                        i += 2;
                }
                if ((unsigned char)c < 0x20 || c == 0x7f)
                        return -EINVAL;
                text[size++] = c;
        }
        valid = text_to_utf8(text, size);
        if (strcmp(valid, text) != 0)
                return -EINVAL;
        *ret = TAKE_PTR(text);
        return 0;
}

static size_t segment_length(const char *path)
{
        return strcspn(path, "/");
}

static int match_segments(const char *template, const char *path, char **subjects)
{
        size_t count = 0;

        while (*template == '/' && *path == '/') {
                size_t wanted = segment_length(++template), given = segment_length(++path);

                if (*template == '{') {
                        if (given == 0 || count == ROUTE_SUBJECTS)
                                return 0;
                        if (decode(path, given, &subjects[count++]) < 0)
                                return -EINVAL;
                } else if (wanted != given || memcmp(template, path, wanted) != 0) {
                        return 0;
                }
                template += wanted;
                path += given;
        }
        return *template == '\0' && *path == '\0';
}

// Compares a path as sent, without its query, with a template such as "/v1/jobs/{job}/cancel".
// 1: it fits and `subjects` holds what stood in braces, decoded, for the caller to free; 0: it does
// not; -EINVAL: it fits but what stands in braces is not UTF-8, or holds a control character.
static int match(const char *template, const char *path, char *subjects[ROUTE_SUBJECTS])
{
        char *found[ROUTE_SUBJECTS] = {0};
        int result = match_segments(template, path, found);

        for (size_t i = 0; i < ROUTE_SUBJECTS; i++)
                if (result == 1)
                        subjects[i] = found[i];
                else
                        free(found[i]);
        return result;
}

static void free_subjects(char *subjects[ROUTE_SUBJECTS])
{
        for (size_t i = 0; i < ROUTE_SUBJECTS; i++)
                free(TAKE_PTR(subjects[i]));
}

int route_find(const Operation *table, const char *method, const char *path, const Operation **ret,
        char *subjects[ROUTE_SUBJECTS], char *allow, size_t size)
{
        size_t used = 0;

        allow[0] = '\0';
        for (const Operation *row = table; row->path; row++) {
                int matched = match(row->path, path, subjects);

                if (matched < 0)
                        return matched;
                if (matched && strcmp(row->method, method) == 0) {
                        *ret = row;
                        return 0;
                }
                if (matched && used < size)
                        used += (size_t)snprintf(
                                allow + used, size - used, "%s%s", used ? ", " : "", row->method);
                free_subjects(subjects);
        }
        return used ? -EOPNOTSUPP : -ENOENT;
}

static int parse_pair(json_t *object, const char *pair, size_t length)
{
        const char *equals = memchr(pair, '=', length);
        size_t name_length = equals ? (size_t)(equals - pair) : length;
        _cleanup_free_ char *name = NULL;
        _cleanup_free_ char *value = NULL;
        int result;

        result = decode(pair, name_length, &name);
        if (result == 0)
                result = equals ? decode(equals + 1, length - name_length - 1, &value)
                                : decode("", 0, &value);
        if (result < 0 || !*name || json_object_get(object, name))
                return -EINVAL;
        return json_object_set_new(object, name, json_string(value)) < 0 ? -EINVAL : 0;
}

int route_parse_query(const char *query, json_t **ret)
{
        json_t *object = json_object();

        while (*query) {
                size_t length = strcspn(query, "&");

                if (length && parse_pair(object, query, length) < 0) {
                        json_decref(object);
                        return -EINVAL;
                }
                query += length + (query[length] == '&');
        }
        *ret = object;
        return 0;
}
