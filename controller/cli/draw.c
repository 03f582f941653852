#include "cli/draw.h"

#include "base/text.h"
#include "cli/bar.h"
#include "cli/human.h"
#include "cli/view.h"

#define TAIL_LINES     15
#define REDRAW_SECONDS 0.1

// ---------------------------------------------------------------- states

static const struct {
        const char *name;
        const char *mark;
        const char *ascii;
        Style style;
        bool over; // the task does nothing any more, unless the job is taken up again
} states[] = {
        {"pending", "·", ".", DIM, false},
        {"running", "▸", ">", CYAN, false},
        {"undoing", "◂", "<", YELLOW, false},
        {"waiting", "‖", "=", YELLOW, false},
        {"done", "✓", "+", GREEN, true},
        {"failed", "✗", "!", RED, true},
        {"canceled", "✗", "x", YELLOW, true},
        {"undone", "↶", "u", YELLOW, true},
        {"skipped", "–", "-", DIM, true},
};

static size_t state_index(const char *name)
{
        for (size_t i = 0; i < ELEMENTS(states); i++)
                if (strcmp(states[i].name, name) == 0)
                        return i;
        return 0;
}

const char *state_mark(const Screen *screen, const char *state)
{
        size_t i = state_index(state);

        return screen->utf8 ? states[i].mark : states[i].ascii;
}

Style state_style(const char *state)
{
        return states[state_index(state)].style;
}

// ---------------------------------------------------------------- what is known

typedef struct Step {
        json_t *task;
        json_t *progress; // NULL: none
        Rate rate;
        TextList tail;     // of what its programs printed
        const char *shown; // state of the line that stays above the redrawn ones; NULL: none
} Step;

struct Drawing {
        Screen *screen;
        Step *steps;
        size_t count;
        size_t label_width;
        size_t lines; // being redrawn
        double drawn_at;
        bool changed;
};

static void step_clear(Step *step)
{
        json_decref(step->task);
        json_decref(step->progress);
        text_list_clear(&step->tail);
}

static Step *find_step(const Drawing *drawing, const char *label)
{
        for (size_t i = 0; i < drawing->count; i++)
                if (strcmp(view_text(drawing->steps[i].task, "label"), label) == 0)
                        return &drawing->steps[i];
        return NULL;
}

// Keeps a borrowed value in the place of another.
static void keep(json_t **place, const json_t *value)
{
        json_t *copy = json_deep_copy(value);

        json_decref(*place);
        *place = copy;
}

static Step *add_step(Drawing *drawing, const json_t *task)
{
        size_t width = text_columns(view_text(task, "label"));
        Step *step;

        drawing->steps =
                memory_grow(drawing->steps, (drawing->count + 1) * sizeof(*drawing->steps));
        step = &drawing->steps[drawing->count++];
        *step = (Step){0};
        keep(&step->task, task);
        if (width > drawing->label_width && width <= 24)
                drawing->label_width = width;
        return step;
}

void drawing_free(Drawing *drawing)
{
        for (size_t i = 0; i < drawing->count; i++)
                step_clear(&drawing->steps[i]);
        free(drawing->steps);
        free(drawing);
}

// ---------------------------------------------------------------- lines that stay

// "  ✓ restore   Restore beside the preview     12 s", without a newline.
static void write_step_line(const Drawing *drawing, const Step *step, double now)
{
        const Screen *screen = drawing->screen;
        const char *state = view_text(step->task, "state");
        bool running = strcmp(state, "running") == 0 || strcmp(state, "undoing") == 0;
        double started = view_number(step->task, "started_at");
        double seconds =
                running && started > 0 ? now - started : view_number(step->task, "wall_seconds");
        const char *took = running || seconds > 0 ? human_duration(seconds) : "";
        _cleanup_free_ char *label = screen_safe(view_text(step->task, "label"));
        // What a step tells of itself says more than what it is there for.
        const char *told = view_text(json_object_get(step->task, "result"), "told");
        _cleanup_free_ char *title = screen_safe(*told ? told : view_text(step->task, "title"));
        size_t left = screen->width - 1 - 4 - drawing->label_width - 2 - 14, fit, pad;

        if (json_is_true(json_object_get(step->task, "already")))
                took = "as before";
        fit = text_fit(title, left);
        pad = left - text_columns(title) < left ? left - text_columns(title) : 0;
        fprintf(screen->out, "%s  %s%s %-*s%s  %s%.*s%*s  %12s%s",
                screen_style(screen, state_style(state)), state_mark(screen, state),
                screen_style(screen, PLAIN), (int)drawing->label_width, label,
                screen_style(screen, PLAIN), screen_style(screen, DIM), (int)fit, title, (int)pad,
                "", took, screen_style(screen, PLAIN));
}

// Writes for good the lines of the first steps that are over, and of those that changed since.
static void write_settled(Drawing *drawing, double now)
{
        for (size_t i = 0; i < drawing->count; i++) {
                Step *step = &drawing->steps[i];
                size_t state = state_index(view_text(step->task, "state"));

                if (!states[state].over)
                        return;
                if (step->shown == states[state].name)
                        continue;
                write_step_line(drawing, step, now);
                fputs("\033[K\n", drawing->screen->out);
                step->shown = states[state].name;
        }
}

// ---------------------------------------------------------------- lines redrawn in place

static void write_bar_line(const Drawing *drawing, const Step *step)
{
        _cleanup_free_ char *bar = bar_text(
                step->progress, &step->rate, drawing->screen->utf8, drawing->screen->width - 1 - 4);

        fprintf(drawing->screen->out, "    %s%s%s\033[K\n", screen_style(drawing->screen, CYAN),
                bar, screen_style(drawing->screen, PLAIN));
}

static void write_moving(Drawing *drawing, double now)
{
        size_t most = drawing->screen->rows - 2, hidden = 0;

        for (size_t i = 0; i < drawing->count; i++) {
                const Step *step = &drawing->steps[i];
                const char *state = view_text(step->task, "state");
                bool bar = step->progress && strcmp(state, "running") == 0;

                if (step->shown && strcmp(step->shown, state) == 0)
                        continue;
                if (drawing->lines + 1 + bar > most) {
                        hidden++;
                        continue;
                }
                write_step_line(drawing, step, now);
                fputs("\033[K\n", drawing->screen->out);
                if (bar)
                        write_bar_line(drawing, step);
                drawing->lines += 1 + bar;
        }
        if (hidden) {
                fprintf(drawing->screen->out, "    ... and %zu more\033[K\n", hidden);
                drawing->lines++;
        }
}

static void redraw(Drawing *drawing, double now)
{
        FILE *out = drawing->screen->out;

        screen_measure(drawing->screen);
        if (drawing->lines)
                fprintf(out, "\033[%zuA\r", drawing->lines);
        drawing->lines = 0;
        write_settled(drawing, now);
        write_moving(drawing, now);
        fputs("\033[J", out);
        fflush(out);
        drawing->drawn_at = now;
        drawing->changed = false;
}

void drawing_turn(Drawing *drawing, double now)
{
        double since = now - drawing->drawn_at;

        if (drawing->screen->live &&
                (since >= 1 || since < 0 || (drawing->changed && since >= REDRAW_SECONDS)))
                redraw(drawing, now);
}

void drawing_say(Drawing *drawing, double now, const char *text)
{
        if (drawing->screen->live)
                redraw(drawing, now);
        drawing->lines = 0;
        if (text)
                fprintf(drawing->screen->out, "%s\n", text);
        fflush(drawing->screen->out);
}

// ---------------------------------------------------------------- events

// "14:03:07  restore   done  12 s", where lines cannot be redrawn.
static void write_plain(const Drawing *drawing, double at, const char *label, const char *text)
{
        _cleanup_free_ char *safe = screen_safe(text);

        fprintf(drawing->screen->out, "%s  %-*s  %s\n", human_clock(at), (int)drawing->label_width,
                label, safe);
        fflush(drawing->screen->out);
}

// A step as it is planned. What happened to it since comes by events; until then nothing has. Only
// what a dry run leaves out is said at once, since nothing will.
static void plan_step(const Drawing *drawing, Step *step, double at)
{
        _cleanup_free_ char *text = text_format("skipped  %s", view_text(step->task, "title"));

        if (strcmp(view_text(step->task, "state"), "skipped") != 0)
                json_object_set_new(step->task, "state", json_string("pending"));
        else if (!drawing->screen->live)
                write_plain(drawing, at, view_text(step->task, "label"), text);
}

Drawing *drawing_new(Screen *screen, const json_t *job)
{
        Drawing *drawing = memory_new(sizeof(*drawing));
        json_t *task;
        size_t i;

        drawing->screen = screen;
        drawing->changed = true;
        json_array_foreach (json_object_get(job, "tasks"), i, task)
                add_step(drawing, task);
        for (i = 0; i < drawing->count; i++)
                plan_step(drawing, &drawing->steps[i], view_number(job, "created_at"));
        return drawing;
}

static void on_task(Drawing *drawing, double at, const json_t *task)
{
        Step *step = find_step(drawing, view_text(task, "label"));
        const char *state = view_text(task, "state");
        double wall = view_number(task, "wall_seconds");
        bool same;

        same = step && strcmp(view_text(step->task, "state"), state) == 0;
        if (!step)
                step = add_step(drawing, task);
        keep(&step->task, task);
        if (json_is_object(json_object_get(task, "progress")))
                keep(&step->progress, json_object_get(task, "progress"));
        if (same || drawing->screen->live)
                return;
        if (strcmp(state, "running") == 0) {
                _cleanup_free_ char *text = text_format("running  %s", view_text(task, "title"));

                write_plain(drawing, at, view_text(task, "label"), text);
        } else {
                _cleanup_free_ char *text = text_format("%s%s%s%s", state, wall > 0 ? "  " : "",
                        wall > 0 ? human_duration(wall) : "",
                        json_is_true(json_object_get(task, "already")) ? "  as before" : "");

                write_plain(drawing, at, view_text(task, "label"), text);
        }
}

static void on_progress(Drawing *drawing, double at, const json_t *event)
{
        Step *step = find_step(drawing, view_text(event, "label"));
        const json_t *progress = json_object_get(event, "progress");

        if (!step)
                return;
        keep(&step->progress, progress);
        rate_add(&step->rate, at, view_number(progress, "done"));
}

static void on_log(Drawing *drawing, double at, const json_t *event)
{
        Step *step = find_step(drawing, view_text(event, "label"));
        const char *text = view_text(event, "text");

        if (!step)
                return;
        if (strcmp(view_text(event, "stream"), "note") == 0 && !drawing->screen->live)
                write_plain(drawing, at, view_text(event, "label"), text);
        text_list_add(&step->tail, text);
        if (step->tail.count > TAIL_LINES) {
                free(step->tail.items[0]);
                memmove(step->tail.items, step->tail.items + 1,
                        step->tail.count * sizeof(*step->tail.items)); // with the NULL at its end
                step->tail.count--;
        }
}

void drawing_event(Drawing *drawing, const json_t *event)
{
        const char *type = view_text(event, "type");
        double at = view_number(event, "at");

        drawing->changed = true;
        if (strcmp(type, "task") == 0)
                on_task(drawing, at, json_object_get(event, "task"));
        else if (strcmp(type, "progress") == 0)
                on_progress(drawing, at, event);
        else if (strcmp(type, "log") == 0)
                on_log(drawing, at, event);
}

void drawing_tail(const Drawing *drawing, const char *label)
{
        const Step *step = find_step(drawing, label);
        const Screen *screen = drawing->screen;

        if (!step || step->tail.count == 0)
                return;
        fprintf(screen->out, "  %slast lines of %s%s\n", screen_style(screen, DIM), label,
                screen_style(screen, PLAIN));
        for (size_t i = 0; i < step->tail.count; i++) {
                _cleanup_free_ char *safe = screen_safe(step->tail.items[i]);

                fprintf(screen->out, "    %s\n", safe);
        }
}
