// The names in a directory, all of them, in one go.
#ifndef UNDERSTUDY_WORKER_TREE_LIST_H
#define UNDERSTUDY_WORKER_TREE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

typedef struct ListName {
        uint32_t offset; // of the name in `text`
        uint8_t type;    // DT_REG ...; DT_UNKNOWN when the file system does not say
} ListName;

typedef struct List {
        char *text; // NUL-terminated names, one after the other
        ListName *names;
        size_t count;
        size_t text_size, text_room, room;
} List;

#define LIST_EMPTY     ((List){0})
#define _cleanup_list_ _cleanup_(list_clear)
#define LIST_BUFFER    (128 * 1024) // bytes a getdents64(2) call may fill

// Reads the directory `fd`, from its beginning, without "." and "..". `buffer` has LIST_BUFFER
// bytes, for the duration of the call. Negative errno: then the list is not complete.
int list_read(int fd, char *buffer, List *ret) _must_use_;

void list_clear(List *list);

static inline const char *list_name(const List *list, size_t index)
{
        return list->text + list->names[index].offset;
}

#endif
