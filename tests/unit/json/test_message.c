#include <stdbool.h>

#include "base/text.h"
#include "steps.h"
#include "test.h"
#include "json/message.h"

static char *dump(const ProtobufCMessage *message)
{
        json_t *json = message_to_json(message);
        char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

        json_decref(json);
        return text;
}

static void assert_json(const ProtobufCMessage *message, const char *expected)
{
        _cleanup_free_ char *text = dump(message);

        assert_string_equal(text, expected);
}

static ProtobufCMessage *parse(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
        json_t *json = json_loads(text, 0, NULL);
        _cleanup_error_ Error error = ERROR_EMPTY;
        ProtobufCMessage *message = NULL;

        assert_non_null(json);
        if (message_from_json(descriptor, json, &message, &error) < 0)
                fail_msg("%s: %s", error.where, error.why);
        json_decref(json);
        return message;
}

static void assert_refused(const ProtobufCMessageDescriptor *descriptor, const char *text,
        const char *where, const char *why)
{
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        _cleanup_error_ Error error = ERROR_EMPTY;
        ProtobufCMessage *message = NULL;

        assert_non_null(json);
        assert_int_equal(message_from_json(descriptor, json, &message, &error), -EINVAL);
        assert_null(message);
        assert_string_equal(error.code, "bad-json");
        assert_string_equal(error.where, where);
        assert_string_equal(error.why, why);
        json_decref(json);
}

static void every_message_of_the_protocol_goes_to_json_and_back(void **state)
{
        (void)state;
        for (size_t i = 0; i < 2 * step_info_count; i++) {
                const StepInfo *info = &step_infos[i / 2];
                const ProtobufCMessageDescriptor *type = i % 2 ? info->arguments : info->result;
                _cleanup_message_ ProtobufCMessage *message = message_new(type), *back = NULL;
                _cleanup_free_ char *text = dump(message);

                back = parse(type, text);
                assert_json(back, text);
        }
}

static void only_types_that_json_can_carry_are_used(void **state)
{
        static const unsigned carried = 1U << PROTOBUF_C_TYPE_INT32 | 1U << PROTOBUF_C_TYPE_SINT32 |
                                        1U << PROTOBUF_C_TYPE_UINT32 | 1U << PROTOBUF_C_TYPE_INT64 |
                                        1U << PROTOBUF_C_TYPE_SINT64 |
                                        1U << PROTOBUF_C_TYPE_UINT64 | 1U << PROTOBUF_C_TYPE_BOOL |
                                        1U << PROTOBUF_C_TYPE_ENUM | 1U << PROTOBUF_C_TYPE_STRING |
                                        1U << PROTOBUF_C_TYPE_BYTES | 1U << PROTOBUF_C_TYPE_MESSAGE;
        const ProtobufCMessageDescriptor *pending[256] = {&fleet__frame__descriptor,
                &fleet__join_request__descriptor, &fleet__join_reply__descriptor};
        size_t count = 3;

        (void)state;
        for (size_t i = 0; i < count; i++) {
                for (unsigned j = 0; j < pending[i]->n_fields; j++) {
                        const ProtobufCFieldDescriptor *field = &pending[i]->fields[j];
                        bool known = field->type != PROTOBUF_C_TYPE_MESSAGE;

                        if (!(carried & 1U << field->type))
                                fail_msg("%s.%s", pending[i]->name, field->name);
                        for (size_t k = 0; k < count; k++)
                                known = known || pending[k] == field->descriptor;
                        if (!known && count < ELEMENTS(pending))
                                pending[count++] = field->descriptor;
                }
        }
        assert_in_range(count, step_info_count, ELEMENTS(pending) - 1);
}

static void names_are_those_of_the_proto_file_and_enumerators_are_lower_case(void **state)
{
        Fleet__Finished finished = FLEET__FINISHED__INIT;

        (void)state;
        finished.outcome = FLEET__OUTCOME__FAILED;
        finished.wall_us = 7;
        assert_json(&finished.base, "{\"already\":false,\"outcome\":\"failed\",\"wall_us\":7}");
        finished.outcome = 99;
        assert_json(&finished.base, "{\"already\":false,\"outcome\":99,\"wall_us\":7}");
}

static void only_the_present_member_of_a_oneof_appears(void **state)
{
        Fleet__EchoArguments echo = FLEET__ECHO_ARGUMENTS__INIT;
        Fleet__Task task = FLEET__TASK__INIT;
        _cleanup_free_ char *text = NULL;

        (void)state;
        echo.text = (char *)"hi";
        task.echo = &echo;
        task.arguments_case = FLEET__TASK__ARGUMENTS_ECHO;
        text = dump(&task.base);
        assert_non_null(strstr(text, "\"echo\":{\"text\":\"hi\"}"));
        assert_null(strstr(text, "clone"));
}

static void repeated_fields_are_arrays_even_when_empty(void **state)
{
        Fleet__PurgeResult result = FLEET__PURGE_RESULT__INIT;

        (void)state;
        assert_json(&result.base, "{\"bytes\":0,\"files\":0,\"removed\":[]}");
}

static void bytes_are_base64_both_ways(void **state)
{
        static const char *const texts[] = {"", "AA==", "AAE=", "AAEC", "AAECAw=="};

        (void)state;
        for (size_t length = 0; length < ELEMENTS(texts); length++) {
                _cleanup_free_ char *json =
                        text_format("{\"signing_request\":\"%s\",\"token\":\"\"}", texts[length]);
                _cleanup_message_ ProtobufCMessage *message =
                        parse(&fleet__join_request__descriptor, json);
                const Fleet__JoinRequest *request = (Fleet__JoinRequest *)message;

                assert_int_equal(request->signing_request.len, length);
                for (size_t i = 0; i < length; i++)
                        assert_int_equal(request->signing_request.data[i], i);
                assert_json(message, json);
        }
}

static void numbers_beyond_json_are_bounded_and_bad_text_is_mended(void **state)
{
        Fleet__SpaceNeed need = FLEET__SPACE_NEED__INIT;
        _cleanup_free_ char *text = NULL;

        (void)state;
        need.path = (char *)"a\377b";
        need.free_bytes = UINT64_MAX;
        text = dump(&need.base);
        assert_non_null(strstr(text, "\"free_bytes\":9223372036854775807"));
        assert_non_null(strstr(text, "\"path\":\"a\357\277\275b\""));
}

static void what_is_given_arrives(void **state)
{
        _cleanup_message_ ProtobufCMessage *message = parse(&fleet__mirror_arguments__descriptor,
                "{\"production\":{\"root\":\"/srv\",\"name\":\"anna\"},\"preview\":null,"
                "\"directories\":[\"media\",\"snapshot2preview\"]}");
        const Fleet__MirrorArguments *mirror = (Fleet__MirrorArguments *)message;

        (void)state;
        assert_string_equal(mirror->production->name, "anna");
        assert_null(mirror->preview);
        assert_int_equal(mirror->n_directories, 2);
        assert_string_equal(mirror->directories[1], "snapshot2preview");
}

static void what_does_not_fit_is_refused_by_its_path(void **state)
{
        const ProtobufCMessageDescriptor *task = &fleet__task__descriptor;

        (void)state;
        assert_refused(task, "[]", "Task", "must be an object");
        assert_refused(task, "{\"nmae\":1}", "nmae", "there is no such member");
        assert_refused(task, "{\"id\":1}", "id", "must be a text");
        assert_refused(task, "{\"job\":-1}", "job", "the number is out of range");
        assert_refused(task, "{\"nice\":2147483648}", "nice", "the number is out of range");
        assert_refused(task, "{\"job\":1.5}", "job", "must be a whole number");
        assert_refused(task, "{\"idle_io\":1}", "idle_io", "must be true or false");
        assert_refused(task, "{\"mode\":\"walk\"}", "mode", "is none of the known names");
        assert_refused(task, "{\"mirror\":{\"guard\":{\"target\":{\"root\":[]}}}}",
                "mirror.guard.target.root", "must be a text");
        assert_refused(task, "{\"mirror\":{\"directories\":{}}}", "mirror.directories",
                "must be an array");
        assert_refused(task, "{\"mirror\":{\"directories\":[\"media\",null]}}",
                "mirror.directories", "must be a text");
        assert_refused(task, "{\"echo\":{},\"probe\":{}}", "probe",
                "excludes another member that is given too");
        assert_refused(&fleet__join_request__descriptor, "{\"signing_request\":\"a?==\"}",
                "signing_request", "is not base64");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_message_of_the_protocol_goes_to_json_and_back),
                cmocka_unit_test(only_types_that_json_can_carry_are_used),
                cmocka_unit_test(names_are_those_of_the_proto_file_and_enumerators_are_lower_case),
                cmocka_unit_test(only_the_present_member_of_a_oneof_appears),
                cmocka_unit_test(repeated_fields_are_arrays_even_when_empty),
                cmocka_unit_test(bytes_are_base64_both_ways),
                cmocka_unit_test(numbers_beyond_json_are_bounded_and_bad_text_is_mended),
                cmocka_unit_test(what_is_given_arrives),
                cmocka_unit_test(what_does_not_fit_is_refused_by_its_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
