// Where a message keeps a field, by its descriptor. Private to this library.
#ifndef UNDERSTUDY_JSON_FIELD_H
#define UNDERSTUDY_JSON_FIELD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void *field_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        return (char *)message + field->offset;
}

// Number of items of a repeated field.
static inline size_t *field_quantifier(
        const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        return (size_t *)((char *)message + field->quantifier_offset);
}

static inline bool field_in_oneof(const ProtobufCFieldDescriptor *field)
{
        return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

// Id of the field that is set in the oneof; 0: none.
static inline uint32_t *field_case(
        const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        return (uint32_t *)((char *)message + field->quantifier_offset);
}

// Of one value, in bytes.
static inline size_t field_size(const ProtobufCFieldDescriptor *field)
{
        switch (field->type) {
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_UINT64:
                return sizeof(uint64_t);
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_MESSAGE:
                return sizeof(void *);
        case PROTOBUF_C_TYPE_BYTES:
                return sizeof(ProtobufCBinaryData);
        default:
                return sizeof(uint32_t);
        }
}

#endif
