// A fleet's nights on one controller, with simulated workers and a simulated clock: whether every
// series has its synchronisation each night, when it was meant to be, within the hosts' limits, and
// what that costs the controller.
//
//   bench-year [DAYS [SERIES [HOSTS]]]      default 3 5000 100
//
// The controller's own code with its database, calendar and scheduler; a synchronisation takes two
// to eight minutes, by the series. Time goes from one event to the next.
#define FAKE_HOSTS 200

#include <sys/resource.h>

#include "calendar/due.h"
#include "fake.h"
#include "simulated.h"
#include "store/calendar.h"

#define DAY_US  (INT64_C(86400) * US_PER_SECOND)
#define NOON_US (INT64_C(1798718400) * US_PER_SECOND) // 2026-12-31T12:00Z

static int64_t now_us = NOON_US;

static int64_t simulated_us(int64_t real_us)
{
        (void)real_us;
        return now_us;
}

// ---- what the workers do

typedef struct Work {
        int64_t ends_us;
        FakeHost *host;
        char task[32];
} Work;

static struct {
        Work *items; // a heap: the first one ends first
        size_t count, room;
} work;

static struct {
        size_t days, series, hosts;
        uint64_t tasks;
        size_t heavy[FAKE_HOSTS]; // under way
        size_t heavy_most, under_way_most;
        size_t by_hour[24]; // beginnings
} year;

static void swap(size_t a, size_t b)
{
        Work kept = work.items[a];

        work.items[a] = work.items[b];
        work.items[b] = kept;
}

static void work_add(const Work *item)
{
        size_t at = work.count++;

        if (work.count > work.room) {
                work.room = work.room ? 2 * work.room : 256;
                work.items = memory_grow(work.items, work.room * sizeof(*work.items));
        }
        work.items[at] = *item;
        for (; at > 0 && work.items[at].ends_us < work.items[(at - 1) / 2].ends_us;
                at = (at - 1) / 2)
                swap(at, (at - 1) / 2);
}

static Work work_take(void)
{
        Work first = work.items[0];
        size_t at = 0;

        work.items[0] = work.items[--work.count];
        for (size_t child; (child = 2 * at + 1) < work.count; at = child) {
                if (child + 1 < work.count &&
                        work.items[child + 1].ends_us < work.items[child].ends_us)
                        child++;
                if (work.items[at].ends_us <= work.items[child].ends_us)
                        break;
                swap(at, child);
        }
        return first;
}

// "s17" is number 17.
static size_t number_of(const Fleet__Task *task)
{
        return strtoul(task->series + 1, NULL, 10);
}

static bool is_heavy(const Fleet__Task *task)
{
        return step_info_of_task(task)->flags & STEP_HEAVY;
}

static int64_t duration_us(const Fleet__Task *task)
{
        int64_t size = 1 + (int64_t)(number_of(task) * 2654435761U % 4);

        return (is_heavy(task) ? 30 * size : 2) * US_PER_SECOND;
}

static size_t index_of(const FakeHost *host)
{
        return (size_t)(host - fake.hosts);
}

static void begin(FakeHost *host, const FakeTask *entry)
{
        Work item = {.ends_us = now_us + duration_us(entry->task), .host = host};
        size_t *heavy = &year.heavy[index_of(host)];

        snprintf(item.task, sizeof(item.task), "%s", entry->task->id);
        work_add(&item);
        *heavy += is_heavy(entry->task);
        if (*heavy > year.heavy_most)
                year.heavy_most = *heavy;
        if (work.count > year.under_way_most)
                year.under_way_most = work.count;
}

// Reads what the controller sent, until it sends nothing more.
static void read_all(void)
{
        bool more = true;

        while (more) {
                more = false;
                for (size_t i = 0; i < year.hosts; i++) {
                        FakeHost *host = &fake.hosts[i];

                        if (host->received == 0)
                                continue;
                        fake_read(host);
                        more = true;
                        for (size_t k = 0; k < host->tasks; k++)
                                if (host->journal[k].numbered == 0) {
                                        host->journal[k].numbered = 1; // begun
                                        begin(host, &host->journal[k]);
                                }
                }
                fake_commit();
        }
}

static void end(const Work *item)
{
        FakeTask *entry = fake_find(item->host, item->task);

        if (!entry)
                return;
        year.tasks++;
        year.heavy[index_of(item->host)] -= is_heavy(entry->task);
        entry->numbered = 0;
        fake_spool_started(entry);
        fake_done(item->host, entry);
        for (size_t i = 0; i < entry->count; i++) {
                Fleet__Event *event = (Fleet__Event *)message_copy(&entry->events[i]->base);

                fake_event(item->host, event);
                fleet__event__free_unpacked(event, NULL);
        }
}

// To the next thing that happens; never beyond `until_us`.
static void step(int64_t until_us, int64_t *look_us)
{
        int64_t due_us = 0, next_us = *look_us;

        assert_int_equal(calendar_next(fake.controller->store, &due_us, NULL), 0);
        if (due_us && due_us < next_us)
                next_us = due_us;
        if (work.count && work.items[0].ends_us < next_us)
                next_us = work.items[0].ends_us;
        now_us = next_us < now_us ? now_us : next_us < until_us ? next_us : until_us;
        while (work.count && work.items[0].ends_us <= now_us) {
                Work item = work_take();

                end(&item);
        }
        if (now_us >= *look_us || (due_us && now_us >= due_us)) {
                assert_int_equal(due_run(fake.controller, now_us, &fake.error), 0);
                *look_us = now_us + 300 * US_PER_SECOND;
        }
        fake_commit();
        read_all();
}

static void run_until(int64_t until_us)
{
        int64_t look_us = now_us;

        while (now_us < until_us)
                step(until_us, &look_us);
}

// ---- the fleet

static void clean_up(void)
{
        remove_tree(fake.directory);
}

static void invite(size_t count)
{
        for (size_t i = 0; i < count; i++) {
                FakeHost *host = fake_add_host(i, text_format("h%zu", i));

                host->slow = true;
                fake_connect(host);
        }
}

static void adopt(size_t number)
{
        _cleanup_free_ char *name = text_format("s%zu", number),
                            *root = text_format("/srv/lino/%zu", number);
        int job = fake_job("POST", "/v1/series", NULL,
                json_pack("{s:s, s:s, s:s, s:s}", "name", name, "host",
                        fake.hosts[number % year.hosts].name, "root", root, "production", "anna"));

        assert_true(job > 0);
}

static void prepare(size_t number)
{
        _cleanup_free_ char *name = text_format("s%zu", number);

        assert_true(fake_prepare(name) > 0);
}

// Each kind of request for all series, a batch at a time: nobody asks for thousands at once.
static void for_each_series(void (*ask)(size_t number))
{
        for (size_t i = 0; i < year.series; i++) {
                ask(i);
                if (i % year.hosts == year.hosts - 1 || i + 1 == year.series) {
                        read_all();
                        while (work.count)
                                run_until(work.items[0].ends_us);
                }
        }
}

// ---- figures

static double processor_seconds(void)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// What became of the night that is over.
static void look_at_night(size_t *ret_done, int64_t *ret_late_us)
{
        _cleanup_statement_ sqlite3_stmt *rows = NULL;

        *ret_done = 0;
        *ret_late_us = 0;
        assert_int_equal(sql_query(store_database(fake.controller->store), &rows, NULL,
                                 "SELECT job.started_us, calendar.planned_us FROM calendar"
                                 " JOIN job ON job.id = calendar.job"
                                 " WHERE job.state = 'done' AND job.ended_us > ?",
                                 "i", now_us - DAY_US),
                0);
        while (sql_step(rows, NULL) == 1) {
                int64_t started_us = sqlite3_column_int64(rows, 0);
                int64_t late_us = started_us - sqlite3_column_int64(rows, 1);

                (*ret_done)++;
                year.by_hour[started_us / US_PER_SECOND / 3600 % 24]++;
                if (late_us > *ret_late_us)
                        *ret_late_us = late_us;
        }
}

static void print_spread(void)
{
        printf("begun by hour (UTC):");
        for (size_t i = 0; i < ELEMENTS(year.by_hour); i++)
                if (year.by_hour[i])
                        printf("  %02zu: %zu", i, year.by_hour[i]);
        printf("\n");
}

int main(int argc, char **argv)
{
        size_t missed = 0;
        double before, began;

        year.days = argc > 1 ? strtoul(argv[1], NULL, 10) : 3;
        year.series = argc > 2 ? strtoul(argv[2], NULL, 10) : 5000;
        year.hosts = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
        if (year.days == 0 || year.series == 0 || year.hosts == 0 || year.hosts > FAKE_HOSTS) {
                fprintf(stderr, "usage: bench-year [DAYS [SERIES [HOSTS]]]\n");
                return EXIT_FAILURE;
        }
        fake_setup(NULL);
        atexit(clean_up);
        fake.setup.calendar = (CalendarDefaults){.zone = "UTC", .nightly = true};
        invite(year.hosts);
        for_each_series(adopt);
        for_each_series(prepare);
        before = began = processor_seconds();
        printf("%zu series on %zu hosts: %.0f s of processor time to prepare them\n", year.series,
                year.hosts, began);
        now_us = (now_us / DAY_US + 1) * DAY_US + DAY_US / 2;
        for (size_t day = 1; day <= year.days; day++) {
                int64_t late_us;
                size_t done;
                uint64_t tasks = year.tasks;

                run_until(now_us + DAY_US);
                look_at_night(&done, &late_us);
                missed += year.series - done;
                printf("night %3zu: %zu of %zu synchronised, begun at most %lld s late; %llu "
                       "tasks, "
                       "%.1f s of processor time\n",
                        day, done, year.series, (long long)(late_us / US_PER_SECOND),
                        (unsigned long long)(year.tasks - tasks), processor_seconds() - before);
                fflush(stdout);
                before = processor_seconds();
        }
        print_spread();
        printf("heavy tasks at once on a host: at most %zu, limit %llu; tasks at once: at most "
               "%zu\n",
                year.heavy_most, (unsigned long long)fake.setup.limits.host_heavy,
                year.under_way_most);
        printf("synchronisations that did not come to be: %zu: %s; a year would take %.0f min\n",
                missed, missed == 0 ? "met" : "missed",
                (before - began) / (double)year.days * 365 / 60);
        return missed == 0 && year.heavy_most <= fake.setup.limits.host_heavy ? EXIT_SUCCESS
                                                                              : EXIT_FAILURE;
}
