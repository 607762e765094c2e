#include "load/heap_types.h"

#include <stdarg.h>

#include "base/pool.h"
#include "base/banned.h"

#define BUDGET_BYTES ((uint64_t)1 << 40)

enum { MAX_WARNINGS = 64, PT_LOAD = 1, SEGMENT_EXECUTE = 1 };

typedef struct loaded { /* what the caller does not see of a gs_heap */
	gs_heap h;
	gs_go_runtime *runtime;
	heap_variable *variables;
	uint32_t n_variables;
	heap_capture *captures;
	uint32_t n_captures;
} loaded;

uint32_t heap_string(heap_build *b, gs_str s)
{
	uint32_t id = gs_strtab_id(&b->h->strings, s);

	return id == UINT32_MAX ? 0 : id;
}

void heap_warn(heap_build *b, const char *fmt, ...)
{
	gs_str *w = gs_vec_push(&b->warnings, MAX_WARNINGS);
	char text[512];
	va_list ap;

	if (!w)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*w = gs_str_dup(b->h->mem, gs_str_of(text));
}

static bool set_spans(heap_build *b, gs_err *err)
{
	gs_heap *h = b->h;
	const gs_go_runtime *rt = &b->rt;

	h->spans = gs_try_new(h->mem, gs_heap_span, rt->n_spans);
	h->live = gs_try_new(h->mem, uint64_t, rt->n_bit_words + 1);
	h->rank = gs_try_new(h->mem, uint32_t, rt->n_bit_words + 1);
	if (!h->spans || !h->live || !h->rank)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the heap's slots");
	for (uint32_t i = 0; i < rt->n_spans; i++) {
		const gs_go_span *s = &rt->spans[i];

		h->spans[i] = (gs_heap_span){
			.base = s->base,
			.elem_bytes = s->elem_bytes,
			.bit = s->bit,
			.n_slots = s->n_slots,
			.is_noscan = s->scheme == GS_GO_NOSCAN,
			.is_tiny = s->class == (2 << 1 | 1), /* size class 2, no pointers */
		};
		for (uint64_t w = s->bit / 64; w < (s->bit + s->n_slots + 63) / 64; w++) {
			uint64_t n = (uint64_t)__builtin_popcountll(rt->in_use[w]);

			h->totals.slots_in_use += n;
			h->totals.slots_in_use_bytes += n * s->elem_bytes;
		}
	}
	h->n_spans = rt->n_spans;
	h->n_live_words = rt->n_bit_words;
	h->totals.spans_bytes = rt->spans_bytes;
	h->totals.stacks_bytes = rt->stacks_bytes;
	return true;
}

#define KEEP(field, type)                                                                       \
	do {                                                                                    \
		h->field = gs_try_new(h->mem, type, b->field.n);                                \
		if (!h->field)                                                                  \
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");     \
		if (b->field.n)                                                                 \
			memcpy(h->field, b->field.p, b->field.n * sizeof(type));                \
		h->n_##field = (uint32_t)b->field.n;                                            \
	} while (0)

static int wait_by_goroutine(const void *a, const void *b)
{
	const gs_heap_wait *x = a, *y = b;

	return x->goroutine < y->goroutine ? -1 : x->goroutine > y->goroutine;
}

/* "data+0x1a0" of a word of the module's variables: the same in each run of a program, so that it can be found again. */
static uint32_t name_by_place(heap_build *b, uint64_t addr)
{
	GS_AUTO(buf) name = { .max = 100 };

	for (uint32_t i = 0; i < b->rt.n_modules; i++) {
		const gs_go_moduledata *m = &b->rt.modules[i];
		bool is_data = addr - m->data < m->edata - m->data;

		if (!is_data && addr - m->bss >= m->ebss - m->bss)
			continue;
		if (i)
			gs_buf_f(&name, "plugin %u ", i);
		gs_buf_f(&name, "%s+0x%llx", is_data ? "data" : "bss", (unsigned long long)(addr - (is_data ? m->data : m->bss)));
	}
	return heap_string(b, gs_buf_view(&name));
}

/* Names of package-level variables; places where the file has none. */
static bool name_globals(heap_build *b, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)4 << 30);
	gs_elf_symbols symbols;
	uint64_t last = 0;
	uint32_t name = 0;

	if (!gs_elf_symbols_load_all(gs_binary_elf(b->in->exe), scratch, &symbols, err))
		return false;
	for (uint32_t i = 0; i < b->h->n_roots; i++) {
		gs_heap_root *r = &b->h->roots[i];
		const gs_elf_symbol *s;

		if (r->kind != GS_HEAP_ROOT_GLOBAL)
			continue;
		s = gs_elf_symbol_at(&symbols, r->at - b->rt.bias);
		if (s && s->addr != last) {
			last = s->addr;
			name = heap_string(b, s->name);
		}
		r->name = s ? name : name_by_place(b, r->at);
	}
	return true;
}

static bool keep_goroutines(heap_build *b, gs_err *err)
{
	gs_heap *h = b->h;

	KEEP(frames, gs_heap_frame);
	KEEP(waits, gs_heap_wait);
	KEEP(labels, gs_heap_label);
	return true;
}

bool heap_finish(heap_build *b, gs_err *err)
{
	gs_heap *h = b->h;
	uint32_t n = 0;

	h->roots = gs_try_new(h->mem, gs_heap_root, b->roots.n);
	if (!h->roots)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %zu roots", b->roots.n);
	for (size_t i = 0; i < b->roots.n; i++) {
		gs_heap_root r = b->roots.p[i].r;

		r.object = gs_heap_find(h, b->roots.p[i].value);
		if (r.object == GS_HEAP_NONE)
			continue;
		h->totals.guessed_roots += r.is_guess;
		h->roots[n++] = r;
	}
	h->n_roots = n;
	if (b->waits.n)
		qsort(b->waits.p, b->waits.n, sizeof(*b->waits.p), wait_by_goroutine);
	for (size_t i = 0; i < b->waits.n; i++) {
		gs_heap_wait *w = &b->waits.p[i];
		gs_heap_goroutine *g = &h->goroutines[w->goroutine];

		w->object = gs_heap_find(h, w->addr);
		w->waiter_object = gs_heap_find(h, w->waiter);
		if (i == 0 || b->waits.p[i - 1].goroutine != w->goroutine) {
			g->first_wait = (uint32_t)i;
			g->n_waits = 0;
		}
		g->n_waits++;
	}
	if (!keep_goroutines(b, err))
		return false;
	for (uint32_t i = 0; i < h->n_goroutines; i++)
		h->goroutines[i].object = gs_heap_find(h, h->goroutines[i].addr);
	h->all_goroutines = gs_heap_find(h, gs_go_u64(&b->rt.image, b->rt.v.allgs));
	if (!heap_finish_samples(b, err))
		return false;
	for (uint32_t i = 0; i < h->n_spans; i++)
		h->totals.live_bytes += (gs_heap_span_end(h, i) - h->spans[i].first) * h->spans[i].elem_bytes;
	if (b->n_not_in_use)
		heap_warn(b, "%llu pointers lead to free slots: the program was stopped while it allocated, or words of its stacks are stale",
			  (unsigned long long)b->n_not_in_use);
	if (b->n_lost_stacks)
		heap_warn(b, "%llu stacks could not be unwound to their end; the rest was taken word by word",
			  (unsigned long long)b->n_lost_stacks);
	h->totals.unread += b->rt.n_bad_spans;
	if (b->rt.n_bad_spans)
		heap_warn(b, "%u spans could not be read", b->rt.n_bad_spans);
	if (!name_globals(b, err))
		return false;
	KEEP(warnings, gs_str);
	return true;
}

typedef struct last_step {
	heap_build *b;
	gs_err *err;
	bool ok;
} last_step;

static void find_types_or_run_beside(void *ctx, size_t i)
{
	last_step *s = ctx;

	if (i == 0)
		s->ok = heap_type_objects(s->b, s->err);
	else
		s->b->in->beside.run(s->b->in->beside.ctx, s->b->h);
}

static bool find_types(heap_build *b, gs_err *err)
{
	last_step s = { .b = b, .err = err };

	gs_progress_report(b->progress, -1, b->in->beside.run ? "types, and who holds what" : "types");
	gs_pool_run(b->in->threads_to_use, b->in->beside.run ? 2 : 1, find_types_or_run_beside, &s);
	return s.ok;
}

static bool build(heap_build *b, gs_err *err)
{
	gs_heap *h = b->h;

	if (b->in->only_goroutines)
		return heap_goroutines(b, err) && keep_goroutines(b, err);
	if (!heap_globals(b, err) || !heap_goroutines(b, err) || !heap_threads(b, err) || !heap_specials(b, err) || !heap_sites(b, err) ||
	    !set_spans(b, err) ||
	    !heap_mark(b, err))
		return false;
	if (!gs_heap_number(h))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "more than four billion objects");
	return heap_edges(b, err) && heap_finish(b, err) && find_types(b, err);
}

static void set_code(gs_heap *h, const gs_heap_input *in)
{
	const gs_elf *e = gs_binary_elf(in->exe);

	h->build_id = gs_str_dup(h->mem, gs_binary_build_id(in->exe));
	for (uint32_t i = 0; i < e->n_segments && !h->code_limit; i++) {
		const gs_elf_segment *s = &e->segments[i];

		if (s->type != PT_LOAD || !(s->flags & SEGMENT_EXECUTE))
			continue;
		h->code_start = s->addr + in->bias;
		h->code_limit = h->code_start + s->mem_size;
		h->code_offset = s->offset;
	}
}

static int variable_by_addr(const void *a, const void *b)
{
	const heap_variable *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void keep_variables(loaded *l, heap_build *b)
{
	l->variables = gs_try_new(l->h.mem, heap_variable, b->variables.n);
	if (!l->variables || !b->variables.n)
		return;
	qsort(b->variables.p, b->variables.n, sizeof(*b->variables.p), variable_by_addr);
	memcpy(l->variables, b->variables.p, b->variables.n * sizeof(*b->variables.p));
	l->n_variables = (uint32_t)b->variables.n;
}

static void keep_captures(loaded *l, const heap_build *b)
{
	l->captures = gs_try_new(l->h.mem, heap_capture, b->captures.n);
	if (!l->captures || !b->captures.n)
		return;
	memcpy(l->captures, b->captures.p, b->captures.n * sizeof(*b->captures.p));
	l->n_captures = (uint32_t)b->captures.n;
}

const heap_capture *heap_captures(const gs_heap *h, uint32_t *n)
{
	const loaded *l = (const loaded *)(const void *)h;

	*n = l->n_captures;
	return l->captures;
}

const heap_variable *heap_variable_at(const gs_heap *h, uint64_t addr)
{
	const loaded *l = (const loaded *)(const void *)h;
	uint32_t lo = 0, hi = l->n_variables;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (l->variables[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &l->variables[lo - 1] : NULL;
}

gs_heap *gs_heap_load(const gs_heap_input *in, const gs_progress *progress, gs_err *err)
{
	gs_arena *mem = gs_arena_create(BUDGET_BYTES), *runtime_mem = gs_arena_create(BUDGET_BYTES);
	loaded *l = gs_new(mem, loaded, 1);
	heap_build b = { .in = in, .progress = progress, .h = &l->h };
	gs_elf *exe = gs_new(runtime_mem, gs_elf, 1);
	bool ok;

	l->h.mem = mem;
	*exe = *gs_binary_elf(in->exe);
	exe->mem = runtime_mem;
	ok = gs_strtab_init(&l->h.strings, mem) || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	ok = ok && gs_go_runtime_open(runtime_mem, &in->image, exe, in->bias, !in->only_goroutines, &b.rt, err);
	if (ok) {
		const gs_go_buildinfo *go = gs_binary_go(in->exe);

		l->h.go_version = go ? gs_str_dup(mem, go->go_version) : (gs_str){ 0 };
		l->h.go_minor = b.rt.minor;
		l->h.arch = b.rt.machine == GS_ELF_AARCH64 ? GS_S("arm64") : GS_S("amd64");
		l->h.executable = gs_str_dup(mem, gs_binary_path(in->exe));
		l->h.pid = in->pid;
		set_code(&l->h, in);
		ok = build(&b, err);
		gs_go_runtime_close_dwarf(&b.rt);
		if (ok && in->keep_runtime) {
			l->runtime = gs_new(mem, gs_go_runtime, 1);
			*l->runtime = b.rt;
			keep_variables(l, &b);
			keep_captures(l, &b);
		} else {
			gs_go_runtime_close(&b.rt);
		}
	}
	gs_vec_release(&b.roots);
	gs_vec_release(&b.frames);
	gs_vec_release(&b.waits);
	gs_vec_release(&b.labels);
	gs_vec_release(&b.warnings);
	gs_vec_release(&b.variables);
	gs_vec_release(&b.captures);
	gs_vec_release(&b.samples);
	gs_vec_release(&b.stack_frames);
	gs_vec_release(&b.code);
	gs_vec_release(&b.code_symbols);
	gs_map_release(&b.code_at);
	if (!l->runtime)
		gs_arena_free(runtime_mem);
	if (ok)
		return &l->h;
	gs_arena_free(mem);
	return NULL;
}

const gs_go_runtime *gs_heap_runtime(const gs_heap *h)
{
	return ((const loaded *)(const void *)h)->runtime;
}

void gs_heap_free(gs_heap *h)
{
	loaded *l = (loaded *)(void *)h;

	if (!h)
		return;
	if (l->runtime) {
		gs_arena *runtime_mem = l->runtime->mem;

		gs_go_runtime_close(l->runtime);
		gs_arena_free(runtime_mem);
	}
	gs_arena_free(h->mem);
}
