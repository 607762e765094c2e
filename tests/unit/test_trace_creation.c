/* Stacks by creation tree: whose stacks come in front of whose, and that nothing is lost or counted twice. */
#include "analysis/trace_creation.h"
#include "analysis/view.h"
#include "tap.h"
#include "timeline_script.h"

static gs_arena *mem;
static gs_timeline *trace;
static gs_profile *whole;

/* main starts serve, serve starts two work, work starts one; another goroutine is older than the trace. */
static const char story[] = "g 1 main.main 0 -\n"
			    "g 7 main.serve 10 - 1\n"
			    "g 8 main.work 20 90 7\n"
			    "g 9 main.work 30 - 7\n"
			    "g 10 main.step 40 - 9\n"
			    "g 50 main.old - -\n"
			    "0 1 running -\n"
			    "10 7 runnable main.main;main.start 1\n"
			    "100 1 waiting:select main.main;main.wait\n"
			    "20 8 runnable main.serve;main.fan 7\n"
			    "30 9 runnable main.serve;main.fan 7\n"
			    "40 10 runnable main.work;main.more 9\n"
			    "60 10 waiting:sync main.step;main.lock\n"
			    "90 8 none -\n"
			    "0 50 waiting:select main.old\n"
			    "sample 50 10 main.step;main.burn\n";

static void open_story(void)
{
	mem = gs_arena_create((uint64_t)1 << 28);
	trace = script_timeline(mem, story, &whole);
	for (uint32_t g = 0; g < trace->n_goroutines; g++)
		for (uint32_t i = 0; i < trace->chunks[0].n; i++)
			if (trace->goroutines[g].creator != GS_NO_INDEX && gs_timeline_goroutine_at(trace, 0, i) == g) {
				gs_interval at = gs_timeline_interval_at(trace, 0, i);

				trace->goroutines[g].create_stack = at.stack;
				break;
			}
}

/* "main.main;main.start;..." of a node. */
static gs_str stack_of(const gs_profile *of, uint32_t node)
{
	gs_str out = { 0 };

	for (; node; node = of->nodes[node].parent) {
		gs_str name = gs_profile_str(of, of->functions[of->frames[of->nodes[node].frame].function].name);

		out = out.n ? gs_strf(mem, "%.*s;%.*s", GS_FMT(name), GS_FMT(out)) : name;
	}
	return out;
}

static uint32_t node_named(const char *text)
{
	for (uint32_t n = 0; n < whole->n_nodes; n++)
		if (gs_str_eq(stack_of(whole, n), gs_str_of(text)))
			return n;
	return GS_NO_ID;
}

TEST(creators_come_in_front)
{
	static const struct {
		uint64_t goroutine;
		const char *stack, *want;
	} all[] = {
		{ 1, "main.main;main.wait", "main.main;main.wait" },
		{ 7, "", "main.main;main.start" },
		{ 9, "main.work;main.more", "main.main;main.start;main.serve;main.fan;main.work;main.more" },
		{ 10, "main.step;main.lock", "main.main;main.start;main.serve;main.fan;main.work;main.more;main.step;main.lock" },
		{ 50, "main.old", "main.old" },
	};
	gs_creation *c;
	gs_profile out;
	uint32_t nodes[5];

	open_story();
	c = gs_creation_create(mem, trace, whole);
	CHECK(c != NULL);
	for (unsigned i = 0; i < 5; i++)
		nodes[i] = gs_creation_node(c, gs_timeline_goroutine_of(trace, all[i].goroutine), node_named(all[i].stack));
	CHECK_INT(gs_creation_node(c, GS_NO_INDEX, node_named("main.old")), node_named("main.old"));
	/* The same again is the same node. */
	CHECK_INT(gs_creation_node(c, gs_timeline_goroutine_of(trace, 10), node_named("main.step;main.lock")), nodes[3]);
	out = *whole;
	CHECK(gs_creation_finish(c, &out));
	for (unsigned i = 0; i < 5; i++)
		CHECK_STR(stack_of(&out, nodes[i]), gs_str_of(all[i].want));
	for (uint32_t n = 1; n < out.n_nodes; n++)
		CHECK(out.nodes[n].parent < n);
	gs_arena_free(mem);
}

TEST(a_goroutine_that_is_its_own_ancestor_has_an_end)
{
	gs_creation *c;
	gs_profile out;
	uint32_t node;

	open_story();
	trace->goroutines[gs_timeline_goroutine_of(trace, 7)].creator = gs_timeline_goroutine_of(trace, 10);
	c = gs_creation_create(mem, trace, whole);
	node = gs_creation_node(c, gs_timeline_goroutine_of(trace, 10), node_named("main.step;main.lock"));
	out = *whole;
	CHECK(gs_creation_finish(c, &out));
	CHECK_STR(stack_of(&out, node), GS_S("main.serve;main.fan;main.work;main.more;main.step;main.lock"));
	gs_arena_free(mem);
}

TEST(a_line_of_creators_without_end_is_cut)
{
	enum { N = 5000 };
	gs_creation *c;
	gs_profile out;
	uint32_t node, depth = 0, stack, last;

	open_story();
	stack = node_named("main.serve;main.fan");
	last = node_named("main.old");
	trace->goroutines = gs_new(mem, gs_timeline_goroutine, N);
	trace->n_goroutines = N;
	for (uint32_t g = 0; g < N; g++)
		trace->goroutines[g] = (gs_timeline_goroutine){ .id = g + 1, .creator = g ? g - 1 : GS_NO_INDEX, .create_stack = g ? stack : 0 };
	c = gs_creation_create(mem, trace, whole);
	node = gs_creation_node(c, N - 1, last);
	out = *whole;
	CHECK(gs_creation_finish(c, &out));
	for (; node; node = out.nodes[node].parent)
		depth++;
	CHECK_INT(depth, 2 * GS_MAX_CREATORS + 1);
	gs_arena_free(mem);
}
