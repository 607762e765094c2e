#include "app/open.h"

#include <limits.h>

#include "app/heap_call.h"
#include "app/live.h"

#include "base/banned.h"

gs_str gs_document_part(const gs_document *d)
{
	gs_str s = d->name;
	size_t slash = gs_str_rfind_char(s, '/');

	if (slash != SIZE_MAX)
		s = gs_str_skip(s, slash + 1);
	return gs_str_slice(s, 0, gs_str_find_char(s, '.'));
}

static bool open_source(const char *path, const gs_open_options *options, const gs_progress *progress, gs_documents *out, gs_buf *notes,
			gs_err *err)
{
	unsigned before = out->n;

	if (!(gs_live_is(gs_str_of(path)) ? gs_live_open(gs_str_of(path), options, progress, out, notes, err) :
					    gs_load_input(path, &options->load, progress, out, notes, err)))
		return false;
	for (unsigned i = before; i < out->n; i++)
		if (!gs_heap_document_finish(out->list[i], progress, err)) {
			while (out->n > before)
				gs_document_close(out->list[--out->n]);
			return false;
		}
	return true;
}

/* The profiles of an overlay are gone when its trace has them. */
static bool open_with_overlay(const char *path, const gs_open_options *options, const gs_progress *progress, gs_documents *out,
			      gs_buf *notes, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	GS_AUTO(documents) over = { 0 };
	gs_open_options with = *options;
	unsigned before = out->n;
	bool has_trace = false;

	if (!gs_load_input(gs_cstr(scratch, options->overlay), NULL, progress, &over, NULL, err))
		return false;
	with.load.overlays = (const gs_document *const *)over.list;
	with.load.n_overlays = over.n;
	with.load.must_overlay = over.n == 1; /* of a capture, what fits */
	if (!open_source(path, &with, progress, out, notes, err))
		return false;
	for (unsigned i = before; i < out->n; i++)
		has_trace = has_trace || out->list[i]->timeline;
	return has_trace || options->overlay_if_trace || gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--overlay: %s is no execution trace", path);
}

bool gs_open_source(gs_str source, const gs_open_options *options, const gs_progress *progress, gs_documents *out,
		    gs_buf *notes, gs_err *err)
{
	char path[4096];

	if (!source.n || source.n >= sizeof(path) || memchr(source.p, 0, source.n))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "\"%.*s\" is no name of an input", GS_FMT(source));
	memcpy(path, source.p, source.n);
	path[source.n] = 0;
	return (options->overlay.n ? open_with_overlay : open_source)(path, options, progress, out, notes, err);
}

static bool fits(const gs_document *d, unsigned needs_kinds)
{
	return !needs_kinds || (needs_kinds >> d->kind & 1);
}

static unsigned find_part(const gs_documents *d, unsigned from, gs_str part)
{
	for (unsigned i = from; i < d->n && part.n; i++)
		if (gs_str_eq(part, gs_document_part(d->list[i])))
			return i;
	return UINT_MAX;
}

static bool not_about(const gs_documents *d, unsigned from, unsigned pick, unsigned needs_kinds, gs_str parts, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_str needs = gs_document_kinds_text(scratch, needs_kinds);
	const gs_document *one = pick != UINT_MAX ? d->list[pick] : d->n == from + 1 ? d->list[from] : NULL;

	if (one)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is %.*s, this question is about %.*s", GS_FMT(one->name),
			       GS_FMT(gs_document_kinds_text(scratch, 1u << one->kind)), GS_FMT(needs));
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "this question is about %.*s, and there is none among %.*s", GS_FMT(needs), GS_FMT(parts));
}

bool gs_documents_choose(gs_documents *d, unsigned from, gs_str part, gs_str usual, unsigned needs_kinds, gs_err *err)
{
	GS_AUTO(buf) parts = { 0 };
	unsigned pick = find_part(d, from, part);

	if (d->n > from + 1 && !d->list[from]->group.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s holds %u profiles, one behind the other: gospect merge %.*s -o merged.pprof makes one of them",
			       GS_FMT(d->list[from]->path), d->n - from, GS_FMT(d->list[from]->path));
	gs_buf_init(&parts, 2000);
	for (unsigned i = from; i < d->n; i++)
		gs_buf_f(&parts, "%s%.*s", i > from ? ", " : "", GS_FMT(gs_document_part(d->list[i])));
	if (part.n && pick == UINT_MAX && d->n > from + 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no part \"%.*s\" in %.*s, it has: %.*s", GS_FMT(part),
			       GS_FMT(d->list[from]->group), GS_FMT(gs_buf_view(&parts)));
	if (pick == UINT_MAX && !part.n)
		pick = find_part(d, from, usual);
	for (unsigned i = from; i < d->n && pick == UINT_MAX; i++)
		if (fits(d->list[i], needs_kinds))
			pick = i;
	if (pick == UINT_MAX || !fits(d->list[pick], needs_kinds))
		return not_about(d, from, pick, needs_kinds, gs_buf_view(&parts), err);
	for (unsigned i = from; i < d->n; i++)
		if (i != pick)
			gs_document_close(d->list[i]);
	d->list[from] = d->list[pick];
	d->n = from + 1;
	return true;
}
