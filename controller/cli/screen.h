// Where the command line writes: what it can show, and texts made safe for it.
//
// What comes from sites and other programs can hold any character; nothing of it may move the
// cursor, change colours or reorder what a person reads.
#ifndef UNDERSTUDY_CLI_SCREEN_H
#define UNDERSTUDY_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SCREEN_WIDTH 80 // of tables and texts; wider lines are hard to read

typedef struct Screen {
        FILE *out;
        bool live;      // a terminal that can redraw lines
        bool colour;    // a terminal, and NO_COLOR is not set
        bool utf8;      // marks and bars may be more than ASCII
        unsigned width; // at most SCREEN_WIDTH
        unsigned rows;  // of a terminal
} Screen;

typedef enum Style { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN } Style;

// Looks at the stream, the locale (setlocale must have been called) and the environment.
Screen screen_of(FILE *out);

// Looks at the terminal's size again.
void screen_measure(Screen *screen);

// Sequence that begins a style, "" without colours. PLAIN ends all others.
const char *screen_style(const Screen *screen, Style style);

// The text on one line, each character that is not for reading replaced by its escape ("\n",
// "\x1b",
// "\u202e"). Allocated.
char *screen_safe(const char *text);

// Columns a safe text takes.
size_t text_columns(const char *text);

// Bytes of the longest start of a safe text that takes at most `columns`.
size_t text_fit(const char *text, size_t columns);

// Writes paragraphs (of lines apart by \n) filled to the screen's width; every line begins with
// `indent` blanks. Lines that begin with a blank are not filled. What is not for reading is
// escaped.
void screen_paragraphs(const Screen *screen, size_t indent, const char *text);

#endif
