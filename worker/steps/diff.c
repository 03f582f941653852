#include "steps/diff.h"

#include "steps/git.h"

char *diff_texts(
        const char *old_path, const char *old_text, const char *new_path, const char *new_text)
{
        git_diff_options options = GIT_DIFF_OPTIONS_INIT;
        git_patch *patch = NULL;
        git_buf buffer = {0};
        const Git *library = git();
        char *text = NULL;

        library->git_libgit2_init();
        options.flags = GIT_DIFF_FORCE_TEXT;
        options.old_prefix = "a";
        options.new_prefix = "b";
        if (library->git_patch_from_buffers(&patch, old_text, strlen(old_text), old_path, new_text,
                    strlen(new_text), new_path, &options) == 0 &&
                library->git_patch_num_hunks(patch) > 0 &&
                library->git_patch_to_buf(&buffer, patch) == 0)
                text = text_to_utf8(buffer.ptr, buffer.size);
        library->git_buf_dispose(&buffer);
        library->git_patch_free(patch);
        library->git_libgit2_shutdown();
        return text ? text : text_copy("");
}
