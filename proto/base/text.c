#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>

void *memory_new(size_t size)
{
        void *memory = calloc(1, size ? size : 1);

        if (!memory)
                abort();
        return memory;
}

void *memory_grow(void *memory, size_t size)
{
        void *grown = realloc(memory, size ? size : 1);

        if (!grown)
                abort();
        return grown;
}

char *text_copy(const char *text)
{
        return text ? text_copy_n(text, strlen(text)) : NULL;
}

char *text_copy_n(const char *text, size_t length)
{
        char *copy = memory_new(length + 1);

        memcpy(copy, text, length);
        return copy;
}

char *text_vformat(const char *format, va_list arguments)
{
        char *text;

        if (vasprintf(&text, format, arguments) < 0)
                abort();
        return text;
}

char *text_format(const char *format, ...)
{
        va_list arguments;
        char *text;

        va_start(arguments, format);
        text = text_vformat(format, arguments);
        va_end(arguments);
        return text;
}

bool text_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_starts(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
        size_t length = strlen(text), tail = strlen(suffix);

        return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

bool text_blank(const char *text)
{
        return !text || !*text;
}

// Length of the valid UTF-8 sequence at `bytes`, or 0. Overlong forms, surrogates and what lies
// beyond U+10FFFF are invalid (RFC 3629).
static size_t utf8_sequence(const unsigned char *bytes, size_t left)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t length;
        uint32_t point;

        if (bytes[0] < 0x80)
                return 1;
        length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
        if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > left)
                return 0;
        point = bytes[0] & (0x7fU >> length);
        for (size_t i = 1; i < length; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
                point = point << 6 | (bytes[i] & 0x3fU);
        }
        if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
                return 0;
        return length;
}

char *text_escape(const char *bytes, size_t length)
{
        static const char letters[] = "abtnvfr";
        const unsigned char *from = (const unsigned char *)bytes;
        char *text = memory_new(length * 4 + 1), *to = text;

        for (size_t i = 0; i < length;) {
                size_t sequence = utf8_sequence(from + i, length - i);
                unsigned char c = from[i];

                if (sequence > 1 || (sequence == 1 && isprint(c) && c != '\\')) {
                        memcpy(to, from + i, sequence);
                        to += sequence;
                        i += sequence;
                        continue;
                }
                i++;
                if (c == '\\') {
                        *to++ = '\\';
                        *to++ = '\\';
                } else if (c >= '\a' && c <= '\r') {
                        *to++ = '\\';
                        *to++ = letters[c - '\a'];
                } else {
                        to += sprintf(to, "\\%03o", c);
                }
        }
        *to = '\0';
        return text;
}

char *text_hexadecimal(const void *bytes, size_t size)
{
        char *text = memory_new(2 * size + 1);

        for (size_t i = 0; i < size; i++)
                snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
        return text;
}

char *text_to_utf8(const char *bytes, size_t length)
{
        const unsigned char *from = (const unsigned char *)bytes;
        char *text = memory_new(length * 3 + 1), *to = text;

        for (size_t i = 0; i < length;) {
                size_t sequence = from[i] ? utf8_sequence(from + i, length - i) : 0;

                memcpy(to, sequence ? bytes + i : "\xef\xbf\xbd", sequence ? sequence : 3);
                to += sequence ? sequence : 3;
                i += sequence ? sequence : 1;
        }
        *to = '\0';
        return text;
}

const char *text_bytes(uint64_t bytes)
{
        static const char units[] = "kMGTPE";
        static _Thread_local char results[4][24];
        static _Thread_local unsigned next;
        char *result = results[next++ % ELEMENTS(results)];
        double value = (double)bytes;
        int unit = -1;

        for (; value >= 999.5; unit++)
                value /= 1000;
        if (unit < 0)
                snprintf(result, sizeof(results[0]), "%" PRIu64 " B", bytes);
        else
                snprintf(result, sizeof(results[0]), value < 9.95 ? "%.1f %cB" : "%.0f %cB", value,
                        units[unit]);
        return result;
}

int text_parse_u64(const char *text, uint64_t *ret)
{
        uint64_t value = 0;

        if (text_blank(text))
                return -EINVAL;
        for (; *text; text++) {
                if (!isdigit((unsigned char)*text))
                        return -EINVAL;
                if (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, *text - '0', &value))
                        return -ERANGE;
        }
        *ret = value;
        return 0;
}

int text_parse_quantity(const char *text, const TextUnit *units, size_t count, uint64_t *ret)
{
        size_t digits = strspn(text, "0123456789");
        _cleanup_free_ char *number = text_copy_n(text, digits);
        const char *unit = text + digits + strspn(text + digits, " ");
        uint64_t value;
        int r = text_parse_u64(number, &value);

        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++) {
                if (strcmp(unit, units[i].name) != 0)
                        continue;
                if (__builtin_mul_overflow(value, units[i].factor, &value))
                        return -ERANGE;
                *ret = value;
                return 0;
        }
        return -EINVAL;
}

int text_parse_duration(const char *text, uint64_t *ret_seconds)
{
        static const TextUnit units[] = {
                {"", 1}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};

        return text_parse_quantity(text, units, ELEMENTS(units), ret_seconds);
}

int text_parse_time_of_day(const char *text, int *ret_minutes)
{
        static const char form[] = "00:00";
        int digits[sizeof(form)];

        for (size_t i = 0; i < sizeof(form); i++) {
                digits[i] = text[i] - '0';
                if (form[i] == '0' ? digits[i] < 0 || digits[i] > 9 : text[i] != form[i])
                        return -EINVAL;
        }
        if (digits[0] * 10 + digits[1] > 23 || digits[3] > 5)
                return -EINVAL;
        *ret_minutes = (digits[0] * 10 + digits[1]) * 60 + digits[3] * 10 + digits[4];
        return 0;
}

void text_list_take(TextList *list, char *take_text)
{
        list->items = memory_grow(list->items, (list->count + 2) * sizeof(char *));
        list->items[list->count++] = take_text;
        list->items[list->count] = NULL;
}

void text_list_add(TextList *list, const char *text)
{
        text_list_take(list, text_copy(text));
}

bool text_list_has(const TextList *list, const char *text)
{
        for (size_t i = 0; i < list->count; i++)
                if (text_equal(list->items[i], text))
                        return true;
        return false;
}

char *text_list_join(const TextList *list, const char *between)
{
        char *text = text_copy("");

        for (size_t i = 0; i < list->count; i++) {
                char *longer = text_format("%s%s%s", text, i ? between : "", list->items[i]);

                free(text);
                text = longer;
        }
        return text;
}

void text_list_clear(TextList *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i]);
        free(list->items);
        *list = (TextList){0};
}
