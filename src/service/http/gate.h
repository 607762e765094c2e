/*
 * gs_gate: who may talk to the page's server. Pure decisions, no network: server.c asks, tests ask.
 *
 * - Host must be one of the exact names that we listen on (DNS rebinding).
 * - Origin must be ours on everything that is not GET or HEAD; a browser that says cross-site is refused on GET as well.
 * - A link holds a one-time token of 128 bits; using it gives a cookie with the session's secret. Everything else needs the cookie.
 */
#ifndef GS_SERVICE_HTTP_GATE_H
#define GS_SERVICE_HTTP_GATE_H

#include <pthread.h>

#include "base/err.h"
#include "base/str.h"

enum { GS_GATE_HOSTS = 16, GS_GATE_TOKENS = 8, GS_SECRET_CHARS = 32 };

typedef struct gs_gate {
	char hosts[GS_GATE_HOSTS][280]; /* "127.0.0.1:1234" */
	unsigned n_hosts;
	bool is_tls;
	char cookie_name[32]; /* with the port in it: browsers share cookies between ports */
	char secret[GS_SECRET_CHARS + 1];
	pthread_mutex_t lock; /* of the tokens */
	char tokens[GS_GATE_TOKENS][GS_SECRET_CHARS + 1]; /* empty: free */
	unsigned next_token;
} gs_gate;

/* Fails when the kernel gives no random bytes. */
bool gs_gate_init(gs_gate *g, unsigned port, bool is_tls, gs_err *err);
void gs_gate_release(gs_gate *g);
/* Serve under this name too. "name" or "name:port"; without a port the one we listen on. False when it is no host name. */
bool gs_gate_add_host(gs_gate *g, gs_str host, unsigned port);

/* A new one-time token; the oldest unused one of GS_GATE_TOKENS stops working. */
bool gs_gate_new_token(gs_gate *g, char out[GS_SECRET_CHARS + 1], gs_err *err);
/* True once for each token. */
bool gs_gate_use_token(gs_gate *g, gs_str token);
bool gs_gate_knows_cookie(const gs_gate *g, gs_str value);

typedef struct gs_gate_request {
	gs_str method;
	gs_str host;
	unsigned n_hosts; /* Host headers: exactly one may be there */
	gs_str origin;	  /* empty: none */
	gs_str fetch_site; /* Sec-Fetch-Site; empty: none */
	gs_str cookie;	  /* value of our cookie; empty: none */
	bool is_link;	  /* GET of the link with a token: may be clicked anywhere */
} gs_gate_request;

typedef enum gs_verdict {
	GS_GATE_OPEN,
	GS_GATE_WRONG_HOST,
	GS_GATE_WRONG_METHOD,
	GS_GATE_FOREIGN_ORIGIN,
	GS_GATE_NO_COOKIE, /* everything but the cookie is right: a token may still let it in */
} gs_verdict;

gs_verdict gs_gate_check(const gs_gate *g, const gs_gate_request *r);
const char *gs_verdict_text(gs_verdict v);

#endif
