#include "cli/view.h"

#include "base/text.h"
#include "cli/table.h"

// ---------------------------------------------------------------- objects

static bool is_rows(const json_t *value)
{
        return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

// Plain members, those of objects inside with the object's name before theirs.
static void add_plain(Table *table, const char *prefix, const json_t *object)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)object, name, value) {
                _cleanup_free_ char *words = view_words(name);
                _cleanup_free_ char *label =
                        text_format("%s%s%s", prefix, *prefix ? " " : "", words);

                if (special_view(name) || is_rows(value))
                        continue;
                if (json_is_object(value)) {
                        add_plain(table, label, value);
                } else {
                        _cleanup_free_ char *text = view_value(name, value);

                        if (!*text)
                                continue;
                        table_add(table, label);
                        table_add(table, text);
                }
        }
}

void view_object(const Screen *screen, size_t indent, const json_t *object)
{
        _cleanup_table_ Table table = {.columns = 2};
        const char *name;
        json_t *value;

        add_plain(&table, "", object);
        table_write(&table, screen, indent);
        view_specials(screen, indent, object, true);
        json_object_foreach ((json_t *)object, name, value) {
                _cleanup_free_ char *words = view_words(name);

                if (special_view(name) || !is_rows(value))
                        continue;
                fprintf(screen->out, "%*s%s%s%s\n", (int)indent, "", screen_style(screen, BOLD),
                        words, screen_style(screen, PLAIN));
                view_rows(screen, indent + 2, value);
        }
}

// ---------------------------------------------------------------- failures

static void show_part(const Screen *screen, const char *name, const char *text)
{
        if (text_blank(text))
                return;
        fprintf(screen->out, "  %s%s%s\n", screen_style(screen, DIM), name,
                screen_style(screen, PLAIN));
        screen_paragraphs(screen, 4, text);
}

static void show_failure(const Screen *screen, const char *what, const char *where, const char *why,
        const char *next)
{
        _cleanup_free_ char *safe = screen_safe(text_blank(what) ? "it failed" : what);

        fprintf(screen->out, "%sFailed: %s%s\n", screen_style(screen, RED), safe,
                screen_style(screen, PLAIN));
        show_part(screen, "where", where);
        show_part(screen, "why", why);
        show_part(screen, "next", next);
}

void view_failure(const Screen *screen, const json_t *failure)
{
        show_failure(screen, view_text(failure, "what"), view_text(failure, "where"),
                view_text(failure, "why"), view_text(failure, "next"));
}

void view_error(const Screen *screen, const Error *error)
{
        show_failure(screen, error->what, error->where, error->why, error->next);
}

bool view_failure_is_a_tasks(const json_t *job)
{
        json_t *task;
        size_t i;

        json_array_foreach (json_object_get(job, "tasks"), i, task)
                if (json_equal(json_object_get(task, "failure"), json_object_get(job, "failure")))
                        return true;
        return false;
}

json_t *view_error_json(const Error *error)
{
        return json_pack("{s:{s:s?, s:s?, s:s?, s:s?, s:s?}}", "failure", "code", error->code,
                "what", error->what, "where", error->where, "why", error->why, "next", error->next);
}
