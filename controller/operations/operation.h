// What can be asked of a controller: one row per operation, the same for command line, web page and
// tests. The HTTP server (api/) routes by this table; it knows no operation by itself.
//
// Times are seconds since the epoch as JSON reals; durations JSON reals in seconds; sizes bytes.
// Absent is null.
//
//   Host   {name, state: "invited" | "joined", connected, address, version, invited_at, joined_at,
//   last_seen_at,
//           hostname, kernel, cores, memory_bytes, roots: [text],
//           disks: [{path, total_bytes, free_bytes}]}
//   Site   {name, state: "preview" | "production" | "old" | "purged", identity, versions,
//   created_at, since_at, kept_until: of an old one; null: until it is asked for, told_at:
//   somebody, of its retirement} Series {name, host, root, keep_old_seconds, created_at,
//   production: Site, preview: Site | null, sites: [Site],
//           settings: [{setting, value, default, who, at}],
//           allowances: [{table, why, who, at}], job: id of the job under way | null,
//           last_sync: {job, state, ended_at, wall_seconds, objects} | null}
//   Job    {id, kind: "adopt" | "prepare" | "sync" | "switch" | "drop" | "scan" | "serve" | "open"
//   |
//           "report" | "retire",
//           series: text | null, host,
//           state: "queued" | "running" | "waiting" | "undoing" | "done" | "failed" | "canceled",
//           dry_run, who, request, created_at, started_at, ended_at, wall_seconds,
//           failure: Failure | null, hint: text | null, tasks: [Task]}
//   Task   {label, step, title, host,
//           state: "pending" | "running" | "done" | "failed" | "canceled" | "undoing" | "undone" |
//           "skipped", depends: [label], already, progress: Progress | null, started_at, ended_at,
//           wall_seconds, result: the protobuf result as JSON | null, failure: Failure | null}
//   Progress, Failure: the protobuf messages as JSON, field names as in fleet.proto
//   Entry  {id, at, who, series, job, event: "host invited" ..., detail: text, data}, of the
//          history
//   Attempt {id, series, state: "planned" | "announced" | "synchronising" | "open" | "accepted" |
//           "canceled" | "withdrawn" | "failed", at, at_local, lapse_seconds,
//           when_over: "cancel" | "accept", opened_at, ends_at, ends_local, job, who, why,
//           created_at, ended_at, outcome_rule: as the series is set, then: what the end of the
//           lapse brings, now: {end: "cancel" | "accept", why: text | null},
//           voters: [{voter, vote: "works" | "objects" | null, why, voted_at}],
//           items: [{number, text, signed_by, signed_at}], items_open: number}
//   Links  [{voter, link: what the voter types}], shown to who names the voters only
//   Schedule: calendar/show.h
//   Announcement {id, kind, about: "series" | "attempt" | "retirement" | "host" | "disk" | "",
//   topic, job, subject, detail, at, to: the only one to get it | null,
//           deliveries: [{channel, state: "pending" | "delivered" | "dead", tries, next_at, why}]}
//
// clang-format off
//   POST   /v1/hosts                        {name} -> Host + {join: "understudy-worker join ..."}
//   GET    /v1/hosts                        -> [Host]
//   GET    /v1/hosts/{host}                 -> Host
//   POST   /v1/hosts/{host}/scan            {root?} -> Job, without a series
//   GET    /v1/hosts/{host}/window          -> Window, as in calendar/show.h
//   POST   /v1/hosts/{host}/window          {window, zone}, each if it is to change -> Window
//   POST   /v1/series                       {name, host, root, production, keep_old_seconds?} -> Job
//   GET    /v1/series                       -> [Series]
//   GET    /v1/series/{series}              -> Series
//   POST   /v1/series/{series}/preview      {site, install: [text], dry_run, review} -> Job
//   DELETE /v1/series/{series}/preview      -> Job
//   POST   /v1/series/{series}/settings     {NAME: value as a text, ...} -> Series
//   POST   /v1/series/{series}/sync         {dry_run, full, nightly} -> Job
//   POST   /v1/series/{series}/switch       {} -> Job
//   POST   /v1/series/{series}/serve        {} -> Job
//   POST   /v1/series/{series}/retire       {site?: of several, dry_run} -> Job
//   POST   /v1/series/{series}/allowances   {table, why} -> Series
//   GET    /v1/series/{series}/attempt      -> Attempt, the newest
//   POST   /v1/series/{series}/attempt      {at: WHEN as a text, lapse_seconds, when_over?,
//                                             deadline_seconds?, alone_seconds?, voters: [text]?,
//                                             items: [text]?}
//                                             -> Attempt + {links: Links}
//   GET    /v1/series/{series}/attempt/report                         -> Report, as last made
//   POST   /v1/series/{series}/attempt/report                         {} -> Job
//   POST   /v1/series/{series}/attempt/announce | accept | withdraw   {} -> Attempt
//   POST   /v1/series/{series}/attempt/move                           {at, lapse_seconds?} -> Attempt
//   POST   /v1/series/{series}/attempt/extend                         {by_seconds} -> Attempt
//   POST   /v1/series/{series}/attempt/open | cancel                  {} -> Job
//   POST   /v1/series/{series}/attempt/voters         {voters: [text]} -> Attempt + {links: Links}
//   POST   /v1/series/{series}/attempt/voters/remove  {voters: [text]} -> Attempt
//   POST   /v1/series/{series}/attempt/items          {items: [text]} -> Attempt
//   POST   /v1/series/{series}/attempt/sign           {items: [number], token?} -> Attempt; the
//                                                     token's voter has signed, else who asks
//   POST   /v1/series/{series}/attempt/vote           {token, vote: "works" | "objects", why?}
//                                                     -> {series, voter, vote, why, voted_at,
//                                                     job: of the cancel it has begun | null};
//                                                     the token alone says who votes
//   GET    /v1/series/{series}/schedule     -> Schedule
//   POST   /v1/series/{series}/schedule     {rule, zone, window}, each if it is to change -> Schedule
//   POST   /v1/series/{series}/schedule/pause | resume    {} -> Schedule
//   GET    /v1/calendar?days=               -> [{at, local, series, host, what}]
//   GET    /v1/calendar.ics                 -> text/calendar (calendar/ics.h)
//   GET    /v1/announcements?limit=         -> [Announcement], newest first
//   POST   /v1/announcements/test           {} -> Announcement, on every channel
//   POST   /v1/announcements/{announcement}/retry         {} -> Announcement: what was given up
//   GET    /v1/jobs?series=&limit=          -> [Job], newest first, without tasks
//   GET    /v1/jobs/{job}                   -> Job
//   POST   /v1/jobs/{job}/cancel | retry | resume         {} -> Job
//   GET    /v1/jobs/{job}/events?after=N    -> server-sent events (tell/watch.h)
//   GET    /v1/history?series=&limit=       -> [Entry], oldest first
// clang-format on
#ifndef UNDERSTUDY_OPERATIONS_OPERATION_H
#define UNDERSTUDY_OPERATIONS_OPERATION_H

#include <jansson.h>

#include "base/error.h"

typedef struct Controller Controller;

typedef struct OperationRequest {
        const char *who;        // Unix user at the other end, e.g. "root"; for the history
        const char *subject[2]; // what stood for {host}, {series} or {job} in the path
        json_t *query;          // object of texts; never NULL
        json_t *body;           // object; never NULL
} OperationRequest;

typedef struct Operation {
        const char *method;
        const char *path; // with {host}, {series}, {job} ... for one path segment
        // Runs on the loop's thread; must not block. Returns 0 with *ret a new reference, or a
        // negative errno with `error`: -ENOENT is 404, -EINVAL 400, -EPERM 403, -EEXIST, -EBUSY and
        // any other refusal 409, -EIO 500.
        int (*run)(Controller *controller, const OperationRequest *request, json_t **ret,
                Error *error);
        const char *type; // its answer is a JSON text, which goes out as it is, as this media type;
                          // NULL: the answer goes out as JSON
} Operation;

extern const Operation operations[]; // ends with a row of zeros

#endif
