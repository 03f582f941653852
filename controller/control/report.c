#include "control/report.h"

#include "base/text.h"
#include "store/attempt.h"
#include "tell/record.h"

// "contacts.Person 2 added; notes.Note 1 changed".
static char *told(const Fleet__LossResult *loss)
{
        TextList parts _cleanup_text_list_ = {0};

        for (size_t i = 0; i < loss->n_tables; i++) {
                const Fleet__LossTable *table = loss->tables[i];
                const struct {
                        uint64_t count;
                        const char *what;
                } counts[] = {{table->added, "added"}, {table->changed, "changed"},
                        {table->deleted, "deleted"}};

                for (size_t k = 0; k < ELEMENTS(counts); k++)
                        if (counts[k].count)
                                text_list_take(&parts, text_format("%s %llu %s", table->table,
                                                               (unsigned long long)counts[k].count,
                                                               counts[k].what));
        }
        return text_list_join(&parts, "; ");
}

int report_keep(
        Controller *controller, const JobRow *job, const Fleet__LossResult *loss, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        _cleanup_free_ char *text = told(loss);
        int r = attempt_get(controller->store, job->attempt, &attempt, error);

        if (r <= 0)
                return r;
        blob_set(&attempt.loss, &loss->base);
        return row_update(controller->store, &attempt_table, &attempt, error)
                       ?: record_history(controller, job, job->who,
                                  attempt.state == ATTEMPT_OPEN ? "a cancel would lose"
                                                                : "the cancel lost",
                                  error, "%s", *text ? text : "nothing");
}

int report_forget_old(Controller *controller, int64_t now_us, Error *error)
{
        return store_run(controller->store, error,
                "UPDATE attempt SET loss = NULL WHERE loss IS NOT NULL AND ended_us > 0 AND "
                "ended_us < ?",
                "i", now_us - REPORT_KEEP_US);
}
