// Protobuf messages as JSON, by their descriptors: the API, the database's readable columns and the
// command line show a new message without an edit.
//
// Names are those of the .proto file; enumerators are in lower case ("done"); 64-bit numbers are
// JSON integers; bytes are base64; a repeated field is always an array; of a oneof only the member
// that is set appears; an absent message is left out. Any thread may call.
#ifndef UNDERSTUDY_JSON_MESSAGE_H
#define UNDERSTUDY_JSON_MESSAGE_H

#include <jansson.h>

#include "base/error.h"
#include "fleet.pb-c.h"

// Never NULL; the caller's. Text that is not UTF-8 gets replacement characters, an unsigned number
// beyond INT64_MAX (jansson's largest) becomes INT64_MAX, an unknown enumerator stays a number.
json_t *message_to_json(const ProtobufCMessage *message);

// The reverse, strictly: an unknown member, a wrong type, a number out of range or two members of
// one oneof are refused with -EINVAL, code "bad-json", and the member's path as `where`. Left-out
// and null members keep their defaults. Free `ret` with protobuf_c_message_free_unpacked.
int message_from_json(const ProtobufCMessageDescriptor *descriptor, const json_t *json,
        ProtobufCMessage **ret, Error *error) _must_use_;

#endif
