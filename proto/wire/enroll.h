// How a host without a certificate gets one: a TLS listener of its own that asks for none. One
// JoinRequest comes in, one JoinReply goes out.
#ifndef UNDERSTUDY_WIRE_ENROLL_H
#define UNDERSTUDY_WIRE_ENROLL_H

#include "wire/link.h"

typedef struct Enrollment Enrollment;

// Values of zero mean the default in brackets.
typedef struct EnrollLimits {
        uint32_t request_bytes;       // [16 KiB] a larger request ends the connection
        uint32_t connections;         // [16] at once; others wait in the kernel's backlog
        uint32_t deadline_ms;         // [5000] from accept to the end; a fifth while others wait
        uint32_t attempts_per_second; // [10] beyond, the answer is a Failure with code "busy"
} EnrollLimits;

// Judges a request from `address` and fills the reply, whose strings and bytes must be from malloc.
// A negative return without reply->failure gives a Failure of code "refused" with the system's
// words.
typedef int EnrollRequest(void *userdata, const Fleet__JoinRequest *request, const char *address,
        Fleet__JoinReply *reply);

// Listens on "HOST:PORT" with the controller's certificate; the CA's goes along, for the joining
// host to recognize it. `request` is called on the loop. `ret` lives as long as the Wire.
int enroll_listen(Wire *wire, const char *address, const Credentials *credentials,
        const EnrollLimits *limits, EnrollRequest *request, void *userdata, Enrollment **ret,
        Error *error) _must_use_;
const char *enroll_address(const Enrollment *enrollment); // as listener_address

// The joining host's side; blocks for at most `deadline_ms`, on a loop of its own. The request,
// with its token, goes out only after the controller has shown a certificate signed by the CA whose
// SHA-256 (64 lower-case hexadecimal digits) is `authority_digest`. On success the reply holds a
// certificate, and its authority has that digest; free it with fleet__join_reply__free_unpacked.
// Codes: "bad-address", "unreachable", "authentication", "disconnected", "timeout", "protocol", and
// those of the controller's Failure.
int enroll_join(const char *address, const char *authority_digest,
        const Fleet__JoinRequest *request, uint32_t deadline_ms, Fleet__JoinReply **ret,
        Error *error) _must_use_;

#endif
