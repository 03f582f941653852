#include "site/lino_output.h"

#include <ctype.h>

#define UNSAVED_MAX 20

// Moves `*line` behind `text`, which it must begin with.
static bool skip(const char **line, const char *text)
{
        if (!text_starts(*line, text))
                return false;
        *line += strlen(text);
        return true;
}

static bool skip_number(const char **line, uint64_t *ret)
{
        size_t digits = strspn(*line, "0123456789");
        _cleanup_free_ char *number = text_copy_n(*line, digits);

        if (text_parse_u64(number, ret) < 0)
                return false;
        *line += digits;
        return true;
}

static bool skip_count(const char **line, const char *before, uint64_t *ret, const char *after)
{
        return skip(line, before) && skip_number(line, ret) && skip(line, after);
}

static bool take_wrote(LinoOutput *output, const char *line)
{
        uint64_t count;

        if (!skip_count(&line, "Wrote ", &count, " objects to ") ||
                !text_ends(line, " and siblings."))
                return false;
        output->wrote = true;
        output->objects_written = count;
        return true;
}

static bool take_initdb(LinoOutput *output, const char *line)
{
        static const char started[] = " started on database ";
        const char *name = strstr(line, started);

        if (!text_starts(line, "`initdb") || !name || !text_ends(name, "."))
                return false;
        name += sizeof(started) - 1;
        free(output->database);
        output->database = text_copy_n(name, strlen(name) - 1);
        return true;
}

// "Loading 80 objects to table x...", "Loading 120000 objects (part 2 of 3) to table x..."
static bool take_table(LinoOutput *output, const char *line)
{
        uint64_t rows, part, parts;
        size_t length;
        LinoTable *table;

        if (!skip_count(&line, "Loading ", &rows, " objects"))
                return false;
        if (text_starts(line, " (") && !(skip_count(&line, " (part ", &part, " of ") &&
                                               skip_count(&line, "", &parts, ")")))
                return false;
        if (!skip(&line, " to table "))
                return false;
        for (length = 0; isalnum((unsigned char)line[length]) || line[length] == '_'; length++)
                ;
        if (length == 0 || strcmp(line + length, "...") != 0)
                return false;
        table = output->table_count > 0 ? &output->tables[output->table_count - 1] : NULL;
        if (table && strlen(table->name) == length && strncmp(table->name, line, length) == 0)
                return true; // another part
        output->tables =
                memory_grow(output->tables, (output->table_count + 1) * sizeof(*output->tables));
        table = &output->tables[output->table_count++];
        *table = (LinoTable){.name = text_copy_n(line, length), .rows = rows};
        return true;
}

static bool take_loaded(LinoOutput *output, const char *line)
{
        uint64_t count;

        if (!skip_count(&line, "Loaded ", &count, " objects") || *line)
                return false;
        output->loaded = true;
        output->objects_loaded = count;
        return true;
}

// A line of its own, or the end of an exception's message, by version.
static bool take_abandoned(LinoOutput *output, const char *line)
{
        const char *found = strstr(line, "Abandoning with ");
        uint64_t count;

        if (!found || !skip_count(&found, "Abandoning with ", &count, " unsaved instances"))
                return false;
        output->abandoned = true;
        output->objects_abandoned = count;
        return true;
}

static bool take_unsaved(LinoOutput *output, const char *line)
{
        if (!output->abandoned || !skip(&line, "- ") ||
                !strstr(line, " object(s) with primary key"))
                return false;
        if (output->unsaved.count < UNSAVED_MAX)
                text_list_add(&output->unsaved, line);
        return true;
}

void lino_output_line(LinoOutput *output, const char *line)
{
        if (text_starts(line, "Deferred "))
                output->deferred++;
        else if (!take_table(output, line) && !take_loaded(output, line) &&
                 !take_initdb(output, line) && !take_wrote(output, line) &&
                 !take_abandoned(output, line))
                take_unsaved(output, line);
}

void lino_output_clear(LinoOutput *output)
{
        for (size_t i = 0; i < output->table_count; i++)
                free(output->tables[i].name);
        free(output->tables);
        free(output->database);
        text_list_clear(&output->unsaved);
        *output = (LinoOutput){0};
}
