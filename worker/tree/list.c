#include "tree/list.h"

#include <dirent.h>

#include "base/text.h"

static void add(List *list, const struct dirent64 *entry)
{
        size_t size = strlen(entry->d_name) + 1;

        if (list->text_size + size > list->text_room) {
                list->text_room = list->text_room ? list->text_room * 2 : 1024;
                list->text = memory_grow(list->text, list->text_room);
        }
        if (list->count == list->room) {
                list->room = list->room ? list->room * 2 : 64;
                list->names = memory_grow(list->names, list->room * sizeof(*list->names));
        }
        memcpy(list->text + list->text_size, entry->d_name, size);
        list->names[list->count++] =
                (ListName){.offset = (uint32_t)list->text_size, .type = entry->d_type};
        list->text_size += size;
}

static bool is_dot(const char *name)
{
        return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int list_read(int fd, char *buffer, List *ret)
{
        _cleanup_list_ List list = LIST_EMPTY;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        for (;;) {
                ssize_t size = getdents64(fd, buffer, LIST_BUFFER);

                if (size < 0)
                        return -errno;
                if (size == 0)
                        break;
                for (ssize_t at = 0; at < size;) {
                        const struct dirent64 *entry = (const void *)(buffer + at);

                        if (!is_dot(entry->d_name))
                                add(&list, entry);
                        at += entry->d_reclen;
                }
        }
        *ret = TAKE(list, LIST_EMPTY);
        return 0;
}

void list_clear(List *list)
{
        free(list->text);
        free(list->names);
        *list = LIST_EMPTY;
}
