// E-mail, by SMTP: one message to all recipients (RFC 5321, RFC 5322).
#include <time.h>

#include "announce/channel.h"
#include "base/clock.h"

// A header's value: one line, and what is not ASCII as RFC 2047 writes it.
static char *header_text(const char *text)
{
        static const char begin[] = "=?UTF-8?Q?", end[] = "?=";
        char *line = text_copy(text), *encoded;
        bool plain = true;
        size_t length = 0;

        for (char *at = line; *at; at++) {
                if ((unsigned char)*at < ' ' || *at == 0x7f)
                        *at = ' ';
                plain = plain && (unsigned char)*at < 0x80;
        }
        if (plain)
                return line;
        encoded = memory_new(3 * strlen(line) + sizeof(begin) + sizeof(end));
        length = (size_t)sprintf(encoded, "%s", begin);
        for (const char *at = line; *at; at++) {
                bool alike = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                             (*at >= '0' && *at <= '9');

                length += (size_t)sprintf(
                        encoded + length, alike ? "%c" : "=%02X", (unsigned char)*at);
        }
        memcpy(encoded + length, end, sizeof(end));
        free(line);
        return encoded;
}

static void add_header(Parcel *parcel, const char *name, const char *value)
{
        _cleanup_free_ char *text = header_text(value);
        _cleanup_free_ char *line = text_format("%s: %s", name, text);

        parcel->headers = curl_slist_append(parcel->headers, line);
}

// To one person alone, or to all that are configured; borrowed.
static TextList recipients(const AnnounceConfig *config, const AnnouncementRow *announcement)
{
        if (text_blank(announcement->recipient))
                return config->mail_to;
        return (TextList){.items = (char **)&announcement->recipient, .count = 1};
}

static void add_headers(const AnnounceConfig *config, Parcel *parcel)
{
        const TextList to = recipients(config, parcel->announcement);
        const char *at = strchr(config->mail_from, '@');
        _cleanup_free_ char *message_id =
                text_format("<%s%s>", parcel->id, at ? at : "@understudy");
        time_t seconds = (time_t)(parcel->announcement->at_us / US_PER_SECOND);
        char date[64];
        struct tm parts;

        (void)!strftime(
                date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &parts));
        add_header(parcel, "Date", date);
        add_header(parcel, "From", config->mail_from);
        for (size_t i = 0; i < to.count; i++)
                add_header(parcel, "To", to.items[i]);
        add_header(parcel, "Subject", parcel->announcement->subject);
        add_header(parcel, "Message-ID", message_id);
        add_header(parcel, "Auto-Submitted", "auto-generated");
}

// The text with what it is about first.
static void add_text(Parcel *parcel)
{
        const AnnouncementRow *row = parcel->announcement;
        _cleanup_free_ char *text = text_format("%s%s\n\n%s\n%s%s%s", row->subject,
                text_ends(row->subject, "?") ? "" : ".", row->detail, parcel->letter ? "\n" : "",
                parcel->letter ? parcel->letter : "", parcel->letter ? "\n" : "");
        curl_mimepart *part;

        parcel->mime = curl_mime_init(parcel->easy);
        part = curl_mime_addpart(parcel->mime);
        curl_mime_data(part, text, CURL_ZERO_TERMINATED);
        curl_mime_type(part, "text/plain; charset=utf-8");
        curl_mime_encoder(part, "quoted-printable");
}

// For calendar programs: opened, it puts the attempt into the calendar, moves it or removes it.
static void add_calendar(Parcel *parcel)
{
        _cleanup_free_ char *type =
                text_format("text/calendar; charset=utf-8; method=%s", parcel->method);
        curl_mimepart *part = curl_mime_addpart(parcel->mime);

        curl_mime_data(part, parcel->ics, CURL_ZERO_TERMINATED);
        curl_mime_type(part, type);
        curl_mime_filename(part, "attempt.ics");
        curl_mime_encoder(part, "base64");
}

static int set_login(const AnnounceConfig *config, CURL *easy, Error *error)
{
        _cleanup_free_ char *password = NULL;
        int r;

        if (text_blank(config->smtp_user))
                return 0;
        r = channel_secret(
                config->smtp_password_file ? config->smtp_password_file : "", &password, error);
        if (r < 0)
                return r;
        curl_easy_setopt(easy, CURLOPT_USERNAME, config->smtp_user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, password);
        // A password goes over an encrypted line or not at all.
        curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
        return 0;
}

int mail_prepare(const AnnounceConfig *config, Parcel *parcel, Error *error)
{
        const TextList to = recipients(config, parcel->announcement);
        CURL *easy = parcel->easy;

        for (size_t i = 0; i < to.count; i++)
                parcel->recipients = curl_slist_append(parcel->recipients, to.items[i]);
        add_headers(config, parcel);
        add_text(parcel);
        if (parcel->ics)
                add_calendar(parcel);
        curl_easy_setopt(easy, CURLOPT_URL, config->smtp);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
        curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
        curl_easy_setopt(easy, CURLOPT_MAIL_FROM, config->mail_from);
        curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, parcel->recipients);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, parcel->headers);
        curl_easy_setopt(easy, CURLOPT_MIMEPOST, parcel->mime);
        return set_login(config, easy, error);
}
