// The end of a mirror: what had to wait until the walk was over.
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "tree/attribute.h"
#include "tree/cache.h"
#include "tree/exclude.h"
#include "tree/file.h"
#include "tree/manifest.h"
#include "tree/remove.h"
#include "tree/xattr.h"

Late *late_new(LateKind kind, const char *name, const Meta *from, LinkGroup *group)
{
        size_t length = strlen(name);
        Late *late = memory_new(sizeof(*late) + length + 1);

        late->kind = kind;
        late->group = group;
        if (from)
                late->from = *from;
        memcpy(late->name, name, length + 1);
        return late;
}

void mirror_touch(Mirror *mirror, const Meta *have)
{
        if (S_ISDIR(have->mode) || have->links < 2)
                return;
        (void)links_claim(&mirror->touched, have->inode);
        atomic_store(&mirror->touched_any, true);
}

void mirror_late(Mirror *mirror, Node *node, Late *take_item)
{
        pthread_mutex_lock(&mirror->lock);
        if (!node->late) {
                node->late_next = mirror->late;
                mirror->late = node_ref(node);
        }
        take_item->next = node->late;
        node->late = take_item;
        pthread_mutex_unlock(&mirror->lock);
}

// --- finishing a directory ---

static int attributes_finish(Worker *worker, Node *node, int source, int target)
{
        Meta have;
        int refused = meta_read(target, "", &have), result;

        if (refused == 0)
                refused = attribute_set(&node->run->rights, target, &have, &node->meta);
        if (refused < 0)
                return refused;
        if (source >= 0 && (node->fresh || node->attributes)) {
                result = xattr_make_equal(
                        (XattrFile){source, NULL}, (XattrFile){target, NULL}, node->fresh);
                if (result == -EPERM || result == -EACCES || result == -EOPNOTSUPP)
                        refused |= ATTRIBUTE_EXTENDED;
                else if (result < 0)
                        return result;
        }
        if (refused) {
                _cleanup_free_ char *why =
                        text_format("not permitted to set: %s", attribute_words((unsigned)refused));

                run_tell(worker, TREE_SPECIAL, node, NULL, why);
        }
        return 0;
}

static int remember(Node *node, int target)
{
        Meta meta;
        int result;

        if (!node->states || node->incomplete)
                return 0;
        result = meta_read(target, "", &meta);
        if (result == 0)
                result = cache_remember(node->run, node, &meta);
        if (result < 0)
                return run_fail(node->run, NULL, node->run->options->cache, result, "cache",
                        "the cache of the mirror could not be written");
        return 0;
}

int node_finish(Worker *worker, Node *node)
{
        _cleanup_close_ int source_held = -EBADF, target_held = -EBADF;
        bool needed = node->fresh || node->attributes || node->dirty;
        int source, target, result = 0;

        if (!node->compared || node->run->options->dry_run || (!needed && !node->states))
                return 0;
        target = node_target(node, &target_held);
        source = node->fresh || node->attributes ? node_source(node, &source_held) : -EBADF;
        if (target < 0)
                return run_fail(node->run, node, NULL, target, "target",
                        "a directory of the target was taken away");
        if (needed)
                result = attributes_finish(worker, node, source, target);
        if (result < 0)
                return run_fail(node->run, node, NULL, result, "target",
                        "a directory's attributes could not be set");
        result = node->block ? manifest_write(node->run->mirror->manifest, node) : 0;
        if (result < 0)
                return run_fail(node->run, NULL, node->run->options->manifest, result, "manifest",
                        "the manifest could not be written");
        return remember(node, target);
}

// A file that was in the new directory's place changes places with it, and goes.
static int exchange(Node *node, int parent)
{
        if (renameat2(parent, node->temporary, parent, node->name, RENAME_EXCHANGE) < 0)
                return -errno;
        if (unlinkat(parent, node->temporary, 0) < 0 && errno != EISDIR)
                return -errno; // a directory that came meanwhile: the next run removes it
        return 0;
}

static int publish(Node *node)
{
        _cleanup_close_ int held = -EBADF;
        int parent = node_target(node->parent, &held), result = 0;

        if (parent < 0)
                result = parent;
        else if (node->vanished)
                (void)unlinkat(parent, node->temporary, AT_REMOVEDIR);
        else if (renameat2(parent, node->temporary, parent, node->name, RENAME_NOREPLACE) < 0)
                result = errno == EEXIST ? exchange(node, parent) : -errno;
        if (result < 0)
                return run_fail(node->run, node, NULL, result, "target",
                        "a new directory could not be put in place");
        node->temporary[0] = '\0';
        return 0;
}

static void finish(Worker *worker, Node *node)
{
        if (run_stopped(node->run))
                return;
        if (!node->late && !node->vanished && node_finish(worker, node) < 0)
                return;
        if (node->temporary[0] && publish(node) < 0)
                return;
}

void node_done(Worker *worker, Node *node)
{
        while (node && atomic_fetch_sub_explicit(&node->pending, 1, memory_order_acq_rel) == 1) {
                Node *parent = node->parent;

                finish(worker, node);
                node_close(node);
                list_clear(&node->names);
                free(TAKE_PTR(node->entries));
                node_unref(node);
                node = parent;
        }
}

// --- deletions and swaps ---

static bool has_late(const Node *node, LateKind kind)
{
        for (const Late *late = node->late; late; late = late->next)
                if (late->kind == kind)
                        return true;
        return false;
}

static bool needs_source(const Node *node)
{
        return node->fresh || node->attributes || has_late(node, LATE_SWAP) ||
               has_late(node, LATE_LINK);
}

// Other nodes are settled at the same time: each opens its own way from the root.
static int enter(Node *node)
{
        int result = 0;

        if (!node->parent || node->absent)
                return 0;
        node->target = result = node_open_target(node);
        if (result >= 0 && needs_source(node))
                node->source = result = node_open_source(node);
        if (result < 0)
                return run_fail(node->run, node, NULL, result, "settle",
                        "a directory was taken away during the work");
        return 0;
}

static bool holds_excluded(const Node *node, const char *name)
{
        _cleanup_free_ char *path = NULL;

        if (!node->run->options->exclude_count)
                return false;
        path = node_raw_path(node, name);
        return exclude_beneath(node->run, path);
}

static int swap(Worker *worker, Node *node, const Late *late)
{
        Entry entry = {.name = late->name,
                .from = late->from,
                .group = late->group,
                .have = {.mode = S_IFDIR}};
        char displaced[TEMPORARY_SIZE];
        int result;

        if (holds_excluded(node, late->name)) {
                run_tell(worker, TREE_SPECIAL, node, late->name,
                        "not replaced: the directory holds something that is left out");
                return 0;
        }
        run_tell(worker, TREE_CHANGED, node, late->name, NULL);
        if (node->run->options->dry_run)
                return remove_entry(worker, node, node->target, late->name, late->name, false);
        result = file_displace(worker, node, &entry, displaced);
        if (result != 0)
                return result < 0 ? result : 0;
        return remove_entry(worker, node, node->target, displaced, late->name, false);
}

static void delete_job(void *argument, Job *job)
{
        Node *node = (Node *)job;
        int result = run_stopped(node->run) ? -ECANCELED : enter(node);

        for (const Late *late = node->late; late && result == 0; late = late->next) {
                atomic_store(&node->dirty, true);
                if (late->kind == LATE_DELETE)
                        result = remove_entry(
                                argument, node, node->target, late->name, late->name, false);
                else if (late->kind == LATE_SWAP)
                        result = swap(argument, node, late);
        }
        if (result == 0 && !run_stopped(node->run) && !has_late(node, LATE_LINK))
                (void)!node_finish(argument, node); // told by run_fail
        node_close(node);
}

void settle_deletions(Run *run)
{
        for (Node *node = run->mirror->late; node; node = node->late_next) {
                if (!has_late(node, LATE_DELETE) && !has_late(node, LATE_SWAP))
                        continue;
                node->job = (Job){.work = delete_job};
                pool_push(run->pool, &node->job);
        }
}

// --- links ---

// The leader's directory, kept from one link to the next.
typedef struct Leader {
        Node *node;
        int fd;
} Leader;

static int leader_open(Leader *leader, Node *take_node)
{
        if (leader->node == take_node) {
                node_unref(take_node);
                return leader->fd;
        }
        closep(&leader->fd);
        node_unref(leader->node);
        leader->node = take_node;
        leader->fd = node_open_target(take_node);
        return leader->fd;
}

static int link_replace(int dirfd, const char *name, Node *node, const char *to)
{
        char temporary[TEMPORARY_SIZE];
        int result;

        if (linkat(dirfd, name, node->target, to, 0) == 0)
                return 0;
        if (errno != EEXIST)
                return -errno;
        temporary_name(temporary);
        if (linkat(dirfd, name, node->target, temporary, 0) < 0)
                return -errno;
        if (renameat(node->target, temporary, node->target, to) == 0)
                return 0;
        result = -errno;
        (void)unlinkat(node->target, temporary, 0);
        return result;
}

// There is nothing to link to: the leader could not be read, or has too many names.
static int copy_instead(Worker *worker, Node *node, const Late *late, const Meta *have)
{
        Entry entry = {.name = late->name,
                .from = late->from,
                .have = *have,
                .group = late->group,
                .state = FILE_DIFFERENT};

        entry.state = file_compare(worker, node, &entry);
        return file_make_equal(worker, node, &entry);
}

// Its content stands with the leader; of a symbolic link the text is part of the line.
static void link_note(Node *node, const Late *late)
{
        _cleanup_free_ char *text = NULL;

        if (!S_ISLNK(late->from.mode) || file_read_link_at(node->target, late->name, &text) == 0)
                manifest_add(node, &late->from, late->name, NULL, text);
}

static int link_one(Worker *worker, Node *node, const Late *late, Leader *leader)
{
        Links *links = &node->run->mirror->links;
        _cleanup_free_ char *name = NULL;
        Node *where = NULL;
        uint64_t inode = 0;
        Meta have = {0};
        int fd, result;

        if (!node->absent && meta_read(node->target, late->name, &have) < 0)
                have.mode = 0;
        if (S_ISDIR(have.mode) && node->run->options->dry_run && !holds_excluded(node, late->name))
                have.mode = 0;  // deleted by now
        if (S_ISDIR(have.mode)) // it came meanwhile, or stays for what is left out in it
                return 0;
        if (!links_leader(links, late->group, &where, &name, &inode))
                return copy_instead(worker, node, late, &have);
        if (node->run->options->dry_run) {
                node_unref(where);
                if (!have.mode || have.inode != inode)
                        run_tell(worker, have.mode ? TREE_CHANGED : TREE_ADDED, node, late->name,
                                NULL);
                return 0;
        }
        fd = leader_open(leader, where);
        if (have.mode && have.inode == inode)
                return 0;
        atomic_store(&node->dirty, true);
        result = fd < 0 ? fd : link_replace(fd, name, node, late->name);
        if (result == -EMLINK || result == -ENOENT || result == -EPERM || result == -EXDEV)
                return copy_instead(worker, node, late, &have);
        if (result < 0)
                return run_fail(node->run, node, late->name, result, "link",
                        "a hard link could not be made");
        run_tell(worker, have.mode ? TREE_CHANGED : TREE_ADDED, node, late->name, NULL);
        COUNT(worker, changed, 1);
        if (node->block)
                link_note(node, late);
        return 0;
}

static void link_job(void *argument, Job *job)
{
        Node *node = (Node *)job;
        Leader leader = {.fd = -EBADF};
        int result = run_stopped(node->run) ? -ECANCELED : enter(node);

        for (const Late *late = node->late; late && result == 0; late = late->next)
                if (late->kind == LATE_LINK)
                        result = link_one(argument, node, late, &leader);
        if (result == 0 && !run_stopped(node->run))
                (void)!node_finish(argument, node); // told by run_fail
        closep(&leader.fd);
        node_unref(leader.node);
        node_close(node);
}

void settle_links(Run *run)
{
        for (Node *node = run->mirror->late; node; node = node->late_next) {
                if (!has_late(node, LATE_LINK))
                        continue;
                node->job = (Job){.work = link_job};
                pool_push(run->pool, &node->job);
        }
}
