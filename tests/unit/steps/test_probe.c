#include "rehearsal.h"

static Fleet__ProbeResult *probe(Rehearsal *r)
{
        Fleet__ProbeArguments arguments = FLEET__PROBE_ARGUMENTS__INIT;
        ProtobufCMessage *result = message_new(&fleet__probe_result__descriptor);

        arguments.site = &r->production;
        rehearsal_done(r, "probe", &arguments.base, result);
        return (Fleet__ProbeResult *)result;
}

static bool warned(const Fleet__ProbeResult *result, const char *words)
{
        for (size_t i = 0; i < result->n_warnings; i++)
                if (strstr(result->warnings[i], words))
                        return true;
        return false;
}

static void identity_sizes_owner_and_links_are_told(void **state)
{
        Rehearsal *r = *state;
        Fleet__ProbeResult *result;

        shell("cd '%s' && ln -s anna prod && ln -s berta preview && "
              "head -c 100000 /dev/urandom > anna/media/x",
                r->f.root);
        result = probe(r);
        assert_true(text_ends(result->identity->project_dir, "/root/anna"));
        assert_string_equal(result->prod, "anna");
        assert_string_equal(result->preview, "berta");
        assert_non_null(result->owner);
        assert_true(result->media_bytes >= 100000 && result->media_bytes < 200000);
        assert_true(result->project_bytes > 0 && result->project_bytes < 100000);
        assert_true(result->database_bytes > 0);
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void a_probe_changes_nothing(void **state)
{
        Rehearsal *r = *state;
        _cleanup_free_ char *before = fake_site_manifest(&r->f, "anna"), *after = NULL;

        protobuf_c_message_free_unpacked(&probe(r)->base, NULL);
        after = fake_site_manifest(&r->f, "anna");
        assert_string_equal(before, after);
}

static void a_shared_environment_is_told(void **state)
{
        Rehearsal *r = *state;
        Fleet__ProbeResult *result;

        shell("cd '%s/anna' && mv env ../shared && ln -s ../shared env", r->f.root);
        result = probe(r);
        assert_true(result->shared_environment);
        assert_true(warned(result, "env is a link"));
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void media_and_links_that_lead_away_are_told(void **state)
{
        Rehearsal *r = *state;
        Fleet__ProbeResult *result;

        shell("cd '%s' && ln -s /tmp prod", r->f.root);
        fake_site_setting(&r->f, "anna", "MEDIA_ROOT = '/srv/media'");
        result = probe(r);
        assert_true(warned(result, "/srv/media"));
        assert_true(warned(result, "prod leads to no project directory"));
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REHEARSE(identity_sizes_owner_and_links_are_told),
                REHEARSE(a_probe_changes_nothing),
                REHEARSE(a_shared_environment_is_told),
                REHEARSE(media_and_links_that_lead_away_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
