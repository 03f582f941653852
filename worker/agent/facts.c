#include "agent/facts.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

// Whether its file system is none of those before it.
static bool is_new(const dev_t *seen, size_t count, const char *path, dev_t *ret)
{
        struct stat state;

        if (stat(path, &state) < 0)
                return false;
        for (size_t i = 0; i < count; i++)
                if (seen[i] == state.st_dev)
                        return false;
        *ret = state.st_dev;
        return true;
}

static void add_disk(Facts *facts, dev_t *seen, const char *path)
{
        size_t count = facts->message.n_disks;
        Fleet__Disk *disk = &facts->disks[count];
        struct statvfs volume;

        if (!is_new(seen, count, path, &seen[count]) || statvfs(path, &volume) < 0 ||
                volume.f_blocks == 0)
                return;
        fleet__disk__init(disk);
        disk->path = (char *)path;
        disk->total_bytes = (uint64_t)volume.f_blocks * volume.f_frsize;
        disk->free_bytes = (uint64_t)volume.f_bavail * volume.f_frsize;
        facts->list[count] = disk;
        facts->message.n_disks++;
}

static void add_disks(const Config *config, Facts *facts)
{
        const TextList *roots = &config->policy.roots;
        size_t most = roots->count + 2;
        _cleanup_free_ dev_t *seen = memory_new(most * sizeof *seen);

        facts->disks = memory_new(most * sizeof *facts->disks);
        facts->list = memory_new(most * sizeof(*facts->list));
        for (size_t i = 0; i < roots->count; i++)
                add_disk(facts, seen, roots->items[i]);
        add_disk(facts, seen, config->directory);
        add_disk(facts, seen, "/");
        facts->message.disks = facts->list;
}

void facts_take(const Config *config, Facts *ret)
{
        Fleet__HostFacts *message = &ret->message;
        struct sysinfo info = {0};

        fleet__host_facts__init(message);
        if (uname(&ret->system) == 0) {
                message->hostname = ret->system.nodename;
                message->kernel = ret->system.release;
        }
        if (sysinfo(&info) == 0)
                message->memory_bytes = (uint64_t)info.totalram * info.mem_unit;
        message->cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
        message->roots = config->policy.roots.items;
        message->n_roots = config->policy.roots.count;
        add_disks(config, ret);
}

void facts_clear(Facts *facts)
{
        free(facts->disks);
        free(facts->list);
}
