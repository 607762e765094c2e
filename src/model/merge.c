#include "model/merge.h"
#include "model/units.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>

#include "base/buf.h"
#include "base/id_index.h"

#include "base/banned.h"

enum {
	MAX_IDS = INT32_MAX,
	LOCATIONS = 32, /* looked up at the same time */
};

typedef struct mapping_at {
	uint32_t id;	  /* in the result; 0: not met yet */
	uint64_t offset;  /* to add to addresses, modulo 2^64 */
} mapping_at;

struct gs_merger {
	gs_arena *mem;
	gs_profile_builder *b;
	gs_profile *out;
	uint32_t n_sources;
	bool has_mapping;
	GS_VEC(gs_mapping) mappings;	/* of the result, [0] is none */
	gs_id_index location_index;
	gs_map samples; /* node and label set -> sample + 1 */
	gs_map comments;
	/* With keep_rows, in place of `samples`: stacks as rows, by sample, and an index of sample + 1 by stack and label set. */
	bool keep_rows;
	GS_VEC(uint32_t) row_ends, row_labels;
	uint32_t *row_locations;
	size_t n_row_locations, cap_row_locations;
	gs_id_index row_index;
	const gs_merge_rows *rows; /* of the profile being added, or NULL */
	/* Of the profile being added: its ids to those of the result, 0 not met yet (nodes, labels: + 1). */
	uint32_t *strings, *functions, *locations_at, *nodes, *labels;
	mapping_at *mappings_at;
	GS_VEC(uint32_t) path;
	GS_VEC(gs_frame) lines;
	GS_VEC(gs_label) label_row;
	GS_VEC(int64_t) values;
	GS_VEC(uint32_t) kept, ends, leaves; /* samples of rows that count, where their stacks end in `path`, their nodes */
	GS_VEC(uint32_t) met; /* locations of theirs, each once */
};

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "merging needs more memory than its budget");
}

static void drop_source(gs_merger *m)
{
	free(m->strings);
	free(m->functions);
	free(m->locations_at);
	free(m->nodes);
	free(m->labels);
	free(m->mappings_at);
	m->strings = m->functions = m->locations_at = m->nodes = m->labels = NULL;
	m->mappings_at = NULL;
}

static void merger_free(void *ctx)
{
	gs_merger *m = ctx;

	drop_source(m);
	gs_vec_release(&m->mappings);
	gs_vec_release(&m->path);
	gs_vec_release(&m->lines);
	gs_vec_release(&m->label_row);
	gs_vec_release(&m->values);
	gs_vec_release(&m->kept);
	gs_vec_release(&m->ends);
	gs_vec_release(&m->leaves);
	gs_vec_release(&m->met);
	gs_id_index_release(&m->location_index);
	gs_vec_release(&m->row_ends);
	gs_vec_release(&m->row_labels);
	free(m->row_locations);
	m->row_locations = NULL;
	gs_id_index_release(&m->row_index);
	gs_map_release(&m->samples);
	gs_map_release(&m->comments);
}

gs_merger *gs_merger_create(gs_arena *mem, const gs_merge_type *types, uint32_t n_types, bool keep_rows, gs_err *err)
{
	gs_merger *m = gs_try_new(mem, gs_merger, 1);

	assert(n_types <= GS_MAX_SAMPLE_TYPES);
	if (!m)
		return no_memory(err), NULL;
	m->mem = mem;
	m->keep_rows = keep_rows;
	gs_arena_on_free(mem, merger_free, m);
	m->b = gs_profile_builder_create(mem, err);
	if (!m->b)
		return NULL;
	m->out = gs_profile_builder_profile(m->b);
	m->out->n_types = n_types;
	for (uint32_t t = 0; t < n_types; t++) {
		m->out->types[t].type = gs_profile_builder_str(m->b, types[t].type);
		m->out->types[t].unit = gs_profile_builder_str(m->b, types[t].unit);
		if (!gs_vec_push(&m->values, GS_MAX_SAMPLE_TYPES))
			return no_memory(err), NULL;
	}
	if (!gs_vec_push(&m->mappings, MAX_IDS))
		return no_memory(err), NULL;
	return m;
}

/* Id in the result of string `id` of the source. */
static uint32_t map_str(gs_merger *m, const gs_profile *src, uint32_t id)
{
	if (!id)
		return 0;
	if (!m->strings[id])
		m->strings[id] = m->rows ? gs_profile_builder_str_hashed(m->b, gs_profile_str(src, id),
									 m->rows->string_hashes[id]) :
					   gs_profile_builder_str(m->b, gs_profile_str(src, id));
	return m->strings[id];
}

static bool same_mapping(const gs_mapping *a, const gs_mapping *b)
{
	uint64_t size_a = (a->limit - a->start + 0xfff) & ~(uint64_t)0xfff;
	uint64_t size_b = (b->limit - b->start + 0xfff) & ~(uint64_t)0xfff;
	uint32_t key_a = a->build_id ? a->build_id : a->file, key_b = b->build_id ? b->build_id : b->file;

	return size_a == size_b && a->offset == b->offset && key_a == key_b;
}

/* Few enough to look through: a process has tens of them, and equal ones are found at once. */
static bool map_mapping(gs_merger *m, const gs_profile *src, uint32_t id, mapping_at *out)
{
	gs_mapping row, *fresh;
	mapping_at *at = &m->mappings_at[id];

	if (id == 0 || at->id) {
		*out = id ? *at : (mapping_at){ 0 };
		return true;
	}
	row = src->mappings[id];
	row.file = map_str(m, src, row.file);
	row.build_id = map_str(m, src, row.build_id);
	row.file_id = 0;
	if (row.file == GS_NO_ID || row.build_id == GS_NO_ID)
		return false;
	for (uint32_t i = 1; i < m->mappings.n && !at->id; i++)
		if (same_mapping(&row, &m->mappings.p[i]))
			*at = (mapping_at){ i, m->mappings.p[i].start - row.start };
	if (!at->id) {
		fresh = gs_vec_push(&m->mappings, MAX_IDS);
		if (!fresh)
			return false;
		*fresh = row;
		at->id = gs_profile_builder_mapping(m->b, row);
		if (at->id == GS_NO_ID)
			return false;
		m->has_mapping = true;
	}
	*out = *at;
	return true;
}

static uint32_t map_function(gs_merger *m, const gs_profile *src, uint32_t id)
{
	gs_function f;

	if (!id || m->functions[id])
		return id ? m->functions[id] : 0;
	f = src->functions[id];
	f.name = map_str(m, src, f.name);
	f.system_name = map_str(m, src, f.system_name);
	f.file = map_str(m, src, f.file);
	f.file_id = 0;
	if (f.name == GS_NO_ID || f.system_name == GS_NO_ID || f.file == GS_NO_ID)
		return GS_NO_ID;
	return m->functions[id] = gs_profile_builder_function(m->b, f);
}

/* Functions of the source that the result has already, all at once; the others come as they are met. */
static void find_functions(gs_merger *m, const gs_profile *src)
{
	enum { AT_ONCE = 64 };
	gs_function rows[AT_ONCE];
	uint32_t ids[AT_ONCE], found[AT_ONCE];

	for (uint32_t i = 1; i < src->n_functions;) {
		uint32_t n = 0;

		for (; n < AT_ONCE && i < src->n_functions; i++) {
			const gs_function *f = &src->functions[i];
			uint32_t name = m->strings[f->name], system_name = m->strings[f->system_name], file = m->strings[f->file];

			if ((f->name && !name) || (f->system_name && !system_name) || (f->file && !file))
				continue;
			rows[n] = (gs_function){ name, system_name, file, f->start_line, 0 };
			ids[n++] = i;
		}
		gs_profile_builder_find_functions(m->b, rows, n, found);
		for (uint32_t k = 0; k < n; k++)
			m->functions[ids[k]] = found[k];
	}
}

static uint64_t location_hash(const gs_merger *m, const gs_location *l, const gs_frame *lines)
{
	uint64_t h = gs_hash_u64((l->address - m->mappings.p[l->mapping].start) ^ (uint64_t)l->mapping << 48 ^
				 (uint64_t)l->is_folded << 63);

	for (uint32_t i = 0; i < l->n_frames; i++)
		h = gs_hash_u64(h ^ lines[i].function ^ (uint64_t)lines[i].line << 32);
	return h;
}

typedef struct location_probe {
	const gs_merger *m;
	const gs_location *row;
	const gs_frame *lines;
} location_probe;

/* pprof's key holds the columns too, but each line's is overwritten by the next line's function: only the last is left. */
static bool same_location(const void *ctx, uint32_t id)
{
	const location_probe *q = ctx;
	const gs_frame *other, *lines = q->lines;
	const gs_location *a = q->row, *b = gs_profile_builder_location_at(q->m->b, id, &other);
	uint64_t start = q->m->mappings.p[a->mapping].start;

	if (a->mapping != b->mapping || a->address - start != b->address - start || a->is_folded != b->is_folded ||
	    a->n_frames != b->n_frames)
		return false;
	for (uint32_t i = 0; i < a->n_frames; i++)
		if (lines[i].function != other[i].function || lines[i].line != other[i].line)
			return false;
	return lines[a->n_frames - 1].column == other[a->n_frames - 1].column;
}

/* A location of the source in the terms of the result, on its way into the index. */
typedef struct location_row {
	uint32_t id, first_line; /* in the source; in m->lines */
	gs_location row;
	uint64_t hash;
} location_row;

/* Mapping, functions and lines; what the index will be asked for is on its way to the cache then. */
static bool prepare_location(gs_merger *m, const gs_profile *src, uint32_t id, location_row *out)
{
	const gs_location *l = &src->locations[id];
	mapping_at at;

	if (!map_mapping(m, src, l->mapping, &at))
		return false;
	*out = (location_row){ .id = id,
			       .first_line = (uint32_t)m->lines.n,
			       .row = { .is_folded = l->is_folded,
					.n_frames = l->n_frames,
					.mapping = at.id,
					.address = l->address + at.offset } };
	for (uint32_t i = 0; i < l->n_frames; i++) {
		gs_frame f = src->frames[l->first_frame + i], *to = gs_vec_push(&m->lines, MAX_IDS);

		f.function = map_function(m, src, f.function);
		if (!to || f.function == GS_NO_ID)
			return false;
		*to = f;
	}
	out->hash = location_hash(m, &out->row, &m->lines.p[out->first_line]);
	gs_id_index_prefetch(&m->location_index, out->hash);
	return true;
}

static bool place_location(gs_merger *m, const location_row *l)
{
	const gs_frame *lines = &m->lines.p[l->first_line];
	location_probe q = { m, &l->row, lines };
	uint64_t *slot;

	if (!gs_id_index_make_room(&m->location_index))
		return false;
	slot = gs_id_index_find(&m->location_index, l->hash, same_location, &q);
	if (!*slot) {
		uint32_t fresh = gs_profile_builder_location(m->b, l->row.address, l->row.mapping, l->row.is_folded, lines,
							     l->row.n_frames);

		if (fresh == GS_NO_ID)
			return false;
		gs_id_index_put(&m->location_index, slot, l->hash, fresh);
	}
	m->locations_at[l->id] = (uint32_t)*slot;
	return true;
}

/* Some locations, in the order in which they were met; each misses the cache, and so they do it together. */
static bool map_locations(gs_merger *m, const gs_profile *src, const uint32_t *ids, size_t n)
{
	location_row rows[LOCATIONS];

	for (size_t first = 0; first < n; first += LOCATIONS) {
		size_t count = n - first < LOCATIONS ? n - first : LOCATIONS;

		m->lines.n = 0;
		for (size_t i = 0; i < count; i++)
			if (!prepare_location(m, src, ids[first + i], &rows[i]))
				return false;
		for (size_t i = 0; i < count; i++)
			if (!place_location(m, &rows[i]))
				return false;
	}
	return true;
}

static uint32_t map_location(gs_merger *m, const gs_profile *src, uint32_t id)
{
	if (!m->locations_at[id] && !map_locations(m, src, &id, 1))
		return GS_NO_ID;
	return m->locations_at[id];
}

/* Node of the result for a node of the source. Locations are met leaf first, as pprof meets them: their ids follow from it. */
static uint32_t map_node(gs_merger *m, const gs_profile *src, uint32_t node)
{
	uint32_t at = node, parent;

	m->path.n = 0;
	while (at != GS_ROOT_NODE && !m->nodes[at]) {
		uint32_t *step = gs_vec_push(&m->path, MAX_IDS);
		const gs_location *l = &src->locations[src->frames[src->nodes[at].frame].location];

		if (!step || map_location(m, src, src->frames[src->nodes[at].frame].location) == GS_NO_ID)
			return GS_NO_ID;
		*step = at;
		for (uint32_t i = 0; i < l->n_frames && at != GS_ROOT_NODE; i++)
			at = src->nodes[at].parent;
	}
	parent = at == GS_ROOT_NODE ? GS_ROOT_NODE : m->nodes[at] - 1;
	while (m->path.n) {
		uint32_t step = m->path.p[--m->path.n];
		uint32_t location = src->frames[src->nodes[step].frame].location;

		parent = gs_profile_builder_push(m->b, parent, m->locations_at[location]);
		if (parent == GS_NO_ID)
			return GS_NO_ID;
		m->nodes[step] = parent + 1;
	}
	return parent;
}

static bool add_label(gs_merger *m, gs_label row)
{
	gs_label *to = gs_vec_push(&m->label_row, MAX_IDS);

	if (to)
		*to = row;
	return to != NULL;
}

/* The labels of the set in the terms of the result, behind those in m->label_row. */
static bool add_labels(gs_merger *m, const gs_profile *src, uint32_t set, bool is_diff_base)
{
	gs_label_set from = src->label_sets[set];
	gs_str base_key = GS_S("pprof::base");

	for (uint32_t i = 0; i < from.n; i++) {
		gs_label row = src->labels[from.first + i];

		if (is_diff_base && !row.is_num && gs_str_eq(gs_profile_str(src, row.key), base_key))
			continue;
		row.key = map_str(m, src, row.key);
		row.str = map_str(m, src, row.str);
		row.unit = map_str(m, src, row.unit);
		if (!add_label(m, row))
			return false;
	}
	return !is_diff_base || add_label(m, (gs_label){ .key = gs_profile_builder_str(m->b, base_key),
							 .str = gs_profile_builder_str(m->b, GS_S("true")) });
}

/* At most LOCATIONS label sets, in order; their misses of the cache overlap. */
static bool map_label_sets(gs_merger *m, const gs_profile *src, const uint32_t *sets, uint32_t n, bool is_diff_base,
			   uint32_t *out)
{
	size_t starts[LOCATIONS + 1];

	m->label_row.n = 0;
	for (uint32_t i = 0; i < n; i++) {
		starts[i] = m->label_row.n;
		if (m->labels[sets[i]])
			continue;
		if (!add_labels(m, src, sets[i], is_diff_base))
			return false;
		if (m->label_row.n > starts[i])
			gs_profile_builder_prefetch_labels(m->b, &m->label_row.p[starts[i]],
							   (uint32_t)(m->label_row.n - starts[i]));
	}
	starts[n] = m->label_row.n;
	for (uint32_t i = 0; i < n; i++) {
		if (!m->labels[sets[i]]) {
			uint32_t id = gs_profile_builder_labels(m->b, m->label_row.p ? &m->label_row.p[starts[i]] : NULL,
								(uint32_t)(starts[i + 1] - starts[i]));

			if (id == GS_NO_ID)
				return false;
			m->labels[sets[i]] = id + 1;
		}
		out[i] = m->labels[sets[i]] - 1;
	}
	return true;
}

static uint32_t map_labels(gs_merger *m, const gs_profile *src, uint32_t set, bool is_diff_base)
{
	uint32_t id;

	return map_label_sets(m, src, &set, 1, is_diff_base, &id) ? id : GS_NO_ID;
}

/* Taking away is exact here, where pprof goes through a double and is off by a few beyond 2^53. */
static int64_t scaled(int64_t v, double ratio)
{
	double d = round((double)v * ratio);

	if (ratio == -1)
		return (int64_t)(0 - (uint64_t)v);
	return d >= -0x1p63 && d < 0x1p63 ? (int64_t)d : INT64_MIN;
}

/*
 * The sample's values as the result counts them. False when pprof drops the sample: all zero; and once any type is scaled
 * (ratio not 1), all zero among the scaled ones.
 */
static bool sample_values(gs_merger *m, const gs_merge_part *part, uint32_t sample)
{
	bool any = false, any_scaled = false, is_scaled = false;

	for (uint32_t t = 0; t < m->out->n_types; t++) {
		int64_t v = part->profile->values[part->columns ? part->columns[t] : t][sample];

		if (part->ratios && part->ratios[t] != 1) {
			v = scaled(v, part->ratios[t]);
			is_scaled = true;
			any_scaled |= v != 0;
		}
		any |= v != 0;
		m->values.p[t] = v;
	}
	return any && (any_scaled || !is_scaled);
}

static bool count_sample(gs_merger *m, uint32_t node, uint32_t set)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&m->samples, (uint64_t)node << 32 | set, &is_new);

	if (!slot)
		return false;
	if (!is_new) {
		gs_profile_builder_sample_add(m->b, *slot, m->values.p);
		return true;
	}
	*slot = gs_profile_builder_sample_count(m->b);
	return gs_profile_builder_sample(m->b, &(gs_sample){ .node = node, .labels = set, .values = m->values.p });
}

typedef struct row_probe {
	const gs_merger *m;
	const uint32_t *stack;
	size_t n;
	uint32_t set;
} row_probe;

static bool same_row(const void *ctx, uint32_t id)
{
	const row_probe *q = ctx;
	size_t start = id > 1 ? q->m->row_ends.p[id - 2] : 0, n = q->m->row_ends.p[id - 1] - start;

	return n == q->n && q->m->row_labels.p[id - 1] == q->set &&
	       (!n || memcmp(q->m->row_locations + start, q->stack, n * sizeof(*q->stack)) == 0);
}

static bool row_room(gs_merger *m, size_t more)
{
	size_t cap = m->cap_row_locations ? m->cap_row_locations * 2 : 1024;
	uint32_t *grown;

	if (more <= m->cap_row_locations - m->n_row_locations)
		return true;
	while (cap - m->n_row_locations < more)
		cap *= 2;
	grown = cap > MAX_IDS || gs_alloc_should_fail() ? NULL : realloc(m->row_locations, cap * sizeof(*grown));
	if (!grown)
		return false;
	gs_memory_hint_large(grown, cap * sizeof(*grown));
	m->row_locations = grown;
	m->cap_row_locations = cap;
	return true;
}

static uint64_t row_hash(const uint32_t *stack, size_t n, uint32_t set)
{
	return gs_hash_bytes(stack, n * sizeof(*stack), set);
}

/* As count_sample; the values are those of m->values. */
static bool count_row(gs_merger *m, const uint32_t *stack, size_t n, uint32_t set, uint64_t hash)
{
	row_probe q = { m, stack, n, set };
	uint32_t *end, *labels;
	uint64_t *slot;

	if (!gs_id_index_make_room(&m->row_index))
		return false;
	slot = gs_id_index_find(&m->row_index, hash, same_row, &q);
	if (*slot) {
		gs_profile_builder_sample_add(m->b, (uint32_t)*slot - 1, m->values.p);
		return true;
	}
	end = gs_vec_push(&m->row_ends, MAX_IDS);
	labels = gs_vec_push(&m->row_labels, MAX_IDS);
	if (!end || !labels || !row_room(m, n))
		return false;
	if (n)
		memcpy(m->row_locations + m->n_row_locations, stack, n * sizeof(*stack));
	m->n_row_locations += n;
	*end = (uint32_t)m->n_row_locations;
	*labels = set;
	gs_id_index_put(&m->row_index, slot, hash, (uint32_t)m->row_ends.n);
	return gs_profile_builder_sample(m->b, &(gs_sample){ .labels = set, .values = m->values.p });
}

/* A profile with nodes into rows. */
static bool add_nodes_as_rows(gs_merger *m, const gs_merge_part *part)
{
	const gs_profile *src = part->profile;

	for (uint32_t i = 0; i < src->n_samples; i++) {
		uint32_t set, at = src->sample_node[i];

		if (!sample_values(m, part, i))
			continue;
		m->path.n = 0;
		while (at != GS_ROOT_NODE) {
			uint32_t location = src->frames[src->nodes[at].frame].location;
			uint32_t id = map_location(m, src, location), *step = gs_vec_push(&m->path, MAX_IDS);

			if (id == GS_NO_ID || !step)
				return false;
			*step = id;
			for (uint32_t k = 0; k < src->locations[location].n_frames && at != GS_ROOT_NODE; k++)
				at = src->nodes[at].parent;
		}
		set = map_labels(m, src, src->sample_labels[i], part->is_diff_base);
		if (set == GS_NO_ID || !count_row(m, m->path.p, m->path.n, set, row_hash(m->path.p, m->path.n, set)))
			return false;
	}
	return true;
}

static bool add_samples(gs_merger *m, const gs_merge_part *part)
{
	const gs_profile *src = part->profile;

	for (uint32_t i = 0; i < src->n_samples; i++) {
		uint32_t node, set;

		if (!sample_values(m, part, i))
			continue;
		node = map_node(m, src, src->sample_node[i]);
		set = map_labels(m, src, src->sample_labels[i], part->is_diff_base);
		if (node == GS_NO_ID || set == GS_NO_ID || !count_sample(m, node, set))
			return false;
	}
	return true;
}

static bool keep_sample(gs_merger *m, uint32_t sample)
{
	uint32_t *kept = gs_vec_push(&m->kept, MAX_IDS), *end = gs_vec_push(&m->ends, MAX_IDS),
		 *leaf = gs_vec_push(&m->leaves, MAX_IDS);

	if (!kept || !end || !leaf)
		return false;
	*kept = sample;
	*end = (uint32_t)m->path.n;
	return true;
}

/* The stacks in m->path, which are those of m->kept, to the rows; a few at a time, as each misses the cache. */
static bool count_rows(gs_merger *m, const gs_merge_part *part)
{
	uint64_t hashes[LOCATIONS];
	uint32_t from[LOCATIONS], sets[LOCATIONS];

	for (size_t first = 0; first < m->kept.n; first += LOCATIONS) {
		size_t n = m->kept.n - first < LOCATIONS ? m->kept.n - first : LOCATIONS;

		for (size_t i = 0; i < n; i++)
			from[i] = part->profile->sample_labels[m->kept.p[first + i]];
		if (!map_label_sets(m, part->profile, from, (uint32_t)n, part->is_diff_base, sets))
			return false;
		for (size_t i = 0; i < n; i++) {
			size_t k = first + i, start = k ? m->ends.p[k - 1] : 0;

			hashes[i] = row_hash(m->path.p + start, m->ends.p[k] - start, sets[i]);
			gs_id_index_prefetch(&m->row_index, hashes[i]);
		}
		for (size_t i = 0; i < n; i++) {
			size_t k = first + i, start = k ? m->ends.p[k - 1] : 0;

			sample_values(m, part, m->kept.p[k]);
			if (!count_row(m, m->path.p + start, m->ends.p[k] - start, sets[i], hashes[i]))
				return false;
		}
	}
	return true;
}

static bool push_id(gs_merger *m, uint32_t id)
{
	uint32_t *step = gs_vec_push(&m->path, MAX_IDS);

	if (step)
		*step = id;
	return step != NULL;
}

/* All stacks of the part at once. Locations and labels are met in the order of add_samples. */
static bool add_rows(gs_merger *m, const gs_merge_part *part)
{
	const gs_profile *src = part->profile;
	const gs_merge_rows *rows = part->rows;
	const uint32_t is_met = GS_NO_ID;

	gs_strtab_find_many(&m->out->strings, src->strings.strings, rows->string_hashes, src->strings.n, m->strings);
	find_functions(m, src);
	m->path.n = m->kept.n = m->ends.n = m->leaves.n = m->met.n = 0;
	for (uint32_t i = 0; i < src->n_samples; i++) {
		if (!sample_values(m, part, i))
			continue;
		for (uint32_t k = i ? rows->ends[i - 1] : 0; k < rows->ends[i]; k++) {
			uint32_t id = rows->locations[k], *met;

			if (!push_id(m, id))
				return false;
			if (m->locations_at[id])
				continue;
			met = gs_vec_push(&m->met, MAX_IDS);
			if (!met)
				return false;
			*met = id;
			m->locations_at[id] = is_met;
		}
		if (!keep_sample(m, i))
			return false;
	}
	if (!map_locations(m, src, m->met.p, m->met.n))
		return false;
	for (size_t i = 0; i < m->path.n; i++)
		m->path.p[i] = m->locations_at[m->path.p[i]];
	if (m->keep_rows)
		return count_rows(m, part);
	if (!gs_profile_builder_push_stacks(m->b, m->path.p, m->ends.p, (uint32_t)m->ends.n, m->leaves.p))
		return false;
	for (size_t k = 0; k < m->kept.n; k++) {
		uint32_t i = m->kept.p[k];
		uint32_t set = map_labels(m, src, src->sample_labels[i], part->is_diff_base);

		sample_values(m, part, i);
		if (set == GS_NO_ID || !count_sample(m, m->leaves.p[k], set))
			return false;
	}
	return true;
}

static uint32_t default_of(gs_merger *m, const gs_merge_part *part)
{
	uint32_t id = map_str(m, part->profile, part->profile->default_type);

	if (!part->columns)
		return id;
	for (uint32_t t = 0; t < m->out->n_types; t++)
		if (m->out->types[t].type == id)
			return id;
	return m->out->types[0].type;
}

/* The sampling period becomes the largest, in the finest unit. */
static bool add_period(gs_merger *m, const gs_profile *src, gs_value_type type, gs_err *err)
{
	gs_profile *out = m->out;
	gs_str unit = gs_profile_str(out, type.unit);
	int64_t period = src->period;
	double ratio;

	if (m->n_sources == 0)
		out->period_type = type;
	if (type.type != out->period_type.type || !gs_unit_ratio(unit, gs_profile_str(out, out->period_type.unit), &ratio)) {
		gs_str a = gs_profile_str(src, src->period_type.type), b = gs_profile_str(out, out->period_type.type);

		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "profiles of different kinds: the sampling period is of %.*s/%.*s here and of "
			       "%.*s/%.*s in the first",
			       GS_FMT(a), GS_FMT(unit), GS_FMT(b), GS_FMT(gs_profile_str(out, out->period_type.unit)));
	}
	if (ratio < 1) {
		out->period = scaled(out->period, 1 / ratio);
		out->period_type = type;
	} else if (ratio > 1) {
		period = scaled(period, ratio);
	}
	if (out->period == 0 || out->period < period)
		out->period = period;
	return true;
}

static bool add_header(gs_merger *m, const gs_merge_part *part, gs_err *err)
{
	const gs_profile *src = part->profile;
	gs_profile *out = m->out;
	gs_value_type period = { map_str(m, src, src->period_type.type), map_str(m, src, src->period_type.unit) };
	uint32_t default_type = default_of(m, part), doc_url = map_str(m, src, src->doc_url);

	if (period.type == GS_NO_ID || period.unit == GS_NO_ID || default_type == GS_NO_ID || doc_url == GS_NO_ID)
		return no_memory(err);
	if (m->n_sources == 0) {
		out->drop_frames = map_str(m, src, src->drop_frames);
		out->keep_frames = map_str(m, src, src->keep_frames);
		out->is_heap_sampled = src->is_heap_sampled;
	}
	if (!add_period(m, src, period, err))
		return false;
	if (out->time_ns == 0 || src->time_ns < out->time_ns)
		out->time_ns = src->time_ns;
	out->duration_ns = (int64_t)((uint64_t)out->duration_ns + (uint64_t)src->duration_ns);
	if (!out->default_type)
		out->default_type = default_type;
	if (!out->doc_url)
		out->doc_url = doc_url;
	for (uint32_t i = 0; i < src->n_comments; i++) {
		uint32_t id = map_str(m, src, src->comments[i]);
		bool is_new;

		if (id == GS_NO_ID)
			return no_memory(err);
		if (!gs_map_put(&m->comments, id, &is_new))
			return no_memory(err);
		if (is_new)
			gs_profile_builder_comment(m->b, gs_profile_str(out, id));
	}
	m->n_sources++;
	return true;
}

static bool add_warnings(gs_merger *m, const gs_profile *src)
{
	for (uint32_t i = 0; i < src->n_warnings; i++) {
		gs_str text = gs_profile_str(src, src->warnings[i]);

		gs_profile_builder_warn(m->b, "%.*s", GS_FMT(text));
	}
	return true;
}

static void *zeros(uint32_t n, size_t size)
{
	return gs_alloc_should_fail() ? NULL : calloc(n ? n : 1, size);
}

static bool add_all(gs_merger *m, const gs_merge_part *part)
{
	if (part->rows)
		return add_rows(m, part);
	return m->keep_rows ? add_nodes_as_rows(m, part) : add_samples(m, part);
}

bool gs_merger_add(gs_merger *m, const gs_merge_part *part, gs_err *err)
{
	const gs_profile *src = part->profile;
	mapping_at first;
	bool ok;

	m->rows = part->rows;
	m->strings = zeros(src->strings.n, sizeof(uint32_t));
	m->functions = zeros(src->n_functions, sizeof(uint32_t));
	m->locations_at = zeros(src->n_locations, sizeof(uint32_t));
	m->nodes = zeros(src->n_nodes, sizeof(uint32_t));
	m->labels = zeros(src->n_label_sets, sizeof(uint32_t));
	m->mappings_at = zeros(src->n_mappings, sizeof(mapping_at));
	if (!m->strings || !m->functions || !m->locations_at || !m->nodes || !m->labels || !m->mappings_at) {
		drop_source(m);
		return no_memory(err);
	}
	ok = add_header(m, part, err);
	if (ok) {
		/* The first mapping is the program itself: it stays the first. */
		if (!m->has_mapping && src->n_mappings > 1)
			ok = map_mapping(m, src, 1, &first);
		ok = ok && add_all(m, part) && add_warnings(m, src);
		if (!ok)
			no_memory(err);
	}
	drop_source(m);
	return ok;
}

void gs_merger_warn(gs_merger *m, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gs_profile_builder_warn(m->b, "%s", text);
}

void gs_merger_comment(gs_merger *m, gs_str text)
{
	gs_profile_builder_comment(m->b, text);
}

static bool has_zero_sample(const gs_profile *p)
{
	for (uint32_t i = 0; i < p->n_samples; i++) {
		int64_t any = 0;

		for (uint32_t t = 0; t < p->n_types; t++)
			any |= p->values[t][i];
		if (!any)
			return true;
	}
	return false;
}

/* The arena's from here on. */
static const gs_merge_rows *take_rows(gs_merger *m, const gs_profile *p)
{
	gs_merge_rows *rows = gs_try_new(m->mem, gs_merge_rows, 1);
	uint64_t *hashes = gs_try_new(m->mem, uint64_t, p->strings.n);

	if (!rows || !hashes)
		return NULL;
	for (uint32_t i = 0; i < p->strings.n; i++)
		hashes[i] = gs_str_hash(gs_profile_str(p, i));
	*rows = (gs_merge_rows){ m->row_locations, m->row_ends.p, hashes };
	gs_arena_on_free(m->mem, free, m->row_locations);
	gs_arena_on_free(m->mem, free, m->row_ends.p);
	m->row_locations = NULL;
	m->row_ends.p = NULL;
	gs_id_index_release(&m->row_index);
	gs_id_index_release(&m->location_index);
	return rows;
}

gs_profile *gs_merger_finish(gs_merger *m, const gs_merge_rows **rows, gs_err *err)
{
	gs_profile *p = gs_profile_builder_finish(m->b, err);
	const gs_merge_rows *own = NULL;
	gs_merge_type types[GS_MAX_SAMPLE_TYPES];
	gs_merger *again;

	if (p && m->keep_rows && !(own = take_rows(m, p)))
		return no_memory(err), NULL;
	if (rows)
		*rows = own;
	if (!p || !has_zero_sample(p))
		return p;
	/* Sums that became zero go, and with them what only they used: once more, as pprof does. */
	for (uint32_t t = 0; t < p->n_types; t++)
		types[t] = (gs_merge_type){ gs_profile_str(p, p->types[t].type), gs_profile_str(p, p->types[t].unit) };
	again = gs_merger_create(m->mem, types, p->n_types, m->keep_rows, err);
	if (!again || !gs_merger_add(again, &(gs_merge_part){ .profile = p, .rows = own }, err))
		return NULL;
	return gs_merger_finish(again, rows, err);
}
