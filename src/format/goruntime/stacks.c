#include "format/goruntime/stacks.h"

#include "base/banned.h"

enum {
	PCDATA_STACK_MAP = 1,
	FUNCDATA_ARGS = 0,
	FUNCDATA_LOCALS = 1,
	FUNCDATA_STACK_OBJECTS = 2,
	G_MAX = 1024,
	MAX_FRAMES = 1 << 20,
	MAX_EMPTY = 64,
	MAX_OBJECTS = 1 << 20,
	MAX_DEFERS = 1 << 20,
	MAX_MAP_BITS = 1 << 20,
};
#define MAX_STACK ((uint64_t)1 << 32)

typedef struct stack_object {
	uint64_t addr, size;
	int32_t ptr_bytes; /* negative: the mask is a program */
	uint64_t mask;
	bool is_done;
} stack_object;

typedef struct found {
	uint64_t value;
	bool is_guess;
} found;

typedef struct walk {
	gs_go_runtime *rt;
	const gs_go_g *g;
	const gs_go_stack_visitor *visitor;
	const unsigned char *stack; /* from `low` to the stack's end */
	uint64_t low;
	bool uses_lr;
	unsigned min_frame; /* words that a callee may use at the bottom of its caller's frame */
	GS_VEC(stack_object) objects;
	GS_VEC(found) queue;
	bool is_conservative; /* the next frame */
	unsigned n_empty; /* frames without a size: leaves of a fault on arm64 have none, a chain of them is a lie */
	bool is_lost;
} walk;

bool gs_go_goroutines(const gs_go_runtime *rt, const unsigned char **list, uint64_t *n)
{
	uint64_t p = gs_go_u64(&rt->image, rt->v.allgs);

	*n = gs_go_u64(&rt->image, rt->v.allgs + 8);
	*list = *n <= UINT32_MAX ? gs_go_bytes(&rt->image, rt->mem, p, 8 * *n) : NULL;
	return *list != NULL;
}

bool gs_go_g_read(const gs_go_runtime *rt, uint64_t addr, gs_go_g *out)
{
	const gs_go_offsets *o = &rt->o;
	unsigned char g[G_MAX];

	*out = (gs_go_g){ .addr = addr };
	if (o->g_size <= 0 || o->g_size > G_MAX || !gs_go_read(&rt->image, addr, g, (size_t)o->g_size))
		return false;
#define W(field) (o->g_##field == GS_GO_NONE ? 0 : gs_go_load(g + o->g_##field))
	*out = (gs_go_g){
		.addr = addr, .stack_lo = W(stack_lo), .stack_hi = W(stack_hi), .panic = W(panic), .defers = W(defer),
		.m = W(m), .sp = W(sched_sp), .pc = W(sched_pc), .lr = W(sched_lr), .ctxt = W(sched_ctxt),
		.syscallsp = W(syscallsp), .syscallpc = W(syscallpc), .param = W(param), .id = W(goid), .gopc = W(gopc),
		.startpc = W(startpc), .waiting = W(waiting), .labels = W(labels), .parent_id = W(parent_goid),
		.waitsince = (int64_t)W(waitsince),
		.status = gs_peek_u32(g + o->g_status, false) & ~(uint32_t)GS_GO_G_SCAN_BIT,
		.waitreason = g[o->g_waitreason],
	};
#undef W
	return out->stack_lo <= out->stack_hi && out->stack_hi - out->stack_lo < MAX_STACK;
}

static uint64_t load(const walk *w, uint64_t addr)
{
	if (addr < w->low || addr > w->g->stack_hi - 8)
		return 0;
	return gs_go_load(w->stack + (addr - w->low));
}

static void take(walk *w, uint64_t at, uint64_t value, bool is_guess)
{
	found *f;

	if (value == 0)
		return;
	if (value - w->g->stack_lo >= w->g->stack_hi - w->g->stack_lo) {
		w->visitor->word(w->visitor->ctx, at, value, is_guess);
		return;
	}
	f = gs_vec_push(&w->queue, MAX_OBJECTS * 16);
	if (f)
		*f = (found){ value, is_guess };
}

static void take_all(walk *w, uint64_t from, uint64_t to)
{
	for (uint64_t at = (from + 7) & ~(uint64_t)7; at + 8 <= to; at += 8)
		take(w, at, load(w, at), true);
}

/* Words from `base` on whose bits are set in the bitmap at `bits` (an address of the process). */
static void take_mapped(walk *w, uint64_t base, uint64_t bits, uint64_t n, bool is_guess)
{
	for (uint64_t i = 0; i < n; i += 64) {
		uint64_t have = n - i < 64 ? n - i : 64, map = 0;

		gs_go_read(&w->rt->image, bits + i / 8, &map, (size_t)(have + 7) / 8);
		map = le64toh(map);
		if (have < 64)
			map &= ((uint64_t)1 << have) - 1;
		for (; map; map &= map - 1) {
			uint64_t at = base + 8 * (i + (uint64_t)__builtin_ctzll(map));

			take(w, at, load(w, at), is_guess);
		}
	}
}

/* ---- frames ---- */

typedef struct step {
	gs_go_frame f;
	gs_pclntab_func fn;
	uint64_t lr;
	bool callee_is_sigpanic, callee_is_injected;
} step;

static bool find(const walk *w, step *s)
{
	s->f.func = gs_pclntab_find(&w->rt->pcln, s->f.pc - w->rt->bias);
	return s->f.func != GS_PCLNTAB_NONE && gs_pclntab_func_get(&w->rt->pcln, s->f.func, &s->fn);
}

static int32_t sp_delta(const walk *w, const step *s)
{
	return gs_pclntab_value(&w->rt->pcln, s->fn.pcsp, s->fn.entry, s->f.pc - w->rt->bias, NULL);
}

static bool is_named(const step *s, const char *name)
{
	return gs_str_eq(s->fn.name, gs_str_of(name));
}

static bool is_injected(const step *s)
{
	return is_named(s, "runtime.sigpanic") || is_named(s, "runtime.asyncPreempt") ||
	       is_named(s, "runtime.debugCallV2");
}

/* Fill fp, lr, varp, argp, continpc. False: cannot tell. */
static bool resolve(const walk *w, step *s, bool is_syscall)
{
	gs_go_frame *f = &s->f;
	int32_t delta;
	uint8_t flags = s->fn.flags;

	if (s->fn.pcsp == 0)
		return false;
	if (is_syscall || is_named(s, "runtime.cgocallback"))
		flags &= (uint8_t)~GS_PCLNTAB_SP_WRITE;
	delta = sp_delta(w, s);
	if (delta < 0)
		return false;
	f->fp = f->sp + (uint64_t)delta + (w->uses_lr ? 0 : 8);
	if (f->fp > w->g->stack_hi)
		return false;
	if (flags & GS_PCLNTAB_TOP_FRAME) {
		s->lr = 0;
	} else if ((flags & GS_PCLNTAB_SP_WRITE) && !f->is_innermost) {
		return false;
	} else if (w->uses_lr) {
		if ((f->is_innermost && f->sp < f->fp) || s->lr == 0)
			s->lr = load(w, f->sp);
	} else {
		s->lr = load(w, f->fp - 8);
	}
	f->varp = f->fp - (w->uses_lr ? 0 : 8);
	if (f->varp > f->sp)
		f->varp -= 8; /* the saved frame pointer */
	f->argp = f->fp + w->min_frame;
	f->continpc = f->pc;
	if (s->callee_is_sigpanic)
		f->continpc = s->fn.deferreturn ? s->fn.entry + w->rt->bias + s->fn.deferreturn + 1 : 0;
	return true;
}

/* False at the end of the stack (then is_lost says whether it was a good one). */
static bool next(walk *w, step *s)
{
	step n = { .f = { .pc = s->lr, .sp = s->f.fp } };

	if (s->lr == 0)
		return false;
	n.callee_is_sigpanic = is_named(s, "runtime.sigpanic");
	n.callee_is_injected = is_injected(s);
	w->n_empty += n.f.sp == s->f.sp;
	if (!find(w, &n) || (n.f.pc == s->f.pc && n.f.sp == s->f.sp) || w->n_empty > MAX_EMPTY) {
		w->is_lost = true;
		return false;
	}
	if (w->uses_lr && n.callee_is_injected) {
		uint64_t x = load(w, n.f.sp);

		/* The signal handler pushed the link register before it faked the call. */
		n.f.sp += 16;
		if (sp_delta(w, &n) == 0)
			n.lr = x;
	}
	if (!resolve(w, &n, false)) {
		w->is_lost = true;
		*s = n;
		return false;
	}
	*s = n;
	return true;
}

static uint64_t funcdata(const walk *w, const step *s, uint32_t i)
{
	uint32_t off = gs_pclntab_funcdata(&w->rt->pcln, &s->fn, i);

	return off == GS_PCLNTAB_NONE ? 0 : w->rt->modules[0].gofunc + off;
}

/* Bits of entry `index` of the stackmap {n, nbit int32; bytes} at `map`. */
static uint64_t map_entry(const walk *w, uint64_t map, int32_t index, uint64_t *n_bits)
{
	int32_t n = (int32_t)gs_go_u32(&w->rt->image, map), bits = (int32_t)gs_go_u32(&w->rt->image, map + 4);

	*n_bits = 0;
	if (index < 0 || index >= n || bits <= 0 || bits > MAX_MAP_BITS)
		return 0;
	*n_bits = (uint64_t)bits;
	return map + 8 + (uint64_t)index * (((uint64_t)bits + 7) / 8);
}

static void add_objects(walk *w, const step *s)
{
	uint64_t table = funcdata(w, s, FUNCDATA_STACK_OBJECTS), n;

	if (!table)
		return;
	n = gs_go_u64(&w->rt->image, table);
	if (n > MAX_OBJECTS)
		return;
	for (uint64_t i = 0; i < n; i++) { /* {off, size, ptrdata int32; gcdataoff uint32} */
		uint64_t rec = table + 8 + 16 * i, addr;
		int32_t off = (int32_t)gs_go_u32(&w->rt->image, rec);
		stack_object *o;

		addr = (off < 0 ? s->f.varp : s->f.argp) + (uint64_t)(int64_t)off;
		if (addr < s->f.sp)
			continue; /* not made yet */
		o = gs_vec_push(&w->objects, MAX_OBJECTS);
		if (!o)
			return;
		*o = (stack_object){
			.addr = addr,
			.size = gs_go_u32(&w->rt->image, rec + 4),
			.ptr_bytes = (int32_t)gs_go_u32(&w->rt->image, rec + 8),
			.mask = w->rt->modules[0].rodata + gs_go_u32(&w->rt->image, rec + 12),
		};
	}
}

static void scan_conservatively(walk *w, const step *s)
{
	int64_t args = s->fn.args == INT32_MIN ? 64 : s->fn.args;

	if (s->f.varp > s->f.sp)
		take_all(w, s->f.sp - (w->uses_lr ? 16 : 0), s->f.varp);
	if (args > 0)
		take_all(w, s->f.argp, s->f.argp + (uint64_t)args);
}

static void scan_frame(walk *w, const step *s, bool is_anywhere)
{
	bool is_preempted = is_named(s, "runtime.asyncPreempt") || is_named(s, "runtime.debugCallV2");
	uint64_t n, bits, map, pc;
	int32_t index = -1;

	w->visitor->frame(w->visitor->ctx, &s->f);
	if (w->is_conservative || is_preempted || is_anywhere) {
		scan_conservatively(w, s);
		w->is_conservative = is_preempted;
		add_objects(w, s);
		return;
	}
	if (s->f.continpc == 0)
		return;
	if (is_named(s, "reflect.makeFuncStub") || is_named(s, "reflect.methodValueCall")) {
		scan_conservatively(w, s); /* their maps are made at run time */
		return;
	}
	pc = s->f.continpc - w->rt->bias;
	if (pc != s->fn.entry)
		index = gs_pclntab_value(&w->rt->pcln, gs_pclntab_pcdata(&w->rt->pcln, &s->fn, PCDATA_STACK_MAP),
					 s->fn.entry, pc - 1, NULL);
	if (index == -1)
		index = 0;
	map = funcdata(w, s, FUNCDATA_LOCALS);
	if (map && s->f.varp > s->f.sp) {
		bits = map_entry(w, map, index, &n);
		take_mapped(w, s->f.varp - 8 * n, bits, n, false);
	}
	map = funcdata(w, s, FUNCDATA_ARGS);
	if (map && s->fn.args > 0) {
		bits = map_entry(w, map, index, &n);
		take_mapped(w, s->f.argp, bits, n, false);
	}
	add_objects(w, s);
}

/* ---- what is not in frames ---- */

static void scan_defers(walk *w)
{
	const gs_go_offsets *o = &w->rt->o;
	uint64_t d = w->g->defers;

	for (unsigned i = 0; d && i < MAX_DEFERS; i++) {
		uint64_t link = gs_go_u64(&w->rt->image, d + (uint64_t)o->defer_link);

		take(w, d + (uint64_t)o->defer_fn, gs_go_u64(&w->rt->image, d + (uint64_t)o->defer_fn), false);
		take(w, d + (uint64_t)o->defer_link, link, false);
		if (gs_go_u8(&w->rt->image, d + (uint64_t)o->defer_heap))
			take(w, w->g->addr + (uint64_t)o->g_defer, d, false);
		d = link;
	}
	take(w, w->g->addr + (uint64_t)o->g_panic, w->g->panic, false);
}

static int by_addr(const void *a, const void *b)
{
	const stack_object *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static stack_object *object_at(walk *w, uint64_t addr)
{
	size_t lo = 0, hi = w->objects.n;

	while (lo < hi) { /* the first behind addr */
		size_t mid = lo + (hi - lo) / 2;

		if (w->objects.p[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || addr - w->objects.p[lo - 1].addr >= w->objects.p[lo - 1].size)
		return NULL;
	return &w->objects.p[lo - 1];
}

static void scan_object(walk *w, const stack_object *o, bool is_guess)
{
	uint64_t n = (uint64_t)(o->ptr_bytes < 0 ? -(int64_t)o->ptr_bytes : o->ptr_bytes) / 8;

	if (o->ptr_bytes >= 0) {
		take_mapped(w, o->addr, o->mask, n, is_guess);
	} else {
		uint64_t *words = gs_go_mask_program(w->rt, o->mask, n);

		for (uint64_t i = 0; words && i < n; i++)
			if (words[i / 64] >> (i & 63) & 1)
				take(w, o->addr + 8 * i, load(w, o->addr + 8 * i), is_guess);
	}
}

static void scan_objects(walk *w)
{
	if (w->objects.n)
		qsort(w->objects.p, w->objects.n, sizeof(*w->objects.p), by_addr);
	while (w->queue.n) {
		found f = w->queue.p[--w->queue.n];
		stack_object *o = object_at(w, f.value);

		if (o && !o->is_done) {
			o->is_done = true;
			scan_object(w, o, f.is_guess);
		}
	}
}

/* ---- */

static bool is_on_stack(const gs_go_g *g, uint64_t sp)
{
	return sp > g->stack_lo && sp <= g->stack_hi && (sp & 7) == 0;
}

/*
 * While a thread is in a signal's handler, the registers of what it interrupted are in the kernel's frame at the end of the signal stack: a struct
 * ucontext (asm/ucontext.h, asm/sigcontext.h; runtime/defs_linux_*.go), known by the signal stack that it names. False: no such goroutine was interrupted.
 */
static bool interrupted(const walk *w, const gs_go_registers *r, gs_go_registers *out)
{
	enum { MAX_BYTES = 64 << 10, MAX_SIGNAL_STACK = 16 << 20, STACK_LO = 16, STACK_SIZE = 32 };
	static const struct {
		unsigned sp, pc, lr, bytes;
	} amd64 = { 40 + 15 * 8, 40 + 16 * 8, 0, 40 + 17 * 8 }, arm64 = { 184 + 31 * 8, 184 + 32 * 8, 184 + 30 * 8, 184 + 33 * 8 };
	unsigned sp_at = w->uses_lr ? arm64.sp : amd64.sp, pc_at = w->uses_lr ? arm64.pc : amd64.pc, bytes = w->uses_lr ? arm64.bytes : amd64.bytes;
	const gs_go_mem *image = &w->rt->image;
	uint64_t n = 0;
	const unsigned char *p = r->sp & 7 ? NULL : image->at(image->ctx, r->sp, &n);

	if (!p)
		return false;
	if (n > MAX_BYTES)
		n = MAX_BYTES;
	for (uint64_t i = 0; i + bytes <= n; i += 8) {
		uint64_t lo = gs_go_load(p + i + STACK_LO), size = gs_go_load(p + i + STACK_SIZE), sp = gs_go_load(p + i + sp_at),
			 pc = gs_go_load(p + i + pc_at);

		if (size > MAX_SIGNAL_STACK || r->sp - lo >= size || !is_on_stack(w->g, sp) ||
		    gs_pclntab_find(&w->rt->pcln, pc - w->rt->bias) == GS_PCLNTAB_NONE)
			continue;
		*out = (gs_go_registers){ .pc = pc, .sp = sp, .lr = w->uses_lr ? gs_go_load(p + i + arm64.lr) : 0 };
		return true;
	}
	return false;
}

/* Where to start. *is_anywhere: not at a call, so that no map is right for it. */
static bool start(walk *w, const gs_go_registers *r, step *s, bool *is_anywhere, bool *is_syscall)
{
	const gs_go_g *g = w->g;
	const gs_go_offsets *o = &w->rt->o;
	uint64_t vdso_sp = g->m && o->m_vdso_sp != GS_GO_NONE ? gs_go_u64(&w->rt->image, g->m + (uint64_t)o->m_vdso_sp) : 0;

	gs_go_registers before;

	*is_anywhere = *is_syscall = false;
	*s = (step){ .f = { .is_innermost = true } };
	if (g->syscallsp) {
		s->f.sp = g->syscallsp;
		s->f.pc = g->syscallpc;
		*is_syscall = true;
	} else if (g->status == GS_GO_G_RUNNING && r && is_on_stack(g, r->sp)) {
		s->f.sp = r->sp;
		s->f.pc = r->pc;
		s->lr = r->lr;
		*is_anywhere = true;
	} else if (g->status == GS_GO_G_RUNNING && is_on_stack(g, vdso_sp)) {
		s->f.sp = vdso_sp;
		s->f.pc = gs_go_u64(&w->rt->image, g->m + (uint64_t)o->m_vdso_pc);
		*is_anywhere = true;
	} else if (g->status == GS_GO_G_RUNNING && r && interrupted(w, r, &before)) {
		s->f.sp = before.sp;
		s->f.pc = before.pc;
		s->lr = before.lr;
		*is_anywhere = true;
	} else {
		s->f.sp = g->sp;
		s->f.pc = g->pc;
		s->lr = g->lr;
	}
	return is_on_stack(g, s->f.sp);
}

bool gs_go_stack_walk(gs_go_runtime *rt, gs_arena *scratch, const gs_go_g *g, const gs_go_registers *registers,
		      const gs_go_stack_visitor *visitor)
{
	walk w = { .rt = rt, .g = g, .visitor = visitor, .uses_lr = rt->machine == GS_ELF_AARCH64 };
	bool is_anywhere, is_syscall;
	uint64_t reached;
	step s;

	if (g->stack_hi <= g->stack_lo)
		return true;
	w.min_frame = w.uses_lr ? 8 : 0;
	if (!start(&w, registers, &s, &is_anywhere, &is_syscall))
		return false;
	w.low = s.f.sp - (w.uses_lr ? 16 : 0);
	if (w.low < g->stack_lo)
		w.low = g->stack_lo;
	w.stack = gs_go_bytes(&rt->image, scratch, w.low, g->stack_hi - w.low);
	if (!w.stack)
		return false;
	if (registers && is_anywhere)
		for (unsigned i = 0; i < registers->n; i++)
			take(&w, 0, registers->all[i], true);
	take(&w, g->addr + (uint64_t)rt->o.g_sched_ctxt, g->ctxt, false);
	scan_defers(&w);
	reached = s.f.sp;
	w.is_lost = s.f.pc == 0 || !find(&w, &s) || !resolve(&w, &s, is_syscall);
	if (!w.is_lost) {
		unsigned n = 0;

		do {
			scan_frame(&w, &s, is_anywhere);
			is_anywhere = false;
			reached = s.f.fp;
		} while (++n < MAX_FRAMES && next(&w, &s));
	}
	if (w.is_lost)
		take_all(&w, reached, g->stack_hi);
	scan_objects(&w);
	gs_vec_release(&w.objects);
	gs_vec_release(&w.queue);
	return !w.is_lost;
}
