// The site as it was when it stepped in is what verify keeps; see test_verify.c.
#include "rehearsal.h"

typedef struct Loss {
        Rehearsal *r;
        Fleet__LossArguments arguments;
        Fleet__LossResult *result;
} Loss;

static Loss *open_loss(Rehearsal *r)
{
        Loss *loss = memory_new(sizeof(*loss));

        loss->r = r;
        fleet__loss_arguments__init(&loss->arguments);
        loss->arguments.site = &r->preview;
        loss->result = (Fleet__LossResult *)message_new(&fleet__loss_result__descriptor);
        return loss;
}

static void close_loss(Loss *loss)
{
        fleet__loss_result__free_unpacked(loss->result, NULL);
        free(loss);
}

static void step_in(Rehearsal *r)
{
        Fleet__VerifyArguments arguments = FLEET__VERIFY_ARGUMENTS__INIT;
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__verify_result__descriptor);

        arguments.preview = &r->preview;
        arguments.guard = &r->guard;
        arguments.opening = true;
        rehearsal_done(r, "verify", &arguments.base, result);
}

static int run(Loss *loss)
{
        return rehearsal_run(loss->r, "loss", &loss->arguments.base, &loss->result->base);
}

static void assert_row(const Loss *loss, size_t i, Fleet__Change change, const char *text)
{
        assert_true(i < loss->result->n_rows);
        assert_string_equal(loss->result->rows[i]->table, "contacts.Person");
        assert_int_equal(loss->result->rows[i]->change, change);
        assert_string_equal(loss->result->rows[i]->text, text);
}

static void nothing_done_is_nothing_lost(void **state)
{
        Loss *loss = open_loss(*state);

        step_in(loss->r);
        if (run(loss) < 0)
                fail_msg("%s", loss->r->error.why);
        assert_int_equal(loss->result->n_tables, 0);
        assert_int_equal(loss->result->n_rows, 0);
        close_loss(loss);
}

static void what_was_added_changed_and_deleted_is_told_with_its_name(void **state)
{
        Loss *loss = open_loss(*state);
        _cleanup_free_ char *path = NULL;

        step_in(loss->r);
        path = text_format("%s/berta/berta", loss->r->f.root);
        fake_sql(path, "DELETE FROM contacts_person WHERE id = 1");
        fake_sql(path, "UPDATE contacts_person SET name = 'Changed' WHERE id = 2");
        rehearsal_add_person(loss->r, "berta");
        if (run(loss) < 0)
                fail_msg("%s", loss->r->error.why);
        assert_int_equal(loss->result->n_tables, 1);
        assert_int_equal(loss->result->tables[0]->added, 1);
        assert_int_equal(loss->result->tables[0]->changed, 1);
        assert_int_equal(loss->result->tables[0]->deleted, 1);
        assert_int_equal(loss->result->n_rows, 3);
        assert_row(loss, 0, FLEET__CHANGE__DELETED, "");
        assert_row(loss, 2, FLEET__CHANGE__CHANGED, "Changed");
        assert_row(loss, 1, FLEET__CHANGE__ADDED, "added");
        assert_string_equal(loss->result->rows[1]->key, "100");
        close_loss(loss);
}

static void a_site_that_never_stepped_in_has_nothing_to_compare_with(void **state)
{
        Loss *loss = open_loss(*state);

        assert_true(run(loss) < 0);
        assert_string_equal(loss->r->error.code, "site-code");
        assert_non_null(strstr(loss->r->error.why, "what the site had when it stepped in"));
        close_loss(loss);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(nothing_done_is_nothing_lost),
                REHEARSE(what_was_added_changed_and_deleted_is_told_with_its_name),
                REHEARSE(a_site_that_never_stepped_in_has_nothing_to_compare_with),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
