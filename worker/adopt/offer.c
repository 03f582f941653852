#include "adopt/offer.h"

#include "adopt/rules.h"
#include "names.h"

#define PLAIN_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:=@%,"

char *shell_quoted(const char *word)
{
        char *quoted, *to;

        if (*word && word[strspn(word, PLAIN_LETTERS)] == '\0')
                return text_copy(word);
        quoted = to = memory_new(4 * strlen(word) + 3);
        *to++ = '\'';
        for (; *word; word++) {
                if (*word == '\'')
                        to = stpcpy(to, "'\\''");
                else
                        *to++ = *word;
        }
        stpcpy(to, "'");
        return quoted;
}

// "mdg" for mdg1, or "mdg-2" where there is one already; noted as taken.
static char *series_name(const char *site, TextList *taken)
{
        size_t length = strlen(site);
        _cleanup_free_ char *stem = NULL;
        char *name;

        while (length > 1 && strchr("0123456789_", site[length - 1]))
                length--;
        stem = text_copy_n(site, length);
        name = text_copy(stem);
        for (unsigned number = 2; text_list_has(taken, name); number++) {
                free(name);
                name = text_format("%s-%u", stem, number);
        }
        text_list_add(taken, name);
        return name;
}

static void note(char **notes, const char *text)
{
        char *longer = text_format("%s%s%s", *notes ? *notes : "", *notes ? "; " : "", text);

        free(*notes);
        *notes = longer;
}

static char *notes_of(const FoundRoot *root, const FoundSite *site, bool doubtful)
{
        _cleanup_free_ char *accept = NULL;
        char *notes = NULL;

        if (doubtful)
                note(&notes, "one of the sites of this root, if it is production");
        if (!root->accepted) {
                accept = text_format("after 'root = %s' is in worker.conf", root->path);
                note(&notes, accept);
        }
        if (!site->may_ask)
                note(&notes, "after its owner is in worker.conf");
        else if (!site->answer)
                note(&notes, "once the site answers");
        return notes;
}

static void offer(Landscape *landscape, const FoundSite *site, const char *host, bool doubtful,
        TextList *taken, OfferList *ret)
{
        const FoundRoot *root = site_root(landscape, site);
        _cleanup_free_ char *series = NULL, *quoted_host = NULL, *quoted_root = NULL;

        if (name_check_site(site->dir.name, NULL) < 0 || name_check_root(root->spelled, NULL) < 0)
                return;
        series = series_name(site->dir.name, taken);
        quoted_host = shell_quoted(host);
        quoted_root = shell_quoted(root->spelled);
        ret->items = memory_grow(ret->items, (ret->count + 1) * sizeof(*ret->items));
        ret->items[ret->count++] = (Offer){
                .command = text_format(
                        "understudyctl series add %s --host %s --root %s --production %s", series,
                        quoted_host, quoted_root, site->dir.name),
                .note = notes_of(root, site, doubtful),
        };
}

static bool is_served(const Landscape *landscape, size_t site)
{
        for (size_t i = 0; i < landscape->parts.count; i++) {
                const Part *part = &landscape->parts.items[i];

                if (part_is_vhost(part) && !part->disabled && part->site == site + 1)
                        return true;
        }
        return false;
}

// The site of a root that is production: by its link, as its only one, or as the only one that is
// served. NULL: nobody can tell, or a series has it.
static const FoundSite *production_of(
        const Landscape *landscape, size_t root, size_t *ret_sites, bool *ret_has_series)
{
        const FoundSite *linked = NULL, *served = NULL, *any = NULL;
        size_t served_count = 0;

        for (size_t i = 0; i < landscape->site_count; i++) {
                const FoundSite *site = &landscape->sites[i];

                if (site->root != root)
                        continue;
                (*ret_sites)++;
                any = site;
                *ret_has_series |= site->series != NULL;
                if (site->role == ROLE_PRODUCTION)
                        linked = site;
                if (is_served(landscape, i)) {
                        served = site;
                        served_count++;
                }
        }
        if (linked || *ret_sites == 1)
                return linked ? linked : any;
        return served_count == 1 ? served : NULL;
}

void offer_lines(Landscape *landscape, const char *host, const TextList *taken, OfferList *ret)
{
        TextList names _cleanup_text_list_ = {0};

        for (size_t i = 0; i < taken->count; i++)
                text_list_add(&names, taken->items[i]);
        for (size_t root = 0; root < landscape->root_count; root++) {
                size_t sites = 0;
                bool has_series = false;
                const FoundSite *production = production_of(landscape, root, &sites, &has_series);

                if (has_series || sites == 0)
                        continue;
                if (production) {
                        offer(landscape, production, host, false, &names, ret);
                        continue;
                }
                finding_add(&landscape->findings, FINDING_ROOT_AMBIGUOUS, NULL,
                        landscape->roots[root].path,
                        "nobody can tell which of %zu sites is production", sites);
                for (size_t i = 0; i < landscape->site_count; i++)
                        if (landscape->sites[i].root == root)
                                offer(landscape, &landscape->sites[i], host, true, &names, ret);
        }
}

void offer_clear(OfferList *list)
{
        for (size_t i = 0; i < list->count; i++) {
                free(list->items[i].command);
                free(list->items[i].note);
        }
        free(list->items);
        *list = (OfferList){0};
}
