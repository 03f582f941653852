// Random walks through the lives of series: commands, clock steps, lost workers, failing and
// hanging tasks and ends of the controller, through the controller's own code, with simulated
// workers and a simulated clock. What must hold then is looked at after each step.
//
//   LIFECYCLE_WALKS=100000   how many (default: 500)
//   LIFECYCLE_SEED=7         where the numbers begin (default: 1)
#include "calendar/due.h"
#include "control/voters.h"
#include "fake.h"
#include "simulated.h"
#include "store/attempt.h"

enum {
        STEPS_OF_A_WALK = 16,
        WALKS_OF_A_WORLD = 25, // then a new one: a history that grows costs time
        NAME_ROOM = 24,
};

static int64_t ahead_us; // of the walk's time

static int64_t simulated_us(int64_t real_us)
{
        return real_us + ahead_us;
}

// ---- the world outside the controller

typedef struct Root {
        const char *series, *path;
        char prod[NAME_ROOM], preview[NAME_ROOM];  // what the links point at; "": no link
        char before[NAME_ROOM], during[NAME_ROOM]; // the newest opening: what "prod" pointed at
        AttemptState seen;                         // of the newest attempt
        bool alone; // its worker has taken it back, and the controller may not know it yet
} Root;

static Root roots[] = {
        {.series = "mdg", .path = "/srv/lino/one"},
        {.series = "lit", .path = "/srv/lino/two"},
};

static struct {
        uint64_t random;
        unsigned number, world; // seeds of this walk, and of the first one in its world
        unsigned names;
        char trace[4096]; // the commands of the walk
        FakeHost *host;
} walk;

static unsigned draw(unsigned below)
{
        walk.random ^= walk.random << 13;
        walk.random ^= walk.random >> 7;
        walk.random ^= walk.random << 17;
        return (unsigned)(walk.random >> 33) % below;
}

static void note(const char *format, ...) _printf_(1, 2);
static void note(const char *format, ...)
{
        size_t length = strlen(walk.trace);
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(walk.trace + length, sizeof walk.trace - length, format, arguments);
        va_end(arguments);
}

#define MUST(condition, ...)                                                                       \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        note("\n  broken: " __VA_ARGS__);                                          \
                        fail_msg("walk %u (LIFECYCLE_SEED=%u): %s\n  worker: %s", walk.number,     \
                                walk.world, walk.trace, walk.host->log);                           \
                }                                                                                  \
        } while (0)

static Root *root_of(const char *path)
{
        for (size_t i = 0; i < ELEMENTS(roots); i++)
                if (text_equal(roots[i].path, path))
                        return &roots[i];
        fail_msg("no root %s", path);
        return NULL;
}

static char *link_of(Root *root, const char *name)
{
        return text_equal(name, "prod") ? root->prod : root->preview;
}

static void answers(const Fleet__Site *site, Fleet__ProbeResult *answer)
{
        answer->prod = text_copy(root_of(site->root)->prod);
        answer->preview = text_copy(root_of(site->root)->preview);
}

static void remember_opening(Root *root, const Fleet__Task *task)
{
        _cleanup_job_ JobRow job = {0};

        assert_int_equal(job_get(fake.controller->store, (int64_t)task->job, &job, &fake.error), 1);
        if (job.kind != JOB_OPEN || task->mode == FLEET__TASK_MODE__UNDO)
                return;
        snprintf(root->before, NAME_ROOM, "%s", root->prod);
        snprintf(root->during, NAME_ROOM, "%s", task->switch_->links[0]->site);
}

// As the worker does: a link that is neither what it shall be nor what it was is refused there.
static void links_move(const Fleet__SwitchArguments *wanted, bool undo)
{
        Root *root = root_of(wanted->root);

        for (size_t i = 0; i < wanted->n_links; i++) {
                const Fleet__Link *link = wanted->links[i];
                char *now = link_of(root, link->name);

                MUST(text_equal(now, link->before) || text_equal(now, link->site),
                        "link %s of %s is '%s', not '%s'", link->name, root->series, now,
                        link->before);
                snprintf(now, NAME_ROOM, "%s", undo ? link->before : link->site);
        }
}

// The site that a step changes or destroys, or NULL.
static const Fleet__Site *changed_by(const Fleet__Task *task)
{
        if (!(step_info_of_task(task)->flags & STEP_DESTROYS))
                return NULL;
        switch (task->arguments_case) {
        case FLEET__TASK__ARGUMENTS_RESTORE:
                return task->restore->preview;
        case FLEET__TASK__ARGUMENTS_SWAP:
                return task->swap->preview;
        case FLEET__TASK__ARGUMENTS_SETTLE:
                return task->settle->preview;
        case FLEET__TASK__ARGUMENTS_MIRROR:
                return task->mirror->preview;
        case FLEET__TASK__ARGUMENTS_PURGE:
                return task->purge->site;
        default:
                return NULL;
        }
}

// Hears of all that a worker has done.
static void acted(const Fleet__Task *task)
{
        const Fleet__Site *site = changed_by(task);

        if (site)
                MUST(!text_equal(root_of(site->root)->prod, site->name),
                        "%s of '%s', which is production", step_info_of_task(task)->name,
                        site->name);
        if (task->arguments_case == FLEET__TASK__ARGUMENTS_PURGE)
                MUST(!text_equal(root_of(site->root)->preview, site->name),
                        "'%s' was purged while it was linked", site->name);
        if (task->arguments_case != FLEET__TASK__ARGUMENTS_SWITCH)
                return;
        if (task->job)
                remember_opening(root_of(task->switch_->root), task);
        else
                root_of(task->switch_->root)->alone = true;
        links_move(task->switch_, task->mode == FLEET__TASK_MODE__UNDO);
}

// ---- what must hold

static void look_at_jobs(const Rows *rows)
{
        const JobRow *jobs = rows->items;
        size_t running[ELEMENTS(roots)] = {0};

        for (size_t i = 0; i < rows->count; i++)
                for (size_t k = 0; k < ELEMENTS(roots); k++)
                        running[k] += jobs[i].state != JOB_QUEUED && jobs[i].kind != JOB_STANDBY &&
                                      text_equal(jobs[i].series, roots[k].series);
        for (size_t k = 0; k < ELEMENTS(roots); k++)
                MUST(running[k] <= 1, "%zu jobs at once on %s", running[k], roots[k].series);
}

static int64_t count(const char *table, const char *where)
{
        _cleanup_free_ char *sql = text_format("SELECT count(*) FROM %s WHERE %s", table, where);
        sqlite3_stmt *statement;
        int64_t found;

        assert_int_equal(sqlite3_prepare_v2(
                                 store_database(fake.controller->store), sql, -1, &statement, NULL),
                SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        found = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return found;
}

static void look_at_rows(void)
{
        for (size_t i = 0; i < ELEMENTS(roots); i++) {
                _cleanup_free_ char *production =
                        text_format("series = '%s' AND state = 'production'", roots[i].series);
                _cleanup_free_ char *preview =
                        text_format("series = '%s' AND state = 'preview'", roots[i].series);
                _cleanup_free_ char *attempt = text_format(
                        "series = '%s' AND state IN ('planned', 'announced', 'synchronising', "
                        "'open')",
                        roots[i].series);

                MUST(count("site", production) == 1, "productions of %s: %lld", roots[i].series,
                        (long long)count("site", production));
                MUST(count("site", preview) <= 1, "previews of %s", roots[i].series);
                MUST(count("attempt", attempt) <= 1, "attempts of %s", roots[i].series);
        }
}

static bool is_busy(const Rows *rows, const char *series)
{
        const JobRow *jobs = rows->items;

        for (size_t i = 0; i < rows->count; i++)
                if (text_equal(jobs[i].series, series) && !job_stands_by(&jobs[i]))
                        return true;
        return false;
}

// While an attempt is open users work on the new site; how it ended says which one they work on.
static void look_at_attempt(Root *root, bool busy)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r = attempt_newest(fake.controller->store, root->series, &attempt, NULL);
        bool changed = attempt.state != root->seen;

        assert_true(r >= 0);
        root->seen = attempt.state;
        root->alone &= !changed;
        if (r == 0 || attempt.state == ATTEMPT_PLANNED || attempt.state == ATTEMPT_ANNOUNCED)
                root->during[0] = '\0';
        if (busy || !root->during[0])
                return;
        if ((attempt.state == ATTEMPT_OPEN && !root->alone) ||
                (changed && attempt.state == ATTEMPT_ACCEPTED))
                MUST(text_equal(root->prod, root->during), "%s: '%s' answers during the attempt",
                        root->series, root->prod);
        if (changed && (attempt.state == ATTEMPT_CANCELED || attempt.state == ATTEMPT_FAILED))
                MUST(text_equal(root->prod, root->before), "%s: '%s' answers after the attempt",
                        root->series, root->prod);
}

static void look(void)
{
        _cleanup_rows_ Rows jobs = {0};

        assert_int_equal(jobs_under_way(fake.controller->store, &jobs, NULL), 0);
        look_at_jobs(&jobs);
        look_at_rows();
        for (size_t i = 0; i < ELEMENTS(roots); i++)
                look_at_attempt(&roots[i], is_busy(&jobs, roots[i].series));
        walk.host->log[0] = '\0';
}

// ---- commands

static const char *series(void)
{
        return roots[draw(ELEMENTS(roots))].series;
}

// A refusal has to say why; what to do then is its matter.
static void ask(const char *method, const char *path, const char *subject, json_t *take_body)
{
        json_t *shown;
        int r = fake_ask(method, path, subject, take_body, NULL, &shown);

        note("%s%s %s", method, strrchr(path, '/'), subject);
        if (r < 0) {
                note(" (%s)", fake.error.code);
                MUST(r == -EPERM || r == -EBUSY || r == -ENOENT || r == -EEXIST || r == -EINVAL,
                        "%s", fake.error.what);
                MUST(!text_blank(fake.error.why), "no reason: %s", fake.error.what);
        }
        json_decref(shown);
}

static void prepare(void)
{
        _cleanup_free_ char *name = text_format("s%u", ++walk.names);

        ask("POST", "/v1/series/{series}/preview", series(), json_pack("{s:s}", "site", name));
}

static void sync_preview(void)
{
        ask("POST", "/v1/series/{series}/sync", series(), NULL);
}

static void switch_links(void)
{
        ask("POST", "/v1/series/{series}/switch", series(), NULL);
}

static void drop(void)
{
        ask("DELETE", "/v1/series/{series}/preview", series(), NULL);
}

#define ATTEMPT "/v1/series/{series}/attempt"

static char *moment_to_come(void)
{
        time_t at = (time_t)(clock_now_us() / US_PER_SECOND + draw(7200));
        struct tm parts;
        char text[40];

        gmtime_r(&at, &parts);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
        return text_copy(text);
}

static void plan(void)
{
        static const char *const when_over[] = {"cancel", "accept"};
        _cleanup_free_ char *text = moment_to_come();
        json_t *body = json_pack("{s:s, s:i, s:s}", "at", draw(2) ? "now" : text, "lapse_seconds",
                60 + (int)draw(14400), "when_over", when_over[draw(2)]);

        if (draw(4))
                json_object_set_new(body, "anyway", json_string("to see"));
        if (draw(2))
                json_object_set_new(body, "alone_seconds", json_integer(1 + draw(900)));
        ask("POST", ATTEMPT, series(), body);
}

static void move_attempt(void)
{
        static const char *const moves[] = {ATTEMPT "/announce", ATTEMPT "/announce",
                ATTEMPT "/open", ATTEMPT "/open", ATTEMPT "/open", ATTEMPT "/open",
                ATTEMPT "/accept", ATTEMPT "/cancel", ATTEMPT "/cancel", ATTEMPT "/withdraw"};

        ask("POST", moves[draw(ELEMENTS(moves))], series(), NULL);
}

static void move_to_another_time(void)
{
        _cleanup_free_ char *at = moment_to_come();

        ask("POST", ATTEMPT "/move", series(), json_pack("{s:s}", "at", at));
}

static void extend(void)
{
        ask("POST", ATTEMPT "/extend", series(),
                json_pack("{s:i}", "by_seconds", 60 + (int)draw(3600)));
}

static void name_voter(void)
{
        static const char *const rules[] = {"operator", "all-agree", "objection-cancels"};
        const char *of = series();

        ask("POST", "/v1/series/{series}/settings", of,
                json_pack("{s:s}", "outcome-rule", rules[draw(ELEMENTS(rules))]));
        ask("POST", ATTEMPT "/voters", of, json_pack("{s:[s]}", "voters", draw(2) ? "joe" : "ann"));
}

// By the link of one who was asked in this attempt or an earlier one.
static void vote(void)
{
        _cleanup_voter_ VoterRow voter = {0};
        _cleanup_free_ char *token = NULL;
        int64_t newest = count("voter", "1");

        if (voter_get(fake.controller->store, newest - draw(3), &voter, NULL) != 1)
                return;
        token = voters_token(fake.controller, &voter);
        ask("POST", ATTEMPT "/vote", series(),
                json_pack("{s:s, s:s, s:s}", "token", token, "vote", draw(2) ? "works" : "objects",
                        "why", "to see"));
}

// One of the newest jobs.
static void about_job(const char *path)
{
        int64_t newest = count("job", "1");
        char id[24];

        snprintf(id, sizeof id, "%lld", (long long)(newest - draw(3)));
        ask("POST", path, id, NULL);
}

static void cancel_job(void)
{
        about_job("/v1/jobs/{job}/cancel");
}

static void retry_job(void)
{
        about_job("/v1/jobs/{job}/retry");
}

// ---- what happens to the world

static void time_goes(int64_t us)
{
        ahead_us += us;
        if (draw(2)) // before the controller can say anything
                fake_stand_alone(walk.host);
        assert_int_equal(due_run(fake.controller, clock_now_us(), &fake.error), 0);
        fake_commit();
        if (!walk.host->connected)
                fake_stand_alone(walk.host);
}

static void minutes_pass(void)
{
        int64_t minutes = draw(8) ? draw(90) : draw(3 * 24 * 60);

        note("+%lld min", (long long)minutes);
        time_goes(minutes * 60 * US_PER_SECOND);
}

static void clock_is_set_back(void)
{
        int64_t minutes = draw(120);

        note("-%lld min", (long long)minutes);
        time_goes(-minutes * 60 * US_PER_SECOND);
}

static void host_is_lost(void)
{
        note("host lost");
        if (walk.host->connected)
                fake_disconnect(walk.host);
}

static void host_is_back(void)
{
        note("host back");
        if (!walk.host->connected)
                fake_connect(walk.host);
}

static void controller_ends(void)
{
        note("controller ends");
        fake_crash();
        if (draw(3))
                fake_connect(walk.host);
}

// Each frame from now on, until the controller ends or the host is lost.
static void frames_are_lost(void)
{
        note("frames lost");
        fake.drop_at = fake.sends + 1 + draw(4);
        fake_run();
        fake.drop_at = 0;
        host_is_lost();
}

static const char *step(void)
{
        static const char *const steps[] = {"probe", "space", "clone", "environment", "choose",
                "dump", "script", "mirror", "restore", "ledger", "swap", "verify", "settle",
                "switch", "purge"};

        return steps[draw(ELEMENTS(steps))];
}

static void a_step_fails(void)
{
        walk.host->fail = step();
        note("%s fails", walk.host->fail);
}

static void taking_a_step_back_fails(void)
{
        walk.host->undo_fail = step();
        note("-%s fails", walk.host->undo_fail);
}

static void a_step_hangs(void)
{
        walk.host->hold = step();
        walk.host->canceled_ends = draw(2);
        note("%s hangs", walk.host->hold);
}

static void all_goes_well_again(void)
{
        note("well");
        walk.host->fail = walk.host->undo_fail = NULL;
        fake_release(walk.host);
}

// ---- the walk

static const struct {
        void (*act)(void);
        unsigned weight;
} acts[] = {
        {prepare, 10},
        {sync_preview, 4},
        {switch_links, 3},
        {drop, 1},
        {plan, 8},
        {move_attempt, 24},
        {extend, 2},
        {name_voter, 6},
        {vote, 8},
        {move_to_another_time, 3},
        {cancel_job, 3},
        {retry_job, 3},
        {minutes_pass, 9},
        {clock_is_set_back, 1},
        {host_is_lost, 2},
        {host_is_back, 4},
        {controller_ends, 2},
        {frames_are_lost, 1},
        {a_step_fails, 3},
        {taking_a_step_back_fails, 1},
        {a_step_hangs, 3},
        {all_goes_well_again, 12},
};

static void one_step(void)
{
        unsigned total = 0, at;
        size_t i = 0;

        for (size_t k = 0; k < ELEMENTS(acts); k++)
                total += acts[k].weight;
        for (at = draw(total); at >= acts[i].weight; i++)
                at -= acts[i].weight;
        acts[i].act();
        note("; ");
        if (draw(4)) // else the next one comes while this one is under way
                fake_run();
        fake_commit();
        look();
}

// What failed is gone on with, or taken back, as a person would do it.
static void finish_jobs(void)
{
        for (size_t i = 0; i < ELEMENTS(roots); i++) {
                _cleanup_rows_ Rows rows = {0};
                const JobRow *newest;
                char id[24];

                assert_int_equal(
                        jobs_newest(fake.controller->store, roots[i].series, 1, &rows, NULL), 0);
                newest = rows.items;
                if (rows.count == 0 || newest->state != JOB_FAILED || newest->kind == JOB_OPEN)
                        continue;
                snprintf(id, sizeof id, "%lld", (long long)newest->id);
                ask("POST", "/v1/jobs/{job}/retry", id, NULL);
                note("; ");
                fake_run();
        }
}

static void finish_attempt(const char *of)
{
        static const char *const ways[] = {ATTEMPT "/withdraw", ATTEMPT "/cancel"};
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r;

        for (size_t i = 0; i < ELEMENTS(ways); i++) {
                attempt_clear(&attempt);
                r = attempt_newest(fake.controller->store, of, &attempt, NULL);
                assert_true(r >= 0);
                if (r == 0 || attempt_is_over(&attempt))
                        return;
                ask("POST", ways[i], of, NULL);
                note("; ");
                fake_run();
        }
        attempt_clear(&attempt);
        assert_int_equal(attempt_newest(fake.controller->store, of, &attempt, NULL), 1);
        MUST(attempt_is_over(&attempt), "the attempt of %s is %s", of,
                attempt_state_names[attempt.state]);
}

// Once nothing stands in the way any more, all comes to an end.
static void to_the_end(void)
{
        static const int64_t month_us = INT64_C(32) * 24 * 3600 * US_PER_SECOND;

        note("end: ");
        host_is_back();
        all_goes_well_again();
        fake_run();
        time_goes(month_us);
        fake_run();
        finish_jobs();
        for (size_t i = 0; i < ELEMENTS(roots); i++)
                finish_attempt(roots[i].series);
        look();
}

static void look_at_the_end(void)
{
        _cleanup_rows_ Rows jobs = {0};

        assert_int_equal(jobs_under_way(fake.controller->store, &jobs, NULL), 0);
        MUST(jobs.count == 0, "%zu jobs have not ended", jobs.count);
        MUST(walk.host->tasks == 0, "%zu tasks have not ended", walk.host->tasks);
        for (size_t i = 0; i < ELEMENTS(roots); i++) {
                _cleanup_site_row_ SiteRow production = {0};

                assert_int_equal(site_get(fake.controller->store, roots[i].series, SITE_PRODUCTION,
                                         &production, NULL),
                        1);
                MUST(text_equal(production.name, roots[i].prod),
                        "production of %s is '%s', its link points at '%s'", roots[i].series,
                        production.name, roots[i].prod);
        }
}

static void new_world(void)
{
        static void *state;

        if (walk.host)
                fake_teardown(&state);
        fake_setup(&state);
        walk.host = fake_add_host(0, "alpha");
        walk.host->acted = acted;
        walk.host->answers = answers;
        fake_connect(walk.host);
        for (size_t i = 0; i < ELEMENTS(roots); i++) {
                snprintf(roots[i].prod, NAME_ROOM, "anna");
                roots[i].preview[0] = roots[i].before[0] = roots[i].during[0] = '\0';
                roots[i].seen = ATTEMPT_PLANNED;
                roots[i].alone = false;
                assert_true(fake_adopt(roots[i].series, roots[i].path) > 0);
                fake_run();
        }
        walk.names = 0;
}

static unsigned setting(const char *name, unsigned otherwise)
{
        const char *given = getenv(name);

        return given ? (unsigned)strtoul(given, NULL, 10) : otherwise;
}

static void what_must_hold_does_whatever_happens(void **state)
{
        unsigned walks = setting("LIFECYCLE_WALKS", 500), seed = setting("LIFECYCLE_SEED", 1);
        int64_t ends[4] = {0}, alone = 0;
        static const char *const states[] = {"accepted", "canceled", "withdrawn", "failed"};

        for (unsigned i = 0; i < walks; i++) {
                walk.number = seed + i;
                walk.random = (uint64_t)walk.number * UINT64_C(0x9e3779b97f4a7c15);
                walk.trace[0] = '\0';
                if (i % WALKS_OF_A_WORLD == 0) {
                        walk.world = walk.number;
                        new_world();
                }
                for (unsigned k = 0; k < STEPS_OF_A_WALK; k++)
                        one_step();
                to_the_end();
                look_at_the_end();
                if ((i + 1) % WALKS_OF_A_WORLD && i + 1 < walks)
                        continue;
                for (size_t k = 0; k < ELEMENTS(states); k++) {
                        _cleanup_free_ char *where = text_format("state = '%s'", states[k]);

                        ends[k] += count("attempt", where);
                }
                alone += count("job", "kind = 'standby' AND state = 'done'");
        }
        print_message("taken back by a worker alone: %lld\n", (long long)alone);
        assert_true(alone > 0 || walks < 100);
        for (size_t k = 0; k < ELEMENTS(states); k++) {
                print_message("attempts %s: %lld\n", states[k], (long long)ends[k]);
                assert_true(ends[k] > 0 || walks < 100);
        }
        fake_teardown(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_must_hold_does_whatever_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
