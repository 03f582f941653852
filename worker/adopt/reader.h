// Reads a host's configuration: bounded, each file once, and never by a link that leads out of the
// directory it was named in, except into a root.
#ifndef UNDERSTUDY_WORKER_ADOPT_READER_H
#define UNDERSTUDY_WORKER_ADOPT_READER_H

#include "adopt/landscape.h"

// Where the paths of [scan] in worker.conf lead, for one program.
typedef struct Reader {
        Landscape *landscape;
        TextList tops; // resolved: a file's directory, or the directory itself
} Reader;

void reader_open(Reader *reader, Landscape *landscape, const TextList *paths);
void reader_close(Reader *reader);
#define _cleanup_reader_ _cleanup_(reader_close)

// Text of a regular file. False: it is not there, was read before, lies elsewhere, or cannot be
// read; the last two are told as findings. Access times stay where the system allows it. `ret` is
// the caller's.
bool reader_read(Reader *reader, const char *path, char **ret);

// Names in a directory, sorted, without those that begin with a dot or are left by editors and
// dpkg. A directory that is not there is empty.
void reader_list(Reader *reader, const char *path, TextList *ret);

// Paths that an include means: `pattern`, with '*' in its last part, relative to `base`. At most
// ENTRIES_MAX.
void reader_expand(Reader *reader, const char *base, const char *pattern, TextList *ret);

// Tells a link that leads nowhere. True: it is one.
bool reader_is_dangling(Reader *reader, const char *path);

#endif
