#include "adopt/sites.h"

#include <dirent.h>
#include <fcntl.h>

#include "adopt/quiet.h"
#include "base/clock.h"
#include "base/file.h"
#include "names.h"
#include "site/probe.h"

#define ALL_PATIENCE_US (INT64_C(1200) * US_PER_SECOND) // for asking all of them

DEFINE_CLEANUP(DIR *, closedir)

static const char *const link_names[] = {"prod", "preview"};

// ---------------------------------------------------------------- directories

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_names(int fd, TextList *ret)
{
        int copy = quiet_open(fd, ".", O_DIRECTORY);
        _cleanup_(closedirp) DIR *stream = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;

        if (!stream) {
                if (copy >= 0)
                        close(copy);
                return;
        }
        while (ret->count < ENTRIES_MAX && (entry = readdir(stream)))
                if (entry->d_name[0] != '.')
                        text_list_add(ret, entry->d_name);
        if (ret->count > 0)
                qsort(ret->items, ret->count, sizeof(char *), by_name);
}

static bool has_file(int fd, const char *name)
{
        struct stat st;

        return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

// ---------------------------------------------------------------- roots

static FoundRoot *add_root(Landscape *landscape, const char *spelled, bool accepted)
{
        _cleanup_free_ char *resolved = NULL;
        int fd = open(spelled, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        FoundRoot *root;

        if (fd < 0 || file_resolve(spelled, &resolved) < 0) {
                if (fd >= 0)
                        close(fd);
                return NULL;
        }
        for (size_t i = 0; i < landscape->root_count; i++)
                if (text_equal(landscape->roots[i].path, resolved)) {
                        close(fd);
                        return NULL;
                }
        landscape->roots = memory_grow(
                landscape->roots, (landscape->root_count + 1) * sizeof(*landscape->roots));
        root = &landscape->roots[landscape->root_count++];
        *root = (FoundRoot){.path = TAKE_PTR(resolved),
                .spelled = text_copy(spelled),
                .fd = fd,
                .accepted = accepted};
        return root;
}

static bool is_beneath_policy(const Policy *policy, const char *root)
{
        _cleanup_free_ char *wanted = NULL;

        if (file_resolve(root, &wanted) < 0)
                return false;
        for (size_t i = 0; i < policy->roots.count; i++) {
                _cleanup_free_ char *accepted = NULL;

                if (file_resolve(policy->roots.items[i], &accepted) == 0 &&
                        file_is_beneath(wanted, accepted))
                        return true;
        }
        return false;
}

static int no_root(const char *root, Error *error)
{
        int r = error_set(error, -ENOENT, "no-root", "there is no root directory to be scanned");

        error_where(error, "%s", root ? root : "[policy] root in worker.conf");
        error_next(error, "Give a directory of this host that the worker accepts with --root.");
        return r;
}

static int add_roots(Landscape *landscape, const char *root, Error *error)
{
        const Policy *policy = step_policy(landscape->context);

        for (size_t i = 0; text_blank(root) && i < policy->roots.count; i++)
                add_root(landscape, policy->roots.items[i], true);
        if (!text_blank(root)) {
                bool accepted = policy_check_root(policy, root, error) == 0;
                int r = name_check_root(root, accepted ? error : NULL);

                if (r < 0 || (!accepted && !is_beneath_policy(policy, root)))
                        return accepted ? r : -EPERM;
                error_clear(error);
                add_root(landscape, root, accepted);
        }
        return landscape->root_count ? 0 : no_root(text_blank(root) ? NULL : root, error);
}

// ---------------------------------------------------------------- sites

static void add_site(Landscape *landscape, size_t root, const char *name, int take_fd)
{
        const FoundRoot *found = &landscape->roots[root];
        const Policy *policy = step_policy(landscape->context);
        FoundSite site = {.root = root};

        site.dir = (SiteDir){.name = text_copy(name),
                .root = text_copy(found->path),
                .path = text_format("%s/%s", found->path, name),
                .root_fd = fcntl(found->fd, F_DUPFD_CLOEXEC, 3),
                .fd = take_fd};
        if (fstat(take_fd, &site.st) == 0) {
                _cleanup_error_ Error why = ERROR_EMPTY;

                site.may_ask = policy_check_owner(policy, site.st.st_uid, site.dir.path,
                                       &site.dir.owner, &why) == 0;
                if (!site.may_ask) {
                        finding_add(&landscape->findings, FINDING_SITE_NOT_ASKED, name,
                                site.dir.path, "the site was not asked who it is");
                        finding_detail(&landscape->findings, why.what);
                }
        }
        landscape->sites = memory_grow(
                landscape->sites, (landscape->site_count + 1) * sizeof(*landscape->sites));
        landscape->sites[landscape->site_count++] = site;
}

// A directory that may hold sites, but is none: a root of its own when it does.
static void look_inside(Landscape *landscape, size_t root, const char *name, int fd)
{
        TextList names _cleanup_text_list_ = {0};

        list_names(fd, &names);
        for (size_t i = 0; i < names.count; i++) {
                _cleanup_close_ int child = quiet_open(fd, names.items[i], O_DIRECTORY);

                if (child >= 0 && has_file(child, "manage.py")) {
                        _cleanup_free_ char *path =
                                text_format("%s/%s", landscape->roots[root].path, name);

                        add_root(landscape, path, false);
                        return;
                }
        }
}

static void look_at_entry(Landscape *landscape, size_t root, const char *name, bool deeper)
{
        _cleanup_close_ int fd = quiet_open(landscape->roots[root].fd, name, O_DIRECTORY);

        if (fd < 0)
                return;
        if (has_file(fd, "manage.py") && landscape->site_count < SITES_MAX)
                add_site(landscape, root, name, TAKE_FD(fd));
        else if (has_file(fd, "manage.py"))
                finding_add(&landscape->findings, FINDING_SCAN_LIMIT, NULL, NULL,
                        "there are more than %d sites", SITES_MAX);
        else if (has_file(fd, "settings.py"))
                finding_add(&landscape->findings, FINDING_SITE_INCOMPLETE, name,
                        landscape->roots[root].path, "'%s' is no whole site", name);
        else if (deeper)
                look_inside(landscape, root, name, fd);
}

// The name of a directory in `root` itself that a link's target names; NULL: it leads elsewhere.
static char *target_in_root(const FoundRoot *root, const char *target)
{
        const char *name = target;

        if (text_starts(name, "./"))
                name += 2;
        if (text_starts(name, root->path) && name[strlen(root->path)] == '/')
                name += strlen(root->path) + 1;
        else if (text_starts(name, root->spelled) && name[strlen(root->spelled)] == '/')
                name += strlen(root->spelled) + 1;
        size_t length = strcspn(name, "/");
        if (length == 0 || name[length + strspn(name + length, "/")] != '\0' ||
                strncmp(name, "..", length) == 0)
                return NULL;
        return text_copy_n(name, length);
}

static void look_at_link(Landscape *landscape, size_t root, const char *name)
{
        FoundRoot *found = &landscape->roots[root];
        _cleanup_free_ char *target = NULL, *inside = NULL, *path = NULL;
        struct stat st;

        if (file_read_link_at(found->fd, name, &target) < 0)
                return;
        path = text_format("%s/%s", found->path, name);
        inside = target_in_root(found, target);
        if (inside ? fstatat(found->fd, inside, &st, AT_SYMLINK_NOFOLLOW) < 0
                   : stat(path, &st) < 0 && errno == ENOENT) {
                finding_add(&landscape->findings, FINDING_LINK_DANGLING, NULL, path,
                        "the link '%s' leads to %s, which is not there", name, target);
                return;
        }
        for (size_t i = 0; i < ELEMENTS(link_names); i++) {
                if (!text_equal(name, link_names[i]))
                        continue;
                if (!inside)
                        finding_add(&landscape->findings, FINDING_LINK_OUTSIDE, NULL, path,
                                "the link '%s' leads out of its root, to %s", name, target);
                free(found->links[i]);
                found->links[i] = TAKE_PTR(inside);
        }
}

static void give_roles(Landscape *landscape, size_t root)
{
        const FoundRoot *found = &landscape->roots[root];

        for (int i = 1; i >= 0; i--) { // who is both is production
                FoundSite *site =
                        found->links[i] ? landscape_site(landscape, root, found->links[i]) : NULL;

                if (site)
                        site->role = i == 0 ? ROLE_PRODUCTION : ROLE_PREVIEW;
        }
}

static void look_at_root(Landscape *landscape, size_t root, bool deeper)
{
        TextList names _cleanup_text_list_ = {0};

        list_names(landscape->roots[root].fd, &names);
        for (size_t i = 0; i < names.count; i++) {
                look_at_link(landscape, root, names.items[i]);
                look_at_entry(landscape, root, names.items[i], deeper);
        }
        give_roles(landscape, root);
}

int sites_find(Landscape *landscape, const char *root, Error *error)
{
        size_t given;
        int r = add_roots(landscape, root, error);

        given = landscape->root_count;
        // Those found while looking come behind.
        for (size_t i = 0; r == 0 && i < landscape->root_count && i < SITES_MAX; i++)
                look_at_root(landscape, i, i < given);
        return r;
}

// ---------------------------------------------------------------- questions

static bool has_python(const FoundSite *site)
{
        struct stat st;

        return fstatat(site->dir.fd, "env/bin/python", &st, 0) == 0;
}

static void tell_silent(Landscape *landscape, FoundSite *site, const Error *why)
{
        bool slow = text_equal(why->code, "slow");

        finding_add(&landscape->findings, FINDING_SITE_SILENT, site->dir.name, site->dir.path,
                slow ? "the site did not answer in time" : "the site does not answer");
        finding_detail(&landscape->findings, why->why);
}

static int ask_one(Landscape *landscape, FoundSite *site, Error *error)
{
        _cleanup_error_ Error why = ERROR_EMPTY;
        uint64_t seconds = step_policy(landscape->context)->scan.patience_seconds;
        int r = site_ask(landscape->context, &site->dir, (uint32_t)(seconds ? seconds : 30) * 1000,
                &site->answer, &why);

        if (r < 0 && step_canceled(landscape->context)) {
                error_move(error, &why);
                return r;
        }
        if (r < 0) {
                tell_silent(landscape, site, &why);
                return 0;
        }
        site->probe = (Fleet__ProbeResult *)message_new(&fleet__probe_result__descriptor);
        site_answer_take(site->answer, site->probe);
        return 0;
}

int sites_ask(Landscape *landscape, Error *error)
{
        int64_t end = clock_monotonic_us() + ALL_PATIENCE_US;
        int r = 0;

        for (size_t i = 0; i < landscape->site_count && r == 0; i++) {
                FoundSite *site = &landscape->sites[i];

                step_progress(landscape->context, FLEET__UNIT__NONE, i, landscape->site_count,
                        site->dir.name);
                if (clock_monotonic_us() > end)
                        finding_add(&landscape->findings, FINDING_SCAN_LIMIT, site->dir.name,
                                site->dir.path, "the site was not asked: others took too long");
                else if (site->may_ask && has_python(site))
                        r = ask_one(landscape, site, error);
        }
        return r;
}
