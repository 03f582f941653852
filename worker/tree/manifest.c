#include "tree/manifest.h"

#include <inttypes.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/text.h"
#include "tree/output.h"

typedef struct Block {
        pthread_mutex_t lock;
        char *text;
        size_t size, room;
        uint64_t entries;
} Block;

struct ManifestWriter {
        pthread_mutex_t lock;
        Output output;
        XXH3_state_t *sum;
        uint64_t entries;
};

// --- lines ---

static char kind_of(uint32_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFREG:
                return 'f';
        case S_IFLNK:
                return 'l';
        case S_IFIFO:
                return 'p';
        case S_IFDIR:
                return 'd';
        default:
                return '?';
        }
}

static char *line_format(
        char kind, const Meta *meta, const char *name, const char *hash, const char *target)
{
        _cleanup_free_ char *shown = text_escape(name, strlen(name));
        _cleanup_free_ char *to = target ? text_escape(target, strlen(target)) : NULL;
        char link[24] = "-", size[24] = "-";

        if (kind == 'd' || kind == '?')
                return text_format("%c\t-\t-\t-\t-\t-\t-\t-\t%s\n", kind, shown);
        if (kind != 'D' && meta->links > 1)
                snprintf(link, sizeof(link), "%" PRIu64, meta->inode);
        if (kind == 'f' || target)
                snprintf(size, sizeof(size), "%" PRIu64,
                        target ? (uint64_t)strlen(target) : meta->size);
        return text_format("%c\t%04o\t%u\t%u\t%s\t%" PRId64 ".%09u\t%s\t%s\t%s%s%s\n", kind,
                meta->mode & 07777, meta->uid, meta->gid, size, meta->modified.s, meta->modified.ns,
                link, hash ? hash : "-", shown, to ? "\t" : "", to ? to : "");
}

static Block *block_of(Node *node)
{
        if (!node->block) {
                node->block = memory_new(sizeof(*node->block));
                pthread_mutex_init(&node->block->lock, NULL);
        }
        return node->block;
}

void manifest_begin(Node *node)
{
        (void)block_of(node);
}

void manifest_add(
        Node *node, const Meta *meta, const char *name, const char *hash, const char *target)
{
        _cleanup_free_ char *line = line_format(kind_of(meta->mode), meta, name, hash, target);
        Block *block = node->block;
        size_t size = strlen(line);

        pthread_mutex_lock(&block->lock);
        if (block->size + size > block->room) {
                block->room = (block->size + size) * 2;
                block->text = memory_grow(block->text, block->room);
        }
        memcpy(block->text + block->size, line, size);
        block->size += size;
        block->entries++;
        pthread_mutex_unlock(&block->lock);
}

void manifest_drop(Node *node)
{
        if (!node->block)
                return;
        pthread_mutex_destroy(&node->block->lock);
        free(node->block->text);
        free(TAKE_PTR(node->block));
}

// --- writing ---

static int append(ManifestWriter *writer, const char *text, size_t size)
{
        XXH3_64bits_update(writer->sum, text, size);
        return file_write_all(writer->output.fd, text, size);
}

int manifest_write(ManifestWriter *writer, Node *node)
{
        _cleanup_free_ char *path = node_raw_path(node, NULL);
        _cleanup_free_ char *line = line_format('D', &node->meta, path, NULL, NULL);
        int result;

        pthread_mutex_lock(&writer->lock);
        result = append(writer, line, strlen(line));
        if (result == 0 && node->block->size)
                result = append(writer, node->block->text, node->block->size);
        writer->entries += node->block->entries;
        pthread_mutex_unlock(&writer->lock);
        manifest_drop(node);
        return result;
}

void manifest_free(ManifestWriter *writer)
{
        if (!writer)
                return;
        output_clear(&writer->output);
        XXH3_freeState(writer->sum);
        pthread_mutex_destroy(&writer->lock);
        free(writer);
}
DEFINE_CLEANUP(ManifestWriter *, manifest_free)

static int failed(Error *error, int result, const char *path)
{
        error_set(error, result, "manifest", "the manifest could not be written");
        error_where(error, "%s", path);
        return result;
}

int manifest_new(const char *path, TreeHash hash, ManifestWriter **ret, Error *error)
{
        _cleanup_(manifest_freep) ManifestWriter *writer = memory_new(sizeof(*writer));
        _cleanup_free_ char *first = text_format("understudy-manifest 1 %s\n", hash_name(hash));
        int result = output_open(path, &writer->output);

        pthread_mutex_init(&writer->lock, NULL);
        writer->sum = XXH3_createState();
        if (!writer->sum)
                abort();
        XXH3_64bits_reset(writer->sum);
        if (result == 0)
                result = append(writer, first, strlen(first));
        if (result < 0)
                return failed(error, result, path);
        *ret = TAKE_PTR(writer);
        return 0;
}

int manifest_commit(ManifestWriter *writer, const char *path, Error *error)
{
        _cleanup_free_ char *last = text_format("E\t%" PRIu64 "\t", writer->entries);
        int result = append(writer, last, strlen(last));

        if (result == 0) {
                char sum[18];

                snprintf(sum, sizeof(sum), "%016" PRIx64 "\n",
                        (uint64_t)XXH3_64bits_digest(writer->sum));
                result = file_write_all(writer->output.fd, sum, strlen(sum));
        }
        if (result == 0)
                result = output_commit(&writer->output);
        return result < 0 ? failed(error, result, path) : 0;
}
