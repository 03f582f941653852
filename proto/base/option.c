#include "base/option.h"

#include <ini.h>

#include "base/file.h"

#define FILE_BYTES_MAX (1U << 20)

static void *field_of(const Option *option, const void *config)
{
        return (char *)config + option->offset;
}

// ---------------------------------------------------------------- values

int option_parse_size(const char *text, uint64_t *ret_bytes)
{
        static const TextUnit units[] = {{"", 1}, {"B", 1}, {"kB", 1000}, {"MB", 1000000},
                {"GB", 1000000000}, {"TB", 1000000000000}, {"KiB", UINT64_C(1) << 10},
                {"MiB", UINT64_C(1) << 20}, {"GiB", UINT64_C(1) << 30}, {"TiB", UINT64_C(1) << 40}};

        return text_parse_quantity(text, units, ELEMENTS(units), ret_bytes);
}

static int refuse(
        const Option *option, int r, const char *value, const char *expected, Error *error)
{
        _cleanup_free_ char *shown = text_escape(value, strlen(value));

        error_set(error, r, "configuration", "'%s' is no value for %s", shown, option->name);
        error_why(error, "%s", expected);
        return r;
}

static int set_number(const Option *option, uint64_t *field, const char *value,
        int (*parse)(const char *, uint64_t *), const char *expected, Error *error)
{
        _cleanup_free_ char *bounds = NULL;
        uint64_t number;
        int r = parse(value, &number);

        if (r < 0)
                return refuse(option, r, value, expected, error);
        if (number >= option->least && (!option->most || number <= option->most)) {
                *field = number;
                return 0;
        }
        bounds = option->most ? text_format("it must lie between %llu and %llu",
                                        (unsigned long long)option->least,
                                        (unsigned long long)option->most)
                              : text_format("it must be %llu or more",
                                        (unsigned long long)option->least);
        return refuse(option, -ERANGE, value, bounds, error);
}

static int set_boolean(const Option *option, bool *field, const char *value, Error *error)
{
        if (!text_equal(value, "yes") && !text_equal(value, "no"))
                return refuse(option, -EINVAL, value, "it takes yes or no", error);
        *field = text_equal(value, "yes");
        return 0;
}

static void set_text(char **field, const char *value)
{
        free(*field);
        *field = text_copy(value);
}

int option_set(const Option *option, void *config, const char *value, Error *error)
{
        void *field = field_of(option, config);
        int r = option->check ? option->check(value, error) : 0;

        if (r < 0)
                return r;
        switch (option->type) {
        case OPTION_PATH:
                if (value[0] != '/')
                        return refuse(option, -EINVAL, value, "it takes an absolute path", error);
                set_text(field, value);
                return 0;
        case OPTION_TEXT:
                set_text(field, value);
                return 0;
        case OPTION_LIST:
                text_list_add(field, value);
                return 0;
        case OPTION_BOOLEAN:
                return set_boolean(option, field, value, error);
        case OPTION_NUMBER:
                return set_number(option, field, value, text_parse_u64, "it takes a number", error);
        case OPTION_SIZE:
                return set_number(option, field, value, option_parse_size,
                        "it takes a size, such as 512 MiB or 4 GB", error);
        case OPTION_DURATION:
                return set_number(option, field, value, text_parse_duration,
                        "it takes a duration, such as 90 s, 15 min, 26 h or 30 d", error);
        }
        return -EINVAL;
}

static void clear_field(const Option *option, void *config)
{
        void *field = field_of(option, config);

        switch (option->type) {
        case OPTION_TEXT:
        case OPTION_PATH:
                free(*(char **)field);
                *(char **)field = NULL;
                break;
        case OPTION_LIST:
                text_list_clear(field);
                break;
        case OPTION_BOOLEAN:
                *(bool *)field = false;
                break;
        default:
                *(uint64_t *)field = 0;
        }
}

// A default that its own row refuses is a mistake in the table, which the first start finds.
static void set_default(const Option *option, void *config)
{
        _cleanup_free_ char *words = text_copy(option->fallback);
        char *rest = words;

        if (!words)
                return;
        if (option->type == OPTION_LIST) {
                for (char *word; (word = strsep(&rest, " "));)
                        text_list_add(field_of(option, config), word);
        } else if (option_set(option, config, words, NULL) < 0) {
                abort();
        }
}

void option_defaults(const Option *options, void *config)
{
        for (const Option *option = options; option->name; option++)
                set_default(option, config);
}

void option_clear(const Option *options, void *config)
{
        for (const Option *option = options; option->name; option++)
                clear_field(option, config);
}

// ---------------------------------------------------------------- reading

typedef struct Reader {
        const char *path;
        const char *at; // rest of the text
        unsigned line;
        const Option *options;
        size_t option_count;
        unsigned *given; // line on which each option was first given; 0: not yet
        void *config;
        Error *error; // the first one
        int result;
} Reader;

static int fail_at(Reader *reader, unsigned line, int r)
{
        if (!reader->error)
                return r;
        error_where(reader->error, "%s:%u", reader->path, line);
        if (!reader->error->next)
                error_next(reader->error, "Correct the line; what may stand there is in the "
                                          "manual: --help.");
        return r;
}

static char *known_names(const Option *options, const char *section)
{
        char *names = text_copy("");

        for (const Option *option = options; option->name; option++) {
                bool other = option > options && text_equal(option[-1].section, option->section);
                const char *name = section ? option->name : option->section;
                char *longer;

                if (section ? !text_equal(option->section, section) : other)
                        continue;
                longer = text_format("%s%s%s", names, *names ? ", " : "", name);
                free(names);
                names = longer;
        }
        return names;
}

static int refuse_unknown(Reader *reader, const char *section, const char *name)
{
        _cleanup_free_ char *in_section = known_names(reader->options, section);
        _cleanup_free_ char *sections = known_names(reader->options, NULL);
        _cleanup_free_ char *shown = text_escape(name, strlen(name));

        if (*in_section) {
                error_set(reader->error, -EINVAL, "configuration",
                        "section [%s] has no option '%s'", section, shown);
                error_why(reader->error, "its options are: %s", in_section);
        } else {
                _cleanup_free_ char *there = text_escape(section, strlen(section));

                error_set(reader->error, -EINVAL, "configuration",
                        *section ? "there is no section [%s]"
                                 : "an option stands before the first section%s",
                        there);
                error_why(reader->error, "the sections are: %s", sections);
        }
        return fail_at(reader, reader->line, -EINVAL);
}

static int take_value(Reader *reader, const Option *option, const char *value)
{
        unsigned *given = &reader->given[option - reader->options];
        int r;

        if (*given && option->type != OPTION_LIST) {
                error_set(reader->error, -EINVAL, "configuration", "option '%s' is given twice",
                        option->name);
                error_why(reader->error, "it was given on line %u already", *given);
                return fail_at(reader, reader->line, -EINVAL);
        }
        if (!*given)
                clear_field(option, reader->config);
        *given = reader->line;
        // "name =" alone empties a list.
        if (option->type == OPTION_LIST && !*value)
                return 0;
        r = option_set(option, reader->config, value, reader->error);
        return r < 0 ? fail_at(reader, reader->line, r) : 0;
}

static int see_value(void *userdata, const char *section, const char *name, const char *value)
{
        Reader *reader = userdata;

        if (reader->result < 0)
                return 1;
        for (const Option *option = reader->options; option->name; option++) {
                if (text_equal(option->section, section) && text_equal(option->name, name)) {
                        reader->result = take_value(reader, option, value);
                        return 1;
                }
        }
        reader->result = refuse_unknown(reader, section, name);
        return 1;
}

// Gives inih one line at a time. It would cut or join lines silently in two cases, which are
// refused: a line that is too long for it, and one that begins with a blank (a continuation).
static char *next_line(char *line, int room, void *userdata)
{
        Reader *reader = userdata;
        size_t length = strcspn(reader->at, "\n");
        const char *why = NULL;

        if (!*reader->at || reader->result < 0)
                return NULL;
        reader->line++;
        if (length + 2 > (size_t)room)
                why = "the line is too long";
        else if (strchr(" \t", reader->at[0]) && length > strspn(reader->at, " \t\r"))
                why = "the line begins with a blank";
        if (why) {
                error_set(reader->error, -EINVAL, "configuration",
                        "a line of the configuration cannot be read");
                error_why(reader->error, "%s", why);
                reader->result = fail_at(reader, reader->line, -EINVAL);
                return NULL;
        }
        memcpy(line, reader->at, length);
        line[length] = '\0';
        reader->at += length + (reader->at[length] == '\n');
        return line;
}

static int parse(Reader *reader)
{
        int wrong_line;

        ini_allow_inline_comments = false;
        wrong_line = ini_parse_stream(next_line, reader, see_value, reader);
        if (reader->result < 0 || wrong_line == 0)
                return reader->result;
        error_set(reader->error, -EINVAL, "configuration",
                "a line of the configuration cannot be read");
        error_why(reader->error, "it is neither [section] nor name = value nor a comment");
        return fail_at(reader, (unsigned)wrong_line, -EINVAL);
}

int option_read(const char *path, const Option *options, void *config, Error *error)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_free_ unsigned *given = NULL;
        Reader reader = {.path = path, .options = options, .config = config, .error = error};
        size_t size;
        int r = file_read(path, FILE_BYTES_MAX, &text, &size);

        if (r == 0 && strlen(text) != size)
                r = -EINVAL;
        if (r < 0) {
                error_set(error, r, "configuration", "cannot read the configuration");
                error_where(error, "%s", path);
                return r;
        }
        option_defaults(options, config);
        while (options[reader.option_count].name)
                reader.option_count++;
        given = memory_new(reader.option_count * sizeof(*given));
        reader.given = given;
        reader.at = text;
        return parse(&reader);
}
