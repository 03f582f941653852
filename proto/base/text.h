// Strings. Every allocating call returns memory the caller frees, never NULL: out of memory ends
// the program, which its journal survives.
#ifndef UNDERSTUDY_BASE_TEXT_H
#define UNDERSTUDY_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

void *memory_new(size_t size) __attribute__((returns_nonnull));                // zeroed
void *memory_grow(void *memory, size_t size) __attribute__((returns_nonnull)); // realloc

char *text_copy(const char *text); // NULL gives NULL
char *text_copy_n(const char *text, size_t length);
char *text_format(const char *format, ...) _printf_(1, 2);
char *text_vformat(const char *format, va_list arguments) _printf_(1, 0);

bool text_equal(const char *a, const char *b); // NULL equals NULL only
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
bool text_blank(const char *text); // NULL or ""

// Bytes as in a C string literal, without the quotes: printable ASCII and valid UTF-8 stay, all
// else becomes \n,
// \\, \377 ... For names of files in messages, which can hold any byte.
char *text_escape(const char *bytes, size_t length);

// Two digits a byte, "00ff".
char *text_hexadecimal(const void *bytes, size_t size);

// Replaces each invalid UTF-8 sequence by U+FFFD.
char *text_to_utf8(const char *bytes, size_t length);

// "512 B", "1.4 GB" (powers of 1000, as df -H and the field's manuals). Static per thread: 4
// results at a time.
const char *text_bytes(uint64_t bytes);

typedef struct TextUnit {
        const char *name;
        uint64_t factor;
} TextUnit;

// A whole number and one of the units behind it, with or without blanks between them. -EINVAL:
// another form or unit; -ERANGE. `ret` is written on success only.
int text_parse_quantity(const char *text, const TextUnit *units, size_t count, uint64_t *ret)
        _must_use_;

// "90 s", "15 min", "26 h", "30 d" or plain seconds, to seconds. -EINVAL otherwise.
int text_parse_duration(const char *text, uint64_t *ret_seconds) _must_use_;

// "02:30", to minutes since midnight. -EINVAL otherwise.
int text_parse_time_of_day(const char *text, int *ret_minutes) _must_use_;

// Whole text as an unsigned decimal number. -EINVAL, -ERANGE.
int text_parse_u64(const char *text, uint64_t *ret) _must_use_;

// A growable list of strings, NULL-terminated, all owned. Zeros are an empty list.
typedef struct TextList {
        char **items;
        size_t count;
} TextList;

void text_list_add(TextList *list, const char *text);
void text_list_take(TextList *list, char *take_text);
bool text_list_has(const TextList *list, const char *text);
// "a, b" with ", " between them; "" for none.
char *text_list_join(const TextList *list, const char *between);
void text_list_clear(TextList *list);
#define _cleanup_text_list_ _cleanup_(text_list_clear)

#endif
