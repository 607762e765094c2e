#include "service/http/gate.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include "base/library.h"
#include "base/banned.h"

static bool new_secret(char out[GS_SECRET_CHARS + 1], gs_err *err)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char raw[GS_SECRET_CHARS / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "the kernel gives no random bytes");
	for (size_t i = 0; i < sizeof(raw); i++) {
		out[2 * i] = hex[raw[i] >> 4];
		out[2 * i + 1] = hex[raw[i] & 15];
	}
	out[GS_SECRET_CHARS] = 0;
	return true;
}

static bool same_secret(gs_str got, const char *want)
{
	return got.n == GS_SECRET_CHARS && want[0] && CRYPTO_memcmp(got.p, want, GS_SECRET_CHARS) == 0;
}

bool gs_gate_add_host(gs_gate *g, gs_str host, unsigned port)
{
	size_t colon = gs_str_rfind_char(host, ':');
	bool has_port = colon != SIZE_MAX && (host.p[0] != '[' || host.p[colon - 1] == ']');

	if (!host.n || host.n > 255 || g->n_hosts == GS_GATE_HOSTS)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(".-_:[]", c)) || !c)
			return false;
	}
	if (has_port)
		snprintf(g->hosts[g->n_hosts++], sizeof(g->hosts[0]), "%.*s", GS_FMT(host));
	else
		snprintf(g->hosts[g->n_hosts++], sizeof(g->hosts[0]), "%.*s:%u", GS_FMT(host), port);
	/* Browsers leave the scheme's own port out. */
	if (!has_port && port == (g->is_tls ? 443u : 80u) && g->n_hosts < GS_GATE_HOSTS)
		snprintf(g->hosts[g->n_hosts++], sizeof(g->hosts[0]), "%.*s", GS_FMT(host));
	return true;
}

bool gs_gate_init(gs_gate *g, unsigned port, bool is_tls, gs_err *err)
{
	*g = (gs_gate){ .is_tls = is_tls };
	pthread_mutex_init(&g->lock, NULL);
	snprintf(g->cookie_name, sizeof(g->cookie_name), "gospect-%u", port);
	gs_gate_add_host(g, GS_S("127.0.0.1"), port);
	gs_gate_add_host(g, GS_S("localhost"), port);
	gs_gate_add_host(g, GS_S("[::1]"), port);
	return gs_library_load(GS_LIBRARY_CRYPTO, err) && new_secret(g->secret, err);
}

void gs_gate_release(gs_gate *g)
{
	pthread_mutex_destroy(&g->lock);
	explicit_bzero(g->secret, sizeof(g->secret));
	explicit_bzero(g->tokens, sizeof(g->tokens));
}

bool gs_gate_new_token(gs_gate *g, char out[GS_SECRET_CHARS + 1], gs_err *err)
{
	if (!new_secret(out, err))
		return false;
	pthread_mutex_lock(&g->lock);
	memcpy(g->tokens[g->next_token++ % GS_GATE_TOKENS], out, GS_SECRET_CHARS + 1);
	pthread_mutex_unlock(&g->lock);
	return true;
}

bool gs_gate_use_token(gs_gate *g, gs_str token)
{
	bool found = false;

	pthread_mutex_lock(&g->lock);
	for (unsigned i = 0; i < GS_GATE_TOKENS; i++)
		if (same_secret(token, g->tokens[i])) {
			explicit_bzero(g->tokens[i], sizeof(g->tokens[i]));
			found = true;
		}
	pthread_mutex_unlock(&g->lock);
	return found;
}

bool gs_gate_knows_cookie(const gs_gate *g, gs_str value)
{
	return same_secret(value, g->secret);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_host(gs_str a, const char *b)
{
	size_t i = 0;

	for (; i < a.n && b[i]; i++)
		if (lower(a.p[i]) != lower(b[i]))
			return false;
	return i == a.n && !b[i];
}

static bool is_our_host(const gs_gate *g, gs_str host)
{
	for (unsigned i = 0; i < g->n_hosts; i++)
		if (same_host(host, g->hosts[i]))
			return true;
	return false;
}

static bool is_our_origin(const gs_gate *g, gs_str origin)
{
	gs_str scheme = g->is_tls ? GS_S("https://") : GS_S("http://");

	return gs_str_starts(origin, scheme) && is_our_host(g, gs_str_skip(origin, scheme.n));
}

gs_verdict gs_gate_check(const gs_gate *g, const gs_gate_request *r)
{
	bool is_reading = gs_str_eq(r->method, GS_S("GET")) || gs_str_eq(r->method, GS_S("HEAD"));

	if (r->n_hosts != 1 || !is_our_host(g, r->host))
		return GS_GATE_WRONG_HOST;
	if (!is_reading && !gs_str_eq(r->method, GS_S("POST")))
		return GS_GATE_WRONG_METHOD;
	/* "null" (sandboxed frames, redirects) is nobody's origin. */
	if (is_reading ? r->origin.n && !is_our_origin(g, r->origin) : !is_our_origin(g, r->origin))
		return GS_GATE_FOREIGN_ORIGIN;
	if (r->fetch_site.n && !(r->is_link && is_reading) && !gs_str_eq(r->fetch_site, GS_S("same-origin")) && !gs_str_eq(r->fetch_site, GS_S("none")))
		return GS_GATE_FOREIGN_ORIGIN;
	return gs_gate_knows_cookie(g, r->cookie) ? GS_GATE_OPEN : GS_GATE_NO_COOKIE;
}

const char *gs_verdict_text(gs_verdict v)
{
	switch (v) {
	case GS_GATE_OPEN:
		return "welcome";
	case GS_GATE_WRONG_HOST:
		return "the Host header names another server: use the address that gospect printed";
	case GS_GATE_WRONG_METHOD:
		return "only GET, HEAD and POST are understood here";
	case GS_GATE_FOREIGN_ORIGIN:
		return "the request comes from another site";
	case GS_GATE_NO_COOKIE:
		return "this needs the link that gospect printed; each link works once";
	}
	return "";
}
