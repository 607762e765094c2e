#include "load/heap_build.h"

#include "format/goruntime/buckets.h"
#include "base/banned.h"

enum {
	MAX_CALLS = 1 << 24, /* of all stacks together */
	DEFAULT_RATE = 512 * 1024,
};

typedef struct finder {
	heap_build *b;
	GS_VEC(gs_heap_call) calls;
	uint64_t stack[GS_GO_MAX_STACK];
} finder;

static gs_str function_at(finder *f, uint32_t frame)
{
	return gs_strtab_get(&f->b->h->strings, f->b->code.p[frame].function);
}

/* What runtime/pprof leaves away: the allocator's own functions. It looks behind the call, as we do. */
static bool is_runtime(finder *f, uint64_t pc)
{
	uint32_t at = heap_frames_at(f->b, pc, false);
	gs_str name;

	if (at == UINT32_MAX)
		return false;
	name = function_at(f, at);
	return gs_str_starts(name, GS_S("runtime.")) || (f->b->rt.minor >= 24 && gs_str_starts(name, GS_S("internal/runtime/")));
}

static uint32_t n_inlined(const finder *f, uint32_t frame)
{
	uint32_t n = 0;

	while (f->b->code.p[frame + n].is_inlined)
		n++;
	return n;
}

/*
 * The runtime writes down a pc for each inlined call as well. Those that belong together become one call with several frames; the last one may be cut off in the middle.
 */
static uint32_t n_together(finder *f, uint32_t at, uint32_t n, uint32_t frame)
{
	uint32_t more = n_inlined(f, frame), i;

	for (i = 1; i <= more && at + i < n; i++) {
		const gs_heap_frame *expected, *found;
		uint32_t next = heap_frames_at(f->b, f->stack[at + i], true);

		if (next == UINT32_MAX)
			break;
		expected = &f->b->code.p[frame + i];
		found = &f->b->code.p[next];
		if (found->function != expected->function || found->line != expected->line)
			break;
	}
	return at + i < n ? i : more + 1;
}

static bool add_calls(finder *f, gs_heap_site *site, uint32_t from, uint32_t n)
{
	while (from < n) {
		uint32_t frame = heap_frames_at(f->b, f->stack[from], true), k;
		gs_heap_call *c;

		if (frame == UINT32_MAX)
			return false;
		k = n_together(f, from, n, frame);
		if (!gs_str_eq(function_at(f, frame), GS_S("runtime.goexit"))) {
			c = gs_vec_push(&f->calls, MAX_CALLS);
			if (!c)
				return false;
			*c = (gs_heap_call){ .pc = f->stack[from], .frame = frame, .n_frames = k };
			site->n_calls++;
		}
		from += k;
	}
	return true;
}

static bool add_site(finder *f, const gs_go_bucket *b, gs_heap_site *out)
{
	uint32_t hidden = 0;

	*out = (gs_heap_site){ .first_call = (uint32_t)f->calls.n, .object_bytes = b->object_bytes, .allocs = (int64_t)b->allocs, .frees = (int64_t)b->frees,
			       .alloc_bytes = (int64_t)b->alloc_bytes, .free_bytes = (int64_t)b->free_bytes };
	gs_go_read(&f->b->rt.image, b->stack, f->stack, 8 * (size_t)b->n_stack);
	for (uint32_t i = 0; i < b->n_stack; i++)
		f->stack[i] = le64toh(f->stack[i]);
	while (hidden < b->n_stack && is_runtime(f, f->stack[hidden]))
		hidden++;
	if (hidden == b->n_stack)
		hidden = 0;
	if (!add_calls(f, out, 0, hidden))
		return false;
	out->n_hidden = out->n_calls;
	return add_calls(f, out, hidden, b->n_stack);
}

static bool out_of_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the stacks of allocations");
}

static void note(heap_build *b, const gs_go_buckets *all)
{
	if (all->is_damaged)
		heap_warn(b, "the runtime's list of sampled allocations could not be read to its end: stacks of allocations may be missing");
	if (all->n && !all->is_rate_known)
		heap_warn(b, "how often allocations were sampled is not known: one in %d bytes is assumed", DEFAULT_RATE);
}

bool heap_sites(heap_build *b, gs_err *err)
{
	gs_heap *h = b->h;
	finder f = { .b = b };
	gs_go_buckets all;
	uint64_t n = 0;
	bool ok = gs_go_buckets_read(&b->rt, &all);

	h->sites = ok ? gs_try_new(h->mem, gs_heap_site, all.n) : NULL;
	ok = h->sites;
	for (; ok && n < all.n && !(all.is_damaged |= f.calls.n > MAX_CALLS - GS_GO_MAX_STACK); n++)
		ok = add_site(&f, &all.list[n], &h->sites[n]);
	h->n_sites = (uint32_t)n;
	h->sample_rate = all.is_rate_known ? all.rate : DEFAULT_RATE;
	h->is_sampled = all.n || !all.is_rate_known || all.rate > 0;
	note(b, &all);
	/* The samples' buckets become sites; what is no bucket of the list is none. */
	for (size_t i = 0; ok && i < b->samples.n; i++) {
		const uint32_t *site = gs_map_get(&all.index_of, b->samples.p[i].bucket);

		b->samples.p[i].bucket = site && *site < h->n_sites ? *site : UINT32_MAX;
	}
	h->calls = ok ? gs_try_new(h->mem, gs_heap_call, f.calls.n) : NULL;
	ok = h->calls;
	if (ok && f.calls.n)
		memcpy(h->calls, f.calls.p, f.calls.n * sizeof(*f.calls.p));
	gs_vec_release(&f.calls);
	gs_go_buckets_release(&all);
	return ok || out_of_memory(err);
}

static int by_object(const void *a, const void *b)
{
	const gs_heap_sample *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

bool heap_finish_samples(heap_build *b, gs_err *err)
{
	gs_heap *h = b->h;

	h->samples = gs_try_new(h->mem, gs_heap_sample, b->samples.n);
	h->call_frames = gs_try_new(h->mem, gs_heap_frame, b->code.n);
	h->call_symbols = gs_try_new(h->mem, gs_heap_symbol, b->code.n);
	if (!h->samples || !h->call_frames || !h->call_symbols)
		return out_of_memory(err);
	if (b->code.n) {
		memcpy(h->call_frames, b->code.p, b->code.n * sizeof(*b->code.p));
		memcpy(h->call_symbols, b->code_symbols.p, b->code.n * sizeof(*b->code_symbols.p));
	}
	for (size_t i = 0; i < b->samples.n; i++) {
		uint32_t object = gs_heap_find(h, b->samples.p[i].addr);

		if (object != GS_HEAP_NONE && b->samples.p[i].bucket != UINT32_MAX)
			h->samples[h->n_samples++] = (gs_heap_sample){ object, (uint32_t)b->samples.p[i].bucket };
	}
	if (h->n_samples)
		qsort(h->samples, h->n_samples, sizeof(*h->samples), by_object);
	return true;
}
