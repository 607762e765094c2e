#include "analysis/walk.h"

#include "base/buf.h"
#include "base/pool.h"

/* What one thread adds up. */
typedef struct part {
	gs_arena *mem;
	gs_walk_node *nodes;
	uint32_t *seen; /* by key: number of the last sample */
	GS_VEC(gs_edge) edges;
	GS_VEC(uint32_t) edge_seen;
	gs_map edge_index;
	uint32_t *last_src, *last_edge; /* by key: the edge into it found last */
	GS_VEC(uint32_t) stack;
	double raw_total;
	int64_t sum, sum_div;
	bool failed;
} part;

typedef struct job {
	const gs_view *v;
	const uint8_t *kept;
	unsigned wants;
	const gs_view_profile *vp;
	uint32_t *frame; /* key * 2 + inlined; GS_NO_ID: not shown */
	part *parts;
	uint32_t n_parts;
	gs_raw_counter raw;
} job;

enum { SAMPLES_FOR_A_THREAD = 50000, MAX_PARTS = 8 };

static uint32_t find_edge(part *p, uint32_t src, uint32_t dest)
{
	uint32_t *slot;
	bool is_new;

	if (p->last_src[dest] == src)
		return p->last_edge[dest];
	slot = gs_map_put(&p->edge_index, (uint64_t)src << 32 | dest, &is_new);
	if (!slot)
		return GS_NO_ID;
	if (is_new) {
		gs_edge *e = gs_vec_push(&p->edges, INT32_MAX);

		if (!e || !gs_vec_push(&p->edge_seen, INT32_MAX))
			return GS_NO_ID;
		*e = (gs_edge){ .src = src, .dest = dest, .is_inline = true };
		*slot = (uint32_t)(p->edges.n - 1);
	}
	p->last_src[dest] = src;
	p->last_edge[dest] = *slot;
	return *slot;
}

static bool add_edge(part *p, uint32_t src, uint32_t dest, uint32_t number, int64_t w, int64_t dw, double raw,
		     bool residual, bool inlined)
{
	uint32_t e = find_edge(p, src, dest);
	gs_edge *edge;

	if (e == GS_NO_ID)
		return false;
	if (p->edge_seen.p[e] == number)
		return true;
	p->edge_seen.p[e] = number;
	edge = &p->edges.p[e];
	edge->weight = (int64_t)((uint64_t)edge->weight + (uint64_t)w);
	edge->weight_div += dw;
	edge->raw += raw;
	edge->is_residual |= residual;
	edge->is_inline &= inlined;
	return true;
}

/* The frames of a stack, leaf first. */
static bool read_stack(const job *j, part *p, uint32_t node)
{
	const gs_profile *profile = j->vp->profile;
	const uint8_t *hidden = j->vp->selection->node;

	p->stack.n = 0;
	for (; node; node = profile->nodes[node].parent) {
		uint32_t f = j->frame[profile->nodes[node].frame], *slot;

		if (f == GS_NO_ID || (hidden && hidden[node]))
			continue;
		if (p->stack.n < p->stack.cap) {
			p->stack.p[p->stack.n++] = f;
			continue;
		}
		slot = gs_vec_push(&p->stack, INT32_MAX);
		if (!slot)
			return false;
		*slot = f;
	}
	return true;
}

static bool walk_sample(const job *j, part *p, uint32_t s, uint32_t number)
{
	const gs_profile *profile = j->vp->profile;
	uint32_t node = gs_selection_sample(j->vp->selection, s), parent = GS_NO_ID;
	int64_t w = profile->values[j->vp->type][s], dw = j->v->query->mean ? profile->values[0][s] : 0;
	double raw = 0;
	bool residual = false;

	if (node == GS_NO_ID || (!w && !dw))
		return true;
	if (!read_stack(j, p, node))
		return false;
	if (j->wants & GS_WALK_RAW) {
		raw = gs_raw_count(&j->raw, profile, s);
		p->raw_total += raw;
	}
	p->sum = (int64_t)((uint64_t)p->sum + (uint64_t)w);
	p->sum_div += dw;
	for (size_t i = p->stack.n; i-- > 0;) {
		uint32_t key = p->stack.p[i] >> 1;
		bool inlined = p->stack.p[i] & 1;
		gs_walk_node *n = &p->nodes[key];

		if (j->kept && !j->kept[key]) {
			residual = true;
			continue;
		}
		if (inlined)
			n->is_inlined = true;
		else
			n->is_not_inlined = true;
		if (p->seen[key] != number) {
			p->seen[key] = number;
			n->is_used = true;
			n->cum = (int64_t)((uint64_t)n->cum + (uint64_t)w);
			n->cum_div += dw;
			n->raw_cum += raw;
		}
		if ((j->wants & GS_WALK_EDGES) && parent != GS_NO_ID && parent != key &&
		    !add_edge(p, parent, key, number, w, dw, raw, residual, inlined))
			return false;
		parent = key;
		residual = false;
	}
	if (parent != GS_NO_ID && !residual) {
		gs_walk_node *n = &p->nodes[parent];

		n->flat = (int64_t)((uint64_t)n->flat + (uint64_t)w);
		n->flat_div += dw;
		n->raw_flat += raw;
	}
	return true;
}

static void walk_part(void *ctx, size_t i)
{
	const job *j = ctx;
	part *p = &j->parts[i];
	uint64_t n = j->vp->profile->n_samples;
	uint32_t from = (uint32_t)(n * i / j->n_parts), to = (uint32_t)(n * (i + 1) / j->n_parts);

	for (uint32_t s = from; s < to && !p->failed; s++)
		p->failed = !walk_sample(j, p, s, s + 1);
}

static bool part_init(part *p, const gs_view *v, unsigned wants)
{
	p->mem = gs_arena_create(UINT64_MAX);
	p->nodes = gs_try_new(p->mem, gs_walk_node, v->n_keys);
	p->seen = gs_try_new(p->mem, uint32_t, v->n_keys);
	if (wants & GS_WALK_EDGES) {
		p->last_src = gs_try_new(p->mem, uint32_t, v->n_keys);
		p->last_edge = gs_try_new(p->mem, uint32_t, v->n_keys);
		for (uint32_t k = 0; p->last_src && k < v->n_keys; k++)
			p->last_src[k] = GS_NO_ID;
		if (!p->last_src || !p->last_edge)
			return false;
	}
	return p->nodes && p->seen;
}

static void part_release(part *p)
{
	gs_vec_release(&p->edges);
	gs_vec_release(&p->edge_seen);
	gs_vec_release(&p->stack);
	gs_map_release(&p->edge_index);
	gs_arena_free(p->mem);
}

/* Everything into the first part. */
static bool fold(part *a, const part *b, uint32_t n_keys)
{
	for (uint32_t k = 0; k < n_keys; k++) {
		gs_walk_node *x = &a->nodes[k];
		const gs_walk_node *y = &b->nodes[k];

		x->flat = (int64_t)((uint64_t)x->flat + (uint64_t)y->flat);
		x->cum = (int64_t)((uint64_t)x->cum + (uint64_t)y->cum);
		x->flat_div += y->flat_div;
		x->cum_div += y->cum_div;
		x->raw_flat += y->raw_flat;
		x->raw_cum += y->raw_cum;
		x->is_used |= y->is_used;
		x->is_inlined |= y->is_inlined;
		x->is_not_inlined |= y->is_not_inlined;
	}
	for (size_t i = 0; i < b->edges.n; i++) {
		const gs_edge *y = &b->edges.p[i];
		uint32_t e = find_edge(a, y->src, y->dest);
		gs_edge *x;

		if (e == GS_NO_ID)
			return false;
		x = &a->edges.p[e];
		x->weight = (int64_t)((uint64_t)x->weight + (uint64_t)y->weight);
		x->weight_div += y->weight_div;
		x->raw += y->raw;
		x->is_residual |= y->is_residual;
		x->is_inline &= y->is_inline;
	}
	a->raw_total += b->raw_total;
	a->sum = (int64_t)((uint64_t)a->sum + (uint64_t)b->sum);
	a->sum_div += b->sum_div;
	return !b->failed;
}

static bool walk_profile(job *j, gs_arena *mem)
{
	const gs_profile *p = j->vp->profile;
	const uint8_t *frame = j->vp->selection->frame;

	j->frame = gs_try_new(mem, uint32_t, p->n_frames);
	if (!j->frame)
		return false;
	for (uint32_t i = 0; i < p->n_frames; i++) {
		uint32_t key = j->vp->frame_key[i];

		j->frame[i] = key == GS_NO_ID ? GS_NO_ID : key * 2 + ((frame[i] & GS_SHOWN_INLINED) != 0);
	}
	j->raw = gs_raw_counter_of(p, j->vp->type);
	/* Sample numbers begin again with each profile. */
	for (uint32_t t = 0; t < j->n_parts; t++) {
		memset(j->parts[t].seen, 0, j->v->n_keys * sizeof(uint32_t));
		if (j->parts[t].edge_seen.n)
			memset(j->parts[t].edge_seen.p, 0, j->parts[t].edge_seen.n * sizeof(uint32_t));
	}
	gs_pool_run(j->n_parts, j->n_parts, walk_part, j);
	return true;
}

bool gs_walk_run(gs_arena *mem, const gs_view *v, const uint8_t *kept, unsigned wants, gs_walk *out)
{
	gs_arena *scratch = gs_arena_create(UINT64_MAX);
	part parts[MAX_PARTS] = { 0 };
	job j = { .v = v, .kept = kept, .wants = wants, .parts = parts, .n_parts = 1 };
	uint32_t most = 0;
	bool ok = true;

	for (unsigned i = 0; i < v->n_profiles; i++)
		if (v->profiles[i].profile->n_samples > most)
			most = v->profiles[i].profile->n_samples;
	j.n_parts = most / SAMPLES_FOR_A_THREAD + 1;
	if (j.n_parts > gs_cpu_count())
		j.n_parts = gs_cpu_count();
	if (j.n_parts > MAX_PARTS)
		j.n_parts = MAX_PARTS;
	for (uint32_t t = 0; t < j.n_parts; t++)
		ok = part_init(&parts[t], v, wants) && ok;
	for (unsigned i = 0; ok && i < v->n_profiles; i++) {
		if (v->profiles[i].is_base != ((wants & GS_WALK_BASE) != 0))
			continue;
		j.vp = &v->profiles[i];
		ok = walk_profile(&j, scratch);
	}
	ok = ok && !parts[0].failed;
	for (uint32_t t = 1; ok && t < j.n_parts; t++)
		ok = fold(&parts[0], &parts[t], v->n_keys);
	*out = (gs_walk){ 0 };
	if (ok) {
		out->nodes = gs_try_new(mem, gs_walk_node, v->n_keys);
		out->edges = gs_try_new(mem, gs_edge, parts[0].edges.n);
		ok = out->nodes && out->edges;
	}
	if (ok) {
		memcpy(out->nodes, parts[0].nodes, v->n_keys * sizeof(*out->nodes));
		if (parts[0].edges.n)
			memcpy(out->edges, parts[0].edges.p, parts[0].edges.n * sizeof(*out->edges));
		out->n_edges = (uint32_t)parts[0].edges.n;
		out->raw_total = parts[0].raw_total;
		out->sum = parts[0].sum;
		out->sum_div = parts[0].sum_div;
	}
	for (uint32_t t = 0; t < j.n_parts; t++)
		part_release(&parts[t]);
	gs_arena_free(scratch);
	return ok;
}
