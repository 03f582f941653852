// loss: what users have done to a site since it stepped in, by the rows that it had then
// (verify keeps their hashes). Nobody works on the site any more, or a look is taken while they do.
#include "site/python.h"
#include "steps/marker.h"

extern const StepOps step_loss_ops;

#define ROWS_MAX 2000

static Fleet__Change change_of(const char *word)
{
        if (text_equal(word, "added"))
                return FLEET__CHANGE__ADDED;
        return text_equal(word, "deleted") ? FLEET__CHANGE__DELETED : FLEET__CHANGE__CHANGED;
}

static int take_tables(json_t *tables, Fleet__LossResult *result)
{
        size_t i;
        json_t *one;

        result->tables = memory_new(json_array_size(tables) * sizeof(*result->tables));
        json_array_foreach (tables, i, one) {
                Fleet__LossTable *table =
                        (Fleet__LossTable *)message_new(&fleet__loss_table__descriptor);
                const char *name;
                json_int_t added, changed, deleted;

                result->tables[result->n_tables++] = table;
                if (json_unpack(one, "[s, I, I, I]", &name, &added, &changed, &deleted) < 0)
                        return -EPROTO;
                table->table = text_copy(name);
                table->added = (uint64_t)added;
                table->changed = (uint64_t)changed;
                table->deleted = (uint64_t)deleted;
        }
        return 0;
}

static int take_rows(json_t *rows, Fleet__LossResult *result)
{
        size_t i;
        json_t *one;

        result->rows = memory_new(json_array_size(rows) * sizeof(*result->rows));
        json_array_foreach (rows, i, one) {
                Fleet__LossRow *row = (Fleet__LossRow *)message_new(&fleet__loss_row__descriptor);
                const char *table, *key, *change, *text;

                result->rows[result->n_rows++] = row;
                if (json_unpack(one, "[s, s, s, s]", &table, &key, &change, &text) < 0)
                        return -EPROTO;
                row->table = text_copy(table);
                row->key = text_copy(key);
                row->change = change_of(change);
                row->text = text_copy(text);
        }
        return 0;
}

static int take_answer(const SiteDir *site, json_t *answer, Fleet__LossResult *result, Error *error)
{
        int r = take_tables(json_object_get(answer, "tables"), result);

        if (r == 0)
                r = take_rows(json_object_get(answer, "rows"), result);
        result->left_out = (uint64_t)json_integer_value(json_object_get(answer, "left_out"));
        if (r < 0) {
                error_set(error, r, "site-code", "what users have done cannot be told");
                error_where(error, "%s", site->path);
                error_why(error, "the site gave an answer that cannot be understood");
        }
        return r;
}

static int loss_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__LossArguments *arguments = (const Fleet__LossArguments *)arguments_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        json_t *request, *answer = NULL;
        int r = site_open(step_policy(context), arguments->site, &site, error);

        if (r < 0)
                return r;
        request = json_pack("{s:s, s:i}", "directory", MARKER_DIRECTORY, "limit", ROWS_MAX);
        r = python_run(context, &site, "loss", request, NULL, NULL, NULL, 0, &answer, error);
        if (r == 0)
                r = take_answer(&site, answer, (Fleet__LossResult *)result_message, error);
        json_decref(request);
        json_decref(answer);
        return r;
}

const StepOps step_loss_ops = {.run = loss_run};
