#include "operations/asked.h"

const Operation operations[] = {
        {"POST", "/v1/hosts", host_add},
        {"GET", "/v1/hosts", host_list},
        {"GET", "/v1/hosts/{host}", host_show},
        {"POST", "/v1/series", series_add},
        {"GET", "/v1/series", series_all},
        {"GET", "/v1/series/{series}", series_show},
        {"POST", "/v1/series/{series}/preview", preview_prepare},
        {"DELETE", "/v1/series/{series}/preview", preview_drop},
        {"POST", "/v1/series/{series}/sync", preview_sync},
        {"POST", "/v1/series/{series}/switch", preview_switch},
        {"POST", "/v1/series/{series}/allowances", series_allow},
        {"POST", "/v1/series/{series}/settings", series_set},
        {"POST", "/v1/series/{series}/serve", series_serve},
        {"GET", "/v1/jobs", job_list},
        {"GET", "/v1/jobs/{job}", job_show},
        {"POST", "/v1/jobs/{job}/cancel", job_cancel},
        {"POST", "/v1/jobs/{job}/retry", job_retry},
        {"POST", "/v1/jobs/{job}/resume", job_resume},
        {"GET", "/v1/history", history_list},
        {NULL, NULL, NULL},
};
