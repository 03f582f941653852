// Structured log of a daemon, to standard error: one event a line, "message key=value ...". Under
// systemd each line carries its priority ("<4>"), so that journalctl -p works (sd-daemon(3)). Any
// thread may call.
#ifndef UNDERSTUDY_BASE_LOG_H
#define UNDERSTUDY_BASE_LOG_H

#include <syslog.h>

#include "base/error.h"

// Lines less urgent than `priority` (LOG_ERR ... LOG_DEBUG) are dropped. Default LOG_INFO.
void log_set_priority(int priority);

// printf-like. Fields go into the format: "worker connected host=%s".
void log_event(int priority, const char *format, ...) _printf_(2, 3);
#define log_error(...)   log_event(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_event(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_event(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_event(LOG_DEBUG, __VA_ARGS__)

// Logs an Error's line.
void log_failure(int priority, const Error *error);

#endif
