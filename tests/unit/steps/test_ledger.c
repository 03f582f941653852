#include "rehearsal.h"

typedef struct Books {
        Rehearsal *r;
        Fleet__DumpResult *dump;
        Fleet__RestoreResult *restore;
        Fleet__LedgerArguments arguments;
        Fleet__LedgerResult *result;
} Books;

static Books open_books(Rehearsal *r)
{
        Books books = {.r = r,
                .arguments = FLEET__LEDGER_ARGUMENTS__INIT,
                .result = (Fleet__LedgerResult *)message_new(&fleet__ledger_result__descriptor)};

        books.dump = rehearsal_dump(r);
        books.restore = rehearsal_restore(r, books.dump);
        books.arguments.production = &r->production;
        books.arguments.preview = &r->preview;
        books.arguments.dump = books.dump;
        books.arguments.restore = books.restore;
        return books;
}

static void close_books(Books *books)
{
        protobuf_c_message_free_unpacked(&books->dump->base, NULL);
        protobuf_c_message_free_unpacked(&books->restore->base, NULL);
        protobuf_c_message_free_unpacked(&books->result->base, NULL);
}

static int run(Books *books)
{
        return rehearsal_run(books->r, "ledger", &books->arguments.base, &books->result->base);
}

static void staging_sql(const Rehearsal *r, const char *sql)
{
        _cleanup_free_ char *path = text_format("%s/berta/berta.understudy-staging", r->f.root);

        fake_sql(path, sql);
}

static void equal_rows_have_no_differences(void **state)
{
        Books books = open_books(*state);

        assert_int_equal(run(&books), 0);
        assert_int_equal(books.result->written, 3);
        assert_int_equal(books.result->loaded, 3);
        assert_int_equal(books.result->found, 3);
        assert_int_equal(books.result->tables, 2);
        assert_int_equal(books.result->n_differences, 0);
        close_books(&books);
}

static void lost_rows_fail_it_and_the_failure_says_what_to_type(void **state)
{
        Rehearsal *r = *state;
        Books books = open_books(r);

        staging_sql(r, "DELETE FROM contacts_person WHERE id = 1");
        assert_int_equal(run(&books), -EIO);
        assert_string_equal(r->error.code, "ledger");
        assert_string_equal(r->error.why, "contacts_person: 2 written, 2 loaded, 1 found");
        assert_non_null(strstr(
                r->error.next, "understudyctl preview allow test contacts_person --why TEXT"));
        close_books(&books);
}

static void more_rows_than_written_are_a_difference_too(void **state)
{
        Rehearsal *r = *state;
        Books books = open_books(r);

        staging_sql(r, "INSERT INTO contacts_person VALUES (7, 'from nowhere')");
        assert_int_equal(run(&books), -EIO);
        assert_non_null(strstr(r->error.why, "2 written, 2 loaded, 3 found"));
        close_books(&books);
}

static void a_table_that_the_script_does_not_load_is_a_difference(void **state)
{
        Rehearsal *r = *state;
        Books books = open_books(r);

        free(books.restore->tables[1]->table);
        books.restore->tables[1]->table = text_copy("another");
        assert_int_equal(run(&books), -EIO);
        assert_string_equal(r->error.why, "uploads_volume: 1 written, 0 loaded, 1 found");
        close_books(&books);
}

static void a_table_that_is_gone_matters_only_when_it_had_rows(void **state)
{
        Rehearsal *r = *state;
        Books books = open_books(r);

        staging_sql(r, "DROP TABLE uploads_volume");
        assert_int_equal(run(&books), -EIO);
        assert_string_equal(r->error.why, "uploads_volume: 1 written, 1 loaded, no such table");
        protobuf_c_message_free_unpacked(&books.result->base, NULL);
        books.result = (Fleet__LedgerResult *)message_new(&fleet__ledger_result__descriptor);
        books.dump->tables[1]->rows = books.restore->tables[1]->rows = 0;
        assert_int_equal(run(&books), 0);
        assert_int_equal(books.result->n_differences, 0);
        close_books(&books);
}

static void an_allowed_difference_passes_and_stays_in_the_result_with_its_reason(void **state)
{
        Rehearsal *r = *state;
        Books books = open_books(r);
        Fleet__Allowance allowance = FLEET__ALLOWANCE__INIT;
        Fleet__Allowance *allowed[] = {&allowance};

        allowance.table = "contacts_person";
        allowance.why = "Joe left";
        allowance.who = "luc";
        books.arguments.allowed = allowed;
        books.arguments.n_allowed = 1;
        staging_sql(r, "DELETE FROM contacts_person WHERE id = 1");
        assert_int_equal(run(&books), 0);
        assert_int_equal(books.result->n_differences, 1);
        assert_string_equal(books.result->differences[0]->allowed, "Joe left (luc)");
        assert_int_equal(books.result->differences[0]->found, 1);
        assert_int_equal(step_fixture_said(&r->f, "allowed: Joe left (luc)"), 1);
        staging_sql(r, "DELETE FROM uploads_volume"); // that one was not allowed
        protobuf_c_message_free_unpacked(&books.result->base, NULL);
        books.result = (Fleet__LedgerResult *)message_new(&fleet__ledger_result__descriptor);
        assert_int_equal(run(&books), -EIO);
        assert_null(strstr(r->error.why, "contacts_person"));
        close_books(&books);
}

static void a_site_that_loses_rows_while_it_says_that_it_loaded_them_is_found_out(void **state)
{
        Rehearsal *r = *state;

        fake_site_behave(&r->f, "berta", "lost");
        Books books = open_books(r);
        assert_int_equal(run(&books), -EIO);
        assert_non_null(strstr(r->error.why, "2 loaded, 1 found"));
        close_books(&books);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(equal_rows_have_no_differences),
                REHEARSE(lost_rows_fail_it_and_the_failure_says_what_to_type),
                REHEARSE(more_rows_than_written_are_a_difference_too),
                REHEARSE(a_table_that_the_script_does_not_load_is_a_difference),
                REHEARSE(a_table_that_is_gone_matters_only_when_it_had_rows),
                REHEARSE(an_allowed_difference_passes_and_stays_in_the_result_with_its_reason),
                REHEARSE(a_site_that_loses_rows_while_it_says_that_it_loaded_them_is_found_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
