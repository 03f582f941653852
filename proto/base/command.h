// A program's command line as a table: what it takes, what `--help` says of it, and what runs.
//
// Every level answers `--help` (and `-h`) with a manual page and `--version`. Options are long
// ones, "--name value" or "--name=value", and may stand anywhere behind the command they belong to;
// "--" ends them. A word that is not known is answered with the nearest one and COMMAND_USAGE.
#ifndef UNDERSTUDY_BASE_COMMAND_H
#define UNDERSTUDY_BASE_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

enum {
        COMMAND_OK = 0,
        COMMAND_FAILED = 1,
        COMMAND_USAGE = 2, // the command line itself is wrong
};

enum {
        COMMAND_REQUIRED = 1U << 0, // of an option; positionals are required anyway
        COMMAND_OPTIONAL = 1U << 1, // of a positional; only such ones may follow it
        COMMAND_REPEATED = 1U << 2, // may be given many times; of positionals the last only
};

typedef struct CommandLine CommandLine;
typedef struct Command Command;

// A positional, named in capitals ("SERIES"), or an option, named without its dashes ("dir").
typedef struct CommandWord {
        const char *name;
        const char *value; // what an option takes, in capitals; NULL: it is a flag
        const char *help;  // sentences
        unsigned flags;
        const char *environment; // variable that holds the default; "" in it counts as unset
        const char *fallback;    // default when that is unset too; NULL: the value is absent
        int (*check)(const char *value, Error *error); // 0, or negative with `error` filled
} CommandWord;

// A line of EXAMPLES (`word` is what to type) or of EXIT STATUS (`word` is the number).
typedef struct CommandNote {
        const char *word;
        const char *help;
} CommandNote;

// All lists end with a row of zeros; NULL is an empty list. Options and exit statuses of a command
// hold for the commands below it as well, unless these bring statuses of their own.
struct Command {
        const char *name;
        const char *summary;     // begins with a small letter, no full stop: the line under NAME
        const char *description; // paragraphs apart by an empty line; lines that begin with a
                                 // blank stay as they are
        const CommandWord *positionals;
        const CommandWord *options;
        const Command *commands; // either these, or `run`
        const CommandNote *examples;
        const CommandNote *statuses;
        int (*run)(const CommandLine *line); // returns the program's exit status
        bool hidden;                         // not listed: the program calls it itself
};

// The value of a positional or option of the running command, by its name; NULL when absent.
// Borrowed. A name that is not in the table ends the program: it is a mistake in it.
const char *command_value(const CommandLine *line, const char *name);

// All values of a repeated word: a list of `*ret_count`, borrowed.
const char *const *command_values(const CommandLine *line, const char *name, size_t *ret_count);

// Whether a flag was given.
bool command_flag(const CommandLine *line, const char *name);

// The running command's words as typed, "preview prepare", for messages. Borrowed.
const char *command_words(const CommandLine *line);

// Reads argv and runs what it asks for. Manuals and the version go to `out`, complaints to
// `errors`. Returns the exit status.
int command_run(const Command *program, int argc, char *const *argv, FILE *out, FILE *errors);

// The same with standard output and standard error: the whole of a main().
int command_main(const Command *program, int argc, char *const *argv);

// Writes the manual page of path[depth - 1], a command reached over the ones before it, within 80
// columns. path[0] is the program.
void command_manual(const Command *const *path, size_t depth, FILE *out);

#endif
