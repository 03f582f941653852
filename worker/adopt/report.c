#include "adopt/report.h"

#include "adopt/rules.h"

#define FINDINGS_SHOWN 600 // so that a result stays well below what an event can hold
#define PARTS_SHOWN    50  // of one site

static void set(char **field, const char *text)
{
        if (text && *text)
                *field = text_to_utf8(text, strlen(text));
}

static void set_list(char ***items, size_t *count, const TextList *texts)
{
        *items = memory_new(texts->count * sizeof(**items));
        for (size_t i = 0; i < texts->count; i++)
                (*items)[i] = text_to_utf8(texts->items[i], strlen(texts->items[i]));
        *count = texts->count;
}

// ---------------------------------------------------------------- sites

static Fleet__ScanPart *part_message(const Part *part)
{
        Fleet__ScanPart *message = (Fleet__ScanPart *)message_new(&fleet__scan_part__descriptor);
        TextList hosts _cleanup_text_list_ = {0};

        set(&message->kind, part_kind_name(part->kind));
        set(&message->name, part->name);
        set(&message->where, part->where);
        set(&message->link, part->link);
        message->disabled = part->disabled;
        for (size_t i = 0; i < part->count && hosts.count < 20; i++)
                if (part->mentions[i].kind == MENTION_HOST)
                        text_list_add(&hosts, part->mentions[i].text);
        set_list(&message->hosts, &message->n_hosts, &hosts);
        return message;
}

static void set_parts(const Landscape *landscape, size_t site, Fleet__ScanSite *message)
{
        const PartList *parts = &landscape->parts;

        message->parts = memory_new(PARTS_SHOWN * sizeof(*message->parts));
        for (size_t i = 0; i < parts->count && message->n_parts < PARTS_SHOWN; i++)
                if (parts->items[i].site == site + 1)
                        message->parts[message->n_parts++] = part_message(&parts->items[i]);
}

static void set_versions(const FoundSite *site, Fleet__ScanSite *message)
{
        const Fleet__Versions *versions = site->probe ? site->probe->versions : NULL;
        _cleanup_free_ char *application = NULL;

        if (!versions)
                return;
        application = text_format(
                "%s %s", text_blank(versions->app) ? "Lino" : versions->app, versions->app_version);
        set(&message->application, application);
        set(&message->python, versions->python);
}

static Fleet__ScanSite *site_message(const Landscape *landscape, size_t index)
{
        const FoundSite *site = &landscape->sites[index];
        Fleet__ScanSite *message = (Fleet__ScanSite *)message_new(&fleet__scan_site__descriptor);
        TextList databases _cleanup_text_list_ = {0};

        set(&message->name, site->dir.name);
        set(&message->root, site->dir.root);
        set(&message->role, role_name(site->role));
        set(&message->series, site->series);
        set(&message->owner, site->dir.owner.name);
        set(&message->environment, site->environment);
        set(&message->log_directory, site->log);
        set_versions(site, message);
        site_databases(site, &databases);
        set_list(&message->databases, &message->n_databases, &databases);
        set_parts(landscape, index, message);
        return message;
}

// ---------------------------------------------------------------- findings

static Fleet__ScanFinding *finding_message(const FoundFinding *finding)
{
        const FindingInfo *info = &finding_infos[finding->code];
        Fleet__ScanFinding *message =
                (Fleet__ScanFinding *)message_new(&fleet__scan_finding__descriptor);
        _cleanup_free_ char *why = finding->detail
                                           ? text_format("%s: %s", info->why, finding->detail)
                                           : text_copy(info->why);

        message->severity = info->severity;
        set(&message->code, info->code);
        set(&message->site, finding->site);
        set(&message->what, finding->what);
        set(&message->where, finding->where);
        set(&message->why, why);
        set(&message->next, info->next);
        return message;
}

static void tell_left_out(Fleet__ScanResult *result)
{
        _cleanup_free_ char *what =
                text_format("%u more findings are left out", (unsigned)result->left_out);
        const FoundFinding last = {.code = FINDING_SCAN_LIMIT, .what = what, .where = (char *)""};

        result->findings[result->n_findings++] = finding_message(&last);
}

static void set_findings(Landscape *landscape, Fleet__ScanResult *result)
{
        FindingList *list = &landscape->findings;

        finding_sort(list);
        result->findings = memory_new((list->count + 1) * sizeof(*result->findings));
        for (size_t i = 0; i < list->count && i < FINDINGS_SHOWN; i++)
                result->findings[result->n_findings++] = finding_message(&list->items[i]);
        result->left_out = (uint32_t)(list->left_out + list->count - result->n_findings);
        if (result->left_out > 0)
                tell_left_out(result);
}

// ---------------------------------------------------------------- lines

static Fleet__ScanLine *line_message(const Offer *offer)
{
        Fleet__ScanLine *message = (Fleet__ScanLine *)message_new(&fleet__scan_line__descriptor);

        set(&message->command, offer->command);
        set(&message->note, offer->note);
        return message;
}

void report_fill(Landscape *landscape, const OfferList *offers, Fleet__ScanResult *result)
{
        TextList roots _cleanup_text_list_ = {0};

        for (size_t i = 0; i < landscape->root_count; i++)
                text_list_add(&roots, landscape->roots[i].path);
        set_list(&result->roots, &result->n_roots, &roots);
        result->found = memory_new(landscape->site_count * sizeof(*result->found));
        for (size_t i = 0; i < landscape->site_count; i++)
                result->found[result->n_found++] = site_message(landscape, i);
        set_findings(landscape, result);
        result->lines = memory_new(offers->count * sizeof(*result->lines));
        for (size_t i = 0; i < offers->count; i++)
                result->lines[result->n_lines++] = line_message(&offers->items[i]);
        result->files = (uint32_t)landscape->seen.count;
}
