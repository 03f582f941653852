// A job's events for one HTTP client, as server-sent events: "id: SEQ" and "data: JSON", a batch at
// a time, comments as signs of life between them. The answer ends when the job has ended or waits
// for a person. A client that does not read is fed no more until it has caught up, and is dropped
// when that takes longer than the deadline; cut off, it goes on with "Last-Event-ID: SEQ".
#ifndef UNDERSTUDY_API_STREAM_H
#define UNDERSTUDY_API_STREAM_H

#include "api/peer.h"

// Answers `request` with the events of `job` after number `after`. On success the stream owns the
// request and lives until its connection ends. On failure nothing was answered: -ENOENT, no such
// job.
int stream_start(struct event_base *loop, Peer *peer, struct evhttp_request *request,
        Controller *controller, uint64_t job, uint64_t after, const ApiLimits *limits, Error *error)
        _must_use_;

#endif
