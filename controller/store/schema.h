// The database's schema, as the list of scripts that made it.
#ifndef UNDERSTUDY_STORE_SCHEMA_H
#define UNDERSTUDY_STORE_SCHEMA_H

extern const char *const store_migrations[]; // for sql_open

#endif
