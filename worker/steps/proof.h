// Digests of what a preview is made from, cheap enough for every synchronisation.
//
// Trees are told apart by what their file system says of each file: name, inode, size, times of
// change of content and of inode. Nobody can write a file, or put another in its place, and leave
// its ctime as it was; so equal digests prove equal trees without reading them. The reverse does
// not hold, and need not: where nothing but a time has changed, more is done than needed.
//
// Left out is what the site writes as it runs: media, logs, temporary files, databases, snapshots,
// compiled Python.
#ifndef UNDERSTUDY_WORKER_STEPS_PROOF_H
#define UNDERSTUDY_WORKER_STEPS_PROOF_H

#include "site/site.h"

// The Python environment, through its link when it is one, without `static_root` (an absolute path,
// may be NULL), and the directories outside of it that its .pth files and editable installs name.
int proof_environment(const SiteDir *site, const char *static_root, char **ret, Error *error)
        _must_use_;

// All else in the project directory: settings, configuration, plugins of its own.
int proof_project(const SiteDir *site, const Fleet__ProbeResult *probe, const char *snapshot,
        char **ret, Error *error) _must_use_;

// A whole tree by its path; missing: an empty text.
int proof_tree(const char *path, char **ret, Error *error) _must_use_;

// The maintained script in `snapshot` of the project directory, with the merge that waits for a
// person. Missing: an empty text.
int proof_script(const SiteDir *site, const char *snapshot, char **ret, Error *error) _must_use_;

// Whether it says what restore.py says: nobody has edited it.
int proof_script_is_unedited(const SiteDir *site, const char *snapshot, bool *ret, Error *error)
        _must_use_;

// How is dumped, restored and judged.
char *proof_parameters(const Fleet__ChooseArguments *arguments);

#endif
