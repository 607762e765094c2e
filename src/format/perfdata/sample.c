/* Records into fields. A sample's layout is its attribute's sample_type. */
#include "format/perfdata/reader.h"

static bool has(const gs_perfdata_attr *a, uint64_t bit)
{
	return a->sample_type & bit;
}

perfdata_layout perfdata_layout_of(const gs_perfdata_attr *a)
{
	const uint64_t tail = GS_PERF_SAMPLE_RAW | GS_PERF_SAMPLE_BRANCH_STACK | GS_PERF_SAMPLE_REGS_USER | GS_PERF_SAMPLE_STACK_USER;
	perfdata_layout l = { .has_read = has(a, GS_PERF_SAMPLE_READ),
			      .has_chain = has(a, GS_PERF_SAMPLE_CALLCHAIN),
			      .has_tail = (a->sample_type & tail) != 0 };
	/* In the order of the kernel, a word each. */
	const struct {
		uint64_t bit;
		uint8_t *at;
	} words[] = { { GS_PERF_SAMPLE_IDENTIFIER, NULL }, { GS_PERF_SAMPLE_IP, &l.ip },	  { GS_PERF_SAMPLE_TID, &l.pid },
		      { GS_PERF_SAMPLE_TIME, &l.time },	   { GS_PERF_SAMPLE_ADDR, NULL },	  { GS_PERF_SAMPLE_ID, NULL },
		      { GS_PERF_SAMPLE_STREAM_ID, NULL },  { GS_PERF_SAMPLE_CPU, &l.cpu }, { GS_PERF_SAMPLE_PERIOD, &l.period } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].at)
			*words[i].at = has(a, words[i].bit) ? l.bytes : LAYOUT_NONE;
		l.bytes = (uint8_t)(l.bytes + 8 * has(a, words[i].bit));
	}
	return l;
}

/* Events of one recording agree on where the id is, or they could not be told apart: the first attr says. */
bool perfdata_attr_of_sample(const gs_perfdata *d, gs_str body, uint32_t *index)
{
	const gs_perfdata_attr *a = d->attrs;
	uint32_t *known;
	size_t at = 0;

	*index = 0;
	if (d->n_attrs <= 1)
		return d->n_attrs != 0;
	if (!has(a, GS_PERF_SAMPLE_IDENTIFIER)) {
		if (!has(a, GS_PERF_SAMPLE_ID))
			return true;
		at = 8 * (size_t)(has(a, GS_PERF_SAMPLE_IP) + has(a, GS_PERF_SAMPLE_TID) +
				  has(a, GS_PERF_SAMPLE_TIME) + has(a, GS_PERF_SAMPLE_ADDR));
	}
	if (!gs_peek_has(body, at, 8))
		return false;
	known = gs_map_get(&d->reader->ids, gs_peek_u64(body.p + at, d->is_big));
	if (known)
		*index = *known;
	return true;
}

/* The attr of another record, whose id stands at its end. */
static const gs_perfdata_attr *attr_of_trailer(const gs_perfdata *d, gs_str body)
{
	const gs_perfdata_attr *a = d->attrs;
	size_t from_end = 8;
	uint32_t *known;

	if (d->n_attrs <= 1)
		return d->n_attrs ? a : NULL;
	if (!has(a, GS_PERF_SAMPLE_IDENTIFIER)) {
		if (!has(a, GS_PERF_SAMPLE_ID))
			return a;
		from_end +=
			8 * (size_t)(has(a, GS_PERF_SAMPLE_CPU) + has(a, GS_PERF_SAMPLE_STREAM_ID));
	}
	if (body.n < from_end)
		return a;
	known = gs_map_get(&d->reader->ids, gs_peek_u64(body.p + body.n - from_end, d->is_big));
	return known ? &d->attrs[*known] : a;
}

static size_t trailer_bytes(const gs_perfdata_attr *a)
{
	if (!a || !a->has_sample_id_all)
		return 0;
	return 8 * (size_t)(has(a, GS_PERF_SAMPLE_TID) + has(a, GS_PERF_SAMPLE_TIME) +
			    has(a, GS_PERF_SAMPLE_ID) + has(a, GS_PERF_SAMPLE_STREAM_ID) +
			    has(a, GS_PERF_SAMPLE_CPU) + has(a, GS_PERF_SAMPLE_IDENTIFIER));
}

uint64_t perfdata_time_of(const gs_perfdata *d, uint32_t type, gs_str body)
{
	const gs_perfdata_attr *a;
	uint32_t index;
	size_t at;

	if (type == RECORD_SAMPLE) {
		if (!perfdata_attr_of_sample(d, body, &index))
			return 0;
		at = d->reader->layouts.p[index].time;
		if (at == LAYOUT_NONE)
			return 0;
	} else {
		a = attr_of_trailer(d, body);
		if (!a || !has(a, GS_PERF_SAMPLE_TIME) || trailer_bytes(a) == 0 ||
		    trailer_bytes(a) > body.n)
			return 0;
		at = body.n - trailer_bytes(a) + 8 * (size_t)has(a, GS_PERF_SAMPLE_TID);
	}
	return gs_peek_has(body, at, 8) ? gs_peek_u64(body.p + at, d->is_big) : 0;
}

/* The counter values that came with the sample; only their length matters here. */
static void skip_read(const gs_perfdata *d, gs_rd *r, uint64_t format)
{
	uint64_t times = (format & 1) + (format >> 1 & 1),
		 per_value = 1 + (format >> 2 & 1) + (format >> 4 & 1);

	if (format & 8) {
		uint64_t n = perfdata_u64(d, r), bytes;

		if (__builtin_mul_overflow(n, per_value * 8, &bytes))
			r->bad = true;
		gs_rd_skip(r, times * 8);
		gs_rd_skip(r, r->bad ? 0 : bytes);
	} else {
		gs_rd_skip(r, (times + per_value) * 8);
	}
}

static gs_str read_words(const gs_perfdata *d, gs_rd *r, uint64_t word_bytes)
{
	uint64_t n = perfdata_u64(d, r);

	if (n > gs_rd_left(r) / word_bytes)
		r->bad = true;
	return gs_rd_bytes(r, r->bad ? 0 : n * word_bytes);
}

/* What follows the call chain, as far as unwinding can use it. */
static void read_tail(const gs_perfdata *d, const gs_perfdata_attr *a, gs_rd *r,
		      gs_perfdata_record *out)
{
	if (has(a, GS_PERF_SAMPLE_RAW))
		gs_rd_skip(r, perfdata_u32(d, r));
	if (has(a, GS_PERF_SAMPLE_BRANCH_STACK)) {
		uint64_t n = perfdata_u64(d, r);

		if (a->branch_sample_type >> 17 & 1)
			gs_rd_skip(r, 8); /* hardware index */
		if (n > gs_rd_left(r) / 24)
			r->bad = true;
		out->branches = gs_rd_bytes(r, r->bad ? 0 : n * 24);
	}
	if (has(a, GS_PERF_SAMPLE_REGS_USER) && perfdata_u64(d, r))
		out->regs = gs_rd_bytes(r, 8 * (uint64_t)__builtin_popcountll(a->regs_user));
	if (has(a, GS_PERF_SAMPLE_STACK_USER)) {
		uint64_t room = perfdata_u64(d, r), used;

		if (room) {
			out->stack = gs_rd_bytes(r, room);
			used = perfdata_u64(d, r);
			if (!r->bad && used < out->stack.n)
				out->stack.n = (size_t)used;
		}
	}
	if (r->bad) {
		out->stack = out->regs = out->branches = (gs_str){ 0 };
		r->bad = false;
	}
}

static uint64_t word_at(const gs_perfdata *d, gs_str body, uint8_t at)
{
	return at == LAYOUT_NONE ? 0 : gs_peek_u64(body.p + at, d->is_big);
}

static int32_t number_at(const gs_perfdata *d, gs_str body, size_t at)
{
	return (int32_t)gs_peek_u32(body.p + at, d->is_big);
}

static bool decode_sample(const gs_perfdata *d, gs_str body, gs_perfdata_record *out)
{
	const gs_perfdata_attr *a;
	const perfdata_layout *l;
	gs_rd r;

	if (!perfdata_attr_of_sample(d, body, &out->attr))
		return false;
	a = &d->attrs[out->attr];
	l = &d->reader->layouts.p[out->attr];
	if (body.n < l->bytes)
		return false;
	out->ip = word_at(d, body, l->ip);
	out->time_ns = word_at(d, body, l->time);
	if (l->pid != LAYOUT_NONE) {
		out->pid = number_at(d, body, l->pid);
		out->tid = number_at(d, body, l->pid + 4u);
	}
	if (l->cpu != LAYOUT_NONE)
		out->cpu = number_at(d, body, l->cpu);
	out->period = l->period != LAYOUT_NONE ? word_at(d, body, l->period) : a->is_freq ? 1 : a->period;
	r = gs_rd_of(gs_str_skip(body, l->bytes));
	if (l->has_read)
		skip_read(d, &r, a->read_format);
	if (l->has_chain)
		out->chain = read_words(d, &r, 8);
	if (r.bad)
		return false;
	if (l->has_tail)
		read_tail(d, a, &r, out);
	return true;
}

static gs_str read_name(gs_rd *r)
{
	gs_str s = gs_rd_bytes(r, gs_rd_left(r));

	s.n = s.n ? strnlen(s.p, s.n) : 0;
	return s;
}

static void decode_mmap(const gs_perfdata *d, gs_rd *r, bool is_2, gs_perfdata_record *out)
{
	enum { PROT_EXECUTE = 4 };

	out->kind = GS_PERFDATA_MMAP;
	out->pid = (int32_t)perfdata_u32(d, r);
	out->tid = (int32_t)perfdata_u32(d, r);
	out->start = perfdata_u64(d, r);
	out->size = perfdata_u64(d, r);
	out->offset = perfdata_u64(d, r);
	/* misc bit 13 on the old record: data. */
	out->is_exec = !(out->misc & 1u << 13);
	if (is_2) {
		gs_str file = gs_rd_bytes(r, 24); /* device and inode, or the build id */

		if (out->misc & 1u << 14 && file.n && (unsigned char)file.p[0] <= 20)
			out->build_id = gs_str_slice(file, 4, 4 + (unsigned char)file.p[0]);
		out->is_exec = perfdata_u32(d, r) & PROT_EXECUTE;
		gs_rd_skip(r, 4);
	}
	out->name = read_name(r);
}

bool perfdata_decode(gs_perfdata *d, const char *p, gs_perfdata_record *out)
{
	uint32_t type = gs_peek_u32(p, d->is_big);
	gs_str body = { p + RECORD_HEADER_BYTES,
			(size_t)gs_peek_u16(p + 6, d->is_big) - RECORD_HEADER_BYTES };
	gs_rd r = gs_rd_of(body);

	*out = (gs_perfdata_record){
		.misc = gs_peek_u16(p + 4, d->is_big), .pid = -1, .tid = -1, .cpu = -1
	};
	if (type != RECORD_SAMPLE) {
		out->time_ns = perfdata_time_of(d, type, body);
		/* Names are padded up to the trailer. */
		r.end -= trailer_bytes(attr_of_trailer(d, body)) <= body.n ?
				 trailer_bytes(attr_of_trailer(d, body)) :
				 0;
	}
	switch (type) {
	case RECORD_SAMPLE:
		out->kind = GS_PERFDATA_SAMPLE;
		if (decode_sample(d, body, out))
			return true;
		break;
	case RECORD_MMAP:
	case RECORD_MMAP2:
		decode_mmap(d, &r, type == RECORD_MMAP2, out);
		if (!r.bad)
			return true;
		break;
	case RECORD_COMM:
		out->kind = GS_PERFDATA_COMM;
		out->pid = (int32_t)perfdata_u32(d, &r);
		out->tid = (int32_t)perfdata_u32(d, &r);
		out->is_exec = out->misc & 1u << 13;
		out->name = read_name(&r);
		if (!r.bad)
			return true;
		break;
	case RECORD_FORK:
	case RECORD_EXIT:
		out->kind = type == RECORD_FORK ? GS_PERFDATA_FORK : GS_PERFDATA_EXIT;
		out->pid = (int32_t)perfdata_u32(d, &r);
		out->parent_pid = (int32_t)perfdata_u32(d, &r);
		out->tid = (int32_t)perfdata_u32(d, &r);
		out->parent_tid = (int32_t)perfdata_u32(d, &r);
		if (!r.bad)
			return true;
		break;
	case RECORD_KSYMBOL:
		out->kind = GS_PERFDATA_KSYMBOL;
		out->is_exec = true;
		out->start = perfdata_u64(d, &r);
		out->size = perfdata_u32(d, &r);
		gs_rd_skip(&r, 2);
		out->is_unregistered = perfdata_u16(d, &r) & 1;
		out->name = read_name(&r);
		if (!r.bad)
			return true;
		break;
	case RECORD_LOST:
		gs_rd_skip(&r, 8);
		d->n_lost += perfdata_u64(d, &r);
		return false;
	case RECORD_LOST_SAMPLES:
		d->n_lost += perfdata_u64(d, &r);
		return false;
	default:
		return false;
	}
	d->n_broken++;
	return false;
}
