// One try to connect, with a deadline. Private to this library; the loop's thread only.
#ifndef UNDERSTUDY_WIRE_ATTEMPT_H
#define UNDERSTUDY_WIRE_ATTEMPT_H

#include "wire/engine.h"
#include "wire/wire.h"

typedef struct Attempt Attempt;

// `take_stream` is NULL when the attempt failed, and `why` says why. The attempt is freed by
// itself.
typedef void AttemptDone(void *userdata, nng_stream *take_stream, const char *why);

// nng looks at the first address of a name only, so `ipv4_only` is worth a second attempt. `done`
// comes from the loop, also when not even a try was possible.
Attempt *attempt_new(Wire *wire, const char *address, bool ipv4_only, nng_tls_config *config,
        uint32_t deadline_ms, AttemptDone *done, void *userdata);

// Gives the attempt up; `done` does not come any more.
void attempt_free(Attempt *attempt);

#endif
