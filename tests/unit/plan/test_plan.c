// Golden tests: golden/NAME.input is what the planner is given, golden/NAME.plan what it gives.
// UPDATE_GOLDEN=1 writes the latter anew; look at what changed before it is committed.

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <glob.h>

#include "base/file.h"
#include "base/text.h"
#include "plan/bind.h"
#include "plan/plan.h"
#include "json/message.h"

#define GOLDEN    SOURCE_DIR "/tests/unit/plan/golden/"
#define SITES_MAX 8
#define WORDS_MAX 8

// ---- reading an input

typedef struct Input {
        PlanInput plan;
        char *text; // all words point into it
        PlanSite sites[SITES_MAX];
        Fleet__Identity identities[SITES_MAX];
        Fleet__Database databases[SITES_MAX];
        char directories[SITES_MAX][256];
        const char *install[WORDS_MAX];
        const char *taken[WORDS_MAX];
        Fleet__Allowance allowed[WORDS_MAX];
        SeriesSettings settings;
} Input;

static int named(const char *const *names, const char *name)
{
        for (int i = 0; names[i]; i++)
                if (text_equal(names[i], name))
                        return i;
        fail_msg("no such name: %s", name);
        return -1;
}

// site SERIES ROOT NAME STATE DATABASE [LOG DIRECTORY]; a database "-" has not answered yet
static void read_site(Input *input, char **words)
{
        size_t i = input->plan.site_count++;
        PlanSite *site = &input->sites[i];

        *site = (PlanSite){words[1], words[2], words[3],
                (SiteState)named(site_state_names, words[4]), NULL, words[6]};
        input->plan.sites = input->sites;
        if (strcmp(words[5], "-") == 0)
                return;
        fleet__identity__init(&input->identities[i]);
        fleet__database__init(&input->databases[i]);
        snprintf(input->directories[i], sizeof input->directories[i], "%s/%s", words[2], words[3]);
        input->identities[i].project_dir = input->directories[i];
        input->identities[i].database = &input->databases[i];
        input->databases[i].engine = "sqlite";
        input->databases[i].name = words[5];
        site->identity = &input->identities[i];
}

static void read_word(Input *input, char **words)
{
        PlanInput *plan = &input->plan;

        if (text_equal(words[0], "kind"))
                plan->kind = (JobKind)named(job_kind_names, words[1]);
        else if (text_equal(words[0], "series"))
                plan->series = words[1];
        else if (text_equal(words[0], "host"))
                plan->host = words[1];
        else if (text_equal(words[0], "root"))
                plan->root = words[1];
        else if (text_equal(words[0], "new"))
                plan->site = words[1];
        else if (text_equal(words[0], "links")) {
                plan->prod_link = strcmp(words[1], "-") ? words[1] : "";
                plan->preview_link = strcmp(words[2], "-") ? words[2] : "";
        } else if (text_equal(words[0], "dry_run"))
                plan->dry_run = true;
        else if (text_equal(words[0], "attempt"))
                plan->attempt = words[1];
        else if (text_equal(words[0], "full"))
                plan->full = true;
        else if (text_equal(words[0], "nightly")) {
                plan->nightly = true;
                plan->weekday = atoi(words[1]);
        } else if (text_equal(words[0], "set")) {
                if (!plan->settings)
                        option_defaults(series_settings, &input->settings);
                plan->settings = &input->settings;
                assert_int_equal(
                        option_set(series_setting_find(words[1]), &input->settings, words[2], NULL),
                        0);
        } else if (text_equal(words[0], "review"))
                plan->review = true;
        else if (text_equal(words[0], "known"))
                plan->series_known = true;
        else if (text_equal(words[0], "unfinished"))
                plan->unfinished = atoi(words[1]);
        else if (text_equal(words[0], "install"))
                input->install[plan->install_count++] = words[1];
        else if (text_equal(words[0], "taken"))
                input->taken[plan->taken_count++] = words[1];
        else if (text_equal(words[0], "last")) {
                plan->last_dump_bytes = strtoull(words[1], NULL, 10);
                plan->last_database_bytes = strtoull(words[2], NULL, 10);
                plan->last_environment_bytes = strtoull(words[3], NULL, 10);
        } else if (text_equal(words[0], "allow")) {
                Fleet__Allowance *allowance = &input->allowed[plan->allowed_count++];

                fleet__allowance__init(allowance);
                allowance->table = words[1];
                allowance->why = words[2];
                allowance->who = words[3];
        } else if (text_equal(words[0], "site"))
                read_site(input, words);
        else
                fail_msg("no such word: %s", words[0]);
}

static void read_input(const char *path, Input *input)
{
        char *line;
        char *rest;
        size_t size;

        memset(input, 0, sizeof *input);
        input->plan.prod_link = input->plan.preview_link = "";
        assert_int_equal(file_read(path, 65536, &input->text, &size), 0);
        rest = input->text;
        while ((line = strsep(&rest, "\n"))) {
                char *words[WORDS_MAX] = {NULL};
                size_t count = 0;
                char *word;

                if (line[0] == '#')
                        continue;
                while ((word = strsep(&line, " ")))
                        if (*word)
                                words[count++] = word;
                if (count)
                        read_word(input, words);
        }
        input->plan.install = input->install;
        input->plan.taken = input->taken;
        input->plan.allowed = input->allowed;
        for (size_t i = 0; i < input->plan.site_count; i++) {
                const PlanSite *site = &input->sites[i];

                if (!text_equal(site->series, input->plan.series))
                        continue;
                if (site->state == SITE_PRODUCTION)
                        input->plan.production = site;
                if (site->state == SITE_PREVIEW)
                        input->plan.preview = site;
                if (site->state == SITE_OLD)
                        input->plan.old = site;
        }
}

// ---- writing a plan

// One line a value: "  guard.target.name = bert". What is empty, zero or false is left out.
static void write_json(FILE *out, const char *path, const json_t *value)
{
        const char *key;
        json_t *member;
        size_t i;

        if (json_is_object(value)) {
                json_object_foreach ((json_t *)value, key, member) {
                        _cleanup_free_ char *below =
                                text_format("%s%s%s", path, *path ? "." : "", key);

                        write_json(out, below, member);
                }
        } else if (json_is_array(value)) {
                json_array_foreach (value, i, member) {
                        _cleanup_free_ char *below = text_format("%s[%zu]", path, i);

                        write_json(out, below, member);
                }
        } else if (json_is_string(value) && json_string_length(value)) {
                fprintf(out, "  %s = %s\n", path, json_string_value(value));
        } else if (json_is_integer(value) && json_integer_value(value)) {
                fprintf(out, "  %s = %lld\n", path, (long long)json_integer_value(value));
        } else if (json_is_true(value)) {
                fprintf(out, "  %s\n", path);
        }
}

static void write_plan(FILE *out, const Plan *plan)
{
        for (size_t i = 0; i < plan->count; i++) {
                const PlanNode *node = &plan->nodes[i];
                json_t *arguments = message_to_json(node->arguments);

                fprintf(out, "%s", node->label);
                if (!text_equal(node->label, node->info->name))
                        fprintf(out, ": %s", node->info->name);
                if (*node->depends)
                        fprintf(out, ", after %s", node->depends);
                fprintf(out, "%s%s\n", node->skipped ? ", skipped" : "",
                        node->gate_after ? ", then a person looks" : "");
                if (!node->skipped)
                        write_json(out, "", arguments);
                json_decref(arguments);
        }
}

static void write_refusal(FILE *out, int result, const Error *error)
{
        fprintf(out, "refused: %s %s\n", strerrorname_np(-result), error->code);
        fprintf(out, "  what:  %s\n", error->what);
        if (error->where)
                fprintf(out, "  where: %s\n", error->where);
        fprintf(out, "  why:   %s\n", error->why);
        fprintf(out, "  next:  %s\n", error->next);
}

// A service node that is not about a restore does not read its result.
static bool reads(const PlanNode *node)
{
        return !text_equal(node->info->name, "service") ||
               ((Fleet__ServiceArguments *)node->arguments)->unless_in_place;
}

// Everything that is bound comes from a node that is done by then, and is of the right type.
static void check_bindings(const Plan *plan)
{
        for (size_t i = 0; i < plan->count; i++) {
                const ProtobufCMessageDescriptor *type = plan->nodes[i].info->arguments;

                for (unsigned f = 0; f < type->n_fields; f++)
                        for (size_t k = 0; k < plan->count; k++) {
                                if (!bind_is_result(&type->fields[f]) || !reads(&plan->nodes[i]) ||
                                        !text_equal(plan->nodes[k].label, type->fields[f].name))
                                        continue;
                                assert_true(k < i);
                                assert_ptr_equal(
                                        plan->nodes[k].info->result, type->fields[f].descriptor);
                        }
        }
}

// Labels are unique, and each node comes after what it depends on.
static void check_order(const Plan *plan)
{
        for (size_t i = 0; i < plan->count; i++) {
                char *depends = text_copy(plan->nodes[i].depends);
                char *rest = depends;
                char *label;

                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(plan->nodes[k].label, plan->nodes[i].label);
                while ((label = strsep(&rest, " "))) {
                        bool found = !*label;

                        for (size_t k = 0; k < i; k++)
                                found |= text_equal(plan->nodes[k].label, label);
                        assert_true(found);
                }
                free(depends);
        }
}

static void check_golden(const char *input_path)
{
        Input input;
        _cleanup_plan_ Plan plan = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *path =
                text_format("%.*s.plan", (int)(strlen(input_path) - 6), input_path);
        char *made = NULL;
        char *golden = NULL;
        size_t size;
        FILE *out = open_memstream(&made, &size);
        int r;

        read_input(input_path, &input);
        r = plan_make(&input.plan, &plan, &error);
        if (r < 0)
                write_refusal(out, r, &error);
        else
                write_plan(out, &plan);
        fclose(out);
        check_bindings(&plan);
        check_order(&plan);
        if (getenv("UPDATE_GOLDEN"))
                assert_int_equal(file_write(path, made, strlen(made), 0644), 0);
        assert_int_equal(file_read(path, 1 << 20, &golden, &size), 0);
        if (strcmp(golden, made) != 0)
                print_message("%s gives:\n%s", input_path, made);
        assert_string_equal(golden, made);
        free(golden);
        free(made);
        series_settings_clear(&input.settings);
        free(input.text);
}

static void each_input_gives_its_golden_plan(void **state)
{
        glob_t found;

        (void)state;
        assert_int_equal(glob(GOLDEN "*.input", 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++)
                check_golden(found.gl_pathv[i]);
        assert_true(found.gl_pathc >= 20);
        globfree(&found);
}

// ---- what production answers when a series is added

static int adopt(
        const char *root, const char *project, const char *database, const char *prod, Error *error)
{
        Input input;
        Fleet__ProbeResult answer = FLEET__PROBE_RESULT__INIT;
        Fleet__Identity identity = FLEET__IDENTITY__INIT;
        Fleet__Database db = FLEET__DATABASE__INIT;
        int r;

        read_input(GOLDEN "sync.input", &input);
        input.plan.kind = JOB_ADOPT;
        input.plan.series = "new";
        input.plan.site = "zoe";
        input.plan.root = root;
        identity.project_dir = (char *)project;
        identity.database = &db;
        db.engine = "sqlite";
        db.name = (char *)database;
        answer.identity = &identity;
        answer.prod = (char *)prod;
        r = plan_check_adopted(&input.plan, &answer, error);
        series_settings_clear(&input.settings);
        free(input.text);
        return r;
}

static void production_that_shares_nothing_is_adopted(void **state)
{
        (void)state;
        assert_int_equal(adopt("/srv/z", "/srv/z/zoe", "/srv/z/zoe/default.db", "", NULL), 0);
        assert_int_equal(adopt("/srv/z", "/srv/z/zoe", "/srv/z/zoe/default.db", "zoe", NULL), 0);
}

static void production_with_the_database_of_another_site_is_refused(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)state;
        assert_int_equal(adopt("/srv/z", "/srv/z/zoe", "/srv/lino/mdg/anna/default.db", "", &error),
                -EEXIST);
        assert_non_null(strstr(error.why, "database"));
        assert_non_null(strstr(error.why, "'anna'"));
}

static void production_in_the_directory_of_another_site_is_refused(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)state;
        assert_int_equal(adopt("/srv/z", "/srv/lino/mdg/anna", "/srv/z/x.db", "", &error), -EEXIST);
        assert_non_null(strstr(error.why, "project directory"));
}

static void a_prod_link_to_another_site_is_refused_with_the_command_that_fits(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)state;
        assert_int_equal(adopt("/srv/z", "/srv/z/zoe", "/srv/z/x.db", "old1", &error), -EPERM);
        assert_non_null(strstr(error.next, "--production old1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_input_gives_its_golden_plan),
                cmocka_unit_test(production_that_shares_nothing_is_adopted),
                cmocka_unit_test(production_with_the_database_of_another_site_is_refused),
                cmocka_unit_test(production_in_the_directory_of_another_site_is_refused),
                cmocka_unit_test(a_prod_link_to_another_site_is_refused_with_the_command_that_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
