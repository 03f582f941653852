// Connections of the HTTP server, each with a deadline, a cap on what it may send ahead, and the
// name of the user at its other end. libevent's evhttp has none of these: a client that sends a
// byte a second, or a line without end, would hold it for ever.
#ifndef UNDERSTUDY_API_PEER_H
#define UNDERSTUDY_API_PEER_H

#include <event2/http.h>

#include "api/server.h"

typedef struct Peers Peers;
typedef struct Peer Peer;

// Takes charge of every connection that `http` accepts. Free `http` first, then the Peers.
Peers *peers_new(struct event_base *loop, struct evhttp *http, const ApiLimits *limits);
void peers_free(Peers *peers);

// The record of the connection a request came over; NULL when it is gone.
Peer *peers_find(Peers *peers, struct evhttp_request *request);

// Name of the Unix user at the other end, "uid 1234" for one without a name, "unknown" when the
// kernel does not say. Borrowed.
const char *peer_user(const Peer *peer);

// Ends the connection unless armed anew or disarmed within the limits' deadline.
void peer_arm(Peer *peer);
void peer_disarm(Peer *peer);

// From now on the client may send no more than `bytes` ahead.
void peer_limit_input(Peer *peer, size_t bytes);

// Bytes that wait to be read by the client.
size_t peer_unread_bytes(const Peer *peer);

// Calls fn(userdata) once, when the connection ends for whatever reason; the Peer is gone after it.
void peer_on_close(Peer *peer, void (*fn)(void *userdata), void *userdata);

#endif
