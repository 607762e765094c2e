#include <inttypes.h>

#include "analysis/units.h"
#include "present/report.h"

/* Callgrind's name compression: "(1) name" the first time, "(1)" from then on. By string of the view. */
typedef struct names {
	uint32_t *ids;
	uint32_t n;
} names;

static void put_name(names *t, const gs_view *v, uint32_t string, gs_buf *out)
{
	gs_str s = gs_view_str(v, string);

	if (s.n == 0)
		return;
	if (t->ids[string]) {
		gs_buf_f(out, "(%u)", t->ids[string]);
		return;
	}
	t->ids[string] = ++t->n;
	gs_buf_f(out, "(%u) ", t->ids[string]);
	gs_buf_str(out, s);
}

/* Relative to the previous node's address when that is shorter. */
static void put_address(const gs_key *previous, uint64_t address, gs_buf *out)
{
	char absolute[32], relative[32];
	int n = snprintf(absolute, sizeof(absolute), "0x%" PRIx64, address), m;

	if (!previous) {
		gs_buf_z(out, absolute);
		return;
	}
	if (previous->address == address) {
		gs_buf_c(out, '*');
		return;
	}
	m = snprintf(relative, sizeof(relative), "%+" PRId64, (int64_t)(address - previous->address));
	gs_buf_z(out, m < n ? relative : absolute);
}

typedef struct variants {
	uint32_t *index; /* by node: which of the functions with its name and file, from 1 */
	uint32_t *count; /* by node: how many there are */
} variants;

/* Callgrind merges functions of equal name and file; those that we keep apart get a suffix. */
static bool number_variants(const gs_graph *g, gs_arena *mem, variants *out)
{
	GS_AUTO(map) groups = { 0 }; /* (name, file) -> first node in it */
	GS_AUTO(map) seen = { 0 };   /* (group, function) -> index */
	uint32_t *size = gs_try_new(mem, uint32_t, g->n_nodes);
	uint32_t *group = gs_try_new(mem, uint32_t, g->n_nodes);

	out->index = gs_try_new(mem, uint32_t, g->n_nodes);
	out->count = gs_try_new(mem, uint32_t, g->n_nodes);
	if (!size || !group || !out->index || !out->count)
		return false;
	for (uint32_t i = 0; i < g->n_shown; i++) {
		uint32_t node = g->shown[i], *slot;
		const gs_key *k = gs_graph_key(g, node);
		bool is_new;

		slot = gs_map_put(&groups, (uint64_t)k->name << 32 | k->file, &is_new);
		if (!slot)
			return false;
		if (is_new)
			*slot = node;
		group[node] = *slot;
		slot = gs_map_put(&seen, (uint64_t)group[node] << 32 | g->nodes[node].function, &is_new);
		if (!slot)
			return false;
		if (is_new)
			*slot = ++size[group[node]];
		out->index[node] = *slot;
	}
	for (uint32_t i = 0; i < g->n_shown; i++)
		out->count[g->shown[i]] = size[group[g->shown[i]]];
	return true;
}

static int64_t scaled(const gs_report *r, int64_t v)
{
	gs_str unit;

	return gs_f64_to_i64(gs_unit_scale(v, r->view->unit, r->unit, &unit));
}

bool gs_report_write_callgrind(gs_report *r, gs_buf *out, gs_err *err)
{
	gs_graph *g;
	names objects, files, functions;
	gs_view *v = r->view;
	const gs_key *previous = NULL;
	variants vs;

	g = gs_report_graph(r, false, err);
	if (!g)
		return false;
	if (!number_variants(g, r->mem, &vs))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a report");
	/* Names with a suffix are strings of their own: make them before the tables are sized. */
	for (uint32_t i = 0; i < g->n_shown; i++) {
		uint32_t n = g->shown[i];

		if (vs.count[n] > 1)
			vs.index[n] = gs_strtab_id(&v->strings,
						   gs_strf(r->mem, "%.*s [%u/%u]",
							   GS_FMT(gs_view_str(v, gs_graph_key(g, n)->name)), vs.index[n],
							   vs.count[n]));
		else
			vs.index[n] = gs_graph_key(g, n)->name;
	}
	objects = (names){ gs_new(r->mem, uint32_t, v->strings.n), 0 };
	files = (names){ gs_new(r->mem, uint32_t, v->strings.n), 0 };
	functions = (names){ gs_new(r->mem, uint32_t, v->strings.n), 0 };
	gs_buf_f(out, "positions: instr line\nevents: %s%.*s(%.*s)\n", r->query.mean ? "mean_" : "", GS_FMT(v->type),
		 GS_FMT(r->unit));
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		const gs_key *k = gs_graph_key(g, g->shown[i]);
		uint32_t n_out, *edges;

		if (!previous || previous->object != k->object || previous->file != k->file || previous->name != k->name) {
			gs_buf_z(out, "\nob=");
			put_name(&objects, v, k->object, out);
			gs_buf_z(out, "\nfl=");
			put_name(&files, v, k->file, out);
			gs_buf_z(out, "\nfn=");
			put_name(&functions, v, k->name, out);
			gs_buf_c(out, '\n');
		}
		put_address(previous, k->address, out);
		gs_buf_f(out, " %" PRId64 " %" PRId64 "\n", k->line, scaled(r, gs_div(n->flat, n->flat_div)));
		edges = gs_graph_sort_edges(g, r->mem, n->out, n->n_out, &n_out);
		for (uint32_t e = 0; edges && e < n_out; e++) {
			const gs_edge *edge = &g->edges[edges[e]];
			const gs_key *callee = gs_graph_key(g, edge->dest);

			gs_buf_z(out, "cfl=");
			put_name(&files, v, callee->file, out);
			gs_buf_z(out, "\ncfn=");
			put_name(&functions, v, vs.index[edge->dest], out);
			gs_buf_z(out, "\ncalls=0 ");
			put_address(previous, callee->address, out);
			gs_buf_f(out, " %" PRId64 "\n* * %" PRId64 "\n", callee->line, scaled(r, edge->weight));
		}
		previous = k;
	}
	return true;
}
