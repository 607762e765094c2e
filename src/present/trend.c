#include "present/trend.h"

#include <math.h>

#include "present/pace.h"
#include "present/printable.h"
#include "present/tables.h"
#include "present/tabs.h"

#include "base/banned.h"

enum { SPARKS = 16, CALLERS = 3, MAX_STACK = 64 };

static uint32_t shown(const gs_trend *t, const gs_trend_style *s)
{
	return s->limit && s->limit < t->n_rows ? s->limit : t->n_rows;
}

static gs_str name_of(gs_arena *mem, const gs_trend *t, const gs_trend_row *r)
{
	return r->key == GS_NO_ID ? GS_S("total") : gs_key_text(mem, t->view, &t->view->keys[r->key]);
}

static uint32_t caller_of(const gs_trend *t, uint32_t node)
{
	return node ? t->view->nodes[node].parent : 0;
}

static double last_of(const gs_trend *t, const gs_trend_row *r)
{
	return t->n_moments ? r->values[t->n_moments - 1] : 0;
}

/* ---- text ---- */

static gs_pace pace_of(const gs_trend *t)
{
	double most = fabs(t->whole.fit.slope);

	for (uint32_t i = 0; i < t->n_rows; i++)
		most = fmax(most, fabs(t->rows[i].fit.slope));
	return gs_pace_of(most, t->view->unit);
}

static void amount(gs_buf *out, const gs_trend *t, double value, bool with_sign)
{
	gs_pace_amount(out, value, t->view->unit, with_sign);
}

/* "3d4h", "2h5m", "40s" */
static void how_long(gs_buf *out, double seconds)
{
	static const gs_pace parts[] = { { "y", "", 31536000 }, { "d", "", 86400 }, { "h", "", 3600 }, { "m", "", 60 }, { "s", "", 1 } };
	unsigned i = 0;
	long long n, rest;

	if (seconds > 1e12) {
		gs_buf_z(out, "an eternity");
		return;
	}
	n = llround(seconds);
	while (i < 4 && (double)n < parts[i].seconds)
		i++;
	rest = n % (long long)parts[i].seconds;
	gs_buf_f(out, "%lld%s", n / (long long)parts[i].seconds, parts[i].name);
	if (i < 4 && rest / (long long)parts[i + 1].seconds)
		gs_buf_f(out, "%lld%s", rest / (long long)parts[i + 1].seconds, parts[i + 1].name);
}

/* Bars from the bottom of the row's range; what hardly changes looks as if it hardly changes. */
static void sparks(gs_buf *out, const gs_trend *t, const gs_trend_row *r)
{
	static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	uint32_t n = t->n_moments < SPARKS ? t->n_moments : SPARKS;
	double low = INFINITY, high = -INFINITY;

	for (uint32_t i = 0; i < t->n_moments; i++) {
		low = fmin(low, r->values[i]);
		high = fmax(high, r->values[i]);
	}
	low = fmin(low, high - fabs(high) / 2);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t from = i * t->n_moments / n, to = (i + 1) * t->n_moments / n;
		double sum = 0;

		for (uint32_t m = from; m < to; m++)
			sum += r->values[m];
		sum = high > low ? (sum / (to - from) - low) / (high - low) : 0;
		gs_buf_z(out, bars[sum > 0 ? (unsigned)fmin(sum * 8, 7) : 0]);
	}
}

static void table_row(gs_arena *mem, gs_buf *out, const gs_trend *t, const gs_trend_row *r, gs_pace p)
{
	uint32_t up = caller_of(t, r->node);

	gs_pace_verdict(out, r);
	gs_buf_c(out, '\t');
	amount(out, t, r->fit.slope * p.seconds, true);
	gs_buf_c(out, '\t');
	amount(out, t, r->fit.low * p.seconds, true);
	gs_buf_c(out, '\t');
	amount(out, t, r->fit.high * p.seconds, true);
	gs_buf_c(out, '\t');
	amount(out, t, r->values[0], false);
	gs_buf_c(out, '\t');
	amount(out, t, last_of(t, r), false);
	gs_buf_z(out, "\t  ");
	sparks(out, t, r);
	gs_buf_z(out, "\t  ");
	gs_printable(out, name_of(mem, t, r));
	for (unsigned i = 0; i < CALLERS && up && (r->verdict == GS_TREND_GROWING || t->by == GS_TREND_STACK); i++, up = caller_of(t, up)) {
		gs_buf_z(out, " < ");
		gs_printable(out, gs_key_text(mem, t->view, &t->view->keys[t->view->nodes[up].key]));
	}
	gs_buf_c(out, '\n');
}

static void projection(gs_buf *out, const gs_trend *t)
{
	double slope = t->whole.fit.slope, last = last_of(t, &t->whole);

	if (t->whole.verdict != GS_TREND_GROWING)
		return;
	gs_buf_z(out, "At this rate ");
	if (gs_str_eq(t->view->unit, GS_S("bytes")) && !t->is_rate) {
		gs_buf_z(out, "1GB more in ");
		how_long(out, 1073741824.0 / slope);
		gs_buf_z(out, ", ");
	}
	gs_buf_z(out, "twice as much in ");
	how_long(out, last / slope);
	gs_buf_z(out, t->whole.is_slowing ? "; but it is slowing down.\n" : ".\n");
}

static void heading(gs_buf *out, const gs_trend *t, const gs_trend_style *s, gs_pace p)
{
	gs_printable(out, t->view->type);
	gs_buf_f(out, "%s in %u profiles over ", t->is_rate ? " a second" : "", t->view->n_profiles);
	how_long(out, t->view->n_profiles ? t->taken_s[t->view->n_profiles - 1] : 0);
	gs_buf_z(out, ": ");
	gs_pace_verdict(out, &t->whole);
	if (t->n_moments) {
		gs_buf_z(out, ", ");
		amount(out, t, t->whole.values[0], false);
		gs_buf_z(out, " to ");
		amount(out, t, last_of(t, &t->whole), false);
		gs_buf_z(out, ", ");
		gs_pace_slope(out, &t->whole.fit, p, t->view->unit, s->confidence);
	}
	gs_buf_z(out, ".\n");
	projection(out, t);
	if (t->n_moments < GS_SLOPE_MIN)
		gs_buf_f(out, "Fewer than %d moments: any order of them may be chance.\n", GS_SLOPE_MIN);
	if (t->n_same)
		gs_buf_f(out, "note: %u profile%s of the same moment as another left out\n", t->n_same, t->n_same == 1 ? "" : "s");
	if (t->n_before_restart)
		gs_buf_f(out, "note: the program was started again after the first %u profiles, which are left out\n", t->n_before_restart);
	if (s->n_failed)
		gs_buf_f(out, "note: no answer at %u moments\n", s->n_failed);
}

void gs_trend_text(gs_arena *mem, const gs_trend *t, const gs_trend_style *s, gs_buf *out)
{
	GS_AUTO(buf) table = { .max = (size_t)1 << 30 };
	gs_pace p = pace_of(t);

	heading(out, t, s, p);
	if (!t->n_moments)
		return;
	gs_buf_f(&table, "verdict\tper %s\tat least\tat most\tfirst\tlast\t  \t  %s\n", p.name, t->by == GS_TREND_STACK ? "stack" : t->by == GS_TREND_CUM ? "with callees" : "where");
	for (uint32_t i = 0; i < shown(t, s); i++)
		table_row(mem, &table, t, &t->rows[i], p);
	gs_buf_c(out, '\n');
	gs_tabs_align_right(out, gs_buf_view(&table));
	if (shown(t, s) < t->n_rows)
		gs_buf_f(out, "and %u more (-n 0 shows all)\n", t->n_rows - shown(t, s));
	if (t->n_small)
		gs_buf_f(out, "%u below %g %% of the whole are not tested\n", t->n_small, s->min_share * 100);
}

/* ---- JSON ---- */

static void row_json(gs_arena *mem, gs_json *j, const gs_trend *t, const gs_trend_row *r)
{
	gs_json_object(j);
	gs_json_kstr(j, "name", name_of(mem, t, r));
	if (r->key != GS_NO_ID) {
		const gs_key *k = &t->view->keys[r->key];

		gs_json_kstr(j, "file", gs_view_str(t->view, k->at_file));
		gs_json_ki64(j, "line", k->line ? k->line : k->at_line);
	}
	gs_pace_json(j, r, true);
	gs_json_kf64(j, "doubles_in_s", r->verdict == GS_TREND_GROWING && last_of(t, r) > 0 ? last_of(t, r) / r->fit.slope : NAN);
	gs_json_kf64(j, "gib_in_s",
		     r->verdict == GS_TREND_GROWING && gs_str_eq(t->view->unit, GS_S("bytes")) && !t->is_rate ? 1073741824.0 / r->fit.slope : NAN);
	gs_json_key(j, "values");
	gs_json_array(j);
	for (uint32_t i = 0; i < t->n_moments; i++)
		gs_json_f64(j, r->values[i]);
	gs_json_array_end(j);
	gs_json_key(j, "stack");
	gs_json_array(j);
	for (uint32_t n = r->node, i = 0; n && i < MAX_STACK; n = caller_of(t, n), i++)
		gs_json_str(j, gs_key_text(mem, t->view, &t->view->keys[t->view->nodes[n].key]));
	gs_json_array_end(j);
	gs_json_object_end(j);
}

void gs_trend_json(gs_arena *mem, const gs_trend *t, const gs_trend_style *s, gs_buf *out)
{
	static const char *const by[] = { "flat", "cum", "stack" };
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_kstr(&j, "type", t->view->type);
	gs_json_kstr(&j, "unit", t->view->unit);
	gs_json_kbool(&j, "is_rate", t->is_rate);
	gs_json_kstr(&j, "by", gs_str_of(by[t->by]));
	gs_json_kf64(&j, "confidence", s->confidence);
	gs_json_ku64(&j, "profiles", t->view->n_profiles);
	gs_json_ku64(&j, "same_moment", t->n_same);
	gs_json_ku64(&j, "before_restart", t->n_before_restart);
	gs_json_ku64(&j, "failed", s->n_failed);
	gs_json_ki64(&j, "start_ns", t->start_ns);
	gs_json_key(&j, "order");
	gs_json_array(&j);
	for (uint32_t i = 0; i < t->view->n_profiles; i++)
		gs_json_u64(&j, s->order[i]);
	gs_json_array_end(&j);
	gs_json_key(&j, "at_s");
	gs_json_array(&j);
	for (uint32_t i = 0; i < t->n_moments; i++)
		gs_json_f64(&j, t->at_s[i]);
	gs_json_array_end(&j);
	gs_json_key(&j, "whole");
	row_json(mem, &j, t, &t->whole);
	gs_json_ku64(&j, "n_rows", t->n_rows);
	gs_json_ku64(&j, "not_tested", t->n_small);
	gs_json_key(&j, "rows");
	gs_json_array(&j);
	for (uint32_t i = 0; i < shown(t, s); i++)
		row_json(mem, &j, t, &t->rows[i]);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}

/* ---- CSV ---- */

static void number(gs_buf *out, double v)
{
	gs_buf_c(out, ',');
	if (isfinite(v))
		gs_buf_f(out, "%.6g", v);
}

void gs_trend_csv(gs_arena *mem, const gs_trend *t, const gs_trend_style *s, gs_buf *out)
{
	gs_buf_z(out, "name,file,line,verdict,slope_per_s,low_per_s,high_per_s,p,q,first,last,mean\n");
	for (uint32_t i = 0; i <= shown(t, s); i++) {
		const gs_trend_row *r = i ? &t->rows[i - 1] : &t->whole;
		const gs_key *k = i ? &t->view->keys[r->key] : NULL;

		gs_table_csv_field(out, name_of(mem, t, r));
		gs_buf_c(out, ',');
		gs_table_csv_field(out, k ? gs_view_str(t->view, k->at_file) : (gs_str){ 0 });
		gs_buf_f(out, ",%lld,%s", k ? (long long)(k->line ? k->line : k->at_line) : 0, gs_trend_verdict_name(r->verdict));
		number(out, r->fit.slope);
		number(out, r->fit.low);
		number(out, r->fit.high);
		number(out, r->fit.p);
		number(out, r->q);
		number(out, t->n_moments ? r->values[0] : 0);
		number(out, last_of(t, r));
		number(out, r->mean);
		gs_buf_c(out, '\n');
	}
}
