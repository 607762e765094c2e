#include <inttypes.h>
#include <math.h>

#include "analysis/names.h"
#include "analysis/units.h"
#include "present/report.h"

enum { MAX_NODELETS = 4 };

typedef struct dot {
	gs_report *r;
	gs_graph *g;
	gs_buf *out;
	uint32_t *number; /* by node, from 1; 0 is not shown */
	uint8_t *has_nodelets;
} dot;

/* Go's \ " and line ends, as Graphviz wants them. */
static void put_escaped(gs_buf *out, gs_str s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '\\':
			gs_buf_z(out, "\\\\");
			break;
		case '"':
			gs_buf_z(out, "\\\"");
			break;
		case '\n':
			gs_buf_z(out, "\\l");
			break;
		default:
			gs_buf_c(out, s.p[i]);
		}
}

/* Green for -1, grey for 0, red for 1; pale for backgrounds. */
static void put_colour(gs_buf *out, double score, bool background)
{
	const double shift = 0.7;
	double saturation = background ? 0.1 : 1.0, value = background ? 0.93 : 0.7, r, g, b;

	bool none = isnan(score); /* 0 of 0: Go's conversion of it to a byte gives 0 */

	score = none ? 0.0 : fmax(-1.0, fmin(1.0, score));
	if (fabs(score) < 0.2 && !none)
		saturation *= fabs(score) / 0.2;
	if (score > 0.0)
		score = pow(score, 1.0 - shift);
	if (score < 0.0)
		score = -pow(-score, 1.0 - shift);
	if (score < 0.0) {
		g = value;
		r = value * (1 + saturation * score);
	} else {
		r = value;
		g = none ? 0.0 : value * (1 - saturation * score);
	}
	b = value * (1 - saturation);
	gs_buf_f(out, "#%02x%02x%02x", (unsigned)(uint8_t)(r * 255.0), (unsigned)(uint8_t)(g * 255.0),
		 (unsigned)(uint8_t)(b * 255.0));
}

static void replace(gs_buf *b, const char *what, const char *by)
{
	GS_AUTO(buf) copy = { 0 };
	gs_str rest = gs_buf_view(b), needle = gs_str_of(what);
	size_t at;

	gs_buf_init(&copy, b->max);
	while ((at = gs_str_find(rest, needle)) != SIZE_MAX) {
		gs_buf_add(&copy, rest.p, at);
		gs_buf_z(&copy, by);
		rest = gs_str_skip(rest, at + needle.n);
	}
	gs_buf_str(&copy, rest);
	b->n = 0;
	gs_buf_str(b, gs_buf_view(&copy));
}

/* The name over several lines: a line a part. */
static void put_multiline(dot *d, const gs_key *k)
{
	const gs_view *v = d->r->view;
	gs_str file = gs_view_str(v, k->file), object = gs_view_str(v, k->object);
	GS_AUTO(buf) name = { 0 };

	gs_buf_init(&name, 1 << 20);
	put_escaped(&name, gs_name_short(d->r->mem, gs_view_str(v, k->name)));
	replace(&name, "::", "\\n");
	replace(&name, "[...]", "[\xe2\x80\xa6]");
	replace(&name, ".", "\\n");
	if (k->address)
		gs_buf_f(d->out, "%016" PRIx64 "\\n", k->address);
	if (name.n) {
		gs_buf_str(d->out, gs_buf_view(&name));
		gs_buf_z(d->out, "\\n");
	}
	if (file.n)
		file = gs_path_base(file);
	if (k->line) {
		gs_buf_str(d->out, file);
		gs_buf_f(d->out, ":%" PRId64, k->line);
		if (k->column)
			gs_buf_f(d->out, ":%" PRId64, k->column);
		gs_buf_z(d->out, "\\n");
	} else if (file.n) {
		gs_buf_str(d->out, file);
		gs_buf_z(d->out, "\\n");
	} else if (name.n) {
		return;
	} else if (object.n) {
		gs_buf_f(d->out, "[%.*s]\\n", GS_FMT(gs_path_base(object)));
	} else {
		gs_buf_z(d->out, "<unknown>\\n");
	}
}

static void put_percent(dot *d, int64_t v)
{
	gs_buf_str(d->out, gs_str_trim(gs_percent_str(d->r->mem, v, d->r->view->total)));
}

static void put_node(dot *d, uint32_t node, double max_flat)
{
	const gs_graph_node *n = &d->g->nodes[node];
	gs_report *r = d->r;
	int64_t flat = gs_div(n->flat, n->flat_div), cum = gs_div(n->cum, n->cum_div);
	int font = 8;
	double share = (double)cum / (double)gs_abs64(r->view->total);

	gs_buf_f(d->out, "N%u [label=\"", d->number[node]);
	put_multiline(d, gs_graph_key(d->g, node));
	if (flat) {
		gs_report_value(r, d->out, flat);
		gs_buf_z(d->out, " (");
		put_percent(d, flat);
		gs_buf_c(d->out, ')');
	} else {
		gs_buf_c(d->out, '0');
	}
	if (cum != flat) {
		gs_buf_z(d->out, flat ? "\\nof " : " of ");
		gs_report_value(r, d->out, cum);
		gs_buf_z(d->out, " (");
		put_percent(d, cum);
		gs_buf_c(d->out, ')');
	}
	if (max_flat != 0 && flat != 0 && (double)gs_abs64(flat) <= max_flat)
		font += (int)ceil(16.0 * sqrt((double)gs_abs64(flat) / max_flat));
	gs_buf_f(d->out, "\" id=\"node%u\" fontsize=%d shape=box tooltip=\"", d->number[node], font);
	put_escaped(d->out, gs_graph_name(d->g, node));
	gs_buf_z(d->out, " (");
	gs_report_value(r, d->out, cum);
	gs_buf_z(d->out, ")\" color=\"");
	put_colour(d->out, share, false);
	gs_buf_z(d->out, "\" fillcolor=\"");
	put_colour(d->out, share, true);
	gs_buf_z(d->out, "\"]\n");
}

static int64_t tag_flat(const gs_tag *t)
{
	return gs_div(t->flat, t->flat_div);
}

static int64_t tag_cum(const gs_tag *t)
{
	return gs_div(t->cum, t->cum_div);
}

static double tag_distance(const gs_tag *t, const gs_tag *u)
{
	gs_str unit;
	double v = gs_unit_scale(u->value, u->unit, t->unit, &unit);

	return fabs(v - (double)t->value);
}

/* "1MB..4MB": many numbers as one box. */
static gs_tag join_tags(gs_arena *mem, const gs_tag *const *group, uint32_t n)
{
	const gs_tag *min = group[0], *max = group[0];
	gs_tag sum = *group[0];
	GS_AUTO(buf) b = { 0 };
	gs_str unit;

	gs_buf_init(&b, 4096);
	for (uint32_t i = 1; i < n; i++) {
		const gs_tag *t = group[i];

		if (gs_f64_to_i64(gs_unit_scale(t->value, t->unit, min->unit, &unit)) < min->value)
			min = t;
		if (gs_f64_to_i64(gs_unit_scale(t->value, t->unit, max->unit, &unit)) > max->value)
			max = t;
		sum.flat += t->flat;
		sum.flat_div += t->flat_div;
		sum.cum += t->cum;
		sum.cum_div += t->cum_div;
	}
	gs_unit_label(&b, min->value, min->unit, GS_S("auto"));
	if (n > 1) {
		gs_buf_z(&b, "..");
		gs_unit_label(&b, max->value, max->unit, GS_S("auto"));
	}
	return (gs_tag){ .name = gs_str_dup(mem, gs_buf_view(&b)),
			 .flat = gs_div(sum.flat, sum.flat_div),
			 .cum = gs_div(sum.cum, sum.cum_div),
			 .labels = GS_NO_ID };
}

/* Sorted tags in at most `max` boxes: those after go to the nearest. */
static gs_tag_list collapse(gs_arena *mem, const gs_tag **sorted, uint32_t n, uint32_t max)
{
	gs_tag_list all = { gs_new(mem, gs_tag, n), n, n };
	uint32_t *group;

	if (n <= max) {
		for (uint32_t i = 0; i < n; i++)
			all.list[i] = *sorted[i];
		return all;
	}
	group = gs_new(mem, uint32_t, n);
	for (uint32_t i = 0; i < n; i++) {
		group[i] = i < max ? i : 0;
		for (uint32_t k = 1; i >= max && k < max; k++)
			if (tag_distance(sorted[i], sorted[k]) < tag_distance(sorted[i], sorted[group[i]]))
				group[i] = k;
	}
	all.n = max;
	for (uint32_t k = 0; k < max; k++) {
		const gs_tag **members = gs_new(mem, const gs_tag *, n);
		uint32_t m = 0;

		for (uint32_t i = 0; i < n; i++)
			if (group[i] == k)
				members[m++] = sorted[i];
		all.list[k] = join_tags(mem, members, m);
	}
	return all;
}

static bool put_numbers(dot *d, const gs_tag_list *numbers, uint32_t labels, bool flat, gs_str source)
{
	gs_arena *mem = d->r->mem;
	gs_tag_list mine = { gs_new(mem, gs_tag, numbers->n), 0, 0 }, boxes;
	const gs_tag **sorted = gs_new(mem, const gs_tag *, numbers->n);
	bool any = false;
	uint32_t n;

	for (uint32_t i = 0; i < numbers->n; i++)
		if (numbers->list[i].labels == labels)
			mine.list[mine.n++] = numbers->list[i];
	n = gs_tags_sort(&mine, flat, sorted);
	boxes = collapse(mem, sorted, n, MAX_NODELETS);
	if (n > MAX_NODELETS) {
		n = gs_tags_sort(&boxes, flat, sorted);
		boxes = (gs_tag_list){ boxes.list, n, n };
	}
	for (uint32_t j = 0; j < n; j++) {
		const gs_tag *t = sorted[j];
		bool solid = flat || tag_flat(t) == tag_cum(t);
		int64_t w = solid ? tag_flat(t) : tag_cum(t);
		gs_str text = gs_report_value_str(d->r, w);

		if (!w)
			continue;
		any = true;
		gs_buf_f(d->out, "N%.*s_%u [label = \"%.*s\" id=\"N%.*s_%u\" fontsize=8 shape=box3d tooltip=\"%.*s\"]\n",
			 GS_FMT(source), j, GS_FMT(t->name), GS_FMT(source), j, GS_FMT(text));
		gs_buf_f(d->out, "%.*s -> N%.*s_%u [label=\" %.*s\" weight=100 tooltip=\"%.*s\" labeltooltip=\"%.*s\"%s]\n",
			 GS_FMT(source), GS_FMT(source), j, GS_FMT(text), GS_FMT(text), GS_FMT(text),
			 solid ? "" : " style=\"dotted\"");
	}
	return any;
}

static bool has_out(const gs_graph *g, const gs_graph_node *n)
{
	for (uint32_t i = 0; i < n->n_out; i++)
		if (!g->edges[n->out[i]].is_gone)
			return true;
	return false;
}

static bool put_nodelets(dot *d, uint32_t node)
{
	const gs_graph_node *n = &d->g->nodes[node];
	const gs_tag **sorted = gs_new(d->r->mem, const gs_tag *, n->labels.n);
	bool flat = has_out(d->g, n), any = false;
	uint32_t count = gs_tags_sort(&n->labels, flat, sorted), number = d->number[node];

	for (uint32_t i = 0; i < count && i < MAX_NODELETS; i++) {
		const gs_tag *t = sorted[i];
		int64_t w = flat ? tag_flat(t) : tag_cum(t);
		gs_str text = gs_report_value_str(d->r, w);

		if (!w)
			continue;
		any = true;
		gs_buf_f(d->out, "N%u_%u [label = \"", number, i);
		gs_buf_str(d->out, t->name);
		gs_buf_f(d->out, "\" id=\"N%u_%u\" fontsize=8 shape=box3d tooltip=\"%.*s\"]\n", number, i, GS_FMT(text));
		gs_buf_f(d->out, "N%u -> N%u_%u [label=\" %.*s\" weight=100 tooltip=\"%.*s\" labeltooltip=\"%.*s\"]\n",
			 number, number, i, GS_FMT(text), GS_FMT(text), GS_FMT(text));
		put_numbers(d, &n->numbers, (uint32_t)(t - n->labels.list), flat,
			    gs_strf(d->r->mem, "N%u_%u", number, i));
	}
	return put_numbers(d, &n->numbers, GS_NO_ID, flat, gs_strf(d->r->mem, "N%u", number)) || any;
}

static void put_edge(dot *d, const gs_edge *e)
{
	int64_t w = gs_div(e->weight, e->weight_div), total = d->r->view->total;
	gs_str text = gs_report_value_str(d->r, w);

	gs_buf_f(d->out, "N%u -> N%u [label=\" %.*s%s\"", d->number[e->src], d->number[e->dest], GS_FMT(text),
		 e->is_inline ? "\\n (inline)" : "");
	if (total) {
		int64_t weight = gs_abs64((int64_t)((uint64_t)w * 100) / total);
		int64_t width = gs_abs64((int64_t)((uint64_t)w * 5) / total);

		weight = 1 + (weight < 100 ? weight : 100);
		width = 1 + (width < 5 ? width : 5);
		if (weight > 1)
			gs_buf_f(d->out, " weight=%" PRId64, weight);
		if (width > 1)
			gs_buf_f(d->out, " penwidth=%" PRId64, width);
		gs_buf_z(d->out, " color=\"");
		put_colour(d->out, (double)w / (double)gs_abs64(total), false);
		gs_buf_c(d->out, '"');
	}
	for (int i = 0; i < 2; i++) {
		gs_buf_z(d->out, i ? " labeltooltip=\"" : " tooltip=\"");
		put_escaped(d->out, gs_graph_name(d->g, e->src));
		gs_buf_z(d->out, e->is_residual ? " ... " : " -> ");
		put_escaped(d->out, gs_graph_name(d->g, e->dest));
		gs_buf_f(d->out, " (%.*s)\"", GS_FMT(text));
	}
	if (e->is_residual)
		gs_buf_z(d->out, " style=\"dotted\"");
	if (d->has_nodelets[e->src])
		gs_buf_z(d->out, " minlen=2");
	gs_buf_z(d->out, "]\n");
}

static void put_legend(dot *d, gs_str title)
{
	GS_AUTO(buf) labels = { 0 };
	gs_str rest, line;

	gs_buf_init(&labels, 1 << 24);
	gs_report_labels(d->r, d->g, d->g->n_dropped_edges, true, &labels);
	rest = gs_buf_view(&labels);
	rest.n -= rest.n > 0; /* the last line's end is not between lines */
	gs_str_cut(rest, '\n', &line, &(gs_str){ 0 });
	gs_buf_z(d->out, "subgraph cluster_L { \"");
	put_escaped(d->out, line);
	gs_buf_z(d->out, "\" [shape=box fontsize=16 label=\"");
	put_escaped(d->out, rest);
	gs_buf_z(d->out, "\\l\"");
	if (title.n)
		gs_buf_f(d->out, " tooltip=\"%.*s\"", GS_FMT(title));
	gs_buf_z(d->out, "] }\n");
}

bool gs_report_write_dot(gs_report *r, gs_buf *out, gs_err *err)
{
	dot d = { .r = r, .out = out };
	gs_str title = { 0 };
	const gs_profile *p = r->profile;
	uint32_t *edges, n_edges = 0;
	double max_flat = 0;

	d.g = gs_report_graph(r, false, err);
	if (!d.g)
		return false;
	d.number = gs_try_new(r->mem, uint32_t, d.g->n_nodes);
	d.has_nodelets = gs_try_new(r->mem, uint8_t, d.g->n_nodes);
	edges = gs_try_new(r->mem, uint32_t, d.g->n_edges);
	if (!d.number || !d.has_nodelets || !edges)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a report");
	if (p->n_mappings > 1 && gs_profile_str(p, p->mappings[1].file).n)
		title = gs_path_base(gs_profile_str(p, p->mappings[1].file));
	gs_buf_f(out, "digraph \"%.*s\" {\nnode [style=filled fillcolor=\"#f8f8f8\"]\n",
		 GS_FMT(title.n ? title : GS_S("unnamed")));
	put_legend(&d, title);
	for (uint32_t i = 0; i < d.g->n_shown; i++) {
		const gs_graph_node *n = &d.g->nodes[d.g->shown[i]];
		double flat = (double)gs_abs64(gs_div(n->flat, n->flat_div));

		d.number[d.g->shown[i]] = i + 1;
		if (i == 0 || flat > max_flat)
			max_flat = flat;
	}
	for (uint32_t i = 0; i < d.g->n_shown; i++) {
		uint32_t node = d.g->shown[i];
		const gs_graph_node *n = &d.g->nodes[node];

		put_node(&d, node, max_flat);
		d.has_nodelets[node] = put_nodelets(&d, node);
		for (uint32_t e = 0; e < n->n_out; e++)
			edges[n_edges++] = n->out[e];
	}
	edges = gs_graph_sort_edges(d.g, r->mem, edges, n_edges, &n_edges);
	for (uint32_t e = 0; edges && e < n_edges; e++)
		put_edge(&d, &d.g->edges[edges[e]]);
	gs_buf_z(out, "}\n");
	return true;
}
