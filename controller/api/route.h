// From method and path to a row of the table of operations.
#ifndef UNDERSTUDY_API_ROUTE_H
#define UNDERSTUDY_API_ROUTE_H

#include "operations/operation.h"

#define ROUTE_SUBJECTS ELEMENTS(((OperationRequest *)NULL)->subject)

// Finds the row. -ENOENT: no row has that path; -EINVAL: as above; -EOPNOTSUPP: the path has other
// methods only, and `allow`, of `size` bytes, lists them.
int route_find(const Operation *table, const char *method, const char *path, const Operation **ret,
        char *subjects[ROUTE_SUBJECTS], char *allow, size_t size) _must_use_;

// Reads "a=b&c=d" into an object of texts. -EINVAL: malformed, or a name comes twice.
int route_parse_query(const char *query, json_t **ret) _must_use_;

#endif
