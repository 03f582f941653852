// One entry that is not a directory: is it the same, and if not, make it so.
#ifndef UNDERSTUDY_WORKER_TREE_FILE_H
#define UNDERSTUDY_WORKER_TREE_FILE_H

#include "tree/mirror.h"

typedef enum FileState {
        FILE_SAME,
        FILE_ATTRIBUTES, // content is the same, owner or mode are not
        FILE_SUSPECT,    // looks the same, but the source's ctime is newer
        FILE_DIFFERENT,
} FileState;

// An entry of a directory in the source, and what the target has of that name.
typedef struct Entry {
        const char *name;
        Meta from;
        Meta have;        // mode 0: nothing
        LinkGroup *group; // it leads a group of hard links
        bool replace;     // whatever the comparison says
        bool suspect;     // the cache knows it otherwise
        FileState state;  // of file_compare
} Entry;

// Compares without opening anything (links are read).
FileState file_compare(Worker *worker, Node *node, const Entry *entry);

// Makes the target's entry equal. What is wrong with the source is told, and 0. A
// negative errno after run_fail else.
int file_make_equal(Worker *worker, Node *node, Entry *entry) _must_use_;

// Replaces a directory by the entry; the directory is then called `displaced`. 1: it is not, for
// something is wrong with the source.
int file_displace(Worker *worker, Node *node, Entry *entry, char displaced[static TEMPORARY_SIZE])
        _must_use_;

// True for kinds that are copied: files, links, FIFOs.
static inline bool file_is_copied(const Meta *meta)
{
        return S_ISREG(meta->mode) || S_ISLNK(meta->mode) || S_ISFIFO(meta->mode);
}

// What is wrong with a source, by the errno of opening or reading it; NULL: something worse, or
// nothing that anybody need be told (ENOENT).
const char *source_trouble(int result);

#endif
