#include "adopt/part.h"

#include "adopt/address.h"

const char *part_kind_name(PartKind kind)
{
        static const char *const names[] = {
                [PART_NGINX] = "nginx vhost",
                [PART_APACHE] = "Apache vhost",
                [PART_SUPERVISOR] = "supervisor program",
                [PART_SYSTEMD] = "systemd unit",
                [PART_CRON] = "cron job",
        };

        return names[kind];
}

Part *part_add(PartList *list, PartKind kind, const char *name, const char *path, unsigned line)
{
        Part *part;

        list->items = memory_grow(list->items, (list->count + 1) * sizeof(*list->items));
        part = &list->items[list->count++];
        *part = (Part){
                .kind = kind, .name = text_copy(name), .where = text_format("%s:%u", path, line)};
        return part;
}

bool part_has(const Part *part, MentionKind kind, const char *text)
{
        for (size_t i = 0; i < part->count; i++)
                if (part->mentions[i].kind == kind && text_equal(part->mentions[i].text, text))
                        return true;
        return false;
}

const Mention *part_find(const Part *part, MentionKind kind)
{
        for (size_t i = 0; i < part->count; i++)
                if (part->mentions[i].kind == kind)
                        return &part->mentions[i];
        return NULL;
}

void part_mention(Part *part, MentionKind kind, const char *text, const char *path, unsigned line)
{
        if (part->count == MENTIONS_MAX || part_has(part, kind, text))
                return;
        part->mentions = memory_grow(part->mentions, (part->count + 1) * sizeof(*part->mentions));
        part->mentions[part->count++] = (Mention){
                .kind = kind, .text = text_copy(text), .where = text_format("%s:%u", path, line)};
}

static bool begins_path(const char *word, const char *at)
{
        return *at == '/' && at[1] != '/' && at[1] != '\0' &&
               (at == word || strchr("=:'\"(,", at[-1]) ||
                       (at[-1] == '/' && at > word + 1 && at[-2] == '/' && at - word >= 7 &&
                               strncmp(at - 7, "unix://", 7) == 0));
}

void part_mention_paths(Part *part, const char *word, const char *path, unsigned line)
{
        for (const char *at = strchr(word, '/'); at; at = strchr(at + 1, '/')) {
                _cleanup_free_ char *found = NULL;

                if (!begins_path(word, at))
                        continue;
                found = text_copy_n(at, strcspn(at, ":|;,'\")"));
                part_mention(part, MENTION_PATH, found, path, line);
                at += strlen(found) - 1;
        }
}

void part_mention_address(
        Part *part, MentionKind kind, const char *text, const char *path, unsigned line)
{
        _cleanup_free_ char *address = address_normal(text);

        if (!address)
                return;
        part_mention(part, kind, address, path, line);
        if (address_socket(address))
                part_mention(part, MENTION_PATH, address_socket(address), path, line);
}

void part_list_clear(PartList *list)
{
        for (size_t i = 0; i < list->count; i++) {
                Part *part = &list->items[i];

                for (size_t k = 0; k < part->count; k++) {
                        free(part->mentions[k].text);
                        free(part->mentions[k].where);
                }
                free(part->mentions);
                free(part->name);
                free(part->where);
                free(part->user);
        }
        free(list->items);
        *list = (PartList){0};
}
