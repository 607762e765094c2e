#include "service/http/api.h"
#include "service/http/assets.h"
#include "service/http/cache.h"
#include "service/http/gate.h"
#include "service/http/listen.h"
#include "service/http/query.h"
#include "tap.h"

#include "base/file.h"

#include "load/gotrace_whole.h"

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static gs_gate gate;

static gs_verdict check(const char *method, const char *host, const char *origin, const char *fetch_site, const char *cookie)
{
	return gs_gate_check(&gate, &(gs_gate_request){ .method = gs_str_of(method),
							.host = gs_str_of(host),
							.n_hosts = host ? 1 : 0,
							.origin = gs_str_of(origin),
							.fetch_site = gs_str_of(fetch_site),
							.cookie = gs_str_of(cookie) });
}

TEST(only_exact_hosts_are_ours)
{
	static const char *const wrong[] = {
		NULL,		       "",			"evil.example",	       "127.0.0.1",	   "127.0.0.1:4243",
		"127.evil.example:4242", "localhost.evil.example:4242", "127.0.0.1:4242.evil.example", "127.0.0.1:04242",
		"[::1]",	       "::1:4242",		"127.1:4242",	       " 127.0.0.1:4242",  "0.0.0.0:4242",
		"localhost.:4242",     "127.0.0.1:4242@evil",	"evil@127.0.0.1:4242",
	};
	gs_err err;

	CHECK(gs_gate_init(&gate, 4242, false, &err));
	CHECK_INT(check("GET", "127.0.0.1:4242", NULL, NULL, gate.secret), GS_GATE_OPEN);
	CHECK_INT(check("GET", "LOCALHOST:4242", NULL, NULL, gate.secret), GS_GATE_OPEN);
	CHECK_INT(check("HEAD", "[::1]:4242", NULL, NULL, gate.secret), GS_GATE_OPEN);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		CHECK_INT(check("GET", wrong[i], NULL, NULL, gate.secret), GS_GATE_WRONG_HOST);
	CHECK_INT(gs_gate_check(&gate, &(gs_gate_request){ .method = GS_S("GET"), .host = GS_S("127.0.0.1:4242"), .n_hosts = 2,
							   .cookie = gs_str_of(gate.secret) }),
		  GS_GATE_WRONG_HOST);
	CHECK(gs_gate_add_host(&gate, GS_S("box.example"), 4242));
	CHECK_INT(check("GET", "box.example:4242", NULL, NULL, gate.secret), GS_GATE_OPEN);
	CHECK(!gs_gate_add_host(&gate, GS_S("a b"), 4242) && !gs_gate_add_host(&gate, GS_S(""), 4242));
	gs_gate_release(&gate);
}

TEST(changes_come_from_our_own_pages_only)
{
	static const char *const foreign[] = { NULL, "null", "http://evil.example", "https://127.0.0.1:4242", "http://127.0.0.1:4243",
					       "http://127.0.0.1:4242.evil.example", "http://127.0.0.1", "file://" };
	gs_err err;

	CHECK(gs_gate_init(&gate, 4242, false, &err));
	CHECK_INT(check("POST", "127.0.0.1:4242", "http://127.0.0.1:4242", "same-origin", gate.secret), GS_GATE_OPEN);
	for (unsigned i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		CHECK_INT(check("POST", "127.0.0.1:4242", foreign[i], NULL, gate.secret), GS_GATE_FOREIGN_ORIGIN);
	CHECK_INT(check("GET", "127.0.0.1:4242", "http://evil.example", NULL, gate.secret), GS_GATE_FOREIGN_ORIGIN);
	CHECK_INT(check("GET", "127.0.0.1:4242", NULL, "cross-site", gate.secret), GS_GATE_FOREIGN_ORIGIN);
	CHECK_INT(check("GET", "127.0.0.1:4242", NULL, "same-site", gate.secret), GS_GATE_FOREIGN_ORIGIN);
	CHECK_INT(check("GET", "127.0.0.1:4242", NULL, "none", gate.secret), GS_GATE_OPEN);
	CHECK_INT(check("DELETE", "127.0.0.1:4242", "http://127.0.0.1:4242", NULL, gate.secret), GS_GATE_WRONG_METHOD);
	CHECK_INT(check("OPTIONS", "127.0.0.1:4242", "http://127.0.0.1:4242", NULL, gate.secret), GS_GATE_WRONG_METHOD);
	gs_gate_release(&gate);
}

TEST(cookies_and_tokens)
{
	char token[GS_SECRET_CHARS + 1], other[GS_SECRET_CHARS + 1], wrong[GS_SECRET_CHARS + 1];
	gs_err err;

	CHECK(gs_gate_init(&gate, 4242, false, &err));
	CHECK_INT(strlen(gate.secret), 32);
	CHECK_INT(check("GET", "localhost:4242", NULL, NULL, NULL), GS_GATE_NO_COOKIE);
	memcpy(wrong, gate.secret, sizeof(wrong));
	wrong[31] = wrong[31] == '0' ? '1' : '0';
	CHECK_INT(check("GET", "localhost:4242", NULL, NULL, wrong), GS_GATE_NO_COOKIE);
	CHECK(!gs_gate_knows_cookie(&gate, gs_str_slice(gs_str_of(gate.secret), 0, 31)));
	CHECK(!gs_gate_use_token(&gate, GS_S("")) && !gs_gate_use_token(&gate, gs_str_of(gate.secret)));
	CHECK(gs_gate_new_token(&gate, token, &err) && gs_gate_new_token(&gate, other, &err));
	CHECK(strcmp(token, other) != 0 && strcmp(token, gate.secret) != 0);
	CHECK(gs_gate_use_token(&gate, gs_str_of(token)));
	CHECK(!gs_gate_use_token(&gate, gs_str_of(token))); /* once */
	for (unsigned i = 0; i < GS_GATE_TOKENS; i++)
		gs_gate_new_token(&gate, token, &err);
	CHECK(!gs_gate_use_token(&gate, gs_str_of(other))); /* the oldest had to go */
	gs_gate_release(&gate);
}

TEST(query_strings_are_taken_apart)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_err err = { 0 };
	gs_op_pair *p;
	gs_str path;
	unsigned n;

	CHECK(gs_query_read(mem, GS_S("/api/top?n=5&focus=a%2Bb+c&&x&y=%3D%26=z"), &path, &p, &n, &err));
	CHECK_STR(path, GS_S("/api/top"));
	CHECK_INT(n, 4);
	CHECK_STR(p[1].value, GS_S("a+b c"));
	CHECK_STR(p[2].name, GS_S("x"));
	CHECK_STR(p[3].value, GS_S("=&=z"));
	CHECK(gs_query_read(mem, GS_S("/"), &path, &p, &n, &err) && n == 0);
	CHECK(gs_query_read(mem, GS_S("/?"), &path, &p, &n, &err) && n == 0);
	CHECK(!gs_query_read(mem, GS_S("/?a=%2"), &path, &p, &n, &err) && err.code == GS_ERR_USAGE);
	CHECK(!gs_query_read(mem, GS_S("/?a=%zz"), &path, &p, &n, &err));
	CHECK(!gs_query_read(mem, GS_S("/?a=%00"), &path, &p, &n, &err));
	CHECK(!gs_query_read(mem, GS_S("/?%"), &path, &p, &n, &err));
}

TEST(addresses_are_parsed_not_guessed)
{
	static const char *const wrong[] = { "example.com:80", "127.evil.example:0", "70000", "1.2.3.4", "::1:0", "127.0.0.1:", "x", "" };
	gs_listening l;
	gs_err err = { 0 };

	CHECK(gs_listening_open(NULL, &l, &err) && l.is_loopback && l.port > 0 && !l.is_any);
	close(l.fd);
	CHECK(gs_listening_open("127.3.2.1:0", &l, &err) && l.is_loopback);
	close(l.fd);
	CHECK(gs_listening_open("0", &l, &err) && l.is_loopback);
	close(l.fd);
	CHECK(gs_listening_open("0.0.0.0:0", &l, &err) && !l.is_loopback && l.is_any);
	close(l.fd);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		CHECK(!gs_listening_open(wrong[i], &l, &err) && err.code == GS_ERR_USAGE);
}

TEST(cache_keeps_what_is_used)
{
	gs_cache *c = gs_cache_create(4000);
	char bytes[900], key[20];
	gs_cached *e;

	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "/%d", i);
		gs_cache_put(c, gs_str_of(key), 0, "text/plain", "", (gs_str){ bytes, sizeof(bytes) });
		e = gs_cache_get(c, GS_S("/0"), 0);
		CHECK(e != NULL);
		if (e)
			gs_cache_drop(e);
	}
	CHECK(!gs_cache_get(c, GS_S("/5"), 0));
	e = gs_cache_get(c, GS_S("/9"), 0);
	CHECK(e && e->n == 900 && e->bytes[899] == 'x');
	gs_cache_free(c); /* what is in use outlives the cache */
	if (e)
		gs_cache_drop(e);
}

TEST(files_outside_the_page_are_not_served)
{
	char folder[] = "/tmp/gs-ui-XXXXXX", path[100], outside[100], link_path[100];
	const char *mime = NULL;
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1000);
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/index.html", folder);
	snprintf(outside, sizeof(outside), "%s-outside", folder);
	snprintf(link_path, sizeof(link_path), "%s/link.txt", folder);
	CHECK(gs_file_write(path, GS_S("page"), NULL) && gs_file_write(outside, GS_S("secret"), NULL));
	CHECK(symlink(outside, link_path) == 0);
	CHECK(gs_asset_from_folder(folder, GS_S("/"), &b, &mime) && gs_str_eq(gs_buf_view(&b), GS_S("page")));
	CHECK(mime && strncmp(mime, "text/html", 9) == 0);
	b.n = 0;
	CHECK(!gs_asset_from_folder(folder, GS_S("/../etc/passwd"), &b, &mime));
	CHECK(!gs_asset_from_folder(folder, GS_S("/./index.html"), &b, &mime));
	CHECK(!gs_asset_from_folder(folder, GS_S("//index.html"), &b, &mime));
	CHECK(!gs_asset_from_folder(folder, GS_S("/link.txt"), &b, &mime));
	CHECK(!gs_asset_from_folder(folder, GS_S("/%2e%2e/x"), &b, &mime));
	CHECK(!gs_asset_from_folder(folder, GS_S("/-outside"), &b, &mime));
	CHECK(!gs_asset_from_folder(folder, GS_S(""), &b, &mime));
	CHECK_INT(b.n, 0);
	unlink(link_path);
	unlink(path);
	unlink(outside);
	rmdir(folder);
}

static bool has(const gs_answer *a, const char *text)
{
	return gs_str_has(gs_buf_view(&a->body), gs_str_of(text));
}

TEST(questions_without_a_network)
{
	gs_session *s = gs_session_create();
	gs_answer a;
	gs_op_pair pairs[2] = { { GS_S("doc"), GS_S("1") }, { GS_S("nonsense"), GS_S("1") } };

	gs_api_get(s, GS_S("/api/session"), NULL, 0, &a);
	CHECK(a.status == 200 && has(&a, "\"documents\":[]"));
	gs_answer_release(&a);
	gs_api_get(s, GS_S("/api/info"), NULL, 0, &a);
	CHECK(a.status == 404 && has(&a, "no document is open"));
	gs_answer_release(&a);
	gs_api_get(s, GS_S("/api/info"), pairs, 1, &a);
	CHECK(a.status == 404 && has(&a, "there is no document 1"));
	gs_answer_release(&a);
	gs_api_get(s, GS_S("/api/info"), pairs + 1, 1, &a);
	CHECK(a.status == 400 && has(&a, "nonsense"));
	gs_answer_release(&a);
	gs_api_get(s, GS_S("/api/"), NULL, 0, &a);
	CHECK_INT(a.status, 404);
	gs_answer_release(&a);
	gs_api_post(s, GS_S("/api/open"), GS_S("{\"path\":\"/nonexistent/x\"}"), &a);
	CHECK(a.status == 404 && has(&a, "/nonexistent/x"));
	gs_answer_release(&a);
	gs_api_post(s, GS_S("/api/open"), GS_S("{\"path\":1}"), &a);
	CHECK_INT(a.status, 400);
	gs_answer_release(&a);
	gs_api_post(s, GS_S("/api/open"), GS_S("[[[["), &a);
	CHECK_INT(a.status, 400);
	gs_answer_release(&a);
	gs_api_post(s, GS_S("/api/erase"), GS_S("{}"), &a);
	CHECK_INT(a.status, 404);
	gs_answer_release(&a);
	gs_session_free(s);
}

/* A trace that is being written, and who asks about it. */
typedef struct growing {
	gs_session *s;
	gs_file whole;
	char path[40];
	int fd;
} growing;

static bool grow_from(growing *g, size_t n)
{
	char body[80];
	gs_err err = { 0 };
	gs_answer a;
	bool ok;

	*g = (growing){ .s = gs_session_create(), .path = "/tmp/gospect-test-XXXXXX" };
	g->fd = mkstemp(g->path);
	ok = g->fd >= 0 && gs_file_read(tap_data("../fuzz/corpus/gotrace/go1.26-generations.trace"), 1 << 20, &g->whole, &err) &&
	     gs_fd_write(g->fd, gs_str_slice(g->whole.bytes, 0, n), &err);
	snprintf(body, sizeof(body), "{\"path\":\"%s\"}", g->path);
	gs_api_post(g->s, GS_S("/api/open"), gs_str_of(body), &a);
	ok = ok && a.status == 200 && has(&a, "\"documents\":[1]");
	gs_answer_release(&a);
	return ok;
}

static void grow_end(growing *g)
{
	close(g->fd);
	unlink(g->path);
	gs_file_close(&g->whole);
	gs_session_free(g->s);
}

/* As if it had been written to so long ago. */
static bool was_written(growing *g, int seconds_ago)
{
	struct timespec now, times[2];

	clock_gettime(CLOCK_REALTIME, &now);
	times[0] = times[1] = (struct timespec){ .tv_sec = now.tv_sec - seconds_ago };
	return futimens(g->fd, times) == 0;
}

static bool answers(growing *g, const char *body, const char *want)
{
	gs_answer a;
	bool ok;

	gs_api_post(g->s, GS_S("/api/open"), gs_str_of(body), &a);
	ok = a.status == 200 && has(&a, want);
	if (!ok)
		printf("# %s: %.*s\n", body, GS_FMT(gs_buf_view(&a.body)));
	gs_answer_release(&a);
	return ok;
}

TEST(a_file_that_has_grown_is_read_again_in_its_place)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	const gs_document *before, *after;
	gs_err err = { 0 };
	growing g;

	CHECK(grow_from(&g, 9000));
	CHECK(answers(&g, "{\"again\":1}", "\"documents\":[]"));
	before = gs_session_get(g.s, mem, 1);
	CHECK(before && before->timeline && before->timeline->is_cut);
	CHECK(gs_fd_write(g.fd, gs_str_skip(g.whole.bytes, 9000), &err));
	CHECK(answers(&g, "{\"again\":1}", "\"documents\":[1]"));
	after = gs_session_get(g.s, mem, 1);
	/* Who has the old one keeps it. */
	CHECK(before && after && after != before && !after->timeline->is_cut && after->timeline->n_events > before->timeline->n_events);
	CHECK(!gs_session_get(g.s, mem, 2));
	CHECK_INT(gs_session_changes(g.s), 1);
	gs_arena_free(mem);
	mem = NULL;
	grow_end(&g);
}

/* Where whole generations of the trace end, as lengths of the file at which one more is seen; how many. */
static unsigned ends_of(growing *g, size_t *ends, unsigned max)
{
	uint64_t at = 0;
	unsigned n = 0;

	for (size_t size = 0; size <= g->whole.bytes.n && n < max; size++) {
		uint64_t now = gs_gotrace_whole_until(g->path, at, size);

		if (now > at)
			ends[n++] = size;
		at = now > at ? now : at;
	}
	return n;
}

TEST(following_reads_when_a_generation_is_whole)
{
	size_t ends[64], at;
	gs_err err = { 0 };
	unsigned n;
	growing g;

	CHECK(grow_from(&g, SIZE_MAX));
	n = ends_of(&g, ends, 64);
	CHECK_INT(n, 7); /* as gs_gotrace_read counts them */
	grow_end(&g);
	CHECK(grow_from(&g, at = ends[0] + 100));
	CHECK(was_written(&g, -3600)); /* never settled */
	for (unsigned i = 1; i < n; i++) {
		CHECK(gs_fd_write(g.fd, gs_str_slice(g.whole.bytes, at, ends[i] - 1), &err) && was_written(&g, -3600));
		CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"documents\":[]"));
		CHECK(gs_fd_write(g.fd, gs_str_slice(g.whole.bytes, ends[i] - 1, at = ends[i] + (i + 1 < n ? 100 : 0)), &err) && was_written(&g, -3600));
		CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"documents\":[1]"));
		CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"documents\":[]"));
	}
	CHECK(gs_fd_write(g.fd, gs_str_skip(g.whole.bytes, at), &err) && was_written(&g, 3));
	/* Nobody writes any more: whatever is there is read, and a while later it is the end. */
	CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"is_over\":false"));
	CHECK(was_written(&g, 30));
	CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"is_over\":true"));
	grow_end(&g);
}

TEST(following_waits_longer_for_what_is_cut)
{
	gs_err err = { 0 };
	growing g;

	CHECK(grow_from(&g, 9000));
	CHECK(was_written(&g, 30));
	CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"is_over\":false"));
	CHECK(was_written(&g, 300));
	CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"is_over\":true"));
	/* Begun again: only once it has settled. */
	CHECK(ftruncate(g.fd, 0) == 0 && lseek(g.fd, 0, SEEK_SET) == 0 && gs_fd_write(g.fd, gs_str_slice(g.whole.bytes, 0, 8000), &err) && was_written(&g, -3600));
	CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"documents\":[]"));
	CHECK(was_written(&g, 3));
	CHECK(answers(&g, "{\"again\":1,\"follow\":true}", "\"documents\":[1]"));
	CHECK(unlink(g.path) == 0);
	gs_answer a;
	gs_api_post(g.s, GS_S("/api/open"), GS_S("{\"again\":1}"), &a);
	CHECK_INT(a.status, 404);
	gs_answer_release(&a);
	grow_end(&g);
}

TEST(a_closed_document_is_gone_and_the_others_keep_their_numbers)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_session *s = gs_session_create();
	unsigned ids[1], n;
	gs_err err = { 0 };
	const gs_document *held;
	gs_answer a;

	for (unsigned i = 0; i < 3; i++)
		CHECK(gs_session_open(s, gs_str_of(tap_data("data/go1.22/cpu.pprof")), &(gs_open_options){ 0 }, NULL, ids, 1, &n, NULL, &err) && ids[0] == i + 1);
	held = gs_session_get(s, mem, 1);
	gs_api_post(s, GS_S("/api/close"), GS_S("{\"doc\":1}"), &a);
	CHECK_INT(a.status, 200);
	gs_answer_release(&a);
	CHECK(held && held->profile->n_samples > 0);
	CHECK(!gs_session_get(s, mem, 1) && gs_session_get(s, mem, 2) && gs_session_get(s, mem, 3));
	CHECK(gs_session_first(s, mem) == gs_session_get(s, mem, 2));
	gs_api_get(s, GS_S("/api/info"), NULL, 0, &a); /* without a number: the first that is open */
	CHECK_INT(a.status, 200);
	gs_answer_release(&a);
	gs_api_post(s, GS_S("/api/close"), GS_S("{\"doc\":1}"), &a);
	CHECK_INT(a.status, 404);
	gs_answer_release(&a);
	CHECK(gs_session_close(s, 3, &err) && gs_session_close(s, 2, &err) && !gs_session_first(s, mem));
	CHECK(gs_session_open(s, gs_str_of(tap_data("data/go1.22/cpu.pprof")), &(gs_open_options){ 0 }, NULL, ids, 1, &n, NULL, &err) && ids[0] == 4);
	gs_arena_free(mem);
	mem = NULL;
	gs_session_free(s);
}

/* Answers are finished with what they began with: for the sanitizers. */
typedef struct asking {
	gs_session *s;
	_Atomic bool is_over;
	_Atomic unsigned answered;
} asking;

static void *ask(void *ctx)
{
	static const char *const paths[] = { "/api/flame", "/api/lanes", "/api/top", "/api/session" };
	gs_op_pair doc = { GS_S("doc"), GS_S("1") };
	asking *x = ctx;

	for (unsigned i = 0; !x->is_over; i++) {
		gs_answer a;

		gs_api_get(x->s, gs_str_of(paths[i % 4]), &doc, i % 4 == 3 ? 0 : 1, &a);
		if (a.status == 200)
			x->answered++;
		else if (a.status != 404)
			abort();
		gs_answer_release(&a);
	}
	return NULL;
}

TEST(documents_are_replaced_and_closed_while_they_are_asked_about)
{
	gs_err err = { 0 };
	pthread_t threads[3];
	gs_again again;
	asking x;
	growing g;

	CHECK(grow_from(&g, 9000));
	x = (asking){ .s = g.s };
	for (unsigned i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, ask, &x) == 0);
	for (unsigned i = 0; i < 8; i++) {
		unsigned before = x.answered;

		CHECK(gs_fd_write(g.fd, gs_str_slice(g.whole.bytes, 9000 + i * 1000, 10000 + i * 1000), &err));
		CHECK(gs_session_again(g.s, 1, false, &again, &err) && again.is_replaced);
		while (x.answered < before + 5)
			usleep(1000);
	}
	CHECK(gs_session_close(g.s, 1, &err));
	x.is_over = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	grow_end(&g);
}
