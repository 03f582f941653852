// The walk: one directory of the source against its counterpart in the target.
#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include "base/text.h"
#include "tree/attribute.h"
#include "tree/cache.h"
#include "tree/exclude.h"
#include "tree/file.h"
#include "tree/manifest.h"
#include "tree/present.h"
#include "tree/remove.h"
#include "tree/xattr.h"

// One directory under comparison, on the stack of its walk.
typedef struct Walk {
        Worker *worker;
        Node *node;
        Present present;           // in the target
        size_t count;              // entries to work on
        Job *children;             // chained
        Meta have;                 // the target directory
        const CacheRecord *record; // what the cache knows of it
} Walk;

// --- opening ---

// 1: nothing to walk here; the reason was told.
static int source_lost(Walk *walk, int result)
{
        const char *trouble = source_trouble(result);
        Node *node = walk->node;

        atomic_store(&node->incomplete, true);
        if (result != -ENOENT && !trouble)
                return run_fail(node->run, node, NULL, result, "read",
                        "a directory of the source could not be opened");
        if (trouble)
                run_tell(walk->worker, TREE_SPECIAL, node, NULL, trouble);
        node->vanished = result != -EACCES && result != -EPERM;
        return 1;
}

static int source_enter(Walk *walk)
{
        Node *node = walk->node;
        _cleanup_close_ int held = -EBADF;
        int parent, result;
        Meta meta;

        if (!node->parent)
                return 0;
        parent = node_source(node->parent, &held);
        if (parent < 0)
                return source_lost(walk, parent);
        node->source = directory_open(parent, node->name);
        if (node->source < 0)
                return source_lost(walk, node->source);
        result = meta_read(node->source, "", &meta);
        if (result < 0)
                return source_lost(walk, result);
        if (meta.device != node->run->mirror->device)
                return source_lost(walk, -ESTALE);
        node->meta = meta;
        return 0;
}

static int target_lost(Walk *walk, int result)
{
        return run_fail(walk->node->run, walk->node, NULL, result, "target",
                "a directory of the target could not be opened");
}

// An owner who may not write in their own directory lets themselves in; the mode is set at the end.
static void target_let_in(const Walk *walk)
{
        const Rights *rights = &walk->node->run->rights;

        if (!rights->root && walk->have.uid == rights->uid && (walk->have.mode & 0700) != 0700 &&
                !walk->node->run->options->dry_run)
                walk->node->attributes =
                        fchmod(walk->node->target, (walk->have.mode & 07777) | 0700) == 0;
}

static int target_enter(Walk *walk)
{
        Node *node = walk->node;
        _cleanup_close_ int held = -EBADF;
        int result;

        if (node->absent)
                return 0;
        if (node->parent && node->target < 0) {
                int parent = node_target(node->parent, &held);

                if (parent < 0)
                        return target_lost(walk, parent);
                node->target =
                        directory_open(parent, node->temporary[0] ? node->temporary : node->name);
                if (node->target < 0)
                        return target_lost(walk, node->target);
        }
        result = meta_read(node->target, "", &walk->have);
        if (result < 0)
                return target_lost(walk, result);
        node->target_inode = walk->have.inode;
        node->compared = true;
        if (node->fresh)
                return 0;
        target_let_in(walk);
        node->acl = xattr_has_default_acl(node->target);
        return 0;
}

static void own_attributes(Walk *walk)
{
        Node *node = walk->node;

        if (node->fresh || node->absent)
                return;
        node->attributes =
                attribute_differ(&node->run->rights, &node->meta, &walk->have) ||
                xattr_differ((XattrFile){node->source, NULL}, (XattrFile){node->target, NULL}) > 0;
        if (!node->attributes)
                return;
        COUNT(walk->worker, changed, 1);
        run_tell(walk->worker, TREE_CHANGED, node, NULL, NULL);
}

// --- the source's entries ---

static bool is_recent(const Mirror *mirror, const Meta *meta, const struct timespec *now)
{
        int64_t age = ((int64_t)now->tv_sec - meta->changed.s) * 1000000000 + now->tv_nsec -
                      meta->changed.ns;
        int64_t tick = meta->changed.ns == 0 ? INT64_C(2000000000) : 2 * mirror->tick_ns;

        return age <= tick;
}

static int entry_lost(Walk *walk, const char *name, int result)
{
        atomic_store(&walk->node->incomplete, true);
        if (result == -ENOENT)
                return 0;
        if (!source_trouble(result))
                return run_fail(walk->node->run, walk->node, name, result, "read",
                        "an entry of the source could not be examined");
        run_tell(walk->worker, TREE_SPECIAL, walk->node, name, source_trouble(result));
        return 0;
}

// Looks at every name of the source. What is gone again, or left out, has mode 0.
static int survey(Walk *walk)
{
        Node *node = walk->node;
        Worker *worker = walk->worker;
        struct Scratch *scratch = &worker->scratch;
        bool states = node->run->options->cache != NULL;
        struct timespec now;
        int result = list_read(node->source, worker->list_buffer, &node->names);

        if (result < 0)
                return source_lost(walk, result);
        if (node->names.count > scratch->room) {
                scratch->room = node->names.count * 2;
                scratch->metas = memory_grow(scratch->metas, scratch->room * sizeof(Meta));
                scratch->states =
                        memory_grow(scratch->states, scratch->room * sizeof(struct CacheEntry));
        }
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        for (size_t i = 0; i < node->names.count; i++) {
                const char *name = list_name(&node->names, i);
                Meta *meta = &scratch->metas[i];

                meta->mode = 0;
                scratch->states[i] = (CacheEntry){.name = present_hash(name)};
                if (exclude_has(node, name))
                        continue;
                result = meta_read(node->source, name, meta);
                if (result < 0)
                        meta->mode = 0;
                if (result < 0 && entry_lost(walk, name, result) < 0)
                        return result;
                if (result < 0)
                        continue;
                if (states)
                        scratch->states[i].state = cache_entry_state(meta);
                if (is_recent(node->run->mirror, meta, &now))
                        atomic_store_explicit(&node->incomplete, true, memory_order_relaxed);
                if ((i & 255) == 255) {
                        throttle_pace(&node->run->throttle, 0);
                        if (run_stopped(node->run))
                                return atomic_load(&node->run->stop);
                }
        }
        if (is_recent(node->run->mirror, &node->meta, &now))
                atomic_store_explicit(&node->incomplete, true, memory_order_relaxed);
        COUNT(worker, files, node->names.count);
        return 0;
}

static int present_enter(Walk *walk)
{
        Node *node = walk->node;
        int result = node->fresh || node->absent
                             ? 0
                             : present_read(&walk->present, node->target, walk->worker);

        if (result < 0)
                return run_fail(node->run, node, NULL, result, "target",
                        "a directory of the target could not be listed");
        return 0;
}

// --- deciding, entry by entry ---

// A file in its place goes when the directory is published.
static int directory_make(Walk *walk, Node *child)
{
        Node *node = walk->node;
        const char *as = child->name;

        child->fresh = true;
        if (!node->fresh) {
                temporary_name(child->temporary);
                as = child->temporary;
        }
        if (mkdirat(node->target, as, 0700) < 0)
                return run_fail(node->run, node, child->name, -errno, "target",
                        "a directory of the target could not be made");
        atomic_store(&node->dirty, true);
        if (node->acl) {
                int result = xattr_remove_all((XattrFile){node->target, as});

                if (result < 0)
                        return run_fail(node->run, node, child->name, result, "target",
                                "an inherited ACL could not be removed");
        }
        return 0;
}

static void child_add(Walk *walk, Node *child)
{
        child->job = (Job){.next = walk->children, .work = walk_job};
        walk->children = &child->job;
}

static int directory_decide(Walk *walk, const char *name, const Meta *from, const Meta *have)
{
        Node *node = walk->node, *child;
        bool exists = S_ISDIR(have->mode);
        int result = 0;

        if (node->depth >= DEPTH_MAX) {
                run_tell(walk->worker, TREE_SPECIAL, node, name, "it lies too deep");
                return 0;
        }
        child = node_new(node->run, node, name);
        child->meta = *from;
        if (node->block)
                manifest_add(node, from, name, NULL, NULL);
        cache_key(node->key, name, child->key);
        if (!exists) {
                run_tell(walk->worker, have->mode ? TREE_CHANGED : TREE_ADDED, node, name, NULL);
                COUNT(walk->worker, changed, 1);
        }
        if (!exists && node->run->options->dry_run)
                child->absent = true;
        else if (!exists) {
                mirror_touch(node->run->mirror, have); // it goes when the directory comes
                result = directory_make(walk, child);
        } else
                child->target_inode = have->inode;
        child_add(walk, child);
        return result;
}

static void entry_add(Walk *walk, const Entry *entry)
{
        Node *node = walk->node;

        if (walk->count % 64 == 0)
                node->entries =
                        memory_grow(node->entries, (walk->count + 64) * sizeof(*node->entries));
        node->entries[walk->count++] = *entry;
}

static void count_doomed(Walk *walk, const char *name)
{
        Mirror *mirror = walk->node->run->mirror;
        uint64_t entries = remove_count(walk->worker, walk->node, name);

        atomic_fetch_add(&mirror->present, entries);
        atomic_fetch_add(&mirror->doomed, entries);
}

// A directory has to go before the entry can come.
static void swap_late(Walk *walk, const Entry *entry)
{
        Mirror *mirror = walk->node->run->mirror;

        count_doomed(walk, entry->name);
        mirror_late(
                mirror, walk->node, late_new(LATE_SWAP, entry->name, &entry->from, entry->group));
}

// The directory in its place, if there is one, goes before the links are made.
static void link_late(Walk *walk, const Entry *entry, LinkGroup *group)
{
        Mirror *mirror = walk->node->run->mirror;

        mirror_late(mirror, walk->node, late_new(LATE_LINK, entry->name, &entry->from, group));
        if (!S_ISDIR(entry->have.mode))
                return;
        count_doomed(walk, entry->name);
        mirror_late(mirror, walk->node, late_new(LATE_DELETE, entry->name, NULL, NULL));
}

static int file_decide(Walk *walk, Entry *entry)
{
        Mirror *mirror = walk->node->run->mirror;

        if (entry->from.links > 1) {
                bool leads;
                LinkGroup *group = links_enter(&mirror->links, entry->from.inode, &leads);

                if (!leads) {
                        link_late(walk, entry, group);
                        return 0;
                }
                entry->group = group;
                if (entry->have.links > 1 && !S_ISDIR(entry->have.mode))
                        entry->replace = !links_claim(&mirror->links, entry->have.inode);
        }
        if (S_ISDIR(entry->have.mode)) {
                swap_late(walk, entry);
                return 0;
        }
        entry->state = file_compare(walk->worker, walk->node, entry);
        if (entry->state != FILE_SAME)
                entry_add(walk, entry);
        else if (entry->group)
                links_lead(
                        &mirror->links, entry->group, walk->node, entry->name, entry->have.inode);
        return 0;
}

// Sockets belong to a running server and devices to a machine: neither is copied, and what the
// target has under the name is left alone.
static const char *special_why(const Walk *walk, const Meta *from, const Meta *have)
{
        const Mirror *mirror = walk->node->run->mirror;

        if (from->device != mirror->device || from->mount)
                return "another file system is mounted there: not copied";
        if (S_ISDIR(have->mode) && (have->device != mirror->target_device || have->mount))
                return "another file system is mounted there in the target: not changed";
        if (S_ISSOCK(from->mode))
                return "a socket: not copied";
        if (!S_ISDIR(from->mode) && !file_is_copied(from))
                return "a device: not copied";
        return NULL;
}

static int decide(Walk *walk, size_t index)
{
        struct Scratch *scratch = &walk->worker->scratch;
        Entry entry = {.name = list_name(&walk->node->names, index), .from = scratch->metas[index]};
        uint32_t found =
                present_find(&walk->present, walk->worker, entry.name, scratch->states[index].name);
        const char *why;
        int result;

        if (found != PRESENT_NOT)
                walk->present.matched[found] = true;
        if (entry.from.mode == 0) // gone, or left out: not ours to delete
                return 0;
        if (found != PRESENT_NOT) {
                result = meta_read(walk->node->target, entry.name, &entry.have);
                if (result < 0 && result != -ENOENT)
                        return run_fail(walk->node->run, walk->node, entry.name, result, "target",
                                "an entry of the target could not be examined");
        }
        why = special_why(walk, &entry.from, &entry.have);
        if (why) {
                run_tell(walk->worker, TREE_SPECIAL, walk->node, entry.name, why);
                return 0;
        }
        if (S_ISDIR(entry.from.mode))
                return directory_decide(walk, entry.name, &entry.from, &entry.have);
        entry.suspect = entry.have.mode && cache_suspects(walk->node->run->mirror->cache,
                                                   walk->record, scratch->states[index], index);
        // After the look at the target: whoever takes a name away says so before.
        if (atomic_load(&walk->node->run->mirror->touched_any) && entry.have.mode)
                entry.suspect |=
                        links_is_claimed(&walk->node->run->mirror->touched, entry.have.inode);
        return file_decide(walk, &entry);
}

// What the target has and the source has not.
static void doom(Walk *walk)
{
        Mirror *mirror = walk->node->run->mirror;

        atomic_fetch_add(&mirror->present, walk->present.list.count);
        for (size_t i = 0; i < walk->present.list.count; i++) {
                const char *name = list_name(&walk->present.list, i);
                uint64_t entries;

                if (walk->present.matched[i] || exclude_has(walk->node, name))
                        continue;
                entries = walk->present.list.names[i].type == DT_DIR ||
                                          walk->present.list.names[i].type == DT_UNKNOWN
                                  ? remove_count(walk->worker, walk->node, name)
                                  : 0;
                atomic_fetch_add(&mirror->present, entries);
                if (!temporary_is(name)) // a killed run's, not the target's
                        atomic_fetch_add(&mirror->doomed, entries + 1);
                mirror_late(mirror, walk->node, late_new(LATE_DELETE, name, NULL, NULL));
        }
}

// --- the work ---

// The children first, so that the batches, which other threads can take as well, are on top: a
// directory that is done holds no memory and soon no descriptors.
static void hand_out(Walk *walk)
{
        node_keep(walk->node);
        if (walk->children)
                pool_push_all(walk->node->run->pool, TAKE_PTR(walk->children));
        batch_push(walk->node, walk->count);
}

static void seen(Worker *worker, Node *node)
{
        Run *run = worker->run;
        Node *before;

        if (!run->options->progress)
                return;
        pthread_mutex_lock(&run->lock);
        before = run->current;
        run->current = node_ref(node);
        pthread_mutex_unlock(&run->lock);
        node_unref(before);
}

// True when the target's directory is the one the cache remembers, unchanged.
static bool target_is(const Walk *walk, const CacheRecord *record)
{
        Node *node = walk->node;
        _cleanup_close_ int held = -EBADF;
        int dirfd = node->parent ? node_target(node->parent, &held) : node->target;
        Meta meta;

        return dirfd >= 0 && meta_read(dirfd, node->parent ? node->name : "", &meta) == 0 &&
               meta.inode == record->target_inode && meta.changed.s == record->target_changed_s &&
               meta.changed.ns == record->target_changed_ns;
}

// The names of linked files are looked at all the same: another name of theirs may have come into
// the tree with a directory that was moved, which shows in neither of them.
static bool needs_look(const Meta *from)
{
        return S_ISDIR(from->mode) || from->links > 1;
}

static int look(Walk *walk, size_t index)
{
        Node *node = walk->node;
        Entry entry = {
                .name = list_name(&node->names, index), .from = walk->worker->scratch.metas[index]};

        if (meta_read(node->target, entry.name, &entry.have) < 0)
                entry.have.mode = 0;
        if (special_why(walk, &entry.from, &entry.have))
                return 0;
        if (S_ISDIR(entry.from.mode))
                return directory_decide(walk, entry.name, &entry.from, &entry.have);
        return file_decide(walk, &entry);
}

// All is as the cache remembers it: only the children need be walked.
static int descend(Walk *walk, const CacheRecord *record)
{
        Node *node = walk->node;
        const Meta *metas = walk->worker->scratch.metas;
        int result = 0;

        atomic_fetch_add(&node->run->mirror->present, node->names.count);
        for (size_t i = 0; i < node->names.count && result == 0; i++) {
                if (!needs_look(&metas[i]))
                        continue;
                if (!node->compared)
                        result = target_enter(walk);
                if (result == 0)
                        result = look(walk, i);
        }
        if (result < 0)
                return result;
        if (node->late || walk->count) { // it will change
                cache_note(walk->worker, node);
                return 0;
        }
        node->compared = false;
        result = cache_remember_again(node->run, record);
        if (result < 0)
                return run_fail(node->run, NULL, node->run->options->cache, result, "cache",
                        "the cache of the mirror could not be written");
        return 0;
}

// 1: nothing was compared.
static int compare(Walk *walk)
{
        Node *node = walk->node;
        int result = source_enter(walk);

        if (result != 0)
                return result;
        exclude_find(node);
        if (node->run->mirror->manifest)
                manifest_begin(node);
        result = survey(walk);
        if (result != 0)
                return result;
        walk->record = cache_record(node);
        if (walk->record && cache_match(walk->worker, node, walk->record) &&
                target_is(walk, walk->record))
                return descend(walk, walk->record);
        result = target_enter(walk);
        if (result == 0)
                result = present_enter(walk);
        if (result < 0)
                return result;
        own_attributes(walk);
        for (size_t i = 0; i < node->names.count && result == 0; i++)
                result = decide(walk, i);
        if (result == 0)
                doom(walk);
        cache_note(walk->worker, node);
        return result;
}

void walk_job(void *argument, Job *job)
{
        Node *node = (Node *)job;
        Walk walk = {.worker = argument, .node = node};

        if (!run_stopped(node->run)) {
                int result;

                seen(walk.worker, node);
                result = compare(&walk);
                if (result == 1 && !node->vanished && target_enter(&walk) == 0)
                        own_attributes(&walk); // they are set all the same
                throttle_pace(&node->run->throttle, 0);
        }
        hand_out(&walk);
        present_clear(&walk.present);
        node_done(walk.worker, node);
}
