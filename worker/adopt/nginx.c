#include "adopt/address.h"
#include "adopt/parts.h"

#define DEPTH_MAX 8   // of includes
#define WORDS_MAX 100 // of one directive

typedef struct Upstream {
        char *name, *address, *path;
        unsigned line;
} Upstream;

typedef struct Nginx {
        Reader *reader;
        const char *directory; // that relative includes count from
        Upstream *upstreams;
        size_t upstream_count;
        size_t server;  // index of the vhost being read, from 1; 0: none
        int blocks;     // open ones
        int server_at;  // how many were open when the vhost began
        char *upstream; // name of the one being read
        int depth;
        bool disabled;
} Nginx;

static void read_file(Nginx *nginx, const char *path);

// ---------------------------------------------------------------- words

static const char *skip_blank(const char *at, unsigned *line)
{
        for (; *at; at++) {
                if (*at == '#')
                        at += strcspn(at, "\n");
                if (*at == '\n')
                        (*line)++;
                else if (*at != ' ' && *at != '\t' && *at != '\r')
                        break;
                if (!*at)
                        break;
        }
        return at;
}

// A word, or one of ";", "{" and "}"; NULL at the end.
static char *next_word(const char **rest, unsigned *line, bool *ret_mark)
{
        const char *at = skip_blank(*rest, line);
        size_t length = 0;
        char quote = *at == '"' || *at == '\'' ? *at : '\0';

        *ret_mark = *at && strchr(";{}", *at);
        if (!*at)
                return NULL;
        if (*ret_mark) {
                *rest = at + 1;
                return text_copy_n(at, 1);
        }
        at += quote != '\0';
        while (at[length] && (quote ? at[length] != quote : !strchr(" \t\r\n;{}", at[length]))) {
                *line += at[length] == '\n';
                length += at[length] == '\\' && at[length + 1] ? 2 : 1;
                if (!quote && length > 0 && at[length] == '{' && at[length - 1] == '$') { // ${name}
                        length += strcspn(at + length, "}\n");
                        length += at[length] == '}';
                }
        }
        *rest = at + length + (quote && at[length] == quote);
        return text_copy_n(at, length);
}

// ---------------------------------------------------------------- directives

static void end_server(Nginx *nginx)
{
        Part *part = &nginx->reader->landscape->parts.items[nginx->server - 1];
        const Mention *host = part_find(part, MENTION_HOST);

        if (host) {
                free(part->name);
                part->name = text_copy(host->text);
        }
        nginx->server = 0;
}

static void begin_block(Nginx *nginx, const TextList *words, const char *path, unsigned line)
{
        Landscape *landscape = nginx->reader->landscape;
        const char *name = words->count ? words->items[0] : "";

        nginx->blocks++;
        if (text_equal(name, "server") && words->count == 1 && !nginx->server &&
                !parts_full(landscape)) {
                part_add(&landscape->parts, PART_NGINX, strrchr(path, '/') + 1, path, line)
                        ->disabled = nginx->disabled;
                nginx->server = landscape->parts.count;
                nginx->server_at = nginx->blocks;
        } else if (text_equal(name, "upstream") && words->count == 2) {
                free(nginx->upstream);
                nginx->upstream = text_copy(words->items[1]);
        }
}

static void end_block(Nginx *nginx)
{
        if (nginx->server && nginx->blocks == nginx->server_at)
                end_server(nginx);
        if (!nginx->server)
                free(TAKE_PTR(nginx->upstream));
        nginx->blocks -= nginx->blocks > 0;
}

static void add_upstream(Nginx *nginx, const char *address, const char *path, unsigned line)
{
        Upstream *added;

        if (nginx->upstream_count == PARTS_MAX)
                return;
        nginx->upstreams = memory_grow(
                nginx->upstreams, (nginx->upstream_count + 1) * sizeof(*nginx->upstreams));
        added = &nginx->upstreams[nginx->upstream_count++];
        *added = (Upstream){text_copy(nginx->upstream), text_copy(address), text_copy(path), line};
}

static void take_names(Part *part, const TextList *words, const char *path, unsigned line)
{
        for (size_t i = 1; i < words->count; i++)
                if (*words->items[i])
                        part_mention(part, MENTION_HOST, words->items[i], path, line);
}

static void include(Nginx *nginx, const char *pattern)
{
        TextList paths _cleanup_text_list_ = {0};

        reader_expand(nginx->reader, nginx->directory, pattern, &paths);
        for (size_t i = 0; i < paths.count; i++)
                if (!reader_is_dangling(nginx->reader, paths.items[i]))
                        read_file(nginx, paths.items[i]);
}

static void take_directive(Nginx *nginx, const TextList *words, const char *path, unsigned line)
{
        Part *part =
                nginx->server ? &nginx->reader->landscape->parts.items[nginx->server - 1] : NULL;
        const char *name = words->items[0];

        if (words->count > 1 && text_equal(name, "include")) {
                include(nginx, words->items[1]);
                return;
        }
        if (words->count > 1 && nginx->upstream && text_equal(name, "server"))
                add_upstream(nginx, words->items[1], path, line);
        if (!part || words->count < 2)
                return;
        if (text_equal(name, "server_name"))
                take_names(part, words, path, line);
        else if (text_equal(name, "listen"))
                part_mention(part, MENTION_PORT, words->items[1], path, line);
        else if (text_ends(name, "_pass"))
                part_mention_address(part, MENTION_REACHES, words->items[1], path, line);
        else
                for (size_t i = 1; i < words->count; i++)
                        part_mention_paths(part, words->items[i], path, line);
}

static void parse(Nginx *nginx, const char *text, const char *path)
{
        TextList words _cleanup_text_list_ = {0};
        unsigned line = 1, begun = 1;
        char *word;
        bool mark;

        while ((word = next_word(&text, &line, &mark))) {
                if (!mark) {
                        begun = words.count ? begun : line;
                        if (words.count < WORDS_MAX)
                                text_list_take(&words, word);
                        else
                                free(word);
                        continue;
                }
                if (*word == '{')
                        begin_block(nginx, &words, path, begun);
                else if (*word == ';' && words.count)
                        take_directive(nginx, &words, path, begun);
                else if (*word == '}')
                        end_block(nginx);
                text_list_clear(&words);
                free(word);
        }
}

static void read_file(Nginx *nginx, const char *path)
{
        _cleanup_free_ char *text = NULL;
        int blocks = nginx->blocks;
        size_t server = nginx->server;

        if (nginx->depth == DEPTH_MAX) {
                finding_add(&nginx->reader->landscape->findings, FINDING_CONFIG_NOT_READ, NULL,
                        path,
                        "a file of the configuration was not read: includes go deeper than %d",
                        DEPTH_MAX);
                return;
        }
        if (!reader_read(nginx->reader, path, &text))
                return;
        nginx->depth++;
        parse(nginx, text, path);
        nginx->depth--;
        // A file that does not close what it opens says nothing about those after it.
        if (nginx->server && !server)
                end_server(nginx);
        nginx->blocks = blocks;
}

// ---------------------------------------------------------------- all of it

static void read_folder(Nginx *nginx, const char *name, bool disabled)
{
        _cleanup_free_ char *pattern = text_format("%s/*", name);

        nginx->disabled = disabled;
        include(nginx, pattern);
}

static void name_addresses(const Nginx *nginx, Part *part)
{
        for (size_t i = 0; i < part->count; i++) {
                if (part->mentions[i].kind != MENTION_REACHES)
                        continue;
                for (size_t k = 0; k < nginx->upstream_count; k++) {
                        const Upstream *upstream = &nginx->upstreams[k];

                        if (text_equal(upstream->name, part->mentions[i].text))
                                part_mention_address(part, MENTION_REACHES, upstream->address,
                                        upstream->path, upstream->line);
                }
        }
}

static void nginx_clear(Nginx *nginx)
{
        for (size_t i = 0; i < nginx->upstream_count; i++) {
                free(nginx->upstreams[i].name);
                free(nginx->upstreams[i].address);
                free(nginx->upstreams[i].path);
        }
        free(nginx->upstreams);
        free(nginx->upstream);
}

void nginx_read(Reader *reader, const TextList *paths)
{
        PartList *parts = &reader->landscape->parts;
        size_t first = parts->count;
        Nginx nginx _cleanup_(nginx_clear) = {.reader = reader};

        for (size_t i = 0; i < paths->count; i++) {
                _cleanup_free_ char *main = text_format("%s/nginx.conf", paths->items[i]);

                nginx.directory = paths->items[i];
                nginx.disabled = false;
                read_file(&nginx, main);
                read_folder(&nginx, "conf.d", false);
                read_folder(&nginx, "sites-enabled", false);
                read_folder(&nginx, "sites-available", true);
        }
        for (size_t i = first; i < parts->count; i++)
                name_addresses(&nginx, &parts->items[i]);
}
