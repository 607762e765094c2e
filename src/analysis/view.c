#include "analysis/view.h"
#include "analysis/filter.h"
#include "analysis/trace_profile.h"
#include "analysis/trace_samples.h"

#include "analysis/view_sums.h"

#include <math.h>

#include "analysis/keys.h"
#include "analysis/labels.h"
#include "analysis/merge.h"
#include "analysis/names.h"
#include "analysis/transform.h"
#include "analysis/units.h"
#include "base/buf.h"

static bool limit(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a report");
}

bool gs_sample_index(const gs_profile *p, gs_str name, uint32_t *out, gs_err *err)
{
	GS_AUTO(buf) all = { 0 };
	int64_t number;

	gs_buf_init(&all, 4096);
	if (p->n_types == 0)
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "profile has no samples");
	if (name.n == 0) {
		*out = gs_profile_default_type(p);
		return true;
	}
	if (gs_str_i64(name, &number)) {
		if (number < 0 || number >= p->n_types)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
				       "sample_index %.*s is outside the range [0..%u]", GS_FMT(name),
				       p->n_types - 1);
		*out = (uint32_t)number;
		return true;
	}
	for (uint32_t t = 0; t < p->n_types; t++) {
		gs_str type = gs_profile_str(p, p->types[t].type);

		if (gs_str_eq(type, name) || (gs_str_starts(name, GS_S("inuse_")) && gs_str_eq(type, gs_str_skip(name, 6)))) {
			*out = t;
			return true;
		}
		gs_buf_f(&all, "%s%.*s", t ? " " : "", GS_FMT(type));
	}
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "sample_index \"%.*s\" must be one of: [%.*s]", GS_FMT(name),
		       GS_FMT(gs_buf_view(&all)));
}

/* Value and divisor of a sample; false when it counts for nothing. */
static bool sample_value(const gs_view *v, const gs_view_profile *vp, uint32_t s, int64_t *w, int64_t *dw)
{
	*w = vp->profile->values[vp->type][s];
	*dw = v->query->mean ? vp->profile->values[0][s] : 0;
	return *w || *dw;
}

static void mark_used(gs_merge *m)
{
	gs_view *v = m->v;

	for (unsigned i = 0; i < v->n_profiles; i++) {
		const gs_view_profile *vp = &v->profiles[i];
		const gs_profile *p = vp->profile;
		uint8_t *used = m->used + m->first[i];
		gs_merge_node *nodes = m->nodes + m->first[i];
		int64_t w, dw;

		for (uint32_t s = 0; s < p->n_samples; s++) {
			uint32_t node = gs_selection_sample(vp->selection, s);

			if (node != GS_NO_ID && sample_value(v, vp, s, &w, &dw))
				used[node] = 1;
		}
		for (uint32_t n = p->n_nodes; n-- > 1;)
			if (used[n]) {
				uint32_t parent = p->nodes[n].parent;

				used[parent] = 1;
				nodes[n].next = nodes[parent].child;
				nodes[parent].child = m->first[i] + n;
			}
	}
}

static void map_keys(gs_merge *m)
{
	gs_view *v = m->v;

	for (unsigned i = 0; i < v->n_profiles; i++) {
		const gs_selection *sel = v->profiles[i].selection;
		const gs_profile *p = sel->profile;
		const uint32_t *frame_key = v->profiles[i].frame_key;

		for (uint32_t n = 1; n < p->n_nodes; n++) {
			uint32_t frame = p->nodes[n].frame;
			uint32_t key = sel->node && sel->node[n] ? GS_NO_ID : frame_key[frame];

			m->nodes[m->first[i] + n].key = key == GS_NO_ID || !(sel->frame[frame] >> 1) ? key : key | GS_MERGE_INLINED;
		}
	}
}

/*
 * Go's runtime cuts a stack at a fixed number of frames. When the deepest stacks of a profile are exactly that deep, they are
 * taken as cut, and what they begin with as the middle of a stack.
 */
static void mark_truncated(gs_view *v)
{
	gs_arena *mem;

	if (v->query->by_creation || v->query->n_transforms || v->query->show_from.n || v->query->show.n || v->query->hide.n)
		return;
	mem = gs_arena_create(UINT64_MAX);
	for (unsigned i = 0; i < v->n_profiles; i++) {
		const gs_profile *p = v->profiles[i].profile;
		uint8_t *depth = gs_try_new(mem, uint8_t, p->n_nodes), *is_outermost = gs_try_new(mem, uint8_t, p->n_frames);
		uint8_t deepest = 0;

		if (!depth || !is_outermost)
			break;
		for (uint32_t k = 1; k < p->n_locations; k++)
			is_outermost[p->locations[k].first_frame + p->locations[k].n_frames - 1] = 1;
		for (uint32_t n = 1; n < p->n_nodes; n++) {
			uint8_t above = depth[p->nodes[n].parent];

			depth[n] = (uint8_t)(above + (is_outermost[p->nodes[n].frame] && above < UINT8_MAX));
			deepest = depth[n] > deepest ? depth[n] : deepest;
		}
		if (deepest != 32 && deepest != 64 && deepest != 100 && deepest != 128)
			continue;
		for (uint32_t s = 0; s < p->n_samples; s++) {
			uint32_t node = v->profiles[i].sample_node[s];

			if (node == GS_NO_ID || depth[p->sample_node[s]] != deepest)
				continue;
			while (node && v->nodes[node].parent)
				node = v->nodes[node].parent;
			if (node)
				v->nodes[node].flags |= GS_VIEW_TRUNCATED;
		}
	}
	gs_arena_free(mem);
}

static bool merge_profiles(gs_view *v, gs_err *err)
{
	gs_arena *mem = gs_arena_create(UINT64_MAX);
	gs_merge m = { .v = v, .mem = mem };
	uint64_t total = 1;
	bool ok = false;

	for (unsigned i = 0; i < v->n_profiles; i++) {
		m.first[i] = (uint32_t)total;
		total += v->profiles[i].profile->n_nodes;
	}
	if (total >= INT32_MAX) {
		limit(err);
		goto out;
	}
	if (!gs_merge_init(&m, (uint32_t)total)) {
		limit(err);
		goto out;
	}
	/* first[] + id is never 0, and a root is nobody's child: 0 can mean "none". */
	mark_used(&m);
	map_keys(&m);
	for (unsigned i = 0; i < v->n_profiles; i++)
		m.roots[i] = m.first[i];
	m.n_roots = v->n_profiles;
	if (!gs_merge_run(&m)) {
		limit(err);
		goto out;
	}
	for (unsigned i = 0; i < v->n_profiles; i++) {
		gs_view_profile *vp = &v->profiles[i];
		const gs_profile *p = vp->profile;
		int64_t w, dw;

		vp->sample_node = gs_try_new(v->mem, uint32_t, p->n_samples);
		if (!vp->sample_node) {
			limit(err);
			goto out;
		}
		for (uint32_t s = 0; s < p->n_samples; s++) {
			uint32_t node = gs_selection_sample(vp->selection, s);

			vp->sample_node[s] = node == GS_NO_ID || !sample_value(v, vp, s, &w, &dw) ?
						     GS_NO_ID :
						     m.nodes[m.first[i] + node].child;
		}
	}
	ok = true;
out:
	gs_arena_free(mem);
	return ok;
}

/* pprof's total: absolute values; of the samples of a diff base only, when there are some. */
static int64_t total_of(const gs_view *v, bool base, bool filtered)
{
	int64_t total = 0, div = 0, diff_total = 0, diff_div = 0;

	for (unsigned i = 0; i < v->n_profiles; i++) {
		const gs_view_profile *vp = &v->profiles[i];
		const gs_profile *p = vp->profile;
		uint8_t *is_base = gs_new(v->mem, uint8_t, p->n_label_sets);

		if (vp->is_base != base)
			continue;
		for (uint32_t k = 1; k < p->n_label_sets; k++)
			is_base[k] = gs_label_set_is_base(p, p->label_sets[k]);
		for (uint32_t s = 0; s < p->n_samples; s++) {
			int64_t w = p->values[vp->type][s], dw = v->query->mean ? p->values[0][s] : 0;

			if (filtered && gs_selection_sample(vp->selection, s) == GS_NO_ID)
				continue;
			w = w < 0 ? (int64_t)(0 - (uint64_t)w) : w;
			total = (int64_t)((uint64_t)total + (uint64_t)w);
			div = (int64_t)((uint64_t)div + (uint64_t)dw);
			if (is_base[p->sample_labels[s]]) {
				diff_total = (int64_t)((uint64_t)diff_total + (uint64_t)w);
				diff_div = (int64_t)((uint64_t)diff_div + (uint64_t)dw);
			}
		}
	}
	if (diff_total > 0) {
		total = diff_total;
		div = diff_div;
	}
	return div ? total / div : total;
}

static bool sum_selfs(gs_view *v, gs_err *err)
{
	bool has_base = v->has_base;

	v->self = gs_try_new(v->mem, int64_t, v->n_nodes);
	v->self_div = v->query->mean ? gs_try_new(v->mem, int64_t, v->n_nodes) : NULL;
	v->base_self = has_base ? gs_try_new(v->mem, int64_t, v->n_nodes) : NULL;
	if (!v->self || (v->query->mean && !v->self_div) || (has_base && !v->base_self))
		return limit(err);
	for (unsigned i = 0; i < v->n_profiles; i++) {
		const gs_view_profile *vp = &v->profiles[i];
		int64_t *self = vp->is_base ? v->base_self : v->self;

		for (uint32_t s = 0; s < vp->profile->n_samples; s++) {
			uint32_t node = vp->sample_node[s];

			if (node == GS_NO_ID)
				continue;
			self[node] = (int64_t)((uint64_t)self[node] + (uint64_t)vp->profile->values[vp->type][s]);
			if (v->self_div && !vp->is_base)
				v->self_div[node] += vp->profile->values[0][s];
		}
	}
	return true;
}

/* The profile of the part of a trace that the query asks for. */
static const gs_profile *part_of_trace(gs_view *v, const gs_view_input *in, gs_err *err)
{
	const gs_trace_query *q = &v->query->trace;
	bool each = v->query->each_sample;
	gs_trace_selection *s;
	uint32_t type;

	if (in->timeline && v->query->filter.n) {
		gs_filter *f = gs_filter_parse(v->mem, v->query->filter, err);

		if (!f)
			return NULL;
		each = each || gs_filter_needs_samples(f);
	}
	if (gs_trace_query_is_all(q) && !v->query->by_creation && !(in->timeline && each))
		return in->profile;
	if (!in->timeline) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			"this profile is no execution trace: time, goroutine, group, region and task take a part of one, creation orders one");
		return NULL;
	}
	s = gs_trace_select(v->mem, in->timeline, in->profile, q, err);
	if (!s || !each)
		return s ? gs_trace_profile(v->mem, s, v->query->by_creation, err) : NULL;
	if (!gs_sample_index(in->profile, v->query->sample_index, &type, err))
		return NULL;
	return gs_trace_samples(v->mem, s, (gs_time_value)type, v->query->by_creation, err);
}

static bool add_profile(gs_view *v, const gs_view_input *in, gs_err *err)
{
	const gs_profile *profile = part_of_trace(v, in, err);
	gs_view_profile *vp = &v->profiles[v->n_profiles];
	gs_query filters = *v->query;
	bool root_matched, leaf_matched;
	gs_selection *sel;

	if (!profile)
		return false;
	vp->profile = profile;
	vp->is_base = in->is_base;
	if (!gs_sample_index(profile, v->query->sample_index, &vp->type, err))
		return false;
	if (filters.tagroot.n || filters.tagleaf.n) {
		vp->profile = gs_profile_with_label_frames(v->mem, profile, filters.tagroot, filters.tagleaf,
							   filters.unit, &root_matched, &leaf_matched, err);
		if (!vp->profile)
			return false;
	}
	sel = gs_select(v->mem, vp->profile, &filters, err);
	if (!sel)
		return false;
	if (filters.tagroot.n && !root_matched)
		sel->unmatched[sel->n_unmatched++] = "TagRoot";
	if (filters.tagleaf.n && !leaf_matched)
		sel->unmatched[sel->n_unmatched++] = "TagLeaf";
	vp->selection = sel;
	v->n_profiles++;
	return true;
}

static void normalize(gs_view *v)
{
	double ratio;

	if (!v->query->normalize || !v->base_self || v->base_total == 0)
		return;
	ratio = (double)v->total / (double)v->base_total;
	for (uint32_t n = 0; n < v->n_nodes; n++)
		v->base_self[n] = (int64_t)llround((double)v->base_self[n] * ratio);
	v->base_total = v->total;
}

static gs_view *build(gs_arena *mem, const gs_view_input *in, unsigned n, const gs_query *q, bool with_trie, gs_err *err)
{
	gs_view *v = gs_new(mem, gs_view, 1);
	gs_key_table table = { 0 };
	const gs_view_profile *first;
	bool ok = true;

	if (n == 0 || n > GS_VIEW_MAX_PROFILES) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "a report needs between 1 and %d profiles; merge more first", GS_VIEW_MAX_PROFILES);
		return NULL;
	}
	v->mem = mem;
	v->query = q;
	v->memo = gs_view_memo_create(mem);
	v->profiles = gs_new(mem, gs_view_profile, n);
	if (!gs_strtab_init(&v->strings, mem)) {
		limit(err);
		return NULL;
	}
	for (unsigned i = 0; i < n; i++)
		if (!add_profile(v, &in[i], err))
			return NULL;
	first = &v->profiles[0];
	v->type = gs_profile_str(first->profile, first->profile->types[first->type].type);
	v->unit = gs_profile_str(first->profile, first->profile->types[first->type].unit);
	v->total = total_of(v, false, q->relative_percentages);
	v->base_total = total_of(v, true, q->relative_percentages);
	for (unsigned i = 0; i < v->n_profiles; i++)
		v->has_base = v->has_base || v->profiles[i].is_base;
	for (unsigned i = 0; ok && i < n; i++) {
		v->profiles[i].frame_key = gs_keys_of_frames(v, v->profiles[i].selection, &table, err);
		ok = v->profiles[i].frame_key != NULL;
	}
	if (ok && with_trie)
		ok = merge_profiles(v, err) && gs_view_transform(v, &table, err) && sum_selfs(v, err);
	gs_key_table_release(&table);
	if (!ok)
		return NULL;
	if (with_trie) {
		mark_truncated(v);
		normalize(v);
	}
	return v;
}

gs_view *gs_view_build(gs_arena *mem, const gs_view_input *in, unsigned n, const gs_query *q, gs_err *err)
{
	return build(mem, in, n, q, true, err);
}

gs_view *gs_view_build_keys(gs_arena *mem, const gs_view_input *in, unsigned n, const gs_query *q, gs_err *err)
{
	/* Scaling the base needs whole numbers a stack. */
	return build(mem, in, n, q, q->n_transforms || (q->normalize && n > 1), err);
}

int64_t *gs_view_totals(gs_arena *mem, const gs_view *v, const int64_t *self)
{
	int64_t *total = gs_try_new(mem, int64_t, v->n_nodes);

	if (!total)
		return NULL;
	memcpy(total, self, v->n_nodes * sizeof(*total));
	for (uint32_t n = v->n_nodes; n-- > 1;)
		total[v->nodes[n].parent] =
			(int64_t)((uint64_t)total[v->nodes[n].parent] + (uint64_t)total[n]);
	return total;
}

/* Which column counts raw events, or GS_NO_ID. */
static uint32_t count_type(const gs_profile *p, uint32_t shown)
{
	gs_str type = gs_profile_str(p, p->types[shown].type);
	gs_str want = GS_S("samples");

	if (gs_str_starts(type, GS_S("retained")))
		want = GS_S("retained_objects"); /* of a heap in memory: none is missing */
	else if (p->is_heap_sampled)
		want = gs_str_starts(type, GS_S("inuse")) ? GS_S("inuse_objects") : GS_S("alloc_objects");
	for (uint32_t t = 0; t < p->n_types; t++)
		if (gs_str_eq(gs_profile_str(p, p->types[t].type), want))
			return t;
	return GS_NO_ID;
}

gs_raw_counter gs_raw_counter_of(const gs_profile *p, uint32_t type)
{
	gs_raw_counter c = { .count_type = count_type(p, type) };
	bool is_retained = gs_str_starts(gs_profile_str(p, p->types[type].type), GS_S("retained"));

	c.is_scaled = c.count_type != GS_NO_ID && !is_retained && p->is_heap_sampled && p->period > 1 && c.count_type + 1 < p->n_types;
	return c;
}

double gs_raw_count(const gs_raw_counter *c, const gs_profile *p, uint32_t sample)
{
	double k = c->count_type == GS_NO_ID ? 1 : (double)p->values[c->count_type][sample];

	/* Undo the runtime's scaling: n objects of size S were seen n * (1 - exp(-S/R)) times. */
	if (c->is_scaled && k != 0)
		k *= 1 - exp(-((double)p->values[c->count_type + 1][sample] / k) / (double)p->period);
	return k;
}

double *gs_view_raw_self(gs_arena *mem, const gs_view *v, bool base)
{
	double *raw = gs_try_new(mem, double, v->n_nodes);

	for (unsigned i = 0; raw && i < v->n_profiles; i++) {
		const gs_view_profile *vp = &v->profiles[i];
		gs_raw_counter c = gs_raw_counter_of(vp->profile, vp->type);

		if (vp->is_base != base)
			continue;
		for (uint32_t s = 0; s < vp->profile->n_samples; s++)
			if (vp->sample_node[s] != GS_NO_ID)
				raw[vp->sample_node[s]] += gs_raw_count(&c, vp->profile, s);
	}
	return raw;
}

gs_str gs_key_text(gs_arena *mem, const gs_view *v, const gs_key *k)
{
	gs_str name = gs_view_str(v, k->name), file = gs_view_str(v, k->file), object = gs_view_str(v, k->object);
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 20);
	if (k->address)
		gs_buf_f(&b, "%016llx", (unsigned long long)k->address);
	if (name.n) {
		if (b.n)
			gs_buf_c(&b, ' ');
		gs_buf_str(&b, name);
	}
	if (k->line || file.n || name.n == 0) {
		if (b.n)
			gs_buf_c(&b, ' ');
		if (k->line || file.n) {
			gs_buf_str(&b, file);
			if (k->line) {
				gs_buf_f(&b, ":%lld", (long long)k->line);
				if (k->column)
					gs_buf_f(&b, ":%lld", (long long)k->column);
			}
		} else if (object.n) {
			gs_buf_c(&b, '[');
			gs_buf_str(&b, gs_path_base(object));
			gs_buf_c(&b, ']');
		} else {
			gs_buf_z(&b, "<unknown>");
		}
	}
	return gs_str_dup(mem, gs_buf_view(&b));
}
