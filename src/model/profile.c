#include "model/profile.h"

#include <assert.h>
#include <stdarg.h>

#include "base/buf.h"
#include "base/id_index.h"

/* Columns grow by doubling on the heap and are handed to the arena whole at the end. */
struct gs_profile_builder {
	gs_arena *mem;
	gs_profile *p;
	GS_VEC(gs_function) functions;
	GS_VEC(gs_mapping) mappings;
	GS_VEC(gs_location) locations;
	GS_VEC(gs_frame) frames;
	gs_trie trie;
	GS_VEC(gs_span) spans; /* by location, made when first asked for */
	GS_VEC(gs_label_set) label_sets;
	GS_VEC(gs_label) labels;
	GS_VEC(uint32_t) comments;
	GS_VEC(uint32_t) warnings;
	uint32_t n_samples, cap_samples;
	uint32_t *sample_node, *sample_labels;
	int64_t *values[GS_MAX_SAMPLE_TYPES];
	int64_t *sample_time_ns;
	uint64_t *sample_goroutine;
	uint32_t *sample_thread, *sample_cpu, *sample_pid;
	bool with_threads;
	bool failed;
	gs_id_index function_index, label_index, location_index;
};

enum { MAX_IDS = INT32_MAX };

static void builder_free(void *ctx)
{
	gs_profile_builder *b = ctx;

	gs_vec_release(&b->functions);
	gs_vec_release(&b->mappings);
	gs_vec_release(&b->locations);
	gs_vec_release(&b->frames);
	gs_trie_release(&b->trie);
	gs_vec_release(&b->spans);
	gs_vec_release(&b->label_sets);
	gs_vec_release(&b->labels);
	gs_vec_release(&b->comments);
	gs_vec_release(&b->warnings);
	free(b->sample_node);
	free(b->sample_labels);
	for (unsigned t = 0; t < GS_MAX_SAMPLE_TYPES; t++)
		free(b->values[t]);
	free(b->sample_time_ns);
	free(b->sample_goroutine);
	free(b->sample_thread);
	free(b->sample_cpu);
	free(b->sample_pid);
	gs_id_index_release(&b->function_index);
	gs_id_index_release(&b->label_index);
	gs_id_index_release(&b->location_index);
	memset(b, 0, sizeof(*b));
}

gs_profile_builder *gs_profile_builder_create(gs_arena *mem, gs_err *err)
{
	gs_profile_builder *b = gs_try_new(mem, gs_profile_builder, 1);
	gs_profile *p = gs_try_new(mem, gs_profile, 1);

	if (!b || !p)
		goto out;
	p->mem = mem;
	b->mem = mem;
	b->p = p;
	gs_arena_on_free(mem, builder_free, b);
	if (!gs_strtab_init(&p->strings, mem) || !gs_vec_push(&b->functions, MAX_IDS) ||
	    !gs_vec_push(&b->mappings, MAX_IDS) || !gs_vec_push(&b->locations, MAX_IDS) ||
	    !gs_vec_push(&b->frames, MAX_IDS) || !gs_trie_init(&b->trie) ||
	    !gs_vec_push(&b->label_sets, MAX_IDS))
		goto out;
	return b;
out:
	gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a profile");
	return NULL;
}

gs_profile *gs_profile_builder_profile(gs_profile_builder *b)
{
	return b->p;
}

static uint32_t failed(gs_profile_builder *b)
{
	b->failed = true;
	return GS_NO_ID;
}

uint32_t gs_profile_builder_str(gs_profile_builder *b, gs_str s)
{
	uint32_t id = gs_strtab_id(&b->p->strings, s);

	return id == UINT32_MAX ? failed(b) : id;
}

uint32_t gs_profile_builder_str_hashed(gs_profile_builder *b, gs_str s, uint64_t hash)
{
	uint32_t id = gs_strtab_id_hashed(&b->p->strings, s, hash);

	return id == UINT32_MAX ? failed(b) : id;
}

typedef struct function_probe {
	const gs_profile_builder *b;
	gs_function f;
} function_probe;

static uint64_t function_hash(const gs_function *f, uint64_t seed)
{
	return gs_hash_u64(((uint64_t)f->name << 32 | f->file) ^
			   gs_hash_u64(((uint64_t)f->system_name << 32) ^ (uint64_t)f->start_line ^ seed));
}

static bool function_equal(const void *ctx, uint32_t id)
{
	const function_probe *q = ctx;
	const gs_function *f = &q->b->functions.p[id];

	return f->name == q->f.name && f->system_name == q->f.system_name && f->file == q->f.file &&
	       f->start_line == q->f.start_line;
}

uint32_t gs_profile_builder_function(gs_profile_builder *b, gs_function f)
{
	function_probe q = { b, f };
	uint64_t hash = function_hash(&f, b->trie.seed), *slot;
	gs_function *fresh;
	uint32_t id;

	if (b->failed || !gs_id_index_make_room(&b->function_index))
		return failed(b);
	slot = gs_id_index_find(&b->function_index, hash, function_equal, &q);
	if (*slot)
		return (uint32_t)*slot;
	fresh = gs_vec_push(&b->functions, MAX_IDS);
	if (!fresh)
		return failed(b);
	*fresh = f;
	id = gs_id_index_put(&b->function_index, slot, hash, (uint32_t)(b->functions.n - 1));
	if (!fresh->file_id)
		fresh->file_id = id;
	return id;
}

void gs_profile_builder_find_functions(const gs_profile_builder *b, const gs_function *rows, uint32_t n, uint32_t *out)
{
	enum { LANES = 16 };
	const gs_id_index *x = &b->function_index;
	uint64_t hashes[LANES];

	for (uint32_t first = 0; first < n; first += LANES) {
		uint32_t count = n - first < LANES ? n - first : LANES;

		for (uint32_t i = 0; i < count; i++) {
			hashes[i] = function_hash(&rows[first + i], b->trie.seed);
			gs_id_index_prefetch(x, hashes[i]);
		}
		for (uint32_t i = 0; i < count && x->cap; i++)
			__builtin_prefetch(&b->functions.p[(uint32_t)x->slots[hashes[i] >> 32 & (x->cap - 1)]]);
		for (uint32_t i = 0; i < count; i++) {
			function_probe q = { b, rows[first + i] };

			out[first + i] = x->cap ? (uint32_t)*gs_id_index_find(x, hashes[i], function_equal, &q) : 0;
		}
	}
}

uint32_t gs_profile_builder_mapping(gs_profile_builder *b, gs_mapping m)
{
	gs_mapping *fresh = b->failed ? NULL : gs_vec_push(&b->mappings, MAX_IDS);

	if (!fresh)
		return failed(b);
	*fresh = m;
	if (!fresh->file_id)
		fresh->file_id = b->mappings.n - 1;
	return (uint32_t)(b->mappings.n - 1);
}

void gs_profile_builder_mapping_resolved(gs_profile_builder *b, uint32_t mapping, const gs_frame *lines, uint32_t n)
{
	gs_mapping *m;

	if (b->failed || !mapping)
		return;
	m = &b->mappings.p[mapping];
	m->has_inline_frames |= n > 1;
	for (uint32_t i = 0; i < n; i++) {
		if (lines[i].function == GS_NO_ID)
			continue;
		m->has_functions |= b->functions.p[lines[i].function].name != 0;
		m->has_filenames |= b->functions.p[lines[i].function].file != 0;
		m->has_line_numbers |= lines[i].line != 0;
	}
}

uint32_t gs_profile_builder_location(gs_profile_builder *b, uint64_t address, uint32_t mapping, bool is_folded,
				     const gs_frame *lines, uint32_t n)
{
	static const gs_frame unknown;
	gs_location *loc = b->failed ? NULL : gs_vec_push(&b->locations, MAX_IDS);
	uint32_t id = (uint32_t)(b->locations.n - 1);

	if (!loc)
		return failed(b);
	if (n == 0) {
		lines = &unknown;
		n = 1;
	}
	*loc = (gs_location){ .address = address,
			      .mapping = mapping,
			      .file_id = id,
			      .first_frame = (uint32_t)b->frames.n,
			      .n_frames = n,
			      .is_folded = is_folded };
	for (uint32_t i = 0; i < n; i++) {
		gs_frame *f = gs_vec_push(&b->frames, MAX_IDS);

		if (!f)
			return failed(b);
		*f = lines[i];
		f->location = id;
		f->flags = (f->flags & ~(uint32_t)GS_FRAME_INLINED) | (i + 1 < n ? GS_FRAME_INLINED : 0);
	}
	return id;
}

const gs_location *gs_profile_builder_location_at(const gs_profile_builder *b, uint32_t id, const gs_frame **lines)
{
	const gs_location *l = &b->locations.p[id];

	*lines = &b->frames.p[l->first_frame];
	return l;
}

void gs_profile_builder_location_file_id(gs_profile_builder *b, uint32_t location, uint64_t file_id)
{
	assert(location < b->locations.n);
	b->locations.p[location].file_id = file_id;
}

typedef struct location_probe {
	gs_profile_builder *b;
	uint64_t address;
	uint32_t mapping, n;
	const gs_frame *lines;
} location_probe;

static uint64_t location_hash(uint64_t address, uint32_t mapping, const gs_frame *lines, uint32_t n, uint64_t seed)
{
	uint64_t h = gs_hash_u64(address ^ (uint64_t)mapping << 48 ^ seed);

	for (uint32_t i = 0; i < n; i++)
		h = gs_hash_u64(h ^ lines[i].function ^ (uint64_t)lines[i].line << 32 ^
				(uint64_t)lines[i].column << 56);
	return h;
}

static bool location_equal(const void *ctx, uint32_t id)
{
	const location_probe *q = ctx;
	const gs_location *l = &q->b->locations.p[id];

	if (l->address != q->address || l->mapping != q->mapping || l->n_frames != q->n)
		return false;
	for (uint32_t i = 0; i < q->n; i++) {
		const gs_frame *a = &q->b->frames.p[l->first_frame + i], *c = &q->lines[i];

		if (a->function != c->function || a->line != c->line || a->column != c->column)
			return false;
	}
	return true;
}

uint32_t gs_profile_builder_location_intern(gs_profile_builder *b, uint64_t address, uint32_t mapping,
					    const gs_frame *lines, uint32_t n)
{
	static const gs_frame unknown;
	location_probe q = { b, address, mapping, n ? n : 1, n ? lines : &unknown };
	uint64_t hash = location_hash(address, mapping, q.lines, q.n, b->trie.seed), *slot;
	uint32_t id;

	if (b->failed || !gs_id_index_make_room(&b->location_index))
		return failed(b);
	slot = gs_id_index_find(&b->location_index, hash, location_equal, &q);
	if (*slot)
		return (uint32_t)*slot;
	id = gs_profile_builder_location(b, address, mapping, false, lines, n);
	return id == GS_NO_ID ? id : gs_id_index_put(&b->location_index, slot, hash, id);
}

void gs_profile_builder_location_name(gs_profile_builder *b, uint32_t location, uint32_t function)
{
	if (b->failed)
		return;
	assert(location < b->locations.n && b->locations.p[location].n_frames == 1);
	b->frames.p[b->locations.p[location].first_frame].function = function;
}

uint32_t gs_profile_builder_push(gs_profile_builder *b, uint32_t parent, uint32_t location)
{
	const gs_location *loc;
	uint32_t node;

	if (b->failed)
		return GS_NO_ID;
	assert(parent < b->trie.n && location < b->locations.n && location != 0);
	loc = &b->locations.p[location];
	node = gs_trie_push(&b->trie, parent, (gs_span){ loc->first_frame, loc->n_frames });
	return node == UINT32_MAX ? failed(b) : node;
}

bool gs_profile_builder_push_stacks(gs_profile_builder *b, const uint32_t *locations, const uint32_t *ends, uint32_t n,
				    uint32_t *out)
{
	while (!b->failed && b->spans.n < b->locations.n) {
		const gs_location *loc = &b->locations.p[b->spans.n];
		gs_span *span = gs_vec_push(&b->spans, MAX_IDS);

		if (span)
			*span = (gs_span){ loc->first_frame, loc->n_frames };
		else
			failed(b);
	}
	if (!b->failed && !gs_trie_push_stacks(&b->trie, b->spans.p, locations, ends, n, out))
		failed(b);
	return !b->failed;
}

void gs_profile_builder_limit_nodes(gs_profile_builder *b, uint64_t max)
{
	if (max < b->trie.max)
		b->trie.max = (uint32_t)max;
}

typedef struct label_probe {
	gs_profile_builder *b;
	const gs_label *labels;
	uint32_t n;
} label_probe;

static uint64_t label_hash(const gs_label *labels, uint32_t n, uint64_t seed)
{
	uint64_t h = n ^ seed;

	for (uint32_t i = 0; i < n; i++)
		h = gs_hash_u64(h ^ ((uint64_t)labels[i].key << 32 | labels[i].str)) ^
		    gs_hash_u64((uint64_t)labels[i].num ^ (uint64_t)labels[i].unit << 40);
	return gs_hash_u64(h);
}

static bool label_equal(const void *ctx, uint32_t id)
{
	const label_probe *q = ctx;
	gs_label_set set = q->b->label_sets.p[id];

	if (set.n != q->n)
		return false;
	for (uint32_t i = 0; i < set.n; i++) {
		const gs_label *a = &q->b->labels.p[set.first + i], *c = &q->labels[i];

		if (a->key != c->key || a->str != c->str || a->num != c->num || a->unit != c->unit ||
		    a->is_num != c->is_num)
			return false;
	}
	return true;
}

static bool label_before(const gs_profile *p, const gs_label *a, const gs_label *b)
{
	if (a->is_num != b->is_num)
		return b->is_num;
	return a->key != b->key && gs_str_cmp(gs_profile_str(p, a->key), gs_profile_str(p, b->key)) < 0;
}

/* Stable; by insertion while that is cheap, by merging beyond. False when memory is out. */
static bool sort_labels(const gs_profile *p, gs_label *labels, uint32_t n)
{
	uint32_t half = n / 2, i = 0, k = 0;
	gs_label *left;

	if (n <= 16) {
		for (uint32_t end = 1; end < n; end++) {
			gs_label row = labels[end];
			uint32_t at = end;

			for (; at > 0 && label_before(p, &row, &labels[at - 1]); at--)
				labels[at] = labels[at - 1];
			labels[at] = row;
		}
		return true;
	}
	if (!sort_labels(p, labels, half) || !sort_labels(p, labels + half, n - half))
		return false;
	left = gs_alloc_should_fail() ? NULL : malloc(half * sizeof(*left));
	if (!left)
		return false;
	memcpy(left, labels, half * sizeof(*left));
	for (uint32_t j = half; i < half; k++)
		labels[k] = j < n && label_before(p, &labels[j], &left[i]) ? labels[j++] : left[i++];
	free(left);
	return true;
}

static bool is_sorted(const gs_profile *p, const gs_label *labels, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (label_before(p, &labels[i], &labels[i - 1]))
			return false;
	return true;
}

static uint32_t labels_sorted(gs_profile_builder *b, const gs_label *labels, uint32_t n)
{
	label_probe q = { b, labels, n };
	uint64_t hash = label_hash(labels, n, b->trie.seed), *slot;
	gs_label_set *set;

	if (!gs_id_index_make_room(&b->label_index))
		return failed(b);
	slot = gs_id_index_find(&b->label_index, hash, label_equal, &q);
	if (*slot)
		return (uint32_t)*slot;
	set = gs_vec_push(&b->label_sets, MAX_IDS);
	if (!set)
		return failed(b);
	*set = (gs_label_set){ (uint32_t)b->labels.n, n };
	for (uint32_t i = 0; i < n; i++) {
		gs_label *l = gs_vec_push(&b->labels, MAX_IDS);

		if (!l)
			return failed(b);
		*l = labels[i];
	}
	return gs_id_index_put(&b->label_index, slot, hash, (uint32_t)(b->label_sets.n - 1));
}

uint32_t gs_profile_builder_labels(gs_profile_builder *b, const gs_label *labels, uint32_t n)
{
	gs_label *sorted;
	uint32_t id;

	if (n == 0 || b->failed)
		return n ? failed(b) : 0;
	for (uint32_t i = 0; i < n; i++)
		if (labels[i].key == GS_NO_ID || labels[i].str == GS_NO_ID || labels[i].unit == GS_NO_ID)
			return failed(b);
	if (is_sorted(b->p, labels, n))
		return labels_sorted(b, labels, n);
	sorted = gs_alloc_should_fail() ? NULL : malloc(n * sizeof(*sorted));
	if (!sorted)
		return failed(b);
	memcpy(sorted, labels, n * sizeof(*sorted));
	id = sort_labels(b->p, sorted, n) ? labels_sorted(b, sorted, n) : failed(b);
	free(sorted);
	return id;
}

void gs_profile_builder_prefetch_labels(const gs_profile_builder *b, const gs_label *labels, uint32_t n)
{
	gs_id_index_prefetch(&b->label_index, label_hash(labels, n, b->trie.seed));
}

void gs_profile_builder_with_threads(gs_profile_builder *b)
{
	assert(b->n_samples == 0);
	b->with_threads = true;
}

static bool grow_column(void *column, uint32_t cap, size_t size)
{
	void **p = column;
	void *q = realloc(*p, cap * size);

	if (!q)
		return false;
	gs_memory_hint_large(q, cap * size);
	*p = q;
	return true;
}

static bool grow_samples(gs_profile_builder *b, uint32_t cap)
{
	if (gs_alloc_should_fail() || !grow_column(&b->sample_node, cap, sizeof(uint32_t)) ||
	    !grow_column(&b->sample_labels, cap, sizeof(uint32_t)))
		return false;
	for (uint32_t t = 0; t < b->p->n_types; t++)
		if (!grow_column(&b->values[t], cap, sizeof(int64_t)))
			return false;
	if (b->with_threads && (!grow_column(&b->sample_time_ns, cap, sizeof(int64_t)) ||
				(b->sample_goroutine && !grow_column(&b->sample_goroutine, cap, sizeof(uint64_t))) ||
				!grow_column(&b->sample_thread, cap, sizeof(uint32_t)) ||
				!grow_column(&b->sample_cpu, cap, sizeof(uint32_t)) ||
				!grow_column(&b->sample_pid, cap, sizeof(uint32_t))))
		return false;
	b->cap_samples = cap;
	return true;
}

/* Room for `more` samples. */
static bool sample_room(gs_profile_builder *b, uint32_t more)
{
	uint32_t cap = b->cap_samples ? b->cap_samples : 1024;

	if (more <= b->cap_samples - b->n_samples)
		return true;
	if (more > MAX_IDS - b->n_samples)
		return false;
	while (cap - b->n_samples < more)
		cap = cap > MAX_IDS / 2 ? MAX_IDS : cap * 2;
	return grow_samples(b, cap);
}

bool gs_profile_builder_reserve_samples(gs_profile_builder *b, uint32_t n)
{
	if (n > MAX_IDS || (n > b->cap_samples && !grow_samples(b, n)))
		failed(b);
	return !b->failed;
}

bool gs_profile_builder_sample_columns(gs_profile_builder *b, uint32_t n, gs_sample_columns *out)
{
	assert(b->n_samples == 0);
	gs_profile_builder_with_threads(b);
	if (!gs_profile_builder_reserve_samples(b, n))
		return false;
	b->n_samples = n;
	*out = (gs_sample_columns){ b->sample_node, b->sample_labels, b->sample_thread, b->sample_cpu, b->sample_pid, b->sample_time_ns, { 0 } };
	memcpy(out->values, b->values, sizeof(out->values));
	return true;
}

/* Made for the first sample that has one. */
static bool has_goroutines(gs_profile_builder *b)
{
	if (!b->sample_goroutine && !gs_alloc_should_fail())
		b->sample_goroutine = calloc(b->cap_samples, sizeof(*b->sample_goroutine));
	return b->sample_goroutine;
}

bool gs_profile_builder_samples(gs_profile_builder *b, const uint32_t *nodes, const uint32_t *labels,
				const int64_t *values, uint32_t n)
{
	uint32_t n_types = b->p->n_types, at = b->n_samples;

	assert(!b->with_threads);
	if (b->failed || !sample_room(b, n)) {
		failed(b);
		return false;
	}
	if (n) {
		memcpy(b->sample_node + at, nodes, n * sizeof(*nodes));
		memcpy(b->sample_labels + at, labels, n * sizeof(*labels));
	}
	for (uint32_t t = 0; t < n_types; t++)
		for (uint32_t i = 0; i < n; i++)
			b->values[t][at + i] = values[(size_t)i * n_types + t];
	b->n_samples += n;
	return true;
}

bool gs_profile_builder_sample(gs_profile_builder *b, const gs_sample *s)
{
	uint32_t i = b->n_samples;

	if (b->failed || s->node == GS_NO_ID || s->labels == GS_NO_ID ||
	    !sample_room(b, 1) || (b->with_threads && s->goroutine && !has_goroutines(b))) {
		failed(b);
		return false;
	}
	assert(s->node < b->trie.n && s->labels < b->label_sets.n);
	b->sample_node[i] = s->node;
	b->sample_labels[i] = s->labels;
	for (uint32_t t = 0; t < b->p->n_types; t++)
		b->values[t][i] = s->values[t];
	if (b->with_threads) {
		b->sample_time_ns[i] = s->time_ns;
		if (b->sample_goroutine)
			b->sample_goroutine[i] = s->goroutine;
		b->sample_thread[i] = s->thread;
		b->sample_cpu[i] = s->cpu;
		b->sample_pid[i] = s->pid;
	}
	b->n_samples++;
	return true;
}

void gs_profile_builder_sample_add(gs_profile_builder *b, uint32_t sample, const int64_t *values)
{
	assert(sample < b->n_samples);
	for (uint32_t t = 0; t < b->p->n_types; t++)
		b->values[t][sample] = (int64_t)((uint64_t)b->values[t][sample] + (uint64_t)values[t]);
}

uint32_t gs_profile_builder_sample_count(const gs_profile_builder *b)
{
	return b->n_samples;
}

void gs_profile_builder_comment(gs_profile_builder *b, gs_str s)
{
	uint32_t *c = gs_vec_push(&b->comments, MAX_IDS);

	if (c)
		*c = gs_profile_builder_str(b, s);
	else
		failed(b);
}

void gs_profile_builder_warn(gs_profile_builder *b, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	uint32_t *w;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w = gs_vec_push(&b->warnings, 1000);
	if (w)
		*w = gs_profile_builder_str(b, gs_str_of(text));
}

/* The arena frees the column later; shrink it to what is used first. */
static void *hand_over(gs_arena *mem, void *column, size_t bytes)
{
	void **p = column;
	void *q = *p;

	if (!q)
		return NULL;
	if (bytes) {
		void *smaller = realloc(q, bytes);

		if (smaller)
			q = smaller;
	}
	*p = NULL;
	gs_arena_on_free(mem, free, q);
	return q;
}

/* A column without a value in it says nothing. */
static uint64_t *any_of(uint64_t *column, uint32_t n)
{
	for (uint32_t i = 0; column && i < n; i++)
		if (column[i])
			return column;
	return NULL;
}

gs_profile *gs_profile_builder_finish(gs_profile_builder *b, gs_err *err)
{
	gs_profile *p = b->p;
	gs_arena *mem = b->mem;

	if (b->failed) {
		builder_free(b);
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile needs more memory than its budget");
		return NULL;
	}
#define HAND(column)                                                                                \
	p->n_##column = (uint32_t)b->column.n;                                                      \
	p->column = hand_over(mem, &b->column.p, b->column.n * sizeof(*b->column.p))
	HAND(functions);
	HAND(mappings);
	HAND(locations);
	HAND(frames);
	HAND(label_sets);
	HAND(labels);
	HAND(comments);
	HAND(warnings);
#undef HAND
	p->n_nodes = b->trie.n;
	p->nodes = hand_over(mem, &b->trie.nodes, b->trie.n * sizeof(gs_node));
	p->n_samples = b->n_samples;
#define HAND(column) \
	p->column = hand_over(mem, &b->column, b->n_samples * sizeof(*p->column))
	HAND(sample_node);
	HAND(sample_labels);
	for (uint32_t t = 0; t < p->n_types; t++) {
		p->values[t] = hand_over(mem, &b->values[t], b->n_samples * sizeof(int64_t));
		if (!p->values[t])
			p->values[t] = gs_new(mem, int64_t, 1);
	}
	HAND(sample_time_ns);
	HAND(sample_goroutine);
	HAND(sample_thread);
	HAND(sample_cpu);
	HAND(sample_pid);
#undef HAND
	p->sample_goroutine = any_of(p->sample_goroutine, p->n_samples);
	for (uint32_t s = 0; p->sample_time_ns && s < p->n_samples; s++)
		if (s == 0 || p->sample_time_ns[s] < p->time_zero_ns)
			p->time_zero_ns = p->sample_time_ns[s];
	builder_free(b);
	return p;
}

uint32_t gs_profile_default_type(const gs_profile *p)
{
	for (uint32_t t = 0; p->default_type && t < p->n_types; t++)
		if (p->types[t].type == p->default_type)
			return t;
	return p->n_types ? p->n_types - 1 : 0;
}
