/* perf_event_attr, event ids and names, feature sections. */
#include "format/perfdata/reader.h"

uint16_t perfdata_u16(const gs_perfdata *d, gs_rd *r)
{
	return d->is_big ? gs_rd_u16be(r) : gs_rd_u16le(r);
}

uint32_t perfdata_u32(const gs_perfdata *d, gs_rd *r)
{
	return d->is_big ? gs_rd_u32be(r) : gs_rd_u32le(r);
}

uint64_t perfdata_u64(const gs_perfdata *d, gs_rd *r)
{
	return d->is_big ? gs_rd_u64be(r) : gs_rd_u64le(r);
}

/* The word of one-bit fields: compilers for big-endian machines fill bytes from their high bit down. */
static uint64_t read_flags(const gs_perfdata *d, gs_rd *r)
{
	gs_str s = gs_rd_bytes(r, 8);
	uint64_t flags = 0;

	for (unsigned i = 0; i < s.n; i++) {
		unsigned byte = (unsigned char)s.p[i], turned = 0;

		for (unsigned bit = 0; bit < 8; bit++)
			turned |= (byte >> bit & 1) << (7 - bit);
		flags |= (uint64_t)(d->is_big ? turned : byte) << 8 * i;
	}
	return flags;
}

uint32_t perfdata_add_attr(gs_perfdata *d, gs_str bytes)
{
	perfdata_reader *q = d->reader;
	gs_rd r = gs_rd_of(bytes);
	gs_perfdata_attr *a = gs_vec_push(&q->attrs, GS_PERFDATA_MAX_ATTRS);
	perfdata_layout *layout = a ? gs_vec_push(&q->layouts, GS_PERFDATA_MAX_ATTRS) : NULL;
	uint64_t flags;

	if (!layout) {
		q->attrs.n -= a != NULL;
		return UINT32_MAX;
	}
	a->type = perfdata_u32(d, &r);
	gs_rd_skip(&r, 4); /* its own size */
	a->config = perfdata_u64(d, &r);
	a->period = perfdata_u64(d, &r);
	a->sample_type = perfdata_u64(d, &r);
	a->read_format = perfdata_u64(d, &r);
	flags = read_flags(d, &r);
	a->is_freq = flags >> 10 & 1;
	a->has_sample_id_all = flags >> 18 & 1;
	a->has_clock = flags >> 25 & 1;
	gs_rd_skip(&r, 24); /* wakeup, breakpoint or config1, config2 */
	/* Later versions of the struct are longer; what is not there is 0. */
	if (gs_rd_left(&r) >= 16) {
		a->branch_sample_type = perfdata_u64(d, &r);
		a->regs_user = perfdata_u64(d, &r);
		gs_rd_skip(&r, gs_rd_left(&r) >= 8 ? 4 : 0); /* bytes of stack */
		a->clock = gs_rd_left(&r) >= 4 ? (int32_t)perfdata_u32(d, &r) : 0;
	}
	*layout = perfdata_layout_of(a);
	d->attrs = q->attrs.p;
	d->n_attrs = (uint32_t)q->attrs.n;
	return d->n_attrs - 1;
}

bool perfdata_add_ids(gs_perfdata *d, uint32_t attr, gs_str words)
{
	for (size_t i = 0; i < words.n / 8; i++) {
		bool is_new;
		uint32_t *slot =
			gs_map_put(&d->reader->ids, gs_perfdata_word(d, words, i), &is_new);

		if (!slot)
			return false;
		*slot = attr;
	}
	return true;
}

static const char *const hardware_names[] = { "cycles",
					      "instructions",
					      "cache-references",
					      "cache-misses",
					      "branches",
					      "branch-misses",
					      "bus-cycles",
					      "stalled-cycles-frontend",
					      "stalled-cycles-backend",
					      "ref-cycles" };
static const char *const software_names[] = {
	"cpu-clock",	    "task-clock",   "page-faults",  "context-switches",
	"cpu-migrations",   "minor-faults", "major-faults", "alignment-faults",
	"emulation-faults", "dummy",	    "bpf-output",   "cgroup-switches"
};

void perfdata_name_attrs(gs_perfdata *d)
{
	for (uint32_t i = 0; i < d->n_attrs; i++) {
		gs_perfdata_attr *a = &d->attrs[i];
		/* Hybrid CPUs put the PMU's number into the upper half. */
		uint64_t config = a->type == 0 ? a->config & UINT32_MAX : a->config;

		if (a->name.n)
			continue;
		if (a->type == 0 && config < sizeof(hardware_names) / sizeof(hardware_names[0]))
			a->name = gs_str_of(hardware_names[config]);
		else if (a->type == 1 &&
			 config < sizeof(software_names) / sizeof(software_names[0]))
			a->name = gs_str_of(software_names[config]);
		else if (a->type == 2)
			a->name = gs_strf(d->reader->mem, "tracepoint-%llu",
					  (unsigned long long)a->config);
		else
			a->name = gs_strf(d->reader->mem, "event-%u-0x%llx", (unsigned)a->type,
					  (unsigned long long)a->config);
	}
}

/* u32 length, bytes padded with NULs. */
static gs_str read_string(const gs_perfdata *d, gs_rd *r)
{
	gs_str s = gs_rd_bytes(r, perfdata_u32(d, r));

	s.n = s.n ? strnlen(s.p, s.n) : 0;
	return s;
}

/* A list of strings, joined by blanks. */
static gs_str read_words(gs_perfdata *d, gs_rd *r)
{
	GS_AUTO(buf) text = { .max = 64 << 10 };
	uint32_t n = perfdata_u32(d, r);
	char *copy;

	for (uint32_t i = 0; i < n && !r->bad && gs_rd_left(r); i++) {
		if (i)
			gs_buf_c(&text, ' ');
		gs_buf_str(&text, read_string(d, r));
	}
	copy = text.bad ? NULL : gs_try_new(d->reader->mem, char, text.n + 1);
	if (!copy)
		return (gs_str){ 0 };
	if (text.n)
		memcpy(copy, text.p, text.n);
	return (gs_str){ copy, text.n };
}

/* Names of the events: each attr again, its name, its ids. */
static void read_event_names(gs_perfdata *d, gs_rd *r)
{
	uint32_t n = perfdata_u32(d, r), attr_bytes = perfdata_u32(d, r);

	for (uint32_t i = 0; i < n && !r->bad; i++) {
		gs_str attr = gs_rd_bytes(r, attr_bytes), name, ids;
		uint32_t n_ids = perfdata_u32(d, r), index = i;

		name = read_string(d, r);
		ids = gs_rd_bytes(r, (uint64_t)n_ids * 8);
		if (r->bad)
			return;
		/* In pipe mode the list may come before the attributes, or be the only place that tells ids. */
		if (n_ids) {
			uint32_t *known = gs_map_get(&d->reader->ids, gs_perfdata_word(d, ids, 0));

			if (known)
				index = *known;
		}
		if (index >= d->n_attrs) {
			index = perfdata_add_attr(d, attr);
			if (index == UINT32_MAX || !perfdata_add_ids(d, index, ids))
				return;
		}
		d->attrs[index].name = name;
	}
}

static bool add_build_id(gs_perfdata *d, gs_str record, uint16_t misc)
{
	gs_rd r = gs_rd_of(gs_str_skip(record, RECORD_HEADER_BYTES));
	int32_t pid = (int32_t)perfdata_u32(d, &r);
	gs_str id = gs_rd_bytes(&r, 24), file = gs_rd_bytes(&r, gs_rd_left(&r));
	gs_perfdata_build_id *b;

	if (r.bad)
		return true;
	b = gs_vec_push(&d->reader->build_ids, PERFDATA_MAX_ITEMS);
	if (!b)
		return false;
	/* Bit 15: byte 20 tells the length. */
	id.n = misc & 1u << 15 && (unsigned char)id.p[20] <= 20 ? (unsigned char)id.p[20] : 20;
	file.n = file.n ? strnlen(file.p, file.n) : 0;
	*b = (gs_perfdata_build_id){
		.pid = pid, .cpumode = misc & GS_PERFDATA_CPUMODE_MASK, .file = file, .id = id
	};
	d->build_ids = d->reader->build_ids.p;
	d->n_build_ids = (uint32_t)d->reader->build_ids.n;
	return true;
}

bool perfdata_build_id(gs_perfdata *d, gs_str record)
{
	return add_build_id(d, record, gs_peek_u16(record.p + 4, d->is_big));
}

static bool read_build_ids(gs_perfdata *d, gs_str bytes)
{
	while (bytes.n >= RECORD_HEADER_BYTES) {
		uint16_t size = gs_peek_u16(bytes.p + 6, d->is_big);

		if (size < RECORD_HEADER_BYTES || size > bytes.n)
			break;
		if (!perfdata_build_id(d, gs_str_slice(bytes, 0, size)))
			return false;
		bytes = gs_str_skip(bytes, size);
	}
	return true;
}

bool perfdata_feature(gs_perfdata *d, unsigned number, gs_str bytes)
{
	gs_rd r = gs_rd_of(bytes);

	switch (number) {
	case 2:
		return read_build_ids(d, bytes);
	case GS_PERFDATA_HOSTNAME:
	case GS_PERFDATA_OSRELEASE:
	case GS_PERFDATA_VERSION:
	case GS_PERFDATA_ARCH:
	case GS_PERFDATA_CPUDESC:
		d->features[number] = read_string(d, &r);
		return true;
	case GS_PERFDATA_CMDLINE:
		d->features[number] = read_words(d, &r);
		return true;
	case 12:
		read_event_names(d, &r);
		return true;
	case 29: {
		uint64_t wall, clock;

		gs_rd_skip(&r, 8); /* version, clock id */
		wall = perfdata_u64(d, &r);
		clock = perfdata_u64(d, &r);
		if (!r.bad) {
			d->wall_clock_ns = wall;
			d->clock_ns = clock;
		}
		return true;
	}
	default:
		return true;
	}
}
