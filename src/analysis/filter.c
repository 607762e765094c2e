#include "analysis/filter.h"

#include <ctype.h>

#include "analysis/labels.h"
#include "analysis/names.h"
#include "analysis/units.h"
#include "base/re.h"

enum { MAX_DEPTH = 64, MAX_TERMS = 4096 };

typedef enum field {
	/* of frames: any frame of the stack */
	F_FUNCTION,
	F_FILE,
	F_PACKAGE,
	F_BINARY,
	/* of one frame */
	F_LEAF,
	F_ROOT,
	/* numbers */
	F_GOROUTINE,
	F_THREAD,
	F_PID,
	F_CPU,
	F_DEPTH,
	F_VALUE,
	F_TIME,
	F_LABEL,
} field;

static const char *const field_names[] = { "function", "file", "package", "binary", "leaf", "root", "goroutine",
					   "thread",   "pid",  "cpu",	  "depth",  "value", "time", "label" };
enum { N_FIELDS = sizeof(field_names) / sizeof(*field_names) };

typedef enum compare {
	C_EQ,
	C_NE,
	C_LT,
	C_LE,
	C_GT,
	C_GE,
	C_MATCH,
	C_NOT_MATCH,
	C_RANGE,
	C_LIST,
} compare;

static const char *const compare_texts[] = { "==", "!=", "<", "<=", ">", ">=", "=~", "!~" };

typedef struct value {
	gs_str text;
	bool is_number;
	int64_t number; /* in its unit */
	gs_str unit;
} value;

typedef enum term_kind { T_AND, T_OR, T_NOT, T_COMPARE } term_kind;

typedef struct term {
	term_kind kind;
	const struct term *a, *b;
	field field;
	gs_str key; /* F_LABEL */
	compare op;
	const gs_re *re;
	value *values; /* C_RANGE: [0] from, [1] to */
	uint32_t n_values;
	bool no_from, no_to;
	uint32_t id; /* of terms on frames: its column of bits */
} term;

struct gs_filter {
	const term *root;
	uint32_t n_terms;
};

typedef struct parser {
	gs_arena *mem;
	gs_str text;
	size_t at;
	unsigned depth;
	uint32_t n_terms;
	bool failed;
	gs_err *err;
} parser;

static void *fail(parser *p, const char *expected)
{
	gs_str rest = gs_str_slice(p->text, p->at, p->at + 16);

	p->failed = true;
	if (rest.n)
		gs_fail(p->err, GS_ERR_USAGE, GS_ERR_NOWHERE, "filter: %s expected at character %zu, before \"%.*s\"",
			expected, p->at + 1, GS_FMT(rest));
	else
		gs_fail(p->err, GS_ERR_USAGE, GS_ERR_NOWHERE, "filter: %s expected at its end", expected);
	return NULL;
}

static void blanks(parser *p)
{
	while (p->at < p->text.n && isspace((unsigned char)p->text.p[p->at]))
		p->at++;
}

static bool take(parser *p, const char *token)
{
	gs_str t = gs_str_of(token);

	blanks(p);
	if (!gs_str_starts(gs_str_skip(p->text, p->at), t))
		return false;
	p->at += t.n;
	return true;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static gs_str take_word(parser *p)
{
	size_t from;

	blanks(p);
	from = p->at;
	while (p->at < p->text.n && is_word(p->text.p[p->at]))
		p->at++;
	return gs_str_slice(p->text, from, p->at);
}

/* "..." with \" and \\, or '...' as it stands. Other backslashes stay: regular expressions are full of them. */
static bool take_string(parser *p, gs_str *out)
{
	char quote, *to;
	size_t n = 0;

	blanks(p);
	if (p->at >= p->text.n || (p->text.p[p->at] != '"' && p->text.p[p->at] != '\''))
		return fail(p, "a string in quotes");
	quote = p->text.p[p->at++];
	to = gs_new(p->mem, char, p->text.n - p->at + 1);
	for (; p->at < p->text.n; p->at++) {
		char c = p->text.p[p->at];

		if (c == quote) {
			p->at++;
			*out = (gs_str){ to, n };
			return true;
		}
		if (quote == '"' && c == '\\' && p->at + 1 < p->text.n &&
		    (p->text.p[p->at + 1] == '"' || p->text.p[p->at + 1] == '\\'))
			c = p->text.p[++p->at];
		to[n++] = c;
	}
	return fail(p, "a closing quote");
}

/* A number with an optional unit; stops before "..". */
static bool take_number(parser *p, value *v)
{
	size_t from, i;
	double number;

	blanks(p);
	from = i = p->at;
	while (i < p->text.n) {
		char c = p->text.p[i];
		bool sign = (c == '-' || c == '+') && (i == from || p->text.p[i - 1] == 'e' || p->text.p[i - 1] == 'E');
		bool exponent = (c == 'e' || c == 'E') && i > from && i + 1 < p->text.n &&
				(isdigit((unsigned char)p->text.p[i + 1]) || p->text.p[i + 1] == '-' || p->text.p[i + 1] == '+');

		if (c == '.' && i + 1 < p->text.n && p->text.p[i + 1] == '.')
			break;
		if (!isdigit((unsigned char)c) && c != '.' && !sign && !exponent)
			break;
		i++;
	}
	v->is_number = gs_str_i64(gs_str_slice(p->text, from, i), &v->number);
	number = (double)v->number;
	if (!v->is_number && !gs_str_f64(gs_str_slice(p->text, from, i), &number))
		return fail(p, "a number or a string in quotes");
	p->at = i;
	while (i < p->text.n && isalpha((unsigned char)p->text.p[i]))
		i++;
	v->unit = gs_str_slice(p->text, p->at, i);
	/* Fractions need a finer unit to become a whole number. */
	if (!v->is_number && v->unit.n) {
		gs_str fine = gs_unit_is_compatible(v->unit, GS_S("ns")) ? GS_S("ns") : GS_S("B");
		gs_str used;
		double factor = gs_unit_scale(1, v->unit, fine, &used);

		if (!gs_unit_is_compatible(v->unit, fine))
			return fail(p, "a unit of time or bytes");
		number *= factor;
		v->unit = fine;
	}
	if (!v->is_number)
		v->number = gs_f64_to_i64(number);
	v->is_number = true;
	p->at = i;
	v->text = gs_str_slice(p->text, from, i);
	return true;
}

static bool take_value(parser *p, value *v)
{
	blanks(p);
	*v = (value){ 0 };
	if (p->at < p->text.n && (p->text.p[p->at] == '"' || p->text.p[p->at] == '\''))
		return take_string(p, &v->text);
	return take_number(p, v);
}

static term *new_term(parser *p, term_kind kind)
{
	term *t;

	if (p->n_terms == MAX_TERMS)
		return fail(p, "its end (it is too long)");
	t = gs_new(p->mem, term, 1);
	t->kind = kind;
	t->id = p->n_terms++;
	return t;
}

static bool parse_in(parser *p, term *t)
{
	if (take(p, "(")) {
		GS_VEC(value) all = { 0 };
		bool ok = true;

		t->op = C_LIST;
		do {
			value v, *to;

			ok = take_value(p, &v) && (to = gs_vec_push(&all, MAX_TERMS)) != NULL;
			if (ok)
				*to = v;
		} while (ok && take(p, ","));
		ok = ok && (take(p, ")") || fail(p, "\")\" or \",\""));
		t->values = gs_new(p->mem, value, all.n);
		t->n_values = (uint32_t)all.n;
		if (all.n)
			memcpy(t->values, all.p, all.n * sizeof(value));
		gs_vec_release(&all);
		return ok;
	}
	t->op = C_RANGE;
	t->values = gs_new(p->mem, value, 2);
	t->n_values = 2;
	t->no_from = take(p, "..");
	if (!t->no_from && (!take_value(p, &t->values[0]) || !(take(p, "..") || fail(p, "\"..\""))))
		return false;
	blanks(p);
	t->no_to = p->at == p->text.n || p->text.p[p->at] == ')' || p->text.p[p->at] == '&' || p->text.p[p->at] == '|';
	if (t->no_to && t->no_from)
		return fail(p, "a range such as 1s..2s");
	return t->no_to || take_value(p, &t->values[1]);
}

static bool parse_operator(parser *p, term *t)
{
	static const compare longest_first[] = { C_EQ, C_NE, C_LE, C_GE, C_MATCH, C_NOT_MATCH, C_LT, C_GT };
	size_t at;

	for (unsigned i = 0; i < sizeof(longest_first) / sizeof(*longest_first); i++)
		if (take(p, compare_texts[longest_first[i]])) {
			value *v = gs_new(p->mem, value, 1);

			t->op = longest_first[i];
			t->values = v;
			t->n_values = 1;
			if (!take_value(p, v))
				return false;
			if (t->op != C_MATCH && t->op != C_NOT_MATCH)
				return true;
			t->re = gs_re_compile(p->mem, v->text, p->err);
			return t->re || gs_err_context(p->err, "filter");
		}
	at = p->at;
	if (gs_str_eq(take_word(p), GS_S("in")))
		return parse_in(p, t);
	p->at = at;
	return fail(p, "an operator (== != < <= > >= =~ !~ in)");
}

static const term *parse_compare(parser *p)
{
	term *t = new_term(p, T_COMPARE);
	size_t at;
	gs_str word;
	unsigned f = 0;
	bool is_name, is_ordered;

	if (!t)
		return NULL;
	blanks(p);
	at = p->at;
	word = take_word(p);
	while (f < N_FIELDS && !gs_str_eq(word, gs_str_of(field_names[f])))
		f++;
	if (f == N_FIELDS) {
		p->at = at;
		return fail(p, "a field (function file package binary leaf root goroutine thread pid cpu depth value time "
			       "label[\"key\"])");
	}
	t->field = (field)f;
	if (t->field == F_LABEL) {
		if (take(p, ".")) {
			t->key = take_word(p);
		} else if (!take(p, "[") || !take_string(p, &t->key) || !take(p, "]")) {
			if (!p->failed)
				fail(p, "a label such as label[\"key\"]");
			return NULL;
		}
	}
	if (!parse_operator(p, t))
		return NULL;
	is_name = t->field <= F_ROOT;
	is_ordered = t->op == C_RANGE || (t->op >= C_LT && t->op <= C_GE);
	if (is_name && is_ordered)
		return fail(p, "== != =~ !~ or a list for names: they have no order");
	if (!is_name && t->field != F_LABEL) {
		if (t->re)
			return fail(p, "a comparison of numbers: this field is none that a regular expression can match");
		for (uint32_t i = 0; i < t->n_values; i++)
			if (!t->values[i].is_number && !(t->op == C_RANGE && (i ? t->no_to : t->no_from)))
				return fail(p, "a number for this field");
	}
	return t;
}

static const term *parse_or(parser *p);

static const term *parse_not(parser *p)
{
	term *t;

	blanks(p);
	if (p->at < p->text.n && p->text.p[p->at] == '!') {
		p->at++;
		t = new_term(p, T_NOT);
		if (!t || p->depth >= MAX_DEPTH)
			return t ? fail(p, "less nesting") : NULL;
		p->depth++;
		t->a = parse_not(p);
		p->depth--;
		return t->a ? t : NULL;
	}
	if (take(p, "(")) {
		const term *inner;

		if (p->depth >= MAX_DEPTH)
			return fail(p, "less nesting");
		p->depth++;
		inner = parse_or(p);
		p->depth--;
		if (inner && !take(p, ")"))
			return fail(p, "\")\"");
		return inner;
	}
	return parse_compare(p);
}

static const term *parse_and(parser *p)
{
	const term *left = parse_not(p);

	while (left && take(p, "&&")) {
		term *t = new_term(p, T_AND);

		if (!t)
			return NULL;
		t->a = left;
		t->b = parse_not(p);
		left = t->b ? t : NULL;
	}
	return left;
}

static const term *parse_or(parser *p)
{
	const term *left = parse_and(p);

	while (left && take(p, "||")) {
		term *t = new_term(p, T_OR);

		if (!t)
			return NULL;
		t->a = left;
		t->b = parse_and(p);
		left = t->b ? t : NULL;
	}
	return left;
}

gs_filter *gs_filter_parse(gs_arena *mem, gs_str text, gs_err *err)
{
	gs_filter *f = gs_new(mem, gs_filter, 1);
	parser p = { .mem = mem, .text = gs_str_dup(mem, text), .err = err };

	f->root = parse_or(&p);
	blanks(&p);
	if (f->root && p.at < p.text.n)
		f->root = fail(&p, "&&, || or its end");
	f->n_terms = p.n_terms;
	return f->root ? f : NULL;
}

static bool needs_samples(const term *t)
{
	if (t->kind != T_COMPARE)
		return needs_samples(t->a) || (t->b && needs_samples(t->b));
	return t->field == F_GOROUTINE || t->field == F_THREAD || t->field == F_PID || t->field == F_CPU || t->field == F_TIME;
}

bool gs_filter_needs_samples(const gs_filter *f)
{
	return needs_samples(f->root);
}

/* ---- binding ---- */

struct gs_filter_bound {
	int64_t **ready; /* [term]: its numbers in the unit of its field; of `value` for each sample type */
	bool is_given;
	const gs_filter *filter;
	const gs_profile *profile;
	uint8_t **by_node; /* [term]: 1 where the stack fulfils it; NULL: not asked of stacks */
	uint32_t *depth;   /* by node, NULL when nobody asks */
	gs_label_units *units;
	uint32_t *key; /* [term]: string id of its label's key, GS_NO_ID: no sample has it */
};

static bool text_matches(const term *t, gs_str s)
{
	if (t->re)
		return gs_re_match(t->re, s);
	for (uint32_t i = 0; i < t->n_values; i++)
		if (gs_str_eq(s, t->values[i].text))
			return true;
	return false;
}

static gs_str frame_text(const gs_profile *p, const gs_frame *f, field what)
{
	const gs_function *function = &p->functions[f->function];

	switch (what) {
	case F_FILE:
		return gs_profile_str(p, function->file);
	case F_PACKAGE:
		return gs_name_package(gs_profile_str(p, function->name));
	case F_BINARY:
		return gs_profile_str(p, p->mappings[p->locations[f->location].mapping].file);
	default:
		return gs_profile_str(p, function->name);
	}
}

/* Without the negation: a stack is "not" something when none of its frames is. */
static bool match_frames(gs_arena *mem, gs_filter_bound *b, const term *t)
{
	const gs_profile *p = b->profile;
	uint8_t *node = gs_try_new(mem, uint8_t, p->n_nodes);
	uint8_t *function = gs_try_new(mem, uint8_t, p->n_functions); /* 1 no, 2 yes */
	bool by_function = t->field != F_BINARY;

	if (!node || !function)
		return false;
	for (uint32_t n = 1; n < p->n_nodes; n++) {
		uint32_t parent = p->nodes[n].parent;
		const gs_frame *f = &p->frames[p->nodes[n].frame];
		bool hit;

		/* node[root] stays 0: the empty stack is nothing. */
		if (t->field == F_ROOT && parent) {
			node[n] = node[parent];
			continue;
		}
		if (t->field != F_LEAF && node[parent]) {
			node[n] = 1;
			continue;
		}
		if (!by_function || !function[f->function]) {
			hit = text_matches(t, frame_text(p, f, t->field));
			if (by_function)
				function[f->function] = hit ? 2 : 1;
		} else {
			hit = function[f->function] == 2;
		}
		node[n] = hit;
	}
	b->by_node[t->id] = node;
	return true;
}

static bool lacks(gs_err *err, const char *what)
{
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
		       "filter: this input does not say the %s of a sample; filter by function, file, package, leaf, root, depth, "
		       "value or label[\"key\"]",
		       what);
}

static int64_t number_of(const value *v, gs_str unit);

/* Numbers of the filter in the unit that they are compared in: looking up units for each sample would cost more than all the rest. */
static void make_ready(gs_arena *mem, gs_filter_bound *b, const term *t)
{
	const gs_profile *p = b->profile;
	uint32_t n_units = t->field == F_VALUE ? p->n_types : 1;
	int64_t *out = gs_new(mem, int64_t, (size_t)n_units * t->n_values + 1);

	for (uint32_t u = 0; u < n_units; u++)
		for (uint32_t i = 0; i < t->n_values; i++)
			out[u * t->n_values + i] = number_of(&t->values[i], t->field == F_VALUE ? gs_profile_str(p, p->types[u].unit) :
									    t->field == F_TIME	? GS_S("ns") :
												  GS_S("count"));
	b->ready[t->id] = out;
}

static bool bind_term(gs_arena *mem, gs_filter_bound *b, const term *t, gs_err *err)
{
	const gs_profile *p = b->profile;

	if (t->kind != T_COMPARE)
		return bind_term(mem, b, t->a, err) && (!t->b || bind_term(mem, b, t->b, err));
	if (t->field != F_LABEL)
		make_ready(mem, b, t);
	switch (t->field) {
	case F_GOROUTINE:
		return b->is_given || p->sample_goroutine || lacks(err, "goroutine");
	case F_THREAD:
		return b->is_given || p->sample_thread || lacks(err, "thread");
	case F_PID:
		return (!b->is_given && p->sample_pid) || lacks(err, "process");
	case F_CPU:
		return b->is_given || p->sample_cpu || lacks(err, "CPU");
	case F_TIME:
		return b->is_given || p->sample_time_ns || lacks(err, "time");
	case F_VALUE:
		return true;
	case F_LABEL:
		b->key[t->id] = gs_strtab_find(&p->strings, t->key);
		if (!b->units)
			b->units = gs_label_units_of(mem, p);
		return true;
	case F_DEPTH:
		if (b->depth)
			return true;
		b->depth = gs_try_new(mem, uint32_t, p->n_nodes);
		for (uint32_t n = 1; b->depth && n < p->n_nodes; n++)
			b->depth[n] = b->depth[p->nodes[n].parent] + 1;
		return b->depth || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for filters");
	default:
		return match_frames(mem, b, t) || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for filters");
	}
}

static gs_filter_bound *bind(gs_arena *mem, const gs_filter *f, const gs_profile *p, bool is_given, gs_err *err)
{
	gs_filter_bound *b = gs_new(mem, gs_filter_bound, 1);

	b->filter = f;
	b->profile = p;
	b->is_given = is_given;
	b->by_node = gs_new(mem, uint8_t *, f->n_terms);
	b->key = gs_new(mem, uint32_t, f->n_terms);
	b->ready = gs_new(mem, int64_t *, f->n_terms);
	return bind_term(mem, b, f->root, err) ? b : NULL;
}

gs_filter_bound *gs_filter_bind(gs_arena *mem, const gs_filter *f, const gs_profile *p, gs_err *err)
{
	return bind(mem, f, p, false, err);
}

gs_filter_bound *gs_filter_bind_given(gs_arena *mem, const gs_filter *f, const gs_profile *p, gs_err *err)
{
	return bind(mem, f, p, true, err);
}

/* A value in the unit that the field has; what cannot be converted is taken as it stands. */
static int64_t number_of(const value *v, gs_str unit)
{
	gs_str used;

	if (!v->unit.n || !gs_unit_is_compatible(v->unit, unit))
		return v->number;
	return gs_f64_to_i64(gs_unit_scale(v->number, v->unit, unit, &used));
}

/* `at`: the term's numbers when they are ready, else they are brought into `unit`. */
static bool compare_number(const term *t, const int64_t *at, int64_t x, gs_str unit)
{
#define NUMBER(i) (at ? at[i] : number_of(&t->values[i], unit))
	switch (t->op) {
	case C_NE:
		return x != NUMBER(0);
	case C_LT:
		return x < NUMBER(0);
	case C_LE:
		return x <= NUMBER(0);
	case C_GT:
		return x > NUMBER(0);
	case C_GE:
		return x >= NUMBER(0);
	case C_RANGE:
		return (t->no_from || x >= NUMBER(0)) && (t->no_to || x < NUMBER(1));
	default:
		for (uint32_t i = 0; i < t->n_values; i++)
			if (x == NUMBER(i))
				return true;
		return false;
	}
#undef NUMBER
}

/* Any value of the key counts; "not" means that none is. */
static bool compare_label(const gs_filter_bound *b, const term *t, uint32_t labels)
{
	const gs_profile *p = b->profile;
	gs_label_set set = p->label_sets[labels];
	bool negated = t->op == C_NE || t->op == C_NOT_MATCH;
	term plain = *t;

	plain.op = t->op == C_NE ? C_EQ : t->op == C_NOT_MATCH ? C_MATCH : t->op;
	for (uint32_t i = set.first; i < set.first + set.n; i++) {
		const gs_label *l = &p->labels[i];

		if (l->key != b->key[t->id])
			continue;
		if (l->is_num ? !t->re && t->values[t->no_from ? 1 : 0].is_number &&
					compare_number(&plain, NULL, l->num, gs_label_units_get(b->units, p, l->key)) :
				plain.op <= C_EQ || plain.op >= C_MATCH ? text_matches(&plain, gs_profile_str(p, l->str)) :
									  false)
			return !negated;
	}
	return negated;
}

typedef struct subject {
	uint32_t sample, node, type;
	bool node_only;
	const gs_filter_sample *given; /* instead of `sample` */
} subject;

static bool eval_given(const gs_filter_bound *b, const term *t, const subject *s)
{
	const gs_filter_sample *g = s->given;
	const gs_profile *p = b->profile;

	switch (t->field) {
	case F_GOROUTINE:
		return compare_number(t, b->ready[t->id], (int64_t)g->goroutine, GS_S("count"));
	case F_THREAD:
		return compare_number(t, b->ready[t->id], g->thread, GS_S("count"));
	case F_CPU:
		return compare_number(t, b->ready[t->id], g->cpu, GS_S("count"));
	case F_TIME:
		return compare_number(t, b->ready[t->id], g->time_ns, GS_S("ns"));
	case F_VALUE:
		return compare_number(t, b->ready[t->id] + s->type * t->n_values, g->value, gs_profile_str(p, p->types[s->type].unit));
	default:
		return compare_label(b, t, g->labels);
	}
}

/* With node_only: what is not asked of stacks is open. `want` is what the term should be to let the whole be true. */
static bool eval(const gs_filter_bound *b, const term *t, const subject *s, bool want)
{
	const gs_profile *p = b->profile;
	bool hit;

	switch (t->kind) {
	case T_AND:
		return eval(b, t->a, s, want) && eval(b, t->b, s, want);
	case T_OR:
		return eval(b, t->a, s, want) || eval(b, t->b, s, want);
	case T_NOT:
		return !eval(b, t->a, s, !want);
	case T_COMPARE:
		break;
	}
	if (b->by_node[t->id]) {
		hit = b->by_node[t->id][s->node];
		return t->op == C_NE || t->op == C_NOT_MATCH ? !hit : hit;
	}
	if (t->field == F_DEPTH)
		return compare_number(t, b->ready[t->id], b->depth[s->node], GS_S("count"));
	if (s->node_only)
		return want;
	if (s->given)
		return eval_given(b, t, s);
	switch (t->field) {
	case F_GOROUTINE:
		return compare_number(t, b->ready[t->id], (int64_t)p->sample_goroutine[s->sample], GS_S("count"));
	case F_THREAD:
		return compare_number(t, b->ready[t->id], p->sample_thread[s->sample], GS_S("count"));
	case F_PID:
		return compare_number(t, b->ready[t->id], p->sample_pid[s->sample], GS_S("count"));
	case F_CPU:
		return compare_number(t, b->ready[t->id], p->sample_cpu[s->sample], GS_S("count"));
	case F_TIME:
		return compare_number(t, b->ready[t->id], p->sample_time_ns[s->sample] - p->time_zero_ns, GS_S("ns"));
	case F_VALUE:
		return compare_number(t, b->ready[t->id] + s->type * t->n_values, p->values[s->type][s->sample], gs_profile_str(p, p->types[s->type].unit));
	default:
		return compare_label(b, t, p->sample_labels[s->sample]);
	}
}

bool gs_filter_match(const gs_filter_bound *b, uint32_t sample, uint32_t type)
{
	subject s = { .sample = sample, .node = b->profile->sample_node[sample], .type = type };

	return eval(b, b->filter->root, &s, true);
}

bool gs_filter_match_given(const gs_filter_bound *b, const gs_filter_sample *given, uint32_t type)
{
	subject s = { .node = given->node, .type = type, .given = given };

	return eval(b, b->filter->root, &s, true);
}

bool gs_filter_match_node(const gs_filter_bound *b, uint32_t node)
{
	subject s = { .node = node, .node_only = true };

	return eval(b, b->filter->root, &s, true);
}
