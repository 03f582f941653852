#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "steps/script_merge.h"
#include "steps/script_units.h"

// ---------------------------------------------------------------- a restore.py as dump2py writes
// it

#define TABLES 12

typedef struct Dump {
        unsigned order[TABLES]; // of functions and execfile lines
        unsigned count;
        unsigned parts[TABLES]; // files of each table
        unsigned rows;          // in a comment, as dump2py's circular dependencies
} Dump;

static void write_function(FILE *out, unsigned table)
{
        fprintf(out,
                "def create_app_t%u(id, name, remark):\n"
                "#    if name: name = settings.SITE.models.app.Names.get_by_value(name)\n"
                "    kw = dict()\n"
                "    kw.update(id=id)\n"
                "    kw.update(name=name)\n"
                "    kw.update(remark=remark)\n"
                "    return app_T%u(**kw)\n\n",
                table, table);
}

static void write_main(FILE *out, const Dump *dump)
{
        fputs("\ndef main(args):\n    loader = DpyLoader(globals(), quick=args.quick)\n"
              "    args = (globals(), locals())\n\n",
                out);
        for (unsigned i = 0; i < dump->count; i++) {
                unsigned table = dump->order[i];

                if (dump->parts[table] < 2)
                        fprintf(out, "    execfile(\"app_t%u.py\", *args)\n", table);
                for (unsigned part = 1; dump->parts[table] >= 2 && part <= dump->parts[table];
                        part++)
                        fprintf(out, "    execfile(\"app_t%u_%u.py\", *args)\n", table, part);
        }
        fputs("    loader.finalize()\n    logger.info(\"Loaded %d objects\")\n"
              "\nif __name__ == '__main__':\n    args = parser.parse_args()\n    main(args)\n",
                out);
}

static char *restore_py(const Dump *dump)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        fprintf(out, "#!/usr/bin/env python\n# -*- coding: UTF-8 -*-\n\n"
                     "# This is a Python dump created using dump2py.\n\n"
                     "from lino import logger\nSOURCE_VERSION = '25.12.1'\n\nimport os\n\n"
                     "if settings.USE_TZ:\n    def dt(*args):\n        return 1\nelse:\n"
                     "    def dt(*args):\n        return 2\n\n"
                     "def bv2kw(fieldname, values):\n    \"\"\"\n    Needed\n    \"\"\"\n    "
                     "return 3\n\n");
        for (unsigned i = 0; i < TABLES; i++)
                for (unsigned j = 0; j < dump->count; j++)
                        if (dump->order[j] == i)
                                fprintf(out, "app_T%u = resolve_model(\"app.T%u\")\n", i, i);
        fprintf(out,
                "\n\n# There are models with circular dependencies :\n# - app.T%u (%u rows)\n\n",
                dump->order[0], dump->rows);
        for (unsigned i = 0; i < dump->count; i++)
                write_function(out, dump->order[i]);
        write_main(out, dump);
        fclose(out);
        return text;
}

static Dump dump_of(unsigned count)
{
        Dump dump = {.count = count, .rows = count};

        for (unsigned i = 0; i < TABLES; i++)
                dump.order[i] = i;
        return dump;
}

static void shuffle(Dump *dump)
{
        for (unsigned i = dump->count; i > 1; i--) {
                unsigned j = (unsigned)rand() % i, swap = dump->order[j];

                dump->order[j] = dump->order[i - 1];
                dump->order[i - 1] = swap;
        }
        dump->rows = (unsigned)rand() % 1000;
}

// `text` with its first `from` replaced; `from` must be there.
static char *edit(const char *text, const char *from, const char *to)
{
        const char *at = strstr(text, from);

        if (!at)
                fail_msg("no '%s' in the script", from);
        return text_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static unsigned occurrences(const char *text, const char *part)
{
        unsigned count = 0;

        for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
                count++;
        return count;
}

static void assert_once(const char *text, const char *part)
{
        if (occurrences(text, part) != 1)
                fail_msg("'%s' is there %u times in:\n%s", part, occurrences(text, part), text);
}

static char *merged(const char *base, const char *ours, const char *theirs)
{
        ScriptMerge merge _cleanup_merge_ = {0};

        script_merge(base, ours, theirs, &merge);
        if (merge.conflicts)
                fail_msg("conflict:\n%s", merge.text);
        return TAKE_PTR(merge.text);
}

// ---------------------------------------------------------------- units

static void units_put_together_give_the_script_again(void **state)
{
        Dump dump = dump_of(5);
        _cleanup_free_ char *text = restore_py(&dump), *again = NULL;

        (void)state;
        again = merged(text, text, text);
        assert_string_equal(again, text);
}

static void a_unit_is_known_by_its_name(void **state)
{
        ScriptUnits units _cleanup_units_ = {0};

        (void)state;
        script_units_parse("import os\n\n# about f\ndef f(a,\n      b):\n\n    return 1\n\n"
                           "@wrapped\ndef g(): pass\nX = [\n1,\n]\ns = \"\"\"\ndef no():\n\"\"\"\n"
                           "class C(object):\n    pass\n",
                &units);
        assert_int_equal(units.count, 6);
        assert_string_equal(units.units[0].key, "import os");
        assert_string_equal(units.units[1].key, "def f");
        assert_string_equal(
                units.units[1].text, "# about f\ndef f(a,\n      b):\n\n    return 1\n");
        assert_string_equal(units.units[2].key, "def g");
        assert_string_equal(units.units[3].text, "X = [\n1,\n]\n");
        assert_string_equal(units.units[4].text, "s = \"\"\"\ndef no():\n\"\"\"\n");
        assert_string_equal(units.units[5].key, "class C");
}

static void text_that_is_no_python_is_taken_apart_without_loss(void **state)
{
        static const char *const texts[] = {"", "\n\n", "(((", "'''", "def", "  x\n", "\\", "#",
                "@", "a = 'b\n\"\"\"", ")]}", "def main\n"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                ScriptUnits units _cleanup_units_ = {0};
                ScriptMerge merge _cleanup_merge_ = {0};

                script_units_parse(texts[i], &units);
                script_merge(texts[i], texts[i], texts[i], &merge);
                assert_int_equal(merge.conflicts, 0);
                script_merge_clear(&merge);
                script_merge("a\n", texts[i], "b\n", &merge);
        }
}

// ---------------------------------------------------------------- merging

static void functions_and_lines_that_only_moved_change_nothing(void **state)
{
        Dump dump = dump_of(TABLES);
        _cleanup_free_ char *base = restore_py(&dump), *theirs = NULL, *result = NULL;

        (void)state;
        shuffle(&dump);
        theirs = restore_py(&dump);
        result = merged(base, base, theirs);
        assert_string_equal(result, theirs);
}

static void an_edited_function_keeps_its_edit_where_it_moves(void **state)
{
        Dump dump = dump_of(6);
        _cleanup_free_ char *base = restore_py(&dump), *theirs = NULL, *ours = NULL, *result = NULL;
        _cleanup_free_ char *expected = NULL;

        (void)state;
        ours = edit(
                base, "    return app_T3(**kw)", "    kw.update(extra=1)\n    return app_T3(**kw)");
        shuffle(&dump);
        theirs = restore_py(&dump);
        expected = edit(theirs, "    return app_T3(**kw)",
                "    kw.update(extra=1)\n    return app_T3(**kw)");
        result = merged(base, ours, theirs);
        assert_string_equal(result, expected);
}

static void a_line_commented_out_stays_so_in_all_its_parts(void **state)
{
        Dump dump = dump_of(4);
        _cleanup_free_ char *base = restore_py(&dump), *ours = NULL, *theirs = NULL, *back = NULL;
        _cleanup_free_ char *result = NULL, *again = NULL;

        (void)state;
        ours = edit(base, "    execfile(\"app_t2.py\"", "    # execfile(\"app_t2.py\"");
        dump.parts[2] = 3;
        dump.parts[1] = 2;
        theirs = restore_py(&dump);
        result = merged(base, ours, theirs);
        assert_once(result, "    # execfile(\"app_t2_1.py\", *args)\n");
        assert_once(result, "    # execfile(\"app_t2_2.py\", *args)\n");
        assert_once(result, "    # execfile(\"app_t2_3.py\", *args)\n");
        assert_once(result, "    execfile(\"app_t1_2.py\", *args)\n");
        assert_null(strstr(result, "app_t2.py"));
        assert_null(strstr(result, "app_t1.py"));
        dump.parts[2] = 1;
        back = restore_py(&dump);
        again = merged(theirs, result, back);
        assert_once(again, "    # execfile(\"app_t2.py\", *args)\n");
        assert_null(strstr(again, "app_t2_"));
}

static void a_table_whose_name_ends_in_a_number_is_no_part(void **state)
{
        static const char base[] =
                "def create_x(a): pass\n\ndef create_x_1(a): pass\n\ndef main(args):\n"
                "    go()\n    execfile(\"x.py\", *args)\n"
                "    execfile(\"x_1.py\", *args)\n    done()\n";
        _cleanup_free_ char *ours =
                edit(base, "    execfile(\"x_1.py\"", "    #execfile(\"x_1.py\"");
        _cleanup_free_ char *theirs =
                edit(base, "    execfile(\"x.py\", *args)\n    execfile(\"x_1.py\", *args)\n",
                        "    execfile(\"x_1.py\", *args)\n    execfile(\"x.py\", *args)\n");
        _cleanup_free_ char *result = merged(base, ours, theirs);

        (void)state;
        assert_once(result, "    execfile(\"x.py\", *args)\n");
        assert_once(result, "    #execfile(\"x_1.py\", *args)\n");
}

static void a_new_table_is_taken_over(void **state)
{
        Dump small = dump_of(4), large = dump_of(6);
        _cleanup_free_ char *base = restore_py(&small), *theirs = restore_py(&large);
        _cleanup_free_ char *ours = edit(base,
                "    kw.update(name=name)\n    kw.update(remark=remark)\n"
                "    return app_T1",
                "    kw.update(title=name)\n    return app_T1");
        _cleanup_free_ char *result = merged(base, ours, theirs);

        (void)state;
        assert_once(result, "app_T5 = resolve_model(\"app.T5\")\n");
        assert_once(result, "def create_app_t5(");
        assert_once(result, "    execfile(\"app_t5.py\", *args)\n");
        assert_once(result, "kw.update(title=name)");
}

static void a_table_that_is_gone_goes_unless_it_was_edited(void **state)
{
        Dump large = dump_of(6), small = dump_of(4);
        _cleanup_free_ char *base = restore_py(&large), *theirs = restore_py(&small);
        _cleanup_free_ char *ours =
                edit(base, "    return app_T5(**kw)", "    return app_T5(by_hand=1, **kw)");
        _cleanup_free_ char *result = merged(base, ours, theirs);

        (void)state;
        assert_null(strstr(result, "create_app_t4"));
        assert_null(strstr(result, "execfile(\"app_t5.py\""));
        assert_once(result, "app_T5(by_hand=1, **kw)");
}

static void what_was_made_by_hand_stays_after_what_it_follows(void **state)
{
        Dump dump = dump_of(6);
        _cleanup_free_ char *base = restore_py(&dump), *theirs = NULL, *result = NULL;
        _cleanup_free_ char *one = edit(base, "import os\n", "import os\nimport mine\n");
        _cleanup_free_ char *two = edit(
                one, "def create_app_t0(", "def helper():\n    return 7\n\ndef create_app_t0(");
        _cleanup_free_ char *ours = edit(two, "    execfile(\"app_t3.py\", *args)\n",
                "    execfile(\"app_t3.py\", *args)\n    if args.quick:\n        pass\n    "
                "mine.fix()\n");

        (void)state;
        shuffle(&dump);
        theirs = restore_py(&dump);
        result = merged(base, ours, theirs);
        assert_once(result, "import os\nimport mine\n");
        assert_once(result, "def helper():\n    return 7\n");
        assert_once(result, "    execfile(\"app_t3.py\", *args)\n    if args.quick:\n        "
                            "pass\n    mine.fix()\n");
}

static void lines_within_a_statement_made_by_hand_stay_in_it(void **state)
{
        Dump dump = dump_of(5);
        _cleanup_free_ char *base = restore_py(&dump), *theirs = NULL, *result = NULL;
        _cleanup_free_ char *ours = edit(base, "    execfile(\"app_t2.py\", *args)\n",
                "    if not args.quick:\n        execfile(\"app_t2.py\", *args)\n");

        (void)state;
        shuffle(&dump);
        dump.parts[2] = 2;
        theirs = restore_py(&dump);
        result = merged(base, ours, theirs);
        assert_once(result, "    if not args.quick:\n        execfile(\"app_t2_1.py\", *args)\n"
                            "        execfile(\"app_t2_2.py\", *args)\n");
        assert_int_equal(occurrences(result, "execfile(\"app_t2"), 2);
}

static void what_was_removed_by_hand_stays_away(void **state)
{
        Dump dump = dump_of(5);
        _cleanup_free_ char *base = restore_py(&dump), *theirs = NULL, *result = NULL;
        _cleanup_free_ char *one = edit(base, "    execfile(\"app_t2.py\", *args)\n", "");
        _cleanup_free_ char *ours = edit(one, "app_T2 = resolve_model(\"app.T2\")\n", "");

        (void)state;
        shuffle(&dump);
        dump.parts[2] = 2;
        theirs = restore_py(&dump);
        result = merged(base, ours, theirs);
        assert_null(strstr(result, "execfile(\"app_t2"));
        assert_null(strstr(result, "app_T2 ="));
}

static void both_sides_of_one_function_are_merged_line_by_line(void **state)
{
        Dump dump = dump_of(3);
        ScriptMerge merge _cleanup_merge_ = {0};
        _cleanup_free_ char *base = restore_py(&dump);
        _cleanup_free_ char *ours =
                edit(base, "    return app_T1(**kw)", "    return app_T1(x=1, **kw)");
        _cleanup_free_ char *theirs = edit(base, "def create_app_t1(id, name, remark):",
                "def create_app_t1(id, name, remark, more):");

        (void)state;
        script_merge(base, ours, theirs, &merge);
        assert_int_equal(merge.conflicts, 0);
        assert_int_equal(merge.merged, 1);
        assert_once(merge.text, "def create_app_t1(id, name, remark, more):");
        assert_once(merge.text, "return app_T1(x=1, **kw)");
}

static void a_contradiction_is_shown_with_markers(void **state)
{
        Dump dump = dump_of(3);
        ScriptMerge merge _cleanup_merge_ = {0};
        _cleanup_free_ char *base = restore_py(&dump);
        _cleanup_free_ char *ours =
                edit(base, "def create_app_t1(id, name, remark):", "def create_app_t1(id, name):");
        _cleanup_free_ char *theirs = edit(base, "def create_app_t1(id, name, remark):",
                "def create_app_t1(id, name, remark, more):");

        (void)state;
        script_merge(base, ours, theirs, &merge);
        assert_int_equal(merge.conflicts, 1);
        assert_true(script_marker_line(merge.text) > 0);
        assert_once(merge.text, "<<<<<<< restore2preview.py");
        assert_int_equal(script_marker_line(base), 0);
}

static void without_a_base_nothing_is_lost(void **state)
{
        Dump small = dump_of(4), large = dump_of(6);
        _cleanup_free_ char *old = restore_py(&small), *theirs = NULL, *result = NULL;
        _cleanup_free_ char *one =
                edit(old, "    execfile(\"app_t2.py\"", "    # execfile(\"app_t2.py\"");
        _cleanup_free_ char *ours =
                edit(one, "    return app_T1(**kw)", "    return app_T1(x=1, **kw)");

        (void)state;
        shuffle(&large);
        theirs = restore_py(&large);
        result = merged(NULL, ours, theirs);
        assert_once(result, "    # execfile(\"app_t2.py\", *args)\n");
        assert_once(result, "    execfile(\"app_t5.py\", *args)\n");
        assert_once(result, "return app_T1(x=1, **kw)");
        assert_once(result, "def create_app_t5(");
}

// ---------------------------------------------------------------- many merges

typedef struct Edit {
        const char *from, *to;
} Edit;

// Each is about tables of its own, so that any of them go together.
static const Edit edits[] = {
        {"    execfile(\"app_t0.py\", *args)\n", "    # execfile(\"app_t0.py\", *args)\n"},
        {"    return app_T1(**kw)\n", "    kw.pop('remark')\n    return app_T1(**kw)\n"},
        {"def create_app_t2(", "# by hand\ndef helper_two(x):\n    return x\n\ndef create_app_t2("},
        {"    execfile(\"app_t3.py\", *args)\n", ""},
        {"    execfile(\"app_t4.py\", *args)\n",
                "    execfile(\"app_t4.py\", *args)\n    fix_four()\n"},
        {"import os\n", "import os\nimport mine\n"},
        {"    execfile(\"app_t5.py\", *args)\n",
                "    # because of five\n    execfile(\"app_t5.py\", *args)  # five\n"},
        {"    loader.finalize()\n", "    loader.finalize()\n    after()\n"},
};

static const Edit expected_in_parts[] = {
        {"    # execfile(\"app_t0", NULL},
        {"    kw.pop('remark')\n    return app_T1(**kw)\n", NULL},
        {"def helper_two(x):\n    return x\n", NULL},
        {NULL, "    execfile(\"app_t3"},
        {"    fix_four()\n", NULL},
        {"import os\nimport mine\n", NULL},
        {"*args)  # five\n", NULL},
        {"    loader.finalize()\n    after()\n", NULL},
};

static void check_edits(const char *text, unsigned applied)
{
        for (size_t i = 0; i < ELEMENTS(edits); i++) {
                const Edit *expected = &expected_in_parts[i];

                if (!(applied & 1U << i))
                        continue;
                if (expected->from && !strstr(text, expected->from))
                        fail_msg("edit %zu is lost:\n%s", i, text);
                if (expected->to && strstr(text, expected->to))
                        fail_msg("edit %zu is undone:\n%s", i, text);
        }
}

// Every file of the dump is loaded once, or is commented out or removed by hand.
static void check_files(const char *text, const Dump *dump, unsigned applied)
{
        for (unsigned i = 0; i < dump->count; i++) {
                unsigned table = dump->order[i];

                for (unsigned part = dump->parts[table] < 2 ? 0 : 1; part <= dump->parts[table];
                        part++) {
                        _cleanup_free_ char *file =
                                part ? text_format("execfile(\"app_t%u_%u.py\"", table, part)
                                     : text_format("execfile(\"app_t%u.py\"", table);
                        unsigned expected = table == 3 && applied & 1U << 3 ? 0 : 1;

                        if (occurrences(text, file) != expected)
                                fail_msg("%s is there %u times:\n%s", file, occurrences(text, file),
                                        text);
                        if (!part)
                                break;
                }
        }
}

static void change_dump(Dump *dump)
{
        shuffle(dump);
        for (unsigned i = 0; i < TABLES; i++)
                if (rand() % 4 == 0)
                        dump->parts[i] = (unsigned)rand() % 4;
}

static void edits_survive_many_merges(void **state)
{
        (void)state;
        srand(20260923);
        for (int series = 0; series < 150; series++) {
                Dump dump = dump_of(8 + (unsigned)rand() % (TABLES - 8));
                char *base = restore_py(&dump), *ours = text_copy(base);
                unsigned applied = 0;

                for (int night = 0; night < 12; night++) {
                        unsigned choice = (unsigned)rand() % ELEMENTS(edits);
                        _cleanup_free_ char *again = NULL;
                        char *theirs, *result;

                        if (!(applied & 1U << choice) && strstr(ours, edits[choice].from)) {
                                char *edited = edit(ours, edits[choice].from, edits[choice].to);

                                free(ours);
                                ours = edited;
                                applied |= 1U << choice;
                        }
                        if (dump.count < TABLES && rand() % 3 == 0)
                                dump.count++; // a new table, number `count` of the order
                        change_dump(&dump);
                        theirs = restore_py(&dump);
                        result = merged(base, ours, theirs);
                        check_edits(result, applied);
                        check_files(result, &dump, applied);
                        again = merged(base, result, theirs); // killed before the base was written
                        assert_string_equal(again, result);
                        free(base);
                        free(ours);
                        base = theirs;
                        ours = result;
                }
                free(base);
                free(ours);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(units_put_together_give_the_script_again),
                cmocka_unit_test(a_unit_is_known_by_its_name),
                cmocka_unit_test(text_that_is_no_python_is_taken_apart_without_loss),
                cmocka_unit_test(functions_and_lines_that_only_moved_change_nothing),
                cmocka_unit_test(an_edited_function_keeps_its_edit_where_it_moves),
                cmocka_unit_test(a_line_commented_out_stays_so_in_all_its_parts),
                cmocka_unit_test(a_table_whose_name_ends_in_a_number_is_no_part),
                cmocka_unit_test(a_new_table_is_taken_over),
                cmocka_unit_test(a_table_that_is_gone_goes_unless_it_was_edited),
                cmocka_unit_test(what_was_made_by_hand_stays_after_what_it_follows),
                cmocka_unit_test(lines_within_a_statement_made_by_hand_stay_in_it),
                cmocka_unit_test(what_was_removed_by_hand_stays_away),
                cmocka_unit_test(both_sides_of_one_function_are_merged_line_by_line),
                cmocka_unit_test(a_contradiction_is_shown_with_markers),
                cmocka_unit_test(without_a_base_nothing_is_lost),
                cmocka_unit_test(edits_survive_many_merges),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
