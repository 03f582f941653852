#include "run.h"

extern const StepOps step_script_ops;

// Production anna with a dump, and preview berta, whose models are those of the fake Lino below.
typedef struct World {
        StepFixture f;
        Fleet__Site anna, berta;
        Fleet__ScriptArguments arguments;
        Error error;
} World;

static const char models[] =
        "\nclass Field:\n"
        "    auto_created = False\n"
        "    def __init__(self, name):\n"
        "        self.name = self.attname = self.column = name\n"
        "def model(*names):\n"
        "    class Missing(Exception): pass\n"
        "    module('django.core.exceptions', FieldDoesNotExist=Missing)\n"
        "    class meta:\n"
        "        fields = [Field(name) for name in names]\n"
        "        _property_names = ()\n"
        "        @classmethod\n"
        "        def get_field(cls, name):\n"
        "            raise Missing(name)\n"
        "    return type('Model', (), {'_meta': meta})\n"
        "class UnresolvedModel: pass\n"
        "KNOWN = {'app.Person': model('id', 'name', 'title')}\n"
        "module('lino.core')\n"
        "module('lino.core.utils', UnresolvedModel=UnresolvedModel,\n"
        "       resolve_model=lambda name: KNOWN.get(name) or UnresolvedModel())\n"
        "def setup(): pass\n";

static const char restore[] = "from lino.core.utils import resolve_model\n\n"
                              "app_Person = resolve_model(\"app.Person\")\n"
                              "app_Thing = resolve_model(\"app.Thing\")\n\n"
                              "# 1 row\n\n"
                              "def create_app_person(id, name, summary):\n"
                              "    kw = dict()\n"
                              "    kw.update(id=id)\n"
                              "    kw.update(name=name)\n"
                              "    kw.update(summary=summary)\n"
                              "    return app_Person(**kw)\n\n"
                              "def create_app_thing(id):\n"
                              "    kw = dict()\n"
                              "    kw.update(id=id)\n"
                              "    return app_Thing(**kw)\n\n\n"
                              "def main(args):\n"
                              "    loader.initialize()\n"
                              "    execfile(\"app_person.py\", *args)\n"
                              "    execfile(\"app_thing.py\", *args)\n"
                              "    loader.finalize()\n";

#define DIRECTORY "anna/snapshot2preview/"
#define SCRIPT    DIRECTORY "restore2preview.py"
#define MERGE     DIRECTORY "restore2preview.merge.py"

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));
        _cleanup_free_ char *django = NULL, *extended = NULL;

        step_fixture_open(&w->f, "script");
        fake_site_make(&w->f, "anna");
        fake_site_make(&w->f, "berta");
        w->anna = fake_site(&w->f, "anna");
        w->berta = fake_site(&w->f, "berta");
        fleet__script_arguments__init(&w->arguments);
        w->arguments.production = &w->anna;
        w->arguments.preview = &w->berta;
        w->arguments.directory = "snapshot2preview";
        django = text_at(&w->f, "berta/django.py");
        extended = text_format("%s%s", django, models);
        write_at(&w->f, "berta/django.py", extended);
        shell("mkdir '%s/anna/snapshot2preview'", w->f.root);
        write_at(&w->f, DIRECTORY "restore.py", restore);
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static Fleet__ScriptResult *done(World *w)
{
        return (Fleet__ScriptResult *)step_done(
                &w->f, &step_script_ops, "script", &w->arguments.base);
}

static void refused(World *w, const char *code)
{
        step_refused(&w->f, &step_script_ops, "script", &w->arguments.base, code, &w->error);
}

static void edit(World *w, const char *path, const char *sed)
{
        shell("sed -i '%s' '%s/%s'", sed, w->f.root, path);
}

// The two edits without which the preview's models do not take the data.
static void edit_as_an_operator_would(World *w)
{
        edit(w, SCRIPT,
                "s/kw.update(summary=summary)/kw.update(title=summary)/;"
                "s/^    execfile(\"app_thing/    # execfile(\"app_thing/");
}

static void all_mismatches_are_told_at_once_and_an_edit_solves_them(void **state)
{
        World *w = *state;
        Fleet__ScriptResult *result;

        refused(w, "script-mismatch");
        assert_non_null(
                strstr(w->error.why, "restore2preview.py:12: create_app_person: field "
                                     "'summary' is gone from app.Person; it also has: title"));
        assert_non_null(strstr(
                w->error.why, "restore2preview.py:18: create_app_thing: model app.Thing is gone"));
        assert_non_null(strstr(w->error.next, "understudyctl job retry 1"));
        assert_non_null(strstr(w->error.next, SCRIPT));
        edit_as_an_operator_would(w);
        result = done(w);
        assert_false(result->created);
        assert_non_null(strstr(result->diff, "-    kw.update(summary=summary)"));
        fleet__script_result__free_unpacked(result, NULL);
}

static void a_script_that_is_missing_is_a_copy(void **state)
{
        World *w = *state;

        refused(w, "script-mismatch");
        assert_text_at(&w->f, SCRIPT, restore);
        assert_text_at(&w->f, DIRECTORY ".restore2preview.base.py", restore);
}

static void edits_are_kept_when_the_dump_changes(void **state)
{
        World *w = *state;
        Fleet__ScriptResult *result;
        _cleanup_free_ char *script = NULL;

        refused(w, "script-mismatch");
        edit_as_an_operator_would(w);
        edit(w, DIRECTORY "restore.py",
                "s/# 1 row/# 7 rows/;s/app_thing.py/app_thing_1.py/;"
                "s/loader.initialize()/loader.initialize(7)/");
        result = done(w);
        assert_int_equal(result->units_merged, 1); // main()
        assert_int_equal(result->units_kept, 1);
        fleet__script_result__free_unpacked(result, NULL);
        script = text_at(&w->f, SCRIPT);
        assert_non_null(strstr(script, "# 7 rows"));
        assert_non_null(strstr(script, "loader.initialize(7)"));
        assert_non_null(strstr(script, "    # execfile(\"app_thing_1.py\""));
        assert_non_null(strstr(script, "kw.update(title=summary)"));
}

static void conflict(World *w)
{
        refused(w, "script-mismatch");
        edit_as_an_operator_would(w);
        edit(w, DIRECTORY "restore.py",
                "s/kw.update(summary=summary)/kw.update(summary=summary or 1)/");
        refused(w, "script-conflict");
}

static void a_conflict_leaves_the_script_and_shows_itself(void **state)
{
        World *w = *state;
        _cleanup_free_ char *merge = NULL, *script = NULL;

        conflict(w);
        assert_non_null(strstr(w->error.next, "understudyctl job retry 1"));
        assert_non_null(strstr(w->error.where, "restore2preview.merge.py:"));
        merge = text_at(&w->f, MERGE);
        assert_non_null(strstr(merge, "<<<<<<< "));
        script = text_at(&w->f, SCRIPT);
        assert_null(strstr(script, "<<<<<<< "));
        assert_non_null(strstr(script, "kw.update(title=summary)"));
        refused(w, "script-conflict"); // as long as the markers are there
}

static void resolve(World *w)
{
        edit(w, MERGE,
                "/^<<<<<<< /,/^=======$/d;/^>>>>>>> /d;"
                "s/kw.update(summary=summary or 1)/kw.update(title=summary or 1)/");
}

static void a_conflict_resolved_by_hand_becomes_the_script(void **state)
{
        World *w = *state;
        _cleanup_free_ char *script = NULL;

        conflict(w);
        resolve(w);
        fleet__script_result__free_unpacked(done(w), NULL);
        script = text_at(&w->f, SCRIPT);
        assert_non_null(strstr(script, "kw.update(title=summary or 1)"));
        assert_false(there(&w->f, MERGE));
        assert_false(there(&w->f, DIRECTORY ".restore2preview.merge.base.py"));
}

static void a_resolved_conflict_counts_for_the_next_dump_too(void **state)
{
        World *w = *state;
        _cleanup_free_ char *script = NULL;

        conflict(w);
        resolve(w);
        edit(w, DIRECTORY "restore.py", "s/# 1 row/# 9 rows/");
        fleet__script_result__free_unpacked(done(w), NULL);
        script = text_at(&w->f, SCRIPT);
        assert_non_null(strstr(script, "kw.update(title=summary or 1)"));
        assert_non_null(strstr(script, "# 9 rows"));
}

static void work_on_a_conflict_is_not_lost_to_the_next_dump(void **state)
{
        World *w = *state;
        _cleanup_free_ char *old = NULL;

        conflict(w);
        edit(w, MERGE, "s/^<<<<<<< .*/# half done\\n&/");
        edit(w, DIRECTORY "restore.py", "s/# 1 row/# 9 rows/");
        refused(w, "script-conflict");
        old = text_at(&w->f, DIRECTORY "restore2preview.merge.old.py");
        assert_non_null(strstr(old, "# half done"));
}

static void a_kill_between_script_and_base_changes_nothing(void **state)
{
        World *w = *state;
        _cleanup_free_ char *before = NULL;

        refused(w, "script-mismatch");
        edit_as_an_operator_would(w);
        edit(w, DIRECTORY "restore.py",
                "s/# 1 row/# 7 rows/;s/loader.initialize()/loader.initialize(7)/");
        fleet__script_result__free_unpacked(done(w), NULL);
        before = text_at(&w->f, SCRIPT);
        write_at(&w->f, DIRECTORY ".restore2preview.base.py", restore); // as it was
        fleet__script_result__free_unpacked(done(w), NULL);
        assert_text_at(&w->f, SCRIPT, before);
}

static void a_script_of_before_is_adopted_without_its_base(void **state)
{
        World *w = *state;

        write_at(&w->f, SCRIPT, restore);
        edit_as_an_operator_would(w);
        fleet__script_result__free_unpacked(done(w), NULL);
        assert_text_at(&w->f, DIRECTORY ".restore2preview.base.py", restore);
        assert_int_equal(step_fixture_said(&w->f, "It is not known which restore.py"), 1);
}

static void a_script_that_is_no_python_is_told_with_its_line(void **state)
{
        World *w = *state;

        refused(w, "script-mismatch");
        edit(w, SCRIPT, "s/    kw.update(id=id)/    kw update/");
        refused(w, "script-mismatch");
        assert_non_null(strstr(w->error.why, "restore2preview.py:10: not valid Python"));
        write_at(&w->f, SCRIPT, "def other(:\n");
        refused(w, "script-broken");
        assert_text_at(&w->f, SCRIPT, "def other(:\n");
}

static void without_a_dump_there_is_nothing_to_restore(void **state)
{
        World *w = *state;

        shell("rm '%s/" DIRECTORY "restore.py'", w->f.root);
        refused(w, "no-dump");
}

static void a_link_in_the_place_of_a_file_is_not_followed(void **state)
{
        World *w = *state;

        shell("ln -s /etc/passwd '%s/" SCRIPT "'", w->f.root);
        refused(w, "script");
        assert_text_at(&w->f, SCRIPT, "/etc/passwd");
}

static void a_name_that_is_not_defined_is_told(void **state)
{
        World *w = *state;

        refused(w, "script-mismatch");
        edit_as_an_operator_would(w);
        edit(w, SCRIPT, "s/kw.update(name=name)/kw.update(name=nmae)/");
        refused(w, "script-mismatch");
        assert_non_null(strstr(w->error.why, "the name 'nmae' is not defined"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(all_mismatches_are_told_at_once_and_an_edit_solves_them),
                TEST(a_script_that_is_missing_is_a_copy),
                TEST(edits_are_kept_when_the_dump_changes),
                TEST(a_conflict_leaves_the_script_and_shows_itself),
                TEST(a_conflict_resolved_by_hand_becomes_the_script),
                TEST(a_resolved_conflict_counts_for_the_next_dump_too),
                TEST(work_on_a_conflict_is_not_lost_to_the_next_dump),
                TEST(a_kill_between_script_and_base_changes_nothing),
                TEST(a_script_of_before_is_adopted_without_its_base),
                TEST(a_script_that_is_no_python_is_told_with_its_line),
                TEST(without_a_dump_there_is_nothing_to_restore),
                TEST(a_link_in_the_place_of_a_file_is_not_followed),
                TEST(a_name_that_is_not_defined_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
