#include "analysis/labels.h"
#include "analysis/units.h"
#include "base/buf.h"

enum { MAX_KEYS = 32 };

typedef struct frames {
	const gs_profile *p;
	gs_profile_builder *b;
	gs_str unit;
	gs_str root[MAX_KEYS], leaf[MAX_KEYS];
	unsigned n_root, n_leaf;
	bool root_matched, leaf_matched;
	gs_map memo; /* (node of the root frames, node of the original) -> node */
	gs_buf text;
} frames;

static unsigned split_keys(gs_str list, gs_str *keys)
{
	unsigned n = 0;
	gs_str one;

	while (list.n && n < MAX_KEYS) {
		gs_str_cut(list, ',', &one, &list);
		if (one.n)
			keys[n++] = one;
	}
	return n;
}

/* Same ids as in the original, so that everything refers as before. */
static bool copy_tables(gs_profile_builder *b, const gs_profile *p)
{
	gs_profile *q = gs_profile_builder_profile(b);
	bool ok = true;

	for (uint32_t i = 0; i < p->strings.n && ok; i++)
		ok = gs_profile_builder_str(b, gs_profile_str(p, i)) == i;
	for (uint32_t i = 1; i < p->n_functions && ok; i++)
		ok = gs_profile_builder_function(b, p->functions[i]) == i;
	for (uint32_t i = 1; i < p->n_mappings && ok; i++)
		ok = gs_profile_builder_mapping(b, p->mappings[i]) == i;
	for (uint32_t i = 1; i < p->n_locations && ok; i++) {
		const gs_location *l = &p->locations[i];

		ok = gs_profile_builder_location(b, l->address, l->mapping, l->is_folded,
						 &p->frames[l->first_frame], l->n_frames) == i;
		if (ok && l->file_id)
			gs_profile_builder_location_file_id(b, i, l->file_id);
	}
	for (uint32_t i = 1; i < p->n_label_sets && ok; i++)
		ok = gs_profile_builder_labels(b, &p->labels[p->label_sets[i].first], p->label_sets[i].n) == i;
	for (uint32_t i = 0; i < p->n_comments && ok; i++)
		gs_profile_builder_comment(b, gs_profile_str(p, p->comments[i]));
	q->n_types = p->n_types;
	memcpy(q->types, p->types, sizeof(q->types));
	q->default_type = p->default_type;
	q->period_type = p->period_type;
	q->period = p->period;
	q->time_ns = p->time_ns;
	q->duration_ns = p->duration_ns;
	q->drop_frames = p->drop_frames;
	q->keep_frames = p->keep_frames;
	q->doc_url = p->doc_url;
	q->is_heap_sampled = p->is_heap_sampled;
	return ok;
}

/* All values of a key, strings first, joined by commas. */
static bool label_text(frames *f, gs_label_set set, gs_str key)
{
	bool any = false;

	f->text.n = 0;
	for (int numbers = 0; numbers < 2; numbers++)
		for (uint32_t i = 0; i < set.n; i++) {
			const gs_label *l = &f->p->labels[set.first + i];

			if (!(numbers ? gs_label_is_number(l) : gs_label_is_string(l)) ||
			    !gs_str_eq(gs_profile_str(f->p, l->key), key))
				continue;
			if (any)
				gs_buf_c(&f->text, ',');
			any = true;
			if (!numbers)
				gs_buf_str(&f->text, gs_profile_str(f->p, l->str));
			else if (l->unit)
				gs_unit_label(&f->text, l->num, gs_profile_str(f->p, l->unit), f->unit);
			else
				gs_unit_label(&f->text, l->num, GS_S(""), GS_S(""));
		}
	return any;
}

static uint32_t push_key(frames *f, uint32_t parent, gs_label_set set, gs_str key, bool *matched)
{
	gs_frame frame = { .flags = GS_FRAME_LABEL };

	*matched = label_text(f, set, key) || *matched;
	frame.function = gs_profile_builder_function(
		f->b, (gs_function){ .name = gs_profile_builder_str(f->b, gs_buf_view(&f->text)),
				     .file = gs_profile_builder_str(f->b, key) });
	if (parent == GS_NO_ID || frame.function == GS_NO_ID)
		return GS_NO_ID;
	parent = gs_profile_builder_push(f->b, parent,
					 gs_profile_builder_location_intern(f->b, 0, 0, &frame, 1));
	return parent;
}

/* The original stack below the root frames. */
static uint32_t push_stack(frames *f, uint32_t below, uint32_t node)
{
	GS_VEC(uint32_t) todo = { 0 };
	uint32_t at = below;

	for (uint32_t n = node; n != GS_ROOT_NODE;) {
		const uint32_t *known = gs_map_get(&f->memo, (uint64_t)below << 32 | n);
		uint32_t *slot;

		if (known) {
			at = *known;
			break;
		}
		slot = gs_vec_push(&todo, INT32_MAX);
		if (!slot)
			goto fail;
		*slot = n;
		/* The whole location at once. */
		n = f->p->nodes[n].parent;
		for (uint32_t k = f->p->locations[f->p->frames[f->p->nodes[*slot].frame].location].n_frames; k > 1; k--)
			n = f->p->nodes[n].parent;
	}
	while (todo.n) {
		uint32_t n = todo.p[--todo.n], *slot;
		bool is_new;

		at = gs_profile_builder_push(f->b, at, f->p->frames[f->p->nodes[n].frame].location);
		slot = gs_map_put(&f->memo, (uint64_t)below << 32 | n, &is_new);
		if (at == GS_NO_ID || !slot)
			goto fail;
		*slot = at;
	}
	gs_vec_release(&todo);
	return at;
fail:
	gs_vec_release(&todo);
	return GS_NO_ID;
}

static bool push_samples(frames *f)
{
	const gs_profile *p = f->p;
	int64_t values[GS_MAX_SAMPLE_TYPES];

	if (p->sample_time_ns)
		gs_profile_builder_with_threads(f->b);
	for (uint32_t s = 0; s < p->n_samples; s++) {
		gs_label_set set = p->label_sets[p->sample_labels[s]];
		gs_sample sample = { .labels = p->sample_labels[s], .values = values };
		uint32_t node = GS_ROOT_NODE;

		for (unsigned k = 0; k < f->n_root; k++)
			node = push_key(f, node, set, f->root[k], &f->root_matched);
		if (node != GS_NO_ID)
			node = push_stack(f, node, p->sample_node[s]);
		for (unsigned k = 0; k < f->n_leaf; k++)
			node = push_key(f, node, set, f->leaf[k], &f->leaf_matched);
		sample.node = node;
		for (uint32_t t = 0; t < p->n_types; t++)
			values[t] = p->values[t][s];
		if (p->sample_time_ns) {
			sample.time_ns = p->sample_time_ns[s];
			sample.goroutine = p->sample_goroutine ? p->sample_goroutine[s] : 0;
			sample.thread = p->sample_thread[s];
			sample.cpu = p->sample_cpu[s];
			sample.pid = p->sample_pid[s];
		}
		if (!gs_profile_builder_sample(f->b, &sample))
			return false;
	}
	return true;
}

gs_profile *gs_profile_with_label_frames(gs_arena *mem, const gs_profile *p, gs_str root, gs_str leaf, gs_str unit,
					 bool *root_matched, bool *leaf_matched, gs_err *err)
{
	frames f = { .p = p, .unit = unit };
	gs_profile *q;

	f.b = gs_profile_builder_create(mem, err);
	if (!f.b)
		return NULL;
	gs_buf_init(&f.text, 1 << 20);
	f.n_root = split_keys(root, f.root);
	f.n_leaf = split_keys(leaf, f.leaf);
	if (copy_tables(f.b, p))
		push_samples(&f);
	gs_buf_release(&f.text);
	gs_map_release(&f.memo);
	*root_matched = f.root_matched;
	*leaf_matched = f.leaf_matched;
	q = gs_profile_builder_finish(f.b, err);
	if (q)
		q->time_zero_ns = p->time_zero_ns;
	return q;
}
