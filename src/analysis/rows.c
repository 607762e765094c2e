#include "analysis/rows.h"

#include <math.h>

#include "analysis/walk.h"

typedef struct columns {
	int64_t *total, *base, *total_div; /* total_div: query->mean */
	double *raw, *base_raw;
	const double *raw_self, *base_raw_self;
} columns;

static double *sum_up(gs_arena *mem, const gs_view *v, const double *self)
{
	double *total = gs_try_new(mem, double, v->n_nodes);

	if (!total)
		return NULL;
	memcpy(total, self, v->n_nodes * sizeof(*total));
	for (uint32_t n = v->n_nodes; n-- > 1;)
		total[v->nodes[n].parent] += total[n];
	return total;
}

static void add_flat(gs_rows *r, const columns *c)
{
	const gs_view *v = r->view;

	for (uint32_t n = 1; n < v->n_nodes; n++) {
		gs_row *row = &r->list[v->nodes[n].key];

		row->flat = (int64_t)((uint64_t)row->flat + (uint64_t)v->self[n]);
		row->raw_flat += c->raw_self[n];
		row->flat_div += v->self_div ? v->self_div[n] : 0;
		if (v->base_self) {
			row->base_flat = (int64_t)((uint64_t)row->base_flat + (uint64_t)v->base_self[n]);
			row->base_raw_flat += c->base_raw_self[n];
		}
		if (v->nodes[n].flags & GS_VIEW_INLINED)
			row->is_inlined = true;
		else
			row->is_not_inlined = true;
	}
}

static void add_cum(gs_row *row, const columns *c, uint32_t n)
{
	row->cum = (int64_t)((uint64_t)row->cum + (uint64_t)c->total[n]);
	row->raw_cum += c->raw[n];
	row->cum_div += c->total_div ? c->total_div[n] : 0;
	if (c->base) {
		row->base_cum = (int64_t)((uint64_t)row->base_cum + (uint64_t)c->base[n]);
		row->base_raw_cum += c->base_raw[n];
	}
}

/* Depth first; a key that is already on the path does not count again. */
static bool walk(gs_rows *r, const columns *c, gs_arena *mem)
{
	const gs_view *v = r->view;
	uint32_t *on_path = gs_try_new(mem, uint32_t, v->n_keys);
	uint32_t *next = gs_try_new(mem, uint32_t, v->n_nodes);
	uint32_t at = 0;

	if (!on_path || !next)
		return false;
	for (;;) {
		const gs_view_node *n = &v->nodes[at];

		if (next[at] < n->n_children) {
			at = n->first_child + next[at]++;
			if (on_path[v->nodes[at].key]++ == 0)
				add_cum(&r->list[v->nodes[at].key], c, at);
			continue;
		}
		if (at == 0)
			return true;
		on_path[n->key]--;
		at = n->parent;
	}
}

static void drop_empty(gs_rows *r, uint32_t n_keys)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < n_keys; k++) {
		const gs_row *row = &r->list[k];

		if (!row->cum && !row->flat && !row->base_cum && !row->base_flat)
			continue;
		r->list[n] = *row;
		r->list[n].flat = gs_div(row->flat, row->flat_div);
		r->list[n++].cum = gs_div(row->cum, row->cum_div);
	}
	r->n = n;
}

static bool rows_by_walk(gs_rows *r, gs_arena *mem)
{
	const gs_view *v = r->view;
	gs_walk w, base = { 0 };

	if (!gs_walk_run(mem, v, NULL, GS_WALK_RAW, &w) ||
	    (v->has_base && !gs_walk_run(mem, v, NULL, GS_WALK_RAW | GS_WALK_BASE, &base)))
		return false;
	for (uint32_t k = 0; k < v->n_keys; k++) {
		const gs_walk_node *x = &w.nodes[k];
		gs_row *row = &r->list[k];

		*row = (gs_row){ .key = k,
				 .is_inlined = x->is_inlined,
				 .is_not_inlined = x->is_not_inlined,
				 .flat = x->flat,
				 .cum = x->cum,
				 .flat_div = x->flat_div,
				 .cum_div = x->cum_div,
				 .raw_flat = x->raw_flat,
				 .raw_cum = x->raw_cum };
		if (!v->has_base)
			continue;
		x = &base.nodes[k];
		row->is_inlined |= x->is_inlined;
		row->is_not_inlined |= x->is_not_inlined;
		row->base_flat = x->flat;
		row->base_cum = x->cum;
		row->base_raw_flat = x->raw_flat;
		row->base_raw_cum = x->raw_cum;
	}
	r->raw_total = w.raw_total;
	r->sum = gs_div(w.sum, w.sum_div);
	r->base_raw_total = base.raw_total;
	r->base_sum = base.sum;
	drop_empty(r, v->n_keys);
	return true;
}

gs_rows *gs_rows_build(gs_arena *mem, const gs_view *v, gs_err *err)
{
	gs_arena *scratch = gs_arena_create(UINT64_MAX);
	gs_rows *r = gs_new(mem, gs_rows, 1);
	columns c = { 0 };
	bool ok;

	r->view = v;
	r->list = gs_try_new(mem, gs_row, v->n_keys);
	if (!v->nodes) {
		gs_arena_free(scratch);
		if (r->list && rows_by_walk(r, mem))
			return r;
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a table");
		return NULL;
	}
	c.total = gs_view_totals(scratch, v, v->self);
	c.raw_self = gs_view_raw_self(scratch, v, false);
	c.raw = c.raw_self ? sum_up(scratch, v, c.raw_self) : NULL;
	c.total_div = v->self_div ? gs_view_totals(scratch, v, v->self_div) : NULL;
	ok = r->list && c.total && c.raw && (!v->self_div || c.total_div);
	if (ok && v->base_self) {
		c.base = gs_view_totals(scratch, v, v->base_self);
		c.base_raw_self = gs_view_raw_self(scratch, v, true);
		c.base_raw = c.base_raw_self ? sum_up(scratch, v, c.base_raw_self) : NULL;
		ok = c.base && c.base_raw;
	}
	if (ok) {
		for (uint32_t k = 0; k < v->n_keys; k++)
			r->list[k].key = k;
		add_flat(r, &c);
		ok = walk(r, &c, scratch);
	}
	if (ok) {
		r->raw_total = c.raw[0];
		r->sum = gs_div(c.total[0], c.total_div ? c.total_div[0] : 0);
		r->base_raw_total = c.base_raw ? c.base_raw[0] : 0;
		r->base_sum = c.base ? c.base[0] : 0;
		drop_empty(r, v->n_keys);
	}
	gs_arena_free(scratch);
	if (!ok) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a table");
		return NULL;
	}
	return r;
}

typedef struct order {
	const gs_view *v;
	gs_row_order by;
} order;

static int64_t size_of(int64_t a, int64_t b)
{
	int64_t d = (int64_t)((uint64_t)a - (uint64_t)b);

	return d < 0 ? (int64_t)(0 - (uint64_t)d) : d;
}

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const order *o = ctx;
	const gs_row *x = a, *y = b;
	const gs_key *kx = &o->v->keys[x->key], *ky = &o->v->keys[y->key];
	int64_t vx, vy;
	int c;

	for (int pass = 0; pass < 2 && o->by != GS_ROWS_BY_NAME; pass++) {
		bool flat = (o->by == GS_ROWS_BY_FLAT) == (pass == 0);

		vx = flat ? size_of(x->flat, x->base_flat) : size_of(x->cum, x->base_cum);
		vy = flat ? size_of(y->flat, y->base_flat) : size_of(y->cum, y->base_cum);
		if (vx != vy)
			return vx > vy ? -1 : 1;
	}
	c = gs_str_cmp(gs_view_str(o->v, kx->name), gs_view_str(o->v, ky->name));
	if (!c)
		c = gs_str_cmp(gs_view_str(o->v, kx->file), gs_view_str(o->v, ky->file));
	if (!c && kx->line != ky->line)
		c = kx->line < ky->line ? -1 : 1;
	if (!c && kx->address != ky->address)
		c = kx->address < ky->address ? -1 : 1;
	return c ? c : x->key < y->key ? -1 : x->key > y->key;
}

void gs_rows_sort(gs_rows *r, gs_row_order by)
{
	order o = { r->view, by };

	qsort_r(r->list, r->n, sizeof(*r->list), compare_rows, &o);
}

/* lgamma itself writes a global variable. */
static double log_factorial(int n)
{
	int sign;

	return lgamma_r(n + 1, &sign);
}

/* Two-sided: how likely is what is at most as likely as a of n. */
static double binomial_p(int a, int n, double share)
{
	double p[32], sum = 0;

	for (int i = 0; i <= n; i++) {
		p[i] = exp(log_factorial(n) - log_factorial(i) - log_factorial(n - i) + i * log(share) +
			   (n - i) * log1p(-share));
	}
	for (int i = 0; i <= n; i++)
		if (p[i] <= p[a] * (1 + 1e-7))
			sum += p[i];
	return sum < 1 ? sum : 1;
}

/*
 * The part of the samples that the profile has of a row whose value is the same on both sides: half, unless one side
 * sampled more densely, or is scaled to the other's total. Negative: cannot be told.
 */
static double expected_share(const gs_rows *r)
{
	double a, b;

	if (!(r->raw_total > 0) || !(r->base_raw_total > 0) || !r->sum || !r->base_sum)
		return -1;
	a = r->raw_total / fabs((double)r->sum);
	b = r->base_raw_total / fabs((double)r->base_sum);
	return a / (a + b);
}

static double difference_p(double a, double b, double share)
{
	enum { EXACT_BELOW = 25 };
	double n = a + b, z;

	if (!(share > 0) || !(share < 1) || !(n > 0) || a < 0 || b < 0)
		return 1;
	if (n < EXACT_BELOW)
		return binomial_p((int)lround(a), (int)lround(a) + (int)lround(b), share);
	z = (a - n * share) / sqrt(n * share * (1 - share));
	return erfc(fabs(z) / sqrt(2.0));
}

static int compare_p(const void *a, const void *b)
{
	double x = (*(const gs_row *const *)a)->p, y = (*(const gs_row *const *)b)->p;

	return x < y ? -1 : x > y;
}

void gs_rows_compare(gs_rows *r, gs_arena *mem)
{
	const double level = 0.05;
	gs_row **sorted = gs_new(mem, gs_row *, r->n);
	double share = expected_share(r), lowest = 1;

	for (uint32_t i = 0; i < r->n; i++) {
		gs_row *row = &r->list[i];

		sorted[i] = row;
		row->p = difference_p(row->raw_cum, row->base_raw_cum, share);
		if (row->base_cum == 0 && row->base_flat == 0)
			row->state = GS_ROW_NEW;
		else if (row->cum == 0 && row->flat == 0)
			row->state = GS_ROW_REMOVED;
		else
			row->state = row->cum == row->base_cum && row->flat == row->base_flat ? GS_ROW_SAME :
												GS_ROW_CHANGED;
	}
	qsort(sorted, r->n, sizeof(*sorted), compare_p);
	for (uint32_t i = r->n; i-- > 0;) {
		double p = sorted[i]->p * r->n / (i + 1);

		lowest = p < lowest ? p : lowest;
		sorted[i]->p = lowest;
		sorted[i]->is_significant = lowest < level;
	}
}

double gs_rows_detectable(const gs_rows *r, double share)
{
	const double z = 1.96 + 0.84; /* two-sided 0.05, power 0.8 */
	double a = r->raw_total * share, b = r->base_raw_total * share;

	return a > 0 && b > 0 ? z * sqrt((1 - share) * (1 / a + 1 / b)) : 0;
}
