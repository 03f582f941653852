// Every operation of the wire contract has its row in the step table, its file and its test.
#include "base/text.h"
#include "steps.h"
#include "test.h"

static bool is_operation(const ProtobufCFieldDescriptor *field)
{
        return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && field->type == PROTOBUF_C_TYPE_MESSAGE;
}

static unsigned count_operations(const ProtobufCMessageDescriptor *descriptor)
{
        unsigned count = 0;

        for (unsigned i = 0; i < descriptor->n_fields; i++)
                count += is_operation(&descriptor->fields[i]);
        return count;
}

static void every_operation_of_a_task_has_a_row_and_a_result(void **state)
{
        const ProtobufCMessageDescriptor *task = &fleet__task__descriptor;

        (void)state;
        for (unsigned i = 0; i < task->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &task->fields[i];
                const ProtobufCFieldDescriptor *result;
                const StepInfo *info;

                if (!is_operation(field))
                        continue;
                info = step_info_find(field->name);
                if (!info)
                        fail_msg("operation %s has no row in proto/steps.h", field->name);
                assert_ptr_equal(info->arguments, field->descriptor);
                result = protobuf_c_message_descriptor_get_field_by_name(
                        &fleet__result__descriptor, field->name);
                if (!result)
                        fail_msg("operation %s has no result", field->name);
                assert_ptr_equal(info->result, result->descriptor);
                assert_int_equal(result->id, field->id);
        }
        assert_int_equal(count_operations(task), step_info_count);
        assert_int_equal(count_operations(&fleet__result__descriptor), step_info_count);
}

static void every_row_has_its_file_and_its_test(void **state)
{
        static const char *const places[] = {
                SOURCE_DIR "/worker/steps/%s.c", SOURCE_DIR "/tests/unit/steps/test_%s.c"};

        (void)state;
        for (size_t i = 0; i < step_info_count; i++)
                for (size_t j = 0; j < ELEMENTS(places); j++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                        _cleanup_free_ char *path = text_format(places[j], step_infos[i].name);
#pragma GCC diagnostic pop

                        if (access(path, F_OK) < 0)
                                fail_msg("%s is missing", path);
                }
}

static void every_destructive_step_carries_a_guard(void **state)
{
        (void)state;
        for (size_t i = 0; i < step_info_count; i++) {
                const ProtobufCFieldDescriptor *guard =
                        protobuf_c_message_descriptor_get_field_by_name(
                                step_infos[i].arguments, "guard");

                if (step_infos[i].flags & STEP_DESTROYS && !guard)
                        fail_msg("%s destroys without a guard", step_infos[i].name);
                if (guard)
                        assert_ptr_equal(guard->descriptor, &fleet__guard__descriptor);
        }
}

static void every_row_has_a_deadline_and_a_title(void **state)
{
        (void)state;
        for (size_t i = 0; i < step_info_count; i++) {
                assert_int_not_equal(step_infos[i].deadline_seconds, 0);
                assert_false(text_blank(step_infos[i].title));
        }
}

static void arguments_put_into_a_task_are_found_again(void **state)
{
        (void)state;
        for (size_t i = 0; i < step_info_count; i++) {
                Fleet__Task task = FLEET__TASK__INIT;
                ProtobufCMessage *arguments = message_new(step_infos[i].arguments);
                _cleanup_message_ ProtobufCMessage *copy = NULL;

                assert_null(step_info_of_task(&task));
                assert_null(step_task_arguments(&task));
                step_task_set_arguments(&task, &step_infos[i], arguments);
                copy = message_copy(&task.base);
                assert_ptr_equal(step_info_of_task((Fleet__Task *)copy), &step_infos[i]);
                assert_ptr_equal(step_task_arguments(&task), arguments);
                assert_ptr_equal(step_task_arguments((Fleet__Task *)copy)->descriptor,
                        step_infos[i].arguments);
                protobuf_c_message_free_unpacked(arguments, NULL);
        }
}

static void a_second_result_replaces_the_first(void **state)
{
        Fleet__Result *result = (Fleet__Result *)message_new(&fleet__result__descriptor);
        const StepInfo *echo = step_info_find("echo"), *probe = step_info_find("probe");

        (void)state;
        step_result_set_message(result, echo, message_new(echo->result));
        step_result_set_message(result, probe, message_new(probe->result));
        assert_int_equal(result->result_case, FLEET__RESULT__RESULT_PROBE);
        assert_ptr_equal(step_result_message(result), result->probe);
        fleet__result__free_unpacked(result, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_operation_of_a_task_has_a_row_and_a_result),
                cmocka_unit_test(every_row_has_its_file_and_its_test),
                cmocka_unit_test(every_destructive_step_carries_a_guard),
                cmocka_unit_test(every_row_has_a_deadline_and_a_title),
                cmocka_unit_test(arguments_put_into_a_task_are_found_again),
                cmocka_unit_test(a_second_result_replaces_the_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
