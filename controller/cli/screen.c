#include "cli/screen.h"

#include <langinfo.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <wchar.h>

#include "base/text.h"

// Redrawn lines must not wrap; a terminal narrower than this gets plain ones.
#define NARROWEST 60

static bool environment_set(const char *name)
{
        return !text_blank(getenv(name));
}

void screen_measure(Screen *screen)
{
        struct winsize size;

        screen->width = SCREEN_WIDTH;
        screen->rows = 24;
        if (!screen->live || ioctl(fileno(screen->out), TIOCGWINSZ, &size) < 0)
                return;
        if (size.ws_col < NARROWEST)
                screen->live = false;
        else if (size.ws_col < SCREEN_WIDTH)
                screen->width = size.ws_col;
        if (size.ws_row >= 4)
                screen->rows = size.ws_row;
}

Screen screen_of(FILE *out)
{
        const char *terminal = getenv("TERM");
        Screen screen = {.out = out};

        screen.live = isatty(fileno(out)) && !text_blank(terminal) && !text_equal(terminal, "dumb");
        screen.colour = screen.live && !environment_set("NO_COLOR");
        screen.utf8 = text_equal(nl_langinfo(CODESET), "UTF-8");
        screen_measure(&screen);
        return screen;
}

const char *screen_style(const Screen *screen, Style style)
{
        static const char *const sequences[] = {[PLAIN] = "\033[0m",
                [BOLD] = "\033[1m",
                [DIM] = "\033[2m",
                [RED] = "\033[31m",
                [GREEN] = "\033[32m",
                [YELLOW] = "\033[33m",
                [CYAN] = "\033[36m"};

        return screen->colour ? sequences[style] : "";
}

// One character of UTF-8; an invalid byte counts as one of its own, with a point beyond Unicode.
static size_t next_point(const char *text, uint32_t *ret)
{
        const unsigned char *at = (const unsigned char *)text;
        size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
        uint32_t point = length == 1 ? at[0] : at[0] & (0x7fU >> length);

        for (size_t i = 1; i < length; i++) {
                if ((at[i] & 0xc0) != 0x80) {
                        *ret = UINT32_MAX;
                        return 1;
                }
                point = point << 6 | (at[i] & 0x3fU);
        }
        *ret = point;
        return length;
}

// C0, DEL and C1 controls; what sets the direction of text; line and paragraph separators.
static bool is_unsafe(uint32_t point)
{
        return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e ||
               point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
               (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

char *screen_safe(const char *text)
{
        char *safe = memory_new(strlen(text) * 6 + 1), *to = safe;

        while (*text) {
                uint32_t point;
                size_t length = next_point(text, &point);

                if (point == '\n' || point == '\t') {
                        to += sprintf(to, "\\%c", point == '\n' ? 'n' : 't');
                } else if (point == UINT32_MAX) {
                        to += sprintf(to, "\\x%02x", (unsigned char)*text);
                } else if (is_unsafe(point)) {
                        to += sprintf(to, point < 0x100 ? "\\x%02x" : "\\u%04x", point);
                } else {
                        memcpy(to, text, length);
                        to += length;
                }
                text += length;
        }
        *to = '\0';
        return safe;
}

static size_t point_columns(uint32_t point)
{
        int columns = wcwidth((wchar_t)point);

        return columns < 0 ? 1 : (size_t)columns;
}

size_t text_columns(const char *text)
{
        size_t columns = 0;

        while (*text) {
                uint32_t point;

                text += next_point(text, &point);
                columns += point_columns(point);
        }
        return columns;
}

size_t text_fit(const char *text, size_t columns)
{
        const char *at = text;

        while (*at) {
                uint32_t point;
                size_t length = next_point(at, &point), more = point_columns(point);

                if (more > columns)
                        break;
                columns -= more;
                at += length;
        }
        return (size_t)(at - text);
}

// Fills one line of text; words longer than the line are left whole, for they are paths.
static void fill_line(const Screen *screen, size_t indent, const char *line)
{
        size_t column = 0;

        while (*line) {
                size_t length = strcspn(line, " ");
                _cleanup_free_ char *word = text_copy_n(line, length);
                size_t columns = text_columns(word);

                if (column && column + 1 + columns > screen->width - 1) {
                        fputc('\n', screen->out);
                        column = 0;
                }
                if (columns) {
                        fprintf(screen->out, "%*s%s", column ? 1 : (int)indent, "", word);
                        column += (column ? 1 : indent) + columns;
                }
                line += length + (line[length] != '\0');
        }
        fputc('\n', screen->out);
}

void screen_paragraphs(const Screen *screen, size_t indent, const char *text)
{
        while (*text) {
                size_t length = strcspn(text, "\n");
                _cleanup_free_ char *line = text_copy_n(text, length);
                _cleanup_free_ char *safe = screen_safe(line);

                if (*safe == ' ')
                        fprintf(screen->out, "%*s%s\n", (int)indent, "", safe);
                else
                        fill_line(screen, indent, safe);
                text += length + (text[length] != '\0');
        }
}
