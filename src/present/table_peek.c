#include <math.h>

#include "present/printable.h"
#include "present/tables.h"

/* Neighbours of a node, heaviest first. */
static void edges_json(gs_json *j, gs_graph *g, gs_arena *mem, const uint32_t *edges, uint32_t n, bool callers,
		       const gs_table_style *s)
{
	uint32_t n_left;
	uint32_t *list = gs_graph_sort_edges(g, mem, edges, n, &n_left);

	gs_json_key(j, callers ? "callers" : "callees");
	gs_json_array(j);
	for (uint32_t i = 0; list && i < n_left; i++) {
		const gs_edge *e = &g->edges[list[i]];

		gs_json_object(j);
		gs_table_name_json(j, g->view, gs_graph_key(g, callers ? e->src : e->dest));
		gs_json_ki64(j, "value", gs_table_scaled(s, gs_div(e->weight, e->weight_div)));
		gs_json_kf64(j, "samples", round(e->raw));
		gs_json_kbool(j, "inlined", e->is_inline);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void edges_text(gs_graph *g, gs_arena *mem, const uint32_t *edges, uint32_t n, bool callers, int64_t cum,
		       const gs_table_style *s, gs_buf *out)
{
	uint32_t n_left;
	uint32_t *list = gs_graph_sort_edges(g, mem, edges, n, &n_left);

	for (uint32_t i = 0; list && i < n_left; i++) {
		const gs_edge *e = &g->edges[list[i]];

		gs_buf_fill(out, ' ', 19);
		gs_table_value_padded(g->view, s, out, gs_div(e->weight, e->weight_div), 10);
		gs_buf_f(out, " %6.2f%%   %s ", gs_table_percent(gs_div(e->weight, e->weight_div), cum), callers ? "<-" : "->");
		gs_printable(out, gs_graph_name(g, callers ? e->src : e->dest));
		gs_buf_z(out, e->is_inline ? " (inlined)\n" : "\n");
	}
}

bool gs_peek_write(gs_graph *g, gs_str function, const gs_table_style *s, bool json, gs_buf *out, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	const gs_view *v = g->view;
	gs_json j = gs_json_to(out);
	const gs_re *re = NULL;
	bool exact = false;
	uint32_t found = 0;

	for (uint32_t i = 0; i < g->n_shown && !exact; i++)
		exact = gs_str_eq(gs_graph_name(g, g->shown[i]), function);
	if (!exact) {
		re = gs_re_compile(mem, function, err);
		if (!re)
			return false;
	}
	if (json) {
		gs_json_object(&j);
		gs_table_type_json(&j, v);
		gs_json_ki64(&j, "total", gs_table_scaled(s, v->total));
		gs_json_kf64(&j, "samples", round(g->raw_total));
		gs_json_key(&j, "rows");
		gs_json_array(&j);
	}
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		gs_str name = gs_graph_name(g, g->shown[i]);
		int64_t flat = gs_div(n->flat, n->flat_div), cum = gs_div(n->cum, n->cum_div);

		if (exact ? !gs_str_eq(name, function) : !gs_re_match(re, name))
			continue;
		found++;
		if (s->limit && found > s->limit)
			continue;
		if (json) {
			gs_json_object(&j);
			gs_table_name_json(&j, v, gs_graph_key(g, g->shown[i]));
			gs_json_ki64(&j, "flat", gs_table_scaled(s, flat));
			gs_json_ki64(&j, "cum", gs_table_scaled(s, cum));
			gs_json_kf64(&j, "samples", round(n->raw_cum));
			edges_json(&j, g, mem, n->in, n->n_in, true, s);
			edges_json(&j, g, mem, n->out, n->n_out, false, s);
			gs_json_object_end(&j);
			continue;
		}
		if (found > 1)
			gs_buf_c(out, '\n');
		edges_text(g, mem, n->in, n->n_in, true, cum, s, out);
		gs_table_value_padded(v, s, out, flat, 10);
		gs_buf_f(out, " %6.2f%% ", gs_table_percent(flat, v->total));
		gs_table_value_padded(v, s, out, cum, 10);
		gs_buf_f(out, " %6.2f%% ", gs_table_percent(cum, v->total));
		if (s->use_color)
			gs_buf_z(out, "\x1b[1m");
		gs_printable(out, name);
		gs_buf_z(out, s->use_color ? "\x1b[0m\n" : "\n");
		edges_text(g, mem, n->out, n->n_out, false, cum, s, out);
	}
	if (json) {
		gs_json_array_end(&j);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
	} else if (s->limit && found > s->limit) {
		gs_buf_f(out, "\n%u more functions match (-n 0 shows all)\n", found - s->limit);
	}
	return found || gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no function in the profile matches \"%.*s\"",
				GS_FMT(function));
}
