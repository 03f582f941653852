// switch: sets the links `prod` and `preview` in the root, all of them or none.
//
// Each link is set by one rename. What was set before is put back when a later one fails; a killed
// run finds the links it has set by what they point at, and goes on with the others.
#include <fcntl.h>

#include "base/file.h"
#include "names.h"
#include "steps/files.h"

extern const StepOps step_switch_ops;

typedef struct Root {
        char *path; // resolved
        int fd;
} Root;

static void root_clear(Root *root)
{
        free(root->path);
        closep(&root->fd);
}

static int root_open(const Policy *policy, const char *path, Root *ret, Error *error)
{
        int r = name_check_root(path, error);

        if (r >= 0)
                r = policy_check_root(policy, path, error);
        if (r < 0)
                return r;
        r = file_resolve(path, &ret->path);
        if (r >= 0) {
                ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = ret->fd < 0 ? -errno : 0;
        }
        if (r < 0) {
                error_set(error, r, "no-root", "cannot open the root directory");
                error_where(error, "%s", path);
                error_next(error, "Check that it exists on this host: ls -ld '%s'", path);
        }
        return r;
}

// A project directory answers to Django by these two files.
static int check_project(const SiteDir *site, Error *error)
{
        static const char *const files[] = {"manage.py", "settings.py"};

        for (size_t i = 0; i < ELEMENTS(files); i++) {
                _cleanup_close_ int fd = file_open_beneath(site->fd, files[i], O_PATH, false);

                if (fd >= 0)
                        continue;
                error_set(error, fd, "no-project", "%s is not a project directory", site->name);
                error_where(error, "%s/%s", site->path, files[i]);
                error_next(error, "Name a site of %s that has both manage.py and settings.py.",
                        site->root);
                return fd;
        }
        return 0;
}

static int check_link(
        const StepContext *context, const char *root, const Fleet__Link *link, Error *error)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Fleet__Site named = FLEET__SITE__INIT;
        int r;

        if (!text_equal(link->name, "prod") && !text_equal(link->name, "preview")) {
                error_set(error, -EINVAL, "bad-link", "'%s' is not the name of a link", link->name);
                error_why(error, "the links are 'prod' and 'preview'");
                error_next(error, "This is a mistake of the controller: see its log.");
                return -EINVAL;
        }
        if (text_blank(link->site))
                return 0;
        named.root = (char *)root;
        named.name = link->site;
        r = site_open(step_policy(context), &named, &site, error);
        return r < 0 ? r : check_project(&site, error);
}

static int check_links(
        const StepContext *context, const Fleet__SwitchArguments *arguments, Error *error)
{
        for (size_t i = 0; i < arguments->n_links; i++) {
                const Fleet__Link *link = arguments->links[i];
                int r = check_link(context, arguments->root, link, error);

                if (r < 0)
                        return r;
                for (size_t j = 0; j < i; j++) {
                        const Fleet__Link *other = arguments->links[j];

                        if (!text_equal(link->name, other->name) &&
                                (text_blank(link->site) || !text_equal(link->site, other->site)))
                                continue;
                        error_set(error, -EINVAL, "bad-link",
                                "the links contradict each other: %s -> %s, %s -> %s", other->name,
                                other->site, link->name, link->site);
                        error_why(error, "a site has one role");
                        error_next(error, "Give each link once, and each a site of its own.");
                        return -EINVAL;
                }
        }
        return 0;
}

// What protobuf calls empty is what the file system calls missing.
static bool same_site(const char *current, const char *site)
{
        return text_blank(current) ? text_blank(site) : text_equal(current, site);
}

static int read_link_now(const Root *root, const char *name, char **ret, Error *error)
{
        int r = root_link_read(root->fd, root->path, name, ret);

        if (r == 0)
                return 0;
        error_set(error, r, "bad-link", "cannot tell where the link '%s' points", name);
        error_where(error, "%s/%s", root->path, name);
        if (r == -EINVAL)
                error_why(error, "it is not a symbolic link");
        else if (r == -EXDEV)
                error_why(error, "it points at something that is not in this root directory");
        error_next(error,
                "Look at it with ls -l '%s/%s', move it away or set it right by hand, and try "
                "again.",
                root->path, name);
        return r;
}

static int refuse_moved(
        const Root *root, const Fleet__Link *link, const char *current, Error *error)
{
        error_set(error, -ESTALE, "link-moved", "the link '%s' has been set by somebody else",
                link->name);
        error_where(error, "%s/%s", root->path, link->name);
        error_why(error, "it should point at %s%s, and %s%s",
                text_blank(link->before) ? "nothing" : "",
                text_blank(link->before) ? "" : link->before,
                text_blank(current) ? "there is no such link" : "it points at ",
                text_blank(current) ? "" : current);
        error_next(error,
                "Find out who set it; look at both links with ls -l '%s', and ask for the "
                "switch again.",
                root->path);
        return -ESTALE;
}

static int set_link(const Root *root, const char *name, const char *site)
{
        if (!text_blank(site))
                return file_replace_link_at(root->fd, name, site);
        if (unlinkat(root->fd, name, 0) < 0 && errno != ENOENT)
                return -errno;
        return fsync(root->fd) < 0 ? -errno : 0;
}

// Every link is where it should be, or where it was. `ret_left` is the number still to be set.
static int links_compare(
        const Root *root, const Fleet__SwitchArguments *arguments, size_t *ret_left, Error *error)
{
        *ret_left = 0;
        for (size_t i = 0; i < arguments->n_links; i++) {
                const Fleet__Link *link = arguments->links[i];
                _cleanup_free_ char *current = NULL;
                int r = read_link_now(root, link->name, &current, error);

                if (r < 0)
                        return r;
                if (same_site(current, link->site))
                        continue;
                if (!same_site(current, link->before))
                        return refuse_moved(root, link, current, error);
                ++*ret_left;
        }
        return 0;
}

// Puts back those of the first `count` links that point where we set them.
static int links_put_back(
        const Root *root, const Fleet__SwitchArguments *arguments, size_t count, Error *error)
{
        for (size_t i = count; i-- > 0;) {
                const Fleet__Link *link = arguments->links[i];
                _cleanup_free_ char *current = NULL;
                int r = read_link_now(root, link->name, &current, error);

                if (r < 0)
                        return r;
                if (same_site(current, link->before))
                        continue;
                if (!same_site(current, link->site))
                        return refuse_moved(root, link, current, error);
                r = set_link(root, link->name, link->before);
                if (r < 0) {
                        error_set(error, r, "link", "cannot put the link '%s' back", link->name);
                        error_where(error, "%s/%s", root->path, link->name);
                        error_next(error, "Set it by hand: ln -sfn '%s' '%s/%s'", link->before,
                                root->path, link->name);
                        return r;
                }
        }
        return 0;
}

static int links_set(StepContext *context, const Root *root,
        const Fleet__SwitchArguments *arguments, Error *error)
{
        for (size_t i = 0; i < arguments->n_links; i++) {
                const Fleet__Link *link = arguments->links[i];
                _cleanup_error_ Error second = ERROR_EMPTY;
                _cleanup_free_ char *current = NULL;
                int r = read_link_now(root, link->name, &current, error);

                if (r == 0 && same_site(current, link->site))
                        continue;
                if (r == 0)
                        r = set_link(root, link->name, link->site);
                if (r == 0) {
                        step_note(context, "%s -> %s", link->name,
                                text_blank(link->site) ? "(no link)" : link->site);
                        continue;
                }
                error_set(error, r, "link", "cannot set the link '%s'", link->name);
                error_where(error, "%s/%s", root->path, link->name);
                error_next(error, "Check who may write there: ls -ld '%s'", root->path);
                if (links_put_back(root, arguments, i, &second) < 0) {
                        _cleanup_free_ char *line = error_line(&second);

                        error_next(error, "Set both links right by hand. %s", line);
                }
                return r;
        }
        return 0;
}

static void report(const Fleet__SwitchArguments *arguments, Fleet__SwitchResult *result)
{
        result->n_links = arguments->n_links;
        result->links = memory_new(arguments->n_links * sizeof(*result->links));
        for (size_t i = 0; i < arguments->n_links; i++)
                result->links[i] = (Fleet__Link *)message_copy(&arguments->links[i]->base);
}

static int switch_check(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__SwitchArguments *arguments = (const Fleet__SwitchArguments *)message;
        Root root _cleanup_(root_clear) = {.fd = -EBADF};
        size_t left;
        int r = root_open(step_policy(context), arguments->root, &root, error);

        if (r >= 0)
                r = links_compare(&root, arguments, &left, error);
        if (r < 0 || left > 0)
                return r;
        report(arguments, (Fleet__SwitchResult *)result);
        return 1;
}

static int switch_run(StepContext *context, const ProtobufCMessage *message,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__SwitchArguments *arguments = (const Fleet__SwitchArguments *)message;
        Root root _cleanup_(root_clear) = {.fd = -EBADF};
        size_t left;
        int r = root_open(step_policy(context), arguments->root, &root, error);

        if (r >= 0)
                r = check_links(context, arguments, error);
        if (r >= 0)
                r = links_compare(&root, arguments, &left, error);
        if (r >= 0)
                r = links_set(context, &root, arguments, error);
        if (r < 0)
                return r;
        report(arguments, (Fleet__SwitchResult *)result);
        return 0;
}

static int switch_undo(StepContext *context, const ProtobufCMessage *message, Error *error)
{
        const Fleet__SwitchArguments *arguments = (const Fleet__SwitchArguments *)message;
        Root root _cleanup_(root_clear) = {.fd = -EBADF};
        int r = root_open(step_policy(context), arguments->root, &root, error);

        return r < 0 ? r : links_put_back(&root, arguments, arguments->n_links, error);
}

const StepOps step_switch_ops = {.check = switch_check, .run = switch_run, .undo = switch_undo};
