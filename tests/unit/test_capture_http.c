#include "capture/http.h"
#include "capture/http_profile.h"
#include "tap.h"

static gs_http_target parse(gs_arena *mem, const char *text)
{
	gs_http_target t;
	gs_err err = { 0 };

	CHECK(gs_http_target_parse(mem, gs_str_of(text), &t, &err));
	return t;
}

TEST(addresses)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_http_target t = parse(mem, "localhost:6060");

	CHECK_STR(t.base, GS_S("http://localhost:6060/debug/pprof/"));
	CHECK(t.is_loopback && !t.is_tls && !t.single.n);
	t = parse(mem, ":6060");
	CHECK_STR(t.base, GS_S("http://localhost:6060/debug/pprof/"));
	t = parse(mem, "http://h:1/debug/pprof");
	CHECK_STR(t.base, GS_S("http://h:1/debug/pprof/"));
	CHECK(!t.is_loopback);
	t = parse(mem, "http://h:1/debug/pprof/");
	CHECK_STR(t.base, GS_S("http://h:1/debug/pprof/"));
	t = parse(mem, "http://h:1/custom/place");
	CHECK_STR(t.base, GS_S("http://h:1/custom/place/"));
	t = parse(mem, "https://h/debug/pprof/heap");
	CHECK_STR(t.single, GS_S("https://h/debug/pprof/heap"));
	CHECK_STR(t.kind, GS_S("heap"));
	CHECK(t.is_tls && !t.is_insecure);
	t = parse(mem, "http://h:1/debug/pprof/profile?seconds=5");
	CHECK_STR(t.single, GS_S("http://h:1/debug/pprof/profile?seconds=5"));
	CHECK_STR(t.kind, GS_S("profile"));
	t = parse(mem, "https+insecure://[::1]:8443");
	CHECK_STR(t.base, GS_S("https://[::1]:8443/debug/pprof/"));
	CHECK(t.is_insecure && t.is_tls && t.is_loopback);
}

TEST(address_with_a_password_does_not_show_it)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_http_target t = parse(mem, "http://ann:s%20cret@h:1/debug/pprof/heap");

	CHECK_STR(t.user, GS_S("ann:s cret"));
	CHECK_STR(t.single, GS_S("http://h:1/debug/pprof/heap"));
	CHECK(!gs_str_has(t.base, GS_S("cret")) && !gs_str_has(t.host, GS_S("ann")));
}

TEST(unix_addresses)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_http_target t = parse(mem, "unix:/run/app.sock");

	CHECK_STR(t.unix_path, GS_S("/run/app.sock"));
	CHECK_STR(t.base, GS_S("http://localhost/debug/pprof/"));
	t = parse(mem, "unix:///run/app.sock:/debug/pprof/heap");
	CHECK_STR(t.unix_path, GS_S("/run/app.sock"));
	CHECK_STR(t.single, GS_S("http://localhost/debug/pprof/heap"));
	t = parse(mem, "unix:@name");
	CHECK_STR(t.unix_path, GS_S("@name"));
}

TEST(addresses_that_are_none)
{
	static const char *const rows[] = { "ftp://h/x", "http://", "http://h:99999", "unix:", "http://a b", "file:///etc/passwd", "http://h\n" };
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_http_target t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gs_err err = { 0 };

		CHECK(!gs_http_target_parse(mem, gs_str_of(rows[i]), &t, &err));
		CHECK_INT(err.code, GS_ERR_USAGE);
	}
}

TEST(what_looks_like_an_address)
{
	static const char *const yes[] = { "localhost:6060", ":6060", "http://x", "unix:/x", "10.0.0.1:80/debug/pprof/heap", "[::1]:80" };
	static const char *const no[] = { "shop", "1234", "my-app", "/usr/bin/shop", "a:b", "example.com/shop/cmd", "x:99999999" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		CHECK(gs_http_target_like(gs_str_of(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		CHECK(!gs_http_target_like(gs_str_of(no[i])));
}

TEST(index_page)
{
	gs_str page = GS_S("<html>\n<head>\n<title>/debug/pprof/</title>\n</head>\n<body>\n/debug/pprof/\n<br>\n<p>Set debug=1</p>\n"
			   "Types of profiles available:\n<table>\n<tr><td>18</td><td><a href='allocs?debug=1'>allocs</a></td></tr>"
			   "<tr><td>0</td><td><a href='heap?debug=1'>heap</a></td></tr>"
			   "<tr><td>0</td><td><a href='../../etc/passwd?debug=1'>x</a></td></tr>"
			   "<tr><td>0</td><td><a href='.hidden'>x</a></td></tr>"
			   "<tr><td>0</td><td><a href='heap'>again</a></td></tr>"
			   "<tr><td>0</td><td><a href='my.queue_1'>own</a></td></tr>\n"
			   "<a href=\"goroutine?debug=2\">full goroutine stack dump</a>\n</body>\n</html>");
	gs_str names[8];
	unsigned n;

	CHECK(gs_pprof_index_parse(page, names, 8, &n));
	CHECK_INT(n, 4);
	CHECK_STR(names[0], GS_S("allocs"));
	CHECK_STR(names[1], GS_S("heap"));
	CHECK_STR(names[2], GS_S("my.queue_1"));
	CHECK_STR(names[3], GS_S("goroutine"));
	CHECK(gs_pprof_index_parse(page, names, 1, &n));
	CHECK_INT(n, 1);
	CHECK(!gs_pprof_index_parse(GS_S("<html>404 /debug/pprof/ not found</html>"), names, 8, &n));
}

TEST(goroutines_of_an_index_page)
{
	CHECK_INT(gs_pprof_index_goroutines(GS_S("<tr><td>18</td><td><a href='allocs?debug=1'>allocs</a></td></tr>\n"
						 "<tr><td>50003</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>\n")), 50003);
	CHECK_INT(gs_pprof_index_goroutines(GS_S("<tr><td align=right>7<td><a href='goroutine?debug=1'>goroutine</a>\n")), 7);
	CHECK_INT(gs_pprof_index_goroutines(GS_S("<td>18</td>\n<a href='goroutine?debug=1'>goroutine</a>")), 0);
	CHECK_INT(gs_pprof_index_goroutines(GS_S("99999999999999999999999<a href='goroutine?debug=1'>goroutine</a>")), 0);
	CHECK_INT(gs_pprof_index_goroutines(GS_S("<a href='goroutine?debug=1'>")), 0);
}

TEST(lists_of_kinds)
{
	CHECK(gs_only_has((gs_str){ 0 }, GS_S("heap")));
	CHECK(gs_only_has(GS_S("cpu, heap"), GS_S("heap")));
	CHECK(gs_only_has(GS_S("profile"), GS_S("cpu")));
	CHECK(!gs_only_has(GS_S("cpu,heap"), GS_S("hea")));
}

TEST(nothing_listens)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_http_target t = parse(mem, "127.0.0.1:1");
	gs_http_request r = { .to = &t, .url = t.base, .timeout_ns = 2000000000, .max_bytes = 1000, .fd = -1 };

	gs_http_run(&r, 1, 1, NULL, 0, NULL);
	CHECK_INT(r.err.code, GS_ERR_MISSING);
	CHECK(strstr(r.err.text, "nothing listens") != NULL);
	gs_buf_release(&r.body);
}

TEST(secrets_stay_off_plain_networks)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_http_target t = parse(mem, "http://example.invalid:1/debug/pprof/heap");
	gs_http_auth auth = { .bearer = GS_S("token") };
	gs_http_request r = { .to = &t, .url = t.single, .timeout_ns = 2000000000, .max_bytes = 1000, .fd = -1 };

	gs_http_run(&r, 1, 1, &auth, 0, NULL);
	CHECK_INT(r.err.code, GS_ERR_USAGE);
	gs_buf_release(&r.body);
}
