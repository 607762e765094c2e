/* Reports whose answer is a profile again: what the filters left of it, and top entries. */
#include "analysis/units.h"
#include "present/report.h"

typedef struct copier {
	gs_report *r;
	const gs_profile *p;
	const gs_selection *sel;
	gs_profile_builder *b;
	uint32_t *nodes; /* old node -> new; 0: not yet (the root needs none) */
	uint32_t *label_sets;
} copier;

static void copy_head(gs_profile *q, const gs_profile *p)
{
	q->period_type = p->period_type;
	q->period = p->period;
	q->time_ns = p->time_ns;
	q->duration_ns = p->duration_ns;
	q->is_heap_sampled = p->is_heap_sampled;
}

/* Tables keep their ids, as in the original; locations lose the lines that are filtered out. */
static bool copy_tables(copier *c)
{
	const gs_profile *p = c->p;
	gs_profile_builder *b = c->b;
	gs_profile *q = gs_profile_builder_profile(b);
	const gs_query *query = &c->r->query;
	bool no_columns = query->noinlines && !query->showcolumns;
	bool ok = true;

	for (uint32_t i = 0; i < p->strings.n && ok; i++)
		ok = gs_profile_builder_str(b, gs_profile_str(p, i)) == i;
	for (uint32_t i = 1; i < p->n_functions && ok; i++)
		ok = gs_profile_builder_function(b, p->functions[i]) == i;
	for (uint32_t i = 1; i < p->n_mappings && ok; i++) {
		gs_mapping m = p->mappings[i];

		m.has_inline_frames = m.has_inline_frames && !query->noinlines;
		ok = gs_profile_builder_mapping(b, m) == i;
	}
	for (uint32_t i = 1; i < p->n_locations && ok; i++) {
		const gs_location *l = &p->locations[i];
		gs_frame *lines = gs_new(c->r->mem, gs_frame, l->n_frames);
		uint32_t n = 0;

		for (uint32_t k = l->first_frame; k < l->first_frame + l->n_frames; k++)
			if (p->frames[k].function && (c->sel->frame[k] & GS_SHOWN)) {
				lines[n] = p->frames[k];
				lines[n].column = no_columns ? 0 : lines[n].column;
				n++;
			}
		ok = gs_profile_builder_location(b, l->address, l->mapping, l->is_folded, lines, n) == i;
		if (ok && l->file_id)
			gs_profile_builder_location_file_id(b, i, l->file_id);
	}
	for (uint32_t i = 0; i < p->n_comments && ok; i++)
		gs_profile_builder_comment(b, gs_profile_str(p, p->comments[i]));
	copy_head(q, p);
	q->n_types = p->n_types;
	memcpy(q->types, p->types, sizeof(q->types));
	q->default_type = p->default_type;
	q->drop_frames = p->drop_frames;
	q->keep_frames = p->keep_frames;
	q->doc_url = p->doc_url;
	return ok;
}

static uint32_t copy_labels(copier *c, uint32_t set)
{
	const gs_profile *p = c->p;
	gs_label_set ls = p->label_sets[set];
	gs_label *labels;
	uint32_t n = 0;

	if (set == 0 || c->label_sets[set])
		return c->label_sets[set];
	labels = gs_new(c->r->mem, gs_label, ls.n);
	for (uint32_t i = ls.first; i < ls.first + ls.n; i++)
		if (!c->sel->label || !c->sel->label[i])
			labels[n++] = p->labels[i];
	return c->label_sets[set] = gs_profile_builder_labels(c->b, labels, n);
}

static uint32_t copy_stack(copier *c, uint32_t node)
{
	const gs_profile *p = c->p;
	GS_VEC(uint32_t) todo = { 0 };
	uint32_t at = GS_ROOT_NODE;

	while (node && !c->nodes[node]) {
		const gs_location *l = &p->locations[p->frames[p->nodes[node].frame].location];
		uint32_t *slot = NULL;

		/* Whole locations, from their innermost node on. */
		if (p->nodes[node].frame == l->first_frame) {
			slot = gs_vec_push(&todo, INT32_MAX);
			if (!slot) {
				gs_vec_release(&todo);
				return GS_NO_ID;
			}
			*slot = node;
		}
		node = p->nodes[node].parent;
	}
	if (node)
		at = c->nodes[node] - 1;
	while (todo.n && at != GS_NO_ID) {
		uint32_t n = todo.p[--todo.n];

		if (!(c->sel->node && c->sel->node[n]))
			at = gs_profile_builder_push(c->b, at, p->frames[p->nodes[n].frame].location);
		c->nodes[n] = at + 1;
	}
	gs_vec_release(&todo);
	return at;
}

static gs_profile *filtered(gs_report *r, gs_err *err)
{
	copier c = { .r = r, .p = r->profile, .sel = r->view->profiles[0].selection };
	double ratio = 1 / r->query.divide_by;
	int64_t values[GS_MAX_SAMPLE_TYPES];
	bool ok;

	c.b = gs_profile_builder_create(r->mem, err);
	c.nodes = gs_try_new(r->mem, uint32_t, c.p->n_nodes);
	c.label_sets = gs_try_new(r->mem, uint32_t, c.p->n_label_sets);
	if (!c.b || !c.nodes || !c.label_sets) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a profile");
		return NULL;
	}
	ok = copy_tables(&c);
	for (uint32_t s = 0; ok && s < c.p->n_samples; s++) {
		uint32_t node = gs_selection_sample(c.sel, s);
		gs_sample sample = { .values = values };

		if (node == GS_NO_ID)
			continue;
		sample.node = copy_stack(&c, node);
		sample.labels = copy_labels(&c, c.p->sample_labels[s]);
		for (uint32_t t = 0; t < c.p->n_types; t++) {
			values[t] = c.p->values[t][s];
			if (ratio > 0 && ratio != 1)
				values[t] = gs_f64_to_i64((double)values[t] * ratio);
		}
		ok = gs_profile_builder_sample(c.b, &sample);
	}
	return gs_profile_builder_finish(c.b, err);
}

static gs_profile *top_entries(gs_report *r, gs_err *err)
{
	const gs_view *v = r->view;
	gs_graph *g = gs_report_graph(r, false, err);
	gs_profile_builder *b = g ? gs_profile_builder_create(r->mem, err) : NULL;
	gs_profile *q;
	gs_str unit;

	if (!b)
		return NULL;
	q = gs_profile_builder_profile(b);
	copy_head(q, r->profile);
	q->period_type = (gs_value_type){
		gs_profile_builder_str(b, gs_profile_str(r->profile, r->profile->period_type.type)),
		gs_profile_builder_str(b, gs_profile_str(r->profile, r->profile->period_type.unit))
	};
	q->n_types = 2;
	q->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("cum")), gs_profile_builder_str(b, r->unit) };
	q->types[1] = (gs_value_type){ gs_profile_builder_str(b, GS_S("flat")), gs_profile_builder_str(b, r->unit) };
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		const gs_key *k = gs_graph_key(g, g->shown[i]);
		gs_frame line = { .line = k->line, .column = k->column };
		int64_t values[2] = {
			gs_f64_to_i64(gs_unit_scale(gs_div(n->cum, n->cum_div), v->unit, r->unit, &unit)),
			gs_f64_to_i64(gs_unit_scale(gs_div(n->flat, n->flat_div), v->unit, r->unit, &unit)),
		};
		gs_sample s = { .values = values };
		uint32_t location;

		line.function = gs_profile_builder_function(
			b, (gs_function){ .name = gs_profile_builder_str(b, gs_view_str(v, k->name)),
					  .file = gs_profile_builder_str(b, gs_view_str(v, k->file)),
					  .start_line = k->start_line });
		location = line.function == GS_NO_ID ? GS_NO_ID :
						       gs_profile_builder_location(b, k->address, 0, false, &line, 1);
		if (location == GS_NO_ID)
			break;
		s.node = gs_profile_builder_push(b, GS_ROOT_NODE, location);
		if (!gs_profile_builder_sample(b, &s))
			break;
	}
	return gs_profile_builder_finish(b, err);
}

gs_profile *gs_report_profile(gs_report *r, gs_err *err)
{
	return r->kind == GS_REPORT_TOPPROTO ? top_entries(r, err) : filtered(r, err);
}
