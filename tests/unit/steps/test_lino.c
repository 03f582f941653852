// The steps from dump to settle on real Lino sites: 25.12 to 26.9, and 25.12 to itself.
//
// UNDERSTUDY_TEST_VENVS names a directory with virtual environments `old` and `new`; without it
// these tests are skipped. deploy/lino-site makes the sites (see there for its cache). About a
// minute.
#include "rehearsal.h"
#include "test.h"

#define ENVIRONMENTS "UNDERSTUDY_TEST_VENVS"

static void make_site(const StepFixture *f, const char *name, const char *version)
{
        shell("'%s/deploy/lino-site' make --version %s --media 3 '%s' %s > '%s/lino-site.log' 2>&1",
                SOURCE_DIR, version, f->root, name, f->directory);
        shell("cd '%s/%s' && rm -rf env && ln -s \"$%s/%s\" env && "
              "echo \"STATIC_ROOT = 'static_root'\" >> settings.py",
                f->root, name, ENVIRONMENTS, version);
}

static int open_sites(void **state)
{
        Rehearsal *r = memory_new(sizeof(*r));

        *state = r;
        if (!getenv(ENVIRONMENTS))
                return 0;
        step_fixture_open(&r->f, "restore");
        free(r->f.root);
        r->f.root = text_format("%s/lino_local", r->f.directory);
        text_list_add(&r->f.policy.roots, r->f.root);
        make_site(&r->f, "anna", "old");
        r->production = fake_site(&r->f, "anna");
        r->preview = fake_site(&r->f, "berta");
        fleet__guard__init(&r->guard);
        r->guard.target = &r->preview;
        r->others[0] = rehearsal_identity(r, &r->production);
        r->guard.others = r->others;
        r->guard.n_others = 1;
        return 0;
}

static int close_sites(void **state)
{
        Rehearsal *r = *state;

        if (getenv(ENVIRONMENTS))
                return rehearsal_close(state);
        free(r);
        return 0;
}

// The maintained script, for the preview's version; and what mirror does.
static void maintain(const Rehearsal *r, const char *edits)
{
        shell("cd '%s/anna/snapshot2preview' && sed -f '%s' restore.py > restore2preview.py && "
              "rm -rf ../../berta/snapshot2preview && cp -a . ../../berta/snapshot2preview",
                r->f.root, edits);
}

static int keep_books(Rehearsal *r, Fleet__DumpResult *dump, Fleet__RestoreResult *restore,
        const char *const *allowed, Fleet__LedgerResult *result)
{
        Fleet__LedgerArguments arguments = FLEET__LEDGER_ARGUMENTS__INIT;
        Fleet__Allowance allowances[8], *list[8];

        arguments.production = &r->production;
        arguments.preview = &r->preview;
        arguments.dump = dump;
        arguments.restore = restore;
        arguments.allowed = list;
        for (; *allowed; allowed++) {
                Fleet__Allowance *allowance = &allowances[arguments.n_allowed];

                fleet__allowance__init(allowance);
                allowance->table = (char *)*allowed;
                allowance->why = "the new version";
                allowance->who = "test";
                list[arguments.n_allowed++] = allowance;
        }
        return rehearsal_run(r, "ledger", &arguments.base, &result->base);
}

static Fleet__RestoreResult *restore(Rehearsal *r, Fleet__DumpResult *dump)
{
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);
        ProtobufCMessage *result = message_new(&fleet__restore_result__descriptor);

        rehearsal_done(r, "restore", &arguments.base, result);
        return (Fleet__RestoreResult *)result;
}

static void verify_and_settle(Rehearsal *r, Fleet__DumpResult *dump, Fleet__LedgerResult *ledger)
{
        Fleet__VerifyArguments verify = FLEET__VERIFY_ARGUMENTS__INIT;
        Fleet__SettleArguments settle = FLEET__SETTLE_ARGUMENTS__INIT;
        Fleet__StaticArguments files = FLEET__STATIC_ARGUMENTS__INIT;
        _cleanup_message_ ProtobufCMessage *verified =
                message_new(&fleet__verify_result__descriptor);
        _cleanup_message_ ProtobufCMessage *settled =
                message_new(&fleet__settle_result__descriptor);
        _cleanup_message_ ProtobufCMessage *collected =
                message_new(&fleet__static_result__descriptor);

        files.preview = verify.preview = settle.preview = &r->preview;
        verify.guard = settle.guard = &r->guard;
        verify.ledger = ledger;
        verify.dump = dump;
        rehearsal_done(r, "static", &files.base, collected);
        assert_true(((Fleet__StaticResult *)collected)->copied > 100);
        rehearsal_done(r, "verify", &verify.base, verified);
        assert_int_equal(((Fleet__VerifyResult *)verified)->rows, ledger->found);
        rehearsal_done(r, "settle", &settle.base, settled);
}

static void an_upgrade_loses_nothing_but_what_is_allowed_by_name(void **state)
{
        static const char *const nothing[] = {NULL};
        static const char *const allowed[] = {"lists_listtype", "lists_member", "memo_mention",
                "notify_message", "tinymce_textfieldtemplate", NULL};
        Rehearsal *r = *state;
        static const char edits[] = SOURCE_DIR "/deploy/lino/upgrade.sed";
        _cleanup_free_ char *before = NULL, *after = NULL;
        Fleet__LedgerResult *ledger;

        if (!getenv(ENVIRONMENTS))
                skip_because(ENVIRONMENTS " is not set");
        make_site(&r->f, "berta", "new");
        protobuf_c_message_free_unpacked(&rehearsal_dump(r)->base, NULL);
        shell("mv '%s/anna/snapshot2preview' '%s/away'; touch -d @1 '%s/anna'", r->f.root,
                r->f.directory, r->f.root);
        before = fake_site_manifest(&r->f, "anna");
        Fleet__DumpResult *dump = rehearsal_dump(r);
        shell("cd '%s' && rm -rf away && mv lino_local/anna/snapshot2preview away && "
              "touch -d @1 lino_local/anna",
                r->f.directory);
        after = fake_site_manifest(&r->f, "anna");
        assert_string_equal(before, after); // log and caches, too
        shell("mv '%s/away' '%s/anna/snapshot2preview'", r->f.directory, r->f.root);

        maintain(r, edits);
        Fleet__RestoreResult *restored = restore(r, dump);
        assert_int_equal(restored->paths_corrected, 1);
        ledger = (Fleet__LedgerResult *)message_new(&fleet__ledger_result__descriptor);
        assert_int_equal(keep_books(r, dump, restored, nothing, ledger), -EIO);
        assert_int_equal(ledger->n_differences, 5);
        protobuf_c_message_free_unpacked(&ledger->base, NULL);
        ledger = (Fleet__LedgerResult *)message_new(&fleet__ledger_result__descriptor);
        if (keep_books(r, dump, restored, allowed, ledger) < 0)
                fail_msg("%s", r->error.why);
        rehearsal_swap(r);
        verify_and_settle(r, dump, ledger);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restored->base, NULL);
        protobuf_c_message_free_unpacked(&ledger->base, NULL);
}

static void a_restore_to_the_same_version_is_the_same_when_dumped_again(void **state)
{
        static const char *const nothing[] = {NULL};
        Rehearsal *r = *state;
        Fleet__LedgerResult *ledger;

        if (!getenv(ENVIRONMENTS))
                skip_because(ENVIRONMENTS " is not set");
        make_site(&r->f, "berta", "old");
        Fleet__DumpResult *dump = rehearsal_dump(r);
        maintain(r, "/dev/null");
        Fleet__RestoreResult *restored = restore(r, dump);
        assert_int_equal(restored->loaded, dump->objects);
        ledger = (Fleet__LedgerResult *)message_new(&fleet__ledger_result__descriptor);
        if (keep_books(r, dump, restored, nothing, ledger) < 0)
                fail_msg("%s", r->error.why);
        assert_int_equal(ledger->n_differences, 0);
        rehearsal_swap(r);
        verify_and_settle(r, dump, ledger);

        r->production.name = "berta";
        protobuf_c_message_free_unpacked(&rehearsal_dump(r)->base, NULL);
        shell("cd '%s' && for site in anna berta; do (cd $site/snapshot2preview && "
              "grep -h '^loader.save' *.py | sed \"s|$PWD|HERE|; s|lino_local/$site|HERE|\" | "
              "LC_ALL=C sort > ../../$site.rows); done; cmp anna.rows berta.rows",
                r->f.root);
        protobuf_c_message_free_unpacked(&dump->base, NULL);
        protobuf_c_message_free_unpacked(&restored->base, NULL);
        protobuf_c_message_free_unpacked(&ledger->base, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_sites, close_sites)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_upgrade_loses_nothing_but_what_is_allowed_by_name),
                TEST(a_restore_to_the_same_version_is_the_same_when_dumped_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
