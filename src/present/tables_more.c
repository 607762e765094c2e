/* peek, tags, search, traces and trees. */
#include <inttypes.h>
#include <math.h>

#include "analysis/names.h"
#include "analysis/units.h"
#include "present/printable.h"
#include "present/tables.h"

/* Neighbours of a node, heaviest first. */
static void edges_json(gs_json *j, gs_graph *g, gs_arena *mem, const uint32_t *edges, uint32_t n, bool callers)
{
	uint32_t n_left;
	uint32_t *list = gs_graph_sort_edges(g, mem, edges, n, &n_left);

	gs_json_key(j, callers ? "callers" : "callees");
	gs_json_array(j);
	for (uint32_t i = 0; list && i < n_left; i++) {
		const gs_edge *e = &g->edges[list[i]];

		gs_json_object(j);
		gs_table_name_json(j, g->view, gs_graph_key(g, callers ? e->src : e->dest));
		gs_json_ki64(j, "value", e->weight);
		gs_json_kbool(j, "inlined", e->is_inline);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void edges_text(gs_graph *g, gs_arena *mem, const uint32_t *edges, uint32_t n, bool callers, int64_t cum,
		       const gs_table_style *s, gs_buf *out)
{
	uint32_t n_left;
	uint32_t *list = gs_graph_sort_edges(g, mem, edges, n, &n_left);

	for (uint32_t i = 0; list && i < n_left; i++) {
		const gs_edge *e = &g->edges[list[i]];

		gs_buf_fill(out, ' ', 19);
		gs_table_value_padded(g->view, s, out, e->weight, 10);
		gs_buf_f(out, " %6.2f%%   %s ", gs_table_percent(e->weight, cum), callers ? "<-" : "->");
		gs_printable(out, gs_graph_name(g, callers ? e->src : e->dest));
		gs_buf_z(out, e->is_inline ? " (inlined)\n" : "\n");
	}
}

bool gs_peek_write(gs_graph *g, gs_str function, const gs_table_style *s, bool json, gs_buf *out, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	const gs_view *v = g->view;
	gs_json j = gs_json_to(out);
	const gs_re *re = NULL;
	bool exact = false;
	uint32_t found = 0;

	for (uint32_t i = 0; i < g->n_shown && !exact; i++)
		exact = gs_str_eq(gs_graph_name(g, g->shown[i]), function);
	if (!exact) {
		re = gs_re_compile(mem, function, err);
		if (!re)
			return false;
	}
	if (json) {
		gs_json_object(&j);
		gs_json_kstr(&j, "type", v->type);
		gs_json_kstr(&j, "unit", v->unit);
		gs_json_ki64(&j, "total", v->total);
		gs_json_key(&j, "rows");
		gs_json_array(&j);
	}
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		gs_str name = gs_graph_name(g, g->shown[i]);

		if (exact ? !gs_str_eq(name, function) : !gs_re_match(re, name))
			continue;
		found++;
		if (s->limit && found > s->limit)
			continue;
		if (json) {
			gs_json_object(&j);
			gs_table_name_json(&j, v, gs_graph_key(g, g->shown[i]));
			gs_json_ki64(&j, "flat", n->flat);
			gs_json_ki64(&j, "cum", n->cum);
			edges_json(&j, g, mem, n->in, n->n_in, true);
			edges_json(&j, g, mem, n->out, n->n_out, false);
			gs_json_object_end(&j);
			continue;
		}
		if (found > 1)
			gs_buf_c(out, '\n');
		edges_text(g, mem, n->in, n->n_in, true, n->cum, s, out);
		gs_table_value_padded(v, s, out, n->flat, 10);
		gs_buf_f(out, " %6.2f%% ", gs_table_percent(n->flat, v->total));
		gs_table_value_padded(v, s, out, n->cum, 10);
		gs_buf_f(out, " %6.2f%% ", gs_table_percent(n->cum, v->total));
		if (s->use_color)
			gs_buf_z(out, "\x1b[1m");
		gs_printable(out, name);
		gs_buf_z(out, s->use_color ? "\x1b[0m\n" : "\n");
		edges_text(g, mem, n->out, n->n_out, false, n->cum, s, out);
	}
	if (json) {
		gs_json_array_end(&j);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
	} else if (s->limit && found > s->limit) {
		gs_buf_f(out, "\n%u more functions match (-n 0 shows all)\n", found - s->limit);
	}
	return found || gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no function in the profile matches \"%.*s\"",
				GS_FMT(function));
}

typedef struct tag_row {
	gs_str key, value;
	int64_t total;
} tag_row;

typedef struct tag_rows {
	tag_row *list;
	uint32_t n, cap;
	gs_map index;
} tag_rows;

static bool add_tag(gs_arena *mem, tag_rows *t, gs_str key, gs_str value, int64_t total)
{
	uint64_t h = gs_str_hash(key) * 31 + gs_str_hash(value);
	uint32_t *slot;
	bool is_new;

	for (;; h++) {
		slot = gs_map_put(&t->index, h, &is_new);
		if (!slot)
			return false;
		if (is_new || (gs_str_eq(t->list[*slot].key, key) && gs_str_eq(t->list[*slot].value, value)))
			break;
	}
	if (is_new) {
		if (t->n == t->cap) {
			uint32_t cap = t->cap ? t->cap * 2 : 64;
			tag_row *list = gs_try_new(mem, tag_row, cap);

			if (!list)
				return false;
			if (t->n)
				memcpy(list, t->list, t->n * sizeof(*list));
			t->list = list;
			t->cap = cap;
		}
		*slot = t->n++;
		t->list[*slot] = (tag_row){ key, value, 0 };
	}
	t->list[*slot].total = (int64_t)((uint64_t)t->list[*slot].total + (uint64_t)total);
	return true;
}

static bool collect_tags(gs_arena *mem, const gs_view *v, const gs_view_profile *vp, tag_rows *t)
{
	const gs_profile *p = vp->profile;
	const gs_label_units *units = gs_label_units_of(mem, p);
	int64_t *by_set = gs_try_new(mem, int64_t, p->n_label_sets);
	uint8_t *used = gs_try_new(mem, uint8_t, p->n_label_sets);

	if (!by_set || !used)
		return false;
	(void)v;
	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t set = p->sample_labels[s];

		if (vp->sample_node[s] == GS_NO_ID)
			continue;
		used[set] = 1;
		by_set[set] = (int64_t)((uint64_t)by_set[set] + (uint64_t)p->values[vp->type][s]);
	}
	for (uint32_t set = 1; set < p->n_label_sets; set++) {
		gs_label_set ls = p->label_sets[set];

		for (uint32_t i = ls.first; used[set] && i < ls.first + ls.n; i++) {
			const gs_label *l = &p->labels[i];
			gs_str text;

			if (vp->selection->label && vp->selection->label[i])
				continue;
			if (gs_label_is_string(l))
				text = gs_profile_str(p, l->str);
			else if (gs_label_is_number(l))
				text = gs_unit_label_str(mem, l->num, gs_label_units_get(units, p, l->key), GS_S("auto"));
			else
				continue;
			if (!add_tag(mem, t, gs_profile_str(p, l->key), text, by_set[set]))
				return false;
		}
	}
	return true;
}

static int compare_tags(const void *a, const void *b)
{
	const tag_row *x = a, *y = b;
	int c = gs_str_cmp(x->key, y->key);
	int64_t vx = gs_abs64(x->total), vy = gs_abs64(y->total);

	if (!c && vx != vy)
		c = vx > vy ? -1 : 1;
	return c ? c : gs_str_cmp(x->value, y->value);
}

void gs_tags_write(gs_arena *mem, const gs_view *v, const gs_table_style *s, const char *format, gs_buf *out)
{
	tag_rows t = { 0 };
	gs_json j = gs_json_to(out);
	bool json = strcmp(format, "json") == 0;

	for (unsigned i = 0; i < v->n_profiles; i++)
		if (!v->profiles[i].is_base)
			collect_tags(mem, v, &v->profiles[i], &t);
	if (t.n)
		qsort(t.list, t.n, sizeof(*t.list), compare_tags);
	if (json) {
		gs_json_object(&j);
		gs_json_kstr(&j, "type", v->type);
		gs_json_kstr(&j, "unit", v->unit);
		gs_json_ki64(&j, "total", v->total);
		gs_json_key(&j, "keys");
		gs_json_array(&j);
	} else if (!t.n) {
		gs_buf_z(out, "no labels\n");
	}
	for (uint32_t i = 0; i < t.n;) {
		uint32_t end = i;
		int64_t sum = 0;

		for (; end < t.n && gs_str_eq(t.list[end].key, t.list[i].key); end++)
			sum += t.list[end].total;
		if (json) {
			gs_json_object(&j);
			gs_json_kstr(&j, "key", t.list[i].key);
			gs_json_ki64(&j, "total", sum);
			gs_json_ku64(&j, "count", end - i);
			gs_json_key(&j, "values");
			gs_json_array(&j);
		} else {
			gs_printable(out, t.list[i].key);
			gs_buf_z(out, ": ");
			gs_table_value(v, s, out, sum);
			gs_buf_f(out, " of the total (%.2f%%)\n", gs_table_percent(sum, v->total));
		}
		for (uint32_t k = i; k < end && (!s->limit || k - i < s->limit); k++) {
			if (json) {
				gs_json_object(&j);
				gs_json_kstr(&j, "value", t.list[k].value);
				gs_json_ki64(&j, "total", t.list[k].total);
				gs_json_kf64(&j, "pct", gs_table_percent(t.list[k].total, v->total));
				gs_json_object_end(&j);
			} else {
				gs_table_value_padded(v, s, out, t.list[k].total, 12);
				gs_buf_f(out, " %6.2f%%  ", gs_table_percent(t.list[k].total, v->total));
				gs_printable(out, t.list[k].value);
				gs_buf_c(out, '\n');
			}
		}
		if (json) {
			gs_json_array_end(&j);
			gs_json_object_end(&j);
		} else if (s->limit && end - i > s->limit) {
			gs_buf_f(out, "%12s          %u more values (-n 0 shows all)\n", "", end - i - s->limit);
		}
		i = end;
	}
	if (json) {
		gs_json_array_end(&j);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
	}
	gs_map_release(&t.index);
}

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

typedef struct trace_ref {
	uint32_t profile, sample;
	int64_t value;
} trace_ref;

static int compare_traces(const void *a, const void *b)
{
	const trace_ref *x = a, *y = b;
	int64_t vx = gs_abs64(x->value), vy = gs_abs64(y->value);

	if (vx != vy)
		return vx > vy ? -1 : 1;
	if (x->profile != y->profile)
		return x->profile < y->profile ? -1 : 1;
	return x->sample < y->sample ? -1 : x->sample > y->sample;
}

typedef void frame_fn(void *ctx, gs_str name, gs_str file, int64_t line, bool inlined);

/* Leaf first. The profile's own frames know their lines; after transforms only the view knows the stack. */
static void each_frame(gs_arena *mem, const gs_view *v, const trace_ref *t, frame_fn *fn, void *ctx)
{
	const gs_view_profile *vp = &v->profiles[t->profile];
	const gs_profile *p = vp->profile;

	if (v->query->n_transforms) {
		for (uint32_t n = vp->sample_node[t->sample]; n; n = v->nodes[n].parent) {
			const gs_key *k = &v->keys[v->nodes[n].key];

			fn(ctx, gs_key_text(mem, v, k), gs_view_str(v, k->file ? k->file : k->at_file),
			   k->line ? k->line : k->at_line, v->nodes[n].flags & GS_VIEW_INLINED);
		}
		return;
	}
	for (uint32_t n = gs_selection_sample(vp->selection, t->sample); n && n != GS_NO_ID; n = p->nodes[n].parent) {
		const gs_frame *f = &p->frames[p->nodes[n].frame];
		const gs_function *function = &p->functions[f->function];

		if (!gs_selection_shows(vp->selection, n))
			continue;
		fn(ctx,
		   f->function && function->name ?
			   gs_profile_str(p, function->name) :
			   gs_key_text(mem, v, &v->keys[vp->frame_key[p->nodes[n].frame]]),
		   gs_profile_str(p, function->file), f->line,
		   vp->selection->frame[p->nodes[n].frame] & GS_SHOWN_INLINED);
	}
}

static void frame_json(void *ctx, gs_str name, gs_str file, int64_t line, bool inlined)
{
	gs_json *j = ctx;

	gs_json_object(j);
	gs_json_kstr(j, "name", name);
	gs_json_kstr(j, "file", file);
	gs_json_ki64(j, "line", line);
	gs_json_kbool(j, "inlined", inlined);
	gs_json_object_end(j);
}

static void frame_text(void *ctx, gs_str name, gs_str file, int64_t line, bool inlined)
{
	gs_buf *out = ctx;

	gs_buf_z(out, "              ");
	gs_printable(out, name);
	if (file.n) {
		gs_buf_z(out, "  ");
		gs_printable(out, file);
		if (line)
			gs_buf_f(out, ":%" PRId64, line);
	}
	gs_buf_z(out, inlined ? " (inlined)\n" : "\n");
}

static void trace_labels_json(gs_json *j, const gs_view_profile *vp, uint32_t sample)
{
	const gs_profile *p = vp->profile;
	gs_label_set set = p->label_sets[p->sample_labels[sample]];
	GS_AUTO(buf) b = { .max = 256 };

	gs_json_key(j, "labels");
	gs_json_object(j);
	for (uint32_t i = set.first; i < set.first + set.n; i++) {
		bool known = vp->selection->label && vp->selection->label[i];

		for (uint32_t k = set.first; k < i; k++)
			known = known || p->labels[k].key == p->labels[i].key;
		if (known)
			continue;
		gs_json_key_str(j, gs_profile_str(p, p->labels[i].key));
		gs_json_array(j);
		for (uint32_t k = i; k < set.first + set.n; k++) {
			const gs_label *l = &p->labels[k];

			if (l->key != p->labels[i].key)
				continue;
			if (!l->is_num) {
				gs_json_str(j, gs_profile_str(p, l->str));
				continue;
			}
			b.n = 0;
			gs_buf_f(&b, "%" PRId64 "%s%.*s", l->num, l->unit ? " " : "", GS_FMT(gs_profile_str(p, l->unit)));
			gs_json_str(j, gs_buf_view(&b));
		}
		gs_json_array_end(j);
	}
	gs_json_object_end(j);
}

static void trace_labels_text(gs_buf *out, const gs_view_profile *vp, uint32_t sample)
{
	const gs_profile *p = vp->profile;
	gs_label_set set = p->label_sets[p->sample_labels[sample]];

	for (uint32_t i = set.first; i < set.first + set.n; i++) {
		const gs_label *l = &p->labels[i];

		if (vp->selection->label && vp->selection->label[i])
			continue;
		gs_buf_z(out, "  ");
		gs_printable(out, gs_profile_str(p, l->key));
		gs_buf_c(out, '=');
		if (l->is_num)
			gs_buf_f(out, "%" PRId64 "%.*s", l->num, GS_FMT(gs_profile_str(p, l->unit)));
		else
			gs_printable(out, gs_profile_str(p, l->str));
	}
}

bool gs_traces_write(gs_arena *mem, const gs_view *v, const gs_traces_page *page, const gs_table_style *s, bool json,
		     gs_buf *out, gs_err *err)
{
	GS_VEC(trace_ref) all = { 0 };
	gs_json j = gs_json_to(out);
	size_t from, to;

	for (unsigned i = 0; i < v->n_profiles; i++)
		for (uint32_t k = 0; !v->profiles[i].is_base && k < v->profiles[i].profile->n_samples; k++) {
			trace_ref *t;

			if (v->profiles[i].sample_node[k] == GS_NO_ID)
				continue;
			t = gs_vec_push(&all, INT32_MAX);
			if (!t) {
				gs_vec_release(&all);
				return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for traces");
			}
			*t = (trace_ref){ i, k, v->profiles[i].profile->values[v->profiles[i].type][k] };
		}
	if (page->by_value && all.n)
		qsort(all.p, all.n, sizeof(*all.p), compare_traces);
	from = page->offset < all.n ? page->offset : all.n;
	to = page->limit && page->limit < all.n - from ? from + page->limit : all.n;
	if (json) {
		gs_json_object(&j);
		gs_json_ku64(&j, "count", all.n);
		gs_json_kstr(&j, "type", v->type);
		gs_json_kstr(&j, "unit", v->unit);
		gs_json_key(&j, "rows");
		gs_json_array(&j);
	}
	for (size_t i = from; i < to; i++) {
		const trace_ref *t = &all.p[i];
		const gs_view_profile *vp = &v->profiles[t->profile];

		if (!json) {
			gs_table_value_padded(v, s, out, t->value, 12);
			trace_labels_text(out, vp, t->sample);
			gs_buf_c(out, '\n');
			each_frame(mem, v, t, frame_text, out);
			continue;
		}
		gs_json_object(&j);
		gs_json_ki64(&j, "value", t->value);
		gs_json_key(&j, "values");
		gs_json_array(&j);
		for (uint32_t k = 0; k < vp->profile->n_types; k++)
			gs_json_i64(&j, vp->profile->values[k][t->sample]);
		gs_json_array_end(&j);
		trace_labels_json(&j, vp, t->sample);
		gs_json_key(&j, "stack");
		gs_json_array(&j);
		each_frame(mem, v, t, frame_json, &j);
		gs_json_array_end(&j);
		gs_json_object_end(&j);
	}
	if (json) {
		gs_json_array_end(&j);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
	} else if (to < all.n) {
		gs_buf_f(out, "%zu more stacks (--limit 0 shows all)\n", all.n - to);
	}
	gs_vec_release(&all);
	return true;
}

typedef struct child_order {
	const int64_t *total;
	const gs_view *v;
} child_order;

static int compare_children(const void *a, const void *b, void *ctx)
{
	const child_order *o = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int64_t vx = gs_abs64(o->total[x]), vy = gs_abs64(o->total[y]);

	return vx != vy ? (vx > vy ? -1 : 1) : x < y ? -1 : x > y;
}

/* Children that are worth showing, heaviest first. */
static uint32_t big_children(gs_arena *mem, const gs_view *v, const int64_t *total, uint32_t node, double least,
			     uint32_t **out)
{
	const gs_view_node *n = &v->nodes[node];
	uint32_t *list = gs_new(mem, uint32_t, n->n_children), count = 0;
	child_order o = { total, v };

	for (uint32_t c = n->first_child; c < n->first_child + n->n_children; c++)
		if (fabs((double)total[c]) >= least)
			list[count++] = c;
	qsort_r(list, count, sizeof(*list), compare_children, &o);
	*out = list;
	return count;
}

/* Stacks may be as deep as their maker likes; ours is not. */
enum { MAX_LEVELS = 2000 };

static void tree_text_level(gs_arena *mem, const gs_view *v, const int64_t *total, uint32_t node, double least,
			    uint32_t depth, uint32_t level, uint32_t max_depth, const gs_table_style *s, gs_buf *out)
{
	uint32_t *list, n = big_children(mem, v, total, node, least, &list);

	if (max_depth && depth >= max_depth)
		return;
	if (level == MAX_LEVELS) {
		if (n)
			gs_buf_z(out, "                     (deeper frames are left out)\n");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		const gs_key *k = &v->keys[v->nodes[list[i]].key];

		gs_table_value_padded(v, s, out, total[list[i]], 10);
		gs_buf_f(out, " %6.2f%%  ", gs_table_percent(total[list[i]], v->total));
		/* A single child stays on its parent's level: deep stacks stay readable. */
		gs_buf_fill(out, ' ', (size_t)depth * 2);
		gs_printable(out, gs_key_text(mem, v, k));
		gs_buf_z(out, v->nodes[list[i]].flags & GS_VIEW_INLINED ? " (inlined)\n" : "\n");
		tree_text_level(mem, v, total, list[i], least, n == 1 ? depth : depth + 1, level + 1, max_depth, s,
				out);
	}
}

void gs_tree_text(gs_arena *mem, const gs_view *v, uint32_t root, double min, uint32_t max_depth, const gs_table_style *s,
		  gs_buf *out)
{
	int64_t *total = gs_view_totals(mem, v, v->self);

	if (total)
		tree_text_level(mem, v, total, root, fabs((double)total[root]) * min, 0, 0, max_depth, s, out);
}

static void tree_json_level(gs_arena *mem, const gs_view *v, const int64_t *total, uint32_t node, double least,
			    uint32_t depth, uint32_t max_depth, gs_json *j)
{
	uint32_t *list, n = big_children(mem, v, total, node, least, &list);

	gs_json_key(j, "children");
	gs_json_array(j);
	/* The JSON writer nests 63 levels; two a node. */
	for (uint32_t i = 0; i < n && depth < 28 && (!max_depth || depth < max_depth); i++) {
		gs_json_object(j);
		gs_table_name_json(j, v, &v->keys[v->nodes[list[i]].key]);
		gs_json_ki64(j, "total", total[list[i]]);
		gs_json_ki64(j, "self", v->self[list[i]]);
		tree_json_level(mem, v, total, list[i], least, depth + 1, max_depth, j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

void gs_tree_json(gs_arena *mem, const gs_view *v, uint32_t root, double min, uint32_t max_depth, gs_buf *out)
{
	gs_json j = gs_json_to(out);
	int64_t *total = gs_view_totals(mem, v, v->self);

	if (!total)
		return;
	gs_json_object(&j);
	gs_json_kstr(&j, "type", v->type);
	gs_json_kstr(&j, "unit", v->unit);
	gs_json_ki64(&j, "total", total[root]);
	tree_json_level(mem, v, total, root, fabs((double)total[root]) * min, 0, max_depth, &j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
