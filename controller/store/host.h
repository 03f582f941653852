// Hosts: one row per machine that was ever invited.
#ifndef UNDERSTUDY_STORE_HOST_H
#define UNDERSTUDY_STORE_HOST_H

#include "store/row.h"

typedef enum HostState { HOST_INVITED, HOST_JOINED } HostState;
extern const char *const host_state_names[];

typedef struct HostRow {
        char *name;
        HostState state;
        char *token_hash; // SHA-256 of the secret, hexadecimal; NULL: none that could be used
        int64_t token_expires_us;
        char *fingerprint; // of its certificate, as in Peer; NULL: has not joined
        char *address;     // it last came from
        char *version;
        Blob facts; // HostFacts
        int64_t invited_us, joined_us, last_seen_us;
        char *window,
                *zone; // in which heavy work may begin; NULL or "": any time, the standard zone
} HostRow;

DEFINE_ROW(HostRow, host)
#define _cleanup_host_ _cleanup_(host_clear)

// 1: found; 0: there is none.
int host_get(Store *store, const char *name, HostRow *ret, Error *error) _must_use_;
int host_get_by_token(Store *store, const char *token_hash, HostRow *ret, Error *error) _must_use_;
int hosts_get(Store *store, Rows *ret, Error *error) _must_use_; // by name

int host_set_facts(Store *store, const char *name, const Blob *facts, Error *error) _must_use_;
int host_seen(Store *store, const char *name, int64_t at_us, Error *error) _must_use_;

#endif
