#include "base/clock.h"
#include "base/text.h"
#include "calendar/host_window.h"
#include "calendar/show.h"
#include "hosts/invite.h"
#include "operations/asked.h"
#include "tell/record.h"
#include "tell/view.h"

static int find(Controller *controller, const char *name, HostRow *ret, Error *error)
{
        int r = host_get(controller->store, name, ret, error);

        if (r != 0)
                return r < 0 ? r : 0;
        r = error_set(error, -ENOENT, "no-host", "there is no host '%s'", name);
        error_why(error, "none of that name was invited");
        error_next(error, "List them: understudyctl host list");
        return r;
}

int host_add(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"name", NULL};
        _cleanup_host_ HostRow host = {0};
        _cleanup_free_ char *line = NULL;
        const char *name = NULL;
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "name", true, &name, error)
                        ?: controller_begin(controller, error);

        if (r < 0)
                return r;
        r = invite_host(controller, name, request->who, &line, error);
        r = controller_finish(controller, r, error);
        if (r < 0)
                return r;
        r = find(controller, name, &host, error);
        if (r < 0)
                return r;
        *ret = view_host(controller, &host);
        json_object_set_new(*ret, "join", json_string(line));
        return 0;
}

int host_list(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows hosts = {0};
        int r = controller_commit(controller, error) ?: hosts_get(controller->store, &hosts, error);
        const HostRow *rows = hosts.items;

        (void)request;
        if (r < 0)
                return r;
        *ret = json_array();
        for (size_t i = 0; i < hosts.count; i++)
                json_array_append_new(*ret, view_host(controller, &rows[i]));
        return 0;
}

int host_show(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_host_ HostRow host = {0};
        int r = controller_commit(controller, error)
                        ?: find(controller, request->subject[0], &host, error);

        if (r < 0)
                return r;
        *ret = view_host(controller, &host);
        return 0;
}

int host_scan(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"root", NULL};
        _cleanup_job_ JobRow job = {.kind = JOB_SCAN};
        const char *host = request->subject[0], *root = NULL;
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "root", false, &root, error)
                        ?: asked_host(controller, host, "scan", error);

        if (r < 0)
                return r;
        job.series = text_copy("");
        job.host = text_copy(host);
        job.root = text_copy(root);
        job.who = text_copy(request->who);
        job.request =
                text_format("series scan %s%s%s", host, root ? " --root " : "", root ? root : "");
        return asked_queue(controller, &job, ret, error);
}

// ---- when heavy work may begin

int host_window_show(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_host_ HostRow host = {0};
        int r = due_run(controller, clock_now_us(), error)
                        ?: controller_commit(controller, error)
                        ?: find(controller, request->subject[0], &host, error);

        return r < 0 ? r : show_host_window(controller, &host, ret, error);
}

static int keep_window(Controller *controller, HostRow *host, const char *who, Error *error)
{
        const JobRow about = {0};
        _cleanup_host_window_ HostWindow window = {0};
        int r = host_window_of(controller, host, &window, error);

        if (r < 0)
                return r;
        return row_update(controller->store, &host_table, host, error)
                       ?: calendar_wake(controller->store, host->name, error)
                       ?: record_history(controller, &about, who, "host's window set", error,
                                  "%s: %s, %s", host->name,
                                  *window.text ? window.text : "the whole day", window.zone_name);
}

int host_window_set(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"window", "zone", NULL};
        const char *window = NULL, *zone = NULL;
        _cleanup_host_ HostRow host = {0};
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "window", false, &window, error)
                        ?: asked_text(request->body, "zone", false, &zone, error)
                        ?: controller_begin(controller, error)
                        ?: find(controller, request->subject[0], &host, error);

        if (r == 0 && window)
                row_set_text(&host.window, window);
        if (r == 0 && zone)
                row_set_text(&host.zone, zone);
        if (r == 0)
                r = keep_window(controller, &host, request->who, error);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : host_window_show(controller, request, ret, error);
}
