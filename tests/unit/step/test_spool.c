// The events file: whole records or none, whatever happens to it.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "step/spool.h"
#include "test.h"

#define NOTES 6

typedef struct Place {
        char *directory;
        int dirfd;
} Place;

static int enter(void **state)
{
        char template[] = "/tmp/understudy-spool-XXXXXX";
        Place *place = memory_new(sizeof(*place));

        assert_non_null(mkdtemp(template));
        place->directory = text_copy(template);
        place->dirfd = open(template, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = place;
        return 0;
}

static int leave(void **state)
{
        Place *place = *state;

        unlinkat(place->dirfd, "events", 0);
        unlinkat(place->dirfd, "filler", 0);
        close(place->dirfd);
        umount2(place->directory, MNT_DETACH);
        rmdir(place->directory);
        free(place->directory);
        free(place);
        return 0;
}

static int append_note(Spool *spool, const char *text)
{
        Fleet__LogLine line = FLEET__LOG_LINE__INIT;
        Fleet__Event event = FLEET__EVENT__INIT;

        line.text = (char *)text;
        event.task = "1.test.1";
        event.body_case = FLEET__EVENT__BODY_LOG;
        event.log = &line;
        return spool_append(spool, &event);
}

static int append_started(Spool *spool, uint32_t run)
{
        Fleet__Started started = FLEET__STARTED__INIT;
        Fleet__Event event = FLEET__EVENT__INIT;

        started.run = run;
        event.body_case = FLEET__EVENT__BODY_STARTED;
        event.started = &started;
        event.at_us = 1000 + run;
        return spool_append(spool, &event);
}

static int append_finished(Spool *spool)
{
        Fleet__Finished finished = FLEET__FINISHED__INIT;
        Fleet__Event event = FLEET__EVENT__INIT;

        event.body_case = FLEET__EVENT__BODY_FINISHED;
        event.finished = &finished;
        return spool_append(spool, &event);
}

static Spool *open_spool(const Place *place)
{
        Spool *spool = NULL;

        assert_int_equal(spool_open(place->dirfd, "events", &spool), 0);
        return spool;
}

static int open_reader(const Place *place)
{
        int fd = openat(place->dirfd, "events", O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static SpoolSummary summary_of(const Place *place)
{
        _cleanup_close_ int fd = open_reader(place);
        SpoolSummary summary = {0};

        assert_int_equal(spool_summarize(fd, &summary), 0);
        return summary;
}

static void events_are_numbered_and_read_back_in_order(void **state)
{
        Spool *spool = open_spool(*state);
        _cleanup_close_ int fd = open_reader(*state);
        SpoolCursor cursor = {0};
        Fleet__Event *event;

        assert_int_equal(spool_read(fd, &cursor, &event), 0);
        for (int i = 0; i < NOTES; i++) {
                _cleanup_free_ char *text = text_format("%d", i);

                assert_int_equal(append_note(spool, text), 0);
                assert_int_equal(spool_read(fd, &cursor, &event), 1);
                assert_int_equal(event->number, i + 1);
                assert_int_equal(cursor.number, i + 1);
                assert_string_equal(event->log->text, text);
                fleet__event__free_unpacked(event, NULL);
                assert_int_equal(spool_read(fd, &cursor, &event), 0);
        }
        spool_close(spool);
}

static void a_summary_tells_runs_and_end_and_grows_with_the_file(void **state)
{
        Spool *spool = open_spool(*state);
        _cleanup_close_ int fd = open_reader(*state);
        SpoolSummary summary = {0};

        assert_int_equal(append_started(spool, 1), 0);
        assert_int_equal(append_started(spool, 2), 0);
        assert_int_equal(spool_summarize(fd, &summary), 0);
        assert_int_equal(summary.runs, 2);
        assert_int_equal(summary.run_at_us, 1002);
        assert_false(summary.finished);
        assert_int_equal(append_finished(spool), 0);
        assert_int_equal(spool_summarize(fd, &summary), 0);
        assert_int_equal(summary.end.number, 3);
        assert_true(summary.finished);
        assert_true(spool_summary(spool)->finished);
        spool_close(spool);
}

// The size of the file after each of the records.
static void write_notes(const Place *place, off_t *ends)
{
        Spool *spool = open_spool(place);

        for (int i = 0; i < NOTES; i++) {
                assert_int_equal(append_note(spool, "a note of some length"), 0);
                ends[i] = spool_summary(spool)->end.offset;
        }
        spool_close(spool);
}

static int whole_records(const off_t *ends, off_t size)
{
        int count = 0;

        while (count < NOTES && ends[count] <= size)
                count++;
        return count;
}

static void a_tail_torn_at_any_byte_is_cut_off(void **state)
{
        Place *place = *state;
        off_t ends[NOTES];

        write_notes(place, ends);
        for (off_t size = ends[NOTES - 1]; size >= 0; size--) {
                int whole = whole_records(ends, size);
                Spool *spool;

                assert_int_equal(unlinkat(place->dirfd, "events", 0), 0);
                write_notes(place, ends);
                {
                        _cleanup_close_ int fd = openat(place->dirfd, "events", O_RDWR | O_CLOEXEC);

                        assert_int_equal(ftruncate(fd, size), 0);
                }
                assert_int_equal(summary_of(place).end.number, whole);
                spool = open_spool(place);
                assert_int_equal(append_note(spool, "next"), 0);
                spool_close(spool);
                assert_int_equal(summary_of(place).end.number, whole + 1);
        }
}

static void a_tail_of_zeros_or_of_noise_is_cut_off(void **state)
{
        Place *place = *state;
        off_t ends[NOTES];
        char noise[300];

        for (int fill = 0; fill < 256; fill += 15) {
                Spool *spool;

                (void)!unlinkat(place->dirfd, "events", 0);
                write_notes(place, ends);
                memset(noise, fill, sizeof(noise));
                {
                        _cleanup_close_ int fd = openat(place->dirfd, "events", O_RDWR | O_CLOEXEC);

                        assert_int_equal(
                                pwrite(fd, noise, sizeof(noise), ends[NOTES - 1]), sizeof(noise));
                }
                assert_int_equal(summary_of(place).end.number, NOTES);
                spool = open_spool(place);
                assert_int_equal(append_note(spool, "next"), 0);
                spool_close(spool);
                assert_int_equal(summary_of(place).end.number, NOTES + 1);
        }
}

static void a_changed_bit_ends_the_spool_before_its_record(void **state)
{
        Place *place = *state;
        off_t ends[NOTES];

        write_notes(place, ends);
        for (off_t at = 0; at < ends[NOTES - 1]; at++) {
                _cleanup_close_ int fd = openat(place->dirfd, "events", O_RDWR | O_CLOEXEC);
                char byte, changed;

                assert_int_equal(pread(fd, &byte, 1, at), 1);
                changed = (char)(byte ^ 1 << at % 8);
                assert_int_equal(pwrite(fd, &changed, 1, at), 1);
                assert_int_equal(summary_of(place).end.number, whole_records(ends, at));
                assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        }
}

static void an_event_larger_than_a_frame_is_refused(void **state)
{
        Spool *spool = open_spool(*state);
        _cleanup_free_ char *text = memory_new(SPOOL_EVENT_MAX + 1);

        memset(text, 'x', SPOOL_EVENT_MAX);
        assert_int_equal(append_note(spool, text), -EMSGSIZE);
        text[SPOOL_EVENT_MAX - 100] = '\0';
        assert_int_equal(append_note(spool, text), 0);
        spool_close(spool);
        assert_int_equal(summary_of(*state).end.number, 1);
}

static void a_spool_begun_anew_goes_on_from_a_number(void **state)
{
        Place *place = *state;
        _cleanup_close_ int fd = -EBADF;
        SpoolCursor cursor = {0};
        Fleet__Event *event;
        off_t ends[NOTES];
        Spool *spool;

        write_notes(place, ends);
        spool = open_spool(place);
        assert_int_equal(spool_restart(spool, 40), 0);
        spool_close(spool);
        spool = open_spool(place);
        assert_int_equal(append_note(spool, "next"), 0);
        spool_close(spool);
        fd = open_reader(place);
        assert_int_equal(spool_read(fd, &cursor, &event), 1);
        assert_int_equal(event->number, 40);
        assert_int_equal(event->body_case, FLEET__EVENT__BODY__NOT_SET);
        fleet__event__free_unpacked(event, NULL);
        assert_int_equal(spool_read(fd, &cursor, &event), 1);
        assert_int_equal(event->number, 41);
        fleet__event__free_unpacked(event, NULL);
}

// Needs the right to mount.
static void a_full_disk_refuses_events_but_not_the_finished(void **state)
{
        Place *place = *state;
        char chunk[4096] = {0};
        _cleanup_close_ int filler = -EBADF;
        Spool *spool;
        unsigned notes = 0;

        if (mount("tmpfs", place->directory, "tmpfs", 0, "size=1m") < 0)
                skip_because("only root can mount a small file system");
        close(place->dirfd);
        place->dirfd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        spool = open_spool(place);
        assert_int_equal(append_note(spool, "before"), 0);
        filler = openat(place->dirfd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(filler, chunk, sizeof(chunk)) > 0)
                ;
        memset(chunk, 'x', sizeof(chunk) - 1);
        while (append_note(spool, chunk) == 0)
                notes++;
        assert_true(notes < 100);
        assert_int_equal(append_note(spool, chunk), -ENOSPC);
        assert_int_equal(append_finished(spool), 0);
        spool_close(spool);
        assert_int_equal(summary_of(place).end.number, notes + 2);
        assert_true(summary_of(place).finished);
}

static void events_go_on_when_the_disk_has_space_again(void **state)
{
        Place *place = *state;
        char chunk[4096] = {0};
        Spool *spool;

        if (mount("tmpfs", place->directory, "tmpfs", 0, "size=1m") < 0)
                skip_because("only root can mount a small file system");
        close(place->dirfd);
        place->dirfd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        spool = open_spool(place);
        {
                _cleanup_close_ int filler =
                        openat(place->dirfd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

                while (write(filler, chunk, sizeof(chunk)) > 0)
                        ;
        }
        assert_int_equal(append_note(spool, "no"), -ENOSPC);
        assert_int_equal(unlinkat(place->dirfd, "filler", 0), 0);
        assert_int_equal(append_note(spool, "yes"), 0);
        spool_close(spool);
        assert_int_equal(summary_of(place).end.number, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(events_are_numbered_and_read_back_in_order),
                TEST(a_summary_tells_runs_and_end_and_grows_with_the_file),
                TEST(a_tail_torn_at_any_byte_is_cut_off),
                TEST(a_tail_of_zeros_or_of_noise_is_cut_off),
                TEST(a_changed_bit_ends_the_spool_before_its_record),
                TEST(an_event_larger_than_a_frame_is_refused),
                TEST(a_spool_begun_anew_goes_on_from_a_number),
                TEST(a_full_disk_refuses_events_but_not_the_finished),
                TEST(events_go_on_when_the_disk_has_space_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
