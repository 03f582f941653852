#include "service/service.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "calendar/ticker.h"
#include "hosts/fleet.h"
#include "hosts/invite.h"
#include "service/config.h"
#include "service/init.h"

#define PEM_BYTES_MAX 65536

struct Service {
        Config config;
        int lock;
        char *authority, *authority_key, *certificate, *key; // PEM
        char *database, *enrolment, *workers;
        ControllerSetup setup;
        Controller *controller;
        Wire *wire;
        Ticker *ticker;
};

static int take_lock(Service *service, const char *directory, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/lock", directory);
        int r;

        service->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (service->lock >= 0 && flock(service->lock, LOCK_EX | LOCK_NB) == 0)
                return 0;
        r = -errno;
        if (r != -EWOULDBLOCK) {
                error_set(error, r, "file", "cannot lock the directory");
                error_where(error, "%s", path);
                return r;
        }
        error_set(error, -EBUSY, "running", "the controller runs already");
        error_where(error, "%s", directory);
        error_why(error, "another process holds its lock");
        error_next(error, "Talk to it: understudyctl --dir %s host list", directory);
        return -EBUSY;
}

static int read_config(Service *service, const char *directory, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/" CONFIG_FILE, directory);
        int r = option_read(path, config_options, &service->config, error);

        if (r == -ENOENT)
                error_next(error, "Make it: understudy-controller init --dir %s", directory);
        return r;
}

static int read_pem(const char *directory, const char *name, char **ret, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name);
        size_t size;
        int r = file_read(path, PEM_BYTES_MAX, ret, &size);

        if (r < 0) {
                error_set(error, r, "file", "cannot read a certificate or key");
                error_where(error, "%s", path);
        }
        return r;
}

static int make_controller(
        Service *service, struct event_base *base, const char *directory, Error *error)
{
        const Config *config = &service->config;

        service->database = text_format("%s/" INIT_DATABASE, directory);
        service->enrolment = config_advertised(config, config->enrolment);
        service->workers = config_advertised(config, config->listen);
        service->setup = (ControllerSetup){
                .database = service->database,
                .authority = service->authority,
                .authority_key = service->authority_key,
                .enrolment = service->enrolment,
                .workers = service->workers,
                .limits = config->limits,
                .calendar = {config->zone, config->nightly},
                .keep_events_seconds = config->keep_events_seconds,
                .transport = &wire_transport,
        };
        return controller_new(base, &service->setup, &service->controller, error);
}

static int start_listening(Service *service, struct event_base *base, Error *error)
{
        const Credentials credentials = {
                .authority = service->authority,
                .certificate = service->certificate,
                .key = service->key,
        };
        Listener *listener = NULL;
        Enrollment *enrollment = NULL;
        int r = wire_new(base, &service->wire, error)
                        ?: wire_listen(service->wire, service->config.listen, &credentials, NULL,
                                   &fleet_handlers, service->controller, &listener, error)
                        ?: enroll_listen(service->wire, service->config.enrolment, &credentials,
                                   NULL, invite_answer, service->controller, &enrollment, error);

        if (r < 0)
                return r;
        log_info("listening workers=%s enrolment=%s", listener_address(listener),
                enroll_address(enrollment));
        return 0;
}

int service_new(struct event_base *base, const char *directory, Service **ret, Error *error)
{
        _cleanup_(service_freep) Service *service = memory_new(sizeof *service);
        int r;

        service->lock = -EBADF;
        r = read_config(service, directory, error)
                    ?: take_lock(service, directory, error)
                    ?: read_pem(directory, INIT_AUTHORITY, &service->authority, error)
                    ?: read_pem(directory, INIT_AUTHORITY_KEY, &service->authority_key, error)
                    ?: read_pem(directory, INIT_CERTIFICATE, &service->certificate, error)
                    ?: read_pem(directory, INIT_KEY, &service->key, error)
                    ?: make_controller(service, base, directory, error)
                    ?: ticker_new(service->controller, &service->ticker, error)
                    ?: start_listening(service, base, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(service);
        return 0;
}

void service_free(Service *service)
{
        if (!service)
                return;
        if (service->wire)
                wire_free(service->wire);
        ticker_free(service->ticker);
        controller_free(service->controller);
        config_clear(&service->config);
        free(service->authority);
        free(service->authority_key);
        free(service->certificate);
        free(service->key);
        free(service->database);
        free(service->enrolment);
        free(service->workers);
        closep(&service->lock);
        free(service);
}

Controller *service_controller(Service *service)
{
        return service->controller;
}
