/* Makes a chunk of a timeline from plain columns. For tests and for bench/tiles. */
#ifndef GS_TESTS_TIMELINE_COLUMNS_H
#define GS_TESTS_TIMELINE_COLUMNS_H

#include "base/map.h"
#include "model/timeline.h"

typedef struct columns {
	const uint32_t *offset_ns, *stack, *peer;
	const uint8_t *phase, *reason;
	const uint16_t *proc, *thread;
} columns;

static gs_timeline_chunk columns_chunk(gs_arena *mem, const columns *from, uint32_t n)
{
	uint8_t *kind = gs_new(mem, uint8_t, n);
	uint16_t *rare = gs_new(mem, uint16_t, n), *place = gs_new(mem, uint16_t, n);
	gs_timeline_kind *kinds = gs_new(mem, gs_timeline_kind, UINT16_MAX + 1);
	gs_timeline_place *places = gs_new(mem, gs_timeline_place, UINT16_MAX + 1);
	uint32_t *peers = gs_new(mem, uint32_t, n), *before = gs_new(mem, uint32_t, n / 64 + 1), n_peers = 0;
	uint32_t *rare_before = gs_new(mem, uint32_t, n / 64 + 1), n_rare = 0;
	gs_map kind_of = { 0 }, place_of = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		uint8_t flags = from->peer[i] == GS_NO_INDEX ? 0 : GS_KIND_HAS_PEER;
		uint32_t n_kinds = kind_of.n, n_places = place_of.n, *at;
		bool is_new;

		at = gs_map_put(&kind_of, (uint64_t)from->stack[i] << 24 | (uint32_t)flags << 16 | (uint32_t)from->phase[i] << 8 | from->reason[i],
				&is_new);
		if (is_new)
			*at = n_kinds;
		kinds[*at] = (gs_timeline_kind){ from->stack[i], from->phase[i], from->reason[i], flags };
		if (i % 64 == 0)
			rare_before[i / 64] = n_rare;
		kind[i] = (uint8_t)(*at < GS_KIND_IS_RARE ? *at : GS_KIND_IS_RARE);
		if (*at >= GS_KIND_IS_RARE)
			rare[n_rare++] = (uint16_t)*at;
		at = gs_map_put(&place_of, (uint64_t)from->proc[i] << 16 | from->thread[i], &is_new);
		if (is_new)
			*at = n_places;
		places[*at] = (gs_timeline_place){ from->proc[i], from->thread[i] };
		place[i] = (uint16_t)*at;
		if (i % 64 == 0)
			before[i / 64] = n_peers;
		if (flags)
			peers[n_peers++] = from->peer[i];
	}
	gs_map_release(&kind_of);
	gs_map_release(&place_of);
	return (gs_timeline_chunk){ .n = n, .offset_ns = from->offset_ns, .kind = kind, .rare_kinds = rare, .rare_before = rare_before, .place16 = place, .peers = peers,
				    .peers_before = before, .kinds = kinds, .places = places };
}

#endif
