// Templates of vhosts and programs: text with @words@ to fill in. A line that begins with @?word@
// is left out, without its newline, where that word is empty.
#ifndef UNDERSTUDY_WORKER_SERVE_TEMPLATE_H
#define UNDERSTUDY_WORKER_SERVE_TEMPLATE_H

#include "step/policy.h"

typedef struct TemplateSource {
        const char *name;
        const unsigned char *text; // not NUL-terminated
        size_t size;
} TemplateSource;

// deploy/vhost/* and deploy/service/*, named "vhost/nginx.conf"; ends with a row of zeros; made by
// the build.
extern const TemplateSource template_sources[];

typedef struct TemplateWord {
        const char *name;
        char *value; // owned
} TemplateWord;

typedef struct TemplateWords {
        TemplateWord items[32];
        size_t count;
} TemplateWords;

void template_word(TemplateWords *words, const char *name, char *take_value);
const char *template_word_get(const TemplateWords *words, const char *name); // NULL: no such word
void template_words_clear(TemplateWords *words);
#define _cleanup_words_ _cleanup_(template_words_clear)

// The template `name`: the administrator's own of worker.conf's directory, else ours. -ENOENT with
// code "template": there is neither.
int template_read(const Policy *policy, const char *name, char **ret, Error *error) _must_use_;

// Fills it in. -EINVAL with code "template", naming line and word, for a word that there is not.
int template_fill(const char *name, const char *text, const TemplateWords *words, char **ret,
        Error *error) _must_use_;

#endif
