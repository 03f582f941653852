// maintenance: puts the page up that visitors of a frozen site get with status 503, or takes it
// down. The vhosts look for it at each request, so that no web server has to be told.
#include "serve/serving.h"
#include "site/site_file.h"

extern const StepOps step_maintenance_ops;

#define PAGE     "maintenance.html"
#define TEMPLATE "vhost/" PAGE

// Of the site's owner, and readable for the web server, whose group the project directory has.
static int write_page(const SiteDir *site, int directory, const char *text)
{
        struct stat like;

        if (fstat(site->fd, &like) < 0)
                return -errno;
        like.st_uid = site->owner.uid;
        like.st_mode = S_IFREG | 0640;
        return site_file_write(directory, PAGE, text, strlen(text), &like);
}

static int fill_page(StepContext *context, const SiteDir *site,
        const Fleet__MaintenanceArguments *arguments, char **ret, Error *error)
{
        TemplateWords words _cleanup_words_ = {0};
        _cleanup_free_ char *text = NULL;

        return serving_vhost_words(arguments->serving, site->root, arguments->role, &words, error)
                       ?: template_read(step_policy(context), TEMPLATE, &text, error)
                       ?: template_fill(TEMPLATE, text, &words, ret, error);
}

static int set_page(StepContext *context, const SiteDir *site,
        const Fleet__MaintenanceArguments *arguments, bool up, Error *error)
{
        _cleanup_close_ int directory = -EBADF;
        _cleanup_free_ char *text = NULL;
        int r = serving_directory(site, &directory, error);

        if (r == 0 && up)
                r = fill_page(context, site, arguments, &text, error);
        if (r < 0)
                return r;
        if (up)
                r = write_page(site, directory, text);
        else if (unlinkat(directory, PAGE, 0) < 0 && errno != ENOENT)
                r = -errno;
        if (r == 0)
                return 0;
        error_set(error, r, "maintenance", "cannot %s the maintenance page",
                up ? "put up" : "take down");
        error_where(error, "%s/" SERVING_DIRECTORY "/" PAGE, site->path);
        error_next(error, "Look at it: ls -l '%s/" SERVING_DIRECTORY "'", site->path);
        return r;
}

static int maintenance_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__MaintenanceArguments *arguments = (const Fleet__MaintenanceArguments *)message;
        Fleet__MaintenanceResult *result = (Fleet__MaintenanceResult *)output;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = serving_check(arguments->serving, error)
                        ?: site_open(step_policy(context), arguments->site, &site, error)
                        ?: set_page(context, &site, arguments, arguments->up, error);

        if (r < 0)
                return r;
        result->path = text_format("%s/" SERVING_DIRECTORY "/" PAGE, site.path);
        step_note(context, "Visitors of %s meet %s.", site.name,
                arguments->up ? "the maintenance page" : "the site again");
        return 0;
}

// Whatever was asked for: a job that is taken back leaves no page.
static int maintenance_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        const Fleet__MaintenanceArguments *arguments = (const Fleet__MaintenanceArguments *)message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = site_open(step_policy(context), arguments->site, &site, error);

        return r ?: set_page(context, &site, arguments, false, error);
}

const StepOps step_maintenance_ops = {.run = maintenance_run, .undo = maintenance_undo};
