/* `--- mutex:` or `--- contention:`, attributes, then rows `cycles count @ 0x.. 0x..`. */
#include "format/legacy/build.h"

enum { FEW_ROWS = 3 };

static int64_t to_int(double v)
{
	return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/* `cycles/second=1999982222`. False when the line is no attribute. */
static bool parse_attribute(legacy_builder *b, gs_str line, int64_t *hz, bool *ok)
{
	gs_str key, text;
	int64_t v = 0;

	if (!gs_str_cut(line, '=', &key, &text))
		return false;
	key = gs_str_trim(key);
	text = gs_str_trim(text);
	*ok = true;
	if (gs_str_eq(key, GS_S("cycles/second")))
		*ok = gs_str_i64(text, hz);
	else if (gs_str_eq(key, GS_S("sampling period")))
		*ok = gs_str_i64(text, &b->out->period);
	else if (gs_str_eq(key, GS_S("ms since reset")))
		*ok = gs_str_i64(text, &v) &&
		      !__builtin_mul_overflow(v, 1000000, &b->out->duration_ns);
	else if (gs_str_eq(key, GS_S("format")) || gs_str_eq(key, GS_S("resolution")))
		*ok = false; /* Java's dialect */
	return true;
}

/*
 * Go 1.22 and newer multiply by the sampling rate when they record, and still print the period. Every count is then a multiple
 * of it, which raw counts are not for long.
 */
static bool is_scaled_already(const legacy_builder *b)
{
	if (b->out->period <= 1 || b->samples.n == 0)
		return false;
	for (size_t i = 0; i < b->samples.n; i++)
		if (b->samples.p[i].values[0] % b->out->period)
			return false;
	return b->samples.n >= FEW_ROWS || b->samples.p[0].values[0] > b->out->period;
}

bool legacy_parse_contention(legacy_builder *b)
{
	gs_legacy *out = b->out;
	gs_str rest = b->text, line;
	int64_t hz = 0;
	bool is_go, ok, in_rows = false;
	double ghz;

	while (gs_str_line(&rest, &line) && legacy_is_comment(line))
		;
	is_go = !gs_str_starts(line, GS_S("--- contentionz"));
	out->period_type = (gs_legacy_type){ GS_S("contentions"), GS_S("count") };
	out->types[0] = out->period_type;
	out->types[1] = (gs_legacy_type){ GS_S("delay"), GS_S("nanoseconds") };
	out->n_types = 2;
	out->period = 1;
	while (!b->is_full && gs_str_line(&rest, &line)) {
		gs_legacy_sample *s;
		gs_str row = line;
		int64_t cycles, count;

		if (legacy_is_comment(line)) {
			legacy_comment(b, line);
			continue;
		}
		if (gs_str_starts(gs_str_trim(line), GS_S("---"))) {
			legacy_find_map(b, gs_str_skip(b->text, (size_t)(line.p - b->text.p)));
			break;
		}
		if (!in_rows && parse_attribute(b, line, &hz, &ok)) {
			if (!ok)
				return legacy_fail(
					b, line,
					"this attribute of a contention profile makes no sense");
			continue;
		}
		in_rows = true;
		if (!legacy_take_int(&row, &cycles) || !legacy_take_int(&row, &count) ||
		    !legacy_take(&row, "@"))
			return legacy_fail(b, line, "no row of a contention profile");
		s = legacy_sample(b);
		if (!s)
			break;
		s->values[0] = count;
		s->values[1] = cycles;
		if (!legacy_addresses(b, s, row))
			return false;
	}
	out->is_scaled_twice_by_pprof = is_go && is_scaled_already(b);
	ghz = (double)hz / 1e9;
	for (size_t i = 0; i < b->samples.n && out->period > 0; i++) {
		int64_t *v = b->samples.p[i].values,
			factor = out->is_scaled_twice_by_pprof ? 1 : out->period;

		if (hz > 0)
			v[1] = to_int((double)v[1] * (double)factor / ghz);
		if (__builtin_mul_overflow(v[0], factor, &v[0]))
			v[0] = INT64_MAX;
	}
	return true;
}
