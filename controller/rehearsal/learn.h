// What a job's tasks say about the rehearsal that it was.
#ifndef UNDERSTUDY_REHEARSAL_LEARN_H
#define UNDERSTUDY_REHEARSAL_LEARN_H

#include "store/rehearsal.h"

// Whether a job that has ended is to be kept as one.
bool rehearsal_is(const JobRow *job);
// All but why it failed. Free with rehearsal_clear.
void rehearsal_learn(const JobRow *job, const Rows *tasks, RehearsalRow *ret);

#endif
