#include <strings.h>

#include "adopt/command.h"
#include "adopt/parts.h"

#define DEPTH_MAX 8 // of includes

typedef struct Apache {
        Reader *reader;
        const char *directory; // that relative includes count from
        size_t vhost;          // index of the one being read, from 1; 0: none
        int depth;
        bool disabled;
} Apache;

static void read_file(Apache *apache, const char *path);

static bool is(const char *word, const char *name)
{
        return strcasecmp(word, name) == 0;
}

static void include(Apache *apache, const char *pattern)
{
        TextList paths _cleanup_text_list_ = {0};

        reader_expand(apache->reader, apache->directory, pattern, &paths);
        for (size_t i = 0; i < paths.count; i++)
                if (!reader_is_dangling(apache->reader, paths.items[i]))
                        read_file(apache, paths.items[i]);
}

static void begin_vhost(Apache *apache, const TextList *words, const char *path, unsigned line)
{
        Landscape *landscape = apache->reader->landscape;
        Part *part;

        if (apache->vhost || parts_full(landscape))
                return;
        part = part_add(&landscape->parts, PART_APACHE, strrchr(path, '/') + 1, path, line);
        part->disabled = apache->disabled;
        apache->vhost = landscape->parts.count;
        for (size_t i = 1; i < words->count; i++) {
                char *port = words->items[i];

                port[strcspn(port, ">")] = '\0';
                if (*port)
                        part_mention(part, MENTION_PORT, port, path, line);
        }
}

static void end_vhost(Apache *apache)
{
        Part *part = &apache->reader->landscape->parts.items[apache->vhost - 1];
        const Mention *host = part_find(part, MENTION_HOST);

        if (host) {
                free(part->name);
                part->name = text_copy(host->text);
        }
        apache->vhost = 0;
}

// "ProxyPass / unix:/run/x.sock|http://localhost/" and "ProxyPass http://127.0.0.1:8000/".
static void take_proxy(Part *part, const TextList *words, const char *path, unsigned line)
{
        for (size_t i = 1; i < words->count && i < 3; i++)
                if (strstr(words->items[i], "://") || text_starts(words->items[i], "unix:"))
                        part_mention_address(part, MENTION_REACHES, words->items[i], path, line);
}

static void take_directive(Apache *apache, const TextList *words, const char *path, unsigned line)
{
        const char *name = words->items[0];
        Part *part;

        if (words->count > 1 && (is(name, "Include") || is(name, "IncludeOptional"))) {
                include(apache, words->items[1]);
                return;
        }
        if (!apache->vhost)
                return;
        part = &apache->reader->landscape->parts.items[apache->vhost - 1];
        if (is(name, "ServerName") || is(name, "ServerAlias")) {
                for (size_t i = 1; i < words->count; i++)
                        part_mention(part, MENTION_HOST, words->items[i], path, line);
        } else if (is(name, "ProxyPass")) {
                take_proxy(part, words, path, line);
        } else {
                for (size_t i = 1; i < words->count; i++)
                        part_mention_paths(part, words->items[i], path, line);
        }
}

static void take_line(Apache *apache, const char *text, const char *path, unsigned line)
{
        TextList words _cleanup_text_list_ = {0};
        char *word;

        while (words.count < 100 && (word = command_word(&text)))
                text_list_take(&words, word);
        if (words.count == 0 || words.items[0][0] == '#')
                return;
        if (is(words.items[0], "<VirtualHost"))
                begin_vhost(apache, &words, path, line);
        else if (is(words.items[0], "</VirtualHost>") && apache->vhost)
                end_vhost(apache);
        else
                take_directive(apache, &words, path, line);
}

static void parse(Apache *apache, const char *text, const char *path)
{
        unsigned line = 0;

        while (*text) {
                unsigned begun = ++line;
                size_t length = strcspn(text, "\n");
                _cleanup_free_ char *whole = NULL;

                while (length > 0 && text[length - 1] == '\\' && text[length]) {
                        length += 1 + strcspn(text + length + 1, "\n");
                        line++;
                }
                whole = text_copy_n(text, length);
                for (char *at = strstr(whole, "\\\n"); at; at = strstr(at, "\\\n"))
                        at[0] = at[1] = ' ';
                take_line(apache, whole, path, begun);
                text += length + (text[length] == '\n');
        }
}

static void read_file(Apache *apache, const char *path)
{
        _cleanup_free_ char *text = NULL;
        size_t vhost = apache->vhost;

        if (apache->depth == DEPTH_MAX) {
                finding_add(&apache->reader->landscape->findings, FINDING_CONFIG_NOT_READ, NULL,
                        path,
                        "a file of the configuration was not read: includes go deeper than %d",
                        DEPTH_MAX);
                return;
        }
        if (!reader_read(apache->reader, path, &text))
                return;
        apache->depth++;
        parse(apache, text, path);
        apache->depth--;
        if (apache->vhost && !vhost)
                end_vhost(apache);
}

static void read_folder(Apache *apache, const char *name, bool disabled)
{
        _cleanup_free_ char *pattern = text_format("%s/*", name);

        apache->disabled = disabled;
        include(apache, pattern);
}

void apache_read(Reader *reader, const TextList *paths)
{
        for (size_t i = 0; i < paths->count; i++) {
                Apache apache = {.reader = reader, .directory = paths->items[i]};
                _cleanup_free_ char *main = text_format("%s/apache2.conf", paths->items[i]);

                read_file(&apache, main);
                read_folder(&apache, "conf-enabled", false);
                read_folder(&apache, "conf.d", false);
                read_folder(&apache, "sites-enabled", false);
                read_folder(&apache, "sites-available", true);
        }
}
