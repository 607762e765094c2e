#include "present/tables.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/names.h"
#include "analysis/units.h"
#include "present/printable.h"

int64_t gs_table_scaled(const gs_table_style *s, int64_t value)
{
	return s->divide_by > 0 && s->divide_by != 1 ? gs_f64_to_i64((double)value * (1 / s->divide_by)) : value;
}

void gs_table_type_json(gs_json *j, const gs_view *v)
{
	gs_json_kstr(j, "type", v->type);
	if (v->query->mean)
		gs_json_kbool(j, "mean", true);
	gs_json_kstr(j, "unit", v->unit);
}

void gs_table_value(const gs_view *v, const gs_table_style *s, gs_buf *out, int64_t value)
{
	gs_unit_label(out, gs_table_scaled(s, value), v->unit, s->unit.n ? s->unit : GS_S("auto"));
}

void gs_table_value_padded(const gs_view *v, const gs_table_style *s, gs_buf *out, int64_t value, unsigned width)
{
	GS_AUTO(buf) b = { .max = 512 };

	gs_table_value(v, s, &b, value);
	if (b.n < width)
		gs_buf_fill(out, ' ', width - b.n);
	gs_buf_str(out, gs_buf_view(&b));
}

double gs_table_percent(int64_t value, int64_t total)
{
	return total ? (double)value / (double)total * 100 : 0;
}

/* What a row of a table says about where it is: the key's own file and line, or the function's. */
static void place(const gs_view *v, const gs_key *k, gs_str *file, int64_t *line)
{
	*file = gs_view_str(v, k->file ? k->file : k->at_file);
	*line = k->line ? k->line : k->at_line;
}

void gs_table_name_json(gs_json *j, const gs_view *v, const gs_key *k)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_str name = gs_key_text(mem, v, k), file, base = gs_view_str(v, k->name);
	int64_t line;

	place(v, k, &file, &line);
	gs_json_kstr(j, "name", name);
	gs_json_kstr(j, "short", gs_name_short(mem, base.n ? base : name));
	gs_json_kstr(j, "package", gs_name_package(base));
	gs_json_kstr(j, "file", file);
	gs_json_ki64(j, "line", line);
}

static const char *const state_names[] = { "same", "changed", "new", "removed" };

static int64_t percent_base(const gs_rows *r, const gs_table_style *s)
{
	return s->is_diff_base ? r->view->base_total : r->view->total;
}

static uint32_t shown(const gs_rows *r, const gs_table_style *s)
{
	return s->limit && s->limit < r->n ? s->limit : r->n;
}

void gs_top_json(gs_rows *r, const gs_table_style *s, gs_buf *out)
{
	const gs_view *v = r->view;
	gs_json j = gs_json_to(out);
	int64_t total = percent_base(r, s);

	gs_json_object(&j);
	gs_table_type_json(&j, v);
	gs_json_ki64(&j, "total", gs_table_scaled(s, v->total));
	if (v->has_base)
		gs_json_ki64(&j, "base_total", gs_table_scaled(s, v->base_total));
	gs_json_kf64(&j, "samples", round(r->raw_total));
	if (v->has_base)
		gs_json_kf64(&j, "base_samples", round(r->base_raw_total));
	gs_json_ki64(&j, "matched", gs_table_scaled(s, r->sum));
	gs_json_ku64(&j, "rows_total", r->n);
	gs_json_ku64(&j, "shown", shown(r, s));
	gs_json_key(&j, "rows");
	gs_json_array(&j);
	for (uint32_t i = 0; i < shown(r, s); i++) {
		const gs_row *row = &r->list[i];

		gs_json_object(&j);
		gs_table_name_json(&j, v, &v->keys[row->key]);
		gs_json_kstr(&j, "inlined",
			     gs_str_of(!row->is_inlined ? "none" : row->is_not_inlined ? "partial" : "all"));
		gs_json_ki64(&j, "flat", gs_table_scaled(s, row->flat));
		gs_json_ki64(&j, "cum", gs_table_scaled(s, row->cum));
		gs_json_kf64(&j, "flat_pct", gs_table_percent(row->flat, total));
		gs_json_kf64(&j, "cum_pct", gs_table_percent(row->cum, total));
		gs_json_kf64(&j, "samples", round(row->raw_cum));
		if (v->has_base) {
			gs_json_ki64(&j, "base_flat", gs_table_scaled(s, row->base_flat));
			gs_json_ki64(&j, "base_cum", gs_table_scaled(s, row->base_cum));
			gs_json_kf64(&j, "base_samples", round(row->base_raw_cum));
		}
		if (s->has_state) {
			gs_json_kstr(&j, "state", gs_str_of(state_names[row->state]));
			gs_json_kbool(&j, "significant", row->is_significant);
			gs_json_kf64(&j, "p", row->p);
		}
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}

/* Quoted when needed; a text that a spreadsheet would run as a formula gets a quote mark in front. */
void gs_table_csv_field(gs_buf *out, gs_str s)
{
	bool formula = s.n && strchr("=+-@\t\r", s.p[0]) != NULL;
	bool quote = formula;

	for (size_t i = 0; i < s.n && !quote; i++)
		quote = s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
	if (!quote) {
		gs_buf_str(out, s);
		return;
	}
	gs_buf_c(out, '"');
	if (formula)
		gs_buf_c(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			gs_buf_c(out, '"');
		gs_buf_c(out, s.p[i]);
	}
	gs_buf_c(out, '"');
}

void gs_top_csv(gs_rows *r, const gs_table_style *s, gs_buf *out)
{
	const gs_view *v = r->view;
	GS_AUTO(arena) *mem = gs_arena_create(1 << 28);
	int64_t total = percent_base(r, s);

	gs_buf_f(out, "function,file,line,flat_%.*s,flat_pct,cum_%.*s,cum_pct,samples", GS_FMT(v->unit), GS_FMT(v->unit));
	if (v->has_base)
		gs_buf_z(out, ",base_flat,base_cum,base_samples");
	if (s->has_state)
		gs_buf_z(out, ",state,significant,p");
	gs_buf_c(out, '\n');
	for (uint32_t i = 0; i < shown(r, s); i++) {
		const gs_row *row = &r->list[i];
		const gs_key *k = &v->keys[row->key];
		gs_str file;
		int64_t line;

		place(v, k, &file, &line);
		gs_table_csv_field(out, gs_key_text(mem, v, k));
		gs_buf_c(out, ',');
		gs_table_csv_field(out, file);
		gs_buf_f(out, ",%" PRId64 ",%" PRId64 ",%.4f,%" PRId64 ",%.4f,%.0f", line, gs_table_scaled(s, row->flat),
			 gs_table_percent(row->flat, total), gs_table_scaled(s, row->cum), gs_table_percent(row->cum, total),
			 round(row->raw_cum));
		if (v->has_base)
			gs_buf_f(out, ",%" PRId64 ",%" PRId64 ",%.0f", gs_table_scaled(s, row->base_flat), gs_table_scaled(s, row->base_cum),
				 round(row->base_raw_cum));
		if (s->has_state)
			gs_buf_f(out, ",%s,%s,%.3g", state_names[row->state], row->is_significant ? "true" : "false",
				 row->p);
		gs_buf_c(out, '\n');
	}
}

void gs_table_heading(const gs_view *v, double raw_total, const gs_table_style *s, gs_buf *out)
{
	gs_buf_z(out, v->query->mean ? "mean " : "");
	gs_printable(out, v->type);
	gs_buf_z(out, ": ");
	gs_table_value(v, s, out, v->total);
	gs_buf_f(out, ", %.0f samples", round(raw_total));
	if (v->has_base) {
		gs_buf_z(out, "; base: ");
		gs_table_value(v, s, out, v->base_total);
	}
	gs_buf_c(out, '\n');
}

static void put_signed(const gs_view *v, const gs_table_style *s, gs_buf *out, int64_t value)
{
	GS_AUTO(buf) b = { .max = 512 };

	if (value > 0)
		gs_buf_c(&b, '+');
	gs_table_value(v, s, &b, value);
	if (b.n < 11)
		gs_buf_fill(out, ' ', 11 - b.n);
	gs_buf_str(out, gs_buf_view(&b));
}

static void put_percent(gs_buf *out, int64_t value, int64_t total, bool with_sign)
{
	double p = gs_table_percent(value, total);

	gs_buf_f(out, with_sign ? " %+7.2f%%" : " %6.2f%%", p);
}

/* The name and, when there is room, where it is. */
static void put_name(const gs_rows *r, const gs_row *row, const gs_table_style *s, unsigned used, gs_buf *out)
{
	const gs_view *v = r->view;
	const gs_key *k = &v->keys[row->key];
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_str name = gs_key_text(mem, v, k), file;
	int64_t line;
	const char *mark = !row->is_inlined ? "" : row->is_not_inlined ? " (partly inlined)" : " (inlined)";

	place(v, k, &file, &line);
	gs_printable(out, name);
	if (s->use_color)
		gs_buf_z(out, "\x1b[2m");
	gs_buf_z(out, mark);
	if (file.n && !k->file && (!s->width || used + name.n + strlen(mark) + file.n + 10 < s->width)) {
		gs_buf_z(out, "  ");
		gs_printable(out, file);
		if (line)
			gs_buf_f(out, ":%" PRId64, line);
	}
	if (s->use_color)
		gs_buf_z(out, "\x1b[0m");
}

void gs_top_text(gs_rows *r, const gs_table_style *s, gs_buf *out)
{
	const gs_view *v = r->view;
	bool diff = v->has_base;
	int64_t total = percent_base(r, s);

	gs_table_heading(v, r->raw_total, s, out);
	if (r->sum != v->total && !diff) {
		gs_buf_z(out, "shown: ");
		gs_table_value(v, s, out, r->sum);
		put_percent(out, r->sum, v->total, false);
		gs_buf_z(out, " of the total\n");
	}
	if (diff)
		gs_buf_f(out, "%11s %8s %11s %8s %s function\n", "flat", "flat%", "cum", "cum%", s->has_state ? "       " : "");
	else
		gs_buf_f(out, "%10s %7s %10s %7s  function\n", "flat", "flat%", "cum", "cum%");
	for (uint32_t i = 0; i < shown(r, s); i++) {
		const gs_row *row = &r->list[i];
		int64_t flat = row->flat - row->base_flat, cum = row->cum - row->base_cum;
		size_t before = out->n;

		if (diff) {
			put_signed(v, s, out, flat);
			put_percent(out, flat, total, true);
			gs_buf_c(out, ' ');
			put_signed(v, s, out, cum);
			put_percent(out, cum, total, true);
			if (s->has_state)
				gs_buf_f(out, " %-7s%c", row->state == GS_ROW_CHANGED || row->state == GS_ROW_SAME ? "" : state_names[row->state],
					 row->is_significant ? '*' : ' ');
			gs_buf_c(out, ' ');
		} else {
			gs_table_value_padded(v, s, out, row->flat, 10);
			put_percent(out, row->flat, total, false);
			gs_buf_c(out, ' ');
			gs_table_value_padded(v, s, out, row->cum, 10);
			put_percent(out, row->cum, total, false);
			gs_buf_z(out, "  ");
		}
		put_name(r, row, s, (unsigned)(out->n - before), out);
		gs_buf_c(out, '\n');
	}
	if (shown(r, s) < r->n)
		gs_buf_f(out, "%u more (-n 0 shows all)\n", r->n - shown(r, s));
	if (s->has_state) {
		double least = gs_rows_detectable(r, 0.05);

		gs_buf_z(out, "* more than chance explains (5 %, corrected for the number of rows)\n");
		if (least > 0)
			gs_buf_f(out, "With %.0f and %.0f samples, a change of %.0f %% in a function with 5 %% of the total would have been found.\n",
				 round(r->base_raw_total), round(r->raw_total), ceil(least * 100));
	}
}
