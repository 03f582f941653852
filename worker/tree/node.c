#include "tree/node.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "tree/manifest.h"

enum {
        CHAIN_PATH = 4000, // bytes of a path that openat2(2) takes at once
};

Node *node_new(Run *run, Node *parent, const char *name)
{
        size_t length = strlen(name);
        Node *node = memory_new(sizeof(*node) + length + 1);

        memcpy(node->name, name, length + 1);
        node->run = run;
        node->references = 1;
        node->pending = 1;
        node->source = node->target = -EBADF;
        if (parent) {
                node->parent = node_ref(parent);
                node->depth = parent->depth + 1;
                atomic_fetch_add_explicit(&parent->pending, 1, memory_order_relaxed);
        }
        return node;
}

// Up the tree by iteration: a chain of parents can be as long as the tree is deep.
void node_unref(Node *node)
{
        while (node && atomic_fetch_sub_explicit(&node->references, 1, memory_order_acq_rel) == 1) {
                Node *parent = node->parent;

                node_close(node);
                list_clear(&node->names);
                manifest_drop(node);
                free(node->entries);
                free(node->states);
                free((void *)node->excluded);
                free(node);
                node = parent;
        }
}

char *node_raw_path(const Node *node, const char *name)
{
        size_t size, at;
        char *path;

        if (!name && !node->parent)
                return text_copy("");
        if (!name) {
                name = node->name;
                node = node->parent;
        }
        size = strlen(name) + 1;
        for (const Node *up = node; up->parent; up = up->parent)
                size += strlen(up->name) + 1;
        path = memory_new(size);
        at = size - 1;
        for (;; node = node->parent) {
                size_t length = strlen(name);

                at -= length;
                for (size_t i = 0; i < length; i++) // its end is there already
                        path[at + i] = name[i];
                if (!node->parent)
                        return path;
                path[--at] = '/';
                name = node->name;
        }
}

char *node_path(const Node *node, const char *name)
{
        _cleanup_free_ char *path = node_raw_path(node, name);

        return path[0] ? text_escape(path, strlen(path)) : text_copy(".");
}

int directory_open(int dirfd, const char *name)
{
        int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int fd = openat(dirfd, name, flags | O_NOATIME);

        if (fd < 0 && errno == EPERM) // not ours
                fd = openat(dirfd, name, flags);
        return fd < 0 ? -errno : fd;
}

static const char *name_in_target(const Node *node)
{
        return node->temporary[0] ? node->temporary : node->name;
}

static int open_beneath(int dirfd, const char *path)
{
        struct open_how how = {
                .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                           RESOLVE_NO_XDEV,
        };
        int fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

        return fd < 0 ? -errno : fd;
}

// Names from below `top` down to `node`, in pieces of what one call takes.
static int open_chain(int top_fd, const Node **chain, size_t count, bool target)
{
        _cleanup_close_ int held = fcntl(top_fd, F_DUPFD_CLOEXEC, 0);
        int at = held;

        if (held < 0)
                return -errno;

        while (count > 0) {
                char path[CHAIN_PATH];
                size_t length = 0;
                int next;

                while (count > 0) {
                        const Node *node = chain[count - 1];
                        const char *name = target ? name_in_target(node) : node->name;
                        size_t size = strlen(name);

                        if (length + size + 2 > sizeof(path))
                                break;
                        if (length)
                                path[length++] = '/';
                        memcpy(path + length, name, size + 1);
                        length += size;
                        count--;
                }
                next = open_beneath(at, path);
                if (next < 0)
                        return next;
                close(held);
                at = held = next;
        }
        return TAKE_FD(held);
}

// From the nearest ancestor that is open, or from the root.
static int open_again(Node *node, bool target, bool from_root)
{
        _cleanup_free_ const Node **chain = memory_new((node->depth + 1) * sizeof(const Node *));
        _cleanup_close_ int fd = -EBADF;
        size_t count = 0;
        const Node *up = node;
        uint64_t inode = target ? node->target_inode : node->meta.inode;
        Meta meta;
        int result;

        while (up->parent && (from_root || (target ? up->target : up->source) < 0)) {
                chain[count++] = up;
                up = up->parent;
        }
        fd = open_chain(target ? up->target : up->source, chain, count, target);
        if (fd < 0)
                return fd;
        result = meta_read(fd, "", &meta);
        if (result < 0)
                return result;
        return inode && meta.inode != inode ? -ESTALE : TAKE_FD(fd);
}

int node_source(Node *node, int *ret_close)
{
        *ret_close = -EBADF;
        if (node->source >= 0)
                return node->source;
        return *ret_close = open_again(node, false, false);
}

int node_target(Node *node, int *ret_close)
{
        *ret_close = -EBADF;
        if (node->target >= 0)
                return node->target;
        return *ret_close = open_again(node, true, false);
}

int node_open_source(Node *node)
{
        return open_again(node, false, true);
}

int node_open_target(Node *node)
{
        return open_again(node, true, true);
}

void node_keep(Node *node)
{
        if (!node->parent) // the roots are the caller's
                return;
        node->kept = true;
        if (atomic_fetch_add(&node->run->open_count, 1) >= node->run->open_limit)
                node_close(node);
}

void node_close(Node *node)
{
        if (!node->parent)
                return;
        if (node->kept)
                atomic_fetch_sub(&node->run->open_count, 1);
        node->kept = false;
        closep(&node->source);
        closep(&node->target);
        node->source = node->target = -EBADF;
}
