// What each command does. Private to this library; cli.c holds the words.
#ifndef UNDERSTUDY_CLI_COMMANDS_H
#define UNDERSTUDY_CLI_COMMANDS_H

#include "base/command.h"

int run_host_add(const CommandLine *line);
int run_host_list(const CommandLine *line);
int run_host_show(const CommandLine *line);
int run_host_window_show(const CommandLine *line);
int run_host_window_set(const CommandLine *line);
int run_series_add(const CommandLine *line);
int run_series_scan(const CommandLine *line);
int run_series_list(const CommandLine *line);
int run_series_show(const CommandLine *line);
int run_series_set(const CommandLine *line);
int run_preview_prepare(const CommandLine *line);
int run_preview_sync(const CommandLine *line);
int run_preview_switch(const CommandLine *line);
int run_series_retire(const CommandLine *line);
int run_series_serve(const CommandLine *line);
int run_preview_allow(const CommandLine *line);
int run_preview_drop(const CommandLine *line);
int run_job_list(const CommandLine *line);
int run_job_show(const CommandLine *line);
int run_job_watch(const CommandLine *line);
int run_job_cancel(const CommandLine *line);
int run_job_retry(const CommandLine *line);
int run_job_resume(const CommandLine *line);
int run_attempt_plan(const CommandLine *line);
int run_attempt_announce(const CommandLine *line);
int run_attempt_move(const CommandLine *line);
int run_attempt_open(const CommandLine *line);
int run_attempt_extend(const CommandLine *line);
int run_attempt_accept(const CommandLine *line);
int run_attempt_cancel(const CommandLine *line);
int run_attempt_withdraw(const CommandLine *line);
int run_attempt_report(const CommandLine *line);
int run_attempt_show(const CommandLine *line);
int run_attempt_vote(const CommandLine *line);
int run_attempt_voter_add(const CommandLine *line);
int run_attempt_voter_remove(const CommandLine *line);
int run_attempt_item_add(const CommandLine *line);
int run_attempt_sign(const CommandLine *line);
int run_schedule_show(const CommandLine *line);
int run_schedule_set(const CommandLine *line);
int run_schedule_pause(const CommandLine *line);
int run_schedule_resume(const CommandLine *line);
int run_announcement_list(const CommandLine *line);
int run_announcement_test(const CommandLine *line);
int run_announcement_retry(const CommandLine *line);
int run_calendar(const CommandLine *line);
int run_log(const CommandLine *line);

#endif
