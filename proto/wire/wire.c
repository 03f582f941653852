#include "wire/wire.h"

#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/text.h"
#include "wire/engine.h"

void wire_post(Wire *wire, Post *post)
{
        static const uint64_t one = 1;
        bool first;

        pthread_mutex_lock(&wire->lock);
        first = STAILQ_EMPTY(&wire->arrived);
        STAILQ_INSERT_TAIL(&wire->arrived, post, entry);
        pthread_mutex_unlock(&wire->lock);
        if (first && write(wire->eventfd, &one, sizeof(one)) < 0)
                abort(); // an eventfd's counter cannot be full here
}

void wire_bury(Wire *wire, Post *post)
{
        pthread_mutex_lock(&wire->lock);
        STAILQ_INSERT_TAIL(&wire->graves, post, entry);
        pthread_cond_signal(&wire->work);
        pthread_mutex_unlock(&wire->lock);
}

static void run_arrived(Wire *wire)
{
        PostList batch = STAILQ_HEAD_INITIALIZER(batch);
        Post *post;

        pthread_mutex_lock(&wire->lock);
        STAILQ_CONCAT(&batch, &wire->arrived);
        pthread_mutex_unlock(&wire->lock);
        while ((post = STAILQ_FIRST(&batch))) {
                STAILQ_REMOVE_HEAD(&batch, entry);
                post->run(post);
        }
}

static void on_wake(evutil_socket_t fd, short events, void *userdata)
{
        uint64_t count;

        (void)events;
        if (read(fd, &count, sizeof(count)) == sizeof(count))
                run_arrived(userdata);
}

static void *reaper_run(void *userdata)
{
        Wire *wire = userdata;
        Post *post;

        pthread_mutex_lock(&wire->lock);
        for (;;) {
                while (!(post = STAILQ_FIRST(&wire->graves)) && !wire->ending)
                        pthread_cond_wait(&wire->work, &wire->lock);
                if (!post)
                        break;
                STAILQ_REMOVE_HEAD(&wire->graves, entry);
                pthread_mutex_unlock(&wire->lock);
                post->run(post);
                pthread_mutex_lock(&wire->lock);
        }
        pthread_mutex_unlock(&wire->lock);
        return NULL;
}

static int wire_start(Wire *wire)
{
        int r = engine_start();

        if (r < 0)
                return r;
        wire->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wire->eventfd < 0)
                return -errno;
        wire->wake = event_new(wire->base, wire->eventfd, EV_READ | EV_PERSIST, on_wake, wire);
        if (!wire->wake || event_add(wire->wake, NULL) < 0)
                return -ENOMEM;
        return -pthread_create(&wire->reaper, NULL, reaper_run, wire);
}

static void wire_destroy(Wire *wire)
{
        if (wire->wake)
                event_free(wire->wake);
        if (wire->eventfd >= 0)
                close(wire->eventfd);
        pthread_cond_destroy(&wire->work);
        pthread_mutex_destroy(&wire->lock);
        free(wire);
}

int wire_new(struct event_base *base, Wire **ret, Error *error)
{
        Wire *wire = memory_new(sizeof(*wire));
        int r;

        wire->base = base;
        wire->eventfd = -EBADF;
        pthread_mutex_init(&wire->lock, NULL);
        pthread_cond_init(&wire->work, NULL);
        STAILQ_INIT(&wire->arrived);
        STAILQ_INIT(&wire->graves);
        LIST_INIT(&wire->members);
        r = wire_start(wire);
        if (r < 0) {
                wire_destroy(wire);
                return error_set(error, r, "system", "cannot start the transport");
        }
        *ret = wire;
        return 0;
}

void wire_free(Wire *wire)
{
        Member *member;

        while ((member = LIST_FIRST(&wire->members)))
                member->free(member);
        pthread_mutex_lock(&wire->lock);
        wire->ending = true;
        pthread_cond_signal(&wire->work);
        pthread_mutex_unlock(&wire->lock);
        pthread_join(wire->reaper, NULL);
        run_arrived(wire);
        wire_destroy(wire);
}

void timer_set(struct event *timer, int64_t wait_us)
{
        struct timeval wait = {0};

        if (wait_us > 0) {
                wait.tv_sec = wait_us / US_PER_SECOND;
                wait.tv_usec = wait_us % US_PER_SECOND;
        }
        event_add(timer, &wait);
}

static void on_complete(void *userdata)
{
        Transfer *transfer = userdata;

        wire_post(transfer->wire, &transfer->post);
}

int transfer_init(Transfer *transfer, Wire *wire, void (*run)(Post *post))
{
        transfer->wire = wire;
        transfer->post.run = run;
        return nng_aio_alloc(&transfer->aio, on_complete, transfer) == 0 ? 0 : -ENOMEM;
}
