#include "tell/words.h"

#include <time.h>

#include "base/clock.h"
#include "base/text.h"

const JobWords job_words[] = {
        [JOB_ADOPT] = {"adoption", "series adopted"},
        [JOB_PREPARE] = {"preparation", "preview prepared"},
        [JOB_SYNC] = {"synchronisation", "preview synchronised"},
        [JOB_SWITCH] = {"switch", "links switched"},
        [JOB_DROP] = {"drop", "preview dropped"},
        [JOB_SCAN] = {"scan", "host scanned"},
        [JOB_SERVE] = {"serving", "series served"},
        [JOB_OPEN] = {"opening", "attempt open"},
        [JOB_REPORT] = {"report", "report made"},
        [JOB_RETIRE] = {"retirement", "site retired"},
        [JOB_STANDBY] = {"standby", "taken back by its worker"},
};

char *words_time(int64_t at_us)
{
        time_t seconds = (time_t)(at_us / US_PER_SECOND);
        char text[64];
        struct tm parts;

        if (at_us == 0 || !gmtime_r(&seconds, &parts) ||
                strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
                return text_copy("never");
        return text_copy(text);
}
