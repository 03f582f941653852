// A job as it happens: on a terminal a line a step, redrawn in place, with a bar for those that
// run; elsewhere a line for each thing that happened.
#ifndef UNDERSTUDY_CLI_DRAW_H
#define UNDERSTUDY_CLI_DRAW_H

#include <jansson.h>

#include "cli/screen.h"

typedef struct Drawing Drawing;

// `job` is a Job with its tasks, `screen` is borrowed.
Drawing *drawing_new(Screen *screen, const json_t *job);
void drawing_free(Drawing *drawing);

// One of the job's events (control/watch.h), each once and in their order.
void drawing_event(Drawing *drawing, const json_t *event);

// Brings the terminal up to date; call it several times a second.
void drawing_turn(Drawing *drawing, double now);

// Leaves the lines as they are and goes on beneath them with `text`, a line, or with nothing.
void drawing_say(Drawing *drawing, double now, const char *text);

// The last lines that the programs of a step printed, for its failure.
void drawing_tail(const Drawing *drawing, const char *label);

// The mark of a task's state, "✓" or "+", with its colour.
const char *state_mark(const Screen *screen, const char *state);
Style state_style(const char *state);

#endif
