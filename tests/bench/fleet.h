// Certificates of a controller and of one host, for measurements of the wire.
#ifndef UNDERSTUDY_BENCH_FLEET_H
#define UNDERSTUDY_BENCH_FLEET_H

#include <stdio.h>

#include "base/text.h"
#include "wire/link.h"
#include "wire/pki.h"

typedef struct BenchFleet {
        char *authority, *authority_key, *certificate, *key, *host_certificate, *host_key;
} BenchFleet;

static inline void require(int result, const Error *error)
{
        _cleanup_free_ char *line = NULL;

        if (result >= 0)
                return;
        line = error ? error_line(error) : text_copy(strerror(-result));
        fprintf(stderr, "bench: %s\n", line);
        exit(1);
}

static inline void bench_make(BenchFleet *fleet)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ uint8_t *request = NULL;
        size_t size;

        require(pki_make_authority(&fleet->authority, &fleet->authority_key, &error), &error);
        require(pki_issue_controller(fleet->authority, fleet->authority_key, &fleet->certificate,
                        &fleet->key, &error),
                &error);
        require(pki_make_request(&fleet->host_key, &request, &size, &error), &error);
        require(pki_sign_host(fleet->authority, fleet->authority_key, request, size, "bench", 1,
                        &fleet->host_certificate, &error),
                &error);
}

static inline Credentials bench_controller(const BenchFleet *fleet)
{
        return (Credentials){.authority = fleet->authority,
                .certificate = fleet->certificate,
                .key = fleet->key};
}

static inline Credentials bench_worker(const BenchFleet *fleet)
{
        return (Credentials){.authority = fleet->authority,
                .certificate = fleet->host_certificate,
                .key = fleet->host_key};
}

#endif
