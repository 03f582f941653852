#include <sys/stat.h>

#include "adopt/command.h"
#include "adopt/ini.h"
#include "adopt/parts.h"

typedef struct Unit {
        Landscape *landscape;
        const char *path;
        size_t part; // index
        char *directory;
        TextList commands;
        unsigned lines[8];
} Unit;

static void visit(
        void *userdata, const char *section, const char *name, const char *value, unsigned line)
{
        Unit *unit = userdata;
        Part *part = &unit->landscape->parts.items[unit->part];

        if (!name || !text_equal(section, "Service"))
                return;
        if (text_starts(name, "ExecStart")) {
                value += strspn(value, "-@:+!");
                if (unit->commands.count < ELEMENTS(unit->lines)) {
                        unit->lines[unit->commands.count] = line;
                        text_list_add(&unit->commands, value);
                }
        } else if (text_equal(name, "User")) {
                free(part->user);
                part->user = text_copy(value);
        } else {
                value += text_equal(name, "WorkingDirectory") || text_equal(name, "EnvironmentFile")
                                 ? strspn(value, "-")
                                 : 0;
                if (text_equal(name, "WorkingDirectory")) {
                        free(unit->directory);
                        unit->directory = text_copy(value);
                }
                part_mention_paths(part, value, unit->path, line);
        }
}

static void read_file(Reader *reader, const char *directory, const char *name, bool enabled)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name), *text = NULL;
        Unit unit = {.landscape = reader->landscape, .path = path};
        Part *part;

        if (reader_is_dangling(reader, path) || parts_full(reader->landscape) ||
                !reader_read(reader, path, &text))
                return;
        part = part_add(&reader->landscape->parts, PART_SYSTEMD, name, path, 1);
        part->disabled = !enabled;
        unit.part = reader->landscape->parts.count - 1;
        ini_read(text, visit, &unit);
        part = &reader->landscape->parts.items[unit.part];
        for (size_t i = 0; i < unit.commands.count; i++)
                command_mention(part, unit.commands.items[i], unit.directory, path, unit.lines[i]);
        text_list_clear(&unit.commands);
        free(unit.directory);
}

// Started by a *.wants directory, by its timer or by its socket.
static bool is_enabled(const TextList *wanted, const char *name)
{
        _cleanup_free_ char *stem = text_copy_n(name, strlen(name) - strlen(".service"));

        for (size_t i = 0; i < wanted->count; i++) {
                const char *dot = strrchr(wanted->items[i], '.');

                if (dot && (size_t)(dot - wanted->items[i]) == strlen(stem) &&
                        text_starts(wanted->items[i], stem))
                        return true;
        }
        return false;
}

static void list_wanted(Reader *reader, const char *directory, const TextList *names, TextList *ret)
{
        for (size_t i = 0; i < names->count; i++) {
                _cleanup_free_ char *path = text_format("%s/%s", directory, names->items[i]);

                if (text_ends(path, ".wants") || text_ends(path, ".requires"))
                        reader_list(reader, path, ret);
        }
}

void systemd_read(Reader *reader, const TextList *paths)
{
        for (size_t i = 0; i < paths->count; i++) {
                TextList names _cleanup_text_list_ = {0}, wanted _cleanup_text_list_ = {0};

                reader_list(reader, paths->items[i], &names);
                list_wanted(reader, paths->items[i], &names, &wanted);
                for (size_t k = 0; k < names.count; k++)
                        if (text_ends(names.items[k], ".service"))
                                read_file(reader, paths->items[i], names.items[k],
                                        is_enabled(&wanted, names.items[k]));
        }
}
