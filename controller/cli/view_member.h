// Members of the API's objects in words: one value, and rows of them.
#ifndef UNDERSTUDY_CLI_VIEW_MEMBER_H
#define UNDERSTUDY_CLI_VIEW_MEMBER_H

#include <jansson.h>

#include "cli/screen.h"

// Members of objects, for the many that may be absent or null. view_text gives "" then; borrowed.
const char *view_text(const json_t *object, const char *name);
double view_number(const json_t *object, const char *name);

// A scalar, or an array of them, in words: "_bytes", "_seconds" and "_at" at a name's end say its
// kind. Allocated; "" for null and for nothing.
char *view_value(const char *name, const json_t *value);

// "media_root" to "media root", "media_bytes" to "media", for its value says the kind. Allocated.
char *view_words(const char *name);

// An array of objects as a table, one column a member; a long one is cut and says so.
void view_rows(const Screen *screen, size_t indent, const json_t *rows);

#endif
