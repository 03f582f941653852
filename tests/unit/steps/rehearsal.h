// Production anna and its preview berta, both fake sites, for tests of the steps between them.
#ifndef UNDERSTUDY_TESTS_REHEARSAL_H
#define UNDERSTUDY_TESTS_REHEARSAL_H

#include "../site/fake_site.h"

#include "site/probe.h"

typedef struct Rehearsal {
        StepFixture f;
        Fleet__Site production, preview;
        Fleet__Guard guard;
        Fleet__Identity *others[1];
        Error error;
} Rehearsal;

static inline Fleet__Identity *rehearsal_identity(Rehearsal *r, const Fleet__Site *site)
{
        SiteDir opened _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_message_ ProtobufCMessage *message = message_new(&fleet__probe_result__descriptor);
        Fleet__ProbeResult *result = (Fleet__ProbeResult *)message;

        assert_int_equal(site_open(&r->f.policy, site, &opened, &r->error), 0);
        assert_int_equal(site_probe(r->f.context, &opened, result, &r->error), 0);
        return TAKE_PTR(result->identity);
}

static inline int rehearsal_open(void **state)
{
        Rehearsal *r = memory_new(sizeof(*r));

        step_fixture_open(&r->f, "restore");
        fake_site_make(&r->f, "anna");
        fake_site_make(&r->f, "berta");
        r->production = fake_site(&r->f, "anna");
        r->preview = fake_site(&r->f, "berta");
        fleet__guard__init(&r->guard);
        r->guard.target = &r->preview;
        r->others[0] = rehearsal_identity(r, &r->production);
        r->guard.others = r->others;
        r->guard.n_others = 1;
        *state = r;
        return 0;
}

static inline int rehearsal_close(void **state)
{
        Rehearsal *r = *state;

        fleet__identity__free_unpacked(r->others[0], NULL);
        error_clear(&r->error);
        step_fixture_close(&r->f);
        free(r);
        return 0;
}

#define REHEARSE(name) cmocka_unit_test_setup_teardown(name, rehearsal_open, rehearsal_close)

// Runs a step and returns what it returned. `result` is a message of the step's type.
static inline int rehearsal_run(
        Rehearsal *r, const char *step, const ProtobufCMessage *arguments, ProtobufCMessage *result)
{
        return step_ops(step_info_find(step))->run(r->f.context, arguments, result, &r->error);
}

static inline int rehearsal_undo(Rehearsal *r, const char *step, const ProtobufCMessage *arguments)
{
        return step_ops(step_info_find(step))->undo(r->f.context, arguments, &r->error);
}

// Fails the test unless the step could be run.
static inline void rehearsal_done(
        Rehearsal *r, const char *step, const ProtobufCMessage *arguments, ProtobufCMessage *result)
{
        if (rehearsal_run(r, step, arguments, result) < 0)
                fail_msg("%s: %s: %s", step, r->error.what, r->error.why);
}

static inline Fleet__DumpResult *rehearsal_dump(Rehearsal *r)
{
        Fleet__DumpArguments arguments = FLEET__DUMP_ARGUMENTS__INIT;
        ProtobufCMessage *result = message_new(&fleet__dump_result__descriptor);

        arguments.production = &r->production;
        arguments.directory = "snapshot2preview";
        rehearsal_done(r, "dump", &arguments.base, result);
        return (Fleet__DumpResult *)result;
}

// What script and mirror do between a dump and a restore.
static inline void rehearsal_mirror(Rehearsal *r)
{
        shell("cd '%s' && cd anna/snapshot2preview && cp -n restore.py restore2preview.py && "
              "cd ../.. && rm -rf berta/snapshot2preview && cp -a anna/snapshot2preview berta/",
                r->f.root);
}

static inline Fleet__RestoreArguments rehearsal_restore_arguments(
        Rehearsal *r, Fleet__DumpResult *dump)
{
        Fleet__RestoreArguments arguments = FLEET__RESTORE_ARGUMENTS__INIT;

        arguments.guard = &r->guard;
        arguments.production = &r->production;
        arguments.preview = &r->preview;
        arguments.directory = "snapshot2preview";
        arguments.dump = dump;
        return arguments;
}

static inline Fleet__RestoreResult *rehearsal_restore(Rehearsal *r, Fleet__DumpResult *dump)
{
        Fleet__RestoreArguments arguments = rehearsal_restore_arguments(r, dump);
        ProtobufCMessage *result = message_new(&fleet__restore_result__descriptor);

        rehearsal_mirror(r);
        rehearsal_done(r, "restore", &arguments.base, result);
        return (Fleet__RestoreResult *)result;
}

static inline void rehearsal_swap(Rehearsal *r)
{
        Fleet__SwapArguments arguments = FLEET__SWAP_ARGUMENTS__INIT;
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__swap_result__descriptor);

        arguments.guard = &r->guard;
        arguments.preview = &r->preview;
        rehearsal_done(r, "swap", &arguments.base, result);
}

// Rows of a table of one of the databases: "berta", "berta.understudy-staging" ...
static inline int64_t rehearsal_rows(const Rehearsal *r, const char *site, const char *database)
{
        _cleanup_free_ char *path = text_format("%s/%s/%s", r->f.root, site, database);

        if (access(path, F_OK) < 0)
                return -1;
        return fake_sql(path, "SELECT count(*) FROM contacts_person");
}

static inline void rehearsal_add_person(const Rehearsal *r, const char *site)
{
        _cleanup_free_ char *path = text_format("%s/%s/%s", r->f.root, site, site);

        fake_sql(path, "INSERT INTO contacts_person VALUES (100, 'added')");
}

#endif
