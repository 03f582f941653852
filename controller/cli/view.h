// JSON of the API as people read it. New fields and messages are shown by their names and need no
// edit here; a few that deserve better have a view of their own, by name (view_special.c).
#ifndef UNDERSTUDY_CLI_VIEW_H
#define UNDERSTUDY_CLI_VIEW_H

#include <jansson.h>

#include "base/error.h"
#include "cli/screen.h"

// Members of objects, for the many that may be absent or null. view_text gives "" then; borrowed.
const char *view_text(const json_t *object, const char *name);
double view_number(const json_t *object, const char *name);

// A scalar, or an array of them, in words: "_bytes", "_seconds" and "_at" at a name's end say its
// kind. Allocated; "" for null and for nothing.
char *view_value(const char *name, const json_t *value);

// All members of an object: names and values, tables for arrays of objects, special views.
void view_object(const Screen *screen, size_t indent, const json_t *object);

// An array of objects as a table, one column a member; a long one is cut and says so.
void view_rows(const Screen *screen, size_t indent, const json_t *rows);

// What, where, why and next.
void view_failure(const Screen *screen, const json_t *failure);
void view_error(const Screen *screen, const Error *error);

// Whether the failure of a job is that of one of its tasks, and so is shown there.
bool view_failure_is_a_tasks(const json_t *job);

// An error as JSON, {"failure": ...}.
json_t *view_error_json(const Error *error);

typedef struct SpecialView {
        const char *name; // of the member, wherever it is
        const char *title;
        void (*show)(const Screen *screen, size_t indent, const json_t *value);
} SpecialView;

// The view of a member's own; NULL: none.
const SpecialView *special_view(const char *name);

// The members of an object that have such a view: all of them, or those only that a person must see
// even when all went well and nobody asked. Empty ones are left out.
void view_specials(const Screen *screen, size_t indent, const json_t *object, bool all);

#endif
