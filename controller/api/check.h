// Checks of a request that evhttp leaves to its user.
#ifndef UNDERSTUDY_API_CHECK_H
#define UNDERSTUDY_API_CHECK_H

#include <event2/http.h>

// NULL when the request means one thing only; otherwise why it does not, a constant. Such a request
// is answered with 400 and the end of its connection, since what follows may be part of it.
const char *request_check(struct evhttp_request *request);

#endif
