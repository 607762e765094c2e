#include "present/heap_treemap.h"

#include <math.h>

#include "analysis/units.h"
#include "base/json.h"
#include "present/markup.h"

#include "base/banned.h"

#define CHAR_PX 6.3

static double px(double v)
{
	return round(v * 100) / 100;
}

/* What is around what is shown, the outermost first. */
static uint32_t crumbs_of(gs_arena *scratch, const gs_heap_index *x, const gs_heap_map_query *q, uint32_t root, uint32_t **out)
{
	uint32_t n = 0, i;

	for (uint32_t v = root; v != GS_HEAP_NONE; v = gs_heap_map_above(x, q->by_object, v))
		n++;
	*out = gs_new(scratch, uint32_t, n);
	i = n;
	for (uint32_t v = root; v != GS_HEAP_NONE; v = gs_heap_map_above(x, q->by_object, v))
		(*out)[--i] = v;
	return n;
}

static void put_address(gs_json *j, gs_arena *scratch, const gs_heap_index *x, const gs_heap_map_query *q, uint32_t node)
{
	if (q->by_object && node < x->heap->n_objects)
		gs_json_kstr(j, "address", gs_strf(scratch, "0x%llx", (unsigned long long)gs_heap_addr(x->heap, node)));
}

static void put_box(gs_json *j, gs_arena *scratch, const gs_heap_index *x, const gs_heap_map_query *q, const gs_heap_box *b)
{
	gs_json_object(j);
	if (b->node != GS_HEAP_NONE) {
		gs_json_ku64(j, "id", b->node);
		gs_json_kstr(j, "name", gs_heap_map_name(x, q->by_object, b->node));
		put_address(j, scratch, x, q, b->node);
		if (!q->by_object)
			gs_json_ku64(j, "count", x->held.steps[b->node].count);
	}
	gs_json_ku64(j, "parent", b->parent);
	gs_json_ku64(j, "depth", b->depth);
	gs_json_ku64(j, "children", b->n_children);
	gs_json_ku64(j, "bytes", b->bytes);
	gs_json_ku64(j, "own_bytes", b->own_bytes);
	gs_json_kf64(j, "x", px(b->at.x));
	gs_json_kf64(j, "y", px(b->at.y));
	gs_json_kf64(j, "w", px(b->at.w));
	gs_json_kf64(j, "h", px(b->at.h));
	gs_json_kbool(j, "head", b->has_head);
	gs_json_kbool(j, "open", b->is_open);
	gs_json_object_end(j);
}

void gs_heap_map_json(gs_buf *out, gs_arena *scratch, const gs_heap_index *x, const gs_heap_map_query *q, const gs_heap_map *map)
{
	gs_json json = gs_json_to(out), *j = &json;
	uint32_t *crumbs, n = crumbs_of(scratch, x, q, map->boxes[0].node, &crumbs);
	/* A long list is as deep as it is long. */
	enum { MAX_CRUMBS = 40 };

	gs_json_object(j);
	gs_json_kstr(j, "by", q->by_object ? GS_S("object") : GS_S("name"));
	gs_json_ku64(j, "of_bytes", x->heap->totals.live_bytes);
	gs_json_kf64(j, "width", q->width);
	gs_json_kf64(j, "height", q->height);
	gs_json_ku64(j, "n_crumbs", n);
	gs_json_key(j, "crumbs");
	gs_json_array(j);
	for (uint32_t i = 0; i < n; i++) {
		if (n > MAX_CRUMBS && i >= MAX_CRUMBS / 2 && i < n - MAX_CRUMBS / 2)
			continue;
		gs_json_object(j);
		gs_json_ku64(j, "id", crumbs[i]);
		gs_json_kstr(j, "name", gs_heap_map_name(x, q->by_object, crumbs[i]));
		put_address(j, scratch, x, q, crumbs[i]);
		gs_json_ku64(j, "bytes", q->by_object ? gs_dominators_retained(&x->dominators, crumbs[i]) : x->held.steps[crumbs[i]].bytes);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "boxes");
	gs_json_array(j);
	for (uint32_t i = 0; i < map->n; i++)
		put_box(j, scratch, x, q, &map->boxes[i]);
	gs_json_array_end(j);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}

/* Hue by the name, lighter with depth. */
static void put_colour(gs_buf *out, const gs_heap_index *x, const gs_heap_map_query *q, const gs_heap_box *b)
{
	gs_str name;

	if (b->node == GS_HEAP_NONE || !b->depth) {
		gs_buf_z(out, b->depth ? "#e3e5e8" : "#f3f4f6");
		return;
	}
	name = gs_heap_map_name(x, q->by_object, b->node);
	gs_buf_f(out, "hsl(%u,%u%%,%u%%)", (unsigned)(40 + gs_str_hash(name) % 281), 46, 76 + (b->depth % 4) * 4);
}

static void put_text(gs_buf *out, const gs_heap_box *b, gs_str name)
{
	double room = b->at.w - 8;
	size_t fits = room > 0 ? (size_t)(room / CHAR_PX) : 0;

	if (b->at.h < 14 || fits < 3)
		return;
	gs_buf_f(out, "<text x=\"%.2f\" y=\"%.2f\">", b->at.x + 4, b->at.y + 13);
	if (fits >= name.n) {
		gs_markup_text(out, name);
	} else {
		/* The end tells more than the beginning; not in the middle of a character. */
		gs_str tail = gs_str_skip(name, name.n - (fits - 1));

		while (tail.n && ((unsigned char)tail.p[0] & 0xc0) == 0x80)
			tail = gs_str_skip(tail, 1);
		gs_buf_z(out, "\xe2\x80\xa6");
		gs_markup_text(out, tail);
	}
	gs_buf_z(out, "</text>\n");
}

void gs_heap_map_svg(gs_buf *out, const gs_heap_index *x, const gs_heap_map_query *q, const gs_heap_map *map)
{
	gs_buf_f(out,
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
		 "font-family=\"system-ui,sans-serif\" font-size=\"11\">\n",
		 q->width, q->height, q->width, q->height);
	for (uint32_t i = 0; i < map->n; i++) {
		const gs_heap_box *b = &map->boxes[i];
		gs_str name = b->node == GS_HEAP_NONE ? GS_S("") : gs_heap_map_name(x, q->by_object, b->node);

		gs_buf_f(out, "<g><rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" stroke=\"#fff\" stroke-width=\"0.7\" fill=\"", b->at.x, b->at.y,
			 b->at.w, b->at.h);
		put_colour(out, x, q, b);
		gs_buf_z(out, "\"><title>");
		if (b->node == GS_HEAP_NONE)
			gs_buf_f(out, "%u smaller", b->n_children);
		else
			gs_markup_text(out, name);
		gs_buf_z(out, ": ");
		gs_unit_label(out, (int64_t)b->bytes, GS_S("bytes"), GS_S("auto"));
		if (b->own_bytes && b->own_bytes != b->bytes) {
			gs_buf_z(out, ", itself ");
			gs_unit_label(out, (int64_t)b->own_bytes, GS_S("bytes"), GS_S("auto"));
		}
		gs_buf_z(out, "</title></rect>");
		if (b->has_head || !b->is_open)
			put_text(out, b, name);
		gs_buf_z(out, "</g>\n");
	}
	gs_buf_z(out, "</svg>\n");
}
