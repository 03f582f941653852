// libgit2, loaded when the first text is to be compared or merged.
#ifndef UNDERSTUDY_STEPS_GIT_H
#define UNDERSTUDY_STEPS_GIT_H

#include <git2.h>

#include "base/library.h"

typedef struct Git {
        LIBRARY_MEMBER(git_libgit2_init);
        LIBRARY_MEMBER(git_libgit2_shutdown);
        LIBRARY_MEMBER(git_merge_file);
        LIBRARY_MEMBER(git_merge_file_result_free);
        LIBRARY_MEMBER(git_patch_from_buffers);
        LIBRARY_MEMBER(git_patch_num_hunks);
        LIBRARY_MEMBER(git_patch_to_buf);
        LIBRARY_MEMBER(git_patch_free);
        LIBRARY_MEMBER(git_buf_dispose);
} Git;

// Never NULL: without its library the program could not have been installed, so it ends here and
// says so.
const Git *git(void);

#endif
