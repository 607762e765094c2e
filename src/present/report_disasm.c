/* Annotated instructions of the functions that match. */
#include <inttypes.h>

#include "analysis/names.h"
#include "analysis/units.h"
#include "base/json.h"
#include "present/report.h"

typedef struct chosen {
	const gs_report_symbol *symbol;
	uint32_t *nodes; /* by address */
	uint32_t n;
	int64_t flat, cum;
} chosen;

typedef GS_VEC(chosen) chosen_list;

static int compare_symbols(const void *a, const void *b)
{
	const chosen *x = a, *y = b;
	int c = gs_str_cmp(x->symbol->name, y->symbol->name);

	return c ? c : x->symbol->start < y->symbol->start ? -1 : x->symbol->start > y->symbol->start;
}

static int compare_addresses(const void *a, const void *b, void *ctx)
{
	const gs_graph *g = ctx;
	uint64_t x = gs_graph_key(g, *(const uint32_t *)a)->address, y = gs_graph_key(g, *(const uint32_t *)b)->address;

	return x < y ? -1 : x > y;
}

/* Mappings whose file has a matching sample, or that hold the address asked for. */
static void wanted_mappings(gs_report *r, gs_graph *g, uint64_t address, bool is_address, uint8_t *wanted)
{
	const gs_profile *p = r->profile;

	for (uint32_t i = 0; i < g->n_shown; i++) {
		gs_str object = gs_view_str(r->view, gs_graph_key(g, g->shown[i])->object);

		/* A node's name says file and line too; whoever ends the pattern with $ means the function's. */
		if (!object.n || (!gs_re_match(r->symbol, gs_graph_name(g, g->shown[i])) &&
				  !gs_re_match(r->symbol, gs_view_str(r->view, gs_graph_key(g, g->shown[i])->name))))
			continue;
		for (uint32_t m = 1; m < p->n_mappings; m++)
			if (gs_str_eq(gs_profile_str(p, p->mappings[m].file), object))
				wanted[m] = 1;
	}
	for (uint32_t m = 1; m < p->n_mappings; m++)
		if (is_address && p->mappings[m].start <= address && address <= p->mappings[m].limit)
			wanted[m] = 1;
}

static bool choose(gs_report *r, gs_graph *g, chosen_list *out, uint64_t address, bool is_address, bool *any_symbol,
		   gs_err *why)
{
	const gs_profile *p = r->profile;
	uint8_t *wanted = gs_new(r->mem, uint8_t, p->n_mappings);

	wanted_mappings(r, g, address, is_address, wanted);
	for (uint32_t m = 1; m < p->n_mappings; m++) {
		const gs_report_symbol *list;
		uint32_t n;

		if (!wanted[m] || !r->code || !r->code->symbols(r->code->ctx, p, m, r->symbol, address, &list, &n, why))
			continue;
		*any_symbol = *any_symbol || n;
		for (uint32_t i = 0; i < n; i++) {
			chosen c = { .symbol = &list[i] };

			c.nodes = gs_try_new(r->mem, uint32_t, g->n_shown);
			if (!c.nodes)
				return false;
			for (uint32_t k = 0; k < g->n_shown; k++) {
				uint64_t at = gs_graph_key(g, g->shown[k])->address;

				if (at < list[i].start || at >= list[i].end)
					continue;
				c.nodes[c.n++] = g->shown[k];
				c.flat += g->nodes[g->shown[k]].flat;
				c.cum += g->nodes[g->shown[k]].cum;
			}
			if (c.n) {
				chosen *slot = gs_vec_push(out, 1 << 20);

				if (!slot)
					return false;
				qsort_r(c.nodes, c.n, sizeof(*c.nodes), compare_addresses, g);
				*slot = c;
			}
		}
	}
	return true;
}

static void put_value_or_dot(const gs_report *r, gs_buf *out, int64_t v)
{
	gs_report_pad(out, v ? gs_report_value_str(r, v) : GS_S("."), 10);
	gs_buf_c(out, ' ');
}

static bool put_symbol(gs_report *r, gs_graph *g, const chosen *c, gs_buf *out, gs_err *err)
{
	const gs_report_instruction *list;
	uint32_t n, at = 0;
	gs_str function = { 0 }, file = { 0 };
	int64_t line = 0;

	if (!r->code->instructions(r->code->ctx, r->profile, c->symbol, r->query.intel_syntax, &list, &n, err))
		return false;
	gs_buf_z(out, "ROUTINE ======================== ");
	gs_buf_str(out, c->symbol->name);
	gs_buf_c(out, '\n');
	gs_report_pad(out, gs_report_value_str(r, c->flat), 10);
	gs_buf_c(out, ' ');
	gs_report_pad(out, gs_report_value_str(r, c->cum), 10);
	gs_buf_z(out, " (flat, cum) ");
	gs_percent(out, c->cum, r->view->total);
	gs_buf_z(out, " of Total\n");
	for (uint32_t i = 0; i < n; i++) {
		gs_str fn = list[i].function, fl = gs_path_base(list[i].file);
		int64_t ln = list[i].line, flat = 0, flat_div = 0, cum = 0, cum_div = 0;
		uint64_t next = i + 1 < n ? list[i + 1].address : UINT64_MAX;
		GS_AUTO(buf) where = { 0 };

		if (!list[i].file.n)
			fl = (gs_str){ 0 };
		/* A sample may point into the middle of an instruction. */
		for (; at < c->n && gs_graph_key(g, c->nodes[at])->address < next; at++) {
			const gs_graph_node *node = &g->nodes[c->nodes[at]];
			const gs_key *k = gs_graph_key(g, c->nodes[at]);

			flat += node->flat;
			flat_div += node->flat_div;
			cum += node->cum;
			cum_div += node->cum_div;
			if (!fl.n && k->file)
				fl = gs_path_base(gs_view_str(r->view, k->file));
			if (!ln)
				ln = k->line;
			if (!fn.n)
				fn = gs_view_str(r->view, k->name);
		}
		gs_buf_init(&where, 1 << 20);
		if (!gs_str_eq(fn, function) || !gs_str_eq(fl, file) || ln != line) {
			function = fn;
			file = fl;
			line = ln;
			if (fn.n) {
				gs_buf_str(&where, fn);
				gs_buf_c(&where, ' ');
			}
			gs_buf_str(&where, fl);
			if (fl.n && ln)
				gs_buf_f(&where, ":%" PRId64, ln);
		}
		if (where.n && list[i].text.n >= 40) {
			gs_buf_fill(out, ' ', 74);
			gs_buf_c(out, ';');
			gs_buf_str(out, gs_buf_view(&where));
			gs_buf_c(out, '\n');
		}
		put_value_or_dot(r, out, gs_div(flat, flat_div));
		put_value_or_dot(r, out, gs_div(cum, cum_div));
		gs_buf_f(out, "%10" PRIx64 ": ", list[i].address - c->symbol->offset);
		gs_buf_str(out, list[i].text);
		if (where.n && list[i].text.n < 40) {
			gs_buf_fill(out, ' ', 40 - list[i].text.n);
			gs_buf_c(out, ';');
			gs_buf_str(out, gs_buf_view(&where));
		}
		gs_buf_c(out, '\n');
	}
	return true;
}

/* The functions that the report is about, by name. */
static bool collect(gs_report *r, gs_graph *g, chosen_list *list, gs_err *err)
{
	uint64_t address = 0;
	bool is_address = gs_str_u64(r->symbol_text, 0, &address), any = false;
	gs_err why = { 0 };

	if (!choose(r, g, list, address, is_address, &any, &why))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a report");
	if (list->n) {
		qsort(list->p, list->n, sizeof(*list->p), compare_symbols);
		return true;
	}
	if (!is_address)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no matches found for regexp %.*s%s%s",
			       GS_FMT(r->symbol_text), why.text[0] ? ": " : "", why.text);
	if (!any)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no matches found for address 0x%" PRIx64, address);
	return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
		       "address 0x%" PRIx64 " found in binary, but the corresponding symbols do not have samples in the profile",
		       address);
}

bool gs_report_write_disasm(gs_report *r, gs_buf *out, gs_err *err)
{
	gs_graph *g = gs_report_graph(r, true, err);
	chosen_list list = { 0 };
	bool ok = g && collect(r, g, &list, err);

	gs_buf_z(out, "Total: ");
	gs_report_value(r, out, r->view->total);
	gs_buf_c(out, '\n');
	for (size_t i = 0; ok && i < list.n; i++)
		ok = put_symbol(r, g, &list.p[i], out, err);
	gs_vec_release(&list);
	return ok;
}

static bool put_symbol_json(gs_report *r, gs_graph *g, const chosen *c, gs_json *j, gs_err *err)
{
	const gs_report_instruction *list;
	uint32_t n, at = 0;
	char hex[24];

	if (!r->code->instructions(r->code->ctx, r->profile, c->symbol, r->query.intel_syntax, &list, &n, err))
		return false;
	gs_json_object(j);
	gs_json_kstr(j, "name", c->symbol->name);
	gs_json_ki64(j, "flat", c->flat);
	gs_json_ki64(j, "cum", c->cum);
	gs_json_key(j, "instructions");
	gs_json_array(j);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t next = i + 1 < n ? list[i + 1].address : UINT64_MAX;
		int64_t flat = 0, cum = 0;

		for (; at < c->n && gs_graph_key(g, c->nodes[at])->address < next; at++) {
			flat += g->nodes[c->nodes[at]].flat;
			cum += g->nodes[c->nodes[at]].cum;
		}
		snprintf(hex, sizeof(hex), "0x%" PRIx64, list[i].address - c->symbol->offset);
		gs_json_object(j);
		gs_json_kstr(j, "address", gs_str_of(hex));
		gs_json_ki64(j, "flat", flat);
		gs_json_ki64(j, "cum", cum);
		gs_json_kstr(j, "text", list[i].text);
		gs_json_kstr(j, "file", list[i].file);
		gs_json_ki64(j, "line", list[i].line);
		gs_json_key(j, "inline");
		gs_json_array(j);
		for (unsigned k = 0; k < list[i].n_inline; k++)
			gs_json_str(j, list[i].inlined[k]);
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
	return true;
}

bool gs_report_write_disasm_json(gs_report *r, gs_buf *out, gs_err *err)
{
	gs_graph *g = gs_report_graph(r, true, err);
	chosen_list list = { 0 };
	gs_json j = gs_json_to(out);
	bool ok = g && collect(r, g, &list, err);

	gs_json_object(&j);
	gs_json_kstr(&j, "type", r->view->type);
	gs_json_kstr(&j, "unit", r->view->unit);
	gs_json_ki64(&j, "total", r->view->total);
	gs_json_key(&j, "functions");
	gs_json_array(&j);
	for (size_t i = 0; ok && i < list.n; i++)
		ok = put_symbol_json(r, g, &list.p[i], &j, err);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
	gs_vec_release(&list);
	return ok;
}
