#include <ctype.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "json/field.h"
#include "json/message.h"

static json_t *text_to_json(const char *text)
{
        _cleanup_free_ char *valid = NULL;
        json_t *json;

        if (!text)
                return json_string("");
        json = json_string(text);
        if (json)
                return json;
        valid = text_to_utf8(text, strlen(text));
        return json_string(valid);
}

static json_t *bytes_to_json(const ProtobufCBinaryData *bytes)
{
        _cleanup_free_ char *text = memory_new(4 * (bytes->len / 3 + 1) + 1);

        EVP_EncodeBlock((unsigned char *)text, bytes->data, (int)bytes->len);
        return json_string(text);
}

static json_t *enumerator_to_json(const ProtobufCEnumDescriptor *descriptor, int number)
{
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(descriptor, number);
        _cleanup_free_ char *name = NULL;

        if (!value)
                return json_integer(number);
        name = text_copy(value->name);
        for (char *c = name; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return json_string(name);
}

static json_t *value_to_json(const ProtobufCFieldDescriptor *field, const void *value)
{
        switch (field->type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
                return json_integer(*(const int32_t *)value);
        case PROTOBUF_C_TYPE_UINT32:
                return json_integer(*(const uint32_t *)value);
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
                return json_integer(*(const int64_t *)value);
        case PROTOBUF_C_TYPE_UINT64: {
                uint64_t number = *(const uint64_t *)value;

                return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number);
        }
        case PROTOBUF_C_TYPE_BOOL:
                return json_boolean(*(const protobuf_c_boolean *)value);
        case PROTOBUF_C_TYPE_ENUM:
                return enumerator_to_json(field->descriptor, *(const int *)value);
        case PROTOBUF_C_TYPE_STRING:
                return text_to_json(*(const char *const *)value);
        case PROTOBUF_C_TYPE_BYTES:
                return bytes_to_json(value);
        case PROTOBUF_C_TYPE_MESSAGE:
                return message_to_json(*(ProtobufCMessage *const *)value);
        default: // fixed width and floating point: a test holds fleet.proto to the types above
                abort();
        }
}

static json_t *repeated_to_json(
        const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        json_t *array = json_array();
        const char *item = *(const char *const *)field_at(message, field);

        for (size_t left = *field_quantifier(message, field); left > 0; left--) {
                json_array_append_new(array, value_to_json(field, item));
                item += field_size(field);
        }
        return array;
}

static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        if (field_in_oneof(field) && *field_case(message, field) != field->id)
                return false;
        return field->type != PROTOBUF_C_TYPE_MESSAGE ||
               *(ProtobufCMessage *const *)field_at(message, field);
}

json_t *message_to_json(const ProtobufCMessage *message)
{
        json_t *object = json_object();

        for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

                if (field->label == PROTOBUF_C_LABEL_REPEATED)
                        json_object_set_new(object, field->name, repeated_to_json(message, field));
                else if (is_present(message, field))
                        json_object_set_new(object, field->name,
                                value_to_json(field, field_at(message, field)));
        }
        return object;
}
