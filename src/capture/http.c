#include "capture/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/library.h"
#include "base/banned.h"

enum { MAX_REDIRECTS = 5, ERROR_BODY_BYTES = 4096 };

struct gs_http_running {
	CURL *curl;
	struct curl_slist *headers;
	curl_socket_t socket;
	char error[CURL_ERROR_SIZE];
	char *url;
	unsigned redirects;
	bool is_half_closed, is_ended;
	int write_errno;
	int socket_errno;
	bool is_too_large;
	const gs_http_auth *auth;
};

typedef struct netns_call {
	int32_t pid;
	int domain, type, protocol, fd, err;
} netns_call;

static void *netns_thread(void *ctx)
{
	netns_call *c = ctx;
	char path[64];
	int ns;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", c->pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) != 0) {
		c->err = errno;
	} else {
		c->fd = socket(c->domain, c->type | SOCK_CLOEXEC, c->protocol);
		c->err = errno;
	}
	if (ns >= 0)
		close(ns);
	return NULL;
}

/* A namespace belongs to a thread and a socket to where it was made: a thread of its own goes there and ends. */
int gs_netns_socket(int32_t pid, int domain, int type, int protocol)
{
	netns_call c = { pid, domain, type, protocol, -1, 0 };
	pthread_t t;
	int rc = pthread_create(&t, NULL, netns_thread, &c);

	if (rc) {
		errno = rc;
		return -1;
	}
	pthread_join(t, NULL);
	errno = c.err;
	return c.fd;
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	gs_http_request *r = ctx;
	int fd;

	(void)purpose;
	if (r->to->netns_pid)
		fd = gs_netns_socket(r->to->netns_pid, a->family, a->socktype, a->protocol);
	else
		fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	if (fd < 0) {
		r->running->socket_errno = errno;
		return CURL_SOCKET_BAD;
	}
	r->running->socket = fd;
	return fd;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	gs_http_request *r = ctx;
	gs_str line = { p, size * n };

	if (line.n >= 12 && strncasecmp(line.p, "x-go-pprof:", 11) == 0)
		r->is_go_pprof = true;
	return size * n;
}

/*
 * Go's server cancels a request when the client's half of the connection ends, the handlers of CPU profiles and traces then stop
 * and write what they have, and our other half still receives it.
 */
static bool finish_early(gs_http_request *r)
{
	struct gs_http_running *run = r->running;

	if (!r->is_timed || run->socket == CURL_SOCKET_BAD || shutdown(run->socket, SHUT_WR) != 0)
		return false;
	run->is_half_closed = true;
	return true;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	gs_http_request *r = ctx;
	size_t bytes = size * n;
	long status = 0;

	curl_easy_getinfo(r->running->curl, CURLINFO_RESPONSE_CODE, &status);
	if (bytes > r->max_bytes - r->n_bytes) {
		r->running->is_too_large = true;
		return 0;
	}
	if (status != 200 && (status / 100 == 3 || r->fd >= 0)) {
		if (r->body.n + bytes <= ERROR_BODY_BYTES)
			gs_buf_add(&r->body, p, bytes);
		return bytes;
	}
	r->n_bytes += bytes;
	if (r->finish_at_bytes && r->n_bytes >= r->finish_at_bytes && !r->running->is_half_closed)
		(void)finish_early(r);
	if (r->fd < 0) {
		gs_buf_add(&r->body, p, bytes);
		return r->body.bad ? 0 : bytes;
	}
	for (size_t done = 0; done < bytes;) {
		ssize_t w = write(r->fd, p + done, bytes - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			r->running->write_errno = w < 0 ? errno : ENOSPC;
			return 0;
		}
		done += (size_t)w;
	}
	return bytes;
}

static void set_common(gs_http_request *r, const gs_http_auth *auth)
{
	CURL *c = r->running->curl;
	const gs_http_target *to = r->to;
	char path[4200];
	int64_t connect_ns = r->connect_timeout_ns ? r->connect_timeout_ns : 5000000000ll;

	curl_easy_setopt(c, CURLOPT_PRIVATE, r);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->running->error);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "gospect");
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(r->timeout_ns / 1000000 + 1));
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_ns / 1000000 + 1));
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	if (to->is_loopback || to->unix_path.n || to->netns_pid)
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (to->unix_path.n) {
		bool is_abstract = to->unix_path.p[0] == '@';

		snprintf(path, sizeof(path), "%.*s", GS_FMT(gs_str_skip(to->unix_path, is_abstract)));
		curl_easy_setopt(c, is_abstract ? CURLOPT_ABSTRACT_UNIX_SOCKET : CURLOPT_UNIX_SOCKET_PATH, path);
	}
	if (to->user.n) {
		snprintf(path, sizeof(path), "%.*s", GS_FMT(to->user));
		curl_easy_setopt(c, CURLOPT_USERPWD, path);
	}
	if (to->is_insecure || (auth && auth->is_insecure)) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (!auth)
		return;
	const struct {
		CURLoption option;
		gs_str file;
	} files[] = { { CURLOPT_CAINFO, auth->ca_file }, { CURLOPT_SSLCERT, auth->cert_file }, { CURLOPT_SSLKEY, auth->key_file } };

	if (auth->ca_file.n) /* these and no others */
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	for (size_t i = 0; i < 3; i++)
		if (files[i].file.n) {
			snprintf(path, sizeof(path), "%.*s", GS_FMT(files[i].file));
			curl_easy_setopt(c, files[i].option, path);
		}
	for (unsigned i = 0; i <= auth->n_headers; i++) {
		GS_AUTO(buf) line = { 0 };

		gs_buf_init(&line, 65536);
		if (i < auth->n_headers)
			gs_buf_str(&line, auth->headers[i]);
		else if (auth->bearer.n)
			gs_buf_f(&line, "Authorization: Bearer %.*s", GS_FMT(auth->bearer));
		gs_buf_c(&line, '\0');
		if (!line.bad && line.n > 1) {
			struct curl_slist *more = curl_slist_append(r->running->headers, line.p);

			if (more)
				r->running->headers = more;
		}
	}
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->running->headers);
}

static void end(gs_http_request *r)
{
	struct gs_http_running *run = r->running;

	curl_easy_cleanup(run->curl);
	curl_slist_free_all(run->headers);
	free(run->url);
	free(run);
	r->running = NULL;
}

/* Has secrets to send and would send them in the clear over a network? */
static bool leaks_secret(const gs_http_request *r, const gs_http_auth *auth)
{
	bool has_secret = r->to->user.n > 0;

	if (auth) {
		has_secret |= auth->bearer.n > 0;
		for (unsigned i = 0; i < auth->n_headers; i++)
			has_secret |= auth->headers[i].n > 14 && strncasecmp(auth->headers[i].p, "authorization:", 14) == 0;
	}
	return has_secret && !r->to->is_tls && !r->to->is_loopback && !r->to->netns_pid && !(auth && auth->is_insecure);
}

static bool start(CURLM *multi, gs_http_request *r, const gs_http_auth *auth)
{
	GS_AUTO(buf) url = { 0 };

	r->err = (gs_err){ .at = GS_ERR_NOWHERE };
	r->status = 0;
	r->n_bytes = 0;
	r->is_late = false;
	gs_buf_init(&r->body, r->fd < 0 ? (size_t)r->max_bytes : 2 * ERROR_BODY_BYTES);
	if (leaks_secret(r, auth))
		return gs_fail(&r->err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s: a password or token would travel unencrypted; use https, or --insecure if you mean it",
			       GS_FMT(r->to->host));
	gs_buf_init(&url, 65536);
	gs_buf_str(&url, r->url);
	gs_buf_c(&url, '\0');
	r->running = calloc(1, sizeof(*r->running));
	if (!r->running || url.bad)
		goto memory;
	r->running->socket = CURL_SOCKET_BAD;
	r->running->auth = auth;
	r->running->curl = curl_easy_init();
	if (!r->running->curl)
		goto memory;
	set_common(r, auth);
	curl_easy_setopt(r->running->curl, CURLOPT_URL, url.p);
	if (curl_multi_add_handle(multi, r->running->curl) == CURLM_OK)
		return true;
	end(r);
	return gs_fail(&r->err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "cannot start a request");
memory:
	free(r->running);
	r->running = NULL;
	return gs_fail(&r->err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
}

static bool same_origin(const char *a, const char *b)
{
	CURLU *u = curl_url(), *v = curl_url();
	bool same = u && v && curl_url_set(u, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(v, CURLUPART_URL, b, 0) == CURLUE_OK;
	char *x = NULL, *y = NULL;

	if (same) {
		same = curl_url_get(u, CURLUPART_HOST, &x, 0) == CURLUE_OK &&
		       curl_url_get(v, CURLUPART_HOST, &y, 0) == CURLUE_OK && strcasecmp(x, y) == 0;
		curl_free(x);
		curl_free(y);
		/* From https back to http would give the token away. */
		same = same && (strncasecmp(a, "https:", 6) != 0 || strncasecmp(b, "https:", 6) == 0);
	}
	curl_url_cleanup(u);
	curl_url_cleanup(v);
	return same;
}

/* Follow a redirect on the same host. False: it ended, with r->err set. */
static bool redirect(CURLM *multi, gs_http_request *r)
{
	struct gs_http_running *run = r->running;
	char *to = NULL, *from = NULL;

	curl_easy_getinfo(run->curl, CURLINFO_REDIRECT_URL, &to);
	curl_easy_getinfo(run->curl, CURLINFO_EFFECTIVE_URL, &from);
	if (!to || !from)
		return gs_fail(&r->err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "the server answers %ld without saying where to go",
			       r->status);
	if (++run->redirects > MAX_REDIRECTS)
		return gs_fail(&r->err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "more than %d redirects", MAX_REDIRECTS);
	if (!same_origin(from, to))
		return gs_fail(&r->err, GS_ERR_DENIED, GS_ERR_NOWHERE,
			       "redirects to another place, %.200s; give that address if you trust it", to);
	free(run->url);
	run->url = strdup(to);
	if (!run->url)
		return gs_fail(&r->err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	gs_buf_release(&r->body);
	r->n_bytes = 0;
	curl_multi_remove_handle(multi, run->curl);
	curl_easy_setopt(run->curl, CURLOPT_URL, run->url);
	return curl_multi_add_handle(multi, run->curl) == CURLM_OK ||
	       gs_fail(&r->err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "cannot follow a redirect");
}

static void explain(gs_http_request *r, CURLcode rc)
{
	struct gs_http_running *run = r->running;
	const char *said = run->error[0] ? run->error : curl_easy_strerror(rc);
	gs_str host = r->to->host;
	long os = 0;

	curl_easy_getinfo(run->curl, CURLINFO_OS_ERRNO, &os);
	if (run->is_too_large)
		gs_fail(&r->err, GS_ERR_LIMIT, r->max_bytes, "the answer is larger than the limit of %llu bytes",
			(unsigned long long)r->max_bytes);
	else if (run->write_errno)
		gs_fail_errno(&r->err, run->write_errno, "write", "the profile");
	else if (run->socket_errno)
		gs_fail(&r->err, GS_ERR_DENIED, GS_ERR_NOWHERE, "cannot open a socket in the network namespace of process %d: %s",
			r->to->netns_pid, strerror(run->socket_errno));
	else if (rc == CURLE_COULDNT_CONNECT && (os == ECONNREFUSED || os == ENOENT))
		gs_fail(&r->err, GS_ERR_MISSING, GS_ERR_NOWHERE,
			"nothing listens at %.*s; see `gospect ps` for endpoints, or give the PID: no endpoint is needed then",
			GS_FMT(host));
	else if (rc == CURLE_COULDNT_RESOLVE_HOST)
		gs_fail(&r->err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no such host: %.*s", GS_FMT(host));
	else if ((r->is_late = rc == CURLE_OPERATION_TIMEDOUT))
		gs_fail(&r->err, GS_ERR_IO, GS_ERR_NOWHERE, "%.*s did not answer in time", GS_FMT(host));
	else if (rc == CURLE_PEER_FAILED_VERIFICATION)
		gs_fail(&r->err, GS_ERR_DENIED, GS_ERR_NOWHERE,
			"the certificate of %.*s is not trusted (%.150s); give --ca FILE, or https+insecure://", GS_FMT(host), said);
	else if (rc == CURLE_GOT_NOTHING || rc == CURLE_RECV_ERROR || rc == CURLE_SEND_ERROR || rc == CURLE_PARTIAL_FILE)
		gs_fail(&r->err, GS_ERR_IO, GS_ERR_NOWHERE, "%.*s closed the connection before the answer was complete",
			GS_FMT(host));
	else if (rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_WEIRD_SERVER_REPLY)
		gs_fail(&r->err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "%.*s does not speak HTTP", GS_FMT(host));
	else
		gs_fail(&r->err, GS_ERR_IO, GS_ERR_NOWHERE, "%.*s: %.300s", GS_FMT(host), said);
}

/* True when the request is over. */
static bool on_done(CURLM *multi, gs_http_request *r, CURLcode rc)
{
	struct gs_http_running *run = r->running;

	curl_easy_getinfo(run->curl, CURLINFO_RESPONSE_CODE, &r->status);
	r->is_finished_early = run->is_half_closed;
	if (rc == CURLE_OK && r->status / 100 == 3 && r->status != 304) {
		if (redirect(multi, r))
			return false;
	} else if (rc != CURLE_OK) {
		explain(r, rc);
	}
	curl_multi_remove_handle(multi, run->curl);
	end(r);
	if (r->on_end)
		r->on_end(r);
	return true;
}

static void stop_one(CURLM *multi, gs_http_request *r)
{
	struct gs_http_running *run = r->running;

	if (finish_early(r))
		return;
	gs_fail(&r->err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped before it was complete");
	curl_multi_remove_handle(multi, run->curl);
	end(r);
}

uint64_t gs_http_received(const gs_http_request *requests, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += requests[i].n_bytes;
	return sum;
}

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_ALL);
}

void gs_http_run(gs_http_request *requests, size_t n, unsigned parallel, const gs_http_auth *auth, int64_t grace_ns,
		 const gs_progress *progress)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t next = 0, active = 0;
	bool is_there = n > 0;
	int64_t stop_at = 0, report_at = 0;
	CURLM *multi;

	for (size_t i = 0; i < n; i++)
		is_there &= gs_library_load(GS_LIBRARY_CURL, &requests[i].err);
	if (!is_there)
		return;
	pthread_once(&once, init_curl);
	multi = curl_multi_init();
	for (size_t i = 0; i < n && !multi; i++)
		gs_fail(&requests[i].err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	while (multi && (next < n || active)) {
		CURLMsg *msg;
		int left;

		while (next < n && active < parallel && !stop_at)
			active += start(multi, &requests[next++], auth);
		curl_multi_perform(multi, &left);
		while ((msg = curl_multi_info_read(multi, &left))) {
			gs_http_request *r = NULL;

			if (msg->msg != CURLMSG_DONE)
				continue;
			CURLcode rc = msg->data.result;

			curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&r);
			active -= on_done(multi, r, rc);
		}
		if (!stop_at && gs_progress_should_stop(progress)) {
			stop_at = gs_now_ns() + grace_ns;
			for (size_t i = 0; i < n; i++)
				if (requests[i].running) {
					stop_one(multi, &requests[i]);
					active -= requests[i].running == NULL;
				}
			for (; next < n; next++)
				gs_fail(&requests[next].err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped before it began");
		} else if (stop_at && gs_now_ns() >= stop_at) {
			for (size_t i = 0; i < n; i++)
				if (requests[i].running) {
					requests[i].is_timed = false;
					stop_one(multi, &requests[i]);
					active--;
				}
		}
		if (progress && gs_now_ns() >= report_at) {
			gs_progress_report(progress, -1, "");
			report_at = gs_now_ns() + 200000000;
		}
		if (active)
			curl_multi_poll(multi, NULL, 0, 100, NULL);
	}
	curl_multi_cleanup(multi);
}
