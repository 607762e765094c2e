#include "analysis/leak_proof.h"

#include "base/buf.h"

#include "base/banned.h"

enum {
	AHEAD = 12, /* objects between asking for an object's row and looking into it */
	REPORT_EVERY = 1 << 22,
	SHARED_BYTES = 16, /* that small values share */
};

/* What there is to do when an object comes within reach. */
typedef enum duty {
	DUTY_WAKE = 1,	 /* somebody waits for it */
	DUTY_OPAQUE = 2, /* a goroutine's record, a waiter on a semaphore, the list of all goroutines: leads nowhere */
	DUTY_SHARED = 4, /* holds locks and neighbours of theirs */
} duty;

typedef struct waiter_of {
	uint32_t object, goroutine;
} waiter_of;

typedef struct prover {
	const gs_heap *h;
	gs_leak_proof *p;
	const gs_progress *progress;
	uint64_t *is_special; /* objects with a duty */
	gs_map duties;	      /* object -> bits of duty */
	gs_map first_wait;    /* object -> its first row in waits */
	waiter_of *waits;     /* by object */
	uint32_t n_waits;
	uint32_t *queue, n_queued, n_done;
	uint32_t *woken, n_woken, n_followed;
	gs_map shared; /* object -> a bit for each of its bytes at which the semaphore of a lock begins */
	gs_map pair;   /* from and object of a row in beside -> 1: one of its pointers leads to a lock after all */
	GS_VEC(gs_leak_beside) beside;
	bool is_out_of_memory;
} prover;

bool gs_leak_is_main(const gs_heap *h, uint32_t goroutine)
{
	return h->goroutines[goroutine].id == 1;
}

typedef enum waiting { WAITING_NOT, WAITING_FOR_OTHERS, WAITING_FOR_NOBODY } waiting;

static waiting kind_of_wait(gs_str reason)
{
	static const char *const others[] = { "chan receive", "chan send", "select", "semacquire", "sync.Cond.Wait", "sync.Mutex.Lock",
					      "sync.RWMutex.Lock", "sync.RWMutex.RLock", "sync.WaitGroup.Wait" };
	static const char *const nobody[] = { "chan receive (nil chan)", "chan send (nil chan)", "select (no cases)" };

	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (gs_str_eq(reason, gs_str_of(others[i])))
			return WAITING_FOR_OTHERS;
	for (unsigned i = 0; i < sizeof(nobody) / sizeof(*nobody); i++)
		if (gs_str_eq(reason, gs_str_of(nobody[i])))
			return WAITING_FOR_NOBODY;
	return WAITING_NOT;
}

static waiting waiting_of(const gs_heap *h, const gs_heap_goroutine *g)
{
	if (g->is_system || (g->status != GS_HEAP_G_WAITING && g->status != GS_HEAP_G_LEAKED))
		return WAITING_NOT;
	return kind_of_wait(gs_strtab_get(&h->strings, g->wait_reason));
}

bool gs_leak_waits_for_others(const gs_heap *h, uint32_t goroutine)
{
	return waiting_of(h, &h->goroutines[goroutine]) != WAITING_NOT;
}

/* May it be stuck? Then only what it waits for decides. */
static bool is_candidate(const gs_heap *h, const gs_heap_goroutine *g)
{
	waiting w = waiting_of(h, g);

	if (h->totals.unread)
		return false; /* a way may lead through what nobody has read */
	if (w != WAITING_FOR_OTHERS)
		return w == WAITING_FOR_NOBODY;
	for (uint32_t i = g->first_wait; i < g->first_wait + g->n_waits; i++)
		if (!h->waits[i].is_settled || h->waits[i].object == GS_HEAP_NONE)
			return false;
	return g->n_waits > 0;
}

/* ---- preparation ---- */

static void add_duty(prover *v, uint32_t object, unsigned duties)
{
	bool is_new;
	uint32_t *at;

	if (object == GS_HEAP_NONE)
		return;
	at = gs_map_put(&v->duties, object, &is_new);
	if (!at) {
		v->is_out_of_memory = true;
		return;
	}
	*at |= duties;
	v->is_special[object / 64] |= (uint64_t)1 << (object & 63);
}

static void hide(prover *v, uint32_t object)
{
	if (object != GS_HEAP_NONE)
		v->p->is_waiter[object / 64] |= (uint64_t)1 << (object & 63);
}

static int by_object(const void *a, const void *b)
{
	const waiter_of *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return x->goroutine < y->goroutine ? -1 : x->goroutine > y->goroutine;
}

static void add_wait(prover *v, uint32_t object, uint32_t goroutine)
{
	if (object == GS_HEAP_NONE)
		return;
	v->waits[v->n_waits++] = (waiter_of){ object, goroutine };
	add_duty(v, object, DUTY_WAKE);
}

/* Reaching what it waits for wakes a goroutine. So does reaching its record in a queue, unless that is the runtime's table of all semaphores. */
static void add_waits(prover *v)
{
	const gs_heap *h = v->h;
	bool is_new;

	for (uint32_t i = 0; i < h->n_waits; i++) {
		const gs_heap_wait *w = &h->waits[i];

		hide(v, w->waiter_object);
		if (w->kind == GS_HEAP_WAIT_SEMAPHORE)
			add_duty(v, w->waiter_object, DUTY_OPAQUE);
		if (v->p->state[w->goroutine] != GS_LEAK_STUCK)
			continue;
		add_wait(v, w->object, w->goroutine);
		if (w->kind != GS_HEAP_WAIT_SEMAPHORE && w->waiter_object != w->object)
			add_wait(v, w->waiter_object, w->goroutine);
	}
	if (v->n_waits)
		qsort(v->waits, v->n_waits, sizeof(*v->waits), by_object);
	for (uint32_t i = 0; i < v->n_waits; i++) {
		uint32_t *at = gs_map_put(&v->first_wait, v->waits[i].object, &is_new);

		if (!at) {
			v->is_out_of_memory = true;
			return;
		}
		if (is_new)
			*at = i;
	}
}

static bool sort_roots(gs_arena *mem, prover *v)
{
	const gs_heap *h = v->h;
	uint32_t n = h->n_goroutines + 1, *at = gs_try_new(mem, uint32_t, (size_t)n + 1), *of = gs_try_new(mem, uint32_t, h->n_roots);

	if (!at || !of)
		return false;
	for (uint32_t i = 0; i < h->n_roots; i++) {
		uint32_t g = h->roots[i].goroutine;

		at[(g == GS_HEAP_NONE ? h->n_goroutines : g) + 1]++;
	}
	for (uint32_t i = 0; i < n; i++)
		at[i + 1] += at[i];
	for (uint32_t i = 0; i < h->n_roots; i++) {
		uint32_t g = h->roots[i].goroutine;

		of[at[g == GS_HEAP_NONE ? h->n_goroutines : g]++] = i;
	}
	for (uint32_t i = n; i; i--)
		at[i] = at[i - 1];
	at[0] = 0;
	v->p->root_at = at;
	v->p->root_of = of;
	return true;
}

static bool prepare(gs_arena *mem, gs_arena *scratch, prover *v)
{
	const gs_heap *h = v->h;
	gs_leak_proof *p = v->p;
	size_t n_words = h->n_objects / 64 + 1;

	p->state = gs_try_new(mem, uint8_t, h->n_goroutines);
	p->woken_by = gs_try_new(mem, uint32_t, h->n_goroutines);
	p->from = gs_try_new(mem, uint32_t, h->n_objects);
	p->is_waiter = gs_try_new(mem, uint64_t, n_words);
	v->is_special = gs_try_new(scratch, uint64_t, n_words);
	v->waits = gs_try_new(scratch, waiter_of, 2 * (size_t)h->n_waits);
	v->queue = gs_try_new(scratch, uint32_t, h->n_objects);
	v->woken = gs_try_new(scratch, uint32_t, h->n_goroutines);
	if (!p->state || !p->woken_by || !p->from || !p->is_waiter || !v->is_special || !v->waits || !v->queue || !v->woken ||
	    !sort_roots(mem, v))
		return false;
	memset(p->from, 0xff, h->n_objects * sizeof(*p->from));
	memset(p->woken_by, 0xff, h->n_goroutines * sizeof(*p->woken_by));
	add_duty(v, h->all_goroutines, DUTY_OPAQUE);
	for (uint32_t i = 0; i < h->n_goroutines; i++) {
		p->state[i] = is_candidate(h, &h->goroutines[i]) ? GS_LEAK_STUCK : GS_LEAK_RUNS;
		add_duty(v, h->goroutines[i].object, DUTY_OPAQUE);
		hide(v, h->goroutines[i].object);
	}
	add_waits(v);
	return !v->is_out_of_memory;
}

/* ---- following ---- */

static void wake_those_of(prover *v, uint32_t object)
{
	const uint32_t *first = gs_map_get(&v->first_wait, object);

	for (uint32_t i = first ? *first : v->n_waits; i < v->n_waits && v->waits[i].object == object; i++) {
		uint32_t g = v->waits[i].goroutine;

		if (v->p->state[g] != GS_LEAK_STUCK)
			continue;
		v->p->state[g] = GS_LEAK_WAITS;
		v->p->woken_by[g] = object;
		v->woken[v->n_woken++] = g;
	}
}

__attribute__((always_inline)) static inline void reach(prover *v, uint32_t object, uint32_t from)
{
	if (v->p->from[object] != GS_HEAP_NONE)
		return;
	if (v->is_special[object / 64] >> (object & 63) & 1) {
		uint32_t duties = *gs_map_get(&v->duties, object);

		if (duties & DUTY_SHARED && gs_leak_leads_beside(v->p, from, object))
			return;
		v->p->from[object] = from;
		if (duties & DUTY_WAKE)
			wake_those_of(v, object);
		if (duties & DUTY_OPAQUE)
			return;
	}
	v->p->from[object] = from;
	v->queue[v->n_queued++] = object;
}

static bool follow(prover *v)
{
	const gs_heap *h = v->h;
	const uint32_t *from = v->p->from;

	while (v->n_done < v->n_queued) {
		uint32_t object = v->queue[v->n_done], end = gs_heap_edge_at(h, object + 1);

		if (v->n_done % REPORT_EVERY == REPORT_EVERY - 1 && gs_progress_should_stop(v->progress))
			return false;
		/* Rows soon needed, then what is in them, then whether that has been seen: three steps on their way from memory. */
		if (v->n_done + 3 * AHEAD < v->n_queued)
			__builtin_prefetch(&h->edge_rows.blocks[v->queue[v->n_done + 3 * AHEAD] / GS_HEAP_ROWS_BLOCK]);
		if (v->n_done + 2 * AHEAD < v->n_queued)
			gs_packed_prefetch(&h->edge_ids, gs_heap_edge_at(h, v->queue[v->n_done + 2 * AHEAD]));
		if (v->n_done + AHEAD < v->n_queued) {
			uint32_t next = v->queue[v->n_done + AHEAD], at = gs_heap_edge_at(h, next), last = gs_heap_edge_at(h, next + 1);

			for (uint32_t stop = last - at < 8 ? last : at + 8; at < stop; at++)
				__builtin_prefetch(&from[gs_heap_edge_to(h, at)], 1);
		}
		v->n_done++;
		for (uint32_t k = gs_heap_edge_at(h, object); k < end; k++)
			reach(v, gs_heap_edge_to(h, k), object);
	}
	return true;
}

static void roots_of(prover *v, uint32_t row, bool only_variables)
{
	const gs_heap *h = v->h;

	for (uint32_t k = v->p->root_at[row]; k < v->p->root_at[row + 1]; k++) {
		const gs_heap_root *r = &h->roots[v->p->root_of[k]];

		if (!only_variables || r->kind == GS_HEAP_ROOT_GLOBAL)
			reach(v, r->object, h->n_objects + v->p->root_of[k]);
	}
}

/* All that a goroutine has: its stack, and what its record points to. */
static void goroutine(prover *v, uint32_t g)
{
	const gs_heap *h = v->h;
	uint32_t record = h->goroutines[g].object;

	roots_of(v, g, false);
	if (record == GS_HEAP_NONE)
		return;
	v->p->from[record] = h->n_objects + h->n_roots + g;
	for (uint32_t k = gs_heap_edge_at(h, record); k < gs_heap_edge_at(h, record + 1); k++)
		reach(v, gs_heap_edge_to(h, k), record);
}

/* Variables first: a way from one of them is the best reason that there is. */
static bool run(prover *v)
{
	const gs_heap *h = v->h;

	roots_of(v, h->n_goroutines, true);
	if (!follow(v))
		return false;
	roots_of(v, h->n_goroutines, false);
	for (uint32_t g = 0; g < h->n_goroutines; g++)
		if (v->p->state[g] == GS_LEAK_RUNS)
			goroutine(v, g);
	do {
		while (v->n_followed < v->n_woken)
			goroutine(v, v->woken[v->n_followed++]);
		if (!follow(v))
			return false;
	} while (v->n_followed < v->n_woken);
	return true;
}

/* ---- neighbours of locks ---- */

static int by_object_and_from(const void *a, const void *b)
{
	const gs_leak_beside *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

bool gs_leak_leads_beside(const gs_leak_proof *p, uint32_t from, uint32_t object)
{
	const gs_leak_beside key = { from, object };

	return p->n_beside && bsearch(&key, p->beside, p->n_beside, sizeof(key), by_object_and_from);
}

/* Small blocks by which somebody may be woken, and where the semaphores in them are. False: there are none, or no memory. */
static bool find_shared(prover *v, uint64_t *is_shared)
{
	const gs_heap *h = v->h;
	bool is_new, any = false;

	for (uint32_t i = 0; i < h->n_waits; i++) {
		const gs_heap_wait *w = &h->waits[i];
		uint32_t *at;

		if (w->kind != GS_HEAP_WAIT_SEMAPHORE || w->object == GS_HEAP_NONE || !h->spans[gs_heap_span_of(h, w->object)].is_tiny)
			continue;
		at = gs_map_put(&v->shared, w->object, &is_new);
		if (!at) {
			v->is_out_of_memory = true;
			return false;
		}
		*at |= 1u << (w->addr - gs_heap_addr(h, w->object)) % SHARED_BYTES;
		if (v->p->state[w->goroutine] == GS_LEAK_WAITS && v->p->woken_by[w->goroutine] == w->object) {
			is_shared[w->object / 64] |= (uint64_t)1 << (w->object & 63);
			any = true;
		}
	}
	return any;
}

static void take_reference(void *ctx, const gs_heap_reference *r)
{
	prover *v = ctx;
	const uint32_t *semaphores = gs_map_get(&v->shared, r->to);
	uint32_t from = r->from == GS_HEAP_NONE ? v->h->n_objects + r->root : r->from, *at;
	gs_leak_beside *row;
	bool is_new;

	if (!semaphores)
		return;
	at = gs_map_put(&v->pair, (uint64_t)from << 32 | r->to, &is_new);
	row = at && is_new ? gs_vec_push(&v->beside, UINT32_MAX) : NULL;
	if (!at || (is_new && !row)) {
		v->is_out_of_memory = true;
		return;
	}
	if (is_new) {
		*at = 0;
		*row = (gs_leak_beside){ from, r->to };
	}
	for (uint64_t i = r->offset; i < SHARED_BYTES && i - r->offset < r->reach_bytes; i++)
		*at |= *semaphores >> i & 1;
}

/*
 * What is asked only when somebody seems to be woken by way of such a block: which pointers into it lead beside its locks. False: none do, or there is
 * no memory to tell.
 */
static bool find_beside(gs_arena *mem, gs_arena *scratch, prover *v)
{
	const gs_heap *h = v->h;
	uint64_t *is_shared = gs_try_new(scratch, uint64_t, h->n_objects / 64 + 1);
	gs_heap_look *look;
	gs_leak_proof *p = v->p;

	v->is_out_of_memory |= !is_shared;
	if (!is_shared || !find_shared(v, is_shared))
		return false;
	look = h->look ? h->look(h, scratch) : NULL;
	if (look)
		look->references(look, is_shared, v, take_reference);
	p->beside = gs_try_new(mem, gs_leak_beside, v->beside.n);
	v->is_out_of_memory |= !p->beside;
	for (size_t i = 0; !v->is_out_of_memory && i < v->beside.n; i++) {
		const gs_leak_beside *b = &v->beside.p[i];

		if (*gs_map_get(&v->pair, (uint64_t)b->from << 32 | b->object))
			continue; /* one of its pointers does lead to a lock */
		add_duty(v, b->object, DUTY_SHARED);
		p->beside[p->n_beside++] = *b;
	}
	if (p->n_beside)
		qsort(p->beside, p->n_beside, sizeof(*p->beside), by_object_and_from);
	return p->n_beside && !v->is_out_of_memory;
}

static void start_again(prover *v)
{
	const gs_heap *h = v->h;

	for (uint32_t i = 0; i < h->n_goroutines; i++)
		if (v->p->state[i] == GS_LEAK_WAITS)
			v->p->state[i] = GS_LEAK_STUCK;
	memset(v->p->from, 0xff, h->n_objects * sizeof(*v->p->from));
	memset(v->p->woken_by, 0xff, h->n_goroutines * sizeof(*v->p->woken_by));
	v->n_queued = v->n_done = v->n_woken = v->n_followed = 0;
}

bool gs_leak_prove(gs_arena *mem, const gs_heap *h, const gs_progress *progress, gs_leak_proof *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	prover v = { .h = h, .p = out, .progress = progress };
	bool has_room = (uint64_t)h->n_objects + h->n_roots + h->n_goroutines < GS_HEAP_NONE, ok;

	*out = (gs_leak_proof){ 0 };
	gs_progress_report(progress, -1, "which goroutines can never go on");
	has_room = has_room && prepare(mem, scratch, &v);
	ok = has_room && run(&v);
	if (ok && find_beside(mem, scratch, &v)) {
		start_again(&v);
		ok = run(&v);
	}
	has_room &= !v.is_out_of_memory;
	gs_map_release(&v.duties);
	gs_map_release(&v.first_wait);
	gs_map_release(&v.shared);
	gs_map_release(&v.pair);
	gs_vec_release(&v.beside);
	if (!has_room)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the ways to %u objects", h->n_objects);
	if (!ok)
		return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped on request");
	for (uint32_t g = 0; g < h->n_goroutines; g++) {
		out->n_stuck += out->state[g] == GS_LEAK_STUCK;
		out->n_waiting += out->state[g] == GS_LEAK_WAITS;
		out->is_main_stuck |= out->state[g] == GS_LEAK_STUCK && gs_leak_is_main(h, g);
	}
	return true;
}
