// A host's configuration in a temporary directory, and what a reader makes of it.
#ifndef UNDERSTUDY_TESTS_ADOPT_HOST_H
#define UNDERSTUDY_TESTS_ADOPT_HOST_H

#include "../steps/fixture.h"

#include "adopt/parts.h"
#include "adopt/rules.h"
#include "adopt/sites.h"

typedef struct Host {
        StepFixture f;
        char *etc; // f.directory/etc
        Landscape landscape;
} Host;

static inline int host_open(void **state)
{
        Host *host = memory_new(sizeof(*host));

        step_fixture_open(&host->f, "scan");
        host->etc = text_format("%s/etc", host->f.directory);
        assert_int_equal(mkdir(host->etc, 0755), 0);
        host->landscape.context = host->f.context;
        *state = host;
        return 0;
}

static inline int host_close(void **state)
{
        Host *host = *state;

        landscape_clear(&host->landscape);
        step_fixture_close(&host->f);
        free(host->etc);
        free(host);
        return 0;
}

#define ON_HOST(name) cmocka_unit_test_setup_teardown(name, host_open, host_close)

// Writes a file beneath the temporary directory ("etc/nginx/conf.d/a.conf", "root/anna/manage.py"),
// with its directories. "@" in the text stands for the root directory, "@@" for itself.
static inline void host_write(const Host *host, const char *path, const char *text)
{
        _cleanup_free_ char *whole = text_format("%s/%s", host->f.directory, path),
                            *parent = text_copy(whole), *filled = text_copy("");

        *strrchr(parent, '/') = '\0';
        assert_int_equal(file_make_directories(parent, 0755), 0);
        while (*text) {
                size_t length = strcspn(text, "@");
                const char *at = text + length;
                char *longer = text_format("%s%.*s%s", filled, (int)length, text,
                        *at == '\0'    ? ""
                        : at[1] == '@' ? "@"
                                       : host->f.root);

                free(filled);
                filled = longer;
                text = at + (*at == '@') + (at[0] == '@' && at[1] == '@');
        }
        assert_int_equal(file_write(whole, filled, strlen(filled), 0644), 0);
}

static inline void host_link(const Host *host, const char *target, const char *path)
{
        _cleanup_free_ char *whole = text_format("%s/%s", host->f.directory, path),
                            *parent = text_copy(whole);

        *strrchr(parent, '/') = '\0';
        assert_int_equal(file_make_directories(parent, 0755), 0);
        assert_int_equal(symlink(target, whole), 0);
}

static inline void host_read(
        Host *host, void (*read)(Reader *, const TextList *), const char *directory)
{
        TextList paths _cleanup_text_list_ = {0};
        Reader reader _cleanup_reader_ = {0};

        text_list_take(&paths, text_format("%s/%s", host->f.directory, directory));
        reader_open(&reader, &host->landscape, &paths);
        read(&reader, &paths);
}

// Finds the sites beneath the root, asks none.
static inline void host_find(Host *host)
{
        Error error _cleanup_error_ = ERROR_EMPTY;

        assert_int_equal(sites_find(&host->landscape, NULL, &error), 0);
        sites_read(&host->landscape);
}

// The root in the text replaced, to compare with.
static inline bool host_equal(const Host *host, const char *text, const char *expected)
{
        _cleanup_free_ char *filled = NULL;
        const char *at = strchr(expected, '@');

        filled = at ? text_format("%.*s%s%s", (int)(at - expected), expected, host->f.root, at + 1)
                    : text_copy(expected);
        return text_equal(text, filled);
}

static inline const Part *host_part(const Host *host, const char *name)
{
        for (size_t i = 0; i < host->landscape.parts.count; i++)
                if (text_equal(host->landscape.parts.items[i].name, name))
                        return &host->landscape.parts.items[i];
        fail_msg("there is no part '%s'", name);
        return NULL;
}

static inline void assert_mentions(
        const Host *host, const Part *part, MentionKind kind, const char *expected)
{
        for (size_t i = 0; i < part->count; i++)
                if (part->mentions[i].kind == kind &&
                        host_equal(host, part->mentions[i].text, expected))
                        return;
        for (size_t i = 0; i < part->count; i++)
                print_error("%d %s\n", (int)part->mentions[i].kind, part->mentions[i].text);
        fail_msg("'%s' does not mention %s", part->name, expected);
}

// How often a finding was made; where, when `where` is not NULL, ends in it.
static inline size_t host_found(const Host *host, FindingCode code, const char *where)
{
        size_t count = 0;

        for (size_t i = 0; i < host->landscape.findings.count; i++) {
                const FoundFinding *finding = &host->landscape.findings.items[i];

                count += finding->code == code && (!where || text_ends(finding->where, where));
        }
        return count;
}

static inline void assert_found(const Host *host, FindingCode code, const char *where)
{
        if (host_found(host, code, where))
                return;
        for (size_t i = 0; i < host->landscape.findings.count; i++)
                print_error("%s: %s (%s)\n",
                        finding_infos[host->landscape.findings.items[i].code].code,
                        host->landscape.findings.items[i].what,
                        host->landscape.findings.items[i].where);
        fail_msg("%s was not found at %s", finding_infos[code].code, where ? where : "any place");
}

#endif
