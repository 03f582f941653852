// The rows of a copy (see mysql_copy.h), by the files of the server.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_EXPORT_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_EXPORT_H

#include "site/mysql_parts.h"

// 1: the worker can copy the server's files; 0: it cannot, and has noted why.
int mysql_export_possible(StepContext *context, const MysqlCopy *copy, Error *error) _must_use_;

// Copies the rows of all tables, and collects their digests.
int mysql_export(StepContext *context, MysqlCopy *copy, Error *error) _must_use_;

#endif
