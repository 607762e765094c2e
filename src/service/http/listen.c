#include "service/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

#include "base/banned.h"

typedef union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} address;

static bool parse(const char *where, address *out)
{
	gs_str s = gs_str_of(where), host = GS_S("127.0.0.1"), port = s;
	size_t colon = gs_str_rfind_char(s, ':');
	uint64_t number;
	char z[64];

	if (colon != SIZE_MAX) {
		if (colon > 0)
			host = gs_str_slice(s, 0, colon);
		port = gs_str_skip(s, colon + 1);
	}
	if (gs_str_eq(host, GS_S("localhost")))
		host = GS_S("127.0.0.1");
	if (!gs_str_u64(port, 10, &number) || number > 65535 || host.n >= sizeof(z))
		return false;
	*out = (address){ 0 };
	if (host.p[0] == '[' && host.p[host.n - 1] == ']') {
		snprintf(z, sizeof(z), "%.*s", (int)host.n - 2, host.p + 1);
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)number);
		return inet_pton(AF_INET6, z, &out->v6.sin6_addr) == 1;
	}
	snprintf(z, sizeof(z), "%.*s", GS_FMT(host));
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons((uint16_t)number);
	return inet_pton(AF_INET, z, &out->v4.sin_addr) == 1;
}

/* Parsed addresses, not texts: "127.evil.example" is a name, 127.1.2.3 is us. */
static bool is_loopback(const address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr) && a->v6.sin6_addr.s6_addr[12] == 127);
}

static bool is_any(const address *a)
{
	return a->any.sa_family == AF_INET ? a->v4.sin_addr.s_addr == htonl(INADDR_ANY) :
					     IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}

bool gs_listening_open(const char *where, gs_listening *out, gs_err *err)
{
	address a;
	socklen_t n = sizeof(a);
	char z[INET6_ADDRSTRLEN];
	int yes = 1;
	bool is_v6;

	*out = (gs_listening){ .fd = -1 };
	if (!where)
		where = "127.0.0.1:0";
	if (!parse(where, &a))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "\"%s\" is no address to listen on: give HOST:PORT with HOST a number",
			       where);
	is_v6 = a.any.sa_family == AF_INET6;
	out->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		return gs_fail_errno(err, errno, "make a socket for", where);
	setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (is_v6)
		setsockopt(out->fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (bind(out->fd, &a.any, is_v6 ? sizeof(a.v6) : sizeof(a.v4)) || listen(out->fd, 64) ||
	    getsockname(out->fd, &a.any, &n)) {
		gs_fail_errno(err, errno, "listen on", where);
		close(out->fd);
		out->fd = -1;
		return false;
	}
	out->port = ntohs(is_v6 ? a.v6.sin6_port : a.v4.sin_port);
	out->is_loopback = is_loopback(&a);
	out->is_any = is_any(&a);
	inet_ntop(a.any.sa_family, is_v6 ? (const void *)&a.v6.sin6_addr : (const void *)&a.v4.sin_addr, z, sizeof(z));
	snprintf(out->address, sizeof(out->address), is_v6 ? "[%s]" : "%s", z);
	return true;
}
