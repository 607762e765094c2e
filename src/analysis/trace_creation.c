#include "analysis/trace_creation.h"

#include <stdlib.h>

#include "base/buf.h"

enum { MAX_NODES = 1 << 26 };

/* What goes in front of the stacks of a goroutine. */
typedef struct context {
	uint32_t node;
	uint16_t depth; /* creators */
	uint8_t state;	/* 0 not known yet, 1 being found, 2 known */
} context;

struct gs_creation {
	const gs_timeline *t;
	const gs_profile *p;
	context *contexts; /* by goroutine */
	GS_VEC(gs_node) nodes; /* behind the profile's own */
	gs_map placed;	 /* context's node << 32 | node of the profile -> node */
	gs_map children; /* node << 32 | frame -> node behind the profile's own */
	GS_VEC(uint32_t) way;
};

static void release(void *ctx)
{
	gs_creation *c = ctx;

	gs_vec_release(&c->nodes);
	gs_vec_release(&c->way);
	gs_map_release(&c->placed);
	gs_map_release(&c->children);
}

static uint32_t child(gs_creation *c, uint32_t parent, uint32_t frame)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&c->children, (uint64_t)parent << 32 | frame, &is_new);
	gs_node *node;

	if (!slot)
		return GS_NO_ID;
	if (!is_new)
		return *slot;
	*slot = GS_NO_ID;
	node = gs_vec_push(&c->nodes, MAX_NODES);
	if (!node)
		return GS_NO_ID;
	*node = (gs_node){ parent, frame };
	*slot = c->p->n_nodes + (uint32_t)c->nodes.n - 1;
	return *slot;
}

/* The node of stack `node` of the profile behind that of `front`. */
static uint32_t place(gs_creation *c, uint32_t front, uint32_t node)
{
	uint32_t at = node, to;

	if (front == GS_ROOT_NODE || node == GS_ROOT_NODE)
		return front == GS_ROOT_NODE ? node : front;
	c->way.n = 0;
	for (;; at = c->p->nodes[at].parent) {
		const uint32_t *known = at ? gs_map_get(&c->placed, (uint64_t)front << 32 | at) : &front;
		uint32_t *step;

		if (known) {
			to = *known;
			break;
		}
		step = gs_vec_push(&c->way, MAX_NODES);
		if (!step)
			return GS_NO_ID;
		*step = at;
	}
	while (c->way.n && to != GS_NO_ID) {
		uint32_t step = c->way.p[--c->way.n], *slot;
		bool is_new;

		to = child(c, to, c->p->nodes[step].frame);
		slot = gs_map_put(&c->placed, (uint64_t)front << 32 | step, &is_new);
		if (!slot)
			return GS_NO_ID;
		*slot = to;
	}
	return to;
}

static context below(gs_creation *c, uint32_t goroutine, context creator)
{
	const gs_timeline_goroutine *g = &c->t->goroutines[goroutine];

	if (g->creator == GS_NO_INDEX || creator.depth == GS_MAX_CREATORS)
		return (context){ creator.node, creator.depth, 2 };
	return (context){ place(c, creator.node, g->create_stack), (uint16_t)(creator.depth + 1), 2 };
}

gs_creation *gs_creation_create(gs_arena *mem, const gs_timeline *t, const gs_profile *p)
{
	gs_creation *c = gs_try_new(mem, gs_creation, 1);
	GS_VEC(uint32_t) line = { 0 };
	bool ok;

	if (!c)
		return NULL;
	*c = (gs_creation){ .t = t, .p = p, .contexts = gs_try_new(mem, context, t->n_goroutines + 1u) };
	gs_arena_on_free(mem, release, c);
	ok = c->contexts != NULL;
	for (uint32_t g = 0; ok && g < t->n_goroutines; g++) {
		uint32_t at = g, *step;
		context front = { GS_ROOT_NODE, 0, 2 };

		for (; ok && at != GS_NO_INDEX && !c->contexts[at].state; at = t->goroutines[at].creator) {
			step = gs_vec_push(&line, UINT32_MAX - 1);
			ok = step != NULL;
			if (ok)
				*step = at;
			c->contexts[at].state = 1;
		}
		/* A broken trace may make a goroutine its own ancestor. */
		if (at != GS_NO_INDEX && c->contexts[at].state == 2)
			front = c->contexts[at];
		while (ok && line.n) {
			uint32_t index = line.p[--line.n];

			front = below(c, index, front);
			c->contexts[index] = front;
			ok = front.node != GS_NO_ID;
		}
	}
	gs_vec_release(&line);
	return ok ? c : NULL;
}

uint32_t gs_creation_node(gs_creation *c, uint32_t goroutine, uint32_t node)
{
	return place(c, goroutine == GS_NO_INDEX ? GS_ROOT_NODE : c->contexts[goroutine].node, node);
}

bool gs_creation_finish(gs_creation *c, gs_profile *p)
{
	uint64_t n = (uint64_t)c->p->n_nodes + c->nodes.n;
	gs_node *nodes = n < INT32_MAX ? gs_try_new(p->mem, gs_node, n) : NULL;

	if (!nodes)
		return false;
	memcpy(nodes, c->p->nodes, c->p->n_nodes * sizeof(*nodes));
	if (c->nodes.n)
		memcpy(nodes + c->p->n_nodes, c->nodes.p, c->nodes.n * sizeof(*nodes));
	p->nodes = nodes;
	p->n_nodes = (uint32_t)n;
	release(c);
	return true;
}
