#include "tree/links.h"

#include "base/text.h"

// Inodes are small neighbouring numbers: spread them.
static size_t slot_of(uint64_t inode, size_t room)
{
        return (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (room - 1);
}

// X(item type, table, count, room): doubles a table of chains when it is full.
#define DEFINE_GROW(name, type, table, count, room)                                                \
        static void name(Links *links)                                                             \
        {                                                                                          \
                size_t room_new = links->room ? links->room * 2 : 256;                             \
                type **grown;                                                                      \
                                                                                                   \
                if (links->count < links->room)                                                    \
                        return;                                                                    \
                grown = memory_new(room_new * sizeof(*grown));                                     \
                for (size_t i = 0; i < links->room; i++)                                           \
                        while (links->table[i]) {                                                  \
                                type *item = links->table[i];                                      \
                                size_t slot = slot_of(item->inode, room_new);                      \
                                                                                                   \
                                links->table[i] = item->next;                                      \
                                item->next = grown[slot];                                          \
                                grown[slot] = item;                                                \
                        }                                                                          \
                free(links->table);                                                                \
                links->table = grown;                                                              \
                links->room = room_new;                                                            \
        }
DEFINE_GROW(groups_grow, LinkGroup, groups, group_count, group_room)
DEFINE_GROW(claims_grow, struct LinkClaim, claims, claim_count, claim_room)

void links_init(Links *links)
{
        *links = (Links){0};
        pthread_mutex_init(&links->lock, NULL);
}

void links_clear(Links *links)
{
        for (size_t i = 0; i < links->group_room; i++)
                while (links->groups[i]) {
                        LinkGroup *group = links->groups[i];

                        links->groups[i] = group->next;
                        node_unref(group->node);
                        free(group->name);
                        free(group);
                }
        for (size_t i = 0; i < links->claim_room; i++)
                while (links->claims[i]) {
                        struct LinkClaim *claim = links->claims[i];

                        links->claims[i] = claim->next;
                        free(claim);
                }
        free(links->groups);
        free(links->claims);
        pthread_mutex_destroy(&links->lock);
}

LinkGroup *links_enter(Links *links, uint64_t inode, bool *ret_leads)
{
        LinkGroup *group;
        size_t slot;

        pthread_mutex_lock(&links->lock);
        groups_grow(links);
        slot = slot_of(inode, links->group_room);
        for (group = links->groups[slot]; group && group->inode != inode; group = group->next)
                ;
        *ret_leads = !group;
        if (!group) {
                group = memory_new(sizeof(*group));
                *group = (LinkGroup){.next = links->groups[slot], .inode = inode};
                links->groups[slot] = group;
                links->group_count++;
        }
        pthread_mutex_unlock(&links->lock);
        return group;
}

void links_lead(Links *links, LinkGroup *group, Node *node, const char *name, uint64_t inode)
{
        pthread_mutex_lock(&links->lock);
        if (!group->node) {
                group->node = node_ref(node);
                group->name = text_copy(name);
                group->target_inode = inode;
        }
        pthread_mutex_unlock(&links->lock);
}

bool links_claim(Links *links, uint64_t target_inode)
{
        struct LinkClaim *claim;
        bool first;
        size_t slot;

        pthread_mutex_lock(&links->lock);
        claims_grow(links);
        slot = slot_of(target_inode, links->claim_room);
        for (claim = links->claims[slot]; claim && claim->inode != target_inode;
                claim = claim->next)
                ;
        first = !claim;
        if (first) {
                claim = memory_new(sizeof(*claim));
                *claim = (struct LinkClaim){.next = links->claims[slot], .inode = target_inode};
                links->claims[slot] = claim;
                links->claim_count++;
        }
        pthread_mutex_unlock(&links->lock);
        return first;
}

bool links_is_claimed(Links *links, uint64_t target_inode)
{
        const struct LinkClaim *claim = NULL;

        pthread_mutex_lock(&links->lock);
        if (links->claim_room)
                claim = links->claims[slot_of(target_inode, links->claim_room)];
        while (claim && claim->inode != target_inode)
                claim = claim->next;
        pthread_mutex_unlock(&links->lock);
        return claim != NULL;
}

bool links_leader(
        Links *links, const LinkGroup *group, Node **ret_node, char **ret_name, uint64_t *ret_inode)
{
        bool led;

        pthread_mutex_lock(&links->lock);
        led = group->node != NULL;
        if (led) {
                *ret_node = node_ref(group->node);
                *ret_name = text_copy(group->name);
                *ret_inode = group->target_inode;
        }
        pthread_mutex_unlock(&links->lock);
        return led;
}
