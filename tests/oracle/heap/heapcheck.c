/*
 * heapcheck EXE CORE: loads the heap of a core and prints, for ../run, what the allocator says beside what we found:
 * slots in use, live objects, and each difference.
 */
#include <stdio.h>
#include <time.h>

#include "analysis/dominators.h"
#include "format/core/core.h"
#include "load/heap.h"

#include "base/banned.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The function whose closure an object is, as its first word says; empty: it is none. */
static gs_str closure_at(const gs_go_runtime *rt, const unsigned char *object)
{
	uint64_t pc = gs_go_load(object) - rt->bias;
	gs_pclntab_func fn;

	return gs_pclntab_func_get(&rt->pcln, gs_pclntab_find(&rt->pcln, pc), &fn) && fn.entry == pc ? fn.name : (gs_str){ 0 };
}

/* Words that were taken for a thread's stack, but lie in an object or in the stack of a goroutine. */
static unsigned stray_words(const gs_heap *h, const gs_go_runtime *rt)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < h->n_roots; i++) {
		const gs_heap_root *r = &h->roots[i];
		bool is_stray;

		if (r->kind != GS_HEAP_ROOT_REGISTER || r->goroutine != GS_HEAP_NONE || !r->at)
			continue;
		is_stray = gs_go_span_at(rt, r->at);
		for (uint32_t k = 0; k < h->n_goroutines; k++) {
			gs_go_g g;

			is_stray |= gs_go_g_read(rt, h->goroutines[k].addr, &g) && r->at - g.stack_lo < g.stack_hi - g.stack_lo;
		}
		n += is_stray;
	}
	return n;
}

int main(int argc, char **argv)
{
	gs_arena *mem = gs_arena_create((uint64_t)1 << 34);
	gs_heap_view view;
	gs_heap_input in;
	gs_image *image;
	gs_err err;
	gs_heap *h;
	const gs_go_runtime *rt;
	gs_binary *exe;
	uint64_t missing = 0, missing_bytes = 0, fresh = 0;
	double t0;

	if (argc != 3)
		return 2;
	t0 = seconds();
	exe = gs_binary_open(argv[1], &err);
	image = exe ? gs_core_open(argv[2], &err) : NULL;
	if (!image || !gs_heap_input_of(&view, mem, image, exe, &in, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 3;
	}
	in.keep_runtime = true;
	in.threads_to_use = 1;
	h = gs_heap_load(&in, NULL, &err);
	if (!h) {
		fprintf(stderr, "%s\n", err.text);
		return 3;
	}
	fprintf(stderr, "loaded in %.3f s\n", seconds() - t0);
	rt = gs_heap_runtime(h);
	for (uint32_t i = 0; i < rt->n_spans; i++) {
		const gs_go_span *s = &rt->spans[i];
		uint64_t marks = gs_go_u64(&rt->image, s->mspan + (uint64_t)rt->o.mspan_alloc_bits);

		for (uint32_t k = 0; k < s->n_slots; k++) {
			uint64_t bit = s->bit + k;
			bool used = rt->in_use[bit / 64] >> (bit & 63) & 1, live = h->live[bit / 64] >> (bit & 63) & 1;

			/* What was made since the last collection may be garbage already; what that one marked may not. */
			if (used && !live && !(gs_go_u8(&rt->image, marks + k / 8) >> (k & 7) & 1)) {
				fresh++;
			} else if (used && !live) {
				missing++;
				missing_bytes += s->elem_bytes;
				if (missing <= 40) {
					printf("missing 0x%llx size %llu scheme %u closure of [%.*s] words",
					       (unsigned long long)(s->base + k * s->elem_bytes), (unsigned long long)s->elem_bytes, s->scheme,
					       GS_FMT(closure_at(rt, s->bytes + k * s->elem_bytes)));
					for (unsigned w = 0; w < 6 && w < s->elem_bytes / 8; w++)
						printf(" %llx", (unsigned long long)gs_go_load(s->bytes + k * s->elem_bytes + 8 * w));
					printf("\n");
				}
			}
		}
	}
	printf("in_use %llu bytes %llu live %u bytes %llu missing %llu bytes %llu fresh_garbage %llu\n", (unsigned long long)h->totals.slots_in_use,
	       (unsigned long long)h->totals.slots_in_use_bytes, h->n_objects, (unsigned long long)h->totals.live_bytes,
	       (unsigned long long)missing, (unsigned long long)missing_bytes, (unsigned long long)fresh);
	printf("spans %u edges %u roots %u guessed %llu goroutines %u frames %u waits %u\n", h->n_spans, h->n_edges, h->n_roots,
	       (unsigned long long)h->totals.guessed_roots, h->n_goroutines, h->n_frames, h->n_waits);
	printf("strays %u\n", stray_words(h, rt));
	printf("gc_phase %u\n", rt->v.gc_phase ? gs_go_u32(&rt->image, rt->v.gc_phase) : 0);
	for (uint32_t i = 0; i < h->n_warnings; i++)
		printf("warning: %.*s\n", GS_FMT(h->warnings[i]));
	if (getenv("HEAPCHECK_OBJECTS"))
		for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);)
			printf("object 0x%llx\n", (unsigned long long)w.addr);
	if (getenv("HEAPCHECK_DOMINATORS")) {
		gs_dominators d;

		t0 = seconds();
		if (!gs_dominators_build(mem, h, &d, &err)) {
			fprintf(stderr, "%s\n", err.text);
			return 3;
		}
		fprintf(stderr, "dominators in %.3f s\n", seconds() - t0);
		printf("retained by all holders %llu\n", (unsigned long long)gs_dominators_retained(&d, gs_dominators_root(&d)));
		for (uint32_t i = 0; i < d.n_holders; i++)
			if (gs_dominators_retained(&d, d.n_objects + i) > h->totals.live_bytes / 100)
				printf("holder kind %u %.*s goroutine %d retains %llu\n", d.holders[i].kind,
				       GS_FMT(gs_strtab_get(&h->strings, d.holders[i].name)), (int)d.holders[i].goroutine,
				       (unsigned long long)gs_dominators_retained(&d, d.n_objects + i));
	}
	if (getenv("HEAPCHECK_TYPES")) {
		uint64_t *count = gs_new(mem, uint64_t, h->n_types), *bytes = gs_new(mem, uint64_t, h->n_types);

		for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
			count[gs_heap_type_of(h, w.object)]++;
			bytes[gs_heap_type_of(h, w.object)] += w.size_bytes;
		}
		for (uint32_t i = 0; i < h->n_types; i++)
			printf("type %llu %llu source %u %s%.*s (%.*s)\n", (unsigned long long)count[i],
			       (unsigned long long)bytes[i], h->types[i].source, h->types[i].is_array ? "[]" : "",
			       GS_FMT(gs_strtab_get(&h->strings, h->types[i].name)),
			       GS_FMT(gs_strtab_get(&h->strings, h->types[i].package)));
	}
	if (getenv("HEAPCHECK_GOROUTINES"))
		for (uint32_t i = 0; i < h->n_goroutines; i++) {
			const gs_heap_goroutine *g = &h->goroutines[i];

			printf("goroutine %llu status %u [%.*s] wait %lld ns waits %u\n", (unsigned long long)g->id, g->status,
			       GS_FMT(gs_strtab_get(&h->strings, g->wait_reason)), (long long)g->wait_ns, g->n_waits);
			for (uint32_t k = 0; k < g->n_frames; k++) {
				const gs_heap_frame *fr = &h->frames[g->first_frame + k];

				printf("  %.*s:%u\n", GS_FMT(gs_strtab_get(&h->strings, fr->function)), fr->line);
			}
			printf("  created by %.*s:%u\n", GS_FMT(gs_strtab_get(&h->strings, g->creator.function)), g->creator.line);
		}
	gs_heap_free(h);
	gs_image_close(image);
	gs_binary_close(exe);
	gs_arena_free(mem);
	return 0;
}
