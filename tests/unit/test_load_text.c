/* Text formats, legacy profiles and perf.data as documents: what is in them, and that two forms of one moment agree. */
#include "base/buf.h"
#include "load/load.h"
#include "perfdata_make.h"
#include "tap.h"

static gs_document *open_bytes(gs_str bytes, const char *format)
{
	gs_load_options o = { .format = format, .keep_addresses = true };
	gs_err err = { 0 };
	gs_document *d = gs_load_bytes(bytes, GS_S("test"), &o, NULL, &err);

	CHECK_STR(gs_str_of(err.text), GS_S(""));
	return d;
}

static gs_document *open_file(const char *name)
{
	gs_load_options o = { .keep_addresses = true };
	gs_err err = { 0 };
	gs_document *d = gs_load_file(tap_data(name), &o, NULL, &err);

	CHECK_STR(gs_str_of(err.text), GS_S(""));
	return d;
}

/* "root;...;leaf" of a node; inlined frames have a + before their name. */
static gs_str stack_text(const gs_profile *p, uint32_t node, gs_buf *out)
{
	uint32_t path[256];
	size_t n = 0;

	out->n = 0;
	for (; node && n < 256; node = p->nodes[node].parent)
		path[n++] = node;
	while (n-- > 0) {
		const gs_frame *f = &p->frames[p->nodes[path[n]].frame];

		if (f->flags & GS_FRAME_INLINED)
			gs_buf_c(out, '+');
		gs_buf_str(out, gs_profile_str(p, p->functions[f->function].name));
		if (n)
			gs_buf_c(out, ';');
	}
	return gs_buf_view(out);
}

static int64_t total(const gs_profile *p, const char *type)
{
	int64_t sum = 0;

	for (uint32_t t = 0; t < p->n_types; t++)
		if (gs_str_eq(gs_profile_str(p, p->types[t].type), gs_str_of(type)))
			for (uint32_t i = 0; i < p->n_samples; i++)
				sum += p->values[t][i];
	return sum;
}

static gs_str label(const gs_profile *p, uint32_t set, const char *key)
{
	for (uint32_t i = 0; i < p->label_sets[set].n; i++) {
		const gs_label *l = &p->labels[p->label_sets[set].first + i];

		if (gs_str_eq(gs_profile_str(p, l->key), gs_str_of(key)) && !l->is_num)
			return gs_profile_str(p, l->str);
	}
	return (gs_str){ 0 };
}

static int64_t number(const gs_profile *p, uint32_t set, const char *key)
{
	for (uint32_t i = 0; i < p->label_sets[set].n; i++) {
		const gs_label *l = &p->labels[p->label_sets[set].first + i];

		if (gs_str_eq(gs_profile_str(p, l->key), gs_str_of(key)) && l->is_num)
			return l->num;
	}
	return -1;
}

TEST(folded)
{
	GS_AUTO(buf) text = { .max = 1 << 16 };
	GS_AUTO(document) *d = open_bytes(
		GS_S("a;b;c 3\na;b;c_[i] 4\na;b;d (x.go:12) 5\na;b 6\n 7\nq;k_[k] 8\n"), NULL);
	const gs_profile *p = d->profile;

	CHECK_STR(d->format, GS_S("folded"));
	CHECK_INT(p->n_samples, 6);
	CHECK_INT(total(p, "samples"), 33);
	CHECK_STR(stack_text(p, p->sample_node[0], &text), GS_S("a;b;c"));
	CHECK_STR(stack_text(p, p->sample_node[1], &text), GS_S("a;b;+c"));
	CHECK_STR(stack_text(p, p->sample_node[2], &text), GS_S("a;b;d"));
	CHECK_INT(p->frames[p->nodes[p->sample_node[2]].frame].line, 12);
	CHECK_STR(stack_text(p, p->sample_node[3], &text), GS_S("a;b"));
	CHECK_INT(p->sample_node[4], GS_ROOT_NODE);
	CHECK(p->frames[p->nodes[p->sample_node[5]].frame].flags & GS_FRAME_KERNEL);
	/* Sorted rows share what they can. */
	CHECK_INT(p->nodes[p->sample_node[0]].parent, p->sample_node[3]);
}

TEST(folded_fractions_and_two_columns)
{
	GS_AUTO(document) *a = open_bytes(GS_S("a;b 0.25\na;c 1\n"), "folded");
	GS_AUTO(document) *b = open_bytes(GS_S("a;b 10 20\na;c 1 0\n"), "folded");

	CHECK_INT(a->profile->values[0][0], 25);
	CHECK_INT(a->profile->values[0][1], 100);
	CHECK_STR(gs_profile_str(a->profile, a->profile->types[0].unit), GS_S("count/100"));
	CHECK_INT(a->profile->n_warnings, 1);
	CHECK_INT(b->profile->n_types, 2);
	CHECK_INT(total(b->profile, "before"), 11);
	CHECK_INT(total(b->profile, "samples"), 20);
}

/* Lines that begin alike are told apart by what follows them. */
TEST(perf_script_lines_seen_before)
{
	GS_AUTO(buf) text = { .max = 1 << 16 };
#define EVENT "w 1/2 [0] 1.000001: 5 cycles: \n"
#define OUTER "\t          5e00dd main.outermost_of_all+0x1c (/srv/application)"
#define INNER "\t          5e00dd main.inlined_by_outermost (inlined)"
	GS_AUTO(document) *d = open_bytes(
		GS_S(EVENT OUTER "\n\n" EVENT OUTER "\n  outer.go:7\n\n" EVENT OUTER "\n" OUTER "\n\n" EVENT INNER
				 "\n\n" EVENT INNER "\n" OUTER "\n\n" EVENT INNER "\n\n" EVENT OUTER "\n\n" EVENT
					 OUTER "\n" OUTER "\n  outer.go:7\n" OUTER "1\n"),
		NULL);
	const gs_profile *p = d->profile;
	const char *want[] = { "main.outermost_of_all", "main.outermost_of_all", "main.outermost_of_all;main.outermost_of_all",
			       "main.inlined_by_outermost", "main.outermost_of_all;+main.inlined_by_outermost",
			       "main.inlined_by_outermost", "main.outermost_of_all" };

	CHECK_INT(p->n_samples, 8);
	for (size_t i = 0; i < 7; i++) {
		gs_str got = stack_text(p, p->sample_node[i], &text);

		/* Nothing physical holds the inlined frame that ends a stack. */
		if (got.n && got.p[0] == '+')
			got = gs_str_skip(got, 1);
		CHECK_STR(got, gs_str_of(want[i]));
	}
	CHECK_INT(p->sample_node[0], p->sample_node[6]);
	CHECK_INT(p->sample_node[3], p->sample_node[5]);
	CHECK(p->sample_node[0] != p->sample_node[1]);
	CHECK(p->sample_node[3] != p->sample_node[4]);
#undef EVENT
#undef OUTER
#undef INNER
}

/* Enough for several pieces; an event has up to 40 frames, and stacks come again now and then. */
static void many_events(gs_buf *out)
{
	uint64_t seed = 11;

	for (unsigned e = 0; e < 5000; e++) {
		uint64_t stack = gs_hash_u64(seed += 0x9e3779b97f4a7c15u) % 1500;

		gs_buf_f(out, "worker-%u 42/%u [00%u] 7.%06u: 1000 cycles: \n", e / 1000, 50 + e % 7, e % 4, e);
		for (uint64_t i = 0; i < stack % 40; i++)
			gs_buf_f(out, "\t%16x main.f%u+0x10 (/srv/app)\n", 0x400000u + 16u * (unsigned)((stack * 7 + i) % 900),
				 (unsigned)((stack * 7 + i) % 900));
		gs_buf_c(out, '\n');
	}
}

TEST(perf_script_is_the_same_for_any_number_of_threads)
{
	GS_AUTO(buf) text = { .max = 32 << 20 };
	gs_load_options one = { .threads = 1 }, many = { .threads = 7 };
	gs_err err = { 0 };

	many_events(&text);
	CHECK(text.n > 4 << 20);
	GS_AUTO(document) *a = gs_load_bytes(gs_buf_view(&text), GS_S("a"), &one, NULL, &err);
	GS_AUTO(document) *b = gs_load_bytes(gs_buf_view(&text), GS_S("b"), &many, NULL, &err);
	const gs_profile *p = a->profile, *q = b->profile;
	bool same = true;

	CHECK_INT(p->n_samples, 5000);
	CHECK_INT(q->n_samples, 5000);
	CHECK_INT(p->n_nodes, q->n_nodes);
	CHECK_INT(p->n_locations, q->n_locations);
	CHECK_INT(p->n_functions, q->n_functions);
	CHECK(memcmp(p->nodes, q->nodes, p->n_nodes * sizeof(*p->nodes)) == 0);
	CHECK(memcmp(p->sample_node, q->sample_node, 5000 * sizeof(*p->sample_node)) == 0);
	CHECK(memcmp(p->sample_labels, q->sample_labels, 5000 * sizeof(*p->sample_labels)) == 0);
	CHECK(memcmp(p->sample_time_ns, q->sample_time_ns, 5000 * sizeof(*p->sample_time_ns)) == 0);
	for (uint32_t i = 0; i < p->n_functions; i++)
		same = same && gs_str_eq(gs_profile_str(p, p->functions[i].name), gs_profile_str(q, q->functions[i].name));
	CHECK(same);
}

TEST(perf_script)
{
	GS_AUTO(buf) text = { .max = 1 << 16 };
	uint32_t root;
	GS_AUTO(document) *d =
		open_bytes(GS_S("# hostname : h\n"
				"web srv 10/11 [001] 5.000001:  250000 cpu-clock:u: \n"
				"\t 5e00dd main.leaf (inlined)\n\t 5e00dd main.mid+0x1c "
				"(/srv/app)\n\t 48e441 runtime.goexit.abi0+0x1 (/srv/app)\n\n"
				"web srv 10/11 [001] 5.000002:  250000 cpu-clock:u: \n"
				"\t 5e00dd main.leaf (inlined)\n\t 5e00dd main.mid+0x1c "
				"(/srv/app)\n\t 48e441 runtime.goexit.abi0+0x1 (/srv/app)\n\n"
				"db 12/12 [000] 6.000002:  7 cycles:k: \n"
				"\tffffffff81000123 [unknown] ([kernel.kallsyms])\n\t 7f00 "
				"[unknown] (/lib/libc.so)\n\t 7f01 [unknown] ([unknown])\n"),
			   NULL);
	const gs_profile *p = d->profile;

	CHECK_STR(d->format, GS_S("perf-script"));
	CHECK_INT(p->n_samples, 3);
	CHECK_INT(total(p, "samples"), 3);
	CHECK_INT(total(p, "cpu"), 500000);
	CHECK_INT(total(p, "cycles"), 7);
	CHECK_STR(stack_text(p, p->sample_node[0], &text),
		  GS_S("runtime.goexit;main.mid;+main.leaf"));
	CHECK_INT(p->sample_node[0], p->sample_node[1]);
	CHECK_STR(stack_text(p, p->sample_node[2], &text),
		  GS_S("[unknown];[libc.so];[kernel.kallsyms]"));
	CHECK_STR(label(p, p->sample_labels[0], "comm"), GS_S("web srv"));
	CHECK_STR(label(p, p->sample_labels[2], "event"), GS_S("cycles:k"));
	CHECK_INT(number(p, p->sample_labels[0], "pid"), 10);
	CHECK_INT(number(p, p->sample_labels[0], "tid"), 11);
	CHECK_INT(p->sample_thread[0], 11);
	CHECK_INT(p->sample_cpu[0], 1);
	CHECK_INT(p->sample_time_ns[1] - p->sample_time_ns[0], 1000);
	CHECK_INT(p->duration_ns, 1000001000);
	CHECK_INT(p->n_comments, 1);
	/* A leaf's address is where the CPU was, a caller's points into its call. */
	CHECK_INT(p->locations[p->frames[p->nodes[p->sample_node[0]].frame].location].address,
		  0x5e00dd);
	root = p->nodes[p->nodes[p->sample_node[0]].parent].parent;
	CHECK_INT(p->locations[p->frames[p->nodes[root].frame].location].address, 0x48e440);
}

TEST(perf_data_and_its_script_agree)
{
	GS_AUTO(document) *data = open_file("data/go1.26/perf.data");
	GS_AUTO(document) *script = open_file("data/go1.26/perf.script.txt");
	const gs_profile *a = data->profile, *b = script->profile;
	unsigned differ = 0;

	CHECK_STR(data->format, GS_S("perf.data"));
	CHECK_INT(a->n_samples, 98);
	CHECK_INT(a->n_samples, b->n_samples);
	CHECK_INT(total(a, "cpu"), total(b, "cpu"));
	CHECK_INT(a->period, b->period);
	for (uint32_t i = 0; i < a->n_samples && i < b->n_samples; i++) {
		uint32_t x = a->sample_node[i], y = b->sample_node[i];

		differ += a->sample_thread[i] != b->sample_thread[i];
		/* perf prints whole microseconds */
		differ += a->sample_time_ns[i] / 1000 != b->sample_time_ns[i] / 1000;
		differ += !gs_str_eq(label(a, a->sample_labels[i], "comm"),
				     label(b, b->sample_labels[i], "comm"));
		for (; x && y; x = a->nodes[x].parent, y = b->nodes[y].parent)
			;
		differ += x != y;
	}
	CHECK_INT(differ, 0);
}

static const uint64_t user_chain[] = { (uint64_t)-128, 0xffffffff81000100, (uint64_t)-512, 0x401234,
				       0x402345 };

TEST(perf_data_processes)
{
	perf_out o = { .b = { .max = 1 << 20 } };
	GS_AUTO(document) *d = NULL;
	const gs_profile *p;
	gs_str file[4];

	put_file_header(&o);
	put_mmap2(&o, 7, 0, 0x400000, 0x10000, 0, "/srv/app");
	put_comm(&o, 7, 7, 0, "app", false);
	put_sample(&o, 11, 7, 7, 100, 5, user_chain, 5);
	put_fork(&o, 8, 7, 8, 7, 200); /* a child: same maps, same name */
	put_sample(&o, 11, 8, 8, 300, 5, user_chain, 5);
	put_mmap2(&o, 8, 400, 0x400000, 0x2000, 0,
		  "/lib/over.so"); /* over the beginning of the first */
	put_sample(&o, 11, 8, 8, 500, 5, user_chain, 5);
	put_comm(&o, 8, 8, 600, "other", true); /* exec: nothing is mapped any more */
	put_sample(&o, 12, 8, 8, 700, 5, user_chain, 5);
	patch(&o, MADE_DATA_SIZE_AT, o.b.n - MADE_DATA_AT, 8);
	d = open_bytes(gs_buf_view(&o.b), NULL);
	gs_buf_release(&o.b);
	p = d->profile;
	CHECK_INT(p->n_samples, 4);
	for (uint32_t i = 0; i < 4; i++) {
		/* kernel leaf, then the user's leaf below it in the file's order, above it in the tree */
		uint32_t leaf = p->sample_node[i], user = p->nodes[leaf].parent;
		const gs_location *loc = &p->locations[p->frames[p->nodes[user].frame].location];

		CHECK(p->frames[p->nodes[leaf].frame].flags & GS_FRAME_KERNEL);
		CHECK_INT(loc->address, 0x401234);
		file[i] = gs_profile_str(p, p->mappings[loc->mapping].file);
		user = p->nodes[user].parent;
		CHECK_INT(p->locations[p->frames[p->nodes[user].frame].location].address, 0x402344);
	}
	CHECK_STR(file[0], GS_S("/srv/app"));
	CHECK_STR(file[1], GS_S("/srv/app"));
	CHECK_STR(file[2], GS_S("/lib/over.so"));
	CHECK_STR(file[3], GS_S(""));
	CHECK_STR(label(p, p->sample_labels[1], "comm"), GS_S("app"));
	CHECK_STR(label(p, p->sample_labels[3], "comm"), GS_S("other"));
	CHECK_INT(total(p, "cycles"), 15);
	CHECK_INT(total(p, "cpu"), 5);
}

/* --call-graph dwarf copies the stack instead: Go keeps frame pointers, so it can be walked without unwind tables. */
TEST(perf_data_copied_stacks)
{
	enum { TYPE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 5 | 1 << 12 | 1 << 13 };
	perf_out o = { .b = { .max = 1 << 20 } };
	GS_AUTO(document) *d = NULL;
	const gs_profile *p;
	size_t at;
	uint64_t want[] = { 0x401000, 0x4020ff, 0x4030ff };
	unsigned n = 0;

	gs_buf_add(&o.b, "PERFILE2", 8);
	put(&o, 16, 8);
	at = begin(&o, 80, 0);
	put(&o, 6, 8); /* architecture */
	put(&o, 8, 4);
	put_text(&o, "x86_64", 8);
	end(&o, at);
	at = begin(&o, 64, 0);
	put(&o, 1, 4);
	put(&o, 96, 4);
	put(&o, 0, 8);
	put(&o, 99, 8);
	put(&o, TYPE, 8);
	gs_buf_fill(&o.b, 0, 8 + 8 + 24 + 8);
	put(&o, 1 << 6 | 1 << 7 | 1 << 8, 8); /* bp, sp, ip */
	gs_buf_fill(&o.b, 0, 8);
	put(&o, 11, 8);
	end(&o, at);
	at = begin(&o, 1, 2);
	put(&o, 7, 4);
	put(&o, 7, 4);
	put(&o, 0x400000, 8);
	put(&o, 0x10000, 8);
	put(&o, 0, 8);
	put_text(&o, "/srv/app", 16);
	end(&o, at);
	at = begin(&o, 9, 2);
	put(&o, 0x401000, 8);
	put(&o, 7, 4);
	put(&o, 7, 4);
	put(&o, 99, 8);
	put(&o, 0, 8); /* no chain */
	put(&o, 2, 8); /* 64-bit registers */
	put(&o, 0x7000 + 16, 8);
	put(&o, 0x7000, 8);
	put(&o, 0x401000, 8);
	put(&o, 64, 8);
	gs_buf_fill(&o.b, 0, 16);
	put(&o, 0x7000 + 40, 8); /* frame: next, return */
	put(&o, 0x402100, 8);
	gs_buf_fill(&o.b, 0, 8);
	put(&o, 0, 8);
	put(&o, 0x403100, 8);
	gs_buf_fill(&o.b, 0, 8);
	put(&o, 64, 8);
	end(&o, at);
	d = open_bytes(gs_buf_view(&o.b), NULL);
	gs_buf_release(&o.b);
	p = d->profile;
	CHECK_INT(p->n_samples, 1);
	for (uint32_t node = p->sample_node[0]; node; node = p->nodes[node].parent, n++)
		CHECK(n < 3 &&
		      p->locations[p->frames[p->nodes[node].frame].location].address == want[n]);
	CHECK_INT(n, 3);
	CHECK(p->n_warnings > 0);
}

TEST(count_text_and_proto_agree)
{
	static const char *const versions[] = { "1.19", "1.21", "1.22", "1.24", "1.26", "1.27" };
	char name[64];

	for (int i = 0; i < 6; i++) {
		GS_AUTO(document) *text = NULL;
		GS_AUTO(document) *proto = NULL;
		const gs_profile *a, *b;
		unsigned labelled = 0, named = 0;

		snprintf(name, sizeof(name), "data/go%s/goroutine.debug1.txt", versions[i]);
		text = open_file(name);
		snprintf(name, sizeof(name), "data/go%s/goroutine.pprof", versions[i]);
		proto = open_file(name);
		a = text->profile;
		b = proto->profile;
		CHECK_INT(total(a, "goroutine"), total(b, "goroutine"));
		CHECK_INT(a->n_samples, b->n_samples);
		for (uint32_t s = 0; s < a->n_samples; s++)
			labelled += gs_str_eq(label(a, a->sample_labels[s], "tenant"), GS_S("t1"));
		CHECK_INT(labelled, 1);
		for (uint32_t f = 1; f < a->n_functions; f++)
			named += gs_str_eq(gs_profile_str(a, a->functions[f].name),
					   GS_S("main.(*parked).receive"));
		CHECK_INT(named, 1);
	}
}

/* What debug=1 leaves out of its comments is known all the same: runtime functions at the leaf, goexit anywhere. */
TEST(frames_that_debug_1_does_not_name)
{
	GS_AUTO(buf) text = { .max = 1 << 16 };
	GS_AUTO(document) *d =
		open_bytes(GS_S("goroutine profile: total 2\n"
				"1 @ 0x101 0x202 0x303 0x404\n#\t0x202\tmain.inner+0x2\tx.go:2\n"
				"#\t0x302\tmain.outer+0x3\tx.go:3\n\n1 @ 0x101 0x909\n\n"),
			   NULL);
	const gs_profile *p = d->profile;

	CHECK_STR(stack_text(p, p->sample_node[0], &text),
		  GS_S("runtime.goexit;main.outer;main.inner;runtime.(unnamed)"));
	CHECK_STR(stack_text(p, p->sample_node[1], &text), GS_S(";"));
}

TEST(mutex_text_and_proto_agree)
{
	static const char *const versions[] = { "1.19", "1.21", "1.22", "1.24", "1.26", "1.27" };
	char name[64];

	for (int i = 0; i < 6; i++) {
		GS_AUTO(document) *text = NULL;
		GS_AUTO(document) *proto = NULL;

		snprintf(name, sizeof(name), "data/go%s/mutex.debug1.txt", versions[i]);
		text = open_file(name);
		snprintf(name, sizeof(name), "data/go%s/mutex.pprof", versions[i]);
		proto = open_file(name);
		/* The largest site; both files were written in one moment, but not in one stop of the world. */
		CHECK_INT(text->profile->values[0][0], proto->profile->values[0][0]);
		CHECK_INT(text->profile->n_warnings, i > 0);
	}
}

TEST(goroutine_dump)
{
	GS_AUTO(buf) text = { .max = 1 << 16 };
	GS_AUTO(document) *d =
		open_bytes(GS_S("panic: boom\n\ngoroutine 7 [chan receive, 3 minutes, locked to "
				"thread] {k: v}:\n"
				"main.inner(...)\n\t/x/a.go:1\nmain.outer(0x1, {0x2, "
				"0x3})\n\t/x/a.go:2 +0x10\n"
				"created by main.start in goroutine 1\n\t/x/a.go:9 +0x20\n\n"
				"goroutine 8 [running]:\n\tgoroutine running on other thread; "
				"stack unavailable\n"),
			   NULL);
	const gs_profile *p = d->profile;
	const gs_goroutine *g = d->goroutines->list;

	CHECK_INT(d->kind, GS_DOCUMENT_GOROUTINES);
	CHECK_INT(d->goroutines->n, 2);
	CHECK_STR(d->goroutines->header, GS_S("panic: boom"));
	CHECK_INT(total(p, "goroutine"), 2);
	CHECK_INT(g[0].id, 7);
	CHECK_STR(gs_profile_str(p, g[0].state), GS_S("chan receive"));
	CHECK_INT(g[0].wait_ns, 180000000000);
	CHECK(g[0].is_locked && !g[0].is_leaked);
	CHECK_INT(g[0].creator_id, 1);
	CHECK_STR(gs_profile_str(p, p->functions[p->frames[g[0].creator].function].name),
		  GS_S("main.start"));
	CHECK_STR(gs_profile_str(p, g[0].args), GS_S("...\n0x1, {0x2, 0x3}"));
	CHECK_STR(label(p, g[0].labels, "k"), GS_S("v"));
	CHECK_STR(label(p, p->sample_labels[0], "state"), GS_S("chan receive"));
	CHECK_STR(label(p, p->sample_labels[0], "creator"), GS_S("main.start"));
	CHECK_INT(number(p, p->sample_labels[0], "wait"), 3);
	CHECK_STR(stack_text(p, g[0].node, &text), GS_S("main.outer;+main.inner"));
	CHECK_STR(stack_text(p, g[1].node, &text), GS_S("(stack unavailable)"));
	CHECK_INT(p->sample_goroutine[1], 8);
}

TEST(every_allocation_may_fail)
{
	static const char *const inputs[] = {
		"a;b;c 3\na;d (x.go:1) 4\n",
		"w 1/2 [0] 1.000001: 5 cycles: \n\t 12 f (/x)\n\t 13 g (inlined)\n\n",
		"goroutine profile: total 1\n1 @ 0x1 0x2\n# labels: "
		"{\"a\":\"b\"}\n#\t0x0\tf+0x1\tx.go:1\n",
		"goroutine 1 [running]:\nmain.a(0x1)\n\tx.go:1 +0x2\n",
	};

	const size_t n = sizeof(inputs) / sizeof(inputs[0]);
	perf_out perf = { .b = { .max = 1 << 20 } };

	put_file_header(&perf);
	put_mmap2(&perf, 7, 0, 0x400000, 0x10000, 0, "/srv/app");
	put_fork(&perf, 8, 7, 8, 7, 200);
	put_sample(&perf, 11, 8, 8, 300, 5, user_chain, 5);
	put_sample(&perf, 11, 8, 8, 100, 5, user_chain, 5);
	for (size_t i = 0; i <= n; i++)
		for (uint64_t k = 1; k < 60; k++) {
			GS_AUTO(document) *d = NULL;
			gs_err err = { 0 };

			gs_alloc_fail_after(k);
			d = gs_load_bytes(i < n ? gs_str_of(inputs[i]) : gs_buf_view(&perf.b),
					  GS_S("test"), NULL, NULL, &err);
			gs_alloc_fail_after(0);
			CHECK(d || err.code == GS_ERR_LIMIT);
			CHECK(!d || d->profile->n_samples >= 1);
		}
	gs_buf_release(&perf.b);
}
