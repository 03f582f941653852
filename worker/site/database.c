#include "site/database.h"

#include "site/postgresql.h"
#include "site/sqlite.h"

const char *const database_volatile[] = {
        "django_session", "sessions_session", "understudy_marker", NULL};

json_t *database_volatile_list(void)
{
        json_t *list = json_array();

        for (const char *const *table = database_volatile; *table; table++)
                json_array_append_new(list, json_string(*table));
        return list;
}

void database_figures_clear(DatabaseFigures *figures)
{
        free(figures->digest);
        *figures = (DatabaseFigures){0};
}

int database_engine(const Fleet__Database *database, const DatabaseEngine **ret, Error *error)
{
        static const DatabaseEngine *const engines[] = {&sqlite_engine, &postgresql_engine};

        for (size_t i = 0; i < ELEMENTS(engines); i++) {
                if (database && text_equal(engines[i]->name, database->engine)) {
                        *ret = engines[i];
                        return 0;
                }
        }
        error_set(error, -EOPNOTSUPP, "engine",
                "this version does not know the site's database engine");
        error_where(error, "%s", database ? database->name : "the site's database");
        error_why(error, "the site uses '%s'", database ? database->engine : "none");
        error_next(error, "Leave this site to the manual procedure for now");
        return -EOPNOTSUPP;
}
