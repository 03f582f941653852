// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/text.h"
#include "plan/bind.h"

static Fleet__DumpResult dump = FLEET__DUMP_RESULT__INIT;
static Fleet__RestoreResult restore = FLEET__RESTORE_RESULT__INIT;

static const ProtobufCMessage *both(void *userdata, const char *label)
{
        (void)userdata;
        if (text_equal(label, "dump"))
                return &dump.base;
        return text_equal(label, "restore") ? &restore.base : NULL;
}

static const ProtobufCMessage *none(void *userdata, const char *label)
{
        (void)userdata;
        (void)label;
        return NULL;
}

static const ProtobufCMessage *wrong(void *userdata, const char *label)
{
        (void)userdata;
        (void)label;
        return &restore.base;
}

static void a_field_takes_the_result_of_the_task_with_its_name(void **state)
{
        _cleanup_message_ ProtobufCMessage *message =
                message_new(&fleet__ledger_arguments__descriptor);
        Fleet__LedgerArguments *ledger = (Fleet__LedgerArguments *)message;

        (void)state;
        dump.objects = 3887;
        restore.loaded = 3886;
        assert_int_equal(bind_results(message, both, NULL, NULL), 0);
        assert_int_equal(ledger->dump->objects, 3887);
        assert_int_equal(ledger->restore->loaded, 3886);
        assert_null(ledger->production);
}

static void binding_again_replaces_what_was_bound(void **state)
{
        _cleanup_message_ ProtobufCMessage *message =
                message_new(&fleet__script_arguments__descriptor);

        (void)state;
        dump.objects = 1;
        assert_int_equal(bind_results(message, both, NULL, NULL), 0);
        dump.objects = 2;
        assert_int_equal(bind_results(message, both, NULL, NULL), 0);
        assert_int_equal(((Fleet__ScriptArguments *)message)->dump->objects, 2);
}

static void a_field_without_such_a_task_stays_absent(void **state)
{
        _cleanup_message_ ProtobufCMessage *message =
                message_new(&fleet__verify_arguments__descriptor);

        (void)state;
        assert_int_equal(bind_results(message, none, NULL, NULL), 0);
        assert_null(((Fleet__VerifyArguments *)message)->ledger);
}

static void a_result_of_another_type_is_refused(void **state)
{
        _cleanup_message_ ProtobufCMessage *message =
                message_new(&fleet__script_arguments__descriptor);
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)state;
        assert_int_equal(bind_results(message, wrong, NULL, &error), -EPROTO);
        assert_non_null(strstr(error.what, "DumpResult"));
}

// A result field whose name no plan's label bears would stay absent for ever.
static void every_result_field_is_named_like_a_step_or_a_probe(void **state)
{
        (void)state;
        for (size_t i = 0; i < step_info_count; i++) {
                const ProtobufCMessageDescriptor *type = step_infos[i].arguments;

                for (unsigned f = 0; f < type->n_fields; f++)
                        if (bind_is_result(&type->fields[f]))
                                assert_true(step_info_find(type->fields[f].name) ||
                                            text_ends(type->fields[f].name, "_probe"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_field_takes_the_result_of_the_task_with_its_name),
                cmocka_unit_test(binding_again_replaces_what_was_bound),
                cmocka_unit_test(a_field_without_such_a_task_stays_absent),
                cmocka_unit_test(a_result_of_another_type_is_refused),
                cmocka_unit_test(every_result_field_is_named_like_a_step_or_a_probe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
