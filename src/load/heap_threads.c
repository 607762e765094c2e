/*
 * Threads that the snapshot caught on a stack of their own: the runtime is at work there (a timer that fires, a goroutine that is being made or woken)
 * and holds pointers that are nowhere else at this moment. Go's collector never sees such moments, a snapshot does. All words
 * there are taken as roots; not those of threads that sleep, which are stale.
 */
#include "load/heap_build.h"

#include "base/banned.h"

enum { MAX_BYTES = 32 << 10 };

typedef struct look {
	const heap_build *b;
	bool is_asleep, is_signal;
} look;

static bool is_one_of(gs_str name, const char *const *names)
{
	for (; *names; names++)
		if (gs_str_eq(name, gs_str_of(*names)))
			return true;
	return false;
}

static void on_frame(void *ctx, const gs_go_frame *f)
{
	static const char *const sleeps[] = { "runtime.stopm", "runtime.mPark", "runtime.sysmon", "runtime.templateThread", "runtime.netpoll",
					      NULL };
	static const char *const signals[] = { "runtime.sigtramp", "runtime.sigtrampgo", "runtime.sighandler", "runtime.sigreturn__sigaction",
					       "runtime.sigreturn", NULL };
	look *l = ctx;
	gs_pclntab_func fn;

	if (!gs_pclntab_func_get(&l->b->rt.pcln, f->func, &fn))
		return;
	l->is_asleep |= is_one_of(fn.name, sleeps);
	l->is_signal |= is_one_of(fn.name, signals);
}

static void on_word(void *ctx, uint64_t at, uint64_t value, bool is_guess)
{
	(void)ctx;
	(void)at;
	(void)value;
	(void)is_guess;
}

static bool take(heap_build *b, uint64_t at, uint64_t value, uint32_t goroutine)
{
	size_t before = b->roots.n;

	if (!heap_add_root(b, GS_HEAP_ROOT_REGISTER, at, value))
		return false;
	if (b->roots.n > before) {
		b->roots.p[before].r.is_guess = true;
		b->roots.p[before].r.goroutine = goroutine;
	}
	return true;
}

/* Where the stack ends that the thread is on; 0 unknown. */
static uint64_t stack_end(const heap_build *b, const gs_heap_thread *t, const gs_go_g *of)
{
	const gs_go_offsets *o = &b->rt.o;
	const uint64_t candidates[] = {
		t->g,
		of->m ? gs_go_u64(&b->rt.image, of->m + (uint64_t)o->m_g0) : 0,
		of->m ? gs_go_u64(&b->rt.image, of->m + (uint64_t)o->m_gsignal) : 0,
	};

	for (unsigned i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
		gs_go_g g;

		if (candidates[i] && gs_go_g_read(&b->rt, candidates[i], &g) && t->registers.sp > g.stack_lo && t->registers.sp <= g.stack_hi)
			return g.stack_hi;
	}
	return 0;
}

static bool take_words(heap_build *b, uint64_t from, uint64_t most, uint32_t goroutine)
{
	uint64_t n = 0;
	const unsigned char *p = b->rt.image.at(b->rt.image.ctx, from, &n);

	if (!p)
		return true;
	if (n > most)
		n = most;
	for (uint64_t i = 0; i + 8 <= n && !gs_go_span_at(&b->rt, from + i); i += 8) /* objects are no stack */
		if (!take(b, from + i, gs_go_load(p + i), goroutine))
			return false;
	return true;
}

/* `g`: the goroutine that the thread runs, GS_HEAP_NONE none. */
static bool look_at(heap_build *b, const gs_heap_thread *t, uint32_t g)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 30);
	const gs_go_registers *r = &t->registers;
	look l = { .b = b };
	const gs_go_stack_visitor visitor = { &l, on_frame, on_word };
	gs_go_g stack = { .stack_lo = r->sp - 8, .status = GS_GO_G_RUNNING }, of = { 0 };
	uint64_t n = 0, end;

	if (g != GS_HEAP_NONE && (!gs_go_g_read(&b->rt, b->h->goroutines[g].addr, &of) || r->sp - of.stack_lo <= of.stack_hi - of.stack_lo))
		return true; /* on the goroutine's stack, which has been looked at */
	if (!r->sp || (r->sp & 7) || !b->rt.image.at(b->rt.image.ctx, r->sp, &n))
		return true;
	stack.stack_hi = r->sp + (n < MAX_BYTES ? n & ~(uint64_t)7 : MAX_BYTES);
	end = stack_end(b, t, &of);
	if (end && end < stack.stack_hi)
		stack.stack_hi = end;
	gs_go_stack_walk(&b->rt, scratch, &stack, r, &visitor);
	if (l.is_asleep && g == GS_HEAP_NONE)
		return true;
	for (unsigned i = 0; i < r->n; i++)
		if (!take(b, 0, r->all[i], GS_HEAP_NONE))
			return false;
	if (!take_words(b, r->sp, stack.stack_hi - r->sp, GS_HEAP_NONE))
		return false;
	/* A signal's handler: what the goroutine last saved is of another time. */
	return !l.is_signal || g == GS_HEAP_NONE || take_words(b, of.stack_lo, of.stack_hi - of.stack_lo, g);
}

bool heap_threads(heap_build *b, gs_err *err)
{
	GS_AUTO(map) goroutine_of = { 0 };
	bool is_new, ok = true;

	for (uint32_t i = 0; ok && i < b->h->n_goroutines; i++) {
		const gs_heap_goroutine *g = &b->h->goroutines[i];
		uint32_t *at = g->thread_id && (g->status == GS_HEAP_G_RUNNING || g->status == GS_HEAP_G_SYSCALL) ?
				       gs_map_put(&goroutine_of, g->thread_id, &is_new) : NULL;

		if (at)
			*at = i;
	}
	for (uint32_t i = 0; ok && i < b->in->n_threads; i++) {
		const uint32_t *g = gs_map_get(&goroutine_of, b->in->threads[i].id);

		/* In a system call, or in C: all that it holds is on the goroutine's stack. */
		if (!g || b->h->goroutines[*g].status == GS_HEAP_G_RUNNING)
			ok = look_at(b, &b->in->threads[i], g ? *g : GS_HEAP_NONE);
	}
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the threads' stacks");
}
