#include "tree/present.h"

#include <xxhash.h>

#include "base/text.h"

enum {
        ROOM_LEAST = 16,
};

uint64_t present_hash(const char *name)
{
        return XXH3_64bits(name, strlen(name));
}

static void slots_room(struct Scratch *scratch, size_t room)
{
        if (room > scratch->slot_room) {
                scratch->slot_room = room;
                scratch->slots = memory_grow(scratch->slots, room * sizeof(*scratch->slots));
        }
        memset(scratch->slots, 0xff, room * sizeof(*scratch->slots)); // PRESENT_NOT
}

int present_read(Present *present, int fd, Worker *worker)
{
        uint32_t *slots;
        int result = list_read(fd, worker->list_buffer, &present->list);

        if (result < 0)
                return result;
        present->room = ROOM_LEAST;
        while (present->room < present->list.count * 2)
                present->room *= 2;
        slots_room(&worker->scratch, present->room);
        slots = worker->scratch.slots;
        for (size_t i = 0; i < present->list.count; i++) {
                size_t slot = present_hash(list_name(&present->list, i)) & (present->room - 1);

                while (slots[slot] != PRESENT_NOT)
                        slot = (slot + 1) & (present->room - 1);
                slots[slot] = (uint32_t)i;
        }
        present->matched = memory_new(present->list.count + 1);
        return 0;
}

uint32_t present_find(const Present *present, const Worker *worker, const char *name, uint64_t hash)
{
        const uint32_t *slots = worker->scratch.slots;
        size_t slot;

        if (present->list.count == 0)
                return PRESENT_NOT;
        slot = hash & (present->room - 1);
        for (; slots[slot] != PRESENT_NOT; slot = (slot + 1) & (present->room - 1))
                if (strcmp(list_name(&present->list, slots[slot]), name) == 0)
                        break;
        return slots[slot];
}

void present_clear(Present *present)
{
        list_clear(&present->list);
        free(TAKE_PTR(present->matched));
}
