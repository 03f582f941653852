#include "steps/words.h"

#include <ctype.h>
#include <regex.h>

static bool is_word(char c)
{
        return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

char *word_replace(const char *text, const char *from, const char *to, size_t *ret_count)
{
        size_t length = strlen(from), replacement = strlen(to), count = 0, size = 0;
        char *result = memory_new(
                strlen(text) / length * (length + replacement) + length + strlen(text) + 1);
        const char *at = text, *found;

        while ((found = strstr(at, from))) {
                bool whole = (found == text || !is_word(found[-1])) && !is_word(found[length]);
                size_t before = (size_t)(found - at);

                memcpy(result + size, at, before);
                size += before;
                memcpy(result + size, whole ? to : from, whole ? replacement : length);
                size += whole ? replacement : length;
                count += whole;
                at = found + length;
        }
        memcpy(result + size, at, strlen(at) + 1);
        if (ret_count)
                *ret_count = count;
        return result;
}

const char *word_find(const char *bytes, size_t size, const char *word)
{
        size_t length = strlen(word);
        const char *at = bytes, *end = bytes + size;

        while ((at = memmem(at, (size_t)(end - at), word, length))) {
                if ((at == bytes || !isalnum((unsigned char)at[-1])) &&
                        (at + length == end || !isalnum((unsigned char)at[length])))
                        return at;
                at += length;
        }
        return NULL;
}

bool assignment_find(const char *text, const char *name, size_t *ret_start, size_t *ret_length)
{
        size_t length = strlen(name);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *at, *end;

                line += *line == '\n';
                if (strncmp(line, name, length) != 0)
                        continue;
                at = line + length + strspn(line + length, " \t");
                if (*at != '=')
                        continue;
                at += 1 + strspn(at + 1, " \t");
                end = *at == '\'' || *at == '"' ? strchr(at + 1, *at) : NULL;
                if (!end || memchr(at, '\n', (size_t)(end - at)) ||
                        memchr(at, '\\', (size_t)(end - at)))
                        continue;
                *ret_start = (size_t)(at + 1 - text);
                *ret_length = (size_t)(end - at - 1);
                return true;
        }
        return false;
}

// The value is the second group. Quoted, as in Python; bare, as in an .ini file or a shell script.
static const char *const secret_patterns[] = {
        "(SECRET_KEY|PASSWORD|PASSWD|SECRET|TOKEN|API_KEY)['\"]?[] \t:=,]+b?['\"]([^'\"]+)",
        "^[A-Z0-9_. \t]*(SECRET_KEY|PASSWORD|PASSWD|SECRET|TOKEN|API_KEY)[ \t]*=[ \t]*"
        "([^'\" \t(]+)",
        "[a-z0-9+]+://([^:/@ \t]*):([^@ \t'\"]+)@",
};

static char *mask_line(const char *line, const char *key, const regex_t *patterns)
{
        char *masked = text_copy(line);

        for (size_t i = 0; i < ELEMENTS(secret_patterns); i++) {
                regmatch_t match[3];
                bool is_key;
                char *next;

                if (regexec(&patterns[i], masked, ELEMENTS(match), match, 0) != 0)
                        continue;
                is_key = strncasecmp(masked + match[1].rm_so, "SECRET_KEY", 10) == 0;
                next = text_format("%.*s%s%s", (int)match[2].rm_so, masked, is_key ? key : "***",
                        masked + match[2].rm_eo);
                free(masked);
                masked = next;
        }
        return masked;
}

char *secrets_mask(const char *text, const char *key)
{
        regex_t patterns[ELEMENTS(secret_patterns)];
        size_t size = 0;
        char *result = memory_new(1);

        for (size_t i = 0; i < ELEMENTS(patterns); i++)
                if (regcomp(&patterns[i], secret_patterns[i], REG_EXTENDED | REG_ICASE) != 0)
                        abort(); // out of memory: the patterns are tested
        for (const char *at = text; *at;) {
                size_t length = strcspn(at, "\n");
                _cleanup_free_ char *line = text_copy_n(at, length);
                _cleanup_free_ char *masked = mask_line(line, key, patterns);
                size_t masked_length = strlen(masked);

                at += length;
                result = memory_grow(result, size + masked_length + 2);
                memcpy(result + size, masked, masked_length);
                size += masked_length;
                if (*at == '\n') {
                        result[size++] = '\n';
                        at++;
                }
        }
        result[size] = '\0';
        for (size_t i = 0; i < ELEMENTS(patterns); i++)
                regfree(&patterns[i]);
        return result;
}
