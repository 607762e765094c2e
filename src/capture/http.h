/*
 * HTTP requests to pprof endpoints, several at once, by libcurl. GET only; bodies go to memory or to a file descriptor, up to a
 * limit; redirects stay on the host that was asked for.
 */
#ifndef GS_CAPTURE_HTTP_H
#define GS_CAPTURE_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/progress.h"

/* What the user gives besides the address. All may be empty. */
typedef struct gs_http_auth {
	const gs_str *headers; /* "Name: value" */
	unsigned n_headers;
	gs_str bearer; /* token */
	gs_str ca_file, cert_file, key_file;
	bool is_insecure; /* believe any certificate, send the token over plain http */
} gs_http_auth;

/* Where to go, taken apart from what the user typed. Strings are the arena's. */
typedef struct gs_http_target {
	gs_str base;	  /* "http://host:port/debug/pprof/": ends with '/', no user information, no query */
	gs_str single;	  /* the whole URL when it names one profile, else empty */
	gs_str kind;	  /* of `single`: "profile", "heap", ... the last element of its path */
	gs_str user;	  /* "name:password" for basic authentication, or empty */
	gs_str unix_path; /* socket to connect to instead, '@' first for an abstract one; empty: TCP */
	gs_str host;	  /* as in the URL, for messages: "localhost:6060", "/run/app.sock" */
	bool is_tls, is_insecure, is_loopback;
	int32_t netns_pid; /* make sockets in this process's network namespace; 0: our own */
} gs_http_target;

/* host:port, :port, http(s)://..., https+insecure://..., unix:/path[:/http/path]. GS_ERR_USAGE. */
bool gs_http_target_parse(gs_arena *mem, gs_str text, gs_http_target *out, gs_err *err);
/* Does it look like something for gs_http_target_parse (and not like a process name)? */
bool gs_http_target_like(gs_str text);

typedef struct gs_http_request {
	const gs_http_target *to;
	gs_str url;
	int64_t timeout_ns;	    /* for all of it */
	int64_t connect_timeout_ns; /* 0: 5 s */
	uint64_t max_bytes;
	int fd;	      /* the body of a 200 goes here; -1: into `body` */
	uint64_t finish_at_bytes; /* of a timed request: when so much is here it is asked to finish early; 0: never */
	bool is_timed; /* the server answers after N seconds: finish early by closing our half of the connection */

	gs_buf body; /* the whole body, or with `fd` the first kilobytes of an answer that is not 200; release it */
	long status; /* 0: no answer came */
	uint64_t n_bytes;
	bool is_go_pprof;     /* the answer has X-Go-Pprof */
	bool is_late;	      /* there was no answer, or not all of it, in its time */
	bool is_finished_early; /* our half was closed and the server still answered */
	gs_err err;	      /* code GS_ERR_NONE: status is there and the body complete */

	void (*on_end)(struct gs_http_request *r); /* told at once when its answer is complete or broken; may be NULL */
	void *ctx;

	struct gs_http_running *running; /* private */
} gs_http_request;

/*
 * Run all, at most `parallel` at a time. `progress` may stop it: timed requests are asked to finish early and get `grace_ns` for it, others are
 * dropped with GS_ERR_STOPPED. report() gets done < 0 and a text about once in 200 ms. Returns when all ended; look at each err.
 */
void gs_http_run(gs_http_request *requests, size_t n, unsigned parallel, const gs_http_auth *auth, int64_t grace_ns,
		 const gs_progress *progress);

/* Bytes received so far by all requests of a running gs_http_run; for progress callbacks of the same thread. */
uint64_t gs_http_received(const gs_http_request *requests, size_t n);

/* The names that an index page of net/http/pprof links to ("heap", ...): at most `max`, safe as file names. False when it is no such page. */
bool gs_pprof_index_parse(gs_str html, gs_str *names, unsigned max, unsigned *n);
/* How many goroutines it counts; 0 when it does not say. */
uint64_t gs_pprof_index_goroutines(gs_str html);

/* A socket in the network namespace of `pid`; -1 with errno. */
int gs_netns_socket(int32_t pid, int domain, int type, int protocol);

#endif
