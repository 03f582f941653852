// Hosts, series, jobs and the history as tables.
#ifndef UNDERSTUDY_CLI_SHOW_H
#define UNDERSTUDY_CLI_SHOW_H

#include <jansson.h>

#include "cli/screen.h"

void show_hosts(const Screen *screen, const json_t *hosts);
void show_host(const Screen *screen, const json_t *host);
void show_host_window(const Screen *screen, const json_t *window);
void show_all_series(const Screen *screen, const json_t *all);
void show_series(const Screen *screen, const json_t *series);
void show_jobs(const Screen *screen, const json_t *jobs);
void show_job(const Screen *screen, const json_t *job);
void show_attempt(const Screen *screen, const json_t *attempt);
void show_vote(const Screen *screen, const json_t *vote);
void show_report(const Screen *screen, const json_t *report);
// "fitness" and "forecast" of what is shown; nothing without them.
void show_outlook(const Screen *screen, const json_t *shown);
void show_rehearsals(const Screen *screen, const json_t *rehearsals);
void show_schedule(const Screen *screen, const json_t *schedule);
void show_calendar(const Screen *screen, const json_t *runs);
void show_announcements(const Screen *screen, const json_t *announcements);
void show_announcement(const Screen *screen, const json_t *announcement);
void show_history(const Screen *screen, const json_t *entries);

#endif
