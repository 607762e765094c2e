#include "present/flame.h"

#include "analysis/units.h"
#include "present/printable.h"

static void line(const gs_flame *f, uint32_t i, unsigned depth, gs_buf *out)
{
	size_t start;

	gs_share(out, f->total[i], f->root_total);
	gs_buf_z(out, "  ");
	start = out->n;
	gs_unit_label(out, f->total[i], f->unit, GS_S("auto"));
	gs_buf_fill(out, ' ', out->n - start < 10 ? 10 - (out->n - start) : 1);
	if (f->base_total) {
		int64_t change = f->total[i] - f->base_total[i];

		start = out->n;
		if (change > 0)
			gs_buf_c(out, '+');
		gs_unit_label(out, change, f->unit, GS_S("auto"));
		gs_buf_fill(out, ' ', out->n - start < 11 ? 11 - (out->n - start) : 1);
	}
	gs_buf_fill(out, ' ', (size_t)depth * 2);
	gs_printable(out, f->names[f->name[i]].name);
	if (f->flags[i] & GS_FLAME_INLINED)
		gs_buf_z(out, " (inlined)");
	gs_buf_c(out, '\n');
}

void gs_flame_write_text(const gs_flame *f, gs_buf *out)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	uint32_t *first = gs_new(mem, uint32_t, f->n), *count = gs_new(mem, uint32_t, f->n), *done = gs_new(mem, uint32_t, f->n);
	int64_t least = f->n ? f->weight[0] / 200 : 0;
	unsigned depth = 0;

	for (uint32_t i = 1; i < f->n; i++)
		if (count[f->parent[i]]++ == 0)
			first[f->parent[i]] = i;
	for (uint32_t i = 0; f->n;) {
		if (done[i] == 0)
			line(f, i, depth, out);
		if (done[i] < count[i]) {
			uint32_t child = first[i] + done[i]++;

			if (f->weight[child] >= least) {
				i = child;
				depth++;
			}
			continue;
		}
		if (f->parent[i] == GS_FLAME_NO_PARENT)
			break;
		i = f->parent[i];
		depth--;
	}
}
