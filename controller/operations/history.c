#include "operations/asked.h"
#include "tell/view.h"

#define ENTRIES_SHOWN 1000

int history_list(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows entries = {0};
        int64_t limit;
        int r = asked_limit(request->query, ENTRIES_SHOWN, &limit, error)
                        ?: controller_commit(controller, error)
                        ?: history_get(controller->store, asked_query(request->query, "series"),
                                   limit, &entries, error);
        const HistoryRow *rows = entries.items;

        if (r < 0)
                return r;
        *ret = json_array();
        for (size_t i = 0; i < entries.count; i++)
                json_array_append_new(*ret, view_entry(&rows[i]));
        return 0;
}
