/* `heap profile: 9: 18432 [1712: 20741056] @ heap/1048576`, then rows `0: 0 [14: 1568] @ 0x.. 0x..`. */
#include <math.h>

#include "format/legacy/build.h"

typedef struct row {
	int64_t in_use_count, in_use_bytes, alloc_count, alloc_bytes;
	gs_str rest; /* after the @ */
} row;

static bool parse_row(gs_str s, row *r)
{
	if (!legacy_take_int(&s, &r->in_use_count) || !legacy_take(&s, ":") ||
	    !legacy_take_int(&s, &r->in_use_bytes) || !legacy_take(&s, "[") ||
	    !legacy_take_int(&s, &r->alloc_count) || !legacy_take(&s, ":") ||
	    !legacy_take_int(&s, &r->alloc_bytes) || !legacy_take(&s, "]") || !legacy_take(&s, "@"))
		return false;
	r->rest = s;
	return true;
}

/* As a Go program would convert: what does not fit becomes the smallest integer. */
static int64_t to_int(double v)
{
	return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/* Each value divided by the chance that an object of this size was sampled. */
static void unsample(int64_t *count, int64_t *bytes, int64_t rate)
{
	double scale;

	if (*count == 0 || *bytes == 0) {
		*count = *bytes = 0;
		return;
	}
	if (rate <= 1)
		return;
	scale = 1 / (1 - exp(-((double)*bytes / (double)*count) / (double)rate));
	*count = to_int((double)*count * scale);
	*bytes = to_int((double)*bytes * scale);
}

/* What follows the @ of the header: kind of profile, and its rate. */
static bool parse_kind(legacy_builder *b, gs_str s, bool *is_v2, bool *is_heap, gs_str line)
{
	gs_str kind, rate;
	uint64_t v = 0;

	s = gs_str_trim(s);
	gs_str_cut(s, '/', &kind, &rate);
	if (rate.n && (!gs_str_u64(rate, 10, &v) || v > INT64_MAX))
		return legacy_fail(b, line, "no sampling rate in the header");
	*is_v2 = false;
	*is_heap = gs_str_starts(kind, GS_S("heap"));
	b->out->period = 1;
	if (gs_str_eq(kind, GS_S("heap")) || gs_str_eq(kind, GS_S("heapz_v2")) ||
	    gs_str_eq(kind, GS_S("heap_v2"))) {
		*is_v2 = true;
		/* Go prints twice its rate. */
		b->out->period = (int64_t)(kind.n == 4 ? v / 2 : v);
		return true;
	}
	if (gs_str_eq(kind, GS_S("heapprofile")) || gs_str_starts(kind, GS_S("growth")) ||
	    gs_str_starts(kind, GS_S("fragmentation")))
		return true;
	return legacy_fail(b, line, "unknown kind of heap profile");
}

bool legacy_parse_heap(legacy_builder *b)
{
	gs_legacy *out = b->out;
	gs_str rest = b->text, line, head;
	bool has_alloc, is_v2 = false, is_heap = false;
	row r;

	while (gs_str_line(&rest, &line) && legacy_is_comment(line))
		;
	head = line;
	if (!legacy_take(&head, "heap profile:") || !parse_row(head, &r))
		return legacy_fail(b, line, "no header of a heap profile");
	if (!parse_kind(b, r.rest, &is_v2, &is_heap, line))
		return false;
	out->period_type = (gs_legacy_type){ GS_S("space"), GS_S("bytes") };
	has_alloc = (r.alloc_count != r.in_use_count && r.alloc_count != 0) ||
		    (r.alloc_bytes != r.in_use_bytes && r.alloc_bytes != 0);
	if (has_alloc && is_heap) {
		out->n_types = 4;
		out->types[0] = (gs_legacy_type){ GS_S("alloc_objects"), GS_S("count") };
		out->types[1] = (gs_legacy_type){ GS_S("alloc_space"), GS_S("bytes") };
		out->types[2] = (gs_legacy_type){ GS_S("inuse_objects"), GS_S("count") };
		out->types[3] = (gs_legacy_type){ GS_S("inuse_space"), GS_S("bytes") };
	} else {
		has_alloc = false;
		out->n_types = 2;
		out->types[0] = (gs_legacy_type){ GS_S("objects"), GS_S("count") };
		out->types[1] = (gs_legacy_type){ GS_S("space"), GS_S("bytes") };
	}
	while (!b->is_full && gs_str_line(&rest, &line)) {
		gs_legacy_sample *s;
		int64_t *v;

		if (legacy_is_comment(line)) {
			legacy_comment(b, line);
			continue;
		}
		if (legacy_is_map_sentinel(line)) {
			legacy_parse_map(b, rest);
			break;
		}
		if (!parse_row(line, &r))
			return legacy_fail(b, line, "no row of a heap profile");
		if ((has_alloc && r.alloc_count == 0 && r.alloc_bytes) ||
		    (r.in_use_count == 0 && r.in_use_bytes))
			return legacy_fail(b, line, "bytes of no object");
		s = legacy_sample(b);
		if (!s)
			break;
		v = s->values;
		if (has_alloc && r.alloc_count)
			s->block_bytes = r.alloc_bytes / r.alloc_count;
		if (r.in_use_count && !(r.in_use_count == -1 && r.in_use_bytes == INT64_MIN))
			s->block_bytes = r.in_use_bytes / r.in_use_count;
		if (is_v2) {
			unsample(&r.alloc_count, &r.alloc_bytes, out->period);
			unsample(&r.in_use_count, &r.in_use_bytes, out->period);
		}
		if (has_alloc) {
			*v++ = r.alloc_count;
			*v++ = r.alloc_bytes;
		}
		*v++ = r.in_use_count;
		*v++ = r.in_use_bytes;
		if (!legacy_addresses(b, s, r.rest))
			return false;
	}
	return true;
}
