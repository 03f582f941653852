#include "adopt/rules.h"

#include "names.h"

void rules_apply(Landscape *landscape)
{
        rules_roots(landscape);
        rules_answers(landscape);
        rules_texts(landscape);
        rules_files(landscape);
        rules_shared(landscape);
        rules_parts(landscape);
}

// ---------------------------------------------------------------- roots

static void check_name(Landscape *landscape, const FoundSite *site)
{
        _cleanup_error_ Error why = ERROR_EMPTY;

        if (name_check_site(site->dir.name, &why) == 0)
                return;
        finding_add(&landscape->findings, FINDING_NAME_RULE, site->dir.name, site->dir.path,
                "'%s' cannot be the name of a site", site->dir.name);
        finding_detail(&landscape->findings, why.why);
}

static void check_links(Landscape *landscape, const FoundRoot *root, size_t sites)
{
        _cleanup_free_ char *prod = text_format("%s/prod", root->path),
                            *preview = text_format("%s/preview", root->path);

        if (root->links[0] && root->links[1] && text_equal(root->links[0], root->links[1]))
                finding_add(&landscape->findings, FINDING_LINKS_SAME, root->links[1], preview,
                        "the links 'prod' and 'preview' lead to the same site, '%s'",
                        root->links[0]);
        if (!root->links[0] && sites > 0 && access(prod, F_OK) < 0)
                finding_add(&landscape->findings, FINDING_LINK_MISSING, NULL, root->path,
                        "the root directory has no link 'prod' that leads to a site");
}

void rules_roots(Landscape *landscape)
{
        for (size_t i = 0; i < landscape->root_count; i++) {
                const FoundRoot *root = &landscape->roots[i];
                size_t sites = 0;

                for (size_t k = 0; k < landscape->site_count; k++)
                        sites += landscape->sites[k].root == i;
                check_links(landscape, root, sites);
                if (!root->accepted && sites > 0)
                        finding_add(&landscape->findings, FINDING_ROOT_NOT_ACCEPTED, NULL,
                                root->path,
                                "the sites of this directory cannot be added as they are");
        }
        for (size_t i = 0; i < landscape->site_count; i++)
                check_name(landscape, &landscape->sites[i]);
}
