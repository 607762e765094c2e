#include <stdlib.h>

#include "analysis/layers.h"
#include "analysis/treemap.h"
#include "tap.h"

#include "base/banned.h"

/* Boxes do not overlap; every edge goes to the right but those that are marked, and its ends are at the boxes. */
static void check_drawing(const gs_layers *l)
{
	bool ends = true, forward = true, apart = true;

	for (uint32_t i = 0; i < l->n_nodes; i++)
		for (uint32_t k = 0; k < i; k++)
			apart &= l->layer[i] != l->layer[k] || l->at[i].y + l->node_h <= l->at[k].y + 0.01 ||
				 l->at[k].y + l->node_h <= l->at[i].y + 0.01;
	for (uint32_t i = 0; i < l->n_edges; i++) {
		const gs_layers_edge *e = &l->edges[i];
		const gs_layers_point *p = l->points + e->first_point;
		double from = e->is_back && e->from != e->to ? l->at[e->from].x : l->at[e->from].x + l->node_w;

		forward &= e->is_back ? l->layer[e->to] <= l->layer[e->from] : l->layer[e->to] > l->layer[e->from];
		ends &= e->n_points >= 2 && p[0].x == from && p[0].y > l->at[e->from].y && p[0].y < l->at[e->from].y + l->node_h &&
			p[e->n_points - 1].y > l->at[e->to].y && p[e->n_points - 1].y < l->at[e->to].y + l->node_h;
	}
	CHECK(apart);
	CHECK(forward);
	CHECK(ends);
}

static bool draw(gs_arena *mem, gs_layers *l, const uint32_t (*pairs)[2], uint32_t n)
{
	gs_err err;

	l->edges = gs_new(mem, gs_layers_edge, n);
	for (uint32_t i = 0; i < n; i++)
		l->edges[i] = (gs_layers_edge){ .from = pairs[i][0], .to = pairs[i][1] };
	l->n_edges = n;
	l->node_w = 100;
	l->node_h = 20;
	l->gap_x = 40;
	l->gap_y = 10;
	return gs_layers_lay_out(mem, l, &err);
}

TEST(edges_lead_to_the_right)
{
	static const uint32_t pairs[][2] = { { 0, 1 }, { 0, 2 }, { 1, 3 }, { 2, 3 }, { 0, 3 }, { 4, 3 } };
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_layers l = { .n_nodes = 5 };

	CHECK(draw(mem, &l, pairs, 6));
	check_drawing(&l);
	CHECK_INT(l.layer[3], 2);
	CHECK_INT(l.layer[4], 1); /* as near to what it leads to as it can be */
	CHECK_INT(l.edges[4].n_points, 3); /* it passes a layer */
	CHECK_INT(l.n_cycles, 0);
	CHECK_INT(l.width, 380);
	CHECK(l.height >= 50 && l.height <= 120);
}

TEST(cycles_are_found_and_cut_where_one_comes_in)
{
	/* 0 -> 1 -> 2 -> 3 -> 1, a loop at 4, and 5 <-> 6 that nothing leads to */
	static const uint32_t pairs[][2] = { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 1 }, { 3, 4 }, { 4, 4 }, { 5, 6 }, { 6, 5 } };
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_layers l = { .n_nodes = 7 };

	CHECK(draw(mem, &l, pairs, 8));
	check_drawing(&l);
	CHECK_INT(l.n_cycles, 3);
	CHECK_INT(l.cycle[0], 0);
	CHECK(l.cycle[1] && l.cycle[1] == l.cycle[2] && l.cycle[2] == l.cycle[3]);
	CHECK(l.cycle[4] && l.cycle[5] && l.cycle[5] == l.cycle[6] && l.cycle[5] != l.cycle[1] && l.cycle[4] != l.cycle[1]);
	CHECK(l.edges[3].is_back && l.edges[3].in_cycle && l.edges[1].in_cycle && !l.edges[1].is_back);
	CHECK(l.edges[5].is_back && l.edges[5].in_cycle);
	CHECK(!l.edges[0].in_cycle && !l.edges[4].in_cycle);
	CHECK(l.edges[6].is_back != l.edges[7].is_back);
}

TEST(any_graph_can_be_drawn)
{
	GS_AUTO(arena) *mem = gs_arena_create((uint64_t)1 << 30);
	uint64_t random = 12345;

	for (unsigned round = 0; round < 60; round++) {
		uint32_t pairs[400][2], n = 1 + round * 6;
		gs_layers l = { .n_nodes = 1 + round * 2 };

		for (uint32_t i = 0; i < n; i++)
			for (unsigned k = 0; k < 2; k++) {
				random = random * 6364136223846793005u + 1442695040888963407u;
				pairs[i][k] = (uint32_t)(random >> 33) % l.n_nodes;
			}
		CHECK(draw(mem, &l, (const uint32_t(*)[2])pairs, n));
		check_drawing(&l);
	}
}

TEST(a_drawing_of_nothing)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_layers none = { 0 }, one = { .n_nodes = 1 };

	CHECK(draw(mem, &none, NULL, 0));
	CHECK_INT(none.height, 0);
	CHECK(draw(mem, &one, NULL, 0));
	CHECK_INT(one.width, 100);
	CHECK_INT(one.height, 20);
}

TEST(squarified)
{
	/* The example of the paper: 6 x 4 cut into 6 6 4 3 2 2 1. */
	static const double values[] = { 6, 6, 4, 3, 2, 2, 1 };
	gs_tile_box out[7];
	double area = 0;

	gs_treemap_squarify(values, 7, (gs_tile_box){ 0, 0, 6, 4 }, out);
	for (unsigned i = 0; i < 7; i++) {
		CHECK(out[i].w * out[i].h > values[i] - 1e-9 && out[i].w * out[i].h < values[i] + 1e-9);
		CHECK(out[i].x >= 0 && out[i].y >= 0 && out[i].x + out[i].w <= 6 + 1e-9 && out[i].y + out[i].h <= 4 + 1e-9);
		area += out[i].w * out[i].h;
	}
	CHECK(area > 24 - 1e-9);
	CHECK(out[0].w == 3 && out[0].h == 2 && out[1].x == 0 && out[1].y == 2); /* the first two: one column */
	CHECK(out[2].x == 3 && out[2].y == 0 && out[3].y == 0);			  /* then a row of two */
	gs_treemap_squarify(values, 7, (gs_tile_box){ 1, 1, 0, 4 }, out);
	CHECK(out[0].w == 0 && out[6].w == 0);
	gs_treemap_squarify((const double[]){ 2, 0 }, 2, (gs_tile_box){ 0, 0, 2, 1 }, out);
	CHECK(out[0].w == 2 && out[1].w == 0 && out[1].h == 0);
}
