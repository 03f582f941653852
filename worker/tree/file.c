#include "tree/file.h"

#include <fcntl.h>
#include <limits.h>
#include <time.h>

#include "base/text.h"
#include "tree/attribute.h"
#include "tree/content.h"
#include "tree/data.h"
#include "tree/manifest.h"
#include "tree/xattr.h"

enum {
        ATTEMPTS = 3, // at a file that changes while it is read
};

const char *source_trouble(int result)
{
        switch (result) {
        case -EACCES:
        case -EPERM:
                return "it could not be read: permission denied";
        case -ELOOP:
        case -ENOTDIR:
        case -ESTALE:
        case -ENXIO:
        case -EISDIR:
        case -EINVAL:
                return "it became something else while it was read";
        default:
                return NULL;
        }
}

// Told and done with, or the end of the run.
static int source_failed(Worker *worker, Node *node, const char *name, int result)
{
        atomic_store(&node->incomplete, true);
        if (result != -ENOENT && !source_trouble(result))
                return run_fail(worker->run, node, name, result, "read",
                        "a file of the source could not be read");
        if (result != -ENOENT)
                run_tell(worker, TREE_SPECIAL, node, name, source_trouble(result));
        return -ESTALE;
}

static int target_failed(Worker *worker, Node *node, const char *name, int result)
{
        if (run_stopped(worker->run)) // canceled in the middle
                return result;
        return run_fail(worker->run, node, name, result, "copy", "an entry could not be copied");
}

static void tell_refused(Worker *worker, Node *node, const char *name, int refused)
{
        _cleanup_free_ char *why = NULL;

        if (refused <= 0)
                return;
        why = text_format("not permitted to set: %s", attribute_words((unsigned)refused));
        run_tell(worker, TREE_SPECIAL, node, name, why);
}

// --- symbolic links ---

static int link_read(int dirfd, const char *name, char text[static PATH_MAX + 1])
{
        ssize_t size = readlinkat(dirfd, name, text, PATH_MAX);

        if (size < 0)
                return -errno;
        text[size] = '\0';
        return 0;
}

// Length of the spelling of `link_from` that the text begins with; 0: with none.
static size_t link_leads_in(const TreeOptions *options, const char *text)
{
        for (size_t i = 0; options->link_from && i <= options->link_also_count; i++) {
                const char *from = i ? options->link_also[i - 1] : options->link_from;
                size_t length = strlen(from);

                if (strncmp(text, from, length) == 0 && (!text[length] || text[length] == '/'))
                        return length;
        }
        return 0;
}

// The text a link of the source has in the target.
static int link_wanted(const Run *run, int dirfd, const char *name, char **ret, bool *ret_corrected)
{
        char text[PATH_MAX + 1];
        int result = link_read(dirfd, name, text);
        size_t length;

        if (result < 0)
                return result;
        length = link_leads_in(run->options, text);
        *ret_corrected = length > 0;
        *ret = *ret_corrected ? text_format("%s%s", run->options->link_to, text + length)
                              : text_copy(text);
        return 0;
}

static bool link_differs(Worker *worker, Node *node, const char *name)
{
        _cleanup_free_ char *want = NULL;
        char have[PATH_MAX + 1];
        bool corrected;

        return link_read(node->target, name, have) < 0 ||
               link_wanted(worker->run, node->source, name, &want, &corrected) < 0 ||
               strcmp(want, have) != 0;
}

// --- comparing ---

FileState file_compare(Worker *worker, Node *node, const Entry *entry)
{
        const Meta *from = &entry->from, *have = &entry->have;
        struct Mirror *mirror = worker->run->mirror;
        bool newer = entry->suspect || meta_time_compare(from->changed, have->changed) >= 0;

        if (entry->replace || (from->mode & S_IFMT) != (have->mode & S_IFMT) ||
                meta_time_compare(from->modified, have->modified) != 0)
                return FILE_DIFFERENT;
        if (S_ISREG(from->mode) && from->size != have->size)
                return FILE_DIFFERENT;
        if (from->links == 1 && have->links > 1) // breaks what the source does not share
                return FILE_DIFFERENT;
        if (S_ISLNK(from->mode) &&
                (newer || mirror->full || worker->run->options->link_from ||
                        from->size != have->size) &&
                link_differs(worker, node, entry->name))
                return FILE_DIFFERENT;
        if (newer || mirror->full)
                return FILE_SUSPECT;
        return attribute_differ(&worker->run->rights, from, have) ? FILE_ATTRIBUTES : FILE_SAME;
}

// --- the clock ---

// A file that was changed within the present tick of the clock may change again without showing
// it: waits for the next one. File systems with whole seconds show in their nanoseconds.
static void settle_clock(const Mirror *mirror, const Meta *meta)
{
        int64_t tick = meta->changed.ns == 0 ? INT64_C(1000000000) : mirror->tick_ns;
        struct timespec now;
        int64_t age;

        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        age = ((int64_t)now.tv_sec - meta->changed.s) * 1000000000 + now.tv_nsec - meta->changed.ns;
        if (age <= tick && age > -tick) {
                struct timespec rest = {
                        .tv_sec = (tick - age) / 1000000000, .tv_nsec = (tick - age) % 1000000000};

                nanosleep(&rest, NULL);
        }
}

// --- making ---

// Its name while it is made: its own where nobody sees it yet.
static const char *name_for(
        const Node *node, const Entry *entry, char temporary[static TEMPORARY_SIZE])
{
        if (node->fresh)
                return entry->name;
        temporary_name(temporary);
        return temporary;
}

// All files made in a new directory get the same owner and group, so that one look tells.
enum {
        MADE_KNOWN = 1U << 31, // beside the owner, whose numbers end below
};

static int fresh_read(Worker *worker, Node *node, const Entry *entry, int to, Meta *ret)
{
        uint64_t made = atomic_load_explicit(&node->made, memory_order_relaxed);
        int result;

        if (node->fresh && made) {
                *ret = (Meta){.mode = entry->from.mode & 0777 &
                                      ~(worker->unmasked ? 0 : worker->run->mirror->mask),
                        .uid = (uint32_t)(made >> 32) & ~(uint32_t)MADE_KNOWN,
                        .gid = (uint32_t)made,
                        .modified = {.ns = UINT32_MAX}}; // as no file has it
                return 0;
        }
        result = meta_read(to, "", ret);
        if (result == 0 && node->fresh && !(ret->uid & MADE_KNOWN))
                atomic_store_explicit(&node->made,
                        (uint64_t)(ret->uid | MADE_KNOWN) << 32 | ret->gid, memory_order_relaxed);
        return result;
}

static int attributes_copy(Worker *worker, Node *node, const Entry *entry, int from, int to)
{
        Meta fresh;
        int refused, result = 0;

        if (node->acl) // what an existing directory hands down is in the mode's way
                result = xattr_remove_all((XattrFile){to, NULL});
        if (result == 0)
                result = fresh_read(worker, node, entry, to, &fresh);
        if (result < 0)
                return result;
        refused = attribute_set(&worker->run->rights, to, &fresh, &entry->from);
        if (refused < 0)
                return refused;
        result = xattr_make_equal((XattrFile){from, NULL}, (XattrFile){to, NULL}, true);
        if (result == -EPERM || result == -EACCES || result == -EOPNOTSUPP)
                refused |= ATTRIBUTE_EXTENDED;
        else if (result < 0)
                return result;
        tell_refused(worker, node, entry->name, refused);
        return 0;
}

static int source_open(Node *node, const char *name)
{
        int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        int fd = openat(node->source, name, flags | O_NOATIME);

        if (fd < 0 && errno == EPERM)
                fd = openat(node->source, name, flags);
        return fd < 0 ? -errno : fd;
}

// Attempts until what was read is one version of the file. 1: it never settled.
static int version_copy(
        Worker *worker, Node *node, Entry *entry, int from, int to, char hash[static HASH_TEXT])
{
        Mirror *mirror = worker->run->mirror;

        for (int attempt = 1;; attempt++) {
                Meta after;
                int result;

                settle_clock(mirror, &entry->from);
                result = content_copy(worker, from, to, &entry->from, node->block ? hash : NULL);
                if (result == 0)
                        result = attributes_copy(worker, node, entry, from, to);
                if (meta_read(from, "", &after) < 0 || !S_ISREG(after.mode))
                        return -ESTALE;
                if (result < 0)
                        return result;
                if (meta_same_version(&entry->from, &after))
                        return 0;
                atomic_store(&node->incomplete, true); // it is not what the listing said
                entry->from = after;
                if (attempt == ATTEMPTS)
                        return 1;
                if (ftruncate(to, 0) < 0)
                        return -errno;
        }
}

// With its last mode at once where nobody can open it who may not later: what a file is made with
// is its maker's, and its group may be the directory's.
static mode_t mode_made(const Worker *worker, const Node *node, const Meta *from)
{
        mode_t group = from->mode >> 3 & 7, other = from->mode & 7;

        if (node->fresh || (from->uid == worker->run->rights.uid && group == other))
                return from->mode & 0777;
        return 0600;
}

static int regular_make(Worker *worker, Node *node, Entry *entry, const char *as)
{
        _cleanup_close_ int from = source_open(node, entry->name), to = -EBADF;
        char hash[HASH_TEXT];
        int result;

        if (from < 0)
                return source_failed(worker, node, entry->name, from);
        to = openat(node->target, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                mode_made(worker, node, &entry->from));
        if (to < 0)
                return target_failed(worker, node, entry->name, -errno);
        COUNT(worker, bytes_total, entry->from.size);
        result = version_copy(worker, node, entry, from, to, hash);
        if (result < 0) {
                (void)unlinkat(node->target, as, 0);
                if (result == -ESTALE)
                        return source_failed(worker, node, entry->name, result);
                return target_failed(worker, node, entry->name, result);
        }
        if (result > 0)
                run_tell(worker, TREE_SPECIAL, node, entry->name,
                        "it kept changing while it was read");
        if (node->block)
                manifest_add(node, &entry->from, entry->name, hash, NULL);
        COUNT(worker, copied, 1);
        return 0;
}

static int other_attributes(Worker *worker, Node *node, const Entry *entry, const char *as)
{
        Meta fresh;
        int refused, result = meta_read(node->target, as, &fresh);

        if (result < 0)
                return result;
        refused = attribute_set_at(&worker->run->rights, node->target, as, &fresh, &entry->from);
        if (refused < 0)
                return refused;
        result = xattr_make_equal(
                (XattrFile){node->source, entry->name}, (XattrFile){node->target, as}, !node->acl);
        if (result < 0 && result != -EPERM && result != -EACCES && result != -EOPNOTSUPP &&
                result != -ENOENT)
                return result;
        tell_refused(worker, node, entry->name, refused);
        return 0;
}

static int other_make(Worker *worker, Node *node, Entry *entry, const char *as)
{
        _cleanup_free_ char *text = NULL;
        bool corrected = false;
        int result = 0;

        if (S_ISLNK(entry->from.mode)) {
                result = link_wanted(worker->run, node->source, entry->name, &text, &corrected);
                if (result < 0)
                        return source_failed(worker, node, entry->name, result);
                result = symlinkat(text, node->target, as);
        } else {
                result = mknodat(node->target, as, S_IFIFO | 0600, 0);
        }
        if (result < 0)
                return target_failed(worker, node, entry->name, -errno);
        COUNT(worker, links_corrected, corrected);
        if (node->block)
                manifest_add(node, &entry->from, entry->name, NULL, text);
        result = other_attributes(worker, node, entry, as);
        if (result < 0)
                return target_failed(worker, node, entry->name, result);
        return 0;
}

// The inode that now has the name: others will be linked to it.
static int lead(Worker *worker, Node *node, const Entry *entry)
{
        Meta made;
        int result;

        if (!entry->group)
                return 0;
        result = meta_read(node->target, entry->name, &made);
        if (result < 0)
                return target_failed(worker, node, entry->name, result);
        links_lead(&worker->run->mirror->links, entry->group, node, entry->name, made.inode);
        return 0;
}

static int make(Worker *worker, Node *node, Entry *entry, unsigned rename_flags,
        char temporary[static TEMPORARY_SIZE])
{
        const char *as = name_for(node, entry, temporary);
        int result = S_ISREG(entry->from.mode) ? regular_make(worker, node, entry, as)
                                               : other_make(worker, node, entry, as);

        if (result < 0)
                return result;
        atomic_store_explicit(&node->dirty, true, memory_order_relaxed);
        COUNT(worker, changed, 1);
        mirror_touch(worker->run->mirror, &entry->have);
        if (as != entry->name &&
                renameat2(node->target, as, node->target, entry->name, rename_flags) < 0) {
                result = -errno;
                (void)unlinkat(node->target, as, 0);
                return target_failed(worker, node, entry->name, result);
        }
        return lead(worker, node, entry);
}

// --- what looks the same ---

static int contents_differ(Worker *worker, int a, int b, uint64_t size)
{
        char *buffer = worker_copy_buffer(worker);
        size_t half = DATA_BUFFER / 2;

        for (uint64_t at = 0; at < size;) {
                ssize_t n = pread(a, buffer, half, (off_t)at);
                ssize_t m = n > 0 ? pread(b, buffer + half, (size_t)n, (off_t)at) : 0;

                if (n < 0 || m < 0)
                        return -errno;
                if (n == 0 || n != m || memcmp(buffer, buffer + half, (size_t)n) != 0)
                        return 1;
                at += (uint64_t)n;
                throttle_pace(&worker->run->throttle, 0);
                if (run_stopped(worker->run))
                        return atomic_load(&worker->run->stop);
        }
        return 0;
}

// 1: they differ.
static int suspect_differs(Worker *worker, Node *node, const Entry *entry)
{
        _cleanup_close_ int from = -EBADF, have = -EBADF;

        if (!entry->suspect && meta_time_compare(entry->from.changed, entry->have.changed) < 0)
                return 0; // a full run asks for the extended attributes only
        if (!S_ISREG(entry->from.mode) || entry->from.size == 0)
                return 0;
        from = source_open(node, entry->name);
        if (from < 0)
                return source_failed(worker, node, entry->name, from);
        have = openat(node->target, entry->name,
                O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (have < 0)
                return 1;
        return contents_differ(worker, from, have, entry->from.size);
}

// Attributes are set in place only where the file has this one name: a second one may be anywhere.
static int set_in_place(Worker *worker, Node *node, Entry *entry, bool extended)
{
        int refused = attribute_set_at(
                &worker->run->rights, node->target, entry->name, &entry->have, &entry->from);
        int result = 0;

        if (refused >= 0 && extended) {
                result = xattr_make_equal((XattrFile){node->source, entry->name},
                        (XattrFile){node->target, entry->name}, false);
                if (result == -EPERM || result == -EACCES || result == -EOPNOTSUPP)
                        refused |= ATTRIBUTE_EXTENDED;
                else if (result < 0 && result != -ENOENT)
                        refused = result;
        }
        if (refused == -ESTALE || refused == -ENOENT) // somebody else is at work in the target
                return 0;
        if (refused < 0)
                return target_failed(worker, node, entry->name, refused);
        tell_refused(worker, node, entry->name, refused);
        return result;
}

static int suspect_settle(Worker *worker, Node *node, Entry *entry)
{
        int differs = suspect_differs(worker, node, entry);
        XattrFile from = {node->source, entry->name}, have = {node->target, entry->name};

        if (differs < 0)
                return differs;
        if (differs || (entry->have.links > 1 && attribute_differ(&worker->run->rights,
                                                         &entry->from, &entry->have))) {
                entry->state = FILE_DIFFERENT;
                return 0;
        }
        differs = xattr_differ(from, have);
        if (differs < 0 && differs != -ENOENT)
                return target_failed(worker, node, entry->name, differs);
        if (differs > 0 || attribute_differ(&worker->run->rights, &entry->from, &entry->have))
                entry->state = entry->have.links > 1 ? FILE_DIFFERENT : FILE_ATTRIBUTES;
        else
                entry->state = FILE_SAME;
        return 0;
}

// Brings the target's ctime past the source's: compared, and found the same.
static void mark_compared(Worker *worker, Node *node, const Entry *entry)
{
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                {.tv_sec = entry->from.modified.s, .tv_nsec = entry->from.modified.ns}};

        if (worker->run->options->dry_run ||
                meta_time_compare(entry->from.changed, entry->have.changed) < 0)
                return;
        settle_clock(worker->run->mirror, &entry->from);
        (void)utimensat(node->target, entry->name, times, AT_SYMLINK_NOFOLLOW);
}

static int same(Worker *worker, Node *node, const Entry *entry)
{
        if (entry->group)
                links_lead(&worker->run->mirror->links, entry->group, node, entry->name,
                        entry->have.inode);
        return 0;
}

static int decide(Worker *worker, Node *node, Entry *entry)
{
        int result = 0;

        if (entry->state == FILE_SUSPECT)
                result = suspect_settle(worker, node, entry);
        if (result == 0 && entry->state == FILE_SAME)
                mark_compared(worker, node, entry);
        if (result == 0 && entry->state == FILE_ATTRIBUTES && entry->have.links > 1)
                entry->state = FILE_DIFFERENT;
        return result;
}

int file_make_equal(Worker *worker, Node *node, Entry *entry)
{
        char temporary[TEMPORARY_SIZE];
        bool dry = worker->run->options->dry_run;
        bool suspect = entry->state == FILE_SUSPECT;
        int result = decide(worker, node, entry);

        if (result < 0)
                return result == -ESTALE ? 0 : result;
        if (entry->state == FILE_SAME)
                return same(worker, node, entry);
        run_tell(worker, entry->have.mode ? TREE_CHANGED : TREE_ADDED, node, entry->name, NULL);
        if (dry && entry->state == FILE_DIFFERENT)
                entry->have.inode = 0; // another one would be made, and its other names follow
        if (dry)
                return same(worker, node, entry);
        if (entry->state == FILE_ATTRIBUTES) {
                COUNT(worker, changed, 1);
                result = set_in_place(worker, node, entry, suspect);
                return result < 0 ? result : same(worker, node, entry);
        }
        result = make(worker, node, entry, 0, temporary);
        return result == -ESTALE ? 0 : result;
}

int file_displace(Worker *worker, Node *node, Entry *entry, char displaced[static TEMPORARY_SIZE])
{
        int result = make(worker, node, entry, RENAME_EXCHANGE, displaced);

        return result == -ESTALE ? 1 : result;
}
