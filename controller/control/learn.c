#include "base/clock.h"
#include "base/text.h"
#include "control/registry.h"
#include "tell/record.h"

static int learn_production(
        Controller *controller, SeriesRow *series, const Fleet__ProbeResult *answer, Error *error)
{
        _cleanup_site_row_ SiteRow site = {0};
        int r;

        row_set_text(&series->prod_link, answer->prod);
        row_set_text(&series->preview_link, answer->preview);
        r = site_get(controller->store, series->name, SITE_PRODUCTION, &site, error);
        if (r <= 0)
                return r;
        // Its owner may have moved its database: the interlock must know the one in use. A
        // preview's identity stays as it was when it was made, for a change there is a warning.
        if (answer->identity)
                blob_set(&site.identity, &answer->identity->base);
        if (answer->versions)
                blob_set(&site.versions, &answer->versions->base);
        return row_update(controller->store, &site_table, &site, error);
}

static void take_links(SeriesRow *series, const Fleet__SwitchArguments *switched, bool undone)
{
        for (size_t i = 0; i < switched->n_links; i++) {
                const Fleet__Link *link = switched->links[i];

                row_set_text(
                        text_equal(link->name, "prod") ? &series->prod_link : &series->preview_link,
                        undone ? link->before : link->site);
        }
}

static void learn_links(SeriesRow *series, const TaskRow *task)
{
        _cleanup_message_ ProtobufCMessage *message =
                blob_message(&task->arguments, &fleet__switch_arguments__descriptor);

        if (message)
                take_links(series, (Fleet__SwitchArguments *)message, task->state == TASK_UNDONE);
}

static void learn_way_back(SeriesRow *series, const TaskRow *task)
{
        _cleanup_message_ ProtobufCMessage *message =
                blob_message(&task->arguments, &fleet__standby_arguments__descriptor);
        const Fleet__StandbyArguments *standby = (Fleet__StandbyArguments *)message;

        for (size_t i = 0; standby && i < standby->n_way_back; i++)
                if (standby->way_back[i]->arguments_case == FLEET__TASK__ARGUMENTS_SWITCH)
                        take_links(series, standby->way_back[i]->switch_, false);
}

// One difference between a delta and a full restore: no more of them until a person has looked.
static int end_deltas(Controller *controller, const JobRow *job,
        const Fleet__RestoreResult *restore, Error *error)
{
        if (restore->n_differences == 0)
                return 0;
        return setting_set(controller->store,
                       &(SettingRow){.series = job->series,
                               .name = "delta",
                               .value = "off",
                               .who = "understudy",
                               .at_us = clock_now_us()},
                       error)
                       ?: record_history(controller, job, "understudy", "delta turned off", error,
                                  "a delta and a full restore differ in %zu rows, the first: %s; "
                                  "once that is understood: understudyctl series set %s "
                                  "delta=on-demand",
                                  restore->n_differences, restore->differences[0], job->series);
}

static int learn_restore(Controller *controller, const JobRow *job, SeriesRow *series,
        const Fleet__RestoreResult *restore, Error *error)
{
        if (restore->database_bytes)
                series->last_database_bytes = (int64_t)restore->database_bytes;
        return end_deltas(controller, job, restore, error);
}

int registry_learn(Controller *controller, const JobRow *job, const TaskRow *task, Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_message_ ProtobufCMessage *result =
                blob_message(&task->result, step_info_find(task->step)->result);
        int r = series_get(controller->store, job->series, &series, error);

        if (r <= 0)
                return r;
        r = 0;
        if (text_equal(task->step, "switch"))
                learn_links(&series, task);
        else if (task->state != TASK_DONE || !result)
                return 0;
        else if (text_equal(task->step, "standby"))
                learn_way_back(&series, task);
        else if (text_equal(task->label, "production_probe"))
                r = learn_production(controller, &series, (Fleet__ProbeResult *)result, error);
        else if (text_equal(task->step, "dump") && ((Fleet__DumpResult *)result)->bytes)
                series.last_dump_bytes = (int64_t)((Fleet__DumpResult *)result)->bytes;
        else if (text_equal(task->step, "restore"))
                r = learn_restore(controller, job, &series, (Fleet__RestoreResult *)result, error);
        else if (text_equal(task->step, "environment"))
                series.last_environment_bytes =
                        (int64_t)((Fleet__EnvironmentResult *)result)->bytes;
        else
                return 0;
        return r ?: row_update(controller->store, &series_table, &series, error);
}
