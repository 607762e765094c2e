#include "model/timeline_sums.h"

#include <stdlib.h>

static const struct {
	const char *name, *unit;
} value_types[] = {
#define X(id, name, unit) { name, unit },
	GS_TIME_VALUES(X)
#undef X
};

const char *gs_time_value_name(gs_time_value v)
{
	return value_types[v].name;
}

const char *gs_time_value_unit(gs_time_value v)
{
	return value_types[v].unit;
}

bool gs_reason_is_network(gs_str reason)
{
	return gs_str_eq(reason, GS_S("network"));
}

bool gs_reason_is_sync(gs_str reason)
{
	return gs_str_has(reason, GS_S("chan")) || gs_str_has(reason, GS_S("sync")) || gs_str_has(reason, GS_S("select"));
}

void gs_time_values_add(int64_t values[GS_N_TIME_VALUES], gs_phase phase, bool is_network, bool is_sync, int64_t n, int64_t dur_ns)
{
	switch (phase) {
	case GS_PHASE_RUNNABLE:
		values[GS_TIME_SCHED_COUNT] += n;
		values[GS_TIME_SCHED] += dur_ns;
		break;
	case GS_PHASE_RUNNING:
		values[GS_TIME_RUNNING] += dur_ns;
		values[GS_TIME_WALL] += dur_ns;
		return;
	case GS_PHASE_WAITING:
		values[GS_TIME_WAIT_COUNT] += n;
		values[GS_TIME_WAIT] += dur_ns;
		if (is_network) {
			values[GS_TIME_NETWORK_COUNT] += n;
			values[GS_TIME_NETWORK] += dur_ns;
		}
		if (is_sync) {
			values[GS_TIME_SYNC_COUNT] += n;
			values[GS_TIME_SYNC] += dur_ns;
		}
		break;
	case GS_PHASE_SYSCALL:
		values[GS_TIME_SYSCALL_COUNT] += n;
		values[GS_TIME_SYSCALL] += dur_ns;
		break;
	case GS_PHASE_UNKNOWN:
	case GS_PHASE_NONE:
		return;
	}
	values[GS_TIME_OFF_CPU] += dur_ns;
	values[GS_TIME_WALL] += dur_ns;
}

enum { MAX_ROWS = INT32_MAX };

void gs_timeline_sums_release(gs_timeline_sums *s)
{
	gs_map_release(&s->key_index);
	gs_map_release(&s->row_index);
	gs_vec_release(&s->keys);
	gs_vec_release(&s->rows);
}

static uint64_t packed(gs_sum_key k)
{
	return (uint64_t)k.name << 16 | (uint64_t)k.phase << 8 | k.reason;
}

static uint32_t key_of(gs_timeline_sums *s, gs_sum_key key)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&s->key_index, packed(key), &is_new);
	gs_sum_key *fresh;

	if (slot && !is_new)
		return *slot;
	fresh = slot ? gs_vec_push(&s->keys, MAX_ROWS) : NULL;
	if (!fresh) {
		s->failed = true;
		return 0;
	}
	*fresh = key;
	*slot = (uint32_t)s->keys.n - 1;
	return *slot;
}

gs_sum_row *gs_timeline_sums_find(gs_timeline_sums *s, gs_sum_key key, uint32_t node)
{
	uint32_t at = key_of(s, key), state = 1u << 16 | (uint32_t)key.phase << 8 | key.reason;
	bool is_new;
	uint32_t *slot = gs_map_put(&s->row_index, (uint64_t)at << 32 | node, &is_new);
	gs_sum_row *row;

	if (slot && is_new) {
		row = gs_vec_push(&s->rows, MAX_ROWS);
		if (row) {
			row->key = at;
			row->node = node;
			*slot = (uint32_t)s->rows.n - 1;
		} else {
			slot = NULL;
		}
	}
	if (!slot) {
		s->failed = true;
		return NULL;
	}
	*gs_timeline_sums_recent(s, key.name, state, node) = (gs_sum_recent){ key.name, node, state, *slot };
	return &s->rows.p[*slot];
}

void gs_timeline_sums_add_cpu(gs_timeline_sums *s, gs_sum_key key, uint32_t node, int64_t cpu_ns)
{
	gs_sum_row *row = gs_timeline_sums_row(s, key, node);

	if (row) {
		row->cpu_samples++;
		row->cpu_ns += cpu_ns;
	}
}

void gs_timeline_sums_drop_cpu(gs_timeline_sums *s)
{
	for (size_t i = 0; i < s->rows.n; i++)
		s->rows.p[i].cpu_samples = s->rows.p[i].cpu_ns = 0;
}

/* What each reason counts as. */
typedef struct kinds {
	bool network[256], sync[256];
} kinds;

static void look_at_reasons(kinds *k, const gs_profile *p, const uint32_t *reasons, uint32_t n)
{
	*k = (kinds){ 0 };
	for (uint32_t i = 0; i < n && i < 256; i++) {
		k->network[i] = gs_reason_is_network(gs_profile_str(p, reasons[i]));
		k->sync[i] = gs_reason_is_sync(gs_profile_str(p, reasons[i]));
	}
}

static void values_of(const gs_sum_row *row, gs_sum_key key, const kinds *k, int64_t values[GS_N_TIME_VALUES])
{
	memset(values, 0, GS_N_TIME_VALUES * sizeof(*values));
	gs_time_values_add(values, key.phase, k->network[key.reason], k->sync[key.reason], row->n, row->dur_ns);
	values[GS_TIME_CPU_SAMPLES] = row->cpu_samples;
	values[GS_TIME_CPU] = row->cpu_ns;
}

static bool make_label_sets(const gs_timeline_sums *s, gs_profile_builder *b, const uint32_t *reasons, uint32_t *sets)
{
	uint32_t group = gs_profile_builder_str(b, GS_S("group")), state = gs_profile_builder_str(b, GS_S("state")),
		 reason = gs_profile_builder_str(b, GS_S("reason"));

	for (size_t i = 0; i < s->keys.n; i++) {
		gs_sum_key k = s->keys.p[i];
		gs_label labels[3];
		uint32_t n = 0;

		if (k.name)
			labels[n++] = (gs_label){ .key = group, .str = k.name };
		labels[n++] = (gs_label){ .key = state, .str = gs_profile_builder_str(b, gs_str_of(gs_phase_name(k.phase))) };
		if (k.reason)
			labels[n++] = (gs_label){ .key = reason, .str = reasons[k.reason] };
		sets[i] = gs_profile_builder_labels(b, labels, n);
		if (sets[i] == GS_NO_ID)
			return false;
	}
	return true;
}

static int by_sample(const void *a, const void *b)
{
	const gs_sum_row *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return (x->key > y->key) - (x->key < y->key);
}

/* Those without a name come last: the first label set of a profile shows all labels that there are. */
static int by_key(const void *a, const void *b)
{
	gs_sum_key k = *(const gs_sum_key *)a, l = *(const gs_sum_key *)b;

	k.name--;
	l.name--;
	return (packed(k) > packed(l)) - (packed(k) < packed(l));
}

/* However they came about. Only the lists are good afterwards. False: no memory. */
static bool sort_rows(gs_timeline_sums *s)
{
	gs_sum_key *old = gs_alloc_should_fail() ? NULL : malloc((s->keys.n + 1) * sizeof(*old));

	if (!old)
		return false;
	for (size_t i = 0; i < s->keys.n; i++)
		old[i] = s->keys.p[i];
	if (s->keys.n)
		qsort(s->keys.p, s->keys.n, sizeof(*s->keys.p), by_key);
	for (size_t i = 0; i < s->keys.n; i++)
		*gs_map_get(&s->key_index, packed(s->keys.p[i])) = (uint32_t)i;
	for (size_t i = 0; i < s->rows.n; i++)
		s->rows.p[i].key = *gs_map_get(&s->key_index, packed(old[s->rows.p[i].key]));
	if (s->rows.n)
		qsort(s->rows.p, s->rows.n, sizeof(*s->rows.p), by_sample);
	free(old);
	return true;
}

bool gs_timeline_sums_finish(gs_timeline_sums *s, gs_profile_builder *b, const uint32_t *reasons, uint32_t n_reasons)
{
	gs_profile *p = gs_profile_builder_profile(b);
	uint32_t *sets = gs_alloc_should_fail() ? NULL : malloc((s->keys.n + 1) * sizeof(*sets));
	int64_t values[GS_N_TIME_VALUES];
	bool has_cpu = false, ok;
	kinds k;

	p->n_types = GS_N_TIME_VALUES;
	for (unsigned t = 0; t < GS_N_TIME_VALUES; t++)
		p->types[t] = (gs_value_type){ gs_profile_builder_str(b, gs_str_of(value_types[t].name)),
					       gs_profile_builder_str(b, gs_str_of(value_types[t].unit)) };
	look_at_reasons(&k, p, reasons, n_reasons);
	ok = sets && !s->failed && sort_rows(s) && make_label_sets(s, b, reasons, sets) &&
	     gs_profile_builder_reserve_samples(b, (uint32_t)s->rows.n);
	for (size_t i = 0; ok && i < s->rows.n; i++) {
		const gs_sum_row *row = &s->rows.p[i];
		gs_sample sample = { .node = row->node, .labels = sets[row->key], .values = values };

		values_of(row, s->keys.p[row->key], &k, values);
		has_cpu |= row->cpu_samples != 0;
		ok = gs_profile_builder_sample(b, &sample);
	}
	if (has_cpu)
		p->default_type = p->types[GS_TIME_CPU].type;
	free(sets);
	return ok;
}

/* The key that a label set was made from. */
static gs_sum_key key_of_labels(const gs_profile *p, gs_label_set set, const gs_timeline *t)
{
	gs_sum_key k = { 0 };

	for (uint32_t i = 0; i < set.n; i++) {
		const gs_label *l = &p->labels[set.first + i];
		gs_str key = gs_profile_str(p, l->key), value = gs_profile_str(p, l->str);

		if (gs_str_eq(key, GS_S("group")))
			k.name = l->str;
		else if (gs_str_eq(key, GS_S("state")))
			while (k.phase + 1 < GS_N_PHASES && !gs_str_eq(value, gs_str_of(gs_phase_name(k.phase))))
				k.phase++;
		else
			while (k.reason + 1u < t->n_reasons && t->reasons[k.reason] != l->str)
				k.reason++;
	}
	return k;
}

gs_profile *gs_timeline_sums_profile(gs_arena *mem, const gs_timeline_sums *s, const gs_profile *p, const gs_timeline *t)
{
	gs_profile *out = gs_try_new(mem, gs_profile, 1);
	uint64_t *packed_keys = gs_try_new(mem, uint64_t, p->n_label_sets);
	int64_t values[GS_N_TIME_VALUES];
	kinds k;

	if (!out || !packed_keys || s->failed)
		return NULL;
	*out = *p;
	out->mem = mem;
	for (unsigned v = 0; v < GS_N_TIME_VALUES; v++) {
		out->values[v] = gs_try_new(mem, int64_t, p->n_samples + 1);
		if (!out->values[v])
			return NULL;
	}
	look_at_reasons(&k, p, t->reasons, t->n_reasons);
	for (uint32_t i = 0; i < p->n_label_sets; i++)
		packed_keys[i] = packed(key_of_labels(p, p->label_sets[i], t));
	for (uint32_t i = 0; i < p->n_samples; i++) {
		const uint32_t *key = gs_map_get(&s->key_index, packed_keys[p->sample_labels[i]]);
		const uint32_t *row = key ? gs_map_get(&s->row_index, (uint64_t)*key << 32 | p->sample_node[i]) : NULL;

		if (!row)
			continue;
		values_of(&s->rows.p[*row], s->keys.p[*key], &k, values);
		for (unsigned v = 0; v < GS_N_TIME_VALUES; v++)
			out->values[v][i] = values[v];
	}
	return out;
}

gs_profile *gs_timeline_sums_rows(gs_arena *mem, const gs_timeline_sums *s, const gs_profile *p, const gs_timeline *t)
{
	GS_AUTO(map) sets = { 0 };
	gs_profile *out = gs_try_new(mem, gs_profile, 1);
	int64_t values[GS_N_TIME_VALUES];
	kinds k;

	if (!out || s->failed || !gs_timeline_label_sets(&sets, p, t))
		return NULL;
	*out = *p;
	out->mem = mem;
	out->n_samples = (uint32_t)s->rows.n;
	out->sample_node = gs_try_new(mem, uint32_t, s->rows.n + 1);
	out->sample_labels = gs_try_new(mem, uint32_t, s->rows.n + 1);
	if (!out->sample_node || !out->sample_labels)
		return NULL;
	for (unsigned v = 0; v < GS_N_TIME_VALUES; v++) {
		out->values[v] = gs_try_new(mem, int64_t, s->rows.n + 1);
		if (!out->values[v])
			return NULL;
	}
	look_at_reasons(&k, p, t->reasons, t->n_reasons);
	for (size_t i = 0; i < s->rows.n; i++) {
		const gs_sum_row *row = &s->rows.p[i];
		gs_sum_key key = s->keys.p[row->key];

		out->sample_node[i] = row->node;
		out->sample_labels[i] = gs_timeline_label_set(&sets, key);
		values_of(row, key, &k, values);
		for (unsigned v = 0; v < GS_N_TIME_VALUES; v++)
			out->values[v][i] = values[v];
	}
	return out;
}

bool gs_timeline_label_sets(gs_map *sets, const gs_profile *p, const gs_timeline *t)
{
	for (uint32_t i = 0; i < p->n_label_sets; i++) {
		bool is_new;
		uint32_t *slot = gs_map_put(sets, packed(key_of_labels(p, p->label_sets[i], t)), &is_new);

		if (!slot)
			return false;
		*slot = i;
	}
	return true;
}

uint32_t gs_timeline_label_set(const gs_map *sets, gs_sum_key key)
{
	const uint32_t *slot = gs_map_get(sets, packed(key));

	return slot ? *slot : 0;
}
