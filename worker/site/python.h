// Site code: the helpers of worker/python, run by a site's own Python (env/bin/python, by path,
// never "activated"), in the project directory, as its owner, in a scrubbed environment.
#ifndef UNDERSTUDY_WORKER_SITE_PYTHON_H
#define UNDERSTUDY_WORKER_SITE_PYTHON_H

#include <jansson.h>

#include "site/process.h"
#include "site/site.h"

typedef struct PythonSource {
        const char *name;
        const unsigned char *text; // not NUL-terminated
        size_t size;
} PythonSource;

extern const PythonSource
        python_sources[]; // ends with a row of zeros; made by the build from worker/python/*.py

// Runs helper `name` ("probe": worker/python/probe.py) with `request` on its standard input, by way
// of worker/python/main.py, which says what a helper can use: what it answers by result() is
// returned in `ret_result` (the caller's reference), what it tells by progress() becomes
// step_progress. What site code prints becomes step_output; `line`, when given, sees it before (see
// process.h). Exit status other than 0, or no result, is an error: code "site-code", with the end
// of the traceback as its cause. `fds`, at most 8, are the helper's descriptors 3, 4 ...; they may
// be NULL.
int python_run(StepContext *context, const SiteDir *site, const char *name, json_t *request,
        ProcessLine line, void *userdata, const int *fds, size_t fd_count, json_t **ret_result,
        Error *error) _must_use_;

// The same for a question that must not take longer than `limit_ms` (-ETIMEDOUT, code "slow"), and
// whose prints nobody wants to read.
int python_ask(StepContext *context, const SiteDir *site, const char *name, json_t *request,
        uint32_t limit_ms, json_t **ret_result, Error *error) _must_use_;

#endif
