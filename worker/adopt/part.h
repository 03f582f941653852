// One part of a host's configuration: a vhost, a program, a unit, a cron job; and what it mentions.
#ifndef UNDERSTUDY_WORKER_ADOPT_PART_H
#define UNDERSTUDY_WORKER_ADOPT_PART_H

#include <stdbool.h>

#include "base/text.h"

#define MENTIONS_MAX 200 // of one part; what comes after is left out

typedef enum MentionKind {
        MENTION_PATH,    // an absolute path
        MENTION_HOST,    // a name that a vhost answers to, lower case
        MENTION_PORT,    // where a vhost listens, as written
        MENTION_LISTENS, // an address that it offers (address.h)
        MENTION_REACHES, // an address that it asks
        MENTION_INI,     // a uwsgi configuration that its command names
        MENTION_LINOD,   // it runs linod
        MENTION_MAILS,   // what it prints, or sends, is mailed; the text says to whom, or by what
} MentionKind;

typedef struct Mention {
        MentionKind kind;
        char *text;
        char *where; // PATH:LINE
} Mention;

typedef enum PartKind {
        PART_NGINX,
        PART_APACHE,
        PART_SUPERVISOR,
        PART_SYSTEMD,
        PART_CRON
} PartKind;

typedef struct Part {
        PartKind kind;
        char *name;  // of a vhost: its first host name, else its file
        char *where; // PATH:LINE of its beginning
        bool disabled;
        char *user; // that it runs as; NULL: not said
        Mention *mentions;
        size_t count;
        size_t site;      // whose it is: index in the landscape, from 1; 0: nobody's, or not known
        const char *link; // "prod" or "preview": it names its site by this link
} Part;

typedef struct PartList {
        Part *items;
        size_t count;
} PartList;

const char *part_kind_name(PartKind kind); // "nginx vhost"
static inline bool part_is_vhost(const Part *part)
{
        return part->kind == PART_NGINX || part->kind == PART_APACHE;
}
static inline bool part_is_program(const Part *part)
{
        return part->kind == PART_SUPERVISOR || part->kind == PART_SYSTEMD;
}

// A new part at the list's end; borrowed until the next one is added. Texts are copied.
Part *part_add(PartList *list, PartKind kind, const char *name, const char *path, unsigned line);

void part_mention(Part *part, MentionKind kind, const char *text, const char *path, unsigned line);

// Mentions each absolute path in a word: "/a/b", "home=/a/b", "unix:/a/b", "--ini=/a/b".
void part_mention_paths(Part *part, const char *word, const char *path, unsigned line);

// Mentions what an address or upstream name says, as `kind`, and its socket's path.
void part_mention_address(
        Part *part, MentionKind kind, const char *text, const char *path, unsigned line);

// The first mention of a kind; NULL: none.
const Mention *part_find(const Part *part, MentionKind kind);
bool part_has(const Part *part, MentionKind kind, const char *text);

void part_list_clear(PartList *list);

#endif
