// Sites that answer in no time: tests/unit/site/fake copied into the fixture's root, with
// /usr/bin/python3 as their environment's Python and three rows in an SQLite database.
#ifndef UNDERSTUDY_TESTS_FAKE_SITE_H
#define UNDERSTUDY_TESTS_FAKE_SITE_H

#include <sqlite3.h>

#include "../steps/fixture.h"

static inline void shell(const char *format, ...) _printf_(1, 2);
static inline void shell(const char *format, ...)
{
        va_list arguments;
        _cleanup_free_ char *command = NULL;

        va_start(arguments, format);
        command = text_vformat(format, arguments);
        va_end(arguments);
        assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a test's own words
}

// Runs statements on a database file; returns the last integer that they select, or -1.
static inline int64_t fake_sql(const char *path, const char *sql)
{
        sqlite3 *db = NULL;
        int64_t value = -1;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        while (*sql) {
                sqlite3_stmt *statement = NULL;

                assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, &sql), SQLITE_OK);
                while (statement && sqlite3_step(statement) == SQLITE_ROW)
                        value = sqlite3_column_int64(statement, 0);
                assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
                sql += strspn(sql, " ;");
        }
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        return value;
}

// root/NAME, and its database root/NAME/NAME.
static inline void fake_site_make(const StepFixture *f, const char *name)
{
        _cleanup_free_ char *site = text_format("%s/%s", f->root, name),
                            *database = text_format("%s/%s", site, name), *sql = NULL;

        shell("cp -r '%s/tests/unit/site/fake' '%s'", SOURCE_DIR, site);
        shell("mkdir -p '%s/env/bin' '%s/media'", site, site);
        shell("ln -s /usr/bin/python3 '%s/env/bin/python'", site);
        sql = text_format("CREATE TABLE contacts_person (id, name);"
                          "CREATE TABLE uploads_volume (id, ref, root_dir);"
                          "INSERT INTO contacts_person VALUES (1, 'Joe'), (2, 'Zoe');"
                          "INSERT INTO uploads_volume VALUES (1, 'inbox', '%s/tmp')",
                site);
        fake_sql(database, sql);
}

// What a site's settings say last; and how the site misbehaves (fake/django.py, misbehave).
static inline void fake_site_setting(const StepFixture *f, const char *name, const char *python)
{
        shell("printf '%%s\\n' \"%s\" >> '%s/%s/settings.py'", python, f->root, name);
}
static inline void fake_site_behave(const StepFixture *f, const char *name, const char *word)
{
        shell("echo %s > '%s/%s/behaviour'", word, f->root, name);
}

// Checksums of all files, names and modes of a site: equal texts, equal sites.
static inline char *fake_site_manifest(const StepFixture *f, const char *name)
{
        _cleanup_free_ char *path = text_format("%s/manifest", f->directory);
        char *text;

        shell("cd '%s/%s' && { find . -printf '%%p %%m %%i %%l %%s %%T@ %%n\\n'; "
              "find . -type f -exec sha256sum {} +; } | LC_ALL=C sort > '%s'",
                f->root, name, path);
        assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
        return text;
}

static inline Fleet__Site fake_site(const StepFixture *f, const char *name)
{
        Fleet__Site site = FLEET__SITE__INIT;

        site.root = f->root;
        site.name = (char *)name;
        return site;
}

#endif
