// What the worker asks worker/python/delta.py and compare.py, and what it makes of their answers.
// The site's settings answer in their place here; tests/integration/test_delta.py has the real
// ones.
#include "rehearsal.h"

#include "steps/delta.h"

#define ANSWER                                                                                     \
        "import __main__, sys\n"                                                                   \
        "frame = sys._getframe()\n"                                                                \
        "while \"request\" not in frame.f_globals:\n"                                              \
        "    frame = frame.f_back\n"                                                               \
        "request = frame.f_globals[\"request\"]\n"

typedef struct World {
        Rehearsal *r;
        Target target;
        DeltaSpec spec;
        DeltaResult result;
} World;

static World world(Rehearsal *r)
{
        static const DeltaFact facts[] = {{"environment", "one"}, {"settings", "two"}};
        World w = {.r = r, .target = TARGET_EMPTY};

        if (target_open(r->f.context, &r->preview, &r->guard, &w.target, &r->error) < 0)
                fail_msg("%s: %s", r->error.what, r->error.why);
        w.spec = (DeltaSpec){.guard = &r->guard,
                .production = &r->production,
                .old_dump = "a",
                .new_dump = "b",
                .hashes = "c",
                .facts = facts,
                .fact_count = 2,
                .limit = 7};
        return w;
}

static void world_clear(World *w)
{
        target_close(&w->target);
        delta_result_clear(&w->result);
}

static void answers(const World *w, const char *python)
{
        shell("cat > '%s/berta/answer.py' <<'END'\n" ANSWER "%s\nsys.exit(0)\nEND", w->r->f.root,
                python);
        fake_site_setting(&w->r->f, "berta", "import answer");
}

static void run(World *w)
{
        w->spec.target = &w->target;
        if (delta_restore(w->r->f.context, &w->spec, &w->result, &w->r->error) < 0)
                fail_msg("%s: %s", w->r->error.what, w->r->error.why);
}

static void it_tells_how_many_rows_were_changed(void **state)
{
        World w _cleanup_(world_clear) = world(*state);

        answers(&w, "__main__.result({'changed': 1, 'deleted': 2, 'added': 3, 'repaired': 4,\n"
                    "                 'again': 5, 'locked_ms': 6, 'corrected': 7, 'id': 'x',\n"
                    "                 'tables': {'t': 8}, 'tables_changed': ['t']})");
        run(&w);
        assert_int_equal(w.result.refused.count, 0);
        assert_int_equal(w.result.changed, 1);
        assert_int_equal(w.result.deleted, 2);
        assert_int_equal(w.result.added, 3);
        assert_int_equal(w.result.repaired, 4);
        assert_int_equal(w.result.again, 5);
        assert_int_equal(w.result.locked_ms, 6);
        assert_int_equal(w.result.corrected, 7);
        assert_string_equal(w.result.tables_changed.items[0], "t");
        assert_int_equal(json_integer_value(json_object_get(w.result.tables, "t")), 8);
}

static void it_asks_for_one_preview_and_for_what_has_to_be_as_it_was(void **state)
{
        Rehearsal *r = *state;
        World w _cleanup_(world_clear) = world(r);
        _cleanup_free_ char *expected = text_format(
                "a b b/restore2preview.py c {'environment': 'one', 'settings': 'two'} False 7 "
                "%s/berta %s/berta/berta ['%s/anna/anna'] True",
                r->f.root, r->f.root, r->f.root);

        answers(&w, "ask = request.get\n"
                    "words = [ask('old'), ask('new'), ask('script'), ask('hashes'), ask('same'),\n"
                    "         ask('quick'), ask('limit'), ask('project'), ask('database'),\n"
                    "         ask('keep'), ask('project').replace('berta', 'anna') in "
                    "ask('production')]\n"
                    "__main__.result({'refused': [' '.join(map(str, words))]})");
        run(&w);
        assert_int_equal(w.result.refused.count, 1);
        assert_string_equal(w.result.refused.items[0], expected);
}

static void site_code_that_fails_refuses(void **state)
{
        World w _cleanup_(world_clear) = world(*state);

        answers(&w, "raise Exception('out of order')");
        run(&w);
        assert_int_equal(w.result.refused.count, 1);
        assert_non_null(strstr(w.result.refused.items[0], "out of order"));
}

static void a_preview_without_an_environment_is_an_error(void **state)
{
        World w _cleanup_(world_clear) = world(*state);

        w.spec.target = &w.target;
        shell("rm -r '%s/berta/env'", w.r->f.root);
        assert_true(delta_restore(w.r->f.context, &w.spec, &w.result, &w.r->error) < 0);
        assert_non_null(w.r->error.code);
        assert_int_equal(w.result.refused.count, 0);
}

static void a_comparison_tells_each_difference(void **state)
{
        World w _cleanup_(world_clear) = world(*state);
        TextList differences _cleanup_text_list_ = {0};
        uint64_t count = 0;

        answers(&w,
                "__main__.result({'count': 9, 'differences': [\n"
                "    {'table': 't', 'key': '3', 'column': 'name', 'left': 'a', 'right': 'b'}]})");
        if (delta_compare(w.r->f.context, &w.target, "other", NULL, &count, &differences,
                    &w.r->error) < 0)
                fail_msg("%s: %s", w.r->error.what, w.r->error.why);
        assert_int_equal(count, 9);
        assert_int_equal(differences.count, 1);
        assert_string_equal(differences.items[0], "t #3 name: a, b");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(it_tells_how_many_rows_were_changed),
                REHEARSE(it_asks_for_one_preview_and_for_what_has_to_be_as_it_was),
                REHEARSE(site_code_that_fails_refuses),
                REHEARSE(a_preview_without_an_environment_is_an_error),
                REHEARSE(a_comparison_tells_each_difference),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
