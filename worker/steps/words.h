// A site's name as a whole word in texts.
//
// Renaming takes letters, digits and '_' as parts of a word, as Python does: "afoo" is not in
// "afoo_db". Looking for what may be left does not take '_' for one, and finds it there.
#ifndef UNDERSTUDY_WORKER_STEPS_WORDS_H
#define UNDERSTUDY_WORKER_STEPS_WORDS_H

#include "base/text.h"

// `text` with every whole word `from` replaced by `to`. The caller's; `ret_count`, the number of
// replacements, may be NULL.
char *word_replace(const char *text, const char *from, const char *to, size_t *ret_count);

// The first place of `word` in `size` bytes that may hold NULs, for readers; NULL: none.
const char *word_find(const char *bytes, size_t size, const char *word);

// Value of a "NAME = 'value'" line that begins a line: its place and length in `text`. False: none,
// or no plain string.
bool assignment_find(const char *text, const char *name, size_t *ret_start, size_t *ret_length);

// `text` with the values of SECRET_KEY and of all that is called a password or token replaced:
// `key` stands for the first, three asterisks for the others. The caller's.
char *secrets_mask(const char *text, const char *key);

#endif
