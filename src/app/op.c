#include "app/op.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

#include "base/banned.h"

struct gs_op_value {
	const gs_arg *arg;
	bool is_set, is_true;
	int64_t num;
	double real;
	gs_str text;
	gs_re *re;
	gs_str *list;
	unsigned n_list, cap_list;
};

bool gs_word_next(gs_str *list, gs_str *word)
{
	gs_str s = *list;

	while (s.n && s.p[0] == ' ')
		s = gs_str_skip(s, 1);
	if (!s.n)
		return false;
	gs_str_cut(s, ' ', word, list);
	return true;
}

/* Names are compared with '_' as '-', so that habits of both worlds work. */
static bool same_name(gs_str a, const char *name)
{
	size_t i = 0;

	for (; i < a.n && name[i]; i++)
		if ((a.p[i] == '_' ? '-' : a.p[i]) != name[i])
			return false;
	return i == a.n && !name[i];
}

const gs_arg *gs_op_arg_at(const gs_op *op, unsigned i)
{
	for (const gs_arg_group *const *g = op->groups; g && *g; g++)
		for (const gs_arg *a = (*g)->args; a->name; a++)
			if (i-- == 0)
				return a;
	return NULL;
}

const gs_arg *gs_op_find_arg(const gs_op *op, gs_str name)
{
	const gs_arg *a;

	for (unsigned i = 0; (a = gs_op_arg_at(op, i)); i++)
		if (same_name(name, a->name))
			return a;
	/* What "limit" was called here and there. */
	if (gs_str_eq(name, GS_S("n")) || gs_str_eq(name, GS_S("top")) || gs_str_eq(name, GS_S("max")))
		return gs_op_find_arg(op, GS_S("limit"));
	return NULL;
}

static bool has_word(const char *list, gs_str want)
{
	gs_str rest = gs_str_of(list), word;

	while (gs_word_next(&rest, &word))
		if (gs_str_eq(word, want))
			return true;
	return false;
}

bool gs_op_has_format(const gs_op *op, gs_str format)
{
	return op->formats && has_word(op->formats, format);
}

const gs_op *gs_op_find(gs_str name)
{
	for (const gs_op *const *op = gs_ops; *op; op++)
		if (same_name(name, (*op)->name))
			return *op;
	return NULL;
}

/* Edits (insert, delete, change, swap neighbours) from a to b. */
static unsigned edits(gs_str a, gs_str b)
{
	enum { MOST = 40 };
	unsigned row[3][MOST + 1];

	if (a.n > MOST || b.n > MOST)
		return UINT_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[a.n % 3][b.n];
}

gs_str gs_word_nearest(gs_str word, const gs_str *list)
{
	gs_str best = { 0 };
	unsigned least = word.n < 4 ? 2 : 3; /* up to one edit in a short word, two in a longer one */

	for (const gs_str *w = list; w->n; w++) {
		unsigned d = edits(word, *w);

		if (d < least) {
			least = d;
			best = *w;
		}
	}
	/* Somebody may have typed the beginning only. */
	for (const gs_str *w = list; !best.n && word.n > 1 && w->n; w++)
		if (gs_str_starts(*w, word))
			best = *w;
	return best;
}

bool gs_duration_read(gs_str s, int64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "ns", 1 },    { "us", 1e3 },   { "\xc2\xb5s", 1e3 }, { "\xce\xbcs", 1e3 }, { "ms", 1e6 },
		{ "s", 1e9 },   { "m", 60e9 },   { "h", 3600e9 },      { "d", 86400e9 },
	};
	double total = 0;

	if (!s.n)
		return false;
	while (s.n) {
		size_t digits = 0, letters;
		double v, scale = 0;

		while (digits < s.n && ((s.p[digits] >= '0' && s.p[digits] <= '9') || s.p[digits] == '.'))
			digits++;
		if (!digits || !gs_str_f64(gs_str_slice(s, 0, digits), &v))
			return false;
		letters = digits;
		while (letters < s.n && s.p[letters] != '.' && !(s.p[letters] >= '0' && s.p[letters] <= '9'))
			letters++;
		if (letters == digits) {
			if (total > 0 || letters != s.n)
				return false;
			scale = 1e9;
		}
		for (unsigned i = 0; scale == 0 && i < sizeof(units) / sizeof(*units); i++)
			if (gs_str_eq(gs_str_slice(s, digits, letters), gs_str_of(units[i].name)))
				scale = units[i].ns;
		if (scale == 0)
			return false;
		total += v * scale;
		s = gs_str_skip(s, letters);
	}
	if (!(total < 9.2e18))
		return false;
	*ns = (int64_t)llround(total);
	return true;
}

static bool read_bool(gs_str s, bool *out)
{
	static const char yes[] = "1 true yes on t", no[] = "0 false no off f";

	*out = !s.n || has_word(yes, s);
	return *out || has_word(no, s);
}

static const char *kind_text(const gs_arg *a)
{
	switch (a->kind) {
	case GS_ARG_BOOL:
		return "yes or no (1 or 0)";
	case GS_ARG_INT:
		return "a whole number, 0 or more";
	case GS_ARG_FLOAT:
		return "a number";
	case GS_ARG_DURATION:
		return "a duration such as 30s, 1m30s or 500ms";
	case GS_ARG_STRING:
	case GS_ARG_REGEX:
	case GS_ARG_ENUM:
	case GS_ARG_LIST:
		break;
	}
	return "text";
}

static bool bad_choice(gs_op_call *call, const gs_arg *a, gs_str s, gs_err *err)
{
	gs_str rest = gs_str_of(a->values), word, words[64], near;
	GS_AUTO(buf) all = { 0 };
	unsigned n = 0;

	gs_buf_init(&all, 1024);
	while (n < 63 && gs_word_next(&rest, &word)) {
		gs_buf_f(&all, "%s%.*s", n ? ", " : "", GS_FMT(word));
		words[n++] = word;
	}
	words[n] = (gs_str){ 0 };
	near = gs_word_nearest(s, words);
	if (near.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: %s is not \"%.*s\": did you mean \"%.*s\"?",
			       call->op->name, a->name, GS_FMT(s), GS_FMT(near));
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: %s must be one of %.*s, not \"%.*s\"", call->op->name,
		       a->name, GS_FMT(gs_buf_view(&all)), GS_FMT(s));
}

static bool read_value(gs_op_call *call, gs_op_value *v, gs_str s, gs_err *err)
{
	const gs_arg *a = v->arg;
	gs_err why = { 0 };
	bool ok = true;

	switch (a->kind) {
	case GS_ARG_BOOL:
		ok = read_bool(s, &v->is_true);
		break;
	case GS_ARG_INT:
		ok = gs_str_i64(s, &v->num) && v->num >= 0;
		break;
	case GS_ARG_FLOAT:
		ok = gs_str_f64(s, &v->real);
		break;
	case GS_ARG_DURATION:
		ok = gs_duration_read(s, &v->num);
		break;
	case GS_ARG_ENUM:
		if (!has_word(a->values, s))
			return bad_choice(call, a, s, err);
		break;
	case GS_ARG_REGEX:
		v->re = s.n ? gs_re_compile(call->mem, s, &why) : NULL;
		if (s.n && !v->re)
			return gs_fail(err, why.code, why.at, "%s: %s: %s", call->op->name, a->name, why.text);
		break;
	case GS_ARG_STRING:
	case GS_ARG_LIST:
		break;
	}
	if (!ok)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: %s must be %s, not \"%.*s\"", call->op->name,
			       a->name, kind_text(a), GS_FMT(s));
	if (a->kind == GS_ARG_LIST) {
		if (v->n_list == v->cap_list) {
			unsigned cap = v->cap_list ? v->cap_list * 2 : 8;
			gs_str *grown = gs_try_new(call->mem, gs_str, cap);

			if (!grown)
				return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%s: too many values for %s",
					       call->op->name, a->name);
			if (v->n_list)
				memcpy(grown, v->list, v->n_list * sizeof(*grown));
			v->list = grown;
			v->cap_list = cap;
		}
		v->list[v->n_list++] = s;
	}
	v->text = s;
	return true;
}

static bool unknown(const gs_op *op, gs_str name, gs_err *err)
{
	gs_str names[200], near;
	const gs_arg *a;
	unsigned n = 0;

	while (n < 199 && (a = gs_op_arg_at(op, n)))
		names[n++] = gs_str_of(a->name);
	names[n] = (gs_str){ 0 };
	near = gs_word_nearest(name, names);
	if (near.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s has no argument \"%.*s\": did you mean \"%.*s\"?",
			       op->name, GS_FMT(name), GS_FMT(near));
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s has no argument \"%.*s\" (see gospect %s --help)", op->name,
		       GS_FMT(name), op->name);
}

bool gs_op_bind(gs_op_call *call, const gs_op_pair *pairs, unsigned n, gs_err *err)
{
	unsigned n_args = 0;

	while (gs_op_arg_at(call->op, n_args))
		n_args++;
	call->values = gs_new(call->mem, gs_op_value, n_args + 1);
	for (unsigned i = 0; i < n_args; i++) {
		gs_op_value *v = &call->values[i];

		v->arg = gs_op_arg_at(call->op, i);
		if (v->arg->def) {
			bool ok = read_value(call, v, gs_str_of(v->arg->def), err);

			assert(ok && "the default of an argument must be valid");
			if (!ok)
				return false;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		const gs_arg *a = gs_op_find_arg(call->op, pairs[i].name);
		gs_op_value *v = call->values;

		if (!a)
			return unknown(call->op, pairs[i].name, err);
		while (v->arg != a)
			v++;
		if (!v->is_set)
			v->n_list = 0; /* what was given replaces the default */
		if (!read_value(call, v, pairs[i].value, err))
			return false;
		v->is_set = true;
	}
	return true;
}

static const gs_op_value *value(const gs_op_call *call, const char *name)
{
	const gs_op_value *v = call->values;

	while (v->arg && strcmp(v->arg->name, name) != 0)
		v++;
	assert(v->arg && "the row has no such argument");
	return v;
}

bool gs_call_is_set(const gs_op_call *call, const char *name)
{
	return value(call, name)->is_set;
}

bool gs_call_bool(const gs_op_call *call, const char *name)
{
	return value(call, name)->is_true;
}

int64_t gs_call_int(const gs_op_call *call, const char *name)
{
	return value(call, name)->num;
}

double gs_call_float(const gs_op_call *call, const char *name)
{
	return value(call, name)->real;
}

gs_str gs_call_str(const gs_op_call *call, const char *name)
{
	return value(call, name)->text;
}

const gs_re *gs_call_regex(const gs_op_call *call, const char *name)
{
	return value(call, name)->re;
}

const gs_str *gs_call_list(const gs_op_call *call, const char *name, unsigned *n)
{
	const gs_op_value *v = value(call, name);

	*n = v->n_list;
	return v->list;
}
