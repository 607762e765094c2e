#include "present/report.h"

#include <time.h>

#include "analysis/names.h"
#include "analysis/units.h"

/* What each report changes in the query, as pprof does. */
static void override(gs_report *r)
{
	gs_query *q = &r->query;
	bool trim = q->trim;

	switch (r->kind) {
	case GS_REPORT_DISASM:
		trim = false;
		q->granularity = GS_BY_ADDRESSES;
		q->noinlines = true; /* one line an address, or costs would be there twice */
		break;
	case GS_REPORT_WEBLIST:
		trim = false;
		q->granularity = GS_BY_ADDRESSES;
		q->noinlines = false;
		break;
	case GS_REPORT_PEEK:
		trim = false;
		break;
	case GS_REPORT_LIST:
		trim = false;
		q->granularity = GS_BY_LINES;
		break;
	case GS_REPORT_TOP:
	case GS_REPORT_TOPPROTO:
		if (q->node_count == -1)
			q->node_count = 0;
		break;
	default:
		if (q->node_count == -1)
			q->node_count = 80;
	}
	if (r->kind == GS_REPORT_PROTO || r->kind == GS_REPORT_RAW || r->kind == GS_REPORT_CALLGRIND) {
		trim = false;
		q->granularity = GS_BY_ADDRESSES;
	}
	q->keep_objects = r->kind == GS_REPORT_RAW || r->kind == GS_REPORT_LIST || r->kind == GS_REPORT_WEBLIST ||
			  r->kind == GS_REPORT_DISASM || r->kind == GS_REPORT_CALLGRIND;
	if (r->kind == GS_REPORT_TRACES)
		q->trim_path = q->source_path = (gs_str){ 0 };
	if (!trim) {
		q->node_count = 0;
		q->node_fraction = q->edge_fraction = 0;
	}
}

bool gs_report_init(gs_report *r, gs_arena *mem, const gs_profile *p, const gs_query *q, gs_report_kind kind,
		    gs_str symbol, gs_err *err)
{
	gs_view_input in = { .profile = p };

	*r = (gs_report){ .mem = mem,
			  .kind = kind,
			  .query = *q,
			  .wanted = *q,
			  .profile = p,
			  .unit = q->unit,
			  .symbol_text = symbol };
	override(r);
	if (q->divide_by == 0)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "zero divisor specified");
	if (kind == GS_REPORT_PEEK || kind == GS_REPORT_LIST || kind == GS_REPORT_DISASM ||
	    kind == GS_REPORT_WEBLIST) {
		r->symbol = gs_re_compile(mem, symbol, err);
		if (!r->symbol)
			return gs_err_context(err, "parsing argument regexp %.*s", GS_FMT(symbol));
	}
	/* Labels of a drawing and call trees are of stacks; the other reports go over the samples. */
	if (kind == GS_REPORT_DOT || (kind == GS_REPORT_CALLGRIND && q->call_tree))
		r->view = gs_view_build(mem, &in, 1, &r->query, err);
	else
		r->view = gs_view_build_keys(mem, &in, 1, &r->query, err);
	if (!r->view)
		return false;
	r->profile = r->view->profiles[0].profile;
	r->units = gs_label_units_of(mem, r->profile);
	return true;
}

void gs_report_value(const gs_report *r, gs_buf *out, int64_t v)
{
	double ratio = 1 / r->query.divide_by;

	if (ratio > 0 && ratio != 1)
		v = gs_f64_to_i64((double)v * ratio);
	gs_unit_label(out, v, r->view->unit, r->unit);
}

gs_str gs_report_value_str(const gs_report *r, int64_t v)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 4096);
	gs_report_value(r, &b, v);
	return gs_str_dup(r->mem, gs_buf_view(&b));
}

/* Right-aligned; Go counts characters, not bytes. */
void gs_report_pad(gs_buf *out, gs_str s, unsigned width)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	if (n < width)
		gs_buf_fill(out, ' ', width - n);
	gs_buf_str(out, s);
}

/* Pick one unit for all values: the largest in which the smallest value still shows. */
static void select_unit(gs_report *r, const gs_graph *g)
{
	int64_t min = 0, max = r->view->total;
	double ratio = 1 / r->query.divide_by;
	gs_str min_unit, max_unit, unit, least = GS_S("minimum");

	if (!gs_str_eq(r->unit, least) || g->n_shown == 0)
		return;
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		int64_t v = gs_abs64(gs_div(n->flat, n->flat_div));

		if (v == 0)
			v = gs_abs64(gs_div(n->cum, n->cum_div));
		if (v > 0 && (min == 0 || v < min))
			min = v;
	}
	if (min == 0)
		min = max;
	if (ratio > 0 && ratio != 1) {
		min = gs_f64_to_i64((double)min * ratio);
		max = gs_f64_to_i64((double)max * ratio);
	}
	gs_unit_scale(min, r->view->unit, least, &min_unit);
	gs_unit_scale(max, r->view->unit, least, &max_unit);
	unit = min_unit;
	if (!gs_str_eq(min_unit, max_unit) && (int64_t)((uint64_t)min * 100) < max && r->kind != GS_REPORT_CALLGRIND)
		gs_unit_scale((int64_t)((uint64_t)min * 100), r->view->unit, least, &unit);
	r->unit = unit.n ? unit : r->view->unit;
}

gs_graph *gs_report_graph(gs_report *r, bool whole, gs_err *err)
{
	gs_graph_options o = { .for_drawing = r->kind == GS_REPORT_DOT,
			       .has_call_tree = r->kind == GS_REPORT_DOT || r->kind == GS_REPORT_CALLGRIND,
			       .is_whole = whole,
			       .tag_unit = r->unit };
	gs_graph *g = gs_graph_build(r->mem, r->view, &o, err);

	if (g && !whole)
		select_unit(r, g);
	return g;
}

void gs_report_profile_labels(gs_report *r, gs_buf *out)
{
	const gs_profile *p = r->profile;

	if (p->n_mappings > 1) {
		gs_str file = gs_profile_str(p, p->mappings[1].file), id = gs_profile_str(p, p->mappings[1].build_id);

		if (file.n)
			gs_buf_f(out, "File: %.*s\n", GS_FMT(gs_path_base(file)));
		if (id.n)
			gs_buf_f(out, "Build ID: %.*s\n", GS_FMT(id));
	}
	for (uint32_t i = 0; i < p->n_comments; i++) {
		gs_str c = gs_profile_str(p, p->comments[i]);

		if (c.n == 0 || c.p[0] != '#') {
			gs_buf_str(out, c);
			gs_buf_c(out, '\n');
		}
	}
	if (r->view->type.n || r->query.mean)
		gs_buf_f(out, "Type: %s%.*s\n", r->query.mean ? "mean_" : "", GS_FMT(r->view->type));
	if (p->doc_url)
		gs_buf_f(out, "Doc: %.*s\n", GS_FMT(gs_profile_str(p, p->doc_url)));
	if (p->time_ns) {
		int64_t seconds = p->time_ns / 1000000000 - (p->time_ns % 1000000000 < 0);
		time_t t = (time_t)seconds;
		struct tm tm;
		char text[80];

		if (localtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm))
			gs_buf_f(out, "Time: %s\n", text);
	}
	if (p->duration_ns) {
		gs_str unit;
		double total = gs_unit_scale(r->view->total, r->view->unit, GS_S("nanoseconds"), &unit);

		gs_buf_z(out, "Duration: ");
		gs_unit_label(out, p->duration_ns, GS_S("nanoseconds"), GS_S("auto"));
		gs_buf_z(out, ", Total samples = ");
		gs_report_value(r, out, r->view->total);
		gs_buf_c(out, ' ');
		if (gs_str_eq(unit, GS_S("ns")) && total != 0) {
			gs_buf_c(out, '(');
			gs_percent(out, gs_f64_to_i64(total), p->duration_ns);
			gs_buf_c(out, ')');
		}
		gs_buf_c(out, '\n');
	}
}

static void active_filters(const gs_report *r, gs_buf *out)
{
	const gs_query *q = &r->query;
	const struct {
		const char *name;
		gs_str value;
	} all[] = {
		{ "focus", q->focus },	     { "ignore", q->ignore },	{ "hide", q->hide },
		{ "show", q->show },	     { "show_from", q->show_from }, { "tagfocus", q->tagfocus },
		{ "tagignore", q->tagignore }, { "tagshow", q->tagshow }, { "taghide", q->taghide },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t from;
		GS_AUTO(buf) b = { 0 };

		if (!all[i].value.n)
			continue;
		if (!any)
			gs_buf_z(out, "Active filters:\n");
		any = true;
		gs_buf_init(&b, 1 << 20);
		from = 80;
		gs_buf_f(&b, "%s=%.*s", all[i].name, GS_FMT(all[i].value));
		gs_buf_f(out, "   %.*s%s\n", (int)(b.n > from ? from : b.n), b.p, b.n > from ? "\xe2\x80\xa6" : "");
	}
}

static void dropped(gs_report *r, gs_buf *out, uint32_t n, const char *what, const char *by, double fraction)
{
	if (!n)
		return;
	gs_buf_f(out, "Dropped %u %s%s (%s <= ", n, what, n > 1 ? "s" : "", by);
	gs_report_value(r, out, gs_abs64((int64_t)((double)r->view->total * fraction)));
	gs_buf_z(out, ")\n");
}

void gs_report_labels(gs_report *r, const gs_graph *g, uint32_t n_dropped_edges, bool full, gs_buf *out)
{
	int64_t shown = 0, total = r->view->total;
	gs_str percent;

	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];

		shown = (int64_t)((uint64_t)shown + (uint64_t)gs_div(n->flat, n->flat_div));
	}
	if (full || !r->query.compact_labels)
		gs_report_profile_labels(r, out);
	active_filters(r, out);
	gs_buf_z(out, "Showing nodes accounting for ");
	gs_report_value(r, out, shown);
	percent = gs_str_trim(gs_percent_str(r->mem, shown, total));
	gs_buf_f(out, ", %.*s of ", GS_FMT(percent));
	gs_report_value(r, out, total);
	gs_buf_z(out, " total\n");
	if (total != 0) {
		dropped(r, out, g->n_dropped_nodes, "node", "cum", r->query.node_fraction);
		dropped(r, out, n_dropped_edges, "edge", "freq", r->query.edge_fraction);
		if (g->n_shown > 0 && g->n_shown < g->n_original)
			gs_buf_f(out, "Showing top %u nodes out of %u\n", g->n_shown, g->n_original);
	}
	if (full)
		gs_buf_z(out, "\nSee https://git.io/JfYMW for how to read the graph\n");
}

/* The columns flat, flat%, sum%, cum and cum% of one function. */
static void write_costs(const gs_report *r, int64_t flat, int64_t flat_sum, int64_t cum, gs_buf *out)
{
	int64_t total = r->view->total;

	gs_report_pad(out, gs_report_value_str(r, flat), 10);
	gs_buf_c(out, ' ');
	gs_percent(out, flat, total);
	gs_buf_c(out, ' ');
	gs_percent(out, flat_sum, total);
	gs_buf_c(out, ' ');
	gs_report_pad(out, gs_report_value_str(r, cum), 10);
	gs_buf_c(out, ' ');
	gs_percent(out, cum, total);
}

static bool write_top(gs_report *r, gs_buf *out, gs_err *err)
{
	gs_graph *g = gs_report_graph(r, false, err);
	int64_t flat_sum = 0;

	if (!g)
		return false;
	gs_report_labels(r, g, 0, false, out);
	gs_buf_f(out, "%10s %5s%% %5s%% %10s %5s%%\n", "flat", "flat", "sum", "cum", "cum");
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		int64_t flat = gs_div(n->flat, n->flat_div), cum = gs_div(n->cum, n->cum_div);
		bool some, others;

		flat_sum = (int64_t)((uint64_t)flat_sum + (uint64_t)flat);
		gs_graph_inlined(g, g->shown[i], &some, &others);
		write_costs(r, flat, flat_sum, cum, out);
		gs_buf_z(out, "  ");
		gs_buf_str(out, gs_graph_name(g, g->shown[i]));
		gs_buf_z(out, some ? others ? " (partial-inline)\n" : " (inline)\n" : "\n");
	}
	return true;
}

static bool write_edges(gs_report *r, gs_graph *g, const uint32_t *edges, uint32_t n, bool callers, int64_t cum,
			gs_buf *out)
{
	uint32_t n_left;
	uint32_t *list = gs_graph_sort_edges(g, r->mem, edges, n, &n_left);

	for (uint32_t i = 0; list && i < n_left; i++) {
		const gs_edge *e = &g->edges[list[i]];

		gs_report_pad(out, gs_report_value_str(r, e->weight), 50);
		gs_buf_c(out, ' ');
		gs_percent(out, e->weight, cum);
		gs_buf_z(out, " |   ");
		gs_buf_str(out, gs_graph_name(g, callers ? e->src : e->dest));
		gs_buf_z(out, e->is_inline ? " (inline)\n" : "\n");
	}
	return list != NULL;
}

static bool write_tree(gs_report *r, gs_buf *out, gs_err *err)
{
	static const char line[] = "----------------------------------------------------------+-------------\n";
	gs_graph *g = gs_report_graph(r, false, err);
	int64_t flat_sum = 0;
	uint32_t matched = 0;

	if (!g)
		return false;
	gs_report_labels(r, g, 0, false, out);
	gs_buf_z(out, line);
	gs_buf_z(out, "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t \n");
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		int64_t flat = gs_div(n->flat, n->flat_div), cum = gs_div(n->cum, n->cum_div);
		gs_str name = gs_graph_name(g, g->shown[i]);

		if (r->symbol && !gs_re_match(r->symbol, name))
			continue;
		matched++;
		gs_buf_z(out, line);
		write_edges(r, g, n->in, n->n_in, true, cum, out);
		flat_sum = (int64_t)((uint64_t)flat_sum + (uint64_t)flat);
		write_costs(r, flat, flat_sum, cum, out);
		gs_buf_z(out, "                | ");
		gs_buf_str(out, name);
		gs_buf_c(out, '\n');
		write_edges(r, g, n->out, n->n_out, false, cum, out);
	}
	if (g->n_shown > 0)
		gs_buf_z(out, line);
	if (r->symbol && !matched)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no matches found for regexp: %.*s",
			       GS_FMT(r->symbol_text));
	return true;
}

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a report");
}

bool gs_report_write(gs_report *r, gs_buf *out, gs_err *err)
{
	bool ok = true;

	switch (r->kind) {
	case GS_REPORT_TOP:
		ok = write_top(r, out, err);
		break;
	case GS_REPORT_TREE:
	case GS_REPORT_PEEK:
		ok = write_tree(r, out, err);
		break;
	case GS_REPORT_LIST:
		ok = gs_report_write_list(r, out, err);
		break;
	case GS_REPORT_DISASM:
		ok = gs_report_write_disasm(r, out, err);
		break;
	case GS_REPORT_WEBLIST:
		ok = gs_report_write_weblist(r, out, err);
		break;
	case GS_REPORT_TRACES:
		ok = gs_report_write_stacks(r, out) || no_memory(err);
		break;
	case GS_REPORT_TAGS:
		ok = gs_report_write_tags(r, out) || no_memory(err);
		break;
	case GS_REPORT_COMMENTS:
		for (uint32_t i = 0; i < r->profile->n_comments; i++) {
			gs_buf_str(out, gs_profile_str(r->profile, r->profile->comments[i]));
			gs_buf_c(out, '\n');
		}
		break;
	case GS_REPORT_RAW:
		gs_report_write_raw(r, out);
		break;
	case GS_REPORT_CALLGRIND:
		ok = gs_report_write_callgrind(r, out, err);
		break;
	case GS_REPORT_DOT:
		ok = gs_report_write_dot(r, out, err);
		break;
	case GS_REPORT_PROTO:
	case GS_REPORT_TOPPROTO:
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "this report is a profile, not text");
	}
	if (ok && out->bad)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the report is larger than its budget");
	return ok;
}
