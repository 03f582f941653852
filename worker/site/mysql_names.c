#include "site/mysql_names.h"

#define NAME_MAX_LENGTH 64 // of a database

static const char staging_suffix[] = "_understudy_staging";

char *mysql_staging_name(const Fleet__Database *current)
{
        return text_format("%s%s", current->name, staging_suffix);
}

void mysql_names_add(MysqlNames *names, const char *key, const char *value)
{
        size_t i = 0;

        while (names->values[i].key)
                i++;
        if (i + 1 >= ELEMENTS(names->values))
                abort();
        names->values[i] = (MysqlValue){key, value};
}

static int check_name(const Fleet__Database *database, Error *error)
{
        static const char *const own[] = {
                "mysql", "information_schema", "performance_schema", "sys"};
        size_t room = NAME_MAX_LENGTH - sizeof(staging_suffix) + 1;
        const char *why = NULL;

        if (text_blank(database->name))
                why = "it is empty";
        else if (strlen(database->name) > room)
                why = "with what is added to it, it is longer than 64 characters";
        for (size_t i = 0; !why && i < ELEMENTS(own); i++)
                if (strcasecmp(database->name, own[i]) == 0)
                        why = "it is one of the server's own";
        if (!why)
                return 0;
        error_set(error, -EINVAL, "bad-name", "cannot work with a database of this name");
        error_where(error, "%s database %s", database->engine, database->name);
        error_why(error, "%s", why);
        error_next(error, "Name another one in DATABASES of the site's settings.py");
        return -EINVAL;
}

int mysql_names(const Fleet__Database *database, MysqlNames *ret, Error *error)
{
        MysqlNames names = {0};
        int r = check_name(database, error);

        if (r < 0)
                return r;
        names.staging = mysql_staging_name(database);
        names.kept = text_format("%s_understudy_kept", database->name);
        names.old = text_format("%s_understudy_old", database->name);
        names.lock = text_format("understudy %s", database->name);
        mysql_names_add(&names, "a", database->name);
        mysql_names_add(&names, "s", names.staging);
        mysql_names_add(&names, "k", names.kept);
        mysql_names_add(&names, "o", names.old);
        mysql_names_add(&names, "lock", names.lock);
        *ret = names;
        return 0;
}

void mysql_names_clear(MysqlNames *names)
{
        free(names->staging);
        free(names->kept);
        free(names->old);
        free(names->lock);
}
