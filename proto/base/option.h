// A program's configuration file as a table: one row an option. Sections and "name = value" lines
// (inih); comments begin with '#' or ';' in the first column of a line. What is not in the table is
// an error, with file and line, so that a typing mistake never means a silent default.
#ifndef UNDERSTUDY_BASE_OPTION_H
#define UNDERSTUDY_BASE_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

// The type of the field that an option fills.
typedef enum OptionType {
        OPTION_TEXT,     // char *
        OPTION_PATH,     // char *, an absolute path
        OPTION_LIST,     // TextList: one item a line; the first line replaces the default
        OPTION_NUMBER,   // uint64_t, least <= n <= most
        OPTION_SIZE,     // uint64_t, bytes: "512 kB", "4 MiB", "2 GB" or a plain number; bounded
        OPTION_DURATION, // uint64_t, seconds: "90 s", "15 min", "26 h", "30 d"; bounded
        OPTION_BOOLEAN,  // bool: "yes" or "no"
} OptionType;

typedef struct Option {
        const char *section;
        const char *name;
        OptionType type;
        size_t offset;        // of the field in the configuration's struct
        const char *fallback; // as it would stand in the file; a list's items apart by a blank.
                              // NULL: text and path stay NULL, a list empty, all else zero
        uint64_t least, most; // most 0: no bound
        int (*check)(const char *value, Error *error); // negative with `error` filled; may be NULL
        const char *help;                              // sentences
} Option;

// `options` end with a row of zeros; options of one section stand together.

// Fills `config`, a struct of zeros, from the defaults and then from the file. A failure leaves
// what option_clear frees. Codes: "configuration" for what the file says, -ENOENT when there is
// none.
int option_read(const char *path, const Option *options, void *config, Error *error) _must_use_;

// Fills in the defaults alone.
void option_defaults(const Option *options, void *config);

// Sets one option from a text as in the file; for lists it adds an item. -EINVAL or -ERANGE,
// `error` says what would do.
int option_set(const Option *option, void *config, const char *value, Error *error) _must_use_;

// Frees the fields and makes them zero.
void option_clear(const Option *options, void *config);

// A file with every section and option, each under its help, commented out when it has its default.
// `config` NULL: the defaults. The caller's.
char *option_render(const Option *options, const void *config);

// What an option says now, as in the file; a list's items apart by a blank. The caller's.
char *option_text(const Option *option, const void *config);

// Sizes: "512", "512 B", "4 kB", "4 KiB", up to TB and TiB. -EINVAL, -ERANGE.
int option_parse_size(const char *text, uint64_t *ret_bytes) _must_use_;

#endif
