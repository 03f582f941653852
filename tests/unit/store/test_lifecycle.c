#include "scratch.h"
#include "store/host.h"
#include "store/series.h"

#define EVENTS 7

// Every state against every event: "." is refused, else the first letter of the state that follows.
static const char *const followed[] = {
        // adopted prepared switched replaced switched-back dropped retired
        [SITE_UNKNOWN] = "uv.....",
        [SITE_PREVIEW] = "..u..x.",
        [SITE_PRODUCTION] = "...ov.x",
        [SITE_OLD] = "....u.x",
        [SITE_PURGED] = ".......",
};
static const char letters[] = {
        [SITE_PREVIEW] = 'v', [SITE_PRODUCTION] = 'u', [SITE_OLD] = 'o', [SITE_PURGED] = 'x'};

static void each_edge_leads_where_it_should_and_no_other_is_there(void **state)
{
        (void)state;
        for (int from = SITE_UNKNOWN; from <= SITE_PURGED; from++)
                for (int event = 0; event < EVENTS; event++) {
                        _cleanup_error_ Error error = ERROR_EMPTY;
                        SiteState to = SITE_UNKNOWN;
                        int r = lifecycle_next((SiteState)from, (SiteEvent)event, &to, &error);

                        if (followed[from][event] == '.') {
                                assert_int_equal(r, -EPERM);
                                assert_string_equal(error.code, "lifecycle");
                        } else {
                                assert_int_equal(r, 0);
                                assert_int_equal(letters[to], followed[from][event]);
                        }
                }
}

static void add_series(void)
{
        begin();
        assert_int_equal(row_insert(store, &host_table, &(HostRow){.name = "alpha"}, NULL), 0);
        assert_int_equal(
                row_insert(store, &series_table,
                        &(SeriesRow){.name = "mdg", .host = "alpha", .root = "/srv"}, NULL),
                0);
}

static SiteRow add_site(const char *name, SiteEvent event, int64_t at_us)
{
        SiteRow site = {.series = "mdg", .name = (char *)name};

        assert_int_equal(site_move(store, &site, event, at_us, NULL), 0);
        assert_true(site.id > 0);
        return site;
}

static void a_site_that_may_not_move_stays(void **state)
{
        _cleanup_site_row_ SiteRow found = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        SiteRow site;

        (void)state;
        add_series();
        site = add_site("anna", SITE_ADOPTED, 1);
        assert_int_equal(site_move(store, &site, SITE_DROPPED, 2, &error), -EPERM);
        assert_string_equal(error.where, "anna");
        assert_int_equal(site_get(store, "mdg", SITE_PRODUCTION, &found, NULL), 1);
        assert_int_equal(found.since_us, 1);
}

static void a_series_has_one_production_and_one_preview(void **state)
{
        SiteRow second = {.series = "mdg", .name = "zoe"};

        (void)state;
        add_series();
        add_site("anna", SITE_ADOPTED, 1);
        add_site("bert", SITE_PREPARED, 2);
        assert_int_equal(site_move(store, &second, SITE_ADOPTED, 3, NULL), -EEXIST);
        second.state = SITE_UNKNOWN;
        assert_int_equal(site_move(store, &second, SITE_PREPARED, 3, NULL), -EEXIST);
}

static void a_purged_name_may_be_given_again(void **state)
{
        SiteRow bert;

        (void)state;
        add_series();
        bert = add_site("bert", SITE_PREPARED, 1);
        assert_int_equal(site_move(store, &bert, SITE_DROPPED, 2, NULL), 0);
        add_site("bert", SITE_PREPARED, 3);
}

static void of_two_old_sites_the_latest_is_found(void **state)
{
        _cleanup_site_row_ SiteRow found = {0};
        SiteRow anna, bert;

        (void)state;
        add_series();
        anna = add_site("anna", SITE_ADOPTED, 1);
        bert = add_site("bert", SITE_PREPARED, 2);
        assert_int_equal(site_move(store, &anna, SITE_REPLACED, 5, NULL), 0);
        assert_int_equal(site_move(store, &bert, SITE_SWITCHED, 5, NULL), 0);
        assert_int_equal(site_move(store, &bert, SITE_REPLACED, 9, NULL), 0);
        assert_int_equal(site_get(store, "mdg", SITE_OLD, &found, NULL), 1);
        assert_string_equal(found.name, "bert");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_edge_leads_where_it_should_and_no_other_is_there),
                SCRATCH_TEST(a_site_that_may_not_move_stays),
                SCRATCH_TEST(a_series_has_one_production_and_one_preview),
                SCRATCH_TEST(a_purged_name_may_be_given_again),
                SCRATCH_TEST(of_two_old_sites_the_latest_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
