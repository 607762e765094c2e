#include "present/flame.h"

#include <inttypes.h>

#include "base/json.h"

static void put_u32(gs_buf *out, uint32_t v)
{
	unsigned char b[4] = { (unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
			       (unsigned char)(v >> 24) };

	gs_buf_add(out, b, 4);
}

static void put_u32_column(gs_buf *out, const uint32_t *column, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_u32(out, column[i]);
	if (n % 2)
		put_u32(out, 0);
}

static void put_f64(gs_buf *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, 8);
	put_u32(out, (uint32_t)bits);
	put_u32(out, (uint32_t)(bits >> 32));
}

static void put_i64_column(gs_buf *out, const int64_t *column, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_f64(out, (double)column[i]);
}

enum { FRAMES_HAS_BASE = 1, FRAMES_HAS_SAMPLES = 2 };

void gs_flame_write_frames(const gs_flame *f, gs_buf *out)
{
	size_t length_at, start;
	gs_json j = gs_json_to(out);

	gs_buf_z(out, "GSF1");
	put_u32(out, 1);
	put_u32(out, f->n);
	put_u32(out, (f->base_total ? FRAMES_HAS_BASE : 0) | (f->samples ? FRAMES_HAS_SAMPLES : 0));
	length_at = out->n;
	put_u32(out, 0);
	put_u32(out, 0);
	start = out->n;
	gs_json_object(&j);
	gs_json_key(&j, "names");
	gs_json_array(&j);
	for (uint32_t i = 0; i < f->n_names; i++) {
		gs_json_object(&j);
		gs_json_kstr(&j, "name", f->names[i].name);
		gs_json_kstr(&j, "short", f->names[i].short_name);
		gs_json_kstr(&j, "package", f->names[i].package);
		gs_json_kstr(&j, "file", f->names[i].file);
		gs_json_ki64(&j, "line", f->names[i].line);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_kstr(&j, "unit", f->unit);
	gs_json_kstr(&j, "type", f->type);
	gs_json_ki64(&j, "total", f->root_total);
	if (f->base_total)
		gs_json_ki64(&j, "base_total", f->root_base_total);
	gs_json_ku64(&j, "samples", f->samples_total);
	gs_json_ku64(&j, "nodes_total", f->view_nodes);
	gs_json_object_end(&j);
	gs_buf_fill(out, ' ', (8 - (out->n - start) % 8) % 8);
	if (out->bad)
		return;
	for (unsigned i = 0; i < 4; i++)
		out->p[length_at + i] = (char)((out->n - start) >> (8 * i));
	put_u32_column(out, f->id, f->n);
	put_u32_column(out, f->parent, f->n);
	put_u32_column(out, f->name, f->n);
	put_u32_column(out, f->flags, f->n);
	put_i64_column(out, f->self, f->n);
	put_i64_column(out, f->total, f->n);
	if (f->base_total) {
		put_i64_column(out, f->base_self, f->n);
		put_i64_column(out, f->base_total, f->n);
	}
	for (uint32_t i = 0; f->samples && i < f->n; i++)
		put_f64(out, (double)f->samples[i]);
}

/* Children are neighbours: the first and the count are enough to walk down. */
typedef struct family {
	uint32_t *first, *count;
} family;

static family families(gs_arena *mem, const gs_flame *f)
{
	family k = { gs_new(mem, uint32_t, f->n), gs_new(mem, uint32_t, f->n) };

	for (uint32_t i = 1; i < f->n; i++)
		if (f->parent[i] != GS_FLAME_NO_PARENT && k.count[f->parent[i]]++ == 0)
			k.first[f->parent[i]] = i;
	return k;
}

/* Written by hand over an explicit stack: a stack may be deeper than any nesting that a writer would count. */
void gs_flame_write_json(const gs_flame *f, gs_buf *out)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	family k = families(mem, f);
	uint32_t *done = gs_new(mem, uint32_t, f->n);
	uint32_t i = 0;
	bool is_open = false;

	if (f->n == 0) {
		gs_buf_z(out, "null\n");
		return;
	}
	for (;;) {
		if (!is_open) {
			const gs_flame_name *n = &f->names[f->name[i]];
			gs_json j = gs_json_to(out);

			gs_json_object(&j);
			gs_json_kstr(&j, "name", n->name);
			if (n->file.n)
				gs_json_kstr(&j, "file", n->file);
			if (n->line)
				gs_json_ki64(&j, "line", n->line);
			if (f->flags[i] & GS_FLAME_INLINED)
				gs_json_kbool(&j, "inlined", true);
			gs_json_ki64(&j, "value", f->total[i]);
			gs_json_ki64(&j, "self", f->self[i]);
			if (f->base_total) {
				gs_json_ki64(&j, "base_value", f->base_total[i]);
				gs_json_ki64(&j, "base_self", f->base_self[i]);
			}
			gs_buf_z(out, ",\"children\":[");
			is_open = true;
		}
		if (done[i] < k.count[i]) {
			if (done[i])
				gs_buf_c(out, ',');
			i = k.first[i] + done[i]++;
			is_open = false;
			continue;
		}
		gs_buf_z(out, "]}");
		if (f->parent[i] == GS_FLAME_NO_PARENT)
			break;
		i = f->parent[i];
	}
	gs_buf_c(out, '\n');
}

/* One line a stack: separators and line ends inside names would break every reader. */
static void folded_name(gs_buf *out, gs_str s)
{
	for (size_t i = 0; i < s.n; i++)
		gs_buf_c(out, s.p[i] == ';' ? ':' : (unsigned char)s.p[i] < 0x20 ? ' ' : s.p[i]);
}

void gs_flame_write_folded(const gs_flame *f, bool with_lines, gs_buf *out)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	uint32_t *path = gs_new(mem, uint32_t, f->max_depth + 2);

	for (uint32_t i = 1; i < f->n; i++) {
		uint32_t depth = 0;

		if (f->self[i] == 0 && (!f->base_self || f->base_self[i] == 0))
			continue;
		for (uint32_t at = i; f->parent[at] != GS_FLAME_NO_PARENT; at = f->parent[at])
			path[depth++] = at;
		while (depth-- > 0) {
			const gs_flame_name *n = &f->names[f->name[path[depth]]];

			folded_name(out, n->name);
			if (with_lines && n->file.n) {
				gs_buf_c(out, ' ');
				folded_name(out, n->file);
				gs_buf_f(out, ":%" PRId64, n->line);
			}
			if (depth)
				gs_buf_c(out, ';');
		}
		if (f->base_self)
			gs_buf_f(out, " %" PRId64, f->base_self[i]);
		gs_buf_f(out, " %" PRId64 "\n", f->self[i]);
	}
}

/* speedscope knows these units; anything else is "none". */
static const char *speedscope_unit(gs_str unit)
{
	static const char *const known[] = { "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (gs_str_eq(unit, gs_str_of(known[i])))
			return known[i];
	return "none";
}

void gs_flame_write_speedscope(const gs_flame *const *flames, unsigned n, gs_str name, gs_buf *out)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	gs_json j = gs_json_to(out);
	uint32_t base = 0;

	gs_json_object(&j);
	gs_json_kstr(&j, "$schema", GS_S("https://www.speedscope.app/file-format-schema.json"));
	gs_json_kstr(&j, "exporter", GS_S("gospect"));
	gs_json_kstr(&j, "name", name);
	gs_json_ki64(&j, "activeProfileIndex", n ? (int64_t)n - 1 : 0);
	gs_json_key(&j, "shared");
	gs_json_object(&j);
	gs_json_key(&j, "frames");
	gs_json_array(&j);
	for (unsigned p = 0; p < n; p++)
		for (uint32_t i = 0; i < flames[p]->n_names; i++) {
			const gs_flame_name *f = &flames[p]->names[i];

			gs_json_object(&j);
			gs_json_kstr(&j, "name", f->name);
			if (f->file.n)
				gs_json_kstr(&j, "file", f->file);
			if (f->line)
				gs_json_ki64(&j, "line", f->line);
			gs_json_object_end(&j);
		}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_json_key(&j, "profiles");
	gs_json_array(&j);
	for (unsigned p = 0; p < n; p++) {
		const gs_flame *f = flames[p];
		uint32_t *path = gs_new(mem, uint32_t, f->max_depth + 2);
		int64_t sum = 0;

		gs_json_object(&j);
		gs_json_kstr(&j, "type", GS_S("sampled"));
		gs_json_kstr(&j, "name", f->type);
		gs_json_kstr(&j, "unit", gs_str_of(speedscope_unit(f->unit)));
		gs_json_key(&j, "samples");
		gs_json_array(&j);
		for (uint32_t i = 1; i < f->n; i++) {
			uint32_t depth = 0;

			if (f->self[i] <= 0)
				continue;
			for (uint32_t at = i; f->parent[at] != GS_FLAME_NO_PARENT; at = f->parent[at])
				path[depth++] = at;
			gs_json_array(&j);
			while (depth-- > 0)
				gs_json_u64(&j, base + f->name[path[depth]]);
			gs_json_array_end(&j);
		}
		gs_json_array_end(&j);
		gs_json_key(&j, "weights");
		gs_json_array(&j);
		for (uint32_t i = 1; i < f->n; i++)
			if (f->self[i] > 0) {
				gs_json_i64(&j, f->self[i]);
				sum += f->self[i];
			}
		gs_json_array_end(&j);
		gs_json_ki64(&j, "startValue", 0);
		gs_json_ki64(&j, "endValue", sum);
		gs_json_object_end(&j);
		base += f->n_names;
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
