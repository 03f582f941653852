#include "site/interlock.h"

#include <sys/stat.h>

#include "base/file.h"
#include "site/probe.h"

// A refusal in the making: what the target is, for the message.
typedef struct Check {
        const Fleet__Guard *guard;
        const Fleet__Identity *answer;
        char *project; // where the target has to be, resolved
        Error *error;
} Check;

static int refuse(const Check *check, const char *next, const char *why, ...) _printf_(3, 4);
static int refuse(const Check *check, const char *next, const char *why, ...)
{
        va_list arguments;
        _cleanup_free_ char *text = NULL;

        va_start(arguments, why);
        text = text_vformat(why, arguments);
        va_end(arguments);
        error_set(check->error, -EPERM, "interlock", "refused: the site is not only itself");
        error_where(check->error, "%s", check->project);
        error_why(check->error, "%s", text);
        error_next(check->error, "%s", next);
        return -EPERM;
}

// One file or directory, under whatever names: by path, and by device and inode (hard links, bind
// mounts).
static bool same_place(const char *a, const char *b)
{
        struct stat first, second;

        if (text_blank(a) || text_blank(b))
                return false;
        if (text_equal(a, b))
                return true;
        return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
               first.st_ino == second.st_ino;
}

static bool on_file(const Fleet__Database *database)
{
        return text_equal(database->engine, "sqlite");
}

// On a server, by the server's own word. Where one of them could not be asked, one name on the same
// kind of server is enough to refuse, and so is none, which some other file may give: a server has
// many host names.
static bool same_database(const Fleet__Database *a, const Fleet__Database *b)
{
        if (!a || !b || !text_equal(a->engine, b->engine))
                return false;
        if (on_file(a))
                return same_place(a->name, b->name);
        if (!text_blank(a->server) && !text_blank(b->server))
                return text_equal(a->server, b->server);
        return text_blank(a->name) || text_blank(b->name) || text_equal(a->name, b->name);
}

// Entry `i` of a site's settings.DATABASES, the default one first; NULL: there are no more.
static const Fleet__Database *database_at(const Fleet__Identity *identity, size_t i)
{
        if (i == 0)
                return identity->database;
        return i <= identity->n_more ? identity->more[i - 1] : NULL;
}

// One that both have, under whatever alias.
static const Fleet__Database *shared_database(const Fleet__Identity *a, const Fleet__Identity *b)
{
        for (size_t i = 0; database_at(a, i); i++)
                for (size_t j = 0; database_at(b, j); j++)
                        if (same_database(database_at(a, i), database_at(b, j)))
                                return database_at(a, i);
        return NULL;
}

static int check_own_directory(const Check *check)
{
        static const char *const next = "Correct the paths in its manage.py and settings.py, then: "
                                        "understudyctl job retry ID";
        const Fleet__Identity *answer = check->answer;

        if (!text_equal(answer->project_dir, check->project))
                return refuse(check, next, "its settings say it is the project directory %s",
                        answer->project_dir);
        if (!file_is_beneath(answer->settings_file, check->project))
                return refuse(check, next, "its settings are read from %s", answer->settings_file);
        return 0;
}

// Whoever set the link, by whatever means, since the job was planned.
static int check_role(const Check *check)
{
        _cleanup_free_ char *link = text_format("%s/prod", check->guard->target->root);

        if (!same_place(link, check->project))
                return 0;
        return refuse(check,
                "See where the links lead (ls -l, in its root), and set them as they are meant: "
                "understudyctl preview switch SERIES",
                "it is production: the link %s leads to it", link);
}

static int check_own_module(const Check *check)
{
        const char *module = check->answer->settings_module;
        const Fleet__Identity *registered = check->guard->registered;
        _cleanup_free_ char *ending = text_format(".%s.settings", check->guard->target->name);

        if (text_ends(module, ending) ||
                (registered && text_equal(module, registered->settings_module)))
                return 0;
        return refuse(check,
                "Correct DJANGO_SETTINGS_MODULE in its manage.py, then: understudyctl job retry ID",
                "its settings module is %s", module);
}

// A hard link to a file that nobody told us about; the kept database of a killed swap is one of
// ours.
static bool has_unknown_name(const char *path)
{
        _cleanup_free_ char *kept = text_format("%s.understudy-kept", path);
        struct stat st;

        if (stat(path, &st) < 0 || st.st_nlink == 1)
                return false;
        return st.st_nlink > 2 || !same_place(path, kept);
}

static int check_own_database(const Check *check)
{
        static const char *const next = "Give the site a database of its own in DATABASES of its "
                                        "settings.py, then: understudyctl job retry ID";
        const Fleet__Database *database = check->answer->database;
        const Fleet__Identity *registered = check->guard->registered;

        if (text_blank(database->name))
                return refuse(check, next, "its settings name no database");
        if (registered && registered->database &&
                (!text_equal(database->engine, registered->database->engine) ||
                        !text_equal(database->name, registered->database->name)))
                return refuse(check, next, "its database is %s, and was %s", database->name,
                        registered->database->name);
        if (!on_file(database))
                return 0;
        if (!file_is_beneath(database->name, check->project))
                return refuse(check, next, "its database is %s, outside of it", database->name);
        if (has_unknown_name(database->name))
                return refuse(check, next,
                        "its database %s is a hard link: the same file has another name",
                        database->name);
        return 0;
}

static int check_other(const Check *check, const Fleet__Identity *other)
{
        static const char *const next = "Correct its settings.py so that it shares nothing with "
                                        "the other site, then: understudyctl job retry ID";
        const Fleet__Identity *answer = check->answer;
        const Fleet__Database *shared = shared_database(answer, other);

        if (shared)
                return refuse(check, next, "its database %s%s%s%s is that of %s", shared->name,
                        shared == answer->database ? "" : " (",
                        shared == answer->database ? "" : shared->alias,
                        shared == answer->database ? "" : ")", other->project_dir);
        if (same_place(answer->project_dir, other->project_dir))
                return refuse(check, next, "it is the project directory of %s, too",
                        other->settings_module);
        if (same_place(answer->settings_file, other->settings_file) ||
                text_equal(answer->settings_module, other->settings_module))
                return refuse(check, next, "its settings %s are those of %s",
                        answer->settings_module, other->project_dir);
        if (same_place(answer->media_root, other->media_root) ||
                (!text_blank(other->project_dir) &&
                        file_is_beneath(answer->media_root, other->project_dir)))
                return refuse(check, next, "its media directory %s is that of %s",
                        answer->media_root, other->project_dir);
        return 0;
}

int interlock_compare(const Fleet__Guard *guard, const Fleet__Identity *answer, Error *error)
{
        _cleanup_free_ char *root = NULL, *project = NULL;
        int r = file_resolve(guard->target->root, &root);

        project = text_format("%s/%s", r < 0 ? guard->target->root : root, guard->target->name);
        const Check check = {guard, answer, project, error};
        if (r < 0 || !answer->database)
                return refuse(&check, "Ask it by hand: understudyctl series show",
                        "it does not say who it is");
        r = check_own_directory(&check);
        if (r == 0)
                r = check_role(&check);
        if (r == 0)
                r = check_own_module(&check);
        if (r == 0)
                r = check_own_database(&check);
        for (size_t i = 0; r == 0 && i < guard->n_others; i++)
                r = check_other(&check, guard->others[i]);
        return r;
}

static int ask(
        StepContext *context, const Fleet__Guard *guard, Fleet__ProbeResult *result, Error *error)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = site_open(step_policy(context), guard->target, &site, error);

        return r < 0 ? r : site_probe(context, &site, result, error);
}

static int no_answer(int r, const Fleet__Guard *guard, Error *error)
{
        Error cause _cleanup_error_ = ERROR_EMPTY;
        _cleanup_free_ char *line = NULL;

        error_move(&cause, error);
        line = error_line(&cause);
        error_set(error, -EPERM, "interlock", "refused: the site cannot be asked who it is");
        error_where(error, "%s/%s", guard->target->root, guard->target->name);
        error_why(error, "%s", line);
        error_next(error, "Make it answer, then: understudyctl job retry ID");
        return r == -ECANCELED || r == -ETIME ? r : -EPERM;
}

int interlock_check(
        StepContext *context, const Fleet__Guard *guard, Fleet__Identity **ret, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message = message_new(&fleet__probe_result__descriptor);
        Fleet__ProbeResult *result = (Fleet__ProbeResult *)message;
        int r;

        if (!guard || !guard->target)
                return error_set(
                        error, -EINVAL, "interlock", "the task does not say what it guards");
        r = ask(context, guard, result, error);
        if (step_canceled(context))
                return step_canceled_error(context, error);
        if (r < 0)
                return no_answer(r, guard, error);
        r = interlock_compare(guard, result->identity, error);
        if (r == 0 && ret)
                *ret = TAKE_PTR(result->identity);
        return r;
}
