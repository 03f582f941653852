// Writes a configuration as a file that explains itself.
#include "base/option.h"

#define WIDTH 90

static const void *field_of(const Option *option, const void *config)
{
        return (const char *)config + option->offset;
}

// The largest unit that divides the number; the plain number else.
static char *number_text(
        uint64_t number, const char *const *names, const uint64_t *units, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (number && number % units[i] == 0)
                        return text_format(
                                "%llu %s", (unsigned long long)(number / units[i]), names[i]);
        return text_format("%llu", (unsigned long long)number);
}

static char *size_text(uint64_t bytes)
{
        static const char *const names[] = {"GiB", "GB", "MiB", "MB", "KiB", "kB"};
        static const uint64_t units[] = {1U << 30, 1000000000, 1U << 20, 1000000, 1U << 10, 1000};

        return number_text(bytes, names, units, ELEMENTS(units));
}

static char *duration_text(uint64_t seconds)
{
        static const char *const names[] = {"d", "h", "min", "s"};
        static const uint64_t units[] = {86400, 3600, 60, 1};

        return number_text(seconds, names, units, ELEMENTS(units));
}

static char *list_text(const TextList *list)
{
        char *text = text_copy("");

        for (size_t i = 0; i < list->count; i++) {
                char *longer = text_format("%s%s%s", text, i ? " " : "", list->items[i]);

                free(text);
                text = longer;
        }
        return text;
}

char *option_text(const Option *option, const void *config)
{
        const void *field = field_of(option, config);

        switch (option->type) {
        case OPTION_TEXT:
        case OPTION_PATH:
                return text_copy(*(char *const *)field ? *(char *const *)field : "");
        case OPTION_LIST:
                return list_text(field);
        case OPTION_SIZE:
                return size_text(*(const uint64_t *)field);
        case OPTION_DURATION:
                return duration_text(*(const uint64_t *)field);
        case OPTION_BOOLEAN:
                return text_copy(*(const bool *)field ? "yes" : "no");
        default:
                return text_format("%llu", (unsigned long long)*(const uint64_t *)field);
        }
}

// The help as comment lines of at most WIDTH columns.
static void write_help(FILE *out, const char *help)
{
        _cleanup_free_ char *words = text_copy(help);
        char *rest = words;
        size_t column = 0;

        for (char *word; (word = strsep(&rest, " "));) {
                if (column == 0 || column + 1 + strlen(word) > WIDTH) {
                        column = (size_t)fprintf(out, "%s# ", column ? "\n" : "") - (column > 0);
                        column += (size_t)fprintf(out, "%s", word);
                } else {
                        column += (size_t)fprintf(out, " %s", word);
                }
        }
        fputc('\n', out);
}

static void write_values(FILE *out, const Option *option, const void *config, const char *mark)
{
        const TextList *list = field_of(option, config);
        _cleanup_free_ char *text = NULL;

        if (option->type != OPTION_LIST || list->count == 0) {
                text = option_text(option, config);
                fprintf(out, "%s%s =%s%s\n", mark, option->name, *text ? " " : "", text);
                return;
        }
        for (size_t i = 0; i < list->count; i++)
                fprintf(out, "%s%s = %s\n", mark, option->name, list->items[i]);
}

// A struct with the defaults is as large as its last field's end.
static size_t config_size(const Option *options)
{
        size_t size = 0;

        for (const Option *option = options; option->name; option++)
                if (option->offset + sizeof(TextList) > size)
                        size = option->offset + sizeof(TextList);
        return size;
}

static void write_option(FILE *out, const Option *option, const void *config, const void *defaults)
{
        _cleanup_free_ char *now = option_text(option, config);
        _cleanup_free_ char *before = option_text(option, defaults);

        fputc('\n', out);
        write_help(out, option->help);
        write_values(out, option, config, text_equal(now, before) ? "#" : "");
}

char *option_render(const Option *options, const void *config)
{
        _cleanup_free_ void *defaults = memory_new(config_size(options));
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                abort();
        option_defaults(options, defaults);
        for (const Option *option = options; option->name; option++) {
                if (option == options || !text_equal(option[-1].section, option->section))
                        fprintf(out, "%s[%s]\n", option == options ? "" : "\n", option->section);
                write_option(out, option, config ? config : defaults, defaults);
        }
        fclose(out);
        option_clear(options, defaults);
        return text;
}
