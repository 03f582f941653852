#include "tree/manifest.h"

#include <xxhash.h>

#include "base/text.h"

enum {
        FIELDS = 10, // at most, of a line
};

// Undoes text_escape, in place. -EBADMSG.
static int unescape(char *text)
{
        static const char letters[] = "abtnvfr";
        char *to = text;

        for (const char *from = text; *from;) {
                const char *letter;

                if (*from != '\\') {
                        *to++ = *from++;
                        continue;
                }
                letter = from[1] ? strchr(letters, from[1]) : NULL;
                if (from[1] == '\\' || letter) {
                        *to++ = letter ? (char)('\a' + (letter - letters)) : '\\';
                        from += 2;
                } else if (strspn(from + 1, "01234567") >= 3 && from[1] <= '3') {
                        *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
                        from += 4;
                } else {
                        return -EBADMSG;
                }
        }
        *to = '\0';
        return 0;
}

static int number(const char *text, int base, uint64_t *ret)
{
        char *end;

        if (strcmp(text, "-") == 0) {
                *ret = 0;
                return 0;
        }
        errno = 0;
        *ret = strtoull(text, &end, base);
        return errno || end == text || *end ? -EBADMSG : 0;
}

static int time_parse(char *text, MetaTime *ret)
{
        char *dot = strchr(text, '.'), *end;
        uint64_t ns;

        if (strcmp(text, "-") == 0)
                return 0;
        if (!dot)
                return -EBADMSG;
        *dot = '\0';
        errno = 0;
        ret->s = strtoll(text, &end, 10);
        if (errno || *end || number(dot + 1, 10, &ns) < 0 || ns >= 1000000000)
                return -EBADMSG;
        ret->ns = (uint32_t)ns;
        return 0;
}

static int meta_parse(char **fields, Meta *meta)
{
        uint64_t mode, uid, gid;

        if (number(fields[1], 8, &mode) < 0 || number(fields[2], 10, &uid) < 0 ||
                number(fields[3], 10, &gid) < 0 || number(fields[4], 10, &meta->size) < 0 ||
                time_parse(fields[5], &meta->modified) < 0 ||
                number(fields[6], 10, &meta->inode) < 0 || mode > 07777)
                return -EBADMSG;
        meta->mode = (uint32_t)mode;
        meta->uid = (uint32_t)uid;
        meta->gid = (uint32_t)gid;
        return 0;
}

int manifest_parse(char *line, ManifestLine *ret)
{
        static const char kinds[] = "Dflpd?";
        static const uint32_t modes[] = {S_IFDIR, S_IFREG, S_IFLNK, S_IFIFO, S_IFDIR, 0};
        char *fields[FIELDS] = {0};
        size_t count = 0;
        const char *kind;

        for (char *rest = line; rest && count < FIELDS;)
                fields[count++] = strsep(&rest, "\t");
        kind = count > 0 && fields[0][0] && !fields[0][1] ? strchr(kinds, fields[0][0]) : NULL;
        if (!kind || count != (*kind == 'l' ? FIELDS : FIELDS - 1))
                return -EBADMSG;
        *ret = (ManifestLine){.kind = *kind, .hash = fields[7], .name = fields[8]};
        if (meta_parse(fields, &ret->meta) < 0 || unescape(ret->name) < 0)
                return -EBADMSG;
        ret->meta.mode |= modes[kind - kinds];
        if (*kind != 'l')
                return 0;
        ret->target = fields[9];
        return unescape(ret->target);
}

int manifest_check(char *text, size_t size, TreeHash *ret_hash, char **ret_begin, char **ret_end)
{
        static const char first[] = "understudy-manifest 1 ";
        char *begin = memchr(text, '\n', size), *last;
        char expected[17];

        if (!begin || strncmp(text, first, sizeof(first) - 1) != 0 || text[size - 1] != '\n')
                return -EBADMSG;
        *begin++ = '\0';
        text[size - 1] = '\0';
        last = strrchr(begin, '\n');
        last = last ? last + 1 : begin;
        if (strncmp(last, "E\t", 2) != 0 || strlen(last) < 18)
                return -EBADMSG;
        begin[-1] = '\n';
        snprintf(expected, sizeof(expected), "%016llx",
                (unsigned long long)XXH3_64bits(text, (size_t)(last - text) + strlen(last) - 16));
        begin[-1] = '\0';
        if (strcmp(last + strlen(last) - 16, expected) != 0)
                return -EBADMSG;
        if (strcmp(text + sizeof(first) - 1, "sha256") == 0)
                *ret_hash = TREE_HASH_SHA256;
        else if (strcmp(text + sizeof(first) - 1, "xxh3") == 0)
                *ret_hash = TREE_HASH_XXH3;
        else
                return -EBADMSG;
        *last = '\0';
        *ret_begin = begin;
        *ret_end = last;
        return 0;
}
