#include "present/pprof_write.h"

#include "base/gzip.h"
#include "base/pool.h"

#include "base/banned.h"

enum {
	/* The best level takes more time than merging does; of what is large the fastest makes 3 to 4 % more. */
	GZIP_LEVEL = 6,
	FAST_LEVEL = 1,
	FAST_FROM = 4 << 20,
	MANY_ROWS = 100000,  /* from here on packed by all processors, in members of one file */
	MEMBER_ROWS = 32768,
};

typedef struct writer {
	gs_buf *out;
	const gs_profile *p;
	const gs_merge_rows *rows; /* its stacks, when it has no nodes */
	uint32_t *string_at; /* model's id -> index in the table + 1 */
	uint32_t *order;     /* the table: model's ids */
	uint32_t n_strings;
	gs_buf body, inner; /* a message while its length is not known, and one inside of it */
} writer;

enum { VARINT_MAX = 10 };

static inline void put_varint(gs_buf *b, uint64_t v)
{
	char *at;

	if (!gs_buf_reserve(b, VARINT_MAX))
		return;
	at = b->p + b->n;
	while (v >= 0x80) {
		*at++ = (char)(v | 0x80);
		v >>= 7;
	}
	*at++ = (char)v;
	b->n = (size_t)(at - b->p);
}

static void put_u64(gs_buf *b, unsigned field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

/* The same where there is room, for what there are millions of: whoever calls has reserved for all of a message. */
enum { FIELD_MAX = 1 + VARINT_MAX };

static inline char *varint_at(char *at, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*at++ = (char)(v | 0x80);
	*at++ = (char)v;
	return at;
}

static inline char *opt_at(char *at, unsigned field, uint64_t v)
{
	if (!v)
		return at;
	*at++ = (char)(field << 3);
	return varint_at(at, v);
}

/* The default is left out. */
static void put_opt(gs_buf *b, unsigned field, uint64_t v)
{
	if (v)
		put_u64(b, field, v);
}

static void put_bytes(gs_buf *b, unsigned field, gs_str s)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, s.n);
	gs_buf_str(b, s);
}

static void put_message(gs_buf *b, unsigned field, gs_buf *body)
{
	put_bytes(b, field, gs_buf_view(body));
	b->bad |= body->bad;
	body->n = 0;
}

static uint64_t string_of(writer *w, uint32_t id)
{
	if (!w->string_at[id]) {
		w->order[w->n_strings++] = id;
		w->string_at[id] = w->n_strings;
	}
	return w->string_at[id] - 1;
}

/* The table's order is that of pprof's writer: by first use, in this order of things and not in that of the file. */
static void number_strings(writer *w)
{
	const gs_profile *p = w->p;

	string_of(w, 0);
	for (uint32_t t = 0; t < p->n_types; t++) {
		string_of(w, p->types[t].type);
		string_of(w, p->types[t].unit);
	}
	for (uint32_t i = 0; i < p->n_samples; i++) {
		gs_label_set set = p->label_sets[p->sample_labels[i]];

		for (uint32_t l = set.first; l < set.first + set.n; l++) {
			string_of(w, p->labels[l].key);
			string_of(w, p->labels[l].is_num ? p->labels[l].unit : p->labels[l].str);
		}
	}
	for (uint32_t i = 1; i < p->n_mappings; i++) {
		string_of(w, p->mappings[i].file);
		string_of(w, p->mappings[i].build_id);
	}
	for (uint32_t i = 1; i < p->n_functions; i++) {
		string_of(w, p->functions[i].name);
		string_of(w, p->functions[i].system_name);
		string_of(w, p->functions[i].file);
	}
	string_of(w, p->drop_frames);
	string_of(w, p->keep_frames);
	string_of(w, p->period_type.type);
	string_of(w, p->period_type.unit);
	for (uint32_t i = 0; i < p->n_comments; i++)
		string_of(w, p->comments[i]);
	string_of(w, p->default_type);
	string_of(w, p->doc_url);
}

static void put_type(writer *w, unsigned field, gs_value_type t)
{
	put_opt(&w->body, 1, string_of(w, t.type));
	put_opt(&w->body, 2, string_of(w, t.unit));
	put_message(w->out, field, &w->body);
}

/* The next location towards the root: `node` moves above the frames of it. */
static uint64_t location_id(const gs_profile *p, uint32_t *node)
{
	uint32_t location = p->frames[p->nodes[*node].frame].location;
	uint32_t left = p->locations[location].n_frames;

	while (left-- && *node != GS_ROOT_NODE && p->frames[p->nodes[*node].frame].location == location)
		*node = p->nodes[*node].parent;
	return p->locations[location].file_id;
}

/* Up to two numbers go plain, more are packed: so does pprof. */
static void put_stack(writer *w, uint32_t leaf)
{
	uint64_t first[2];
	unsigned n = 0;
	uint32_t node = leaf;

	for (; n < 2 && node != GS_ROOT_NODE; n++)
		first[n] = location_id(w->p, &node);
	if (node == GS_ROOT_NODE) {
		for (unsigned i = 0; i < n; i++)
			put_u64(&w->body, 1, first[i]);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		put_varint(&w->inner, first[i]);
	while (node != GS_ROOT_NODE)
		put_varint(&w->inner, location_id(w->p, &node));
	put_message(&w->body, 1, &w->inner);
}

static void put_row(writer *w, uint32_t sample)
{
	uint32_t from = sample ? w->rows->ends[sample - 1] : 0, to = w->rows->ends[sample];
	char *at;

	if (to - from <= 2) {
		for (uint32_t k = from; k < to; k++)
			put_u64(&w->body, 1, w->p->locations[w->rows->locations[k]].file_id);
		return;
	}
	if (!gs_buf_reserve(&w->inner, (size_t)(to - from) * VARINT_MAX)) {
		w->out->bad = true;
		return;
	}
	at = w->inner.p + w->inner.n;
	for (uint32_t k = from; k < to; k++)
		at = varint_at(at, w->p->locations[w->rows->locations[k]].file_id);
	w->inner.n = (size_t)(at - w->inner.p);
	put_message(&w->body, 1, &w->inner);
}

static void put_values(writer *w, uint32_t sample)
{
	const gs_profile *p = w->p;

	for (uint32_t t = 0; t < p->n_types; t++)
		if (p->n_types <= 2)
			put_u64(&w->body, 2, (uint64_t)p->values[t][sample]);
		else
			put_varint(&w->inner, (uint64_t)p->values[t][sample]);
	if (p->n_types > 2)
		put_message(&w->body, 2, &w->inner);
}

static void put_sample(writer *w, uint32_t i)
{
	const gs_profile *p = w->p;
	gs_label_set set = p->label_sets[p->sample_labels[i]];

	if (w->rows)
		put_row(w, i);
	else
		put_stack(w, p->sample_node[i]);
	put_values(w, i);
	for (uint32_t k = set.first; k < set.first + set.n; k++) {
		const gs_label *l = &p->labels[k];

		put_opt(&w->inner, 1, string_of(w, l->key));
		if (l->is_num) {
			put_opt(&w->inner, 3, (uint64_t)l->num);
			put_opt(&w->inner, 4, string_of(w, l->unit));
		} else {
			put_opt(&w->inner, 2, string_of(w, l->str));
		}
		put_message(&w->body, 3, &w->inner);
	}
	put_message(w->out, 2, &w->body);
}

static void put_mapping(writer *w, const gs_mapping *m)
{
	put_opt(&w->body, 1, m->file_id);
	put_opt(&w->body, 2, m->start);
	put_opt(&w->body, 3, m->limit);
	put_opt(&w->body, 4, m->offset);
	put_opt(&w->body, 5, string_of(w, m->file));
	put_opt(&w->body, 6, string_of(w, m->build_id));
	put_opt(&w->body, 7, m->has_functions);
	put_opt(&w->body, 8, m->has_filenames);
	put_opt(&w->body, 9, m->has_line_numbers);
	put_opt(&w->body, 10, m->has_inline_frames);
	put_message(w->out, 3, &w->body);
}

static void put_location(writer *w, const gs_location *l)
{
	const gs_profile *p = w->p;
	char *at, *length;

	if (!gs_buf_reserve(&w->body, 4 * FIELD_MAX + l->n_frames * (size_t)(2 + 3 * FIELD_MAX))) {
		w->out->bad = true;
		return;
	}
	at = opt_at(w->body.p, 1, l->file_id);
	if (l->mapping)
		at = opt_at(at, 2, p->mappings[l->mapping].file_id);
	at = opt_at(at, 3, l->address);
	for (uint32_t i = 0; i < l->n_frames; i++) {
		const gs_frame *f = &p->frames[l->first_frame + i];

		if (!f->function) /* stands for "no line known" */
			continue;
		*at++ = 4 << 3 | 2;
		length = at++; /* of three numbers at most: one byte */
		at = opt_at(at, 1, p->functions[f->function].file_id);
		at = opt_at(at, 2, (uint64_t)f->line);
		at = opt_at(at, 3, (uint64_t)f->column);
		*length = (char)(at - length - 1);
	}
	at = opt_at(at, 5, l->is_folded);
	w->body.n = (size_t)(at - w->body.p);
	put_message(w->out, 4, &w->body);
}

static void put_function(writer *w, const gs_function *f)
{
	put_opt(&w->body, 1, f->file_id);
	put_opt(&w->body, 2, string_of(w, f->name));
	put_opt(&w->body, 3, string_of(w, f->system_name));
	put_opt(&w->body, 4, string_of(w, f->file));
	put_opt(&w->body, 5, (uint64_t)f->start_line);
	put_message(w->out, 5, &w->body);
}

static void put_tail(writer *w)
{
	const gs_profile *p = w->p;

	put_opt(w->out, 7, string_of(w, p->drop_frames));
	put_opt(w->out, 8, string_of(w, p->keep_frames));
	put_opt(w->out, 9, (uint64_t)p->time_ns);
	put_opt(w->out, 10, (uint64_t)p->duration_ns);
	if (p->period_type.type || p->period_type.unit)
		put_type(w, 11, p->period_type);
	put_opt(w->out, 12, (uint64_t)p->period);
	for (uint32_t i = 0; i < p->n_comments; i++)
		if (p->n_comments <= 2)
			put_u64(w->out, 13, string_of(w, p->comments[i]));
		else
			put_varint(&w->body, string_of(w, p->comments[i]));
	if (p->n_comments > 2)
		put_message(w->out, 13, &w->body);
	put_u64(w->out, 14, string_of(w, p->default_type));
	put_opt(w->out, 15, string_of(w, p->doc_url));
}

/* Fields of one kind in a row: what can be written, and packed, apart from the rest. */
typedef struct piece {
	enum piece_kind { HEAD, SAMPLES, MAPPINGS, LOCATIONS, REST } kind;
	uint32_t from, to;
} piece;
typedef GS_VEC(piece) pieces;

static void put_piece(writer *w, const piece *x)
{
	const gs_profile *p = w->p;

	switch (x->kind) {
	case HEAD:
		for (uint32_t t = 0; t < p->n_types; t++)
			put_type(w, 1, p->types[t]);
		break;
	case SAMPLES:
		for (uint32_t i = x->from; i < x->to; i++)
			put_sample(w, i);
		break;
	case MAPPINGS:
		for (uint32_t i = 1; i < p->n_mappings; i++)
			put_mapping(w, &p->mappings[i]);
		break;
	case LOCATIONS:
		for (uint32_t i = x->from; i < x->to; i++)
			put_location(w, &p->locations[i]);
		break;
	case REST:
		for (uint32_t i = 1; i < p->n_functions; i++)
			put_function(w, &p->functions[i]);
		for (uint32_t i = 0; i < w->n_strings; i++)
			put_bytes(w->out, 6, gs_profile_str(p, w->order[i]));
		put_tail(w);
		break;
	}
}

static bool writer_init(writer *w, gs_arena *scratch, gs_buf *out, const gs_profile *p, const gs_merge_rows *rows)
{
	*w = (writer){ .out = out, .p = p, .rows = rows };
	w->string_at = gs_try_new(scratch, uint32_t, p->strings.n);
	w->order = gs_try_new(scratch, uint32_t, p->strings.n);
	if (!w->string_at || !w->order) {
		out->bad = true;
		return false;
	}
	gs_buf_init(&w->body, out->max);
	gs_buf_init(&w->inner, out->max);
	number_strings(w);
	return true;
}

static void writer_release(writer *w)
{
	gs_buf_release(&w->body);
	gs_buf_release(&w->inner);
}

static bool add_piece(pieces *list, enum piece_kind kind, uint32_t from, uint32_t to)
{
	piece *x = gs_vec_push(list, UINT32_MAX);

	if (x)
		*x = (piece){ kind, from, to };
	return x != NULL;
}

/* In the order in which pprof writes. */
static bool list_pieces(pieces *list, const gs_profile *p, uint32_t rows)
{
	bool ok = add_piece(list, HEAD, 0, 0);

	for (uint32_t from = 0; ok && from < p->n_samples; from += rows)
		ok = add_piece(list, SAMPLES, from, p->n_samples - from < rows ? p->n_samples : from + rows);
	ok = ok && add_piece(list, MAPPINGS, 0, 0);
	for (uint32_t from = 1; ok && from < p->n_locations; from += rows)
		ok = add_piece(list, LOCATIONS, from, p->n_locations - from < rows ? p->n_locations : from + rows);
	return ok && add_piece(list, REST, 0, 0);
}

void gs_pprof_write(gs_buf *out, const gs_profile *p, const gs_merge_rows *rows)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	pieces list = { 0 };
	writer w;

	if (writer_init(&w, scratch, out, p, rows)) {
		out->bad |= !list_pieces(&list, p, INT32_MAX);
		for (size_t i = 0; i < list.n; i++)
			put_piece(&w, &list.p[i]);
		writer_release(&w);
	}
	gs_vec_release(&list);
}

/* ---- packed ---- */

typedef struct packer {
	const writer *common; /* the numbers of strings */
	pieces list;
	int level;
	gs_buf *out;
	struct pack_worker {
		gs_buf plain, packed;
	} *workers;
} packer;

static void pack_piece(void *ctx, unsigned worker, size_t i)
{
	packer *k = ctx;
	struct pack_worker *at = &k->workers[worker];
	writer w = *k->common;

	w.out = &at->plain;
	gs_buf_init(&w.body, k->out->max);
	gs_buf_init(&w.inner, k->out->max);
	at->plain.n = at->packed.n = 0;
	put_piece(&w, &k->list.p[i]);
	gs_gzip(&at->packed, gs_buf_view(&at->plain), k->level);
	at->packed.bad |= at->plain.bad;
	writer_release(&w);
}

static void add_packed(void *ctx, unsigned worker, size_t i)
{
	packer *k = ctx;

	(void)i;
	gs_buf_str(k->out, gs_buf_view(&k->workers[worker].packed));
	k->out->bad |= k->workers[worker].packed.bad;
}

static void write_in_members(gs_buf *out, const gs_profile *p, const gs_merge_rows *rows)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	unsigned n_workers = gs_pool_workers(0, MANY_ROWS);
	packer k = { .level = FAST_LEVEL, .out = out, .workers = gs_new(scratch, struct pack_worker, n_workers) };
	writer w;

	if (!writer_init(&w, scratch, out, p, rows))
		return;
	k.common = &w;
	out->bad |= !list_pieces(&k.list, p, MEMBER_ROWS);
	for (unsigned i = 0; i < n_workers; i++) {
		gs_buf_init(&k.workers[i].plain, out->max);
		gs_buf_init(&k.workers[i].packed, out->max);
	}
	if (!out->bad)
		gs_pool_run_ordered(n_workers, k.list.n, pack_piece, add_packed, &k);
	for (unsigned i = 0; i < n_workers; i++) {
		gs_buf_release(&k.workers[i].plain);
		gs_buf_release(&k.workers[i].packed);
	}
	gs_vec_release(&k.list);
	writer_release(&w);
}

void gs_pprof_write_packed(gs_buf *out, const gs_profile *p, const gs_merge_rows *rows)
{
	GS_AUTO(buf) plain = { .max = out->max };

	if ((uint64_t)p->n_samples + p->n_locations >= MANY_ROWS) {
		write_in_members(out, p, rows);
		return;
	}
	gs_pprof_write(&plain, p, rows);
	gs_gzip(out, gs_buf_view(&plain), plain.n < FAST_FROM ? GZIP_LEVEL : FAST_LEVEL);
	out->bad |= plain.bad;
}
