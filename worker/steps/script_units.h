// A restore.py taken apart into its top-level units.
//
// dump2py writes functions and comments in an order that depends on row counts, so that they move
// from one dump to the next without cause. Taken apart, they can be compared by name.
#ifndef UNDERSTUDY_WORKER_STEPS_SCRIPT_UNITS_H
#define UNDERSTUDY_WORKER_STEPS_SCRIPT_UNITS_H

#include "base/text.h"

typedef struct ScriptUnit {
        char *key;    // "def create_x", "= NAME" of an assignment, else its first line
        char *text;   // ends with a newline; comments directly above belong to it
        size_t blank; // empty lines after it
        bool comment; // a block of comments that stands alone
} ScriptUnit;

typedef struct ScriptUnits {
        ScriptUnit *units;
        size_t count;
} ScriptUnits;

#define SCRIPT_MAIN "def main"

// Any text gives units, in its order; what is no Python gives odd ones. Nothing but white space at
// the beginning of the file and in empty lines is lost.
void script_units_parse(const char *text, ScriptUnits *ret);
void script_units_clear(ScriptUnits *units);
#define _cleanup_units_ _cleanup_(script_units_clear)

// Borrowed; NULL when there is none.
const ScriptUnit *script_units_find(const ScriptUnits *units, const char *key);

#endif
