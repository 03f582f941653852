#include "steps/script_text.h"

#include "base/text.h"
#include "steps/git.h"

static git_merge_file_input merge_input(const char *text, const char *path)
{
        git_merge_file_input input = GIT_MERGE_FILE_INPUT_INIT;

        input.ptr = text;
        input.size = strlen(text);
        input.path = path;
        return input;
}

char *script_merge_text(ScriptMerge *merge, const char *base, const char *ours, const char *theirs)
{
        git_merge_file_input inputs[] = {merge_input(base, "restore.py"),
                merge_input(ours, "restore2preview.py"), merge_input(theirs, "restore.py")};
        git_merge_file_options options = GIT_MERGE_FILE_OPTIONS_INIT;
        git_merge_file_result result = {0};
        const Git *library;
        char *text;

        if (strcmp(ours, base) == 0) {
                merge->taken += strcmp(theirs, base) != 0;
                return text_copy(theirs);
        }
        if (strcmp(theirs, base) == 0 || strcmp(theirs, ours) == 0) {
                merge->kept += strcmp(theirs, ours) != 0;
                return text_copy(ours);
        }
        options.our_label = "restore2preview.py, edited by hand";
        options.their_label = "restore.py, of the new dump";
        library = git();
        library->git_libgit2_init();
        if (library->git_merge_file(&result, &inputs[0], &inputs[1], &inputs[2], &options) < 0)
                abort(); // in memory, it fails only when there is no more of it
        text = text_copy_n(result.ptr, result.len);
        merge->merged += result.automergeable != 0;
        merge->conflicts += result.automergeable == 0;
        library->git_merge_file_result_free(&result);
        library->git_libgit2_shutdown();
        return text;
}

void script_merge_clear(ScriptMerge *merge)
{
        free(merge->text);
        *merge = (ScriptMerge){0};
}
