// vhost: makes the vhosts of roles, or removes them.
//
// They name no site, so that a switch changes nothing in them: it only makes sure, before anything
// flips, that they are what settings and templates say. What is undone is therefore only what the
// job has made.
#include "serve/vhost.h"
#include "names.h"

extern const StepOps step_vhost_ops;

static int check_root(StepContext *context, const char *root, Error *error)
{
        return name_check_root(root, error) ?: policy_check_root(step_policy(context), root, error);
}

static void remember(Fleet__VhostResult *result, char *take_path)
{
        if (!take_path)
                return;
        result->changed =
                memory_grow(result->changed, (result->n_changed + 1) * sizeof(*result->changed));
        result->changed[result->n_changed++] = take_path;
}

static int vhost_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *output, Error *error)
{
        const Fleet__VhostArguments *arguments = (const Fleet__VhostArguments *)message;
        Fleet__VhostResult *result = (Fleet__VhostResult *)output;
        int r = serving_check(arguments->serving, error)
                        ?: check_root(context, arguments->root, error);

        for (size_t i = 0; i < arguments->n_roles && r == 0; i++) {
                const char *role = arguments->roles[i];
                char *path = NULL;

                r = arguments->remove
                            ? vhost_remove(context, arguments->serving, role, &path, error)
                            : vhost_set(context, arguments->serving, arguments->root, role, &path,
                                      error);
                remember(result, path);
        }
        return r;
}

static int vhost_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        const Fleet__VhostArguments *arguments = (const Fleet__VhostArguments *)message;
        int r = serving_check(arguments->serving, error);

        for (size_t i = 0; arguments->made && i < arguments->n_roles && r == 0; i++) {
                _cleanup_free_ char *path = NULL;

                r = vhost_remove(context, arguments->serving, arguments->roles[i], &path, error);
        }
        return r;
}

const StepOps step_vhost_ops = {.run = vhost_run, .undo = vhost_undo};
