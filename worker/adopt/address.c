#include "adopt/address.h"

#include "base/text.h"

static bool is_here(const char *host)
{
        static const char *const names[] = {
                "", "*", "localhost", "127.0.0.1", "0.0.0.0", "[::]", "[::1]", "::", "::1"};

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (text_equal(host, names[i]))
                        return true;
        return false;
}

static bool is_number(const char *text)
{
        return *text && text[strspn(text, "0123456789")] == '\0';
}

static const char *without_scheme(const char *text)
{
        static const char *const schemes[] = {"http://", "https://", "uwsgi://", "fcgi://",
                "scgi://", "ws://", "wss://", "tcp://"};

        for (size_t i = 0; i < ELEMENTS(schemes); i++)
                if (text_starts(text, schemes[i]))
                        return text + strlen(schemes[i]);
        return text;
}

static char *socket_of(const char *path)
{
        while (path[0] == '/' && path[1] == '/')
                path++;
        return *path == '/' ? text_format("unix:%.*s", (int)strcspn(path, ":|; \t"), path) : NULL;
}

char *address_normal(const char *text)
{
        const char *start = without_scheme(text);
        _cleanup_free_ char *whole = text_copy_n(start, strcspn(start, "/| \t;"));
        _cleanup_free_ char *host = NULL;
        const char *colon = strrchr(whole, ':');

        if (text_starts(start, "unix:"))
                return socket_of(start + strlen("unix:"));
        if (*start == '/')
                return socket_of(start);
        if (is_number(whole))
                return text_format("port %s", whole);
        if (text_blank(whole))
                return NULL;
        if (!colon || !is_number(colon + 1))
                return text_copy(whole);
        host = text_copy_n(whole, (size_t)(colon - whole));
        return is_here(host) ? text_format("port %s", colon + 1) : text_copy(whole);
}

const char *address_socket(const char *address)
{
        return text_starts(address, "unix:") ? address + strlen("unix:") : NULL;
}
