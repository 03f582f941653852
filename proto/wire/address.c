#include "wire/address.h"

#include <arpa/inet.h>
#include <stdbool.h>

#include "base/text.h"

static bool is_host(const char *host, size_t length)
{
        static const char name[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
        static const char ipv6[] = "0123456789abcdefABCDEF:.";

        if (length > 2 && host[0] == '[' && host[length - 1] == ']')
                return strspn(host + 1, ipv6) == length - 2;
        return length > 0 && length < 254 && strspn(host, name) == length;
}

int address_url(const char *scheme, const char *address, char **ret, Error *error)
{
        const char *colon = strrchr(address, ':');
        uint64_t port;

        if (colon && is_host(address, (size_t)(colon - address)) &&
                text_parse_u64(colon + 1, &port) == 0 && port <= UINT16_MAX) {
                *ret = text_format("%s://%s", scheme, address);
                return 0;
        }
        error_set(error, -EINVAL, "bad-address", "cannot use the address");
        error_where(error, "%s", address);
        error_why(error, "it is not HOST:PORT");
        error_next(error, "write it as in example.org:7700, 192.0.2.7:7700 or [2001:db8::7]:7700");
        return -EINVAL;
}

char *address_format(const nng_sockaddr *address)
{
        char host[INET6_ADDRSTRLEN];

        switch (address->s_family) {
        case NNG_AF_INET:
                inet_ntop(AF_INET, &address->s_in.sa_addr, host, sizeof(host));
                return text_format("%s:%u", host, ntohs(address->s_in.sa_port));
        case NNG_AF_INET6:
                inet_ntop(AF_INET6, address->s_in6.sa_addr, host, sizeof(host));
                return text_format("[%s]:%u", host, ntohs(address->s_in6.sa_port));
        default:
                return text_copy("unknown");
        }
}
