// The tree engine as a program: for measuring, and for people.
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/command.h"
#include "base/text.h"
#include "tree/tree.h"

enum {
        EXIT_REPORTED = 3,
};

typedef struct Session {
        TreeOptions options;
        TreeFigures figures;
        bool json;
        bool bar; // standard error is a terminal
} Session;

static int fail(const Session *session, const Error *error)
{
        _cleanup_free_ char *line = error_line(error);

        if (session->bar)
                fputs("\r\033[K", stderr);
        fprintf(stderr, "understudy-tree: %s\n", line);
        return COMMAND_FAILED;
}

static void on_event(void *userdata, TreeEventKind kind, const char *path, const char *why)
{
        const Session *session = userdata;

        if (session->bar)
                fputs("\r\033[K", stderr);
        if (kind == TREE_SPECIAL)
                fprintf(stderr, "understudy-tree: %s: %s\n", path, why);
        else
                printf("%c %s\n",
                        kind == TREE_ADDED     ? '+'
                        : kind == TREE_CHANGED ? '*'
                                               : '-',
                        path);
}

static int on_progress(void *userdata, const TreeFigures *figures, const char *path)
{
        const Session *session = userdata;

        if (!session->bar)
                return 0;
        fprintf(stderr, "\r\033[K%" PRIu64 " entries, %s written, %s/s", figures->files,
                text_bytes(figures->bytes), text_bytes(figures->bytes_per_second));
        if (figures->seconds_left)
                fprintf(stderr, ", %" PRIu64 " s left", figures->seconds_left);
        fprintf(stderr, "  %.40s", path);
        return 0;
}

static void print_figures(const Session *session)
{
        const TreeFigures *figures = &session->figures;
        struct rusage usage;

        if (session->bar)
                fputs("\r\033[K", stderr);
        if (!session->json)
                return;
        getrusage(RUSAGE_SELF, &usage);
        printf("{\"files\": %" PRIu64 ", \"copied\": %" PRIu64 ", \"changed\": %" PRIu64
               ", \"deleted\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"links_corrected\": %" PRIu64
               ", \"reported\": %" PRIu64 ", \"peak_kib\": %ld}\n",
                figures->files, figures->copied, figures->changed, figures->deleted, figures->bytes,
                figures->links_corrected, figures->reported, usage.ru_maxrss);
}

// --- options ---

static int check_number(const char *value, Error *error)
{
        uint64_t number;

        return text_parse_u64(value, &number) == 0
                       ? 0
                       : error_set(error, -EINVAL, "usage", "a whole number is expected");
}

static uint64_t number(const CommandLine *line, const char *name)
{
        const char *value = command_value(line, name);
        uint64_t result = 0;

        if (value && text_parse_u64(value, &result) < 0)
                return 0; // check_number has refused it
        return result;
}

static int cancel_fd(void)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        return signalfd(-1, &signals, SFD_CLOEXEC);
}

static void session_begin(Session *session)
{
        *session = (Session){.bar = isatty(STDERR_FILENO) == 1};
        session->options = (TreeOptions){.event = on_event,
                .progress = on_progress,
                .userdata = session,
                .cancel_fd = cancel_fd()};
}

// What every command that writes has.
static void session_copy_options(Session *session, const CommandLine *line)
{
        TreeOptions *options = &session->options;

        session->json = command_flag(line, "json");
        options->dry_run = command_flag(line, "dry-run");
        options->verbose = command_flag(line, "verbose");
        options->no_sync = command_flag(line, "no-sync");
        options->threads = (uint32_t)number(line, "threads");
        options->bytes_per_second = number(line, "bytes-per-second");
        options->pressure_percent = (uint32_t)number(line, "pressure");
        options->exclude = command_values(line, "exclude", &options->exclude_count);
}

static TreeHash hash(const CommandLine *line)
{
        return text_equal(command_value(line, "hash"), "sha256") ? TREE_HASH_SHA256
                                                                 : TREE_HASH_XXH3;
}

static int check_hash(const char *value, Error *error)
{
        if (text_equal(value, "sha256") || text_equal(value, "xxh3"))
                return 0;
        return error_set(error, -EINVAL, "usage", "the hashes are xxh3 and sha256");
}

static int open_directory(const char *path, Error *error)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                return fd;
        error_set(error, -errno, "directory", "a directory could not be opened");
        error_where(error, "%s", path);
        return -1;
}

// The directory that holds `path`, and its name there.
static int open_parent(const char *path, char **ret_name, Error *error)
{
        _cleanup_free_ char *directory = text_copy(path), *name = text_copy(path);

        *ret_name = text_copy(basename(name));
        return open_directory(dirname(directory), error);
}

static int end(const Session *session, int result, const Error *error)
{
        if (result < 0)
                return fail(session, error);
        print_figures(session);
        return session->figures.reported ? EXIT_REPORTED : COMMAND_OK;
}

// --- commands ---

static int run_clone(const CommandLine *line)
{
        _cleanup_close_ int source = -EBADF, parent = -EBADF;
        _cleanup_free_ char *name = NULL;
        _cleanup_error_ Error error = ERROR_EMPTY;
        Session session;
        int result;

        session_begin(&session);
        session_copy_options(&session, line);
        session.options.manifest = command_value(line, "manifest");
        session.options.hash = hash(line);
        source = open_directory(command_value(line, "SOURCE"), &error);
        parent = source < 0 ? -1 : open_parent(command_value(line, "TARGET"), &name, &error);
        if (parent < 0)
                return fail(&session, &error);
        result = tree_clone(source, parent, name, &session.options, &session.figures, &error);
        return end(&session, result, &error);
}

static int run_mirror(const CommandLine *line)
{
        _cleanup_close_ int source = -EBADF, target = -EBADF;
        _cleanup_error_ Error error = ERROR_EMPTY;
        Session session;
        int result;

        session_begin(&session);
        session_copy_options(&session, line);
        session.options.anyway = command_flag(line, "anyway");
        session.options.full = command_flag(line, "full");
        session.options.cache = command_value(line, "cache");
        session.options.full_days = (uint32_t)number(line, "full-days");
        session.options.delete_percent = (uint32_t)number(line, "delete-percent");
        source = open_directory(command_value(line, "SOURCE"), &error);
        target = source < 0 ? -1 : open_directory(command_value(line, "TARGET"), &error);
        if (target < 0)
                return fail(&session, &error);
        result = tree_mirror(source, target, &session.options, &session.figures, &error);
        return end(&session, result, &error);
}

static int run_remove(const CommandLine *line)
{
        _cleanup_close_ int parent = -EBADF;
        _cleanup_free_ char *name = NULL;
        _cleanup_error_ Error error = ERROR_EMPTY;
        Session session;
        int result;

        session_begin(&session);
        session.json = command_flag(line, "json");
        parent = open_parent(command_value(line, "TREE"), &name, &error);
        if (parent < 0)
                return fail(&session, &error);
        result = tree_remove(parent, name, &session.options, &session.figures, &error);
        return end(&session, result, &error);
}

static int run_measure(const CommandLine *line)
{
        _cleanup_close_ int tree = -EBADF;
        _cleanup_error_ Error error = ERROR_EMPTY;
        Session session;
        int result;

        session_begin(&session);
        session.json = command_flag(line, "json");
        tree = open_directory(command_value(line, "TREE"), &error);
        if (tree < 0)
                return fail(&session, &error);
        result = tree_measure(tree, &session.options, &session.figures, &error);
        if (result == 0 && !session.json)
                printf("%" PRIu64 " entries, %s\n", session.figures.files,
                        text_bytes(session.figures.bytes));
        return end(&session, result, &error);
}

static int with_manifest(const CommandLine *line,
        int (*call)(int, const char *, const TreeOptions *, TreeFigures *, Error *))
{
        _cleanup_close_ int tree = -EBADF;
        _cleanup_error_ Error error = ERROR_EMPTY;
        Session session;
        int result;

        session_begin(&session);
        session.json = command_flag(line, "json");
        tree = open_directory(command_value(line, "TREE"), &error);
        if (tree < 0)
                return fail(&session, &error);
        session.options.hash = call == tree_manifest ? hash(line) : TREE_HASH_XXH3;
        result = call(
                tree, command_value(line, "MANIFEST"), &session.options, &session.figures, &error);
        return end(&session, result, &error);
}

static int run_manifest(const CommandLine *line)
{
        return with_manifest(line, tree_manifest);
}

static int run_verify(const CommandLine *line)
{
        return with_manifest(line, tree_verify);
}

// --- the table ---

static const CommandWord pair[] = {
        {.name = "SOURCE", .help = "Directory that is read."},
        {.name = "TARGET", .help = "Directory that is written."},
        {0},
};
static const CommandWord tree_word[] = {{.name = "TREE", .help = "A directory."}, {0}};
static const CommandWord tree_and_manifest[] = {
        {.name = "TREE", .help = "A directory."},
        {.name = "MANIFEST", .help = "The manifest's file."},
        {0},
};

#define OPTION_JSON                                                                                \
        {                                                                                          \
                .name = "json", .help = "Print figures as JSON at the end."                        \
        }
#define OPTION_HASH                                                                                \
        {                                                                                          \
                .name = "hash", .value = "NAME", .fallback = "xxh3", .check = check_hash,          \
                .help = "Hash of the manifest: xxh3 finds corruption, sha256 malice too."          \
        }
#define COPY_OPTIONS                                                                               \
        {.name = "dry-run", .help = "Change nothing; print what would change, a line each."},      \
                {.name = "verbose", .help = "Print what changes, a line each."}, OPTION_JSON,      \
                {.name = "no-sync",                                                                \
                        .help = "Do not wait for the disk: as cp and rsync do, for measuring."},   \
                {.name = "exclude",                                                                \
                        .value = "PATH",                                                           \
                        .flags = COMMAND_REPEATED,                                                 \
                        .help = "Leave out this path, relative to the tree. A mirror leaves the "  \
                                "target's alone."},                                                \
                {.name = "threads",                                                                \
                        .value = "N",                                                              \
                        .check = check_number,                                                     \
                        .help = "Threads; twice the cores, at most 8, unless given."},             \
                {.name = "bytes-per-second",                                                       \
                        .value = "N",                                                              \
                        .check = check_number,                                                     \
                        .help = "Write no faster."},                                               \
        {                                                                                          \
                .name = "pressure", .value = "PERCENT", .check = check_number,                     \
                .help = "Slow down while tasks wait for the disks for more than this share of "    \
                        "the time."                                                                \
        }

static const CommandWord clone_options[] = {
        COPY_OPTIONS,
        {.name = "manifest",
                .value = "FILE",
                .help = "Write a manifest of what was read, for verify."},
        OPTION_HASH,
        {0},
};
static const CommandWord mirror_options[] = {
        COPY_OPTIONS,
        {.name = "cache",
                .value = "FILE",
                .help = "Remember the source there: unchanged directories cost no walk of the "
                        "target."},
        {.name = "full-days",
                .value = "N",
                .check = check_number,
                .help = "With a cache, compare all after that many days (7)."},
        {.name = "full", .help = "Compare extended attributes of all files."},
        {.name = "delete-percent",
                .value = "N",
                .check = check_number,
                .help = "Delete at most this share of the target (50)."},
        {.name = "anyway",
                .help = "Whatever is deleted, and if the source is empty or another one."},
        {0},
};
static const CommandWord json_options[] = {OPTION_JSON, {0}};
static const CommandWord manifest_options[] = {OPTION_JSON, OPTION_HASH, {0}};

static const CommandNote statuses[] = {
        {"0", "Done."},
        {"1", "It failed; standard error says why."},
        {"2", "The command line is wrong."},
        {"3", "Done, but for entries that standard error names: unreadable ones, sockets, "
              "devices."},
        {0},
};
static const CommandNote examples[] = {
        {"understudy-tree clone /srv/lino/anna /srv/lino/berta",
                "A new copy, whole or not at all."},
        {"understudy-tree mirror --dry-run anna/media berta/media", "What a mirror would change."},
        {"understudy-tree manifest anna anna.manifest", "Hash everything in a tree."},
        {0},
};

static const Command commands[] = {
        {.name = "clone",
                .summary = "copy a directory to a new one",
                .description = "The copy appears whole, by one rename, after it is on disk.",
                .positionals = pair,
                .options = clone_options,
                .run = run_clone},
        {.name = "mirror",
                .summary = "make a directory equal to another",
                .description = "Additions, changes and deletions, in place. With --dry-run or "
                               "--verbose a line each:\n\n"
                               "  + PATH  made\n  * PATH  changed\n  - PATH  deleted\n\n"
                               "Paths are relative, and escaped as in C.",
                .positionals = pair,
                .options = mirror_options,
                .run = run_mirror},
        {.name = "remove",
                .summary = "remove a directory with all that is in it",
                .positionals = tree_word,
                .options = json_options,
                .run = run_remove},
        {.name = "measure",
                .summary = "count entries and bytes",
                .positionals = tree_word,
                .options = json_options,
                .run = run_measure},
        {.name = "manifest",
                .summary = "write down what is in a directory, with hashes",
                .positionals = tree_and_manifest,
                .options = manifest_options,
                .run = run_manifest},
        {.name = "verify",
                .summary = "compare a directory with its manifest",
                .positionals = tree_and_manifest,
                .options = json_options,
                .run = run_verify},
        {0},
};

static const Command program = {
        .name = "understudy-tree",
        .summary = "copy, compare and remove directory trees",
        .description =
                "The engine that clones and mirrors sites, as a program. Nothing outside the "
                "trees is touched whatever their users do meanwhile, links are never "
                "followed, and every command can be killed and run again.",
        .commands = commands,
        .examples = examples,
        .statuses = statuses,
};

int main(int argc, char **argv)
{
        return command_main(&program, argc, argv);
}
