// A manifest: what is in a tree, with a hash of every file, as text.
//
//   understudy-manifest 1 HASH
//   D  MODE UID GID - TIME - - PATH             a directory, its entries follow
//   f  MODE UID GID SIZE TIME LINK HASH NAME    LINK: same for all names of a file, or -
//   l  MODE UID GID SIZE TIME LINK - NAME TARGET
//   p  MODE UID GID - TIME LINK - NAME          a FIFO
//   d  - - - - - - - NAME                       a directory: it has its own part
//   ?  - - - - - - - NAME                       not copied, not compared
//   E  ENTRIES XXH3-64 of all before
//
// Fields are apart by tabs; names are escaped as in C; modes are octal; times are seconds and
// nanoseconds. Directories come in any order. A further name of a file has - for its hash.
#ifndef UNDERSTUDY_WORKER_TREE_MANIFEST_H
#define UNDERSTUDY_WORKER_TREE_MANIFEST_H

#include "tree/file.h"
#include "tree/hash.h"

typedef struct ManifestWriter ManifestWriter;

// Writes to a temporary file beside `path`, which manifest_commit puts in place.
int manifest_new(const char *path, TreeHash hash, ManifestWriter **ret, Error *error) _must_use_;
int manifest_commit(ManifestWriter *writer, const char *path, Error *error) _must_use_;
void manifest_free(ManifestWriter *writer); // NULL is fine

// Begins the part of a directory.
void manifest_begin(Node *node);

// A line in the part of a directory. `hash` and `target` may be NULL. Any thread.
void manifest_add(
        Node *node, const Meta *meta, const char *name, const char *hash, const char *target);

// Writes a directory's part, which is whole now, and frees it.
int manifest_write(ManifestWriter *writer, Node *node) _must_use_;
void manifest_drop(Node *node);

// --- reading ---

typedef struct ManifestLine {
        char kind; // D f l p d ?
        Meta meta; // kind, mode, uid, gid, size, modified; inode: LINK, 0 for none
        const char *hash;
        char *name;   // unescaped, in place
        char *target; // of a link, unescaped
} ManifestLine;

// Understands a line, which it changes, without its newline. -EBADMSG.
int manifest_parse(char *line, ManifestLine *ret) _must_use_;

// Checks the frame of a whole manifest, and leaves its parts: from after the first line to `E`.
int manifest_check(char *text, size_t size, TreeHash *ret_hash, char **ret_begin, char **ret_end)
        _must_use_;

#endif
