#include "control/jobs.h"
#include "operations/asked.h"
#include "tell/view.h"

#define JOBS_SHOWN 50

int job_list(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows jobs = {0};
        json_t *all = json_array();
        int64_t limit;
        int r = asked_limit(request->query, JOBS_SHOWN, &limit, error)
                        ?: controller_commit(controller, error)
                        ?: jobs_newest(controller->store, asked_query(request->query, "series"),
                                   limit, &jobs, error);
        const JobRow *rows = jobs.items;

        for (size_t i = 0; i < jobs.count && r == 0; i++) {
                json_t *shown = NULL;

                r = view_job(controller, &rows[i], false, &shown, error);
                json_array_append_new(all, shown);
        }
        if (r < 0)
                json_decref(all);
        else
                *ret = all;
        return r;
}

int job_show(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_job_ JobRow job = {0};

        return controller_commit(controller, error)
                       ?: asked_job(controller, request->subject[0], &job, error)
                       ?: view_job(controller, &job, true, ret, error);
}

typedef int AskFn(Controller *controller, JobRow *job, const char *who, Error *error);

static int ask(Controller *controller, const OperationRequest *request, AskFn *fn, json_t **ret,
        Error *error)
{
        static const char *const members[] = {NULL};
        _cleanup_job_ JobRow job = {0};
        int r = asked_only(request->body, members, error)
                        ?: asked_job(controller, request->subject[0], &job, error)
                        ?: controller_begin(controller, error);

        if (r < 0)
                return r;
        r = fn(controller, &job, request->who, error);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : asked_show_job(controller, job.id, ret, error);
}

int job_cancel(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return ask(controller, request, jobs_cancel, ret, error);
}

int job_retry(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return ask(controller, request, jobs_retry, ret, error);
}

int job_resume(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return ask(controller, request, jobs_resume, ret, error);
}
