// Voters of an attempt and items of its release notes.
#include "scratch.h"

#include "store/attempt.h"
#include "store/host.h"
#include "store/series.h"
#include "store/vote.h"

static int64_t attempt;

static int setup(void **state)
{
        AttemptRow row = {.series = "mdg", .state = ATTEMPT_PLANNED, .who = "jane"};

        scratch_setup(state);
        begin();
        assert_int_equal(row_insert(store, &host_table, &(HostRow){.name = "alpha"}, NULL), 0);
        assert_int_equal(
                row_insert(store, &series_table,
                        &(SeriesRow){.name = "mdg", .host = "alpha", .root = "/srv"}, NULL),
                0);
        assert_int_equal(row_insert(store, &attempt_table, &row, NULL), 0);
        attempt = row.id;
        return 0;
}

static int add_voter(const char *name, int64_t *ret)
{
        VoterRow row = {.attempt = attempt, .name = (char *)name, .who = "jane"};
        int r = row_insert(store, &voter_table, &row, NULL);

        *ret = row.id;
        return r;
}

static void a_voter_is_named_once_and_found_by_number_and_name(void **state)
{
        _cleanup_voter_ VoterRow by_number = {0}, by_name = {0};
        _cleanup_rows_ Rows all = {0};
        int64_t joe, jane, again;

        (void)state;
        assert_int_equal(add_voter("joe", &joe), 0);
        assert_int_equal(add_voter("jane", &jane), 0);
        assert_int_equal(add_voter("joe", &again), -EEXIST);
        assert_int_equal(voter_get(store, joe, &by_number, NULL), 1);
        assert_string_equal(by_number.name, "joe");
        assert_int_equal(by_number.vote, VOTE_NONE);
        assert_int_equal(voter_find(store, attempt, "jane", &by_name, NULL), 1);
        assert_int_equal(by_name.id, jane);
        assert_int_equal(voters_of(store, attempt, &all, NULL), 0);
        assert_int_equal(all.count, 2);
        assert_string_equal(((const VoterRow *)all.items)[0].name, "joe");
}

static void the_number_of_a_removed_voter_is_not_given_again(void **state)
{
        _cleanup_voter_ VoterRow gone = {0};
        int64_t first, second;

        (void)state;
        assert_int_equal(add_voter("joe", &first), 0);
        assert_int_equal(voter_delete(store, first, NULL), 0);
        assert_int_equal(voter_get(store, first, &gone, NULL), 0);
        assert_int_equal(add_voter("joe", &second), 0);
        assert_true(second > first);
}

static void items_come_by_their_numbers(void **state)
{
        _cleanup_item_ ItemRow found = {0}, missing = {0};
        _cleanup_rows_ Rows all = {0};

        (void)state;
        for (int64_t number = 2; number > 0; number--) {
                ItemRow row = {
                        .attempt = attempt, .number = number, .text = "a text", .who = "jane"};

                assert_int_equal(row_insert(store, &item_table, &row, NULL), 0);
        }
        assert_int_equal(items_of(store, attempt, &all, NULL), 0);
        assert_int_equal(all.count, 2);
        assert_int_equal(((const ItemRow *)all.items)[0].number, 1);
        assert_int_equal(item_find(store, attempt, 2, &found, NULL), 1);
        assert_null(found.signed_by);
        assert_int_equal(item_find(store, attempt, 3, &missing, NULL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_voter_is_named_once_and_found_by_number_and_name),
                TEST(the_number_of_a_removed_voter_is_not_given_again),
                TEST(items_come_by_their_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
