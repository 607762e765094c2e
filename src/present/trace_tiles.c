#include <inttypes.h>
#include <math.h>

#include "present/trace_json.h"

#include "base/banned.h"

static const char *const track_names[] = { "states", "regions", "ranges", "logs", "samples", "hits", "tasks", "frames" };

enum { MAX_NAMED = 65536 };

/* Names and goroutines that the cells of one answer speak of: each is sent once. */
typedef struct refs {
	gs_arena *mem;
	const gs_lanes *l;
	gs_map name_index, goroutine_index;
	GS_VEC(gs_str) names;
	GS_VEC(uint32_t) goroutines;
} refs;

static uint32_t name_ref(refs *r, uint64_t key, gs_str s)
{
	bool is_new;
	uint32_t *at = gs_map_put(&r->name_index, key, &is_new);
	gs_str *slot;

	if (!at)
		return 0;
	if (!is_new)
		return *at;
	*at = (uint32_t)r->names.n;
	slot = gs_vec_push(&r->names, UINT32_MAX);
	if (slot)
		*slot = s;
	return *at;
}

static void goroutine_ref(refs *r, uint32_t g)
{
	bool is_new;
	uint32_t *slot;

	if (g == GS_NO_INDEX || r->goroutines.n >= MAX_NAMED || !gs_map_put(&r->goroutine_index, g, &is_new) || !is_new)
		return;
	slot = gs_vec_push(&r->goroutines, MAX_NAMED);
	if (slot)
		*slot = g;
}

static gs_str leaf_name(const gs_lanes *l, uint32_t node)
{
	const gs_profile *p = gs_lanes_profile(l);

	if (node == GS_ROOT_NODE)
		return (gs_str){ 0 };
	return gs_profile_str(p, p->functions[p->frames[p->nodes[node].frame].function].name);
}

/* Keys of names: string ids, and apart from them logs. */
#define LOG_KEY ((uint64_t)1 << 32)

/* What `value` of a cell is in the answer. */
static uint32_t value_of(refs *r, const gs_tile_answer *a, const gs_track *t, const gs_cell *c)
{
	const gs_timeline *tl = gs_lanes_timeline(r->l);
	const gs_profile *p = gs_lanes_profile(r->l);

	switch (t->kind) {
	case GS_TRACK_STATES:
		if (a->lanes[t->lane].p[0] != 'g' || c->state == GS_LANE_RUNNABLE)
			goroutine_ref(r, c->value);
		return c->value;
	case GS_TRACK_REGIONS:
	case GS_TRACK_RANGES:
	case GS_TRACK_FRAMES:
		return name_ref(r, c->value, gs_profile_str(p, c->value));
	case GS_TRACK_LOGS: {
		const gs_timeline_log *log = &tl->logs[c->value];
		gs_str key = gs_profile_str(p, log->key), value = gs_profile_str(p, log->value);

		return name_ref(r, LOG_KEY + c->value,
				key.n ? gs_strf(r->mem, "%.*s: %.*s", GS_FMT(gs_str_slice(key, 0, 200)), GS_FMT(gs_str_slice(value, 0, 1000))) : value);
	}
	case GS_TRACK_SAMPLES: {
		uint32_t leaf = c->value;
		uint32_t name = leaf == GS_ROOT_NODE ? 0 : p->functions[p->frames[p->nodes[leaf].frame].function].name;

		return name_ref(r, name, leaf_name(r->l, leaf));
	}
	case GS_TRACK_TASKS:
		return name_ref(r, tl->tasks[c->value].name, gs_profile_str(p, tl->tasks[c->value].name));
	case GS_TRACK_HITS:
		break;
	}
	return c->value;
}

static uint32_t *values_of(refs *r, const gs_tile_answer *a)
{
	uint32_t *out = gs_try_new(r->mem, uint32_t, a->tiles->cells.n);

	for (size_t i = 0; out && i < a->tiles->tracks.n; i++) {
		const gs_track *t = &a->tiles->tracks.p[i];

		for (uint32_t k = t->first; k < t->first + t->n; k++)
			out[k] = value_of(r, a, t, &a->tiles->cells.p[k]);
	}
	return out;
}

static void put_head(gs_json *j, const refs *r, const gs_tile_answer *a)
{
	const gs_timeline *t = gs_lanes_timeline(r->l);
	uint32_t at = 0;

	gs_json_ki64(j, "from_ns", a->window.from_ns);
	gs_json_ki64(j, "to_ns", a->window.to_ns);
	gs_json_ki64(j, "cell_ns", a->window.cell_ns);
	gs_json_key(j, "lanes");
	gs_json_array(j);
	for (uint32_t i = 0; i < a->n_lanes; i++)
		gs_json_str(j, a->lanes[i]);
	gs_json_array_end(j);
	if (a->hit_ns) {
		gs_json_key(j, "hit_ns");
		gs_json_array(j);
		for (uint32_t i = 0; i < a->n_lanes; i++)
			gs_json_i64(j, a->hit_ns[i]);
		gs_json_array_end(j);
	}
	gs_json_key(j, "states");
	gs_json_array(j);
	for (unsigned s = 0; s < GS_N_LANE_STATES; s++)
		gs_json_str(j, gs_str_of(gs_lane_state_name((gs_lane_state)s)));
	gs_json_array_end(j);
	gs_json_key(j, "reasons");
	gs_json_array(j);
	for (uint32_t i = 0; i < t->n_reasons; i++)
		gs_json_str(j, gs_profile_str(gs_lanes_profile(r->l), t->reasons[i]));
	gs_json_array_end(j);
	gs_json_key(j, "names");
	gs_json_array(j);
	for (size_t i = 0; i < r->names.n; i++)
		gs_json_str(j, r->names.p[i]);
	gs_json_array_end(j);
	gs_json_key(j, "goroutines");
	gs_json_array(j);
	for (size_t i = 0; i < r->goroutines.n; i++) {
		const gs_timeline_goroutine *g = &t->goroutines[r->goroutines.p[i]];

		gs_json_object(j);
		gs_json_ku64(j, "index", r->goroutines.p[i]);
		gs_json_ku64(j, "id", g->id);
		gs_json_kstr(j, "name", gs_profile_str(gs_lanes_profile(r->l), g->name));
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "curves");
	gs_json_array(j);
	for (uint32_t i = 0; i < a->n_curves; i++) {
		const gs_tile_curve *c = &a->curves[i];
		gs_str rest = gs_str_of(c->series), word;

		gs_json_object(j);
		gs_json_ku64(j, "lane", c->lane);
		gs_json_key(j, "series");
		gs_json_array(j);
		for (bool more = true; more;) {
			more = gs_str_cut(rest, ' ', &word, &rest);
			gs_json_str(j, word);
		}
		gs_json_array_end(j);
		gs_json_ku64(j, "first", at);
		gs_json_ku64(j, "n", c->n);
		gs_json_object_end(j);
		at += c->n * c->n_series;
	}
	gs_json_array_end(j);
}

static void put_track_head(gs_json *j, const gs_track *t)
{
	gs_json_kstr(j, "kind", gs_str_of(track_names[t->kind]));
	gs_json_key(j, "lane");
	gs_json_u64(j, t->lane);
	gs_json_ku64(j, "depth", t->depth);
}

static void put_cell(gs_json *j, const gs_lanes *l, const refs *r, const gs_tile_answer *a, const gs_track *t, uint32_t at,
		     const uint32_t *values)
{
	const gs_cell *c = &a->tiles->cells.p[at];
	const gs_timeline *tl = gs_lanes_timeline(l);

	gs_json_object(j);
	gs_json_ki64(j, "start_ns", c->start_ns);
	gs_json_ki64(j, "end_ns", c->end_ns);
	gs_json_ku64(j, "count", c->count);
	if (t->kind == GS_TRACK_STATES || t->kind == GS_TRACK_HITS)
		gs_json_kstr(j, "state", gs_str_of(gs_lane_state_name((gs_lane_state)c->state)));
	if (c->reason && c->reason < tl->n_reasons)
		gs_json_kstr(j, "reason", gs_profile_str(gs_lanes_profile(l), tl->reasons[c->reason]));
	if (c->flags & GS_CELL_MERGED && (t->kind == GS_TRACK_STATES || t->kind == GS_TRACK_HITS)) {
		gs_json_key(j, "shares");
		gs_json_object(j);
		for (unsigned s = 0; s < GS_N_LANE_STATES; s++)
			if (c->shares[s])
				gs_json_kf64(j, gs_lane_state_name((gs_lane_state)s), round(c->shares[s] / 255.0 * 1000) / 1000);
		gs_json_object_end(j);
	}
	if (t->kind != GS_TRACK_STATES && t->kind != GS_TRACK_HITS)
		gs_json_kstr(j, "name", r->names.p[values[at]]);
	else if (c->value != GS_NO_INDEX && t->kind == GS_TRACK_STATES)
		gs_json_ku64(j, "value", values[at]);
	if (c->stack != GS_ROOT_NODE)
		gs_json_kstr(j, "leaf", leaf_name(l, c->stack));
	gs_json_object_end(j);
}

static void release(refs *r)
{
	gs_map_release(&r->name_index);
	gs_map_release(&r->goroutine_index);
	gs_vec_release(&r->names);
	gs_vec_release(&r->goroutines);
}

void gs_tiles_write_json(gs_arena *mem, const gs_lanes *l, const gs_tile_answer *a, gs_buf *out)
{
	gs_json json = gs_json_to(out), *j = &json;
	refs r = { .mem = mem, .l = l };
	uint32_t *values = values_of(&r, a);

	if (!values) {
		out->bad = true;
		release(&r);
		return;
	}
	gs_json_object(j);
	put_head(j, &r, a);
	gs_json_key(j, "tracks");
	gs_json_array(j);
	for (size_t i = 0; i < a->tiles->tracks.n; i++) {
		const gs_track *t = &a->tiles->tracks.p[i];

		gs_json_object(j);
		put_track_head(j, t);
		gs_json_key(j, "cells");
		gs_json_array(j);
		for (uint32_t k = t->first; k < t->first + t->n; k++)
			put_cell(j, l, &r, a, t, k, values);
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "values");
	gs_json_array(j);
	for (uint32_t i = 0; i < a->n_curves; i++)
		for (uint32_t k = 0; k < a->curves[i].n * a->curves[i].n_series; k++)
			gs_json_f64(j, a->curves[i].values[k]);
	gs_json_array_end(j);
	gs_json_object_end(j);
	release(&r);
}

static void put_u32(gs_buf *out, uint32_t v)
{
	const uint8_t bytes[] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	gs_buf_add(out, bytes, sizeof(bytes));
}

static void put_f64(gs_buf *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_u32(out, (uint32_t)bits);
	put_u32(out, (uint32_t)(bits >> 32));
}

static void pad(gs_buf *out, size_t from, char with)
{
	gs_buf_fill(out, with, (8 - (out->n - from) % 8) % 8);
}

void gs_tiles_write_frames(gs_arena *mem, const gs_lanes *l, const gs_tile_answer *a, gs_buf *out)
{
	const gs_cell *cells = a->tiles->cells.p;
	uint32_t n = (uint32_t)a->tiles->cells.n;
	refs r = { .mem = mem, .l = l };
	uint32_t *values = values_of(&r, a);
	size_t length_at, start;
	gs_json j = gs_json_to(out);

	if (!values) {
		out->bad = true;
		release(&r);
		return;
	}
	gs_buf_z(out, "GST1");
	put_u32(out, 1);
	put_u32(out, n);
	put_u32(out, (uint32_t)a->tiles->tracks.n);
	length_at = out->n;
	put_u32(out, 0);
	put_u32(out, 0);
	start = out->n;
	gs_json_object(&j);
	put_head(&j, &r, a);
	gs_json_key(&j, "tracks");
	gs_json_array(&j);
	for (size_t i = 0; i < a->tiles->tracks.n; i++) {
		const gs_track *t = &a->tiles->tracks.p[i];

		gs_json_object(&j);
		put_track_head(&j, t);
		gs_json_ku64(&j, "first", t->first);
		gs_json_ku64(&j, "n", t->n);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	pad(out, start, ' ');
	release(&r);
	if (out->bad)
		return;
	for (unsigned i = 0; i < 4; i++)
		out->p[length_at + i] = (char)((out->n - start) >> (8 * i));
	for (uint32_t i = 0; i < n; i++)
		put_f64(out, (double)cells[i].start_ns);
	for (uint32_t i = 0; i < n; i++)
		put_f64(out, (double)cells[i].end_ns);
	for (uint32_t i = 0; i < n; i++)
		put_u32(out, cells[i].state | (uint32_t)cells[i].reason << 8 | (uint32_t)cells[i].flags << 16);
	pad(out, start, 0);
	for (uint32_t i = 0; i < n; i++)
		put_u32(out, cells[i].count);
	pad(out, start, 0);
	for (uint32_t i = 0; i < n; i++)
		put_u32(out, values[i]);
	pad(out, start, 0);
	for (uint32_t i = 0; i < n; i++)
		gs_buf_add(out, cells[i].shares, sizeof(cells[i].shares));
	pad(out, start, 0);
	for (uint32_t i = 0; i < a->n_curves; i++)
		for (uint32_t k = 0; k < a->curves[i].n * a->curves[i].n_series; k++) {
			uint32_t bits;

			memcpy(&bits, &a->curves[i].values[k], sizeof(bits));
			put_u32(out, bits);
		}
}
