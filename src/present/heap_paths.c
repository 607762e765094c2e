#include "present/heap_paths.h"

#include "analysis/units.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

static int by_bytes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Fewest bytes that a row needs to be shown. A parent has no less than its children, so that a tree stays one. */
static uint64_t threshold(gs_arena *mem, const gs_heap_paths *p, const gs_heap_paths_style *style)
{
	uint64_t *bytes, least = style->min_bytes;
	uint32_t n = 0;

	if (!style->max_rows || p->n <= style->max_rows)
		return least;
	bytes = gs_try_new(mem, uint64_t, p->n);
	if (!bytes)
		return least;
	for (uint32_t i = 1; i < p->n; i++)
		if (!style->max_depth || p->steps[i].depth <= style->max_depth)
			bytes[n++] = p->steps[i].bytes;
	if (n <= style->max_rows)
		return least;
	qsort(bytes, n, sizeof(*bytes), by_bytes);
	return bytes[style->max_rows - 1] > least ? bytes[style->max_rows - 1] : least;
}

/* Steps of equally many bytes as the last that fits are shown too: a child may have as many as its parent. */
static bool is_shown(const gs_heap_step *s, const gs_heap_paths_style *style, uint64_t least)
{
	return s->bytes >= least && (!style->max_depth || s->depth <= style->max_depth);
}

void gs_heap_paths_text(gs_buf *out, gs_arena *mem, const gs_heap_paths *p, const gs_heap_names *names,
			const gs_heap_paths_style *style)
{
	uint64_t least = threshold(mem, p, style);
	uint32_t n = 0;
	gs_buf table;

	gs_buf_init(&table, (size_t)1 << 30);
	gs_buf_f(&table, "%s\t\tcount\town\town count\t  held by\n", style->bytes_name);
	for (uint32_t i = 0; i + 1 < p->n; i++) {
		const gs_heap_step *s = &p->steps[p->order[i]];

		if (!is_shown(s, style, least))
			continue;
		n++;
		gs_unit_label(&table, (int64_t)s->bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_c(&table, '\t');
		gs_share(&table, (int64_t)s->bytes, (int64_t)style->of_bytes);
		gs_buf_f(&table, "\t%llu\t", (unsigned long long)s->count);
		gs_unit_label(&table, (int64_t)s->own_bytes, GS_S("bytes"), GS_S("auto"));
		gs_buf_f(&table, "\t%llu\t  ", (unsigned long long)s->own_count);
		for (uint32_t d = 1; d < s->depth; d++)
			gs_buf_z(&table, "  ");
		gs_printable(&table, gs_strtab_get(&names->strings, s->name));
		if (s->n_holders > 1)
			gs_buf_f(&table, " (%u)", s->n_holders);
		gs_buf_c(&table, '\n');
	}
	gs_tabs_align_right(out, gs_buf_view(&table));
	if (n + 1 < p->n)
		gs_buf_f(out, "and %u smaller or deeper steps (-n 0 --depth 0 --min 0 shows all)\n", p->n - 1 - n);
	gs_buf_release(&table);
}

void gs_heap_paths_json(gs_json *j, gs_arena *mem, const gs_heap_paths *p, const gs_heap_names *names,
			const gs_heap_paths_style *style)
{
	uint64_t least = threshold(mem, p, style);

	gs_json_ku64(j, "count", p->steps[0].count);
	gs_json_ku64(j, "bytes", p->steps[0].bytes);
	gs_json_ku64(j, "of_bytes", style->of_bytes);
	gs_json_ku64(j, "n_steps", p->n - 1);
	gs_json_key(j, "steps");
	gs_json_array(j);
	for (uint32_t i = 0; i + 1 < p->n; i++) {
		const gs_heap_step *s = &p->steps[p->order[i]];

		if (!is_shown(s, style, least))
			continue;
		gs_json_object(j);
		gs_json_ku64(j, "id", p->order[i]);
		gs_json_ku64(j, "parent", s->parent);
		gs_json_ku64(j, "depth", s->depth);
		gs_json_kstr(j, "name", gs_strtab_get(&names->strings, s->name));
		gs_json_ku64(j, "holders", s->n_holders);
		gs_json_ku64(j, "count", s->count);
		gs_json_ku64(j, "bytes", s->bytes);
		gs_json_ku64(j, "own_count", s->own_count);
		gs_json_ku64(j, "own_bytes", s->own_bytes);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}
