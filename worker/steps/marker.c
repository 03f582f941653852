#include "steps/marker.h"

#include <fcntl.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "steps/files.h"
#include "tree/hash.h"
#include "json/message.h"

#define MARKER_FILE "marker"
#define MARKER_MAX  (64U << 10)

void marker_clear(Marker *marker)
{
        if (marker->proof)
                fleet__proof__free_unpacked(marker->proof, NULL);
        free(marker->trouble);
        *marker = (Marker){0};
}

static int open_directory(const SiteDir *preview, bool make)
{
        int fd = make ? directory_make(preview->fd, MARKER_DIRECTORY, preview->owner.uid, (gid_t)-1)
                      : file_open_beneath(
                                preview->fd, MARKER_DIRECTORY, O_RDONLY | O_DIRECTORY, false);

        if (fd >= 0 && make && fchmod(fd, 0700) < 0) {
                close(fd);
                return -errno;
        }
        return fd;
}

static int failed(int r, const SiteDir *preview, const char *name, Error *error)
{
        error_set(error, r, r == -ENOSPC || r == -EDQUOT ? "no-space" : "marker",
                "cannot keep what the preview was made from");
        error_where(error, "%s/%s/%s", preview->path, MARKER_DIRECTORY, name);
        error_next(error, "Look at it: ls -la '%s/%s'", preview->path, MARKER_DIRECTORY);
        return r;
}

int marker_make(const SiteDir *preview, Error *error)
{
        _cleanup_close_ int fd = open_directory(preview, true);

        return fd < 0 ? failed(fd, preview, "", error) : 0;
}

char *marker_text(const SiteDir *preview, const char *name)
{
        _cleanup_close_ int fd = open_directory(preview, false);
        char *text = NULL;

        if (fd < 0 || site_file_read(fd, name, MARKER_MAX, &text, NULL, NULL) < 0)
                return NULL;
        return text;
}

int marker_set_text(const SiteDir *preview, const char *name, const char *text, Error *error)
{
        _cleanup_close_ int fd = open_directory(preview, true);
        struct stat like = {.st_uid = preview->owner.uid,
                .st_gid = preview->owner.gid,
                .st_mode = S_IFREG | 0600};
        int r = fd < 0 ? fd : site_file_write(fd, name, text, strlen(text), &like);

        return r < 0 ? failed(r, preview, name, error) : 0;
}

// Found damage, and what an older or newer version wrote.
static void sum_of(const json_t *proof, json_int_t at, char ret[static HASH_TEXT])
{
        Hasher *hasher = hasher_new(TREE_HASH_SHA256);
        _cleanup_free_ char *text = json_dumps(proof, JSON_SORT_KEYS | JSON_COMPACT),
                            *whole = text_format("%lld %s", (long long)at, text ? text : "");

        hasher_begin(hasher);
        hasher_add(hasher, whole, strlen(whole));
        hasher_end(hasher, ret);
        hasher_free(hasher);
}

int marker_write(const SiteDir *preview, const Fleet__Proof *proof, Error *error)
{
        char sum[HASH_TEXT];
        json_t *shown = message_to_json(&proof->base), *whole;
        json_int_t at = clock_now_us();
        _cleanup_free_ char *text = NULL;
        int r;

        sum_of(shown, at, sum);
        whole = json_pack("{s:o, s:I, s:s}", "proof", shown, "at_us", at, "sum", sum);
        text = json_dumps(whole, JSON_INDENT(1));
        r = text ? marker_set_text(preview, MARKER_FILE, text, error)
                 : error_set(error, -EINVAL, "marker", "the proof cannot be written");
        json_decref(whole);
        return r;
}

static int take(const json_t *whole, Marker *ret)
{
        _cleanup_message_ ProtobufCMessage *proof = NULL;
        const char *sum = json_string_value(json_object_get(whole, "sum"));
        const json_t *shown = json_object_get(whole, "proof");
        char expected[HASH_TEXT];

        ret->at_us = json_integer_value(json_object_get(whole, "at_us"));
        if (!sum || !shown)
                return -EBADMSG;
        sum_of(shown, ret->at_us, expected);
        if (!text_equal(sum, expected) ||
                message_from_json(&fleet__proof__descriptor, shown, &proof, NULL) < 0)
                return -EBADMSG;
        ret->proof = (Fleet__Proof *)TAKE_PTR(proof);
        return 0;
}

void marker_read(const SiteDir *preview, Marker *ret)
{
        _cleanup_free_ char *text = marker_text(preview, MARKER_FILE);
        json_t *whole = text ? json_loads(text, 0, NULL) : NULL;

        *ret = (Marker){0};
        if (!text)
                ret->trouble = text_copy("there was no verified synchronisation yet");
        else if (!whole || take(whole, ret) < 0)
                ret->trouble = text_copy("the marker of the last synchronisation is damaged");
        json_decref(whole);
}
