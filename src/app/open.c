#include "app/open.h"

#include "base/banned.h"
#include "base/file.h"

enum { MAX_INPUT_BYTES = INT64_C(64) << 30 };

void gs_documents_release(gs_documents *d)
{
	while (d->n)
		gs_document_close(d->p[--d->n]);
	free(d->p);
	*d = (gs_documents){ 0 };
}

gs_str gs_document_part(const gs_document *d)
{
	gs_str s = d->name;
	size_t slash = gs_str_rfind_char(s, '/');

	if (slash != SIZE_MAX)
		s = gs_str_skip(s, slash + 1);
	return gs_str_slice(s, 0, gs_str_find_char(s, '.'));
}

bool gs_open_source(gs_str source, const gs_progress *progress, gs_documents *out, gs_err *err)
{
	GS_AUTO(file) f = { 0 };
	char path[4096];

	(void)progress;
	(void)out;
	if (source.n >= sizeof(path))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "the name of an input is longer than %zu bytes", sizeof(path));
	snprintf(path, sizeof(path), "%.*s", GS_FMT(source));
	if (!gs_file_open(path, MAX_INPUT_BYTES, &f, err))
		return false;
	return gs_fail(err, GS_ERR_FORMAT, 0, "%s is no kind of file that gospect knows", path);
}

static bool fits(const gs_document *d, unsigned needs_kinds)
{
	return !needs_kinds || (needs_kinds >> d->kind & 1);
}

bool gs_documents_choose(gs_documents *d, size_t from, gs_str part, unsigned needs_kinds, gs_err *err)
{
	static const char *const liked[] = { "cpu", "perf", "heap" };
	GS_AUTO(buf) parts;
	size_t pick = SIZE_MAX;

	gs_buf_init(&parts, 2000);
	for (size_t i = from; i < d->n; i++)
		gs_buf_f(&parts, "%s%.*s", i > from ? ", " : "", GS_FMT(gs_document_part(d->p[i])));
	for (size_t i = from; i < d->n && part.n && pick == SIZE_MAX; i++)
		if (gs_str_eq(part, gs_document_part(d->p[i])))
			pick = i;
	if (part.n && pick == SIZE_MAX && d->n > from + 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no part \"%.*s\" in %.*s, it has: %.*s", GS_FMT(part),
			       GS_FMT(d->p[from]->group), GS_FMT(gs_buf_view(&parts)));
	for (unsigned k = 0; pick == SIZE_MAX && k < sizeof(liked) / sizeof(*liked); k++)
		for (size_t i = from; i < d->n && pick == SIZE_MAX; i++)
			if (fits(d->p[i], needs_kinds) && gs_str_eq(gs_document_part(d->p[i]), gs_str_of(liked[k])))
				pick = i;
	for (size_t i = from; i < d->n && pick == SIZE_MAX; i++)
		if (fits(d->p[i], needs_kinds))
			pick = i;
	if (pick == SIZE_MAX || !fits(d->p[pick], needs_kinds))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is not what this question is about (%.*s)",
			       GS_FMT(d->n > from ? d->p[from]->name : GS_S("the input")), GS_FMT(gs_buf_view(&parts)));
	for (size_t i = from; i < d->n; i++)
		if (i != pick)
			gs_document_close(d->p[i]);
	d->p[from] = d->p[pick];
	d->n = from + 1;
	return true;
}
