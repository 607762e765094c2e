#include "load/heap_build.h"

#include "base/pool.h"
#include "base/banned.h"

enum {
	RING = 256, /* objects between their discovery and the look into them, while memory is on its way: lists grow side by side, and so they are followed */
	CHUNK_SPANS = 256,
	MAX_EDGES_OF_CHUNK = 1 << 30,
};

typedef struct item {
	uint32_t span, slot;
} item;

typedef struct marker {
	heap_build *b;
	gs_go_runtime *rt;
	uint64_t *live;
	GS_VEC(item) stack;
	item ring[RING];
	unsigned ring_from, ring_n;
	uint64_t n_edges, n_not_in_use, n_marked, next_report;
	bool is_out_of_memory;
} marker;

static void push(marker *m, uint64_t value)
{
	const gs_go_span *s = gs_go_span_at(m->rt, value);
	uint32_t slot;
	uint64_t bit, mask, *word;
	item *top;

	if (!s)
		return;
	slot = gs_go_slot_at(s, value);
	if (slot == UINT32_MAX)
		return;
	m->n_edges++;
	bit = s->bit + slot;
	mask = (uint64_t)1 << (bit & 63);
	word = &m->live[bit / 64];
	if (*word & mask)
		return;
	if (!(m->rt->in_use[bit / 64] & mask)) {
		m->n_edges--;
		m->n_not_in_use++;
		return;
	}
	*word |= mask;
	m->n_marked++;
	if (s->scheme == GS_GO_NOSCAN)
		return;
	if (m->stack.n == m->stack.cap) {
		top = gs_vec_push(&m->stack, SIZE_MAX / sizeof(item));
		if (!top) {
			m->is_out_of_memory = true;
			return;
		}
	} else {
		top = &m->stack.p[m->stack.n++];
	}
	*top = (item){ (uint32_t)(s - m->rt->spans), slot };
}

static void visit(void *ctx, uint64_t offset, uint64_t value)
{
	(void)offset;
	push(ctx, value);
}

static void look_into(marker *m, item i)
{
	const gs_go_span *s = &m->rt->spans[i.span];

	gs_go_visit_object(m->rt, s, i.slot * s->elem_bytes, visit, m);
}

/* What was found last is looked at soon; but first its memory is asked for. False when it should stop. */
static bool drain(marker *m)
{
	while (m->stack.n || m->ring_n) {
		if (m->n_marked >= m->next_report) {
			m->next_report = m->n_marked + (1 << 20);
			gs_progress_report(m->b->progress, -1, "following pointers");
			if (gs_progress_should_stop(m->b->progress))
				return false;
		}
		while (m->stack.n && m->ring_n < RING) {
			item i = m->stack.p[--m->stack.n];
			const gs_go_span *s = &m->rt->spans[i.span];

			__builtin_prefetch(s->bytes + i.slot * s->elem_bytes);
			if (s->bits)
				__builtin_prefetch(s->bits + i.slot * s->elem_bytes / 64);
			m->ring[(m->ring_from + m->ring_n++) % RING] = i;
		}
		look_into(m, m->ring[m->ring_from]);
		m->ring_from = (m->ring_from + 1) % RING;
		m->ring_n--;
	}
	return true;
}

static void push_root(marker *m, const heap_root *r)
{
	uint64_t edges = m->n_edges, not_in_use = m->n_not_in_use;

	push(m, r->value);
	m->n_edges = edges; /* a root is none */
	if (r->r.is_guess && r->r.kind == GS_HEAP_ROOT_REGISTER)
		m->n_not_in_use = not_in_use; /* stale words of threads */
}

/* A word of an object that has a finalizer. */
static bool is_finalized(const marker *m, const heap_root *r)
{
	return r->r.kind == GS_HEAP_ROOT_FINALIZER && gs_go_span_at(m->rt, r->r.at);
}

static bool is_marked(const marker *m, uint64_t addr)
{
	const gs_go_span *s = gs_go_span_at(m->rt, addr);
	uint32_t slot = gs_go_slot_at(s, addr);

	return slot != UINT32_MAX && m->live[(s->bit + slot) / 64] >> ((s->bit + slot) & 63) & 1;
}

/*
 * An object with a finalizer keeps what it points to alive beyond its own end. As long as it lives itself that is no other reason than its pointers are, and who holds it holds all that:
 * only what waits for its finalizer has these roots.
 */
static bool mark_finalized(marker *m)
{
	for (size_t i = 0; i < m->b->roots.n; i++) {
		heap_root *r = &m->b->roots.p[i];

		if (!is_finalized(m, r))
			continue;
		if (is_marked(m, r->r.at))
			r->value = 0;
		else
			push_root(m, r);
		if (m->stack.n && !drain(m))
			return false;
	}
	return true;
}

bool heap_mark(heap_build *b, gs_err *err)
{
	marker m = { .b = b, .rt = &b->rt, .live = b->h->live };
	bool ok;

	/* All roots first: many chains are then followed at once, and none waits for its memory alone. */
	for (size_t i = 0; i < b->roots.n; i++)
		if (!is_finalized(&m, &b->roots.p[i]))
			push_root(&m, &b->roots.p[i]);
	ok = drain(&m) && mark_finalized(&m);
	gs_vec_release(&m.stack);
	b->n_edges = m.n_edges;
	b->n_not_in_use = m.n_not_in_use;
	if (m.is_out_of_memory)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory following pointers");
	return ok || gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped on request");
}

/* ---- edges ---- */

typedef struct edges_of_chunk {
	gs_heap *h;
	gs_go_runtime *rt;
	GS_VEC(uint32_t) to;
	GS_VEC(uint32_t) lengths; /* of the rows */
	bool is_out_of_memory;
} edges_of_chunk;

typedef struct edges {
	heap_build *b;
	edges_of_chunk *workers;
	uint64_t at, room;
	bool is_full;
} edges;

static void visit_edge(void *ctx, uint64_t offset, uint64_t value)
{
	edges_of_chunk *c = ctx;
	const gs_go_span *s = gs_go_span_at(c->rt, value);
	uint32_t slot, *to;
	uint64_t bit, bits;

	(void)offset;
	if (!s)
		return;
	slot = gs_go_slot_at(s, value);
	if (slot == UINT32_MAX)
		return;
	bit = s->bit + slot;
	bits = c->h->live[bit / 64];
	if (!(bits >> (bit & 63) & 1))
		return;
	if (c->to.n == c->to.cap) {
		to = gs_vec_push(&c->to, MAX_EDGES_OF_CHUNK);
		if (!to) {
			c->is_out_of_memory = true;
			return;
		}
	} else {
		to = &c->to.p[c->to.n++];
	}
	*to = c->h->rank[bit / 64] + (uint32_t)__builtin_popcountll(bits & (((uint64_t)1 << (bit & 63)) - 1));
}

static void edges_of_span(edges_of_chunk *c, uint32_t index)
{
	const gs_go_span *s = &c->rt->spans[index];

	for (uint64_t w = s->bit / 64; w < (s->bit + s->n_slots + 63) / 64; w++)
		for (uint64_t bits = c->h->live[w]; bits; bits &= bits - 1) {
			uint64_t slot = w * 64 - s->bit + (uint64_t)__builtin_ctzll(bits);
			size_t before = c->to.n;
			uint32_t *length;

			if (s->scheme != GS_GO_NOSCAN)
				gs_go_visit_object(c->rt, s, slot * s->elem_bytes, visit_edge, c);
			length = gs_vec_push(&c->lengths, UINT32_MAX);
			if (!length) {
				c->is_out_of_memory = true;
				return;
			}
			*length = (uint32_t)(c->to.n - before);
		}
}

static void prepare(void *ctx, unsigned worker, size_t i)
{
	edges *e = ctx;
	edges_of_chunk *c = &e->workers[worker];
	uint32_t n = e->b->rt.n_spans, from = (uint32_t)i * CHUNK_SPANS, to = n - from < CHUNK_SPANS ? n : from + CHUNK_SPANS;

	c->to.n = c->lengths.n = 0;
	for (uint32_t s = from; s < to; s++)
		edges_of_span(c, s);
}

static void collect(void *ctx, unsigned worker, size_t i)
{
	edges *e = ctx;
	edges_of_chunk *c = &e->workers[worker];

	(void)i;
	e->is_full |= c->is_out_of_memory || c->to.n > e->room - e->at;
	if (e->is_full)
		return;
	for (size_t k = 0; k < c->to.n; k++)
		gs_packed_set(&e->b->h->edge_ids, e->at++, c->to.p[k]);
	for (size_t k = 0; k < c->lengths.n; k++)
		gs_heap_rows_add(&e->b->h->edge_rows, c->lengths.p[k]);
}

bool heap_edges(heap_build *b, gs_err *err)
{
	gs_heap *h = b->h;
	size_t n_chunks = (b->rt.n_spans + CHUNK_SPANS - 1) / CHUNK_SPANS;
	unsigned n_workers = gs_pool_workers(b->in->threads_to_use, n_chunks);
	edges e = { .b = b, .room = b->n_edges };
	bool ok = true;

	if (b->n_edges >= UINT32_MAX)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%llu pointers are more than fit",
			       (unsigned long long)b->n_edges);
	e.workers = gs_try_new(h->mem, edges_of_chunk, n_workers + 1);
	if (!e.workers || !gs_heap_rows_init(&h->edge_rows, h->mem, h->n_objects, (uint32_t)b->n_edges) ||
	    !gs_packed_init(&h->edge_ids, h->mem, b->n_edges, h->n_objects))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %llu pointers",
			       (unsigned long long)b->n_edges);
	for (unsigned i = 0; i < n_workers; i++)
		e.workers[i] = (edges_of_chunk){ .h = h, .rt = &b->rt };
	b->rt.is_frozen = true;
	gs_pool_run_ordered(b->in->threads_to_use, n_chunks, prepare, collect, &e);
	for (unsigned i = 0; i < n_workers; i++) {
		ok &= !e.workers[i].is_out_of_memory;
		gs_vec_release(&e.workers[i].to);
		gs_vec_release(&e.workers[i].lengths);
	}
	if (!ok || e.is_full)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %llu pointers",
			       (unsigned long long)b->n_edges);
	h->n_edges = (uint32_t)e.at;
	return true;
}
