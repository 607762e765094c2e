/* Annotated source: each function that matches, each of its files, from its first line to its last sample and a bit more. */
#include <inttypes.h>

#include "analysis/names.h"
#include "analysis/units.h"
#include "base/json.h"
#include "present/markup.h"
#include "present/report.h"

enum { MARGIN = 5 };

typedef struct listing {
	gs_report *r;
	gs_graph *g;
	uint32_t *nodes; /* that match, by name, file and line */
	uint32_t n;
	gs_buf *out;
} listing;

static int compare_nodes(const void *a, const void *b, void *ctx)
{
	const listing *l = ctx;
	const gs_view *v = l->r->view;
	const gs_key *x = gs_graph_key(l->g, *(const uint32_t *)a), *y = gs_graph_key(l->g, *(const uint32_t *)b);
	int c = gs_str_cmp(gs_view_str(v, x->name), gs_view_str(v, y->name));

	if (!c)
		c = gs_str_cmp(gs_view_str(v, x->file), gs_view_str(v, y->file));
	if (!c)
		c = x->line < y->line ? -1 : x->line > y->line;
	return c;
}

static bool find_nodes(listing *l, gs_err *err)
{
	const gs_view *v = l->r->view;

	l->g = gs_report_graph(l->r, true, err);
	if (!l->g)
		return false;
	l->nodes = gs_try_new(l->r->mem, uint32_t, l->g->n_shown);
	if (!l->nodes)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a report");
	for (uint32_t i = 0; i < l->g->n_shown; i++)
		if (gs_re_match(l->r->symbol, gs_view_str(v, gs_graph_key(l->g, l->g->shown[i])->name)))
			l->nodes[l->n++] = l->g->shown[i];
	if (!l->n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no matches found for regexp: %.*s",
			       GS_FMT(l->r->symbol_text));
	qsort_r(l->nodes, l->n, sizeof(*l->nodes), compare_nodes, l);
	return true;
}

static void put_value_or_dot(const gs_report *r, gs_buf *out, int64_t v)
{
	gs_report_pad(out, v ? gs_report_value_str(r, v) : GS_S("."), 10);
}

/* Values of one line: nodes [from, to) are by line. */
static void line_values(const listing *l, uint32_t from, uint32_t to, int64_t line, int64_t *flat, int64_t *cum)
{
	*flat = *cum = 0;
	for (uint32_t i = from; i < to; i++)
		if (gs_graph_key(l->g, l->nodes[i])->line == line) {
			*flat += l->g->nodes[l->nodes[i]].flat;
			*cum += l->g->nodes[l->nodes[i]].cum;
		}
}

static void line_range(const listing *l, uint32_t from, uint32_t to, int64_t *start, int64_t *end)
{
	*start = INT64_MAX;
	*end = 0;
	for (uint32_t i = from; i < to; i++) {
		const gs_key *k = gs_graph_key(l->g, l->nodes[i]);
		int64_t first = k->start_line ? k->start_line : k->line - MARGIN;

		*start = first < *start ? first : *start;
		*end = k->line + MARGIN > *end ? k->line + MARGIN : *end;
	}
	if (*start < 1)
		*start = 1;
}

static void put_file(listing *l, uint32_t from, uint32_t to)
{
	gs_report *r = l->r;
	const gs_key *k = gs_graph_key(l->g, l->nodes[from]);
	gs_str file = gs_view_str(r->view, k->file);
	int64_t flat = 0, cum = 0, start, end;
	const gs_str *lines = NULL;
	uint32_t n_lines = 0;
	gs_err err = { 0 };

	for (uint32_t i = from; i < to; i++) {
		flat += l->g->nodes[l->nodes[i]].flat;
		cum += l->g->nodes[l->nodes[i]].cum;
	}
	gs_buf_z(l->out, "ROUTINE ======================== ");
	gs_buf_str(l->out, gs_view_str(r->view, k->name));
	gs_buf_z(l->out, " in ");
	gs_buf_str(l->out, file);
	gs_buf_c(l->out, '\n');
	gs_report_pad(l->out, gs_report_value_str(r, flat), 10);
	gs_buf_c(l->out, ' ');
	gs_report_pad(l->out, gs_report_value_str(r, cum), 10);
	gs_buf_z(l->out, " (flat, cum) ");
	gs_percent(l->out, cum, r->view->total);
	gs_buf_z(l->out, " of Total\n");
	if (!r->sources || !r->sources->open(r->sources->ctx, file, &lines, &n_lines, &err)) {
		gs_buf_f(l->out, " Error: %s\n", r->sources ? err.text : "no sources here");
		return;
	}
	line_range(l, from, to, &start, &end);
	for (int64_t line = start; line <= end && line <= n_lines; line++) {
		line_values(l, from, to, line, &flat, &cum);
		put_value_or_dot(r, l->out, flat);
		gs_buf_c(l->out, ' ');
		put_value_or_dot(r, l->out, cum);
		gs_buf_f(l->out, " %6" PRId64 ":", line);
		gs_buf_str(l->out, lines[line - 1]);
		gs_buf_c(l->out, '\n');
	}
}

/* Runs of nodes with one name, in them runs with one file. */
static void each_function(listing *l, void (*begin)(listing *, gs_str name, bool has_file),
			  void (*file)(listing *, uint32_t from, uint32_t to))
{
	for (uint32_t i = 0; i < l->n;) {
		uint32_t name = gs_graph_key(l->g, l->nodes[i])->name, end = i;

		while (end < l->n && gs_graph_key(l->g, l->nodes[end])->name == name)
			end++;
		begin(l, gs_view_str(l->r->view, name), gs_graph_key(l->g, l->nodes[end - 1])->file != 0);
		while (i < end) {
			uint32_t f = gs_graph_key(l->g, l->nodes[i])->file, last = i;

			while (last < end && gs_graph_key(l->g, l->nodes[last])->file == f)
				last++;
			if (f)
				file(l, i, last);
			i = last;
		}
	}
}

static void begin_text(listing *l, gs_str name, bool has_file)
{
	if (has_file)
		return;
	gs_buf_z(l->out, "No source information for ");
	gs_buf_str(l->out, name);
	gs_buf_c(l->out, '\n');
}

bool gs_report_write_list(gs_report *r, gs_buf *out, gs_err *err)
{
	listing l = { .r = r, .out = out };

	if (!find_nodes(&l, err))
		return false;
	gs_buf_z(out, "Total: ");
	gs_report_value(r, out, r->view->total);
	gs_buf_c(out, '\n');
	each_function(&l, begin_text, put_file);
	return true;
}

static void begin_html(listing *l, gs_str name, bool has_file)
{
	gs_buf_z(l->out, "<h2>");
	gs_markup_text(l->out, name);
	gs_buf_z(l->out, "</h2>\n");
	if (!has_file)
		gs_buf_z(l->out, "<p>No source information.</p>\n");
}

static void put_html_file(listing *l, uint32_t from, uint32_t to)
{
	gs_report *r = l->r;
	gs_str file = gs_view_str(r->view, gs_graph_key(l->g, l->nodes[from])->file);
	int64_t start, end, flat, cum;
	const gs_str *lines = NULL;
	uint32_t n_lines = 0;
	gs_err err = { 0 };
	bool found = r->sources && r->sources->open(r->sources->ctx, file, &lines, &n_lines, &err);

	gs_buf_z(l->out, "<p class=file>");
	gs_markup_text(l->out, file);
	if (!found) {
		gs_buf_z(l->out, ": ");
		gs_markup_text(l->out, gs_str_of(err.text));
	}
	gs_buf_z(l->out, "</p>\n<table>\n");
	line_range(l, from, to, &start, &end);
	for (int64_t line = start; line <= end && (!found || line <= n_lines); line++) {
		line_values(l, from, to, line, &flat, &cum);
		if (!found && !cum)
			continue;
		gs_buf_f(l->out, "<tr%s><td>%" PRId64 "<td>%.*s<td>%.*s<td>", cum ? " class=hot" : "", line,
			 GS_FMT(flat ? gs_report_value_str(r, flat) : GS_S("")),
			 GS_FMT(cum ? gs_report_value_str(r, cum) : GS_S("")));
		if (found)
			gs_markup_text(l->out, lines[line - 1]);
		gs_buf_c(l->out, '\n');
	}
	gs_buf_z(l->out, "</table>\n");
}

bool gs_report_write_weblist(gs_report *r, gs_buf *out, gs_err *err)
{
	listing l = { .r = r, .out = out };

	if (!find_nodes(&l, err))
		return false;
	gs_buf_z(out, "<!doctype html><meta charset=utf-8><title>annotated source</title><style>"
		      "body{font:14px system-ui,sans-serif;margin:1em 2em;color-scheme:light dark}"
		      "table{font:13px monospace;border-spacing:0}td{white-space:pre;padding:0 .6em;text-align:right;opacity:.6}"
		      "td:last-child{text-align:left;tab-size:4}tr.hot td{opacity:1}tr.hot{background:#f802}"
		      ".file{opacity:.7}</style>\n<h1>Total: ");
	gs_markup_text(out, gs_report_value_str(r, r->view->total));
	gs_buf_z(out, "</h1>\n");
	each_function(&l, begin_html, put_html_file);
	return true;
}
