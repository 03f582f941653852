// The ways by which an announcement reaches people: a row each.
#ifndef UNDERSTUDY_ANNOUNCE_CHANNEL_H
#define UNDERSTUDY_ANNOUNCE_CHANNEL_H

#include <curl/curl.h>
#include <jansson.h>

#include "announce/config.h"
#include "base/error.h"
#include "store/announcement.h"

#define CHANNEL_SECONDS 30 // that one try may take

// What one try sends.
typedef struct Parcel {
        const AnnouncementRow *announcement;
        char *id; // of the announcement, the same in each try: the receiver tells repeats by it
        CURL *easy;
        struct curl_slist *headers, *recipients;
        curl_mime *mime;
        char *body;
        char *letter;       // what a mail to a voter ends with; NULL: nothing
        char *ics;          // of the attempt that it is about; NULL: it is about something else
        const char *method; // what a calendar program is to do with it
} Parcel;

typedef struct Channel {
        const char *name;
        bool (*configured)(const AnnounceConfig *config);
        // By libcurl: fills parcel->easy. NULL: a program, which gets the announcement as JSON on
        // its standard input.
        int (*prepare)(const AnnounceConfig *config, Parcel *parcel, Error *error);
} Channel;

extern const Channel channels[]; // ends with a row of zeros

// Names of those that are configured, NULL-terminated.
#define CHANNELS_MAX 8
void channels_configured(const AnnounceConfig *config, const char *ret[CHANNELS_MAX + 1]);

// {id, kind, about, topic, job, subject, detail, at}: what programs get. The caller's.
char *channel_json(const Parcel *parcel);

// Secrets are read anew for each try, so that one can be changed without a restart.
int channel_secret(const char *path, char **ret, Error *error) _must_use_;

int mail_prepare(const AnnounceConfig *config, Parcel *parcel, Error *error) _must_use_;
int webhook_prepare(const AnnounceConfig *config, Parcel *parcel, Error *error) _must_use_;

void parcel_clear(Parcel *parcel);

#endif
