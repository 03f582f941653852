// Views of their own for what a person must understand at a glance, by the member's name.
#ifndef UNDERSTUDY_CLI_VIEW_SPECIAL_H
#define UNDERSTUDY_CLI_VIEW_SPECIAL_H

#include <jansson.h>

#include "cli/screen.h"

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
