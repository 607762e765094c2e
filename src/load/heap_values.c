#include "load/heap_look.h"

#include "base/banned.h"

void look_bytes_text(look *l, gs_buf *out, uint64_t at, uint64_t n, size_t max)
{
	char text[LOOK_MAX_TEXT];
	size_t have = n < max ? (size_t)n : max;

	if (!gs_go_read(&l->b.rt.image, at, text, have)) {
		gs_buf_z(out, "not in the image");
		return;
	}
	gs_buf_c(out, '"');
	gs_buf_add(out, text, have);
	gs_buf_z(out, n > have ? "\"..." : "\"");
}

static int64_t sign(uint64_t v, uint64_t size)
{
	unsigned shift = 64 - 8 * (unsigned)size;

	return (int64_t)(v << shift) >> shift;
}

static void number_text(look *l, gs_buf *out, const heap_type *t, uint64_t at)
{
	uint64_t raw = 0;
	double d;
	float f;

	if (t->size == 0 || t->size > 8)
		return;
	gs_go_read(&l->b.rt.image, at, &raw, (size_t)t->size);
	raw = le64toh(raw);
	if (t->kind == KIND_BOOL) {
		gs_buf_z(out, raw ? "true" : "false");
	} else if (t->kind < KIND_UINT) {
		gs_buf_f(out, "%lld", (long long)sign(raw, t->size));
	} else if (t->kind < KIND_UINTPTR) {
		gs_buf_f(out, "%llu", (unsigned long long)raw);
	} else if (t->kind == KIND_UINTPTR) {
		gs_buf_f(out, "0x%llx", (unsigned long long)raw);
	} else if (t->kind == KIND_FLOAT64) {
		memcpy(&d, &raw, sizeof(d));
		gs_buf_f(out, "%g", d);
	} else if (t->kind == KIND_FLOAT32) {
		memcpy(&f, &raw, sizeof(f));
		gs_buf_f(out, "%g", (double)f);
	}
}

static void function_text(look *l, gs_buf *out, uint64_t closure)
{
	uint64_t code = look_word(l, closure) - l->b.rt.bias;
	uint32_t func = gs_pclntab_find(&l->b.rt.pcln, code);
	gs_pclntab_func f;

	if (func != GS_PCLNTAB_NONE && gs_pclntab_func_get(&l->b.rt.pcln, func, &f) && f.entry == code)
		gs_buf_str(out, f.name);
	else
		gs_buf_f(out, "0x%llx", (unsigned long long)closure);
}

static uint64_t count_in_map(look *l, uint64_t map)
{
	const gs_go_offsets *o = &l->b.rt.o;

	return look_word(l, map + (uint64_t)(o->map_size != GS_GO_NONE ? o->map_used : o->hmap_count));
}

static void interface_text(look *l, gs_buf *out, const heap_type *t, uint64_t at, size_t max, unsigned depth)
{
	uint64_t first = look_word(l, at), data = look_word(l, at + 8);
	heap_type d;

	if (!first) {
		gs_buf_z(out, "nil");
		return;
	}
	if (heap_type_has_methods(&l->t, t->addr))
		first = look_word(l, first + 8);
	gs_buf_str(out, look_type_name(l, first));
	if (!look_type(l, first, &d))
		return;
	gs_buf_c(out, '(');
	look_value_text(l, out, first, d.is_direct ? at + 8 : data, max, depth + 1);
	gs_buf_c(out, ')');
}

/* time.Time: {wall, ext, loc}. */
bool look_is_time(look *l, const heap_type *t)
{
	gs_str package;

	return t->kind == KIND_STRUCT && t->size == 24 && gs_str_eq(heap_type_name(&l->t, l->mem, t, &package), GS_S("time.Time")) &&
	       gs_str_eq(package, GS_S("time"));
}

/* With a monotonic reading `wall` has the seconds since 1885, else `ext` has those since the year 1. */
static void time_text(look *l, gs_buf *out, uint64_t at)
{
	static const int64_t unix_from_year_1 = -62135596800, unix_from_1885 = -2682288000;
	uint64_t wall = look_word(l, at), ext = look_word(l, at + 8);
	time_t seconds = wall >> 63 ? unix_from_1885 + (int64_t)(wall << 1 >> 31) : (int64_t)(ext + (uint64_t)unix_from_year_1);
	char z[40];
	struct tm tm;

	if (!wall && !ext)
		gs_buf_z(out, "zero");
	else if (gmtime_r(&seconds, &tm) && tm.tm_year > -1900 && tm.tm_year < 8100 && strftime(z, sizeof(z), "%Y-%m-%d %H:%M:%S", &tm))
		gs_buf_f(out, "%s.%09u UTC", z, (unsigned)(wall & ((1u << 30) - 1)));
	else
		gs_buf_f(out, "wall 0x%llx ext 0x%llx", (unsigned long long)wall, (unsigned long long)ext);
}

static void struct_text(look *l, gs_buf *out, uint64_t type, uint64_t at, size_t max, unsigned depth)
{
	uint32_t n = heap_type_n_members(&l->t, type);

	gs_buf_c(out, '{');
	for (uint32_t i = 0; i < n; i++) {
		heap_type_member m = heap_type_member_at(&l->t, l->mem, type, i);

		if (out->n > 2 * max) {
			gs_buf_z(out, "...");
			break;
		}
		gs_buf_z(out, i ? ", " : "");
		gs_buf_str(out, m.name);
		gs_buf_z(out, ": ");
		look_value_text(l, out, m.type, at + m.offset, max, depth + 1);
	}
	gs_buf_c(out, '}');
}

void look_value_text(look *l, gs_buf *out, uint64_t type, uint64_t at, size_t max, unsigned depth)
{
	uint64_t v, n;
	heap_type t, e;

	if (!look_type(l, type, &t) || depth > 3) {
		gs_buf_z(out, "...");
		return;
	}
	v = look_word(l, at);
	switch (t.kind) {
	case KIND_STRING:
		look_bytes_text(l, out, v, look_word(l, at + 8), max);
		return;
	case KIND_SLICE:
		n = look_word(l, at + 8);
		gs_buf_f(out, v ? "len %llu cap %llu" : "nil", (unsigned long long)n, (unsigned long long)look_word(l, at + 16));
		if (v && n && look_type(l, t.elem, &e) && e.kind == KIND_UINT8) {
			gs_buf_c(out, ' ');
			look_bytes_text(l, out, v, n, max);
		}
		return;
	case KIND_INTERFACE:
		interface_text(l, out, &t, at, max, depth);
		return;
	case KIND_MAP:
		gs_buf_f(out, v ? "%llu entries" : "nil", v ? (unsigned long long)count_in_map(l, v) : 0);
		return;
	case KIND_CHAN:
		gs_buf_f(out, v ? "%llu of %llu" : "nil", v ? (unsigned long long)look_word(l, v + (uint64_t)l->b.rt.o.hchan_qcount) : 0,
			 v ? (unsigned long long)look_word(l, v + (uint64_t)l->b.rt.o.hchan_dataqsiz) : 0);
		return;
	case KIND_FUNC:
		if (v)
			function_text(l, out, v);
		else
			gs_buf_z(out, "nil");
		return;
	case KIND_POINTER:
	case KIND_UNSAFE_POINTER:
		gs_buf_f(out, v ? "0x%llx" : "nil", (unsigned long long)v);
		return;
	case KIND_STRUCT:
		if (look_is_time(l, &t))
			time_text(l, out, at);
		else
			struct_text(l, out, type, at, max, depth);
		return;
	case KIND_ARRAY:
		n = heap_type_array_len(&l->t, type);
		if (look_type(l, t.elem, &e) && e.kind == KIND_UINT8)
			look_bytes_text(l, out, at, n, max);
		else
			gs_buf_f(out, "%llu elements", (unsigned long long)n);
		return;
	default:
		number_text(l, out, &t, at);
	}
}
