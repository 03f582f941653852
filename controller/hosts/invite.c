#include "hosts/invite.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "core/session.h"
#include "names.h"
#include "tell/record.h"
#include "wire/pki.h"

#define SECRET_BYTES 24
#define SHA256_BYTES 32

static char *hash(const char *secret, size_t length)
{
        uint8_t digest[SHA256_BYTES];

        if (!EVP_Digest(secret, length, digest, NULL, EVP_sha256(), NULL))
                abort();
        return text_hexadecimal(digest, sizeof digest);
}

// ---- inviting

static int make_secret(char **ret, Error *error)
{
        uint8_t bytes[SECRET_BYTES];

        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
                error_set(error, -EIO, "internal", "the system gave no random bytes");
                return -EIO;
        }
        *ret = text_hexadecimal(bytes, sizeof bytes);
        return 0;
}

static int refuse_connected(const char *name, Error *error)
{
        int r = error_set(error, -EEXIST, "exists", "host '%s' has joined, and is connected", name);

        error_why(error, "a new invitation would end the certificate that it uses");
        error_next(error, "Choose another name, or stop the worker on '%s' first.", name);
        return r;
}

static int save_host(
        Controller *controller, const char *name, const char *secret, const char *who, Error *error)
{
        _cleanup_host_ HostRow host = {0};
        int r = host_get(controller->store, name, &host, error);
        bool known = r > 0;

        if (r < 0)
                return r;
        if (!known)
                host.name = text_copy(name);
        free(host.token_hash);
        host.token_hash = hash(secret, strlen(secret));
        host.invited_us = clock_now_us();
        host.token_expires_us = host.invited_us + INVITATION_SECONDS * US_PER_SECOND;
        r = known ? row_update(controller->store, &host_table, &host, error)
                  : row_insert(controller->store, &host_table, &host, error);
        return r
                       ?: history_add(controller->store,
                                  &(HistoryRow){.who = (char *)who,
                                          .event = known ? "host invited again" : "host invited",
                                          .detail = (char *)name},
                                  error);
}

int invite_host(
        Controller *controller, const char *name, const char *who, char **ret_line, Error *error)
{
        const ControllerSetup *setup = controller->setup;
        _cleanup_free_ char *secret = NULL;
        char digest[PKI_DIGEST_SIZE];
        int r = name_check_host(name, error);

        if (r < 0)
                return r;
        if (session_of_host(controller, name))
                return refuse_connected(name, error);
        if (pki_digest(setup->authority, digest) < 0)
                return error_set(error, -EIO, "internal", "the CA's certificate is unreadable");
        r = make_secret(&secret, error) ?: save_host(controller, name, secret, who, error);
        if (r < 0)
                return r;
        *ret_line = text_format("understudy-worker join --controller %s --token %s.%s",
                setup->enrolment, secret, digest);
        return 0;
}

// ---- joining

static int refuse_token(const char *why, Error *error)
{
        int r = error_set(error, -EPERM, "token", "this host cannot join");

        error_why(error, "%s", why);
        error_next(
                error, "Ask for a new invitation on the controller: understudyctl host add NAME");
        return r;
}

static int find_invited(Controller *controller, const char *token, HostRow *ret, Error *error)
{
        // What stands behind the dot of a whole token is the CA's digest, for the worker.
        _cleanup_free_ char *hashed = hash(token, strcspn(token, "."));
        int r = host_get_by_token(controller->store, hashed, ret, error);

        if (r < 0)
                return r;
        if (r == 0)
                return refuse_token("its token was used already, or is none of ours", error);
        if (ret->token_expires_us < clock_now_us())
                return refuse_token("its token was good for 24 hours, which are over", error);
        return 0;
}

static int enter(Controller *controller, HostRow *host, const char *certificate,
        const char *address, Error *error)
{
        char fingerprint[PKI_DIGEST_SIZE];

        if (pki_digest(certificate, fingerprint) < 0)
                return error_set(error, -EIO, "internal", "the new certificate is unreadable");
        row_set_text(&host->token_hash, NULL);
        row_set_text(&host->fingerprint, fingerprint);
        row_set_text(&host->address, address);
        host->state = HOST_JOINED;
        host->joined_us = clock_now_us();
        return row_update(controller->store, &host_table, host, error)
                       ?: history_add(controller->store,
                                  &(HistoryRow){.who = host->name,
                                          .event = "host joined",
                                          .detail = (char *)address},
                                  error);
}

static int fill_reply(const ControllerSetup *setup, const char *certificate, const char *host,
        Fleet__JoinReply *reply, Error *error)
{
        if (pki_to_der(certificate, &reply->certificate.data, &reply->certificate.len) < 0 ||
                pki_to_der(setup->authority, &reply->authority.data, &reply->authority.len) < 0)
                return error_set(error, -EIO, "internal", "a certificate is unreadable");
        reply->host = text_copy(host);
        reply->listen = text_copy(setup->workers);
        return 0;
}

static int join(Controller *controller, const Fleet__JoinRequest *request, const char *address,
        Fleet__JoinReply *reply, Error *error)
{
        const ControllerSetup *setup = controller->setup;
        _cleanup_host_ HostRow host = {0};
        _cleanup_free_ char *certificate = NULL;
        Session *before;
        int r = find_invited(controller, request->token, &host, error)
                        ?: pki_sign_host(setup->authority, setup->authority_key,
                                   request->signing_request.data, request->signing_request.len,
                                   host.name, PKI_LIFETIME_DAYS, &certificate, error)
                        ?: controller_begin(controller, error)
                        ?: enter(controller, &host, certificate, address, error);

        r = controller_finish(controller, r, error);
        if (r < 0)
                return r;
        // Whoever still uses the certificate before this one has lost it.
        before = session_of_host(controller, host.name);
        if (before)
                session_close(controller, before, "replaced", "the host has joined again");
        log_info("host joined host=%s address=%s", host.name, address);
        return fill_reply(setup, certificate, host.name, reply, error);
}

int invite_answer(void *userdata, const Fleet__JoinRequest *request, const char *address,
        Fleet__JoinReply *reply)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        int r = join(userdata, request, address, reply, &error);

        if (r < 0) {
                log_failure(LOG_WARNING, &error);
                reply->failure = record_failure(&error);
        }
        return r;
}
