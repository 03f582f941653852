#include "steps.h"

#include "base/text.h"

const StepInfo step_infos[] = {
#define ROW(step, step_flags, deadline, step_title)                                                \
        {                                                                                          \
                .name = #step,                                                                     \
                .arguments = &fleet__##step##_arguments__descriptor,                               \
                .result = &fleet__##step##_result__descriptor,                                     \
                .flags = (step_flags),                                                             \
                .deadline_seconds = (deadline),                                                    \
                .title = (step_title),                                                             \
        },
        STEPS(ROW)
#undef ROW
};
const size_t step_info_count = ELEMENTS(step_infos);

const StepInfo *step_info_find(const char *name)
{
        for (size_t i = 0; i < step_info_count; i++)
                if (text_equal(step_infos[i].name, name))
                        return &step_infos[i];
        return NULL;
}

// Every field of a protobuf-c oneof shares one pointer and one case; the descriptor says where they
// are.
static ProtobufCMessage **oneof_member(
        const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        return (ProtobufCMessage **)((uint8_t *)message + field->offset);
}

static int *oneof_case(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        return (int *)((uint8_t *)message + field->quantifier_offset);
}

static const ProtobufCFieldDescriptor *oneof_field(
        const ProtobufCMessageDescriptor *descriptor, const char *name)
{
        const ProtobufCFieldDescriptor *field =
                protobuf_c_message_descriptor_get_field_by_name(descriptor, name);

        return field && field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ? field : NULL;
}

static const ProtobufCFieldDescriptor *oneof_present(
        const ProtobufCMessage *message, const char *any_member)
{
        const ProtobufCFieldDescriptor *any = oneof_field(message->descriptor, any_member);
        int present = *oneof_case(message, any);

        return present ? protobuf_c_message_descriptor_get_field(
                                 message->descriptor, (unsigned)present)
                       : NULL;
}

const StepInfo *step_info_of_task(const Fleet__Task *task)
{
        const ProtobufCFieldDescriptor *field = oneof_present(&task->base, step_infos[0].name);

        return field ? step_info_find(field->name) : NULL;
}

static ProtobufCMessage *oneof_message(const ProtobufCMessage *message)
{
        const ProtobufCFieldDescriptor *field = oneof_present(message, step_infos[0].name);

        return field ? *oneof_member(message, field) : NULL;
}

ProtobufCMessage *step_task_arguments(const Fleet__Task *task)
{
        return oneof_message(&task->base);
}

ProtobufCMessage *step_result_message(const Fleet__Result *result)
{
        return oneof_message(&result->base);
}

static void oneof_set(ProtobufCMessage *message, const char *name, ProtobufCMessage *take_member)
{
        const ProtobufCFieldDescriptor *field = oneof_field(message->descriptor, name);
        ProtobufCMessage *before = oneof_message(message);

        if (before)
                protobuf_c_message_free_unpacked(before, NULL);
        *oneof_member(message, field) = take_member;
        *oneof_case(message, field) = (int)field->id;
}

void step_task_set_arguments(
        Fleet__Task *task, const StepInfo *info, ProtobufCMessage *take_message)
{
        oneof_set(&task->base, info->name, take_message);
}

void step_result_set_message(
        Fleet__Result *result, const StepInfo *info, ProtobufCMessage *take_message)
{
        oneof_set(&result->base, info->name, take_message);
}

ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *descriptor)
{
        ProtobufCMessage *message = memory_new(descriptor->sizeof_message);

        protobuf_c_message_init(descriptor, message);
        return message;
}

ProtobufCMessage *message_copy(const ProtobufCMessage *message)
{
        size_t size = protobuf_c_message_get_packed_size(message);
        _cleanup_free_ uint8_t *packed = memory_new(size);
        ProtobufCMessage *copy;

        protobuf_c_message_pack(message, packed);
        copy = protobuf_c_message_unpack(message->descriptor, NULL, size, packed);
        if (!copy)
                abort();
        return copy;
}
