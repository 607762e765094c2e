#include "service/http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <libdeflate.h>
#include <microhttpd.h>

#include "app/version.h"
#include "base/file.h"
#include "base/library.h"
#include "service/http/api.h"
#include "service/http/assets.h"
#include "service/http/cache.h"
#include "service/http/gate.h"
#include "service/http/listen.h"
#include "service/http/query.h"
#include "service/http/watch.h"

#include "base/banned.h"

enum {
	MAX_BODY_BYTES = 1 << 20,
	MAX_HEAD_BYTES = 64 << 10,
	MAX_TARGET_BYTES = 32 << 10,
	MAX_KEY_FILE_BYTES = 1 << 20,
	MAX_CONNECTIONS = 256,
	MAX_CACHE_BYTES = 128 << 20,
	GZIP_FROM_BYTES = 32 << 10,
	IDLE_NS_IN_S = 120,
	DEFAULT_REQUEST_S = 10,
};

struct gs_http_server {
	gs_session *session;
	gs_gate gate;
	gs_listening listening;
	struct MHD_Daemon *daemon;
	gs_watch *watch;
	gs_cache *cache;
	char *ui_dir;
	char link_host[280];
	int64_t request_timeout_ns;
	gs_file cert, key;
	char *cert_text, *key_text;
};

typedef struct request {
	char *target; /* as sent: path and query */
	gs_buf body;
	bool is_begun;
} request;

/* ---- answers ---- */

static void put(struct MHD_Response *r, const char *name, const char *value)
{
	MHD_add_response_header(r, name, value);
}

static void put_safety(struct MHD_Response *r, const char *mime)
{
	put(r, "Content-Type", mime);
	put(r, "Content-Security-Policy",
	    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
	    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
	put(r, "X-Content-Type-Options", "nosniff");
	put(r, "Referrer-Policy", "no-referrer");
	put(r, "Cross-Origin-Opener-Policy", "same-origin");
	put(r, "Cross-Origin-Resource-Policy", "same-origin");
	put(r, "X-Frame-Options", "DENY");
}

static enum MHD_Result send_response(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
	enum MHD_Result ok = r ? MHD_queue_response(c, status, r) : MHD_NO;

	if (r)
		MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status, const char *mime, gs_str text)
{
	union {
		const char *in;
		void *out;
	} p = { text.n ? text.p : "" };
	struct MHD_Response *r = MHD_create_response_from_buffer(text.n, p.out, MHD_RESPMEM_MUST_COPY);

	if (r) {
		put_safety(r, mime);
		put(r, "Cache-Control", "no-store");
		if (status == 405)
			put(r, "Allow", "GET, HEAD, POST");
	}
	return send_response(c, status, r);
}

static enum MHD_Result send_error(struct MHD_Connection *c, unsigned status, const gs_err *err)
{
	gs_answer a = { 0 };
	enum MHD_Result ok;

	gs_answer_error(&a, err);
	ok = send_text(c, status ? status : a.status, a.mime, gs_buf_view(&a.body));
	gs_answer_release(&a);
	return ok;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, bool is_page, const char *why)
{
	gs_err err = { 0 };
	char page[1024];

	gs_fail(&err, GS_ERR_DENIED, GS_ERR_NOWHERE, "%s", why);
	if (!is_page)
		return send_error(c, status, &err);
	snprintf(page, sizeof(page),
		 "<!doctype html><html lang=en><meta charset=utf-8><meta name=color-scheme content=\"light dark\"><title>gospect</title><h1>Not let in</h1><p>%c%s.</p>"
		 "<p>In the terminal where gospect runs, press Enter for a new link.</p>",
		 why[0] >= 'a' && why[0] <= 'z' ? why[0] - 'a' + 'A' : why[0], why + 1);
	return send_text(c, status, "text/html; charset=utf-8", gs_str_of(page));
}

static bool accepts_gzip(struct MHD_Connection *c)
{
	const char *v = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Encoding");

	return v && strstr(v, "gzip") && !strstr(v, "gzip;q=0");
}

/* On this machine packing costs more time than it saves; over a network large text is worth it. */
static bool pack(gs_http_server *s, struct MHD_Connection *c, gs_str in, gs_buf *out)
{
	struct libdeflate_compressor *z;
	size_t n;

	if (s->listening.is_loopback || in.n < GZIP_FROM_BYTES || !accepts_gzip(c))
		return false;
	z = libdeflate_alloc_compressor(4);
	gs_buf_init(out, in.n);
	if (!z || !gs_buf_reserve(out, in.n))
		n = 0;
	else
		n = libdeflate_gzip_compress(z, in.p, in.n, out->p, in.n - in.n / 8); /* 0: saves less than an eighth */
	libdeflate_free_compressor(z);
	out->n = n;
	if (!n)
		gs_buf_release(out);
	return n > 0;
}

static void put_answer_headers(gs_http_server *s, struct MHD_Response *r, const char *mime, const char *file_name)
{
	char disposition[200], changes[24];

	put_safety(r, mime);
	snprintf(changes, sizeof(changes), "%llu", (unsigned long long)gs_session_changes(s->session));
	put(r, "Gospect-Changes", changes);
	/* Profiles are private: nothing of them stays in the browser's cache on disk. */
	put(r, "Cache-Control", "no-store");
	if (!file_name[0])
		return;
	snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", file_name);
	put(r, "Content-Disposition", disposition);
}

static enum MHD_Result send_answer(gs_http_server *s, struct MHD_Connection *c, gs_answer *a)
{
	gs_buf packed = { 0 };
	bool is_packed = pack(s, c, gs_buf_view(&a->body), &packed);
	gs_buf *b = is_packed ? &packed : &a->body;
	struct MHD_Response *r;

	if (!b->p) /* an empty answer */
		return send_text(c, a->status, a->mime, (gs_str){ 0 });
	r = MHD_create_response_from_buffer(b->n, b->p, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		gs_buf_release(&packed);
		return MHD_NO;
	}
	*b = (gs_buf){ 0 }; /* the response's now */
	put_answer_headers(s, r, a->mime, a->file_name);
	if (is_packed)
		put(r, "Content-Encoding", "gzip");
	return send_response(c, a->status, r);
}

static void drop_cached(void *bytes)
{
	gs_cache_drop((gs_cached *)(void *)((char *)bytes - offsetof(gs_cached, bytes)));
}

static enum MHD_Result send_cached(gs_http_server *s, struct MHD_Connection *c, gs_cached *e)
{
	struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback(e->n, e->bytes, drop_cached);

	if (!r) {
		gs_cache_drop(e);
		return MHD_NO;
	}
	put_answer_headers(s, r, e->mime, e->file_name);
	return send_response(c, 200, r);
}

/* ---- the page ---- */

static enum MHD_Result send_asset(struct MHD_Connection *c, const gs_asset *a)
{
	const char *have = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
	bool is_same = have && strcmp(have, a->etag) == 0, is_packed = accepts_gzip(c);
	struct MHD_Response *r;
	union {
		const unsigned char *in;
		void *out;
	} p = { a->gzip };

	if (is_same) {
		r = MHD_create_response_from_buffer(0, p.out, MHD_RESPMEM_PERSISTENT);
	} else if (is_packed) {
		r = MHD_create_response_from_buffer(a->gzip_bytes, p.out, MHD_RESPMEM_PERSISTENT);
	} else {
		gs_buf raw;

		gs_buf_init(&raw, a->raw_bytes + 1);
		if (!gs_asset_unpack(a, &raw)) {
			gs_buf_release(&raw);
			return MHD_NO;
		}
		r = MHD_create_response_from_buffer(raw.n, raw.p, MHD_RESPMEM_MUST_FREE);
	}
	if (!r)
		return MHD_NO;
	put_safety(r, a->mime);
	put(r, "ETag", a->etag);
	put(r, "Vary", "Accept-Encoding");
	/* Names below /assets/ change with their content. */
	put(r, "Cache-Control", strncmp(a->path, "/assets/", 8) == 0 ? "private, max-age=31536000, immutable" : "no-cache");
	if (is_packed && !is_same)
		put(r, "Content-Encoding", "gzip");
	return send_response(c, is_same ? 304 : 200, r);
}

static enum MHD_Result send_page(gs_http_server *s, struct MHD_Connection *c, gs_str path)
{
	const gs_asset *a = s->ui_dir ? NULL : gs_asset_find(path);
	gs_err err = { 0 };
	GS_AUTO(buf) file = { 0 };
	const char *mime;

	if (a)
		return send_asset(c, a);
	gs_buf_init(&file, 64 << 20);
	if (s->ui_dir && gs_asset_from_folder(s->ui_dir, path, &file, &mime))
		return send_text(c, 200, mime, gs_buf_view(&file));
	if (gs_str_eq(path, GS_S("/")))
		return send_text(c, 200, "text/html; charset=utf-8",
				 GS_S("<!doctype html><html lang=en><meta charset=utf-8><title>gospect</title><h1>The page is not "
				      "built in</h1><p>This gospect was built without its page. In its source folder run "
				      "<code>make ui &amp;&amp; make</code>. The API answers nonetheless: "
				      "<a href=\"/api/session\">/api/session</a>.</p>"));
	gs_fail(&err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no %.*s here", GS_FMT(path));
	return send_error(c, 0, &err);
}

/* ---- requests ---- */

static enum MHD_Result count_hosts(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind;
	(void)value;
	if (strcasecmp(key, "Host") == 0)
		++*(unsigned *)ctx;
	return MHD_YES;
}

static gs_str header(struct MHD_Connection *c, const char *name)
{
	return gs_str_of(MHD_lookup_connection_value(c, MHD_HEADER_KIND, name));
}

static gs_str find_pair(const gs_op_pair *pairs, unsigned n, gs_str name)
{
	for (unsigned i = 0; i < n; i++)
		if (gs_str_eq(pairs[i].name, name))
			return pairs[i].value;
	return (gs_str){ 0 };
}

/* The link was right: from now on the browser has the cookie, and the address bar no token. */
static enum MHD_Result let_in(gs_http_server *s, struct MHD_Connection *c, bool is_from_elsewhere)
{
	/* After a click on another site's page a redirect would still count as that site's, and would go without the cookie. */
	gs_str page = is_from_elsewhere ? GS_S("<!doctype html><meta http-equiv=refresh content=\"0;url=/\"><title>gospect</title>") :
					  GS_S("");
	union {
		const char *in;
		void *out;
	} p = { page.p };
	struct MHD_Response *r = MHD_create_response_from_buffer(page.n, p.out, MHD_RESPMEM_PERSISTENT);
	char cookie[160];

	if (!r)
		return MHD_NO;
	snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", s->gate.cookie_name, s->gate.secret,
		 s->gate.is_tls ? "; Secure" : "");
	put_safety(r, "text/html; charset=utf-8");
	put(r, "Cache-Control", "no-store");
	put(r, "Set-Cookie", cookie);
	if (!is_from_elsewhere)
		put(r, "Location", "/");
	return send_response(c, is_from_elsewhere ? 200 : 303, r);
}

static enum MHD_Result get(gs_http_server *s, struct MHD_Connection *c, gs_str target, gs_str path, const gs_op_pair *pairs,
			   unsigned n)
{
	uint64_t changes = gs_session_changes(s->session);
	gs_answer a;
	gs_cached *e;
	enum MHD_Result ok;

	if (!gs_str_starts(path, GS_S("/api/")))
		return send_page(s, c, path);
	e = s->listening.is_loopback ? gs_cache_get(s->cache, target, changes) : NULL;
	if (e)
		return send_cached(s, c, e);
	gs_api_get(s->session, path, pairs, n, &a);
	if (a.is_final && a.status == 200 && s->listening.is_loopback)
		gs_cache_put(s->cache, target, changes, a.mime, a.file_name, gs_buf_view(&a.body));
	ok = send_answer(s, c, &a);
	gs_answer_release(&a);
	return ok;
}

/* The whole request is there. */
static enum MHD_Result answer(gs_http_server *s, struct MHD_Connection *c, request *r, const char *method)
{
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	gs_str target = gs_str_of(r->target), path;
	gs_op_pair *pairs;
	unsigned n;
	gs_err err = { 0 };
	gs_answer a;
	enum MHD_Result ok;

	if (!gs_query_read(mem, target, &path, &pairs, &n, &err))
		return send_error(c, 0, &err);
	if (strcmp(method, "POST") != 0)
		return get(s, c, target, path, pairs, n);
	gs_api_post(s->session, path, gs_buf_view(&r->body), &a);
	gs_cache_renew(s->cache, gs_session_changes(s->session));
	ok = send_answer(s, c, &a);
	gs_answer_release(&a);
	return ok;
}

/* The head is there: decide before a byte of the body is taken. Without an answer queued the library goes on reading. */
static enum MHD_Result admit(gs_http_server *s, struct MHD_Connection *c, const request *r, const char *method)
{
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	gs_str target = gs_str_of(r->target), path = target, token = { 0 }, length;
	gs_gate_request q = { .method = gs_str_of(method) };
	gs_op_pair *pairs;
	unsigned n = 0;
	uint64_t n_body;
	gs_verdict v;
	bool is_api;

	if (target.n > MAX_TARGET_BYTES)
		return refuse(c, 414, false, "the request's address is too long");
	if (gs_query_read(mem, target, &path, &pairs, &n, NULL) && gs_str_eq(path, GS_S("/")))
		token = find_pair(pairs, n, GS_S("token"));
	is_api = gs_str_starts(path, GS_S("/api/"));
	q.host = header(c, "Host");
	MHD_get_connection_values(c, MHD_HEADER_KIND, count_hosts, &q.n_hosts);
	q.origin = header(c, "Origin");
	q.fetch_site = header(c, "Sec-Fetch-Site");
	q.cookie = gs_str_of(MHD_lookup_connection_value(c, MHD_COOKIE_KIND, s->gate.cookie_name));
	q.is_link = token.n > 0 && strcmp(method, "GET") == 0;
	v = gs_gate_check(&s->gate, &q);
	if (q.is_link && (v == GS_GATE_NO_COOKIE || v == GS_GATE_OPEN)) {
		bool is_elsewhere = q.fetch_site.n && !gs_str_eq(q.fetch_site, GS_S("none")) &&
				    !gs_str_eq(q.fetch_site, GS_S("same-origin"));

		if (gs_gate_use_token(&s->gate, token) || v == GS_GATE_OPEN)
			return let_in(s, c, is_elsewhere);
		return refuse(c, 403, true, "This link is not valid, or it has been used: each link works once");
	}
	if (v != GS_GATE_OPEN)
		return refuse(c, v == GS_GATE_WRONG_METHOD ? 405 : 403, !is_api && v == GS_GATE_NO_COOKIE, gs_verdict_text(v));
	length = header(c, "Content-Length");
	if (length.n && (!gs_str_u64(length, 10, &n_body) || n_body > MAX_BODY_BYTES))
		return refuse(c, 413, false, "the body of the request is too large");
	if (strcmp(method, "POST") == 0 && !gs_str_starts(header(c, "Content-Type"), GS_S("application/json")))
		return refuse(c, 415, false, "the body of an action is JSON: Content-Type: application/json");
	return MHD_YES;
}

static gs_watched *watched(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i ? i->socket_context : NULL;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version,
			      const char *upload, size_t *n_upload, void **request_ctx)
{
	gs_http_server *s = ctx;
	request *r = *request_ctx;
	gs_watched *w = watched(c);

	(void)url;
	(void)version;
	if (!r)
		return MHD_NO;
	if (!r->is_begun) {
		r->is_begun = true;
		if (w)
			gs_watch_limit(s->watch, w, s->request_timeout_ns);
		return admit(s, c, r, method);
	}
	if (*n_upload) {
		gs_buf_add(&r->body, upload, *n_upload);
		*n_upload = 0;
		return r->body.bad ? MHD_NO : MHD_YES; /* no length was given, or a wrong one: cut off */
	}
	if (w)
		gs_watch_limit(s->watch, w, 0); /* now it is our turn */
	return answer(s, c, r, method);
}

static void *begin_request(void *ctx, const char *target, struct MHD_Connection *c)
{
	request *r = calloc(1, sizeof(*r));

	(void)ctx;
	(void)c;
	if (!r)
		return NULL;
	r->target = strdup(target);
	gs_buf_init(&r->body, MAX_BODY_BYTES);
	if (r->target)
		return r;
	free(r);
	return NULL;
}

static void end_request(void *ctx, struct MHD_Connection *c, void **request_ctx, enum MHD_RequestTerminationCode why)
{
	gs_http_server *s = ctx;
	request *r = *request_ctx;
	gs_watched *w = watched(c);

	(void)why;
	if (w)
		gs_watch_limit(s->watch, w, (int64_t)IDLE_NS_IN_S * 1000000000);
	if (!r)
		return;
	free(r->target);
	gs_buf_release(&r->body);
	free(r);
	*request_ctx = NULL;
}

static void notice_connection(void *ctx, struct MHD_Connection *c, void **socket_ctx, enum MHD_ConnectionNotificationCode what)
{
	gs_http_server *s = ctx;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

		*socket_ctx = i ? gs_watch_add(s->watch, i->connect_fd, s->request_timeout_ns) : NULL;
	} else if (*socket_ctx) {
		gs_watch_remove(s->watch, *socket_ctx);
		*socket_ctx = NULL;
	}
}

/* ---- start and stop ---- */

static bool read_pem(const char *path, gs_file *f, char **text, gs_err *err)
{
	if (!gs_file_read(path, MAX_KEY_FILE_BYTES, f, err))
		return false;
	*text = strndup(f->bytes.p ? f->bytes.p : "", f->bytes.n);
	return *text || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
}

static bool prepare_tls(gs_http_server *s, const gs_http_options *o, gs_err *err)
{
	if (!o->tls_cert_file != !o->tls_key_file)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "TLS needs both a certificate and its key");
	if (!o->tls_cert_file) {
		if (s->listening.is_loopback)
			return true;
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%s can be reached from other machines: that needs TLS (--tls-cert, --tls-key). Or listen on this machine "
			       "only and use ssh -L %u:127.0.0.1:%u",
			       s->listening.address, s->listening.port, s->listening.port);
	}
	if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "the HTTP library of this machine was built without TLS");
	return read_pem(o->tls_cert_file, &s->cert, &s->cert_text, err) && read_pem(o->tls_key_file, &s->key, &s->key_text, err);
}

static bool prepare_gate(gs_http_server *s, const gs_http_options *o, gs_err *err)
{
	if (!gs_gate_init(&s->gate, s->listening.port, o->tls_cert_file != NULL, err))
		return false;
	snprintf(s->link_host, sizeof(s->link_host), "%s:%u", s->listening.is_any ? "localhost" : s->listening.address,
		 s->listening.port);
	if (!s->listening.is_any && !gs_gate_add_host(&s->gate, gs_str_of(s->listening.address), s->listening.port))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s is no host name", s->listening.address);
	for (unsigned i = 0; i < o->n_hosts; i++) {
		if (!gs_gate_add_host(&s->gate, o->hosts[i], s->listening.port))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "\"%.*s\" is no host name, or there are too many",
				       GS_FMT(o->hosts[i]));
		if (i == 0 && !s->listening.is_loopback)
			snprintf(s->link_host, sizeof(s->link_host), "%s", s->gate.hosts[s->gate.n_hosts - 1]);
	}
	return true;
}

static bool start_daemon(gs_http_server *s, gs_err *err)
{
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert_text },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, s->key_text },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC;

	s->daemon = MHD_start_daemon(flags | (s->cert_text ? MHD_USE_TLS : 0u), 0, NULL, NULL, handle, s, /* */
				     MHD_OPTION_LISTEN_SOCKET, s->listening.fd, /* */
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, /* */
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_HEAD_BYTES, /* */
				     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_NS_IN_S, /* */
				     MHD_OPTION_STRICT_FOR_CLIENT, 1, /* */
				     MHD_OPTION_URI_LOG_CALLBACK, begin_request, s, /* */
				     MHD_OPTION_NOTIFY_COMPLETED, end_request, s, /* */
				     MHD_OPTION_NOTIFY_CONNECTION, notice_connection, s, /* */
				     MHD_OPTION_ARRAY, s->cert_text ? tls : none, MHD_OPTION_END);
	if (!s->daemon)
		return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "the HTTP server does not start%s",
			       s->cert_text ? ": is the certificate with its key valid PEM?" : "");
	s->listening.fd = -1; /* the daemon's */
	return true;
}

static void release(gs_http_server *s)
{
	if (s->watch)
		gs_watch_stop(s->watch);
	if (s->listening.fd >= 0)
		close(s->listening.fd);
	gs_cache_free(s->cache);
	gs_gate_release(&s->gate);
	gs_file_close(&s->cert);
	gs_file_close(&s->key);
	free(s->cert_text);
	free(s->key_text);
	free(s->ui_dir);
	free(s);
}

gs_http_server *gs_http_start(gs_session *session, const gs_http_options *o, gs_err *err)
{
	gs_http_server *s = calloc(1, sizeof(*s));

	if (!s) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
		return NULL;
	}
	s->session = session;
	s->request_timeout_ns = o->request_timeout_ns ? o->request_timeout_ns : (int64_t)DEFAULT_REQUEST_S * 1000000000;
	s->ui_dir = o->ui_dir ? strdup(o->ui_dir) : NULL;
	s->cache = gs_cache_create(MAX_CACHE_BYTES);
	s->watch = gs_watch_start();
	if (!gs_library_load(GS_LIBRARY_MICROHTTPD, err) || !gs_listening_open(o->listen, &s->listening, err) || !prepare_tls(s, o, err) || !prepare_gate(s, o, err) ||
	    !s->watch || !start_daemon(s, err)) {
		release(s);
		return NULL;
	}
	return s;
}

void gs_http_stop(gs_http_server *s)
{
	if (!s)
		return;
	MHD_stop_daemon(s->daemon);
	release(s);
}

bool gs_http_link(gs_http_server *s, gs_buf *out, gs_err *err)
{
	char token[GS_SECRET_CHARS + 1];

	if (!gs_gate_new_token(&s->gate, token, err))
		return false;
	gs_buf_f(out, "%s://%s/?token=%s", s->gate.is_tls ? "https" : "http", s->link_host, token);
	return true;
}
