/* From the words of a `gospect pprof` line to one profile: read or fetch, merge, subtract the base, symbolize. */
#include "app/pprof/pprof.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/names.h"
#include "app/open.h"
#include "base/demangle.h"
#include "base/gzip.h"
#include "capture/http.h"
#include "load/merge.h"
#include "present/pprof_write.h"

#include "base/banned.h"

/* A URL with pprof's defaults: a bare host means the CPU profile, -seconds goes into the query. */
static gs_str adjust_url(gs_pprofcmd *p, gs_str url, int64_t *timeout_s)
{
	gs_str head, query, out = url;
	bool has_query = gs_str_cut(url, '?', &head, &query);
	size_t host = gs_str_find(head, GS_S("://")), path;
	int64_t seconds = p->seconds > 0 ? p->seconds : 0;
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 16);
	if (host == SIZE_MAX)
		gs_buf_z(&b, "http://");
	gs_buf_str(&b, head);
	path = gs_str_find_char(gs_str_skip(head, host == SIZE_MAX ? 0 : host + 3), '/');
	if (path == SIZE_MAX)
		gs_buf_z(&b, "/debug/pprof/profile");
	else if (path + 1 + (host == SIZE_MAX ? 0 : host + 3) == head.n)
		gs_buf_z(&b, "debug/pprof/profile");
	if (has_query || seconds) {
		gs_str rest = has_query ? query : (gs_str){ 0 }, one;
		char separator = '?';

		while (rest.n) {
			gs_str_cut(rest, '&', &one, &rest);
			if (gs_str_starts(one, GS_S("seconds="))) {
				if (seconds)
					continue;
				gs_str_i64(gs_str_skip(one, 8), &seconds);
			}
			gs_buf_f(&b, "%c%.*s", separator, GS_FMT(one));
			separator = '&';
		}
		if (p->seconds > 0)
			gs_buf_f(&b, "%cseconds=%lld", separator, (long long)p->seconds);
	}
	*timeout_s = p->timeout > 0 ? p->timeout : seconds > 0 ? seconds + seconds / 2 : 60;
	out = gs_str_dup(p->mem, gs_buf_view(&b));
	return out;
}

static gs_document *fetch_url(gs_pprofcmd *p, gs_str source, gs_err *err)
{
	gs_http_target target;
	gs_http_request request = { .to = &target, .max_bytes = (uint64_t)4 << 30, .fd = -1 };
	gs_document *doc = NULL;
	int64_t timeout_s;
	gs_str url = adjust_url(p, source, &timeout_s);

	if (p->tls.cert_file.n && !p->tls.key_file.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "-tls_cert is specified, so -tls_key must also be specified"), NULL;
	if (p->tls.key_file.n && !p->tls.cert_file.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "-tls_key is specified, so -tls_cert must also be specified"), NULL;
	if (!gs_http_target_parse(p->mem, url, &target, err))
		return NULL;
	request.url = target.single.n ? target.single : url;
	request.timeout_ns = (timeout_s + 5) * 1000000000;
	gs_pprofcmd_note(p, "Fetching profile over HTTP from %.*s", GS_FMT(url));
	if (p->seconds > 0)
		gs_pprofcmd_note(p, "Please wait... (%llds)", (long long)p->seconds);
	gs_http_run(&request, 1, 1, &p->tls, 0, NULL);
	if (request.err.code != GS_ERR_NONE)
		*err = request.err;
	else if (request.status != 200)
		gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "server response: %ld%s%.*s", request.status,
			request.is_go_pprof ? " - " : "",
			GS_FMT(request.is_go_pprof ? gs_str_trim(gs_buf_view(&request.body)) : GS_S("")));
	else
		doc = gs_load_bytes(gs_buf_view(&request.body), url, &(gs_load_options){ 0 }, NULL, err);
	gs_buf_release(&request.body);
	return doc;
}

/* All mappings from the command line's binary, and a mapping for profiles that have none. */
static void locate(gs_pprofcmd *p, gs_profile *q)
{
	if (q->n_mappings < 2) {
		gs_mapping *m = gs_new(q->mem, gs_mapping, 2);

		m[1].file_id = 1;
		q->mappings = m;
		q->n_mappings = 2;
		for (uint32_t i = 1; i < q->n_locations; i++)
			q->locations[i].mapping = 1;
	}
	if (p->exec_name.n)
		q->mappings[1].file = gs_strtab_id(&q->strings, p->exec_name);
	if (p->build_id.n && !q->mappings[1].build_id)
		q->mappings[1].build_id = gs_strtab_id(&q->strings, p->build_id);
}

static gs_document *open_source(gs_pprofcmd *p, gs_str source, bool *is_remote, gs_err *err)
{
	const char *path = gs_cstr(p->mem, source);
	struct stat st;
	gs_document *doc;

	*is_remote = false;
	if (stat(path, &st) == 0 && (S_ISDIR(st.st_mode) || gs_load_is_archive(path))) {
		GS_AUTO(documents) docs = { 0 };

		/* A capture: its CPU profile. */
		if (!gs_open_source(source, &(gs_open_options){ 0 }, NULL, &docs, NULL, err) ||
		    !gs_documents_choose(&docs, 0, (gs_str){ 0 }, (gs_str){ 0 }, 0, err))
			return NULL;
		doc = docs.list[0];
		docs.n = 0;
	} else if (stat(path, &st) == 0 || strcmp(path, "-") == 0 || !gs_http_target_like(source)) {
		doc = gs_load_file(path, &(gs_load_options){ 0 }, NULL, err);
	} else {
		doc = fetch_url(p, source, err);
		*is_remote = true;
	}
	if (doc)
		locate(p, doc->profile);
	return doc;
}

static unsigned open_all(gs_pprofcmd *p, const gs_str *sources, unsigned n, gs_document **out, bool *is_remote)
{
	unsigned opened = 0;

	for (unsigned i = 0; i < n; i++) {
		gs_err err = { 0 };
		bool remote;

		out[opened] = open_source(p, sources[i], &remote, &err);
		if (!out[opened]) {
			gs_pprofcmd_note(p, "%.*s: %s", GS_FMT(sources[i]), err.text);
			continue;
		}
		*is_remote = *is_remote || remote;
		opened++;
	}
	return opened;
}

/* Remove what is between matching brackets, as pprof does to names that look like C++ without being mangled. */
static gs_str remove_matching(gs_arena *mem, gs_str name, char open, char close)
{
	char *s = gs_cstr(mem, name);
	size_t n = name.n, first = 0;
	int nesting = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == open && nesting++ == 0) {
			first = i;
		} else if (s[i] == close) {
			if (--nesting < 0)
				return (gs_str){ s, n };
			if (nesting == 0) {
				memmove(s + first, s + i + 1, n - i - 1);
				n -= i + 1 - first;
				i = first - 1;
			}
		}
	}
	return (gs_str){ s, n };
}

/* Names that are no mangled ones but look like C++ lose the same parts. */
static gs_str simplify(gs_pprofcmd *p, gs_str name, gs_demangle_style style)
{
	bool looks_like_it = gs_str_has(name, GS_S("::"));

	for (size_t k = 0; k < name.n && !looks_like_it; k++)
		looks_like_it = name.p[k] == '<' || name.p[k] == '>' || name.p[k] == '[' || name.p[k] == ']';
	if (!looks_like_it || gs_str_has(name, GS_S(".<")) || gs_str_has(name, GS_S("]).")))
		return name;
	if (style != GS_DEMANGLE_FULL)
		name = remove_matching(p->mem, name, '(', ')');
	return style == GS_DEMANGLE_SHORT ? remove_matching(p->mem, name, '<', '>') : name;
}

/* `is_forced`: those that have a readable name get it anew. */
static void demangle_names(gs_pprofcmd *p, gs_profile *q, gs_demangle_style style, bool is_forced)
{
	GS_AUTO(buf) text = { 0 };

	gs_buf_init(&text, 1 << 14);
	for (uint32_t i = 1; i < q->n_functions; i++) {
		gs_function *f = &q->functions[i];
		gs_str name = gs_profile_str(q, f->system_name), seen;

		if (f->name && f->name != f->system_name && !(is_forced && f->system_name))
			continue;
		/* Darwin puts one more underscore in front. */
		if (gs_demangle(&text, name, style) || (gs_str_starts(name, GS_S("_")) && gs_demangle(&text, gs_str_skip(name, 1), style)))
			seen = gs_buf_view(&text);
		else
			seen = simplify(p, name, style);
		if (!gs_str_eq(seen, gs_profile_str(q, f->name)))
			f->name = gs_strtab_id(&q->strings, seen);
	}
}

static void restore_names(gs_profile *q)
{
	for (uint32_t i = 1; i < q->n_functions; i++)
		if (q->functions[i].name && q->functions[i].system_name)
			q->functions[i].name = q->functions[i].system_name;
}

static bool wants_symbols(const gs_profile *q)
{
	uint8_t has[2] = { 0 };

	for (uint32_t i = 1; i < q->n_locations; i++) {
		const gs_mapping *m = &q->mappings[q->locations[i].mapping];

		has[m->has_functions || m->has_filenames || m->has_line_numbers] = 1;
	}
	return has[0] && !has[1];
}

static bool symbolize(gs_pprofcmd *p, gs_err *err)
{
	gs_profile *q = p->doc->profile;
	gs_symbolized result = { 0 };
	gs_str mode = p->symbolize, one;
	gs_demangle_style style = GS_DEMANGLE_SHORT;
	bool is_forced = false, keeps_mangled = false;

	p->symbolizer = gs_symbolizer_create(&(gs_symbolizer_options){ 0 });
	while (mode.n) {
		gs_str_cut(mode, ':', &one, &mode);
		if (gs_str_eq(one, GS_S("none")) || gs_str_eq(one, GS_S("no")))
			return true;
		is_forced |= gs_str_eq(one, GS_S("force"));
		keeps_mangled |= gs_str_eq(one, GS_S("demangle=none"));
		if (gs_str_eq(one, GS_S("demangle=full")))
			style = GS_DEMANGLE_FULL;
		else if (gs_str_eq(one, GS_S("demangle=templates")))
			style = GS_DEMANGLE_TEMPLATES;
	}
	is_forced |= keeps_mangled || style != GS_DEMANGLE_SHORT;
	if (wants_symbols(q)) {
		gs_str rest, line;
		const gs_profile *with;

		with = gs_profile_symbolize(p->doc->mem, q, p->symbolizer, &result, err);
		rest = gs_buf_view(&result.notes);
		while (gs_str_line(&rest, &line))
			gs_pprofcmd_note(p, "%.*s", GS_FMT(line));
		gs_buf_release(&result.notes);
		if (!with)
			return false;
		if (with != q) {
			/* It lives in the document's arena and is nobody else's. */
			p->doc->profile = gs_new(p->doc->mem, gs_profile, 1);
			memcpy(p->doc->profile, with, sizeof(*with));
			is_forced = true; /* these names are ours */
		}
	}
	if (keeps_mangled)
		restore_names(p->doc->profile);
	else
		demangle_names(p, p->doc->profile, style, is_forced);
	return true;
}

int gs_pprofcmd_temp_file(gs_arena *mem, const char *dir, const char *prefix, const char *suffix, const char **name,
		       gs_err *err)
{
	for (int i = 1; i < 10000; i++) {
		gs_str path = gs_strf(mem, "%s%s%s%03d%s", dir, dir[0] ? "/" : "", prefix, i, suffix);
		int fd = open(path.p, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

		*name = path.p;
		if (fd >= 0)
			return fd;
		if (errno != EEXIST) {
			gs_fail_errno(err, errno, "cannot create", path.p);
			return -1;
		}
	}
	gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "could not create file of the form %s%03d%s", prefix, 1, suffix);
	return -1;
}

/* What came over the network is kept, as pprof does. */
static void save(gs_pprofcmd *p)
{
	const gs_profile *q = p->doc->profile;
	const char *tmp = getenv("PPROF_TMPDIR"), *home = getenv("HOME"), *name;
	gs_str dir = tmp && *tmp ? gs_str_of(tmp) :
		     home && *home ? gs_strf(p->mem, "%s/pprof", home) :
				     GS_S("/tmp");
	gs_str file = gs_profile_str(q, q->mappings[1].file);
	GS_AUTO(buf) prefix = { 0 };
	GS_AUTO(buf) bytes = { 0 };
	GS_AUTO(buf) packed = { 0 };
	gs_err err = { 0 };
	int fd;

	if (mkdir(gs_cstr(p->mem, dir), 0755) && errno != EEXIST)
		dir = GS_S("/tmp");
	gs_buf_init(&prefix, 4096);
	gs_buf_init(&bytes, (size_t)8 << 30);
	gs_buf_init(&packed, (size_t)8 << 30);
	gs_buf_z(&prefix, "pprof.");
	if (file.n)
		gs_buf_f(&prefix, "%.*s.", GS_FMT(gs_path_base(file)));
	for (uint32_t t = 0; t < q->n_types; t++)
		gs_buf_f(&prefix, "%.*s.", GS_FMT(gs_profile_str(q, q->types[t].type)));
	for (size_t i = 0; i < prefix.n; i++)
		if (prefix.p[i] == '/')
			prefix.p[i] = '_';
	gs_buf_c(&prefix, 0);
	gs_pprof_write(&bytes, q, NULL);
	gs_gzip(&packed, gs_buf_view(&bytes), 6);
	fd = gs_pprofcmd_temp_file(p->mem, gs_cstr(p->mem, dir), prefix.p, ".pb.gz", &name, &err);
	if (fd >= 0 && gs_fd_write(fd, gs_buf_view(&packed), &err))
		gs_pprofcmd_note(p, "Saved profile in %s", name);
	else
		gs_pprofcmd_note(p, "Could not save profile: %s", err.text);
	if (fd >= 0)
		close(fd);
}

static void add_comment(gs_pprofcmd *p)
{
	gs_profile *q = p->doc->profile;
	uint32_t *comments = gs_new(q->mem, uint32_t, q->n_comments + 1);

	if (!p->comment.n)
		return;
	if (q->n_comments)
		memcpy(comments, q->comments, q->n_comments * sizeof(*comments));
	comments[q->n_comments] = gs_strtab_id(&q->strings, p->comment);
	q->comments = comments;
	q->n_comments++;
}

enum { MANY = 16 };

/* Many plain files are added up one after the other, so that they are never in memory all at once. */
static bool are_many_files(const gs_pprofcmd *p)
{
	struct stat st;

	if (p->n_sources <= MANY || p->exec_name.n || p->build_id.n)
		return false;
	for (unsigned i = 0; i < p->n_sources; i++)
		if (stat(gs_cstr(p->mem, p->sources[i]), &st) || !S_ISREG(st.st_mode))
			return false;
	return true;
}

static unsigned open_many(gs_pprofcmd *p, gs_document **out, gs_err *err)
{
	GS_AUTO(buf) skipped = { .max = 1 << 20 };
	unsigned n_skipped = 0;
	gs_str rest, line;

	*out = gs_merge_files(p->sources, p->n_sources, &(gs_load_options){ 0 }, NULL, &skipped, &n_skipped, err);
	rest = gs_buf_view(&skipped);
	while (gs_str_line(&rest, &line))
		gs_pprofcmd_note(p, "%.*s", GS_FMT(line));
	if (!*out)
		return 0;
	locate(p, (*out)->profile);
	if (n_skipped)
		gs_pprofcmd_note(p, "Fetched %u source profiles out of %u", p->n_sources - n_skipped, p->n_sources);
	return 1;
}

bool gs_pprofcmd_fetch(gs_pprofcmd *p, gs_err *err)
{
	gs_document **docs = gs_new(p->mem, gs_document *, p->n_sources + 1), *base = NULL;
	bool is_remote = false, is_many = are_many_files(p), ok = true;
	unsigned n = is_many ? open_many(p, docs, err) : open_all(p, p->sources, p->n_sources, docs, &is_remote);
	unsigned n_bases = 0;

	if (n == 0 && is_many)
		return gs_err_context(err, "failed to fetch any source profiles");
	if (n == 0)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "failed to fetch any source profiles");
	if (n != p->n_sources && !is_many)
		gs_pprofcmd_note(p, "Fetched %u source profiles out of %u", n, p->n_sources);
	if (p->base.n) {
		n_bases = open_all(p, &p->base, 1, &base, &is_remote);
		if (!n_bases)
			ok = gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "failed to fetch any base profiles");
	}
	if (ok && n == 1 && !n_bases) {
		p->doc = docs[0];
		n = 0;
	} else if (ok) {
		gs_merge_options options = { .is_diff_base = p->is_diff_base, .normalize = p->config.query.normalize };

		p->doc = gs_merge_documents((const gs_document *const *)docs, n, (const gs_document *const *)&base,
					    n_bases, &options, err);
	}
	for (unsigned i = 0; i < n; i++)
		gs_document_close(docs[i]);
	gs_document_close(base);
	if (!p->doc || !symbolize(p, err))
		return false;
	add_comment(p);
	if (is_remote)
		save(p);
	return true;
}

void gs_pprofcmd_release(gs_pprofcmd *p)
{
	gs_symbolizer_free(p->symbolizer);
	gs_document_close(p->doc);
	p->symbolizer = NULL;
	p->doc = NULL;
}
