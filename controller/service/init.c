#include "service/init.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "service/config.h"
#include "store/store.h"
#include "wire/pki.h"

static int refuse_existing(const char *directory, const char *file, Error *error)
{
        int r;

        if (access(file, F_OK) < 0)
                return errno == ENOENT
                               ? 0
                               : error_set(error, -errno, "file", "cannot look at %s", file);
        r = error_set(error, -EEXIST, "exists", "there is a controller already");
        error_where(error, "%s", directory);
        error_why(error, "its certificates and its database are never overwritten");
        error_next(error, "Start it: understudy-controller run --dir %s", directory);
        return r;
}

static int write_text(
        const char *directory, const char *name, const char *text, mode_t mode, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name);
        int r = file_write(path, text, strlen(text), mode);

        if (r < 0) {
                error_set(error, r, "file", "cannot write a file");
                error_where(error, "%s", path);
        }
        return r;
}

static int write_key(const char *directory, const char *name, const char *key, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name);

        return pki_write_key(path, key, error);
}

static int make_certificates(const char *directory, Error *error)
{
        _cleanup_free_ char *authority = NULL;
        _cleanup_free_ char *authority_key = NULL;
        _cleanup_free_ char *certificate = NULL;
        _cleanup_free_ char *key = NULL;

        return pki_make_authority(&authority, &authority_key, error)
                       ?: pki_issue_controller(authority, authority_key, &certificate, &key, error)
                       ?: write_key(directory, INIT_AUTHORITY_KEY, authority_key, error)
                       ?: write_key(directory, INIT_KEY, key, error)
                       ?: write_text(directory, INIT_AUTHORITY, authority, 0644, error)
                       ?: write_text(directory, INIT_CERTIFICATE, certificate, 0644, error);
}

static int make_database(const char *directory, Error *error)
{
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_free_ char *path = text_format("%s/" INIT_DATABASE, directory);

        return store_open(path, &store, error);
}

static int make_configuration(const char *listen, char **ret, Error *error)
{
        _cleanup_config_ Config config = {0};
        int r;

        option_defaults(config_options, &config);
        free(config.listen);
        free(config.enrolment);
        config.enrolment = NULL;
        config.listen = text_copy(listen);
        r = config_next_port(listen, &config.enrolment, error);
        if (r < 0)
                return r;
        *ret = option_render(config_options, &config);
        return 0;
}

int init_directory(const char *directory, const char *listen, Error *error)
{
        _cleanup_free_ char *file = text_format("%s/" CONFIG_FILE, directory);
        _cleanup_free_ char *configuration = NULL;
        int r = make_configuration(listen, &configuration, error)
                        ?: refuse_existing(directory, file, error);

        if (r < 0)
                return r;
        // Its group may pass through to the socket; keys and database are its owner's alone.
        r = file_make_directories(directory, 0750);
        if (r < 0) {
                error_set(error, r, "file", "cannot make the directory");
                error_where(error, "%s", directory);
                return r;
        }
        return make_certificates(directory, error)
                       ?: make_database(directory, error)
                       ?: write_text(directory, CONFIG_FILE, configuration, 0644, error);
}
