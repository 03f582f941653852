// libcurl's transfers on the controller's loop. Thread: the loop's.
#ifndef UNDERSTUDY_ANNOUNCE_TRANSFERS_H
#define UNDERSTUDY_ANNOUNCE_TRANSFERS_H

#include <curl/curl.h>
#include <event2/event.h>

#include "base/error.h"

typedef struct Transfers Transfers;

// `easy` has ended and is the callee's again.
typedef void (*TransferDone)(void *userdata, CURL *easy, CURLcode code);

int transfers_new(struct event_base *base, TransferDone done, Transfers **ret, Error *error)
        _must_use_;
// Transfers under way end without a word; their handles stay the owners'.
void transfers_free(Transfers *transfers);
DEFINE_CLEANUP(Transfers *, transfers_free)

// Starts `easy`, whose CURLOPT_PRIVATE is handed to `done` as userdata.
int transfers_start(Transfers *transfers, CURL *easy) _must_use_;
void transfers_stop(Transfers *transfers, CURL *easy);

#endif
