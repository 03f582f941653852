#include "steps/rewrite_scan.h"

#include <fcntl.h>

#include "base/file.h"
#include "steps/files.h"
#include "steps/walk.h"
#include "steps/words.h"

#define FINDINGS_MAX   300
#define LINE_MAX_CHARS 200
#define CONTENT_MAX    (8U << 20) // of one file
#define PER_FILE_MAX   20

typedef struct Scan {
        StepContext *context;
        const RewritePlan *plan;
        Fleet__RewriteResult *result;
        uint64_t files;
        size_t more; // findings left out
} Scan;

static void find(Scan *scan, const char *path, uint32_t line, const char *text, size_t length)
{
        _cleanup_free_ char *cut = NULL, *masked = NULL;
        Fleet__RewriteResult *result = scan->result;
        Fleet__Finding *finding;

        if (result->n_remaining == FINDINGS_MAX) {
                scan->more++;
                return;
        }
        while (length > 0 && (*text == ' ' || *text == '\t')) {
                text++;
                length--;
        }
        cut = text_to_utf8(text, length > LINE_MAX_CHARS ? LINE_MAX_CHARS : length);
        masked = secrets_mask(cut, "***");
        finding = (Fleet__Finding *)message_new(&fleet__finding__descriptor);
        finding->path = text_escape(path, strlen(path));
        finding->line = line;
        finding->text = TAKE_PTR(masked);
        result->remaining = memory_grow(
                result->remaining, (result->n_remaining + 1) * sizeof(*result->remaining));
        result->remaining[result->n_remaining++] = finding;
}

static void scan_lines(Scan *scan, const char *path, const char *text, size_t size)
{
        const char *end = text + size, *line = text;
        uint32_t number = 1;
        size_t found = 0;

        while (line < end) {
                const char *newline = memchr(line, '\n', (size_t)(end - line));
                size_t length = (size_t)((newline ? newline : end) - line);

                if (word_find(line, length, scan->plan->old_name)) {
                        if (++found > PER_FILE_MAX)
                                scan->more++;
                        else
                                find(scan, path, number, line, length);
                }
                line += length + 1;
                number++;
        }
}

// Two sites of one host cannot listen on one port, nor share linod's channels.
static void scan_ports(Scan *scan, const char *path, const char *text)
{
        static const char *const keys[] = {"upstream_port", "channels"};
        uint32_t number = 1;

        for (const char *line = text; *line; number++) {
                size_t length = strcspn(line, "\n");
                const char *start = line + strspn(line, " \t");

                for (size_t i = 0; i < ELEMENTS(keys); i++) {
                        _cleanup_free_ char *words = NULL;

                        if (!text_starts(start, keys[i]))
                                continue;
                        words = text_format("%.*s (as production's: give the preview its own)",
                                (int)(length - (size_t)(start - line)), start);
                        find(scan, path, number, words, strlen(words));
                }
                line += length;
                line += *line == '\n';
        }
}

static void scan_text(Scan *scan, const char *path, const char *text, size_t size)
{
        if (!memchr(text, '\0', size)) {
                scan_lines(scan, path, text, size);
                if (text_equal(path, "lino.ini"))
                        scan_ports(scan, path, text);
        } else if (word_find(text, size, scan->plan->old_name)) {
                static const char binary[] = "(a binary file that contains the name)";

                find(scan, path, 0, binary, sizeof(binary) - 1);
        }
}

// The first bytes of a large file stand for it.
static void scan_content(Scan *scan, int dirfd, const char *path, const char *name)
{
        _cleanup_close_ int fd =
                file_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, false);
        _cleanup_free_ char *content = NULL;
        struct stat st;
        size_t size = 0, room;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        room = (uint64_t)st.st_size < CONTENT_MAX ? (size_t)st.st_size : CONTENT_MAX;
        content = memory_new(room + 1);
        while (size < room) {
                ssize_t n = read(fd, content + size, room - size);

                if (n <= 0)
                        break;
                size += (size_t)n;
        }
        scan_text(scan, path, content, size);
}

static void scan_link(Scan *scan, int dirfd, const char *path, const char *name)
{
        _cleanup_free_ char *target = NULL, *text = NULL;

        if (file_read_link_at(dirfd, name, &target) < 0 ||
                !word_find(target, strlen(target), scan->plan->old_name))
                return;
        text = text_format("-> %s", target);
        find(scan, path, 0, text, strlen(text));
}

static const RewriteFile *planned(const Scan *scan, const char *path)
{
        for (size_t i = 0; i < scan->plan->count; i++)
                if (text_equal(scan->plan->files[i].path, path))
                        return &scan->plan->files[i];
        return NULL;
}

static int visit(
        void *userdata, int dirfd, const char *path, const char *name, const struct stat *st)
{
        Scan *scan = userdata;
        const RewriteFile *file = planned(scan, path);
        const char *shown = file ? file->new_path : path;
        const char *shown_name = strrchr(shown, '/') ? strrchr(shown, '/') + 1 : shown;
        bool in_media = text_starts(path, "media/");

        if (step_canceled(scan->context))
                return -ECANCELED;
        if (rewrite_is_left_out(scan->plan, path))
                return 0;
        step_progress(scan->context, FLEET__UNIT__FILES, ++scan->files, 0, path);
        if (!in_media && word_find(shown_name, strlen(shown_name), scan->plan->old_name))
                find(scan, shown, 0, "(the file's name)", strlen("(the file's name)"));
        if (S_ISLNK(st->st_mode))
                scan_link(scan, dirfd, path, name);
        else if (S_ISREG(st->st_mode) && !in_media && file && file->after)
                scan_text(scan, shown, file->after, strlen(file->after));
        else if (S_ISREG(st->st_mode) && !in_media)
                scan_content(scan, dirfd, path, name);
        return !text_equal(path, ".git/objects");
}

int rewrite_scan(
        StepContext *context, const RewritePlan *plan, Fleet__RewriteResult *result, Error *error)
{
        Scan scan = {.context = context, .plan = plan, .result = result};
        int r = site_walk(plan->subject->fd, visit, &scan);

        if (step_canceled(context))
                return step_canceled_error(context, error);
        if (r < 0) {
                error_set(error, r, "rewrite", "cannot read the project directory");
                error_where(error, "%s", plan->subject->path);
                error_next(error, "Look at it: ls -la '%s'", plan->subject->path);
                return r;
        }
        if (scan.more > 0)
                step_note(context, "%zu more places have the name %s; the first %zu are listed.",
                        scan.more, plan->old_name, result->n_remaining);
        return 0;
}
