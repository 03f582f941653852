#include "fixture.h"

extern const StepOps step_echo_ops;

static void it_answers_with_what_it_was_sent(void **state)
{
        StepFixture f;
        Fleet__EchoArguments arguments = FLEET__ECHO_ARGUMENTS__INIT;
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__echo_result__descriptor);
        Error error = ERROR_EMPTY;

        (void)state;
        step_fixture_open(&f, "echo");
        arguments.text = "there and back";
        assert_int_equal(step_echo_ops.run(f.context, &arguments.base, result, &error), 0);
        assert_string_equal(((Fleet__EchoResult *)result)->text, "there and back");
        step_fixture_close(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(it_answers_with_what_it_was_sent)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
