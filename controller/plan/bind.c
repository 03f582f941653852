#include "plan/bind.h"

#include "base/text.h"

bool bind_is_result(const ProtobufCFieldDescriptor *field)
{
        if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label == PROTOBUF_C_LABEL_REPEATED)
                return false;
        for (size_t i = 0; i < step_info_count; i++)
                if (step_infos[i].result == field->descriptor)
                        return true;
        return false;
}

static int bind_field(ProtobufCMessage *arguments, const ProtobufCFieldDescriptor *field,
        const ProtobufCMessage *result, Error *error)
{
        ProtobufCMessage **member = (ProtobufCMessage **)((char *)arguments + field->offset);

        if (result->descriptor != field->descriptor)
                return error_set(error, -EPROTO, "internal",
                        "task '%s' has a %s, but %s.%s is a %s", field->name,
                        result->descriptor->short_name, arguments->descriptor->short_name,
                        field->name,
                        ((const ProtobufCMessageDescriptor *)field->descriptor)->short_name);
        if (*member)
                protobuf_c_message_free_unpacked(*member, NULL);
        *member = message_copy(result);
        return 0;
}

int bind_results(ProtobufCMessage *arguments, BindFn result_of, void *userdata, Error *error)
{
        for (unsigned i = 0; i < arguments->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &arguments->descriptor->fields[i];
                const ProtobufCMessage *result =
                        bind_is_result(field) ? result_of(userdata, field->name) : NULL;
                int r = result ? bind_field(arguments, field, result, error) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}
