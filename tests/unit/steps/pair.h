// Production anna and preview berta, fake sites that each answer for itself, and the guard of what
// is done to berta.
#ifndef UNDERSTUDY_TESTS_STEPS_PAIR_H
#define UNDERSTUDY_TESTS_STEPS_PAIR_H

#include "run.h"
#include "site/probe.h"

typedef struct Pair {
        StepFixture f;
        Fleet__Site anna, berta;
        Fleet__ProbeResult *probes[2]; // what each said of itself
        Fleet__Identity *others[1];
        Fleet__Guard guard; // berta's; nothing is registered of it
        Error error;
} Pair;

static inline Fleet__ProbeResult *pair_ask(Pair *pair, const Fleet__Site *wanted)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__ProbeResult *result =
                (Fleet__ProbeResult *)message_new(&fleet__probe_result__descriptor);

        assert_int_equal(site_open(&pair->f.policy, wanted, &site, &error), 0);
        assert_int_equal(site_probe(pair->f.context, &site, result, &error), 0);
        return result;
}

static inline void pair_open(Pair *pair, const char *step)
{
        step_fixture_open(&pair->f, step);
        fake_site_make(&pair->f, "anna");
        fake_site_make(&pair->f, "berta");
        pair->anna = fake_site(&pair->f, "anna");
        pair->berta = fake_site(&pair->f, "berta");
        pair->probes[0] = pair_ask(pair, &pair->anna);
        pair->probes[1] = pair_ask(pair, &pair->berta);
        pair->others[0] = pair->probes[0]->identity;
        fleet__guard__init(&pair->guard);
        pair->guard.target = &pair->berta;
        pair->guard.others = pair->others;
        pair->guard.n_others = 1;
}

static inline void pair_close(Pair *pair)
{
        fleet__probe_result__free_unpacked(pair->probes[0], NULL);
        fleet__probe_result__free_unpacked(pair->probes[1], NULL);
        error_clear(&pair->error);
        step_fixture_close(&pair->f);
}

#endif
