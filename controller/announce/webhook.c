// A webhook: the announcement as JSON, POSTed, with its HMAC-SHA-256 by a shared secret in
// X-Understudy-Signature ("sha256=" and hexadecimal digits, over the body).
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "announce/channel.h"

static char *signature(const char *secret, const char *body)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        _cleanup_free_ char *hexadecimal = NULL;

        if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)body,
                    strlen(body), digest, &size))
                abort();
        hexadecimal = text_hexadecimal(digest, size);
        return text_format("X-Understudy-Signature: sha256=%s", hexadecimal);
}

static int sign(const AnnounceConfig *config, Parcel *parcel, Error *error)
{
        _cleanup_free_ char *secret = NULL, *line = NULL;
        int r;

        if (text_blank(config->webhook_secret_file))
                return 0;
        r = channel_secret(config->webhook_secret_file, &secret, error);
        if (r < 0)
                return r;
        line = signature(secret, parcel->body);
        parcel->headers = curl_slist_append(parcel->headers, line);
        return 0;
}

static size_t ignore(char *data, size_t size, size_t count, void *userdata)
{
        (void)data;
        (void)userdata;
        return size * count;
}

int webhook_prepare(const AnnounceConfig *config, Parcel *parcel, Error *error)
{
        _cleanup_free_ char *id = text_format("X-Understudy-Id: %s", parcel->id);
        CURL *easy = parcel->easy;

        parcel->body = channel_json(parcel);
        parcel->headers = curl_slist_append(parcel->headers, "Content-Type: application/json");
        parcel->headers = curl_slist_append(parcel->headers, "Expect:");
        parcel->headers = curl_slist_append(parcel->headers, id);
        curl_easy_setopt(easy, CURLOPT_URL, config->webhook);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        // Where a redirect leads, nobody has said that announcements may go.
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, parcel->body);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, parcel->headers);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
        return sign(config, parcel, error);
}
