#include <sys/stat.h>

#include "adopt/command.h"
#include "adopt/line.h"
#include "adopt/parts.h"

#define NAME_BYTES_MAX 200 // of a job, which is called by its command

typedef enum Form {
        FORM_USER,   // a user's own crontab
        FORM_SYSTEM, // with a user's name before the command
        FORM_SCRIPT, // a script that is run as it is
} Form;

static const char *skip_words(const char *at, int count)
{
        for (; count > 0 && *at; count--) {
                at += strcspn(at, " \t");
                at += strspn(at, " \t");
        }
        return at;
}

// The command of a line, its user's name before it taken; NULL: it is no job.
static const char *command_of(const char *line, Form form, char **ret_user)
{
        line += strspn(line, " \t");
        if (!*line || !strchr("*@-0123456789", *line))
                return NULL;
        line = skip_words(line, *line == '@' ? 1 : 5);
        if (form == FORM_SYSTEM) {
                *ret_user = text_copy_n(line, strcspn(line, " \t"));
                line = skip_words(line, 1);
        }
        return *line ? line : NULL;
}

// cron mails what a job prints, unless it prints into a file or nowhere.
static bool is_quiet(const char *command)
{
        return strstr(command, ">") != NULL;
}

static void mention_mail(
        Part *part, const char *command, const char *mail_to, const char *path, unsigned line)
{
        static const char *const senders[] = {"sendmail", "mailx", "send_mail", "send_pending"};

        for (size_t i = 0; i < ELEMENTS(senders); i++)
                if (strstr(command, senders[i])) {
                        part_mention(part, MENTION_MAILS, senders[i], path, line);
                        return;
                }
        if (!text_blank(mail_to) && !is_quiet(command))
                part_mention(part, MENTION_MAILS, mail_to, path, line);
}

static void add_job(Reader *reader, const char *command, const char *path, unsigned line,
        char *take_user, const char *mail_to)
{
        _cleanup_free_ char *name = text_copy_n(command, strnlen(command, NAME_BYTES_MAX));
        Part *part;

        if (parts_full(reader->landscape)) {
                free(take_user);
                return;
        }
        part = part_add(&reader->landscape->parts, PART_CRON, name, path, line);
        part->user = take_user;
        command_mention(part, command, NULL, path, line);
        mention_mail(part, command, mail_to, path, line);
}

// "MAILTO=who"; NULL: the line is none.
static char *mail_to_of(const char *line)
{
        static const char name[] = "MAILTO";
        const char *value;

        line += strspn(line, " \t");
        if (!text_starts(line, name))
                return NULL;
        value = line + strlen(name);
        value += strspn(value, " \t");
        if (*value++ != '=')
                return NULL;
        value += strspn(value, " \t\"'");
        return text_copy_n(value, strcspn(value, " \t\"'\r"));
}

static void read_crontab(Reader *reader, const char *text, const char *path, Form form)
{
        LineCursor cursor _cleanup_line_ = {.rest = text};
        _cleanup_free_ char *mail_to = NULL;

        while (line_next(&cursor)) {
                char *user = NULL, *named = mail_to_of(cursor.line);
                const char *command = named ? NULL : command_of(cursor.line, form, &user);

                if (named) {
                        free(mail_to);
                        mail_to = named;
                } else if (command) {
                        add_job(reader, command, path, cursor.number, user, mail_to);
                } else {
                        free(user);
                }
        }
}

// One job, with what each of its lines names.
static void read_script(Reader *reader, const char *text, const char *path)
{
        LineCursor cursor _cleanup_line_ = {.rest = text};
        Part *part;

        if (parts_full(reader->landscape))
                return;
        part = part_add(&reader->landscape->parts, PART_CRON, strrchr(path, '/') + 1, path, 1);
        while (line_next(&cursor)) {
                const char *start = cursor.line + strspn(cursor.line, " \t");

                if (*start == '#')
                        continue;
                command_mention(part, start, NULL, path, cursor.number);
                mention_mail(part, start, NULL, path, cursor.number);
        }
}

static void read_file(Reader *reader, const char *path, Form form)
{
        _cleanup_free_ char *text = NULL;

        if (reader_is_dangling(reader, path) || !reader_read(reader, path, &text))
                return;
        if (form == FORM_SCRIPT)
                read_script(reader, text, path);
        else
                read_crontab(reader, text, path, form);
}

// By the names that Debian gives them.
static Form form_of(const char *path)
{
        static const char *const scripts[] = {
                "/cron.hourly", "/cron.daily", "/cron.weekly", "/cron.monthly"};

        for (size_t i = 0; i < ELEMENTS(scripts); i++)
                if (text_ends(path, scripts[i]))
                        return FORM_SCRIPT;
        return text_ends(path, "/crontabs") ? FORM_USER : FORM_SYSTEM;
}

void cron_read(Reader *reader, const TextList *paths)
{
        for (size_t i = 0; i < paths->count; i++) {
                const char *path = paths->items[i];
                TextList names _cleanup_text_list_ = {0};
                struct stat st;

                if (stat(path, &st) < 0)
                        continue;
                if (!S_ISDIR(st.st_mode)) {
                        read_file(reader, path, form_of(path));
                        continue;
                }
                reader_list(reader, path, &names);
                for (size_t k = 0; k < names.count; k++) {
                        _cleanup_free_ char *file = text_format("%s/%s", path, names.items[k]);

                        read_file(reader, file, form_of(path));
                }
        }
}
