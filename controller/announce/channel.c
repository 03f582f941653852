#include "announce/channel.h"

#include <assert.h>

#include "base/clock.h"
#include "base/file.h"
#include "tell/announce.h"

#define SECRET_MAX 4096

static bool mail_configured(const AnnounceConfig *config)
{
        return config->mail_to.count > 0;
}

static bool webhook_configured(const AnnounceConfig *config)
{
        return !text_blank(config->webhook);
}

static bool command_configured(const AnnounceConfig *config)
{
        return !text_blank(config->command);
}

const Channel channels[] = {
        {ANNOUNCE_BY_MAIL, mail_configured, mail_prepare},
        {"webhook", webhook_configured, webhook_prepare},
        {"command", command_configured, NULL},
        {0},
};

static_assert(ELEMENTS(channels) <= CHANNELS_MAX + 1, "room for all of them");

void channels_configured(const AnnounceConfig *config, const char *ret[CHANNELS_MAX + 1])
{
        for (const Channel *channel = channels; channel->name; channel++)
                if (channel->configured(config))
                        *ret++ = channel->name;
        *ret = NULL;
}

char *channel_json(const Parcel *parcel)
{
        const AnnouncementRow *row = parcel->announcement;
        json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:f}", "id", parcel->id,
                "kind", announcement_kind_names[row->kind], "about", row->about, "topic",
                row->topic, "job", row->job ? json_integer(row->job) : json_null(), "subject",
                row->subject, "detail", row->detail, "at", (double)row->at_us / US_PER_SECOND);
        char *text = json_dumps(json, JSON_COMPACT);

        json_decref(json);
        return text;
}

int channel_secret(const char *path, char **ret, Error *error)
{
        size_t size;
        int r = file_read(path, SECRET_MAX, ret, &size);

        if (r < 0) {
                error_set(error, r, "secret", "a secret for announcements cannot be read");
                error_where(error, "%s", path);
                error_next(error, "Let the controller's user read it, and nobody else.");
                return r;
        }
        (*ret)[strcspn(*ret, "\r\n")] = '\0';
        return 0;
}

void parcel_clear(Parcel *parcel)
{
        if (parcel->easy)
                curl_easy_cleanup(parcel->easy);
        curl_mime_free(parcel->mime);
        curl_slist_free_all(parcel->headers);
        curl_slist_free_all(parcel->recipients);
        free(parcel->body);
        free(parcel->letter);
        free(parcel->ics);
        free(parcel->id);
        *parcel = (Parcel){0};
}
