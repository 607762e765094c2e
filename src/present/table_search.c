#include "present/printable.h"
#include "present/tables.h"

bool gs_search_write(gs_arena *mem, const gs_view *v, gs_str pattern, const gs_table_style *s, bool json, gs_buf *out,
		     gs_err *err)
{
	const gs_re *re = gs_re_compile(mem, pattern, err);
	uint8_t *match = gs_try_new(mem, uint8_t, v->n_keys);
	uint8_t *inside = gs_try_new(mem, uint8_t, v->n_nodes);
	gs_rows *rows = re ? gs_rows_build(mem, v, err) : NULL;
	int64_t matched = 0;
	uint32_t n = 0, put = 0;
	gs_json j = gs_json_to(out);

	if (!rows)
		return false;
	if (!match || !inside)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a search");
	for (uint32_t k = 0; k < v->n_keys; k++)
		match[k] = gs_re_match(re, gs_key_text(mem, v, &v->keys[k]));
	for (uint32_t i = 1; i < v->n_nodes; i++) {
		inside[i] = inside[v->nodes[i].parent] || match[v->nodes[i].key];
		if (inside[i])
			matched = (int64_t)((uint64_t)matched + (uint64_t)v->self[i]);
	}
	gs_rows_sort(rows, GS_ROWS_BY_CUM);
	for (uint32_t i = 0; i < rows->n; i++)
		n += match[rows->list[i].key];
	if (json) {
		gs_json_object(&j);
		gs_json_ki64(&j, "matched", matched);
		gs_json_ki64(&j, "total", v->total);
		gs_json_kf64(&j, "pct", gs_table_percent(matched, v->total));
		gs_json_kstr(&j, "unit", v->unit);
		gs_json_ku64(&j, "count", n);
		gs_json_key(&j, "functions");
		gs_json_array(&j);
	} else {
		gs_buf_z(out, "matched: ");
		gs_table_value(v, s, out, matched);
		gs_buf_f(out, ", %.2f%% of the total, in %u functions\n", gs_table_percent(matched, v->total), n);
	}
	for (uint32_t i = 0; i < rows->n; i++) {
		const gs_row *row = &rows->list[i];

		if (!match[row->key] || (s->limit && put >= s->limit))
			continue;
		put++;
		if (json) {
			gs_json_object(&j);
			gs_table_name_json(&j, v, &v->keys[row->key]);
			gs_json_ki64(&j, "flat", row->flat);
			gs_json_ki64(&j, "cum", row->cum);
			gs_json_object_end(&j);
		} else {
			gs_table_value_padded(v, s, out, row->cum, 12);
			gs_buf_f(out, " %6.2f%%  ", gs_table_percent(row->cum, v->total));
			gs_printable(out, gs_key_text(mem, v, &v->keys[row->key]));
			gs_buf_c(out, '\n');
		}
	}
	if (json) {
		gs_json_array_end(&j);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
	} else if (put < n) {
		gs_buf_f(out, "%u more (-n 0 shows all)\n", n - put);
	}
	return true;
}
