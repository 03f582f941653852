// The watches of a controller, as seen from inside.
#ifndef UNDERSTUDY_TELL_WATCH_LIST_H
#define UNDERSTUDY_TELL_WATCH_LIST_H

#include "core/core.h"

// Something new about a job is in this turn's transaction.
void watch_list_mark(Controller *controller, int64_t job);
// It is committed: those who watch will be told.
void watch_list_tell(Controller *controller);
void watch_list_free(Controller *controller);

#endif
