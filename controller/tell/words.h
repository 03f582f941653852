// What the kinds of jobs are called in sentences.
#ifndef UNDERSTUDY_TELL_WORDS_H
#define UNDERSTUDY_TELL_WORDS_H

#include "store/job.h"

typedef struct JobWords {
        const char *noun; // "synchronisation"
        const char *done; // an event of the history: "preview synchronised"
} JobWords;

extern const JobWords job_words[]; // by JobKind

// "2026-11-23 05:10 UTC", or "never" for 0; the caller frees it.
char *words_time(int64_t at_us);

#endif
