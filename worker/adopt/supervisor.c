#include "adopt/command.h"
#include "adopt/ini.h"
#include "adopt/parts.h"

typedef struct Supervisor {
        Reader *reader;
        const char *path;
        size_t program; // index of the one being read, from 1; 0: none
        char *directory;
        char *command;
        unsigned line; // of the command
} Supervisor;

static Part *current(const Supervisor *supervisor)
{
        return &supervisor->reader->landscape->parts.items[supervisor->program - 1];
}

// The command last: the directory that it runs in may stand behind it.
static void end_program(Supervisor *supervisor)
{
        if (supervisor->program && supervisor->command)
                command_mention(current(supervisor), supervisor->command, supervisor->directory,
                        supervisor->path, supervisor->line);
        supervisor->program = 0;
        free(TAKE_PTR(supervisor->directory));
        free(TAKE_PTR(supervisor->command));
}

static void begin_section(Supervisor *supervisor, const char *section, unsigned line)
{
        static const char *const kinds[] = {"program:", "fcgi-program:"};
        Landscape *landscape = supervisor->reader->landscape;

        end_program(supervisor);
        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                if (!text_starts(section, kinds[i]) || parts_full(landscape))
                        continue;
                part_add(&landscape->parts, PART_SUPERVISOR, section + strlen(kinds[i]),
                        supervisor->path, line);
                supervisor->program = landscape->parts.count;
        }
}

static void visit(
        void *userdata, const char *section, const char *name, const char *value, unsigned line)
{
        Supervisor *supervisor = userdata;
        const char *path = supervisor->path;

        if (!name) {
                begin_section(supervisor, section, line);
                return;
        }
        if (!supervisor->program)
                return;
        if (text_equal(name, "command")) {
                free(supervisor->command);
                supervisor->command = text_copy(value);
                supervisor->line = line;
        } else if (text_equal(name, "user")) {
                free(current(supervisor)->user);
                current(supervisor)->user = text_copy(value);
        } else if (text_equal(name, "socket")) { // of an fcgi-program
                part_mention_address(current(supervisor), MENTION_LISTENS, value, path, line);
        } else {
                if (text_equal(name, "directory")) {
                        free(supervisor->directory);
                        supervisor->directory = text_copy(value);
                }
                part_mention_paths(current(supervisor), value, path, line);
        }
}

static void read_file(Reader *reader, const char *path)
{
        Supervisor supervisor = {.reader = reader, .path = path};
        _cleanup_free_ char *text = NULL;

        if (reader_is_dangling(reader, path) || !reader_read(reader, path, &text))
                return;
        ini_read(text, visit, &supervisor);
        end_program(&supervisor);
}

void supervisor_read(Reader *reader, const TextList *paths)
{
        for (size_t i = 0; i < paths->count; i++) {
                TextList files _cleanup_text_list_ = {0};

                reader_expand(reader, paths->items[i], "supervisord.conf", &files);
                reader_expand(reader, paths->items[i], "conf.d/*.conf", &files);
                reader_expand(reader, paths->items[i], "*.conf", &files);
                for (size_t k = 0; k < files.count; k++)
                        read_file(reader, files.items[k]);
        }
}
