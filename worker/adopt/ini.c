#include "adopt/ini.h"

#include "adopt/line.h"

#define VALUE_MAX (64U << 10) // bytes; what continues a longer one is dropped

typedef struct Ini {
        IniVisit visit;
        void *userdata;
        char *section;
        char *name, *value; // not handed on yet
        unsigned line;      // of its beginning
} Ini;

static char *trimmed(const char *text, size_t length)
{
        while (length > 0 && strchr(" \t\r", text[length - 1]))
                length--;
        while (length > 0 && (*text == ' ' || *text == '\t')) {
                text++;
                length--;
        }
        return text_copy_n(text, length);
}

static void hand_on(Ini *ini)
{
        char *comment = ini->value ? strstr(ini->value, " ;") : NULL;

        if (comment)
                *comment = '\0';
        if (ini->name)
                ini->visit(ini->userdata, ini->section ? ini->section : "", ini->name, ini->value,
                        ini->line);
        free(TAKE_PTR(ini->name));
        free(TAKE_PTR(ini->value));
}

static void join(Ini *ini, const char *more)
{
        size_t length = strlen(ini->value);
        char *longer;

        if (length > VALUE_MAX)
                return;
        if (length > 0 && ini->value[length - 1] == '\\')
                ini->value[length - 1] = '\0';
        longer = text_format("%s %s", ini->value, more);
        free(ini->value);
        ini->value = longer;
}

static void take_line(Ini *ini, const char *start, unsigned line)
{
        _cleanup_free_ char *text = trimmed(start, strlen(start));
        bool indented = (*start == ' ' || *start == '\t');
        const char *equals = strchr(text, '=');

        if (*text == '#' || *text == ';')
                return;
        if (ini->value && *text && (indented || text_ends(ini->value, "\\"))) {
                join(ini, text);
                return;
        }
        hand_on(ini);
        if (*text == '[') {
                free(ini->section);
                ini->section = text_copy_n(text + 1, strcspn(text + 1, "]"));
                ini->visit(ini->userdata, ini->section, NULL, NULL, line);
        } else if (equals) {
                ini->name = trimmed(text, (size_t)(equals - text));
                ini->value = trimmed(equals + 1, strlen(equals + 1));
                ini->line = line;
        }
}

void ini_read(const char *text, IniVisit visit, void *userdata)
{
        Ini ini = {.visit = visit, .userdata = userdata};
        LineCursor cursor _cleanup_line_ = {.rest = text};

        while (line_next(&cursor))
                take_line(&ini, cursor.line, cursor.number);
        hand_on(&ini);
        free(ini.section);
}
