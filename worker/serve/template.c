#include "serve/template.h"

#include "base/file.h"

#define TEMPLATE_MAX (256U << 10)

void template_word(TemplateWords *words, const char *name, char *take_value)
{
        if (words->count < ELEMENTS(words->items))
                words->items[words->count++] = (TemplateWord){name, take_value};
        else
                free(take_value);
}

static const char *find(const TemplateWords *words, const char *name, size_t length)
{
        for (size_t i = 0; i < words->count; i++)
                if (strlen(words->items[i].name) == length &&
                        strncmp(words->items[i].name, name, length) == 0)
                        return words->items[i].value ? words->items[i].value : "";
        return NULL;
}

const char *template_word_get(const TemplateWords *words, const char *name)
{
        return find(words, name, strlen(name));
}

void template_words_clear(TemplateWords *words)
{
        for (size_t i = 0; i < words->count; i++)
                free(words->items[i].value);
        words->count = 0;
}

static int no_template(const Policy *policy, const char *name, int r, Error *error)
{
        const char *directory = policy->hosting.templates;

        error_set(error, r, "template", "cannot read the template '%s'", name);
        if (directory)
                error_where(error, "%s/%s", directory, name);
        if (r == -ENOENT)
                error_why(error, "there is none of that name, neither yours nor ours");
        error_next(error, "Write it there, or let the series' settings name another.");
        return r;
}

int template_read(const Policy *policy, const char *name, char **ret, Error *error)
{
        const TemplateSource *source = template_sources;
        _cleanup_free_ char *path = NULL;
        int r = -ENOENT;

        if (policy->hosting.templates) {
                path = text_format("%s/%s", policy->hosting.templates, name);
                r = file_read(path, TEMPLATE_MAX, ret, NULL);
        }
        if (r != -ENOENT)
                return r < 0 ? no_template(policy, name, r, error) : 0;
        while (source->name && !text_equal(source->name, name))
                source++;
        if (!source->name)
                return no_template(policy, name, r, error);
        *ret = text_copy_n((const char *)source->text, source->size);
        return 0;
}

// Length of the word between `at`, an '@', and the next '@'; 0: it is no word.
static size_t word_length(const char *at, bool *ret_condition)
{
        *ret_condition = at[1] == '?';
        size_t skip = *ret_condition ? 2 : 1;
        size_t length = strspn(at + skip, "abcdefghijklmnopqrstuvwxyz_");

        return length > 0 && at[skip + length] == '@' ? length : 0;
}

static int unknown_word(
        const char *name, const char *text, const char *at, size_t length, Error *error)
{
        unsigned line = 1;

        for (const char *c = text; c < at; c++)
                line += *c == '\n';
        error_set(error, -EINVAL, "template", "the template '%s' cannot be filled in", name);
        error_where(error, "%s:%u", name, line);
        error_why(error, "there is no word '%.*s'", (int)length, at);
        error_next(error, "Correct it; an @ that is no word's stays as it is.");
        return -EINVAL;
}

int template_fill(
        const char *name, const char *text, const TemplateWords *words, char **ret, Error *error)
{
        _cleanup_free_ char *filled = NULL;
        size_t size = 0;
        _cleanup_fclose_ FILE *out = open_memstream(&filled, &size);
        const char *at = text;

        if (!out)
                return error_set(error, -errno, "template", "out of memory");
        while (*at) {
                bool condition;
                size_t length = *at == '@' ? word_length(at, &condition) : 0;
                const char *word = at + (length && condition ? 2 : 1), *value;

                if (!length) {
                        fputc(*at++, out);
                        continue;
                }
                value = find(words, word, length);
                if (!value)
                        return unknown_word(
                                name, text, at, length + (size_t)(word - at) + 1, error);
                at = word + length + 1;
                if (!condition)
                        fputs(value, out);
                else if (!*value)
                        at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n');
        }
        fflush(out);
        *ret = text_copy(filled);
        return 0;
}
