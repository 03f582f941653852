// The maintained script, where it lies: in production's dump directory.
#ifndef UNDERSTUDY_WORKER_STEPS_SCRIPT_H
#define UNDERSTUDY_WORKER_STEPS_SCRIPT_H

#define RESTORE_FILE    "restore.py"               // of the last dump
#define SCRIPT_FILE     "restore2preview.py"       // edited by hand
#define SCRIPT_BASE     ".restore2preview.base.py" // the restore.py that it is up to date with
#define MERGE_FILE      "restore2preview.merge.py" // with conflict markers, for a person to remove
#define MERGE_OLD_FILE  "restore2preview.merge.old.py"   // what was begun with an earlier one
#define MERGE_BASE_FILE ".restore2preview.merge.base.py" // the restore.py that it is made with

#endif
