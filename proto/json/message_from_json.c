#include <openssl/evp.h>
#include <strings.h>

#include "base/text.h"
#include "steps.h"
#include "json/field.h"
#include "json/message.h"

static int refuse(Error *error, const char *field, const char *why)
{
        error_set(error, -EINVAL, "bad-json", "cannot understand the request");
        error_where(error, "%s", field);
        error_why(error, "%s", why);
        error_next(error, "correct that member");
        return -EINVAL;
}

// Within 32-bit bounds by the field's type; INT64_MAX is also the largest uint64 that JSON carries.
static int number_from_json(
        const json_t *json, const ProtobufCFieldDescriptor *field, void *value, Error *error)
{
        bool is_long = field_size(field) == sizeof(int64_t);
        bool is_unsigned =
                field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_UINT64;
        int64_t least = is_unsigned ? 0 : is_long ? INT64_MIN : INT32_MIN;
        int64_t most = is_long ? INT64_MAX : is_unsigned ? UINT32_MAX : INT32_MAX;
        int64_t number = json_integer_value(json);

        if (!json_is_integer(json))
                return refuse(error, field->name, "must be a whole number");
        if (number < least || number > most)
                return refuse(error, field->name, "the number is out of range");
        if (is_long)
                *(int64_t *)value = number;
        else
                *(uint32_t *)value = (uint32_t)number;
        return 0;
}

static int enumerator_from_json(
        const json_t *json, const ProtobufCFieldDescriptor *field, int *value, Error *error)
{
        const ProtobufCEnumDescriptor *descriptor = field->descriptor;
        const char *name = json_string_value(json);

        for (unsigned i = 0; name && i < descriptor->n_values; i++) {
                if (strcasecmp(descriptor->values[i].name, name) != 0)
                        continue;
                *value = descriptor->values[i].value;
                return 0;
        }
        return refuse(error, field->name, "is none of the known names");
}

static int text_from_json(
        const json_t *json, const ProtobufCFieldDescriptor *field, char **value, Error *error)
{
        const char *text = json_string_value(json);

        if (!text)
                return refuse(error, field->name, "must be a text");
        if (strlen(text) != json_string_length(json))
                return refuse(error, field->name, "holds a NUL character");
        *value = text_copy(text);
        return 0;
}

static int bytes_from_json(const json_t *json, const ProtobufCFieldDescriptor *field,
        ProtobufCBinaryData *value, Error *error)
{
        const char *text = json_string_value(json);
        size_t length = json_string_length(json);
        _cleanup_free_ uint8_t *data = NULL;
        int size;

        if (!text)
                return refuse(error, field->name, "must be a text in base64");
        data = memory_new(length + 1);
        size = EVP_DecodeBlock(data, (const unsigned char *)text, (int)length);
        if (size < 0)
                return refuse(error, field->name, "is not base64");
        // EVP_DecodeBlock counts the padding as bytes.
        for (size_t end = length; end > 0 && text[end - 1] == '=' && size > 0; end--)
                size--;
        value->len = (size_t)size;
        value->data = TAKE_PTR(data);
        return 0;
}

static int object_from_json(const ProtobufCMessageDescriptor *descriptor, const json_t *json,
        ProtobufCMessage **ret, Error *error);

static int message_value_from_json(const json_t *json, const ProtobufCFieldDescriptor *field,
        ProtobufCMessage **value, Error *error)
{
        int r;

        if (!json_is_object(json))
                return refuse(error, field->name, "must be an object");
        r = object_from_json(field->descriptor, json, value, error);
        if (r < 0)
                error_where(error, "%s.%s", field->name, error->where);
        return r;
}

static int value_from_json(
        const json_t *json, const ProtobufCFieldDescriptor *field, void *value, Error *error)
{
        switch (field->type) {
        case PROTOBUF_C_TYPE_BOOL:
                if (!json_is_boolean(json))
                        return refuse(error, field->name, "must be true or false");
                *(protobuf_c_boolean *)value = json_is_true(json);
                return 0;
        case PROTOBUF_C_TYPE_ENUM:
                return enumerator_from_json(json, field, value, error);
        case PROTOBUF_C_TYPE_STRING:
                return text_from_json(json, field, value, error);
        case PROTOBUF_C_TYPE_BYTES:
                return bytes_from_json(json, field, value, error);
        case PROTOBUF_C_TYPE_MESSAGE:
                return message_value_from_json(json, field, value, error);
        default:
                return number_from_json(json, field, value, error);
        }
}

static int repeated_from_json(const json_t *json, const ProtobufCFieldDescriptor *field,
        ProtobufCMessage *message, Error *error)
{
        size_t size = json_array_size(json);
        size_t *count = field_quantifier(message, field);
        char *items;

        if (!json_is_array(json))
                return refuse(error, field->name, "must be an array");
        if (size == 0)
                return 0;
        items = memory_new(size * field_size(field));
        *(char **)field_at(message, field) = items;
        while (*count < size) {
                int r = value_from_json(json_array_get(json, *count), field,
                        items + *count * field_size(field), error);

                if (r < 0)
                        return r;
                (*count)++;
        }
        return 0;
}

static int field_from_json(const json_t *json, const ProtobufCFieldDescriptor *field,
        ProtobufCMessage *message, Error *error)
{
        int r;

        if (field->label == PROTOBUF_C_LABEL_REPEATED)
                return repeated_from_json(json, field, message, error);
        if (field_in_oneof(field) && *field_case(message, field))
                return refuse(error, field->name, "excludes another member that is given too");
        r = value_from_json(json, field, field_at(message, field), error);
        if (r == 0 && field_in_oneof(field))
                *field_case(message, field) = field->id;
        return r;
}

static int object_from_json(const ProtobufCMessageDescriptor *descriptor, const json_t *json,
        ProtobufCMessage **ret, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message = message_new(descriptor);
        const char *name;
        json_t *member;

        json_object_foreach ((json_t *)json, name, member) {
                const ProtobufCFieldDescriptor *field =
                        protobuf_c_message_descriptor_get_field_by_name(descriptor, name);
                int r;

                if (!field)
                        return refuse(error, name, "there is no such member");
                if (json_is_null(member))
                        continue;
                r = field_from_json(member, field, message, error);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(message);
        return 0;
}

int message_from_json(const ProtobufCMessageDescriptor *descriptor, const json_t *json,
        ProtobufCMessage **ret, Error *error)
{
        _cleanup_error_ Error local = ERROR_EMPTY;
        int r;

        if (!json_is_object(json))
                r = refuse(&local, descriptor->short_name, "must be an object");
        else
                r = object_from_json(descriptor, json, ret, &local);
        if (r < 0)
                error_move(error, &local);
        return r;
}
