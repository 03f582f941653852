// Finds what already runs on the host. Reads only: no file is written, no program is started but
// the sites' own Python, as their owner, for the question who they are.
#include "adopt/parts.h"
#include "adopt/report.h"
#include "adopt/rules.h"
#include "adopt/sites.h"

static void take_series(Landscape *landscape, const Fleet__ScanArguments *arguments)
{
        for (size_t i = 0; i < landscape->site_count; i++) {
                FoundSite *site = &landscape->sites[i];
                const FoundRoot *root = site_root(landscape, site);

                for (size_t k = 0; k < arguments->n_known; k++) {
                        const Fleet__KnownSite *known = arguments->known[k];

                        if (!site->series && known->site &&
                                text_equal(known->site->name, site->dir.name) &&
                                (text_equal(known->site->root, root->path) ||
                                        text_equal(known->site->root, root->spelled)))
                                site->series = text_copy(known->series);
                }
        }
}

static void offer_all(Landscape *landscape, const Fleet__ScanArguments *arguments, OfferList *ret)
{
        const TextList taken = {arguments->taken, arguments->n_taken};

        take_series(landscape, arguments);
        offer_lines(landscape, arguments->host, &taken, ret);
}

static int scan_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__ScanArguments *arguments = (const Fleet__ScanArguments *)arguments_message;
        Landscape landscape _cleanup_landscape_ = {.context = context};
        OfferList offers _cleanup_(offer_clear) = {0};
        int r = sites_find(&landscape, arguments->root, error);

        if (r < 0)
                return r;
        sites_read(&landscape);
        parts_read(&landscape, &step_policy(context)->scan);
        r = sites_ask(&landscape, error);
        if (r < 0)
                return r;
        rules_apply(&landscape);
        if (step_canceled(context))
                return step_canceled_error(context, error);
        offer_all(&landscape, arguments, &offers);
        report_fill(&landscape, &offers, (Fleet__ScanResult *)result_message);
        return 0;
}

const StepOps step_scan_ops = {.run = scan_run};
