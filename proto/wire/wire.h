// What brings nng's completions to the loop, and takes to pieces, on a thread of its own, what nng
// makes one wait for. Private to this library.
#ifndef UNDERSTUDY_WIRE_WIRE_H
#define UNDERSTUDY_WIRE_WIRE_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "wire/link.h"

#define CONTAINER(member_pointer, type, member)                                                    \
        ((type *)((char *)(member_pointer)-offsetof(type, member)))

// Something to be done on another thread; embedded in what it is about, queued once at a time.
typedef struct Post {
        STAILQ_ENTRY(Post) entry;
        void (*run)(struct Post *post);
} Post;
typedef STAILQ_HEAD(PostList, Post) PostList;

// Listeners, dialers and enrolment, which end with the Wire.
typedef struct Member {
        LIST_ENTRY(Member) entry;
        void (*free)(struct Member *member);
} Member;

struct Wire {
        struct event_base *base;
        struct event *wake;
        int eventfd;
        pthread_t reaper;
        pthread_mutex_t lock;
        pthread_cond_t work; // for the reaper
        PostList arrived;    // guarded by lock: for the loop
        PostList graves;     // guarded by lock: for the reaper
        bool ending;         // guarded by lock: the reaper stops when it has nothing left
        LIST_HEAD(, Member) members;
};

// Runs the post on the loop, in the order of the calls. Any thread.
void wire_post(Wire *wire, Post *post);

// Runs the post on the reaper's thread, where it may wait. Its last act is to post itself back to
// the loop, to free memory there: everything that was posted before has run by then.
void wire_bury(Wire *wire, Post *post);

// One nng operation at a time, whose completion runs post.run on the loop.
typedef struct Transfer {
        Post post;
        Wire *wire;
        nng_aio *aio;
} Transfer;

// Arms a timer; a moment that has passed counts as now.
void timer_set(struct event *timer, int64_t wait_us);

int transfer_init(Transfer *transfer, Wire *wire, void (*run)(Post *post)) _must_use_;

#endif
