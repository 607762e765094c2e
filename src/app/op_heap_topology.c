/* gospect heap topology: what points to what around an object or a type, drawn. */
#include <math.h>

#include "analysis/heap_topology.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "base/json.h"
#include "present/printable.h"

#include "base/banned.h"

enum { MAX_FAN = 100, MAX_NODE_PX = 2000 };

static const gs_arg args[] = {
	{ "address", GS_ARG_STRING, .unit = "address", .short_name = 'a', .help = "around the object that this address is in: 0xc000012340" },
	{ "type", GS_ARG_REGEX, .unit = "regexp", .short_name = 't', .help = "around the types that match, by type: how their objects point to each other" },
	{ "open", GS_ARG_LIST, .unit = "id", .help = "show the neighbours of this node too: an id of an earlier answer, or an address" },
	{ "limit", GS_ARG_INT, .def = "80", .unit = "nodes", .short_name = 'n', .help = "at most so many (200 at most)" },
	{ "fan", GS_ARG_INT, .def = "8", .unit = "nodes", .help = "how many neighbours of a node on each side, those that retain most" },
	{ "node-width", GS_ARG_INT, .def = "210", .unit = "pixels", .help = "of a box in the drawing" },
	{ "node-height", GS_ARG_INT, .def = "40", .unit = "pixels", .help = "of a box in the drawing" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

typedef struct answer {
	const gs_heap_index *x;
	const gs_topology_query *q;
	gs_topology t;
} answer;

static gs_str name_of(const answer *a, uint32_t id)
{
	const gs_heap_index *x = a->x;
	uint32_t n = x->dominators.n_objects;

	if (!a->q->by_type)
		id = id < n ? x->names->of_type[gs_heap_type_of(x->heap, id)] : x->names->of_holder[id - n];
	return gs_strtab_get(&x->names->strings, id);
}

static bool is_object(const answer *a, const gs_topology_node *v)
{
	return !a->q->by_type && !v->is_holder;
}

static void put_node(gs_op_call *call, gs_json *j, const answer *a, uint32_t i)
{
	const gs_topology_node *v = &a->t.nodes[i];
	const gs_layers *p = &a->t.picture;

	gs_json_object(j);
	gs_json_ku64(j, "id", v->id);
	gs_json_kstr(j, "kind", v->is_holder ? GS_S("holder") : a->q->by_type ? GS_S("type") : GS_S("object"));
	gs_json_kstr(j, "name", name_of(a, v->id));
	if (is_object(a, v))
		gs_json_kstr(j, "address", gs_strf(call->mem, "0x%llx", (unsigned long long)gs_heap_addr(a->x->heap, v->id)));
	if (a->q->by_type)
		gs_json_ku64(j, "count", v->count);
	else
		gs_json_ku64(j, "retained_bytes", v->retained_bytes);
	gs_json_ku64(j, "own_bytes", v->own_bytes);
	gs_json_ku64(j, "in", v->n_in);
	gs_json_ku64(j, "out", v->n_out);
	gs_json_ku64(j, "in_shown", v->in_shown);
	gs_json_ku64(j, "out_shown", v->out_shown);
	gs_json_kbool(j, "is_focus", v->is_focus);
	gs_json_kbool(j, "is_open", v->is_open);
	gs_json_kbool(j, "is_on_path", v->is_on_path);
	gs_json_ku64(j, "cycle", p->cycle[i]);
	gs_json_ku64(j, "layer", p->layer[i]);
	gs_json_kf64(j, "x", round(p->at[i].x));
	gs_json_kf64(j, "y", round(p->at[i].y));
	gs_json_object_end(j);
}

static void put_edge(gs_json *j, const answer *a, uint32_t i)
{
	const gs_layers *p = &a->t.picture;
	const gs_layers_edge *e = &p->edges[i];

	gs_json_object(j);
	gs_json_ku64(j, "from", e->from);
	gs_json_ku64(j, "to", e->to);
	gs_json_ku64(j, "count", a->t.edges[i].count);
	gs_json_kbool(j, "is_back", e->is_back);
	gs_json_kbool(j, "in_cycle", e->in_cycle);
	gs_json_key(j, "points");
	gs_json_array(j);
	for (uint32_t k = 0; k < e->n_points; k++) {
		gs_json_f64(j, round(p->points[e->first_point + k].x));
		gs_json_f64(j, round(p->points[e->first_point + k].y));
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
}

static void json(gs_op_call *call, const answer *a)
{
	const gs_layers *p = &a->t.picture;
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_kstr(&j, "by", a->q->by_type ? GS_S("type") : GS_S("object"));
	gs_json_kf64(&j, "width", round(p->width));
	gs_json_kf64(&j, "height", round(p->height));
	gs_json_kf64(&j, "node_width", p->node_w);
	gs_json_kf64(&j, "node_height", p->node_h);
	gs_json_ku64(&j, "cycles", p->n_cycles);
	gs_json_kbool(&j, "is_cut", a->t.is_cut);
	gs_json_key(&j, "nodes");
	gs_json_array(&j);
	for (uint32_t i = 0; i < p->n_nodes; i++)
		put_node(call, &j, a, i);
	gs_json_array_end(&j);
	gs_json_key(&j, "edges");
	gs_json_array(&j);
	for (uint32_t i = 0; i < p->n_edges; i++)
		put_edge(&j, a, i);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static void label(gs_buf *out, const answer *a, uint32_t i)
{
	const gs_topology_node *v = &a->t.nodes[i];

	if (is_object(a, v))
		gs_buf_f(out, "0x%llx ", (unsigned long long)gs_heap_addr(a->x->heap, v->id));
	gs_printable(out, name_of(a, v->id));
}

static void text(gs_op_call *call, const answer *a)
{
	const gs_layers *p = &a->t.picture;
	gs_buf *out = call->out;

	for (uint32_t i = 0; i < p->n_nodes; i++) {
		const gs_topology_node *v = &a->t.nodes[i];

		label(out, a, i);
		if (a->q->by_type && !v->is_holder)
			gs_buf_f(out, ", %llu objects", (unsigned long long)v->count);
		gs_buf_z(out, a->q->by_type ? ", " : ", retains ");
		gs_unit_label(out, (int64_t)(a->q->by_type ? v->own_bytes : v->retained_bytes), GS_S("bytes"), GS_S("auto"));
		if (p->cycle[i])
			gs_buf_f(out, ", in cycle %u", p->cycle[i]);
		if (v->n_in > v->in_shown)
			gs_buf_f(out, ", %u more point to it", v->n_in - v->in_shown);
		gs_buf_c(out, '\n');
		for (uint32_t k = 0; k < p->n_edges; k++) {
			if (p->edges[k].from != i)
				continue;
			gs_buf_z(out, "  -> ");
			label(out, a, p->edges[k].to);
			if (a->t.edges[k].count > 1)
				gs_buf_f(out, " (%llu)", (unsigned long long)a->t.edges[k].count);
			gs_buf_c(out, '\n');
		}
		if (v->n_out > v->out_shown)
			gs_buf_f(out, "  -> %u more\n", v->n_out - v->out_shown);
	}
	if (a->t.is_cut)
		gs_buf_z(out, "There is more around it (--max, --fan).\n");
}

static bool read_open(gs_op_call *call, const gs_heap_index *x, gs_topology_query *q, gs_err *err)
{
	unsigned n;
	const gs_str *list = gs_call_list(call, "open", &n);
	uint32_t *open;

	if (n > GS_TOPOLOGY_MAX_OPEN)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-topology: at most %d nodes can be open", GS_TOPOLOGY_MAX_OPEN);
	open = gs_new(call->mem, uint32_t, n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t v;

		if (!gs_str_u64(list[i], 0, &v))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-topology: open must be an id or an address, not \"%.*s\"", GS_FMT(list[i]));
		if (gs_str_starts(list[i], GS_S("0x")))
			v = gs_heap_find(x->heap, v);
		open[i] = v < GS_HEAP_NONE ? (uint32_t)v : GS_HEAP_NONE;
	}
	q->open = open;
	q->n_open = n;
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t max = gs_call_int(call, "limit"), fan = gs_call_int(call, "fan"), w = gs_call_int(call, "node-width"), h = gs_call_int(call, "node-height");
	gs_topology_query q = { .types = gs_call_regex(call, "type"), .max_nodes = (uint32_t)max, .fan = (uint32_t)fan,
				.node_w = (double)w, .node_h = (double)h };
	answer a = { .q = &q };

	q.by_type = q.types;
	if (!q.types == !gs_call_str(call, "address").n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-topology needs --type or --address: around what?");
	if (max < 1 || max > GS_TOPOLOGY_MAX_NODES || fan < 1 || fan > MAX_FAN || w < 1 || h < 1 || w > MAX_NODE_PX || h > MAX_NODE_PX)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-topology: 1 to %d nodes, a fan of 1 to %d, boxes of 1 to %d pixels",
			       GS_TOPOLOGY_MAX_NODES, MAX_FAN, MAX_NODE_PX);
	a.x = gs_call_heap_index(call, err);
	if (!a.x || (!q.by_type && !gs_call_heap_object(call, a.x->heap, &q.focus, err)) || !read_open(call, a.x, &q, err) ||
	    !gs_heap_topology(call->mem, a.x, &q, &a.t, err))
		return false;
	if (strcmp(call->format, "json") == 0)
		json(call, &a);
	else
		text(call, &a);
	return true;
}

extern const gs_op gs_op_heap_topology;
const gs_op gs_op_heap_topology = {
	.name = "heap-topology",
	.summary = "what points to what around an object or a type of a Go program's heap",
	.help = "A piece of the graph of references. Around an object: the way that keeps it alive, who else points to it, what it points to; around a type: types, with the number of\n"
		"pointers between their objects. As json it is laid out in layers from left to right, with the cycles marked: the page draws it so.\n"
		"\n"
		"  gospect heap topology --address 0xc000012340 core.4242\n"
		"  gospect heap topology --type 'main\\.session$' core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
