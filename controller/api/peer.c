#include "api/peer.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <pwd.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/text.h"

// What the kernel holds for a client that does not read; small, so that unread bytes are seen here.
#define SEND_BUFFER_BYTES (64 * 1024)

struct Peer {
        LIST_ENTRY(Peer) link;
        Peers *peers;
        struct bufferevent *stream;            // a reference of our own
        struct evhttp_connection *connection;  // NULL until peer_setup
        struct evbuffer_cb_entry *input_watch; // to be removed before the stream goes
        struct event *setup;
        struct event *end; // as timer: the deadline; made active: ends the connection soon
        size_t input_limit;
        char *user;
        void (*on_close)(void *userdata);
        void *on_close_userdata;
};

struct Peers {
        struct event_base *loop;
        const ApiLimits *limits;
        LIST_HEAD(, Peer) list;
        size_t count;
};

static void peer_free(Peer *peer)
{
        LIST_REMOVE(peer, link);
        peer->peers->count--;
        if (peer->input_watch)
                evbuffer_remove_cb_entry(bufferevent_get_input(peer->stream), peer->input_watch);
        bufferevent_decref(peer->stream);
        event_free(peer->setup);
        event_free(peer->end);
        free(peer->user);
        free(peer);
}

static void on_connection_closed(struct evhttp_connection *connection, void *userdata)
{
        Peer *peer = userdata;

        (void)connection;
        if (peer->on_close)
                peer->on_close(peer->on_close_userdata);
        peer_free(peer);
}

static void on_end(evutil_socket_t fd, short what, void *userdata)
{
        Peer *peer = userdata;

        (void)fd;
        (void)what;
        evhttp_connection_free(peer->connection); // calls on_connection_closed
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *userdata)
{
        Peer *peer = userdata;

        if (info->n_added && evbuffer_get_length(input) > peer->input_limit)
                event_active(peer->end, 0, 0); // not within this call
}

static char *user_name(int fd)
{
        struct ucred credentials;
        struct passwd entry, *found = NULL;
        char buffer[4096];
        socklen_t size = sizeof(credentials);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return text_copy("unknown");
        if (getpwuid_r(credentials.uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
                return text_copy(found->pw_name);
        return text_format("uid %u", credentials.uid);
}

// Completes the record as soon as evhttp has made its connection around our stream.
static void peer_setup(evutil_socket_t fd, short what, void *userdata)
{
        Peer *peer = userdata;
        const ApiLimits *limits = peer->peers->limits;
        void *connection = NULL;
        int size = SEND_BUFFER_BYTES, socket_fd = bufferevent_getfd(peer->stream);

        (void)fd;
        (void)what;
        bufferevent_getcb(peer->stream, NULL, NULL, NULL, &connection);
        if (!connection) { // evhttp gave it up at once
                peer_free(peer);
                return;
        }
        peer->connection = connection;
        evhttp_connection_set_closecb(connection, on_connection_closed, peer);
        if (peer->peers->count > limits->connections) {
                evhttp_connection_free(connection);
                return;
        }
        setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        peer->user = user_name(socket_fd);
        peer->input_watch = evbuffer_add_cb(bufferevent_get_input(peer->stream), on_input, peer);
        peer_arm(peer);
}

// evhttp calls this for every new connection, before it has a connection object: the only place
// where it tells of one.
static struct bufferevent *on_accept(struct event_base *loop, void *userdata)
{
        Peers *peers = userdata;
        struct bufferevent *stream = bufferevent_socket_new(loop, -1, BEV_OPT_CLOSE_ON_FREE);
        Peer *peer;

        if (!stream)
                return NULL;
        peer = memory_new(sizeof(*peer));
        peer->peers = peers;
        peer->stream = stream;
        bufferevent_incref(stream);
        peer->input_limit = peers->limits->header_bytes + peers->limits->body_bytes;
        peer->setup = evtimer_new(loop, peer_setup, peer);
        peer->end = evtimer_new(loop, on_end, peer);
        if (!peer->setup || !peer->end)
                abort();
        LIST_INSERT_HEAD(&peers->list, peer, link);
        peers->count++;
        event_active(peer->setup, 0, 0);
        return stream;
}

Peers *peers_new(struct event_base *loop, struct evhttp *http, const ApiLimits *limits)
{
        Peers *peers = memory_new(sizeof(*peers));

        peers->loop = loop;
        peers->limits = limits;
        LIST_INIT(&peers->list);
        evhttp_set_bevcb(http, on_accept, peers);
        return peers;
}

void peers_free(Peers *peers)
{
        // Only those accepted in the loop's last turn are left: evhttp did not know us yet.
        for (Peer *peer = LIST_FIRST(&peers->list), *next; peer; peer = next) {
                next = LIST_NEXT(peer, link);
                peer_free(peer);
        }
        free(peers);
}

Peer *peers_find(Peers *peers, struct evhttp_request *request)
{
        struct evhttp_connection *connection = evhttp_request_get_connection(request);
        Peer *peer;

        LIST_FOREACH(peer, &peers->list, link)
        if (connection && peer->connection == connection)
                return peer;
        return NULL;
}

const char *peer_user(const Peer *peer)
{
        return peer->user;
}

void peer_arm(Peer *peer)
{
        unsigned milliseconds = peer->peers->limits->deadline_ms;
        struct timeval after = {milliseconds / 1000, (suseconds_t)(milliseconds % 1000) * 1000};

        event_add(peer->end, &after);
}

void peer_disarm(Peer *peer)
{
        event_del(peer->end);
}

void peer_limit_input(Peer *peer, size_t bytes)
{
        peer->input_limit = bytes;
}

size_t peer_unread_bytes(const Peer *peer)
{
        return evbuffer_get_length(bufferevent_get_output(peer->stream));
}

void peer_on_close(Peer *peer, void (*fn)(void *userdata), void *userdata)
{
        peer->on_close = fn;
        peer->on_close_userdata = userdata;
}
