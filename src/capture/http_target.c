/* Addresses as people type them. */
#include "capture/http.h"

#include <ctype.h>
#include <curl/curl.h>

#include "base/library.h"
#include "base/banned.h"

static const char *const known[] = { "profile", "heap",	 "allocs",	 "block",	  "mutex", "goroutine",
				     "trace",	"symbol", "threadcreate", "goroutineleak", "cmdline" };

static bool is_known(gs_str name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (gs_str_eq(name, gs_str_of(known[i])))
			return true;
	return false;
}

static bool is_digits(gs_str s)
{
	uint64_t v;

	return s.n > 0 && s.n <= 5 && gs_str_u64(s, 10, &v) && v > 0 && v <= UINT16_MAX;
}

bool gs_http_target_like(gs_str text)
{
	gs_str rest = text;
	size_t slash, colon;

	if (gs_str_has(text, GS_S("://")) || gs_str_starts(text, GS_S("unix:")))
		return true;
	slash = gs_str_find_char(text, '/');
	if (slash == 0)
		return false;
	rest = gs_str_slice(text, 0, slash);
	colon = gs_str_rfind_char(rest, ':');
	return colon != SIZE_MAX && is_digits(gs_str_skip(rest, colon + 1));
}

/* Path and query of one URL decide: a base to look below, or one profile. */
static void take_path(gs_arena *mem, gs_str origin, gs_str path, gs_str query, gs_http_target *out)
{
	size_t slash = gs_str_rfind_char(path, '/');
	gs_str last = slash == SIZE_MAX ? path : gs_str_skip(path, slash + 1);

	if (path.n == 0 || gs_str_eq(path, GS_S("/"))) {
		out->base = gs_strf(mem, "%.*s/debug/pprof/", GS_FMT(origin));
	} else if (is_known(last) || query.n) {
		out->single = gs_strf(mem, "%.*s%.*s%s%.*s", GS_FMT(origin), GS_FMT(path), query.n ? "?" : "",
				      GS_FMT(query));
		out->kind = last;
		out->base = gs_strf(mem, "%.*s%.*s", GS_FMT(origin), GS_FMT(gs_str_slice(path, 0, slash + 1)));
	} else {
		out->base = gs_strf(mem, "%.*s%.*s%s", GS_FMT(origin), GS_FMT(path), last.n ? "/" : "");
	}
}

static bool parse_unix(gs_arena *mem, gs_str text, gs_http_target *out, gs_err *err)
{
	gs_str at = gs_str_skip(text, 5), path = { 0 }, query;
	size_t cut;

	if (gs_str_starts(at, GS_S("///")))
		at = gs_str_skip(at, 2);
	cut = gs_str_find(at, GS_S(":/"));
	if (cut != SIZE_MAX) {
		path = gs_str_skip(at, cut + 1);
		at = gs_str_slice(at, 0, cut);
	}
	if (at.n < 2 || at.n > 4096 || memchr(at.p, 0, at.n))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s: expected unix:/path/of.sock or unix:/path/of.sock:/debug/pprof/heap", GS_FMT(text));
	out->unix_path = gs_str_dup(mem, at);
	out->host = out->unix_path;
	out->is_loopback = true;
	(void)gs_str_cut(path, '?', &path, &query);
	take_path(mem, GS_S("http://localhost"), path, query, out);
	return true;
}

static gs_str url_part(gs_arena *mem, CURLU *u, CURLUPart what)
{
	char *s = NULL;
	gs_str r = { 0 };

	if (curl_url_get(u, what, &s, 0) == CURLUE_OK && s)
		r = gs_str_dup(mem, gs_str_of(s));
	curl_free(s);
	return r;
}

static bool is_loopback_host(gs_str host)
{
	return gs_str_eq(host, GS_S("localhost")) || gs_str_starts(host, GS_S("127.")) ||
	       gs_str_eq(host, GS_S("[::1]")) || gs_str_ends(host, GS_S(".localhost"));
}

bool gs_http_target_parse(gs_arena *mem, gs_str text, gs_http_target *out, gs_err *err)
{
	gs_str insecure = GS_S("https+insecure://"), full = text, scheme, host, port, user, password;
	CURLU *u;
	CURLUcode rc;

	*out = (gs_http_target){ 0 };
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return gs_fail(err, GS_ERR_USAGE, i, "an address has no spaces or control characters");
	if (text.n > 8192)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "this address is too long");
	if (gs_str_starts(text, GS_S("unix:")))
		return parse_unix(mem, text, out, err);
	if (gs_str_starts(text, insecure)) {
		out->is_insecure = true;
		full = gs_strf(mem, "https://%.*s", GS_FMT(gs_str_skip(text, insecure.n)));
	} else if (gs_str_starts(text, GS_S(":")) || is_digits(text)) {
		full = gs_strf(mem, "http://localhost%s%.*s", text.p[0] == ':' ? "" : ":", GS_FMT(text));
	} else if (!gs_str_has(text, GS_S("://"))) {
		full = gs_strf(mem, "http://%.*s", GS_FMT(text));
	}
	if (!gs_library_load(GS_LIBRARY_CURL, err))
		return false;
	u = curl_url();
	if (!u)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	rc = curl_url_set(u, CURLUPART_URL, gs_cstr(mem, full), 0);
	if (rc != CURLUE_OK) {
		curl_url_cleanup(u);
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is not an address: %s", GS_FMT(text),
			       curl_url_strerror(rc));
	}
	scheme = url_part(mem, u, CURLUPART_SCHEME);
	host = url_part(mem, u, CURLUPART_HOST);
	port = url_part(mem, u, CURLUPART_PORT);
	user = url_part(mem, u, CURLUPART_USER);
	password = url_part(mem, u, CURLUPART_PASSWORD);
	if (!gs_str_eq(scheme, GS_S("http")) && !gs_str_eq(scheme, GS_S("https"))) {
		curl_url_cleanup(u);
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s: only http, https, https+insecure and unix addresses are known", GS_FMT(text));
	}
	out->is_tls = scheme.n == 5;
	out->is_loopback = is_loopback_host(host);
	out->host = port.n ? gs_strf(mem, "%.*s:%.*s", GS_FMT(host), GS_FMT(port)) : host;
	if (user.n || password.n) {
		char *plain_user = curl_unescape(gs_cstr(mem, user), (int)user.n);
		char *plain_password = curl_unescape(gs_cstr(mem, password), (int)password.n);

		out->user = gs_strf(mem, "%s:%s", plain_user ? plain_user : "", plain_password ? plain_password : "");
		curl_free(plain_user);
		curl_free(plain_password);
	}
	take_path(mem, gs_strf(mem, "%.*s://%.*s", GS_FMT(scheme), GS_FMT(out->host)), url_part(mem, u, CURLUPART_PATH),
		  url_part(mem, u, CURLUPART_QUERY), out);
	curl_url_cleanup(u);
	return true;
}

static bool is_file_name(gs_str s)
{
	if (s.n == 0 || s.n > 64 || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      c == '.'))
			return false;
	}
	return true;
}

bool gs_pprof_index_parse(gs_str html, gs_str *names, unsigned max, unsigned *n)
{
	gs_str href = GS_S("href='"), href2 = GS_S("href=\"");

	*n = 0;
	if (!gs_str_has(html, GS_S("/debug/pprof/")) ||
	    (!gs_str_has(html, GS_S("Types of profiles available")) && !gs_str_has(html, GS_S("full goroutine stack dump"))))
		return false;
	while (html.n) {
		size_t a = gs_str_find(html, href), b = gs_str_find(html, href2), at = a < b ? a : b, end;
		gs_str link, query;
		bool is_new = true;

		if (at == SIZE_MAX)
			break;
		html = gs_str_skip(html, at + href.n);
		end = gs_str_find_char(html, a < b ? '\'' : '"');
		if (end == SIZE_MAX)
			break;
		link = gs_str_slice(html, 0, end);
		html = gs_str_skip(html, end);
		if (gs_str_starts(link, GS_S("/debug/pprof/")))
			link = gs_str_skip(link, 13);
		(void)gs_str_cut(link, '?', &link, &query);
		for (unsigned i = 0; i < *n; i++)
			is_new &= !gs_str_eq(names[i], link);
		if (is_new && is_file_name(link) && *n < max)
			names[(*n)++] = link;
	}
	return true;
}

/* "<td>50003</td><td><a href='goroutine?debug=1'>", and "<td align=right>50003<td>..." before Go 1.11. */
uint64_t gs_pprof_index_goroutines(gs_str html)
{
	size_t at = gs_str_find(html, GS_S("<a href='goroutine?debug=1'"));
	gs_str cell = at == SIZE_MAX ? (gs_str){ 0 } : gs_str_slice(html, at > 64 ? at - 64 : 0, at);
	uint64_t n = 0;
	size_t end, begin;

	for (end = cell.n; end && !isdigit((unsigned char)cell.p[end - 1]); end--)
		if (cell.p[end - 1] == '\n')
			return 0;
	for (begin = end; begin && isdigit((unsigned char)cell.p[begin - 1]);)
		begin--;
	return gs_str_u64(gs_str_slice(cell, begin, end), 10, &n) ? n : 0;
}
