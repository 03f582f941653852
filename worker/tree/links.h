// Hard links: names of one file in the source must be names of one file in the target.
//
// The first name that a walk meets leads: it is copied or compared like any file. The others
// follow: they are linked to the leader when the walk is over.
#ifndef UNDERSTUDY_WORKER_TREE_LINKS_H
#define UNDERSTUDY_WORKER_TREE_LINKS_H

#include "tree/node.h"

typedef struct LinkGroup {
        struct LinkGroup *next;
        uint64_t inode; // in the source
        Node *node;     // where the leader lies, a reference; NULL: there is none yet
        char *name;
        uint64_t target_inode; // of the leader, once it is in the target
} LinkGroup;

typedef struct Links {
        pthread_mutex_t lock;
        LinkGroup **groups; // by the source's inode
        struct LinkClaim {
                struct LinkClaim *next;
                uint64_t inode; // in the target
        } * *claims;
        size_t group_count, group_room, claim_count, claim_room; // rooms: powers of two, or 0
} Links;

void links_init(Links *links);
void links_clear(Links *links);

// The group of a source inode. `ret_leads`: the caller is the first to ask.
LinkGroup *links_enter(Links *links, uint64_t inode, bool *ret_leads);

// The leader is in the target, under this name.
void links_lead(Links *links, LinkGroup *group, Node *node, const char *name, uint64_t inode);

// True when no other group has claimed this inode of the target: two groups of the source may have
// been one file there.
bool links_claim(Links *links, uint64_t target_inode);

// True when it was claimed.
bool links_is_claimed(Links *links, uint64_t target_inode);

// Where the leader is: false when there is none. `ret_node` is a new reference.
bool links_leader(Links *links, const LinkGroup *group, Node **ret_node, char **ret_name,
        uint64_t *ret_inode);

#endif
