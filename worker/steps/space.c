// space: compares what the coming steps will write with what is free, file system by file system.
//
// What a step writes is what the last run of the series wrote, or else what production has,
// measured.
#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "site/database.h"
#include "steps/clone.h"
#include "steps/files.h"

extern const StepOps step_space_ops;

enum {
        GROWTH_PERCENT = 20,        // what a series may have grown since its last run
        DUMP_PERCENT = 150,         // a dump's size by that of a SQLite database
        ENVIRONMENT_INODES = 30000, // of a Lino environment; measured: 27,000
};
#define ENVIRONMENT_BYTES (UINT64_C(600) << 20) // when there is none to measure
#define MARGIN_BYTES      (UINT64_C(16) << 20)  // logs, directories, temporary files

typedef struct FileSystem {
        dev_t device;
        struct statvfs state;
        Fleet__SpaceNeed *need;
} FileSystem;

typedef struct Space {
        StepContext *context;
        SiteDir production, preview;
        FileSystem systems[3]; // production's, the preview's and the server's, often the same
        size_t count;
} Space;

#define SPACE_EMPTY ((Space){.production = SITE_DIR_EMPTY, .preview = SITE_DIR_EMPTY})

static void space_clear(Space *space)
{
        site_close(&space->production);
        site_close(&space->preview);
        for (size_t i = 0; i < space->count; i++)
                if (space->systems[i].need)
                        fleet__space_need__free_unpacked(space->systems[i].need, NULL);
}

// NULL, with errno, when it cannot be asked.
static FileSystem *file_system_of(Space *space, int fd, const char *path)
{
        FileSystem *system;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return NULL;
        for (size_t i = 0; i < space->count; i++)
                if (space->systems[i].device == st.st_dev)
                        return &space->systems[i];
        system = &space->systems[space->count];
        if (fstatvfs(fd, &system->state) < 0)
                return NULL;
        system->device = st.st_dev;
        system->need = (Fleet__SpaceNeed *)message_new(&fleet__space_need__descriptor);
        system->need->path = text_copy(path);
        system->need->free_bytes = (uint64_t)system->state.f_bavail * system->state.f_frsize;
        system->need->free_inodes = system->state.f_files ? system->state.f_favail : 0;
        space->count++;
        return system;
}

static int no_file_system(const char *path, Error *error)
{
        int r = error_set(error, -errno, "space", "cannot ask a file system for its free space");

        error_where(error, "%s", path);
        error_next(error, "Try it by hand: df '%s'", path);
        return r;
}

// Some file systems have no table of inodes to fill, and say so by a table of none.
static void add_need(FileSystem *system, uint64_t bytes, uint64_t inodes)
{
        system->need->needed_bytes += bytes;
        if (system->state.f_files)
                system->need->needed_inodes += inodes;
}

static int measure(Space *space, int fd, const char *path, const TextList *exclude,
        TreeFigures *ret, Error *error)
{
        TreeOptions options = tree_options(space->context);
        int r;

        if (exclude) {
                options.exclude = (const char *const *)exclude->items;
                options.exclude_count = exclude->count;
        }
        step_note(space->context, "Measuring %s", path);
        r = tree_measure(fd, &options, ret, error);
        return r < 0 && step_canceled(space->context) ? step_canceled_error(space->context, error)
                                                      : r;
}

// A shared environment is only looked at, so its link may be followed.
static int measure_environment(Space *space, TreeFigures *ret, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/env", space->production.path);
        _cleanup_close_ int fd =
                openat(space->production.fd, "env", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0) {
                *ret = (TreeFigures){.files = ENVIRONMENT_INODES, .bytes = ENVIRONMENT_BYTES};
                return 0;
        }
        return measure(space, fd, path, NULL, ret, error);
}

static uint64_t database_bytes(const Fleet__SpaceArguments *arguments)
{
        uint64_t now =
                arguments->production_probe ? arguments->production_probe->database_bytes : 0;

        return now > arguments->last_database_bytes ? now : arguments->last_database_bytes;
}

static uint64_t dump_bytes(const Fleet__SpaceArguments *arguments)
{
        if (arguments->last_dump_bytes)
                return arguments->last_dump_bytes * (100 + GROWTH_PERCENT) / 100;
        return database_bytes(arguments) * DUMP_PERCENT / 100;
}

// Where the database lies: beside the project directory, or on the server's own file system. One on
// another host is not counted: its server says when it is full.
static int add_database(Space *space, const Fleet__SpaceArguments *arguments, FileSystem *beside,
        uint64_t bytes, Error *error)
{
        const Fleet__ProbeResult *probe = arguments->production_probe;
        const Fleet__Database *database =
                probe && probe->identity ? probe->identity->database : NULL;
        _cleanup_free_ char *volume = NULL;
        _cleanup_close_ int fd = -EBADF;
        const DatabaseEngine *engine;
        int r;

        if (database && database_engine(database, &engine, NULL) == 0 && engine->volume) {
                r = engine->volume(space->context, database, &volume, error);
                if (r < 0 || !volume)
                        return r;
                fd = open(volume, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return 0;
                beside = file_system_of(space, fd, volume);
                if (!beside)
                        return no_file_system(volume, error);
        }
        add_need(beside, bytes, 0);
        return 0;
}

// The copy of the project directory, its environment, and its database after the first sync.
static int need_prepare(Space *space, const Fleet__SpaceArguments *arguments, Error *error)
{
        TextList left_out _cleanup_text_list_ = {0};
        TreeFigures project = {0}, environment = {0};
        FileSystem *system = file_system_of(space, space->preview.root_fd, space->preview.root);
        int r;

        if (!system)
                return no_file_system(space->preview.root, error);
        r = clone_left_out(&space->production, arguments->production_probe, &left_out, error);
        if (r >= 0)
                r = measure(space, space->production.fd, space->production.path, &left_out,
                        &project, error);
        if (r >= 0)
                r = measure_environment(space, &environment, error);
        if (r < 0)
                return r;
        if (arguments->last_environment_bytes > environment.bytes)
                environment.bytes = arguments->last_environment_bytes;
        add_need(system, project.bytes + environment.bytes, project.files + environment.files);
        return add_database(space, arguments, system, database_bytes(arguments), error);
}

static int measure_media(Space *space, const SiteDir *site, TreeFigures *ret, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/media", site->path);
        _cleanup_close_ int fd =
                file_open_beneath(site->fd, "media", O_RDONLY | O_DIRECTORY, false);

        return fd < 0 ? 0 : measure(space, fd, path, NULL, ret, error);
}

// Production's side: the new dump beside the last one, and the copy of the database it is read
// from. The preview's: the dump's mirror, what media has grown, and the new database beside the old
// one.
static int need_sync(Space *space, const Fleet__SpaceArguments *arguments, Error *error)
{
        TreeFigures here = {0}, there = {0};
        FileSystem *production, *preview;
        int r;

        if (space->preview.fd < 0) {
                error_set(error, -ENOENT, "no-site", "there is no preview to synchronise");
                error_where(error, "%s", space->preview.path);
                error_next(error, "Prepare one: understudyctl preview prepare SERIES SITE");
                return -ENOENT;
        }
        production = file_system_of(space, space->production.fd, space->production.path);
        if (!production)
                return no_file_system(space->production.path, error);
        preview = file_system_of(space, space->preview.fd, space->preview.path);
        if (!preview)
                return no_file_system(space->preview.path, error);
        r = measure_media(space, &space->production, &here, error);
        if (r >= 0)
                r = measure_media(space, &space->preview, &there, error);
        if (r < 0)
                return r;
        add_need(production, dump_bytes(arguments) + database_bytes(arguments), 0);
        add_need(preview,
                dump_bytes(arguments) + (here.bytes > there.bytes ? here.bytes - there.bytes : 0),
                here.files > there.files ? here.files - there.files : 0);
        r = add_database(space, arguments, preview,
                database_bytes(arguments) * (100 + GROWTH_PERCENT) / 100, error);
        if (r < 0)
                return r;
        return 0;
}

static int refuse(const Fleet__SpaceNeed *need, uint64_t reserve, uint64_t percent, Error *error)
{
        uint64_t wanted = need->needed_bytes + reserve;

        error_set(error, -ENOSPC, "no-space", "there is not enough free space");
        error_where(error, "%s", need->path);
        if (wanted > need->free_bytes) {
                error_why(error,
                        "the next steps write %s, %s have to stay free (%llu %%), and only %s are "
                        "free",
                        text_bytes(need->needed_bytes), text_bytes(reserve),
                        (unsigned long long)percent, text_bytes(need->free_bytes));
                error_next(error,
                        "Free %s on the file system of %s (what is large there: du -xh '%s' | "
                        "sort -h | tail), and retry the job.",
                        text_bytes(wanted - need->free_bytes), need->path, need->path);
        } else {
                error_why(error, "the next steps make %llu files, and only %llu can be made",
                        (unsigned long long)need->needed_inodes,
                        (unsigned long long)need->free_inodes);
                error_next(error,
                        "Remove files on the file system of %s until 'df -i' shows that many "
                        "free, and retry the job.",
                        need->path);
        }
        return -ENOSPC;
}

static int compare(const Space *space, Error *error)
{
        uint64_t percent = step_policy(space->context)->clone_free_percent;

        for (size_t i = 0; i < space->count; i++) {
                const FileSystem *system = &space->systems[i];
                uint64_t size = (uint64_t)system->state.f_blocks * system->state.f_frsize;
                uint64_t reserve = size / 100 * percent;

                if (system->need->needed_bytes + reserve > system->need->free_bytes ||
                        system->need->needed_inodes > system->need->free_inodes)
                        return refuse(system->need, reserve, percent, error);
        }
        return 0;
}

static void report(Space *space, Fleet__SpaceResult *result)
{
        result->needs = memory_new(space->count * sizeof(*result->needs));
        for (size_t i = 0; i < space->count; i++) {
                Fleet__SpaceNeed *need = TAKE_PTR(space->systems[i].need);

                step_note(space->context, "%s: %s needed, %s free", need->path,
                        text_bytes(need->needed_bytes), text_bytes(need->free_bytes));
                result->needs[result->n_needs++] = need;
        }
}

static int space_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__SpaceArguments *arguments = (const Fleet__SpaceArguments *)message;
        const Policy *policy = step_policy(context);
        Space space _cleanup_(space_clear) = SPACE_EMPTY;
        int r = site_open(policy, arguments->production, &space.production, error);

        space.context = context;
        if (r >= 0)
                r = site_open_root(policy, arguments->preview, &space.preview, error);
        if (r >= 0)
                r = arguments->purpose == FLEET__PURPOSE__PREPARE
                            ? need_prepare(&space, arguments, error)
                            : need_sync(&space, arguments, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < space.count; i++)
                add_need(&space.systems[i], MARGIN_BYTES, 0);
        r = compare(&space, error);
        if (r < 0)
                return r;
        report(&space, (Fleet__SpaceResult *)result);
        return 0;
}

const StepOps step_space_ops = {.run = space_run};
