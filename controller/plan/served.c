#include "plan/served.h"

#include "base/text.h"

bool served_at_all(const SeriesSettings *settings)
{
        return !text_equal(settings->prod_hosts, "none") &&
               !text_equal(settings->preview_hosts, "none");
}

// What a setting says; "" when that is nothing.
static char *said(const char *value)
{
        return text_copy(text_equal(value, "none") || text_equal(value, "standard") ? "" : value);
}

static Fleet__Front *front_of(const char *hosts, const char *certificate)
{
        Fleet__Front *front = (Fleet__Front *)message_new(&fleet__front__descriptor);
        const char *key = strchr(certificate, ' ');

        front->hosts = memory_new((strlen(hosts) + 1) * sizeof *front->hosts);
        for (size_t length; *(hosts += strspn(hosts, " ")); hosts += length) {
                length = strcspn(hosts, " ");
                front->hosts[front->n_hosts++] = text_copy_n(hosts, length);
        }
        if (key) {
                front->certificate = text_copy_n(certificate, (size_t)(key - certificate));
                front->certificate_key = text_copy(key + 1);
        }
        return front;
}

Fleet__Serving *served_by(const SeriesSettings *settings, const char *series)
{
        Fleet__Serving *serving;

        if (!served_at_all(settings))
                return NULL;
        serving = (Fleet__Serving *)message_new(&fleet__serving__descriptor);
        serving->series = text_copy(series);
        serving->manager = said(settings->manager);
        serving->server = said(settings->server);
        serving->program = said(settings->program);
        serving->linod = said(settings->linod);
        serving->web = said(settings->web);
        serving->vhost = said(settings->vhost);
        serving->listen = said(settings->listen);
        serving->prod = front_of(settings->prod_hosts, settings->prod_certificate);
        serving->preview = front_of(settings->preview_hosts, settings->preview_certificate);
        serving->health_path = said(settings->health_path);
        serving->health_seconds = (uint32_t)settings->health_time;
        serving->drain_seconds = (uint32_t)settings->drain_time;
        return serving;
}

// The site that visitors of the link `preview` meet: after a switch, the former production.
static const PlanSite *shown_as_preview(const PlanInput *input)
{
        if (input->preview)
                return input->preview;
        return input->old && text_equal(input->preview_link, input->old->name) ? input->old : NULL;
}

// The site that a switch makes production.
static const PlanSite *coming(const PlanInput *input)
{
        return input->preview ? input->preview : input->old;
}

static void add_role(const Planning *planning, ProtobufCMessage *arguments, const PlanSite *site,
        const char *role)
{
        Fleet__RoleArguments *roles = (Fleet__RoleArguments *)arguments;
        Fleet__SiteRole *one = (Fleet__SiteRole *)message_new(&fleet__site_role__descriptor);

        if (text_blank(roles->root))
                roles->root = text_copy(planning->input->root);
        one->site = text_copy(site->name);
        one->role = text_copy(role);
        if (site->identity)
                one->settings_module = text_copy(site->identity->settings_module);
        roles->sites = memory_grow(roles->sites, (roles->n_sites + 1) * sizeof *roles->sites);
        roles->sites[roles->n_sites++] = one;
}

void fill_role_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        add_role(planning, arguments, planning->preview, "preview");
}

// The one that leaves comes first: there are never two that send mail.
void fill_role_switch(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanInput *input = planning->input;

        add_role(planning, arguments, input->production, "preview");
        add_role(planning, arguments, coming(input), "prod");
}

void fill_role_serve(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanSite *preview = shown_as_preview(planning->input);

        if (preview)
                add_role(planning, arguments, preview, "preview");
        add_role(planning, arguments, planning->input->production, "prod");
}

enum { DOWN, UP, LINOD_DOWN, LINOD_UP };

static void add_program(const Planning *planning, ProtobufCMessage *arguments, const PlanSite *site,
        const char *role, int what)
{
        Fleet__ServiceArguments *service = (Fleet__ServiceArguments *)arguments;
        Fleet__Program *program = (Fleet__Program *)message_new(&fleet__program__descriptor);

        if (text_blank(service->root))
                service->root = text_copy(planning->input->root);
        program->site = text_copy(site->name);
        program->role = text_copy(role);
        program->linod = what == LINOD_DOWN || what == LINOD_UP;
        program->up = what == UP || what == LINOD_UP;
        service->programs = memory_grow(
                service->programs, (service->n_programs + 1) * sizeof *service->programs);
        service->programs[service->n_programs++] = program;
}

// Both sites in their coming roles, beside those that they have.
void fill_start(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanInput *input = planning->input;

        add_program(planning, arguments, coming(input), "prod", UP);
        add_program(planning, arguments, input->production, "preview", UP);
}

void fill_drain(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanInput *input = planning->input;

        add_program(planning, arguments, input->production, "prod", DOWN);
        add_program(planning, arguments, coming(input), "preview", DOWN);
}

void fill_linod_stop(const Planning *planning, ProtobufCMessage *arguments)
{
        add_program(planning, arguments, planning->input->production, "prod", LINOD_DOWN);
}

void fill_linod_start(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanInput *input = planning->input;

        add_program(planning, arguments, coming(input), "prod", LINOD_UP);
}

// A database that changes places is not seen by a program that has it open. Whether it was well
// before is not asked: there may have been nothing to answer with.
void fill_stop_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        add_program(planning, arguments, planning->preview, "preview", DOWN);
        ((Fleet__ServiceArguments *)arguments)->unasked = true;
        ((Fleet__ServiceArguments *)arguments)->unless_in_place = true;
}

void fill_start_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        add_program(planning, arguments, planning->preview, "preview", UP);
}

void fill_start_production(const Planning *planning, ProtobufCMessage *arguments)
{
        add_program(planning, arguments, planning->input->production, "prod", UP);
}

// Of what visitors of the link `preview` meet now, when that is anything.
static void fill_shown(const Planning *planning, ProtobufCMessage *arguments, int what)
{
        Fleet__ServiceArguments *service = (Fleet__ServiceArguments *)arguments;
        const PlanSite *shown = shown_as_preview(planning->input);

        service->root = text_copy(planning->input->root);
        service->unasked = true;
        if (shown)
                add_program(planning, arguments, shown, "preview", what);
}

void fill_serve_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        fill_shown(planning, arguments, UP);
}

// A former production that was shown as the preview makes place for the new one.
void fill_stop_old(const Planning *planning, ProtobufCMessage *arguments)
{
        fill_shown(planning, arguments, DOWN);
}

void fill_linod_production(const Planning *planning, ProtobufCMessage *arguments)
{
        add_program(planning, arguments, planning->input->production, "prod", LINOD_UP);
}

// Production stands still: what sends mail by itself first. Given back, it need only run.
void fill_freeze(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanSite *production = planning->input->production;

        if (!text_blank(planning->serving->linod))
                add_program(planning, arguments, production, "prod", LINOD_DOWN);
        add_program(planning, arguments, production, "prod", DOWN);
        ((Fleet__ServiceArguments *)arguments)->unasked = true;
}

// Nothing but production: who was it stands still.
void fill_start_coming(const Planning *planning, ProtobufCMessage *arguments)
{
        add_program(planning, arguments, coming(planning->input), "prod", UP);
}

static void set_page(
        const Planning *planning, ProtobufCMessage *arguments, const PlanSite *site, bool up)
{
        Fleet__MaintenanceArguments *page = (Fleet__MaintenanceArguments *)arguments;

        page->site = (Fleet__Site *)message_new(&fleet__site__descriptor);
        page->site->root = text_copy(planning->input->root);
        page->site->name = text_copy(site->name);
        page->role = text_copy("prod");
        page->up = up;
}

void fill_page_up(const Planning *planning, ProtobufCMessage *arguments)
{
        set_page(planning, arguments, planning->input->production, true);
}

// A site that was frozen once comes back without it.
void fill_page_down(const Planning *planning, ProtobufCMessage *arguments)
{
        set_page(planning, arguments, coming(planning->input), false);
}

static Fleet__VhostArguments *vhosts_of(
        const Planning *planning, ProtobufCMessage *arguments, bool production, bool preview)
{
        Fleet__VhostArguments *vhosts = (Fleet__VhostArguments *)arguments;

        vhosts->root = text_copy(planning->input->root);
        vhosts->roles = memory_new(2 * sizeof *vhosts->roles);
        if (production)
                vhosts->roles[vhosts->n_roles++] = text_copy("prod");
        if (preview)
                vhosts->roles[vhosts->n_roles++] = text_copy("preview");
        return vhosts;
}

void fill_vhost_both(const Planning *planning, ProtobufCMessage *arguments)
{
        vhosts_of(planning, arguments, true, true);
}

void fill_vhost_serve(const Planning *planning, ProtobufCMessage *arguments)
{
        vhosts_of(planning, arguments, true, shown_as_preview(planning->input));
}

void fill_vhost_preview(const Planning *planning, ProtobufCMessage *arguments)
{
        vhosts_of(planning, arguments, false, true)->made = true;
}

void fill_vhost_remove(const Planning *planning, ProtobufCMessage *arguments)
{
        vhosts_of(planning, arguments, false, true)->remove = true;
}

bool retired_is_shown(const PlanInput *input)
{
        return !input->preview && text_equal(input->preview_link, input->site);
}

// Whatever of it may run; what did not, does not when this is taken back.
void fill_stop_retired(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanSite *site = planning->preview;
        Fleet__ServiceArguments *service = (Fleet__ServiceArguments *)arguments;

        if (!text_blank(planning->serving->linod))
                add_program(planning, arguments, site, "prod", LINOD_DOWN);
        add_program(planning, arguments, site, "prod", DOWN);
        add_program(planning, arguments, site, "preview", DOWN);
        service->unasked = true;
        service->as_found = true;
}

// Vhosts are their roles': one goes with the last site that had it.
void fill_vhost_retired(const Planning *planning, ProtobufCMessage *arguments)
{
        const PlanInput *input = planning->input;
        bool last = planning->preview->state == SITE_PRODUCTION;

        vhosts_of(planning, arguments, last, last || retired_is_shown(input))->remove = true;
}
