#include "tree/exclude.h"

#include "base/text.h"

void exclude_find(Node *node)
{
        const TreeOptions *options = node->run->options;
        _cleanup_free_ char *path = NULL;
        size_t length, found = 0;

        if (!options->exclude_count)
                return;
        path = node_raw_path(node, NULL);
        length = strlen(path);
        for (size_t i = 0; i < options->exclude_count; i++) {
                const char *slash = strrchr(options->exclude[i], '/');
                size_t parent = slash ? (size_t)(slash - options->exclude[i]) : 0;

                if (parent != length || memcmp(path, options->exclude[i], length) != 0)
                        continue;
                if (!node->excluded)
                        node->excluded =
                                memory_new((options->exclude_count + 1) * sizeof(*node->excluded));
                node->excluded[found++] = slash ? slash + 1 : options->exclude[i];
        }
}

bool exclude_has(const Node *node, const char *name)
{
        if (!node->excluded)
                return false;
        for (const char **at = node->excluded; *at; at++)
                if (strcmp(*at, name) == 0)
                        return true;
        return false;
}

bool exclude_path(const Run *run, const char *path)
{
        for (size_t i = 0; i < run->options->exclude_count; i++)
                if (strcmp(run->options->exclude[i], path) == 0)
                        return true;
        return false;
}

bool exclude_beneath(const Run *run, const char *path)
{
        size_t length = strlen(path);

        for (size_t i = 0; i < run->options->exclude_count; i++)
                if (strncmp(run->options->exclude[i], path, length) == 0 &&
                        run->options->exclude[i][length] == '/')
                        return true;
        return false;
}
