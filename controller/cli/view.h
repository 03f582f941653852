// JSON of the API as people read it. New fields and messages are shown by their names and need no
// edit here; a few that deserve better have a view of their own, by name (view_special.c).
#ifndef UNDERSTUDY_CLI_VIEW_H
#define UNDERSTUDY_CLI_VIEW_H

#include "base/error.h"
#include "cli/view_member.h"
#include "cli/view_special.h"

// All members of an object: names and values, tables for arrays of objects, special views.
void view_object(const Screen *screen, size_t indent, const json_t *object);

// What, where, why and next.
void view_failure(const Screen *screen, const json_t *failure);
void view_error(const Screen *screen, const Error *error);

// Whether the failure of a job is that of one of its tasks, and so is shown there.
bool view_failure_is_a_tasks(const json_t *job);

// An error as JSON, {"failure": ...}.
json_t *view_error_json(const Error *error);

#endif
