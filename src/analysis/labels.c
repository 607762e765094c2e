#include "analysis/labels.h"

#include "analysis/units.h"
#include "base/buf.h"
#include "base/re.h"

static int compare_strings(const void *a, const void *b)
{
	return gs_str_cmp(*(const gs_str *)a, *(const gs_str *)b);
}

static gs_label_unit *unit_entry(gs_label_units *u, uint32_t key)
{
	for (uint32_t i = 0; i < u->n; i++)
		if (u->list[i].key == key)
			return &u->list[i];
	return NULL;
}

static gs_str join_other_units(gs_arena *mem, const gs_profile *p, uint32_t key, gs_str used)
{
	gs_str list[16];
	size_t n = 0;
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 16);
	for (uint32_t i = 0; i < p->n_labels && n < 16; i++) {
		const gs_label *l = &p->labels[i];
		bool known = false;

		if (l->key != key || !gs_label_is_number(l) || !l->unit ||
		    gs_str_eq(gs_profile_str(p, l->unit), used))
			continue;
		for (size_t k = 0; k < n; k++)
			known = known || gs_str_eq(list[k], gs_profile_str(p, l->unit));
		if (!known)
			list[n++] = gs_profile_str(p, l->unit);
	}
	qsort(list, n, sizeof(*list), compare_strings);
	for (size_t k = 0; k < n; k++) {
		if (k)
			gs_buf_z(&b, ", ");
		gs_buf_str(&b, list[k]);
	}
	return gs_str_dup(mem, gs_buf_view(&b));
}

gs_label_units *gs_label_units_of(gs_arena *mem, const gs_profile *p)
{
	gs_label_units *u = gs_new(mem, gs_label_units, 1);
	GS_VEC(gs_label_unit) v = { 0 };

	/* Label sets are in the order of the samples that use them first. */
	for (uint32_t i = 0; i < p->n_labels; i++) {
		const gs_label *l = &p->labels[i];
		gs_label_unit *e = NULL;

		if (!gs_label_is_number(l))
			continue;
		for (size_t k = 0; k < v.n && !e; k++)
			if (v.p[k].key == l->key)
				e = &v.p[k];
		if (!e) {
			e = gs_vec_push(&v, 4096);
			if (!e)
				continue;
			e->key = l->key;
		}
		if (l->unit && e->unit.n == 0)
			e->unit = gs_profile_str(p, l->unit);
	}
	u->list = gs_new(mem, gs_label_unit, v.n);
	u->n = (uint32_t)v.n;
	if (v.n)
		memcpy(u->list, v.p, v.n * sizeof(*v.p));
	gs_vec_release(&v);
	for (uint32_t i = 0; i < u->n; i++) {
		gs_label_unit *e = unit_entry(u, u->list[i].key);
		gs_str key = gs_profile_str(p, e->key);

		if (e->unit.n)
			e->other = join_other_units(mem, p, e->key, e->unit);
		else
			e->unit = gs_str_eq(key, GS_S("alignment")) || gs_str_eq(key, GS_S("request")) ?
					  GS_S("bytes") :
					  key;
	}
	return u;
}

gs_str gs_label_units_get(const gs_label_units *u, const gs_profile *p, uint32_t key)
{
	for (uint32_t i = 0; i < u->n; i++)
		if (u->list[i].key == key)
			return u->list[i].unit;
	return gs_profile_str(p, key);
}

struct gs_tag_filter {
	const gs_profile *p;
	const gs_label_units *units;
	gs_str key;
	bool has_key;
	/* A range: */
	bool is_range, has_low, has_high;
	double low, high;
	gs_str unit, range_text;
	/* or a list: */
	gs_re **res;
	size_t n_res;
};

typedef struct number {
	gs_str text, unit;
	int64_t value;
} number;

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The next [+-]?digits letters? of *s. False when there is none; *overflow when the number does not fit. */
static bool next_number(gs_str *s, number *out, bool *overflow)
{
	for (size_t i = 0; i < s->n; i++) {
		bool sign = (s->p[i] == '+' || s->p[i] == '-') && i + 1 < s->n && is_digit(s->p[i + 1]);
		size_t at = i + sign, unit_at;
		gs_str digits;

		if (!sign && !is_digit(s->p[i]))
			continue;
		while (at < s->n && is_digit(s->p[at]))
			at++;
		digits = gs_str_slice(*s, s->p[i] == '+' ? i + 1 : i, at);
		*overflow = *overflow || !gs_str_i64(digits, &out->value);
		unit_at = at;
		while (at < s->n && is_alpha(s->p[at]))
			at++;
		out->unit = gs_str_slice(*s, unit_at, at);
		out->text = gs_str_slice(*s, i, at);
		*s = gs_str_skip(*s, at);
		return true;
	}
	return false;
}

/* "32kb", ":64kb", "4mb:", "12kb:64mb". False: not a range. */
static bool parse_range(gs_tag_filter *f, gs_str text)
{
	gs_str rest = text, unit2;
	number a, b;
	bool overflow = false, two;

	if (!next_number(&rest, &a, &overflow))
		return false;
	two = next_number(&rest, &b, &overflow);
	if (overflow)
		return false;
	f->low = f->high = gs_unit_scale(a.value, a.unit, a.unit, &f->unit);
	f->has_low = f->has_high = true;
	if (!two) {
		if (text.n == a.text.n)
			return true;
		if (text.n == a.text.n + 1 && text.p[a.text.n] == ':' && gs_str_starts(text, a.text)) {
			f->has_high = false;
			return true;
		}
		if (text.n == a.text.n + 1 && text.p[0] == ':' && gs_str_ends(text, a.text)) {
			f->has_low = false;
			return true;
		}
		return false;
	}
	if (text.n != a.text.n + 1 + b.text.n || text.p[a.text.n] != ':' || !gs_str_starts(text, a.text) ||
	    !gs_str_ends(text, b.text))
		return false;
	f->high = gs_unit_scale(b.value, b.unit, f->unit, &unit2);
	return gs_str_eq(f->unit, unit2);
}

gs_tag_filter *gs_tag_filter_compile(gs_arena *mem, const char *option, gs_str value, const gs_profile *p, gs_err *err)
{
	gs_tag_filter *f = gs_new(mem, gs_tag_filter, 1);
	gs_str key, rest, part;
	size_t n = 1;

	f->p = p;
	f->units = gs_label_units_of(mem, p);
	if (gs_str_cut(value, '=', &key, &rest)) {
		f->has_key = key.n != 0;
		f->key = key;
		value = rest;
	}
	if (parse_range(f, value)) {
		f->is_range = true;
		f->range_text = value;
		return f;
	}
	for (size_t i = 0; i < value.n; i++)
		n += value.p[i] == ',';
	f->res = gs_new(mem, gs_re *, n);
	for (rest = value; f->n_res < n; f->n_res++) {
		gs_str_cut(rest, ',', &part, &rest);
		f->res[f->n_res] = gs_re_compile(mem, part, err);
		if (!f->res[f->n_res]) {
			gs_err_context(err, "parsing %s regexp", option);
			return NULL;
		}
	}
	return f;
}

gs_str gs_tag_filter_range(const gs_tag_filter *f)
{
	return f->range_text;
}

static bool match_range(const gs_tag_filter *f, const gs_label *l)
{
	gs_str unit;
	double v = gs_unit_scale(l->num, gs_label_units_get(f->units, f->p, l->key), f->unit, &unit);

	return gs_str_eq(unit, f->unit) && (!f->has_low || v >= f->low) && (!f->has_high || v <= f->high);
}

bool gs_tag_filter_match(const gs_tag_filter *f, gs_label_set set)
{
	const gs_label *labels = set.n ? &f->p->labels[set.first] : NULL;
	GS_AUTO(buf) text = { 0 };
	size_t matched = 0;

	if (f->is_range) {
		for (uint32_t i = 0; i < set.n; i++)
			if (gs_label_is_number(&labels[i]) &&
			    (!f->has_key || gs_str_eq(gs_profile_str(f->p, labels[i].key), f->key)) &&
			    match_range(f, &labels[i]))
				return true;
		return false;
	}
	gs_buf_init(&text, 1 << 20);
	for (size_t r = 0; r < f->n_res; r++) {
		bool one = false;

		for (uint32_t i = 0; i < set.n && !one; i++) {
			gs_str key = gs_profile_str(f->p, labels[i].key);

			if (!gs_label_is_string(&labels[i]))
				continue;
			if (f->has_key) {
				one = gs_str_eq(key, f->key) &&
				      gs_re_match(f->res[r], gs_profile_str(f->p, labels[i].str));
				continue;
			}
			text.n = 0;
			gs_buf_str(&text, key);
			gs_buf_c(&text, ':');
			gs_buf_str(&text, gs_profile_str(f->p, labels[i].str));
			one = gs_re_match(f->res[r], gs_buf_view(&text));
		}
		if (one && f->has_key)
			return true;
		matched += one;
	}
	return !f->has_key && matched == f->n_res;
}

bool gs_label_set_is_base(const gs_profile *p, gs_label_set set)
{
	for (uint32_t i = 0; i < set.n; i++) {
		const gs_label *l = &p->labels[set.first + i];

		if (gs_label_is_string(l) && gs_str_eq(gs_profile_str(p, l->key), GS_S("pprof::base")) &&
		    gs_str_eq(gs_profile_str(p, l->str), GS_S("true")))
			return true;
	}
	return false;
}
