// Takes TLS connections in, and holds those of which nothing is known yet to a number and a time.
// Private to this library; the loop's thread only.
#ifndef UNDERSTUDY_WIRE_ACCEPTOR_H
#define UNDERSTUDY_WIRE_ACCEPTOR_H

#include "wire/engine.h"
#include "wire/wire.h"

typedef struct Acceptor Acceptor;

// A connection that counts against the cap; embedded in what the user keeps of it.
typedef struct Newcomer {
        TAILQ_ENTRY(Newcomer) entry;
        Acceptor *acceptor; // NULL when it does not count
        int64_t since_us;
} Newcomer;

typedef struct AcceptorHandlers {
        void (*accepted)(void *userdata, nng_stream *take_stream); // calls acceptor_add
        void (*overdue)(void *userdata, Newcomer *newcomer);       // no longer counts
} AcceptorHandlers;

// At most `cap` newcomers at once, each for `deadline_ms`. While the cap is reached nothing is
// accepted, and the oldest newcomer is given only a fifth of its time, so that silent connections
// hold others up for little.
int acceptor_new(Wire *wire, const char *address, const Credentials *credentials, uint32_t cap,
        uint32_t deadline_ms, const AcceptorHandlers *handlers, void *userdata, Acceptor **ret,
        Error *error) _must_use_;
// After its newcomers are removed.
void acceptor_free(Acceptor *acceptor);

const char *acceptor_address(const Acceptor *acceptor);
nng_tls_config *acceptor_config(const Acceptor *acceptor);

void acceptor_add(Acceptor *acceptor, Newcomer *newcomer);
void newcomer_remove(Newcomer *newcomer); // may be called again

#endif
