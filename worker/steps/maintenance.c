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

static int failed(const SiteDir *site, int r, const char *doing, Error *error)
{
        error_set(error, r, "maintenance", "cannot %s the maintenance page", doing);
        error_where(error, "%s/" SERVING_DIRECTORY "/" PAGE, site->path);
        error_next(error, "Look at it: ls -l '%s/" SERVING_DIRECTORY "'", site->path);
        return r;
}

static int put_up(StepContext *context, const SiteDir *site,
        const Fleet__MaintenanceArguments *arguments, Error *error)
{
        _cleanup_close_ int directory = -EBADF;
        _cleanup_free_ char *text = NULL;
        int r = fill_page(context, site, arguments, &text, error)
                        ?: serving_directory(site, &directory, error);

        if (r < 0 || !text)
                return r;
        r = write_page(site, directory, text);
        return r < 0 ? failed(site, r, "put up", error) : 0;
}

static int take_down(const SiteDir *site, Error *error)
{
        _cleanup_close_ int directory = -EBADF;
        int r = serving_directory(site, &directory, error);

        if (r < 0 || unlinkat(directory, PAGE, 0) == 0 || errno == ENOENT)
                return r;
        return failed(site, -errno, "take down", error);
}

static int maintenance_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__MaintenanceArguments *arguments = (const Fleet__MaintenanceArguments *)message;
        Fleet__MaintenanceResult *result = (Fleet__MaintenanceResult *)output;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = serving_check(arguments->serving, error)
                        ?: site_open(step_policy(context), arguments->site, &site, error);

        if (r == 0)
                r = arguments->up ? put_up(context, &site, arguments, error)
                                  : take_down(&site, error);
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

        return r ?: take_down(&site, error);
}

const StepOps step_maintenance_ops = {.run = maintenance_run, .undo = maintenance_undo};
