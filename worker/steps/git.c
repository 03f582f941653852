#include "steps/git.h"

#include "base/log.h"

const Git *git(void)
{
        static Git table;
        static const LibraryFunction functions[] = {
                LIBRARY_FUNCTION(table, git_libgit2_init),
                LIBRARY_FUNCTION(table, git_libgit2_shutdown),
                LIBRARY_FUNCTION(table, git_merge_file),
                LIBRARY_FUNCTION(table, git_merge_file_result_free),
                LIBRARY_FUNCTION(table, git_patch_from_buffers),
                LIBRARY_FUNCTION(table, git_patch_num_hunks),
                LIBRARY_FUNCTION(table, git_patch_to_buf),
                LIBRARY_FUNCTION(table, git_patch_free),
                LIBRARY_FUNCTION(table, git_buf_dispose),
        };
        _cleanup_error_ Error error = {0};

        if (library_load(LIBGIT2_FILE, functions, ELEMENTS(functions), &error) < 0) {
                _cleanup_free_ char *line = error_line(&error);

                log_error("%s", line);
                abort();
        }
        return &table;
}
