// The steps that prepare, fill and remove a preview, on a real Lino site: from 25.12 to 26.9.
//
// UNDERSTUDY_TEST_VENVS names a directory with virtual environments `old` and `new`; without it the
// test is skipped. deploy/lino-site makes the site (see there for its cache). About a minute.
#include "run.h"

#include "site/probe.h"
#include "test.h"

#define ENVIRONMENTS "UNDERSTUDY_TEST_VENVS"

extern const StepOps step_space_ops, step_clone_ops, step_log_ops, step_rewrite_ops, step_dump_ops,
        step_script_ops, step_mirror_ops, step_switch_ops, step_purge_ops;

typedef struct World {
        StepFixture f;
        Fleet__Site anna, berta;
        Fleet__ProbeResult *production, *preview;
        Fleet__Guard guard;
        Fleet__Identity *others[1];
        char *log_directory;
} World;

static Fleet__ProbeResult *ask(World *w, const Fleet__Site *wanted)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__ProbeResult *result =
                (Fleet__ProbeResult *)message_new(&fleet__probe_result__descriptor);

        assert_int_equal(site_open(&w->f.policy, wanted, &site, &error), 0);
        if (site_probe(w->f.context, &site, result, &error) < 0)
                fail_msg("%s", error.why);
        return result;
}

static void open_world(World *w)
{
        step_fixture_open(&w->f, "clone");
        free(w->f.root);
        w->f.root = text_format("%s/lino_local", w->f.directory);
        text_list_add(&w->f.policy.roots, w->f.root);
        shell("'%s/deploy/lino-site' make --version old --media 5 '%s' anna > '%s/lino-site.log' "
              "2>&1",
                SOURCE_DIR, w->f.root, w->f.directory);
        w->anna = fake_site(&w->f, "anna");
        w->berta = fake_site(&w->f, "berta");
        w->production = ask(w, &w->anna);
}

static void prepare(World *w)
{
        Fleet__SpaceArguments space = FLEET__SPACE_ARGUMENTS__INIT;
        Fleet__CloneArguments clone = FLEET__CLONE_ARGUMENTS__INIT;
        Fleet__LogArguments log = FLEET__LOG_ARGUMENTS__INIT;
        Fleet__RewriteArguments rewrite = FLEET__REWRITE_ARGUMENTS__INIT;
        Fleet__RewriteResult *rewritten;
        Fleet__LogResult *logged;

        space.production = clone.production = log.production = rewrite.production = &w->anna;
        space.preview = clone.preview = log.preview = rewrite.preview = &w->berta;
        space.production_probe = clone.production_probe = rewrite.production_probe = w->production;
        step_done_unseen(&w->f, &step_space_ops, "space", &space.base);
        step_done_unseen(&w->f, &step_clone_ops, "clone", &clone.base);
        logged = (Fleet__LogResult *)step_done(&w->f, &step_log_ops, "log", &log.base);
        w->log_directory = text_copy(logged->directory);
        fleet__log_result__free_unpacked(logged, NULL);
        rewritten = (Fleet__RewriteResult *)step_done(
                &w->f, &step_rewrite_ops, "rewrite", &rewrite.base);
        for (size_t i = 0; i < rewritten->n_remaining; i++)
                print_message("left: %s:%u: %s\n", rewritten->remaining[i]->path,
                        rewritten->remaining[i]->line, rewritten->remaining[i]->text);
        assert_int_equal(rewritten->n_remaining, 0);
        fleet__rewrite_result__free_unpacked(rewritten, NULL);
        shell("cd '%s/berta' && ln -s \"$" ENVIRONMENTS "/new\" env", w->f.root);
}

// The clone is a site of its own, in all that the interlock compares.
static void compare_identities(World *w)
{
        w->preview = ask(w, &w->berta);
        assert_non_null(strstr(w->preview->identity->project_dir, "/berta"));
        assert_string_equal(w->preview->identity->settings_module, "lino_local.berta.settings");
        assert_non_null(strstr(w->preview->identity->database->name, "/berta/berta"));
        assert_non_null(strstr(w->preview->identity->media_root, "/berta/media"));
        fleet__guard__init(&w->guard);
        w->guard.target = &w->berta;
        w->guard.registered = w->preview->identity;
        w->others[0] = w->production->identity;
        w->guard.others = w->others;
        w->guard.n_others = 1;
}

static void dump(World *w)
{
        Fleet__DumpArguments arguments = FLEET__DUMP_ARGUMENTS__INIT;

        arguments.production = &w->anna;
        arguments.directory = "snapshot2preview";
        step_done_unseen(&w->f, &step_dump_ops, "dump", &arguments.base);
}

// All that the upgrade's edits repair in functions is told at once, and nothing after them.
static void write_script(World *w)
{
        static const char *const told[] = {"'attach_to_email'", "'email_template'",
                "'newsletter_list_id'", "lists.ListType is gone", "'designation'", "'list_type_id'",
                "'remarks'", "create_lists_member", "users.Authority is gone",
                "tinymce.TextFieldTemplate is gone", "'summary'", "'description'"};
        Fleet__ScriptArguments arguments = FLEET__SCRIPT_ARGUMENTS__INIT;
        Error error _cleanup_error_ = ERROR_EMPTY;

        arguments.production = &w->anna;
        arguments.preview = &w->berta;
        arguments.directory = "snapshot2preview";
        step_refused(&w->f, &step_script_ops, "script", &arguments.base, "script-mismatch", &error);
        for (size_t i = 0; i < ELEMENTS(told); i++)
                if (!strstr(error.why, told[i]))
                        fail_msg("%s is not told:\n%s", told[i], error.why);
        shell("cd '%s/anna/snapshot2preview' && sed -i -f '%s/deploy/lino/upgrade.sed' "
              "restore2preview.py && cp restore2preview.py ../../edited.py",
                w->f.root, SOURCE_DIR);
        step_done_unseen(&w->f, &step_script_ops, "script", &arguments.base);
        shell("cd '%s' && cmp edited.py anna/snapshot2preview/restore2preview.py", w->f.root);
        // Other row counts move functions and lines: the edits stay, and nothing else is different.
        fake_sql(w->production->identity->database->name,
                "DELETE FROM notify_message; DELETE FROM comments_reaction; "
                "DELETE FROM nicknames_naming");
        dump(w);
        step_done_unseen(&w->f, &step_script_ops, "script", &arguments.base);
        shell("cd '%s' && ! cmp -s anna/snapshot2preview/.restore2preview.base.py edited.py && "
              "sed -f '%s/deploy/lino/upgrade.sed' anna/snapshot2preview/restore.py | "
              "cmp - anna/snapshot2preview/restore2preview.py",
                w->f.root, SOURCE_DIR);
}

static void mirror_and_purge(World *w)
{
        static char *const directories[] = {"media", "snapshot2preview"};
        Fleet__MirrorArguments mirror = FLEET__MIRROR_ARGUMENTS__INIT;
        Fleet__PurgeArguments purge = FLEET__PURGE_ARGUMENTS__INIT;

        mirror.production = &w->anna;
        mirror.preview = &w->berta;
        mirror.guard = purge.guard = &w->guard;
        mirror.directories = (char **)directories;
        mirror.n_directories = ELEMENTS(directories);
        step_done_unseen(&w->f, &step_mirror_ops, "mirror", &mirror.base);
        shell("cd '%s' && diff -r anna/snapshot2preview berta/snapshot2preview && "
              "diff -r --no-dereference anna/media/uploads berta/media/uploads && "
              "test \"$(readlink berta/media/volumes/inbox)\" = \"$PWD/berta/tmp\"",
                w->f.root);
        purge.site = &w->berta;
        purge.log_directory = w->log_directory;
        step_done_unseen(&w->f, &step_purge_ops, "purge", &purge.base);
        assert_false(there(&w->f, "berta"));
        shell("test -e \"$" ENVIRONMENTS "/new/bin/python\" && test ! -e '%s'", w->log_directory);
}

static void a_preview_is_prepared_filled_and_removed(void **state)
{
        World w = {0};

        (void)state;
        if (!getenv(ENVIRONMENTS))
                skip_because(ENVIRONMENTS " is not set");
        open_world(&w);
        prepare(&w);
        compare_identities(&w);
        dump(&w);
        write_script(&w);
        mirror_and_purge(&w);
        fleet__probe_result__free_unpacked(w.production, NULL);
        fleet__probe_result__free_unpacked(w.preview, NULL);
        free(w.log_directory);
        step_fixture_close(&w.f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_preview_is_prepared_filled_and_removed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
