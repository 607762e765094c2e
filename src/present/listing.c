#include "present/listing.h"

#include <inttypes.h>

#include "analysis/names.h"
#include "present/printable.h"

enum { MARGIN = 5 };

/* One function in one file. */
typedef struct part {
	gs_str name, file;
	uint32_t *nodes; /* of the graph by lines, sorted by line */
	uint32_t n;
	int64_t flat, cum, start, end;
	uint32_t mapping;
} part;

typedef struct listing {
	gs_arena *mem;
	const gs_listing_options *o;
	const gs_listing_code *code;
	const gs_table_style *style;
	gs_view *lines;
	gs_graph *by_line, *by_address;
	part *parts;
	uint32_t n_parts;
	gs_buf *out;
	gs_json json;
} listing;

static int compare_nodes(const void *a, const void *b, void *ctx)
{
	const gs_graph *g = ctx;
	const gs_key *x = gs_graph_key(g, *(const uint32_t *)a), *y = gs_graph_key(g, *(const uint32_t *)b);
	const gs_view *v = g->view;
	int c = gs_str_cmp(gs_view_str(v, x->name), gs_view_str(v, y->name));

	if (!c)
		c = gs_str_cmp(gs_view_str(v, x->file), gs_view_str(v, y->file));
	return c ? c : x->line < y->line ? -1 : x->line > y->line;
}

static int compare_parts(const void *a, const void *b)
{
	const part *x = a, *y = b;

	if (gs_abs64(x->cum) != gs_abs64(y->cum))
		return gs_abs64(x->cum) > gs_abs64(y->cum) ? -1 : 1;
	return gs_str_cmp(x->name, y->name) ? gs_str_cmp(x->name, y->name) : gs_str_cmp(x->file, y->file);
}

/* A function's own total counts recursion once: that comes from a view by functions. */
static bool exact_totals(listing *l, gs_err *err)
{
	gs_query *q = gs_new(l->mem, gs_query, 1);
	gs_view *v;
	gs_rows *rows;

	*q = *l->o->query;
	q->granularity = GS_BY_FILEFUNCTIONS;
	v = gs_view_build(l->mem, l->o->in, l->o->n_in, q, err);
	rows = v ? gs_rows_build(l->mem, v, err) : NULL;
	if (!rows)
		return false;
	for (uint32_t i = 0; i < l->n_parts; i++)
		for (uint32_t k = 0; k < rows->n; k++) {
			const gs_key *key = &v->keys[rows->list[k].key];

			if (gs_str_eq(gs_view_str(v, key->name), l->parts[i].name) &&
			    gs_str_eq(gs_view_str(v, key->file), l->parts[i].file)) {
				l->parts[i].flat = rows->list[k].flat;
				l->parts[i].cum = rows->list[k].cum;
				break;
			}
		}
	return true;
}

static uint32_t mapping_of(const gs_profile *p, const gs_view *v, const gs_key *k)
{
	for (uint32_t m = 1; m < p->n_mappings; m++)
		if (gs_str_eq(gs_profile_str(p, p->mappings[m].file), gs_view_str(v, k->object ? k->object : k->at_object)))
			return m;
	return 0;
}

static bool find_parts(listing *l, gs_err *err)
{
	const gs_graph *g = l->by_line;
	const gs_view *v = l->lines;
	uint32_t *nodes = gs_new(l->mem, uint32_t, g->n_shown), n = 0;
	const gs_re *re = NULL;
	bool exact = false;

	for (uint32_t i = 0; i < g->n_shown && !exact; i++)
		exact = gs_str_eq(gs_view_str(v, gs_graph_key(g, g->shown[i])->name), l->o->function);
	if (!exact) {
		re = gs_re_compile(l->mem, l->o->function, err);
		if (!re)
			return false;
	}
	for (uint32_t i = 0; i < g->n_shown; i++) {
		gs_str name = gs_view_str(v, gs_graph_key(g, g->shown[i])->name);

		if (exact ? gs_str_eq(name, l->o->function) : gs_re_match(re, name))
			nodes[n++] = g->shown[i];
	}
	if (!n)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no function in the profile matches \"%.*s\"",
			       GS_FMT(l->o->function));
	qsort_r(nodes, n, sizeof(*nodes), compare_nodes, l->by_line);
	l->parts = gs_new(l->mem, part, n);
	for (uint32_t i = 0; i < n; i++) {
		const gs_key *k = gs_graph_key(g, nodes[i]);
		gs_str name = gs_view_str(v, k->name), file = gs_view_str(v, k->file);
		part *p = l->n_parts ? &l->parts[l->n_parts - 1] : NULL;

		if (!p || !gs_str_eq(p->name, name) || !gs_str_eq(p->file, file)) {
			p = &l->parts[l->n_parts++];
			*p = (part){ .name = name, .file = file, .nodes = nodes + i, .start = INT64_MAX };
			p->mapping = mapping_of(v->profiles[0].profile, v, k);
		}
		p->n++;
		if (k->line) {
			int64_t first = k->start_line ? k->start_line : k->line - MARGIN;

			p->start = first < p->start ? first : p->start;
			p->end = k->line + MARGIN > p->end ? k->line + MARGIN : p->end;
		}
	}
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (l->parts[i].start < 1 || l->parts[i].start == INT64_MAX)
			l->parts[i].start = 1;
	if (!exact_totals(l, err))
		return false;
	qsort(l->parts, l->n_parts, sizeof(*l->parts), compare_parts);
	return true;
}

typedef struct line_asm {
	const gs_report_instruction *list;
	int64_t *flat, *cum;
	uint32_t n;
} line_asm;

static int compare_addresses(const void *a, const void *b, void *ctx)
{
	const gs_graph *g = ctx;
	uint64_t x = gs_graph_key(g, *(const uint32_t *)a)->address, y = gs_graph_key(g, *(const uint32_t *)b)->address;

	return x < y ? -1 : x > y;
}

/* Costs of a function's instructions; samples inside an instruction are the instruction's. */
static bool find_asm(listing *l, const part *p, line_asm *out)
{
	gs_graph *g = l->by_address;
	const gs_profile *profile = l->lines->profiles[0].profile;
	uint32_t *nodes, n = 0, at = 0;
	uint64_t start, end;

	*out = (line_asm){ 0 };
	if (!g || !p->mapping ||
	    !l->code->instructions(l->code->ctx, profile, p->mapping, p->name, &out->list, &out->n) || !out->n)
		return false;
	start = out->list[0].address;
	end = out->list[out->n - 1].address + out->list[out->n - 1].size;
	out->flat = gs_new(l->mem, int64_t, out->n);
	out->cum = gs_new(l->mem, int64_t, out->n);
	nodes = gs_new(l->mem, uint32_t, g->n_shown);
	for (uint32_t i = 0; i < g->n_shown; i++) {
		uint64_t address = gs_graph_key(g, g->shown[i])->address;

		if (address >= start && address < end)
			nodes[n++] = g->shown[i];
	}
	qsort_r(nodes, n, sizeof(*nodes), compare_addresses, g);
	for (uint32_t i = 0; i < out->n; i++) {
		uint64_t next = i + 1 < out->n ? out->list[i + 1].address : UINT64_MAX;

		for (; at < n && gs_graph_key(g, nodes[at])->address < next; at++) {
			out->flat[i] += g->nodes[nodes[at]].flat;
			out->cum[i] += g->nodes[nodes[at]].cum;
		}
	}
	return true;
}

static void line_cost(const listing *l, const part *p, int64_t line, int64_t *flat, int64_t *cum)
{
	*flat = *cum = 0;
	for (uint32_t i = 0; i < p->n; i++)
		if (gs_graph_key(l->by_line, p->nodes[i])->line == line) {
			*flat += l->by_line->nodes[p->nodes[i]].flat;
			*cum += l->by_line->nodes[p->nodes[i]].cum;
		}
}

static void asm_json(listing *l, const line_asm *a, int64_t line)
{
	gs_json *j = &l->json;
	char hex[24];

	gs_json_key(j, "asm");
	gs_json_array(j);
	for (uint32_t i = 0; i < a->n; i++) {
		const gs_report_instruction *in = &a->list[i];

		if (in->outer_line != line)
			continue;
		gs_json_object(j);
		snprintf(hex, sizeof(hex), "0x%" PRIx64, in->address);
		gs_json_kstr(j, "address", gs_str_of(hex));
		gs_json_ki64(j, "flat", a->flat[i]);
		gs_json_ki64(j, "cum", a->cum[i]);
		gs_json_kstr(j, "text", in->text);
		gs_json_key(j, "inline");
		gs_json_array(j);
		for (unsigned k = 0; k < in->n_inline; k++)
			gs_json_str(j, in->inlined[k]);
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void asm_text(listing *l, const line_asm *a, int64_t line)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const gs_report_instruction *in = &a->list[i];

		if (in->outer_line != line)
			continue;
		if (a->flat[i])
			gs_table_value_padded(l->lines, l->style, l->out, a->flat[i], 10);
		else
			gs_buf_f(l->out, "%10s", ".");
		gs_buf_f(l->out, " %10s        %#" PRIx64 ": ", "", in->address);
		gs_printable(l->out, in->text);
		for (unsigned k = 0; k < in->n_inline; k++) {
			gs_buf_z(l->out, k ? " < " : "    ; ");
			gs_printable(l->out, in->inlined[k]);
		}
		gs_buf_c(l->out, '\n');
	}
}

static void part_json(listing *l, const part *p, const gs_listing_file *f, const line_asm *a)
{
	gs_json *j = &l->json;
	int64_t end = f->path.n && f->n < p->end ? f->n : p->end;

	gs_json_object(j);
	gs_json_kstr(j, "name", p->name);
	gs_json_kstr(j, "file", p->file);
	gs_json_key(j, "path");
	if (f->path.n)
		gs_json_str(j, f->path);
	else
		gs_json_null(j);
	gs_json_ki64(j, "start_line", p->start);
	gs_json_ki64(j, "flat", p->flat);
	gs_json_ki64(j, "cum", p->cum);
	gs_json_key(j, "missing");
	if (f->path.n)
		gs_json_null(j);
	else
		gs_json_str(j, f->missing.n ? f->missing : GS_S("the profile does not say where the function is"));
	if (f->note.n)
		gs_json_kstr(j, "note", f->note);
	gs_json_key(j, "lines");
	gs_json_array(j);
	for (int64_t line = p->start; line <= end; line++) {
		int64_t flat, cum;

		line_cost(l, p, line, &flat, &cum);
		if (!f->path.n && !cum && !flat)
			continue;
		gs_json_object(j);
		gs_json_ki64(j, "n", line);
		gs_json_kstr(j, "text", f->path.n ? f->lines[line - 1] : (gs_str){ 0 });
		gs_json_ki64(j, "flat", flat);
		gs_json_ki64(j, "cum", cum);
		if (l->o->with_asm)
			asm_json(l, a, line);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
}

static void part_text(listing *l, const part *p, const gs_listing_file *f, const line_asm *a)
{
	gs_buf *out = l->out;
	int64_t end = f->path.n && f->n < p->end ? f->n : p->end;

	if (out->n)
		gs_buf_c(out, '\n');
	gs_buf_z(out, l->style->use_color ? "\x1b[1m" : "");
	gs_printable(out, p->name);
	gs_buf_z(out, l->style->use_color ? "\x1b[0m  " : "  ");
	gs_printable(out, f->path.n ? f->path : p->file);
	gs_buf_c(out, '\n');
	gs_table_value_padded(l->lines, l->style, out, p->flat, 10);
	gs_buf_c(out, ' ');
	gs_table_value_padded(l->lines, l->style, out, p->cum, 10);
	gs_buf_f(out, "  %.2f%% of the total\n", gs_table_percent(p->cum, l->lines->total));
	if (!f->path.n || f->note.n) {
		gs_buf_z(out, "  ");
		gs_printable(out, f->path.n ? f->note : f->missing.n ? f->missing : GS_S("the profile does not say where the function is"));
		gs_buf_c(out, '\n');
	}
	for (int64_t line = p->start; line <= end; line++) {
		int64_t flat, cum;

		line_cost(l, p, line, &flat, &cum);
		if (!f->path.n && !cum && !flat)
			continue;
		if (flat)
			gs_table_value_padded(l->lines, l->style, out, flat, 10);
		else
			gs_buf_f(out, "%10s", cum ? "." : "");
		gs_buf_c(out, ' ');
		if (cum)
			gs_table_value_padded(l->lines, l->style, out, cum, 10);
		else
			gs_buf_f(out, "%10s", "");
		gs_buf_f(out, " %6" PRId64 "  ", line);
		if (f->path.n) {
			gs_str text = f->lines[line - 1], piece;
			bool tab;

			/* Tabs are the one control character that source needs. */
			do {
				tab = gs_str_cut(text, '\t', &piece, &text);
				gs_printable(out, piece);
				if (tab)
					gs_buf_c(out, '\t');
			} while (tab);
		}
		gs_buf_c(out, '\n');
		if (l->o->with_asm)
			asm_text(l, a, line);
	}
}

bool gs_listing_write(gs_arena *mem, const gs_listing_options *o, const gs_listing_code *code, const gs_table_style *s,
		      gs_buf *out, gs_err *err)
{
	listing l = { .mem = mem, .o = o, .code = code, .style = s, .out = out, .json = gs_json_to(out) };
	gs_graph_options whole = { .is_whole = true };
	gs_query *by_line = gs_new(mem, gs_query, 1), *by_address = gs_new(mem, gs_query, 1);

	*by_line = *by_address = *o->query;
	by_line->granularity = GS_BY_LINES;
	by_line->keep_objects = true;
	by_address->granularity = GS_BY_ADDRESSES;
	by_address->noinlines = true;
	l.lines = gs_view_build(mem, o->in, o->n_in, by_line, err);
	l.by_line = l.lines ? gs_graph_build(mem, l.lines, &whole, err) : NULL;
	if (!l.by_line || !find_parts(&l, err))
		return false;
	if (o->with_asm) {
		gs_view *v = gs_view_build(mem, o->in, o->n_in, by_address, err);

		l.by_address = v ? gs_graph_build(mem, v, &whole, err) : NULL;
		if (!l.by_address)
			return false;
	}
	if (o->json) {
		gs_json_object(&l.json);
		gs_json_kstr(&l.json, "type", l.lines->type);
		gs_json_kstr(&l.json, "unit", l.lines->unit);
		gs_json_ki64(&l.json, "total", l.lines->total);
		gs_json_ku64(&l.json, "count", l.n_parts);
		gs_json_key(&l.json, "functions");
		gs_json_array(&l.json);
	}
	for (uint32_t i = 0; i < l.n_parts && (!o->limit || i < o->limit); i++) {
		gs_listing_file file = { 0 };
		line_asm a = { 0 };

		if (l.parts[i].file.n)
			code->lines(code->ctx, l.parts[i].file, l.parts[i].name, &file);
		if (o->with_asm)
			find_asm(&l, &l.parts[i], &a);
		if (o->json)
			part_json(&l, &l.parts[i], &file, &a);
		else
			part_text(&l, &l.parts[i], &file, &a);
	}
	if (o->json) {
		gs_json_array_end(&l.json);
		gs_json_object_end(&l.json);
		gs_buf_c(out, '\n');
	} else if (o->limit && l.n_parts > o->limit) {
		gs_buf_f(out, "\n%u more functions match (-n 0 shows all)\n", l.n_parts - o->limit);
	}
	return true;
}
