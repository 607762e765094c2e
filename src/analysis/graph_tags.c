#include "analysis/graph_internal.h"

#include "analysis/labels.h"
#include "analysis/units.h"
#include "base/buf.h"

/* The parts of a label set that a graph shows. */
typedef struct set_tags {
	gs_str labels; /* "key:value" joined by a literal \n, empty when there are none */
	uint32_t *numbers; /* labels named "bytes" */
	uint32_t n_numbers;
	bool is_known;
} set_tags;

static int compare_strings(const void *a, const void *b)
{
	return gs_str_cmp(*(const gs_str *)a, *(const gs_str *)b);
}

static void describe(gs_graph *g, const gs_view_profile *vp, uint32_t set_id, set_tags *out)
{
	const gs_profile *p = vp->profile;
	gs_label_set set = p->label_sets[set_id];
	gs_str *texts = gs_new(g->mem, gs_str, set.n);
	uint32_t n = 0;
	GS_AUTO(buf) b = { 0 };

	out->is_known = true;
	out->numbers = gs_new(g->mem, uint32_t, set.n);
	gs_buf_init(&b, 1 << 20);
	for (uint32_t i = set.first; i < set.first + set.n; i++) {
		const gs_label *l = &p->labels[i];
		gs_str key = gs_profile_str(p, l->key);

		if (vp->selection->label && vp->selection->label[i])
			continue;
		if (gs_label_is_string(l) && !gs_str_eq(key, GS_S("pprof::base"))) {
			b.n = 0;
			gs_buf_str(&b, key);
			gs_buf_c(&b, ':');
			gs_buf_str(&b, gs_profile_str(p, l->str));
			texts[n++] = gs_str_dup(g->mem, gs_buf_view(&b));
		} else if (gs_label_is_number(l) && gs_str_eq(key, GS_S("bytes"))) {
			out->numbers[out->n_numbers++] = i;
		}
	}
	qsort(texts, n, sizeof(*texts), compare_strings);
	b.n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			gs_buf_z(&b, "\\n");
		gs_buf_str(&b, texts[i]);
	}
	out->labels = gs_str_dup(g->mem, gs_buf_view(&b));
}

static uint32_t find_tag(gs_graph *g, gs_tag_list *tags, gs_str name, gs_str unit, int64_t value, uint32_t labels)
{
	for (uint32_t i = 0; i < tags->n; i++)
		if (tags->list[i].labels == labels && gs_str_eq(tags->list[i].name, name))
			return i;
	if (tags->n == tags->cap) {
		uint32_t cap = tags->cap ? tags->cap * 2 : 4;
		gs_tag *list = gs_try_new(g->mem, gs_tag, cap);

		if (!list)
			return GS_NO_ID;
		if (tags->n)
			memcpy(list, tags->list, tags->n * sizeof(*list));
		tags->list = list;
		tags->cap = cap;
	}
	tags->list[tags->n] = (gs_tag){ .name = name, .unit = unit, .value = value, .labels = labels };
	return tags->n++;
}

static void count(gs_tag *t, int64_t w, int64_t dw, bool flat)
{
	if (flat) {
		t->flat += w;
		t->flat_div += dw;
	} else {
		t->cum += w;
		t->cum_div += dw;
	}
}

typedef struct tagger {
	gs_graph *g;
	const gs_view_profile *vp;
	gs_str unit; /* of the key "bytes" */
	gs_str out_unit;
} tagger;

static bool add(const tagger *t, gs_graph_node *n, const set_tags *st, int64_t w, int64_t dw, bool flat)
{
	gs_graph *g = t->g;
	uint32_t label = GS_NO_ID;

	if (st->labels.n) {
		label = find_tag(g, &n->labels, st->labels, GS_S(""), 0, GS_NO_ID);
		if (label == GS_NO_ID)
			return false;
		count(&n->labels.list[label], w, dw, flat);
	}
	for (uint32_t i = 0; i < st->n_numbers; i++) {
		int64_t value = t->vp->profile->labels[st->numbers[i]].num;
		uint32_t number = find_tag(g, &n->numbers, gs_unit_label_str(g->mem, value, t->unit, t->out_unit),
					   t->unit, value, label);

		if (number == GS_NO_ID)
			return false;
		count(&n->numbers.list[number], w, dw, flat);
	}
	return true;
}

bool gs_graph_add_tags(gs_graph *g, gs_arena *scratch, const uint8_t *kept, const gs_graph_options *o,
		       const uint32_t *node_of_view)
{
	const gs_view *v = g->view;
	const gs_view_profile *vp = &v->profiles[0];
	const gs_profile *p = vp->profile;
	set_tags *sets = gs_try_new(scratch, set_tags, p->n_label_sets);
	uint32_t *seen = gs_try_new(scratch, uint32_t, g->n_nodes);
	const gs_label_units *units = gs_label_units_of(scratch, p);
	tagger t = { .g = g, .vp = vp, .unit = GS_S("bytes"), .out_unit = o->tag_unit };

	if (!sets || !seen)
		return false;
	for (uint32_t i = 0; i < units->n; i++)
		if (gs_str_eq(gs_profile_str(p, units->list[i].key), GS_S("bytes")))
			t.unit = units->list[i].unit;
	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t leaf = vp->sample_node[s], set = p->sample_labels[s];
		int64_t w = p->values[vp->type][s], dw = v->query->mean ? p->values[0][s] : 0;

		if (leaf == GS_NO_ID || set == 0)
			continue;
		if (!sets[set].is_known)
			describe(g, vp, set, &sets[set]);
		if (!sets[set].labels.n && !sets[set].n_numbers)
			continue;
		for (uint32_t at = leaf; at; at = v->nodes[at].parent) {
			uint32_t n = node_of_view ? node_of_view[at] : v->nodes[at].key;

			if (kept && !kept[v->nodes[at].key])
				continue;
			if (at == leaf && !add(&t, &g->nodes[n], &sets[set], w, dw, true))
				return false;
			if (seen[n] == s + 1)
				continue;
			seen[n] = s + 1;
			if (!add(&t, &g->nodes[n], &sets[set], w, dw, false))
				return false;
		}
	}
	return true;
}

static void trim_list(gs_tag_list *tags, int64_t cutoff)
{
	for (uint32_t i = 0; i < tags->n; i++)
		if (gs_abs64(tags->list[i].flat) < cutoff && gs_abs64(tags->list[i].cum) < cutoff)
			tags->list[i].is_gone = true;
}

void gs_graph_trim_tags(gs_graph *g, int64_t cutoff)
{
	for (uint32_t i = 0; i < g->n_shown; i++) {
		trim_list(&g->nodes[g->shown[i]].labels, cutoff);
		trim_list(&g->nodes[g->shown[i]].numbers, cutoff);
	}
}

static uint32_t count_flat(const gs_tag_list *tags)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tags->n; i++)
		n += !tags->list[i].is_gone && tags->list[i].flat != 0;
	return n;
}

uint32_t gs_graph_count_tags(const gs_graph_node *n)
{
	return count_flat(&n->labels) + count_flat(&n->numbers);
}

static int compare_tags(const gs_tag *a, const gs_tag *b, bool flat)
{
	if (!flat && a->cum != b->cum && gs_abs64(a->cum) != gs_abs64(b->cum))
		return gs_abs64(a->cum) > gs_abs64(b->cum) ? -1 : 1;
	if ((flat || a->cum == b->cum) && a->flat != b->flat && gs_abs64(a->flat) != gs_abs64(b->flat))
		return gs_abs64(a->flat) > gs_abs64(b->flat) ? -1 : 1;
	return gs_str_cmp(a->name, b->name);
}

static int by_flat(const void *a, const void *b)
{
	return compare_tags(*(const gs_tag *const *)a, *(const gs_tag *const *)b, true);
}

static int by_cum(const void *a, const void *b)
{
	return compare_tags(*(const gs_tag *const *)a, *(const gs_tag *const *)b, false);
}

uint32_t gs_tags_sort(const gs_tag_list *tags, bool flat, const gs_tag **out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tags->n; i++)
		if (!tags->list[i].is_gone)
			out[n++] = &tags->list[i];
	qsort(out, n, sizeof(*out), flat ? by_flat : by_cum);
	return n;
}
