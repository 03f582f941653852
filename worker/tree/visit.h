// A walk that only reads: every directory of a tree, each in whatever thread is free.
#ifndef UNDERSTUDY_WORKER_TREE_VISIT_H
#define UNDERSTUDY_WORKER_TREE_VISIT_H

#include "tree/node.h"

// Of one directory, whose node->source is open. Negative: `failed` is called, and the walk goes on
// elsewhere unless that ended the run.
typedef struct Visitor {
        void (*begin)(Node *node); // NULL: nothing
        int (*entry)(Worker *worker, Node *node, const char *name);
        int (*end)(Node *node); // NULL: nothing
        void (*failed)(Worker *worker, Node *node, const char *name, int result);
        void *userdata;
} Visitor;

// Walks `directory` and what visit_child adds. Names that the options leave out are not visited.
int visit_tree(Run *run, int directory, const Visitor *visitor, Error *error) _must_use_;

// Has a directory visited that `entry` met.
void visit_child(Node *node, const char *name, const Meta *meta);

#endif
