#include "format/goruntime/buckets.h"

#include "base/buf.h"
#include "format/peek.h"
#include "base/banned.h"

enum {
	MAX_BUCKETS = 1 << 22,
	TYPE_MEMORY = 1, /* bucketType memProfile */
	N_FUTURE = 3,	 /* memRecord.future */
	LOOK_AHEAD = 4,	 /* buckets looked at to recognise the list */
	MAX_CODE = 4096,
};

/* memRecordCycle */
typedef struct counts {
	uint64_t allocs, frees, alloc_bytes, free_bytes;
} counts;

typedef struct record {
	counts active, future[N_FUTURE];
} record;

typedef struct reader {
	const gs_go_runtime *rt;
	GS_VEC(gs_go_bucket) list;
	GS_VEC(record) records;
} reader;

static uint64_t at(const gs_go_runtime *rt, uint64_t addr, int32_t offset)
{
	return gs_go_u64(&rt->image, addr + (uint64_t)offset);
}

static bool is_in_code(const gs_go_runtime *rt, uint64_t pc)
{
	for (uint32_t i = 0; i < rt->n_modules; i++)
		if (pc > rt->modules[i].text && pc <= rt->modules[i].etext)
			return true;
	return false;
}

static bool knows_layout(const gs_go_offsets *o)
{
	return o->bucket_allnext != GS_GO_NONE && o->bucket_typ != GS_GO_NONE && o->bucket_stack_size != GS_GO_NONE && o->bucket_nstk != GS_GO_NONE &&
	       o->bucket_size > 0 && o->memrecord_active != GS_GO_NONE && o->memrecord_future != GS_GO_NONE && o->memrecord_cycle_size > 0 &&
	       o->memcycle_allocs != GS_GO_NONE && o->memcycle_frees != GS_GO_NONE;
}

static bool read_bucket(const gs_go_runtime *rt, uint64_t addr, gs_go_bucket *out)
{
	const gs_go_offsets *o = &rt->o;
	uint64_t n = at(rt, addr, o->bucket_nstk);

	*out = (gs_go_bucket){ .addr = addr, .object_bytes = at(rt, addr, o->bucket_stack_size), .stack = addr + (uint64_t)o->bucket_size };
	if (!addr || (addr & 7) || at(rt, addr, o->bucket_typ) != TYPE_MEMORY || n > GS_GO_MAX_STACK || out->object_bytes == 0 ||
	    out->object_bytes > (uint64_t)1 << 47)
		return false;
	out->n_stack = (uint32_t)n;
	return n == 0 || is_in_code(rt, gs_go_u64(&rt->image, out->stack));
}

static counts read_counts(const gs_go_runtime *rt, uint64_t addr, uint64_t object_bytes)
{
	const gs_go_offsets *o = &rt->o;
	counts c = { .allocs = at(rt, addr, o->memcycle_allocs), .frees = at(rt, addr, o->memcycle_frees) };

	/* Since Go 1.27 only the numbers are kept. */
	c.alloc_bytes = o->memcycle_alloc_bytes != GS_GO_NONE ? at(rt, addr, o->memcycle_alloc_bytes) : c.allocs * object_bytes;
	c.free_bytes = o->memcycle_free_bytes != GS_GO_NONE ? at(rt, addr, o->memcycle_free_bytes) : c.frees * object_bytes;
	return c;
}

static void add(counts *to, const counts *c)
{
	to->allocs += c->allocs;
	to->frees += c->frees;
	to->alloc_bytes += c->alloc_bytes;
	to->free_bytes += c->free_bytes;
}

/* ---- a stripped program ---- */

static bool is_mbuckets(const gs_go_runtime *rt, uint64_t variable)
{
	uint64_t addr = gs_go_u64(&rt->image, variable);
	gs_go_bucket b;

	if (gs_go_span_at(rt, addr))
		return false;
	for (unsigned i = 0; i < LOOK_AHEAD; i++) {
		if (!read_bucket(rt, addr, &b) || b.n_stack == 0)
			return false;
		addr = at(rt, addr, rt->o.bucket_allnext);
		if (!addr)
			break;
	}
	return true;
}

static bool is_data(const gs_go_moduledata *m, uint64_t addr)
{
	return (addr & 7) == 0 && ((addr >= m->noptrdata && addr < m->enoptrdata) || (addr >= m->noptrbss && addr < m->enoptrbss));
}

/* movq variable(%rip), register: the variable's address. */
static uint64_t load_amd64(const unsigned char *code, uint64_t addr)
{
	bool is_load = (code[0] & 0xfb) == 0x48 && code[1] == 0x8b && (code[2] & 0xc7) == 5;

	return is_load ? addr + 7 + (uint64_t)(int64_t)(int32_t)gs_peek_u32(code + 3, false) : 0;
}

/* adrp x, page; ldr x, [x, offset] */
static uint64_t load_arm64(const unsigned char *code, uint64_t addr)
{
	uint32_t adrp = gs_peek_u32(code, false), ldr = gs_peek_u32(code + 4, false);
	uint64_t page = (uint64_t)(adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
	bool is_load = (adrp & 0x9f000000) == 0x90000000 && (ldr & 0xffc00000) == 0xf9400000 && (ldr >> 5 & 31) == (adrp & 31);

	page = (page ^ (1u << 20)) - (1u << 20); /* its sign */
	return is_load ? (addr & ~(uint64_t)4095) + (page << 12) + (ldr >> 10 & 0xfff) * 8 : 0;
}

/* The variable among those that `code` loads that looks like a rate; one that is 0 only when no other does. */
static uint64_t rate_among(const gs_go_runtime *rt, const unsigned char *code, uint64_t n, uint64_t addr)
{
	bool is_amd64 = rt->machine == GS_ELF_X86_64;
	uint64_t zero = 0;

	for (uint64_t i = 0; i + 8 <= n; i += is_amd64 ? 1 : 4) {
		uint64_t to = is_amd64 ? load_amd64(code + i, addr + i) : load_arm64(code + i, addr + i), value;

		if (!to || !is_data(&rt->modules[0], to))
			continue;
		value = gs_go_u64(&rt->image, to);
		if (value && value < (uint64_t)1 << 40)
			return to;
		if (!value)
			zero = to;
	}
	return zero;
}

/* The function that samples an allocation looks at the rate. */
static uint64_t find_rate(const gs_go_runtime *rt)
{
	unsigned char code[MAX_CODE];
	gs_pclntab_func f;

	for (uint32_t i = 0; i < rt->pcln.n_funcs; i++) {
		uint64_t n;

		if (!gs_pclntab_func_get(&rt->pcln, i, &f) || !gs_str_eq(f.name, GS_S("runtime.profilealloc")))
			continue;
		n = f.end - f.entry < sizeof(code) ? f.end - f.entry : sizeof(code);
		return gs_go_read(&rt->image, f.entry + rt->bias, code, (size_t)n) ? rate_among(rt, code, n, f.entry + rt->bias) : 0;
	}
	return 0;
}

/* ---- */

static bool read_list(reader *r, uint64_t addr, gs_go_buckets *out)
{
	const gs_go_runtime *rt = r->rt;
	const gs_go_offsets *o = &rt->o;

	for (; addr; addr = at(rt, addr, o->bucket_allnext)) {
		gs_go_bucket b, *to;
		record *rec;
		uint64_t base;
		uint32_t *index;
		bool is_new;

		if (!read_bucket(rt, addr, &b) || r->list.n >= MAX_BUCKETS) {
			out->is_damaged = true;
			return true;
		}
		index = gs_map_put(&out->index_of, addr, &is_new);
		if (!index)
			return false;
		if (!is_new) { /* in a circle */
			out->is_damaged = true;
			return true;
		}
		*index = (uint32_t)r->list.n;
		to = gs_vec_push(&r->list, MAX_BUCKETS);
		rec = gs_vec_push(&r->records, MAX_BUCKETS);
		if (!to || !rec)
			return false;
		*to = b;
		base = b.stack + 8 * (uint64_t)b.n_stack;
		rec->active = read_counts(rt, base + (uint64_t)o->memrecord_active, b.object_bytes);
		for (unsigned i = 0; i < N_FUTURE; i++)
			rec->future[i] = read_counts(rt, base + (uint64_t)o->memrecord_future + i * (uint64_t)o->memrecord_cycle_size, b.object_bytes);
	}
	return true;
}

/*
 * Which cycle is to be published next, N_FUTURE: none. The program knows; of a stripped one the counts tell: a cycle that has been published is empty everywhere, and
 * while one waits for it only the newest, two behind it, has no frees yet.
 */
static unsigned cycle_to_publish(const reader *r)
{
	const gs_go_runtime *rt = r->rt;
	bool has_any[N_FUTURE] = { false }, has_frees[N_FUTURE] = { false };

	if (rt->v.mprof_cycle)
		return (gs_go_u32(&rt->image, rt->v.mprof_cycle) >> 1) % N_FUTURE;
	for (size_t i = 0; i < r->records.n; i++)
		for (unsigned k = 0; k < N_FUTURE; k++) {
			const counts *c = &r->records.p[i].future[k];

			has_any[k] |= c->allocs || c->frees;
			has_frees[k] |= c->frees != 0;
		}
	for (unsigned k = 0; k < N_FUTURE; k++)
		if (!has_any[k])
			return N_FUTURE;
	for (unsigned k = 0; k < N_FUTURE; k++)
		if (!has_frees[k] && has_frees[(k + 1) % N_FUTURE] && has_frees[(k + 2) % N_FUTURE])
			return (k + 1) % N_FUTURE;
	return N_FUTURE;
}

/* As runtime.memProfileInternal does it. */
static void publish(reader *r)
{
	unsigned cycle = cycle_to_publish(r);
	bool is_clear = true;

	for (size_t i = 0; i < r->records.n; i++) {
		record *rec = &r->records.p[i];

		if (cycle < N_FUTURE)
			add(&rec->active, &rec->future[cycle]);
		is_clear &= rec->active.allocs == 0 && rec->active.frees == 0;
	}
	for (size_t i = 0; i < r->records.n; i++) {
		record *rec = &r->records.p[i];
		gs_go_bucket *b = &r->list.p[i];

		for (unsigned k = 0; is_clear && k < N_FUTURE; k++) /* there was no collection yet */
			if (k != cycle)
				add(&rec->active, &rec->future[k]);
		b->allocs = rec->active.allocs;
		b->frees = rec->active.frees;
		b->alloc_bytes = rec->active.alloc_bytes;
		b->free_bytes = rec->active.free_bytes;
	}
}

bool gs_go_buckets_read(const gs_go_runtime *rt, gs_go_buckets *out)
{
	reader r = { .rt = rt };
	uint64_t rate = rt->v.mem_profile_rate, list = rt->v.mbuckets;
	bool ok;

	*out = (gs_go_buckets){ 0 };
	if (!knows_layout(&rt->o))
		return true;
	if (!list)
		list = gs_go_find_variable(rt, is_mbuckets);
	if (!rate)
		rate = find_rate(rt);
	out->is_rate_known = rate && gs_go_read(&rt->image, rate, &(uint64_t){ 0 }, 8);
	out->rate = rate ? (int64_t)gs_go_u64(&rt->image, rate) : 0;
	ok = !list || read_list(&r, gs_go_u64(&rt->image, list), out);
	if (ok)
		publish(&r);
	gs_vec_release(&r.records);
	out->list = r.list.p;
	out->n = (uint32_t)r.list.n;
	return ok;
}

void gs_go_buckets_release(gs_go_buckets *b)
{
	gs_map_release(&b->index_of);
	free(b->list);
	*b = (gs_go_buckets){ 0 };
}
