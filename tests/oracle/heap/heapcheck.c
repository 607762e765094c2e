/*
 * heapcheck EXE CORE: loads the heap of a core and prints, for ../run, what the allocator says beside what we found:
 * slots in use, live objects, and each difference.
 */
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/rd.h"
#include "analysis/dominators.h"
#include "load/heap.h"

#include "base/banned.h"

typedef struct core {
	gs_elf elf, exe;
	uint64_t bias;
	gs_heap_thread threads[4096];
	uint32_t n_threads;
} core;

static const unsigned char *at(void *ctx, uint64_t addr, uint64_t *n)
{
	core *c = ctx;

	for (int pass = 0; pass < 2; pass++) {
		const gs_elf *e = pass ? &c->exe : &c->elf;
		uint64_t a = pass ? addr - c->bias : addr;
		uint32_t lo = 0, hi = e->n_segments;

		if (pass == 0) {
			static uint32_t last;
			const gs_elf_segment *g = &e->segments[last];

			if (g->type == 1 && a >= g->addr && a - g->addr < g->file_size) {
				*n = g->file_size - (a - g->addr);
				return (const unsigned char *)e->bytes.p + g->offset + (a - g->addr);
			}
			for (uint32_t i = lo; i < hi; i++) {
				g = &e->segments[i];
				if (g->type == 1 && a >= g->addr && a - g->addr < g->file_size) {
					last = i;
					*n = g->file_size - (a - g->addr);
					return (const unsigned char *)e->bytes.p + g->offset + (a - g->addr);
				}
			}
		} else {
			gs_str s = gs_elf_at(e, a);

			*n = s.n;
			return s.n ? (const unsigned char *)s.p : NULL;
		}
	}
	return NULL;
}

static void notes(core *c)
{
	for (uint32_t i = 0; i < c->elf.n_segments; i++) {
		const gs_elf_segment *g = &c->elf.segments[i];
		gs_rd r;

		if (g->type != 4)
			continue;
		r = gs_rd_of(gs_str_slice(c->elf.bytes, g->offset, g->offset + g->file_size));
		while (gs_rd_left(&r) >= 12) {
			uint32_t nn = gs_rd_u32le(&r), nd = gs_rd_u32le(&r), type = gs_rd_u32le(&r);
			gs_str d;

			gs_rd_skip(&r, (nn + 3) & ~3u);
			d = gs_rd_bytes(&r, nd);
			gs_rd_skip(&r, -nd & 3);
			if (type == 1 && d.n >= 112 + 27 * 8) {
				gs_heap_thread *t = &c->threads[c->n_threads++];

				*t = (gs_heap_thread){ .id = gs_peek_u32(d.p + 32, false) };
				for (unsigned k = 0; k < 15; k++)
					t->registers.all[k] = gs_peek_u64(d.p + 112 + 8 * k, false);
				t->registers.n = 15;
				t->registers.pc = gs_peek_u64(d.p + 112 + 16 * 8, false);
				t->registers.sp = gs_peek_u64(d.p + 112 + 19 * 8, false);
			} else if (type == 6) {
				for (size_t k = 0; k + 16 <= d.n; k += 16)
					if (gs_peek_u64(d.p + k, false) == 9)
						c->bias = gs_peek_u64(d.p + k + 8, false) - c->exe.entry;
			}
		}
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	gs_arena *mem = gs_arena_create((uint64_t)1 << 34);
	core *c = gs_new(mem, core, 1);
	gs_file f;
	gs_err err;
	gs_heap *h;
	const gs_go_runtime *rt;
	gs_binary *exe;
	uint64_t missing = 0, missing_bytes = 0, fresh = 0;
	double t0;

	if (argc != 3)
		return 2;
	exe = gs_binary_open(argv[1], &err);
	if (!exe || !gs_file_open(argv[2], (uint64_t)1 << 40, &f, &err) || !gs_elf_open(mem, f.bytes, &c->elf, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 3;
	}
	c->exe = *gs_binary_elf(exe);
	notes(c);
	t0 = seconds();
	h = gs_heap_load(&(gs_heap_input){ .image = { at, c }, .exe = exe, .bias = c->bias, .threads = c->threads,
					   .n_threads = c->n_threads, .keep_runtime = true, .threads_to_use = 1 },
			 NULL, &err);
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
					printf("missing 0x%llx size %llu scheme %u words", (unsigned long long)(s->base + k * s->elem_bytes),
					       (unsigned long long)s->elem_bytes, s->scheme);
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
	for (uint32_t i = 0; i < h->n_warnings; i++)
		printf("warning: %.*s\n", GS_FMT(h->warnings[i]));
	if (getenv("HEAPCHECK_DOMINATORS")) {
		gs_dominators d;

		t0 = seconds();
		if (!gs_dominators_build(mem, h, &d, &err)) {
			fprintf(stderr, "%s\n", err.text);
			return 3;
		}
		fprintf(stderr, "dominators in %.3f s\n", seconds() - t0);
		printf("retained by all holders %llu\n", (unsigned long long)d.retained[gs_dominators_root(&d)]);
		for (uint32_t i = 0; i < d.n_holders; i++)
			if (d.retained[d.n_objects + i] > h->totals.live_bytes / 100)
				printf("holder kind %u %.*s goroutine %d retains %llu\n", d.holders[i].kind,
				       GS_FMT(gs_strtab_get(&h->strings, d.holders[i].name)), (int)d.holders[i].goroutine,
				       (unsigned long long)d.retained[d.n_objects + i]);
	}
	if (getenv("HEAPCHECK_TYPES")) {
		uint64_t *count = gs_new(mem, uint64_t, h->n_types), *bytes = gs_new(mem, uint64_t, h->n_types);

		for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
			count[h->type_of[w.object]]++;
			bytes[h->type_of[w.object]] += w.size_bytes;
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
	return 0;
}
