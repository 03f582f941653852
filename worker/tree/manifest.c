#include "tree/manifest.h"
#include "tree/data.h"
int manifest_copy(Worker *worker, int from, int to, Entry *entry)
{
        int result = data_copy(from, to, &entry->from, run_moved, worker);
        return result < 0 ? result : 0;
}
