/*
 * gs_http_server: the page and its API over HTTP, one thread a connection. Everything goes through gs_gate first; requests that
 * dawdle are cut off; answers carry the headers that keep a hostile name in a profile from becoming a script.
 */
#ifndef GS_SERVICE_HTTP_SERVER_H
#define GS_SERVICE_HTTP_SERVER_H

#include "service/http/session.h"

typedef struct gs_http_options {
	const char *listen;	 /* "127.0.0.1:0", "[::1]:8080", "8080"; NULL: 127.0.0.1 and a free port */
	const char *tls_cert_file, *tls_key_file; /* both or none; needed for any address that is not loopback */
	const gs_str *hosts;	 /* further names that we answer to */
	unsigned n_hosts;
	const char *ui_dir;	 /* serve the page from this folder instead of the one built in */
	int64_t request_timeout_ns; /* for head and body of a request to arrive; 0: 10 s */
} gs_http_options;

typedef struct gs_http_server gs_http_server;

/* The session must outlive the server. GS_ERR_USAGE: an address that may not be served like this. */
gs_http_server *gs_http_start(gs_session *session, const gs_http_options *options, gs_err *err);
/* Waits for requests under way. */
void gs_http_stop(gs_http_server *s);

/* A link that lets one browser in, once: "http://127.0.0.1:1234/?token=..." */
bool gs_http_link(gs_http_server *s, gs_buf *out, gs_err *err);

#endif
