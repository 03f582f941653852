#include "base/text.h"
#include "names.h"
#include "wire/link_private.h"

#define HOST_URI "understudy://host/"

struct Listener {
        Member member;
        Wire *wire;
        Acceptor *acceptor;
        LinkSettings settings;
        LIST_HEAD(, Link) links;
        char *authority;
};

static int identify_host(const char *uri, char **ret_name)
{
        if (!text_starts(uri, HOST_URI) || name_check_host(uri + strlen(HOST_URI), NULL) < 0)
                return -EACCES;
        *ret_name = text_copy(uri + strlen(HOST_URI));
        return 0;
}

static void link_gone(void *owner, Link *link)
{
        (void)owner;
        LIST_REMOVE(link, entry);
}

static const LinkSide side = {.identify = identify_host, .gone = link_gone};

static void on_accepted(void *userdata, nng_stream *take_stream)
{
        Listener *listener = userdata;
        Link *link = link_new(listener->wire, take_stream, &side, &listener->settings, listener);

        LIST_INSERT_HEAD(&listener->links, link, entry);
        acceptor_add(listener->acceptor, &link->newcomer);
}

static void on_overdue(void *userdata, Newcomer *newcomer)
{
        Link *link = CONTAINER(newcomer, Link, newcomer);

        (void)userdata;
        if (link->opened)
                link_close(link, "timeout", "no first frame in time");
        else
                link_close(link, NULL, NULL);
}

static const AcceptorHandlers acceptor_handlers = {
        .accepted = on_accepted,
        .overdue = on_overdue,
};

static void listener_free(Member *member)
{
        Listener *listener = CONTAINER(member, Listener, member);
        Link *link;

        LIST_REMOVE(member, entry);
        while ((link = LIST_FIRST(&listener->links))) {
                LIST_REMOVE(link, entry);
                link_abandon(link);
        }
        acceptor_free(listener->acceptor);
        free(listener->authority);
        free(listener);
}

int wire_listen(Wire *wire, const char *address, const Credentials *credentials,
        const LinkLimits *limits, const LinkHandlers *handlers, void *userdata, Listener **ret,
        Error *error)
{
        Listener *listener = memory_new(sizeof(*listener));
        int r;

        link_settings_init(&listener->settings, limits, handlers, userdata);
        r = acceptor_new(wire, address, credentials, listener->settings.limits.unauthenticated,
                listener->settings.limits.hello_ms, &acceptor_handlers, listener,
                &listener->acceptor, error);
        if (r < 0) {
                free(listener);
                return r;
        }
        listener->wire = wire;
        listener->authority = text_copy(credentials->authority);
        listener->member.free = listener_free;
        LIST_INIT(&listener->links);
        LIST_INSERT_HEAD(&wire->members, &listener->member, entry);
        *ret = listener;
        return 0;
}

const char *listener_address(const Listener *listener)
{
        return acceptor_address(listener->acceptor);
}

static bool is_revoked(const Link *link, X509_CRL *revocations)
{
        ASN1_INTEGER *serial = NULL;
        BIGNUM *number = NULL;
        X509_REVOKED *entry;
        bool revoked;

        if (!link->peer.name || !BN_hex2bn(&number, link->serial))
                return true; // not known yet: let it come again
        serial = BN_to_ASN1_INTEGER(number, NULL);
        revoked = X509_CRL_get0_by_serial(revocations, &entry, serial) == 1;
        ASN1_INTEGER_free(serial);
        BN_free(number);
        return revoked;
}

int listener_revoke(Listener *listener, const char *revoked, Error *error)
{
        _cleanup_(X509_CRL_freep) X509_CRL *revocations = NULL;
        Link *link;
        int r = engine_config_revoke(
                acceptor_config(listener->acceptor), listener->authority, revoked, error);

        if (r < 0)
                return r;
        revocations = revocations_from_pem(revoked);
        LIST_FOREACH(link, &listener->links, entry)
        if (!link->closing && is_revoked(link, revocations))
                link_close(link, "revoked", "the certificate was revoked");
        return 0;
}
