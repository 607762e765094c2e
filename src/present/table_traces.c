#include <inttypes.h>

#include "present/printable.h"
#include "present/tables.h"

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
