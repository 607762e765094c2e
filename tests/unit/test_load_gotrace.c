/* Execution traces of real programs as documents: the timeline holds together, and says what the program did. */
#include "load/load.h"
#include "model/timeline_sums.h"
#include "tap.h"
#include "model/timeline_runs.h"

static gs_document *open_trace(const char *name)
{
	gs_err err = { 0 };
	gs_document *d = gs_load_file(tap_data(name), NULL, NULL, &err);

	CHECK_STR(gs_str_of(err.text), GS_S(""));
	CHECK(d && d->kind == GS_DOCUMENT_TRACE && d->timeline && d->profile);
	return d;
}

static gs_str text(const gs_document *d, uint32_t id)
{
	return gs_profile_str(d->profile, id);
}

static int64_t profile_total(const gs_profile *p, gs_time_value v)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < p->n_samples; i++)
		sum += p->values[v][i];
	return sum;
}

static bool is_run(const gs_timeline_chunk *c, uint32_t i)
{
	return gs_chunk_phase(c, i) == GS_PHASE_RUNNING || gs_chunk_phase(c, i) == GS_PHASE_SYSCALL;
}

static void check_chunks(const gs_timeline *t)
{
	bool is_sorted = true, pieces_fit = true, lanes_fit = true;
	uint64_t n = 0;
	int64_t n_on_procs = 0;
	gs_arena *mem = gs_arena_create((uint64_t)1 << 30);
	gs_timeline_runs *runs = gs_timeline_runs_create(mem, t);

	for (uint32_t c = 0; c < t->n_chunks; c++) {
		const gs_timeline_chunk *k = &t->chunks[c];
		const gs_chunk_runs *r = gs_timeline_runs_of(runs, c);
		uint32_t at = 0;

		n += k->n;
		is_sorted &= k->base_ns <= k->end_ns && (!c || t->chunks[c - 1].end_ns <= k->base_ns);
		for (uint32_t p = k->piece_first; p < k->piece_first + k->n_pieces; p++) {
			const gs_timeline_piece *x = &t->pieces[p];

			pieces_fit &= x->chunk == c && x->first == at && x->n > 0;
			at += x->n;
			for (uint32_t i = x->first + 1; i < x->first + x->n; i++)
				is_sorted &= k->offset_ns[i - 1] <= k->offset_ns[i];
			pieces_fit &= gs_timeline_goroutine_at(t, c, x->first + x->n - 1) == x->goroutine;
		}
		pieces_fit &= at == k->n;
		for (uint32_t p = 0; p < t->n_procs; p++)
			for (uint32_t i = r->proc_first[p]; i < r->proc_first[p + 1]; i++) {
				uint32_t run = r->proc_runs[i];

				n_on_procs--;
				lanes_fit &= run < k->n && gs_chunk_place(k, run).proc == p && is_run(k, run);
				lanes_fit &= i == r->proc_first[p] || k->offset_ns[r->proc_runs[i - 1]] <= k->offset_ns[run];
			}
		for (uint32_t i = 0; i < k->n; i++)
			n_on_procs += is_run(k, i) && gs_chunk_place(k, i).proc != UINT16_MAX;
	}
	CHECK(is_sorted);
	CHECK(pieces_fit);
	CHECK(lanes_fit);
	CHECK_INT(n_on_procs, 0);
	gs_arena_free(mem);
	CHECK_INT(n, t->n_transitions);
}

/* Walks have no gaps, and add up to the profile. */
static void check_walks(const gs_document *d)
{
	const gs_timeline *t = d->timeline;
	int64_t by_phase[GS_N_PHASES] = { 0 };
	bool is_whole = true, is_found = true;

	for (uint32_t g = 0; g < t->n_goroutines; g++) {
		gs_interval_walk w = gs_intervals_of(t, g);
		int64_t at = t->goroutines[g].start_ns;
		gs_interval v;

		while (gs_interval_next(&w, &v)) {
			gs_interval_walk again = gs_intervals_from(t, g, v.start_ns + (v.end_ns - v.start_ns) / 2);
			gs_interval same;

			is_whole &= v.start_ns == at && v.end_ns >= v.start_ns;
			at = v.end_ns;
			by_phase[v.phase] += v.end_ns - v.start_ns;
			is_found &= v.end_ns == v.start_ns ||
				    (gs_interval_next(&again, &same) && same.start_ns == v.start_ns && same.end_ns == v.end_ns &&
				     same.is_more == v.is_more);
		}
		is_whole &= at == t->goroutines[g].end_ns;
		is_found &= gs_timeline_goroutine_of(t, t->goroutines[g].id) == g;
	}
	CHECK(is_whole);
	CHECK(is_found);
	CHECK_INT(by_phase[GS_PHASE_RUNNING], profile_total(d->profile, GS_TIME_RUNNING));
	CHECK_INT(by_phase[GS_PHASE_RUNNABLE], profile_total(d->profile, GS_TIME_SCHED));
	CHECK_INT(by_phase[GS_PHASE_WAITING], profile_total(d->profile, GS_TIME_WAIT));
	CHECK_INT(by_phase[GS_PHASE_SYSCALL], profile_total(d->profile, GS_TIME_SYSCALL));
	CHECK_INT(t->n_cpu_samples, profile_total(d->profile, GS_TIME_CPU_SAMPLES));
}

static uint32_t named(const gs_document *d, gs_str name, uint32_t after)
{
	for (uint32_t g = after; g < d->timeline->n_goroutines; g++)
		if (gs_str_eq(text(d, d->timeline->goroutines[g].name), name))
			return g;
	return GS_NO_INDEX;
}

static void check_program(const gs_document *d)
{
	const gs_timeline *t = d->timeline;
	uint32_t main_g = named(d, GS_S("runtime.main"), 0), stuck, tasks = 0, rows = 0, serve = GS_NO_INDEX;

	if (main_g == GS_NO_INDEX)
		main_g = named(d, GS_S("main.main"), 0);
	CHECK(main_g != GS_NO_INDEX && !t->goroutines[main_g].is_system && !t->goroutines[main_g].saw_start);
	/* One was there before the trace and waits through it, one waits for a nil channel: its end. */
	stuck = named(d, GS_S("main.stuck"), 0);
	while (stuck != GS_NO_INDEX && !t->goroutines[stuck].saw_start)
		stuck = named(d, GS_S("main.stuck"), stuck + 1);
	CHECK(stuck != GS_NO_INDEX);
	if (stuck != GS_NO_INDEX) {
		CHECK(t->goroutines[stuck].saw_end);
		CHECK_INT(t->goroutines[stuck].creator, main_g);
	}
	for (uint32_t i = 0; i < t->n_tasks; i++) {
		const gs_timeline_task *k = &t->tasks[i];

		tasks += k->saw_start && k->saw_end && k->end_ns > k->start_ns && gs_str_starts(text(d, k->name), GS_S("http-"));
		CHECK(i == 0 || t->tasks[i - 1].start_ns <= k->start_ns);
	}
	CHECK_INT(tasks, 15);
	for (uint32_t i = 0; i < t->n_regions; i++) {
		const gs_timeline_region *r = &t->regions[i];

		if (gs_str_eq(text(d, r->name), GS_S("db-row"))) {
			rows++;
			CHECK_INT(r->depth, 1);
			CHECK(r->parent != GS_NO_INDEX && gs_str_eq(text(d, t->regions[r->parent].name), GS_S("db-query")));
			CHECK(r->task != GS_NO_INDEX && r->end_ns - r->start_ns >= 200000);
		} else if (gs_str_eq(text(d, r->name), GS_S("serve"))) {
			serve = i;
		}
	}
	CHECK_INT(rows, 15);
	CHECK(serve != GS_NO_INDEX && !t->regions[serve].saw_end && t->regions[serve].goroutine == main_g &&
	      t->regions[serve].task == GS_NO_INDEX);
	CHECK_INT(t->n_logs, 15);
	CHECK_STR(text(d, t->logs[0].key), GS_S("request"));
	CHECK(profile_total(d->profile, GS_TIME_NETWORK_COUNT) > 0);
	CHECK(profile_total(d->profile, GS_TIME_SYNC_COUNT) > 15);
}

static void check_ranges(const gs_document *d)
{
	const gs_timeline *t = d->timeline;
	unsigned stops = 0, marks = 0;

	for (uint32_t i = 0; i < t->n_ranges; i++) {
		const gs_timeline_range *r = &t->ranges[i];

		CHECK(r->start_ns <= r->end_ns && (i == 0 || t->ranges[i - 1].start_ns <= r->start_ns));
		stops += gs_str_starts(text(d, r->name), GS_S("stop-the-world (GC")) && r->scope == GS_RANGE_GOROUTINE;
		marks += gs_str_eq(text(d, r->name), GS_S("GC concurrent mark phase")) && r->saw_start && r->saw_end;
	}
	CHECK(stops >= 2 && stops >= 2 * marks);
	CHECK(marks >= 1);
	CHECK(t->gomaxprocs.n > 0 && t->gomaxprocs.value[0] == 2);
}

static void check_file(const char *name, unsigned minor)
{
	gs_document *d = open_trace(name);

	if (!d)
		return;
	CHECK_INT(d->timeline->format_minor, minor);
	CHECK(d->timeline->duration_ns > 1100000000);
	check_chunks(d->timeline);
	check_walks(d);
	check_program(d);
	check_ranges(d);
	gs_document_close(d);
}

TEST(go_1_19)
{
	check_file("data/go1.19/trace.gz", 19);
}

TEST(go_1_21)
{
	check_file("data/go1.21/trace.gz", 21);
}

TEST(go_1_22)
{
	check_file("data/go1.22/trace.gz", 22);
}

TEST(go_1_26)
{
	check_file("data/go1.26/trace.gz", 26);
}

TEST(go_1_27)
{
	check_file("data/go1.27/trace.gz", 26);
}

TEST(clocks)
{
	gs_document *d = open_trace("data/go1.26/trace.gz");
	int64_t at = 0;

	CHECK(d->timeline->n_clocks >= 2);
	CHECK(gs_timeline_from_wall(d->timeline, d->profile->time_ns + 1000, &at));
	CHECK(at > -1000000 && at < 1000000);
	gs_document_close(d);
	d = open_trace("data/go1.22/trace.gz");
	CHECK_INT(d->timeline->n_clocks, 0);
	CHECK(!gs_timeline_from_wall(d->timeline, 1, &at));
	gs_document_close(d);
}

/* The program makes 20 orders of 64 bytes, and 20 slices of 100, which take 112. */
TEST(memory_events_have_addresses_sizes_and_types)
{
	gs_document *d = open_trace("../fuzz/corpus/gotrace/go1.26-allocfree.trace");
	const gs_timeline *t = d->timeline;
	unsigned orders = 0, slices = 0, stacks = 0, strays = 0;

	for (uint32_t i = 0; i < t->n_memory_events; i++) {
		const gs_timeline_memory *m = &t->memory_events[i];
		bool is_order = gs_str_eq(text(d, m->type), GS_S("main.order"));

		orders += m->kind == GS_MEMORY_OBJECT_ALLOC && is_order && m->size_bytes == 64 && m->type_bytes == 64 && m->address % 64 == 0;
		slices += m->kind == GS_MEMORY_OBJECT_ALLOC && m->size_bytes == 112 && m->address % 8 == 0;
		stacks += m->kind == GS_MEMORY_STACK && m->size_bytes >= 2048;
		strays += i && m->time_ns < t->memory_events[i - 1].time_ns;
	}
	CHECK_INT(orders, 20);
	CHECK(slices >= 20 && slices < 30);
	CHECK(stacks > 3);
	CHECK_INT(strays, 0);
	gs_document_close(d);
}

/* tests/oracle/gotrace/own/go122-abandoned-proc.test: what the second generation calls idle was not stolen yet. */
TEST(a_system_call_has_its_proc_until_that_is_stolen)
{
	gs_document *d = open_trace("../fuzz/corpus/gotrace/abandoned-proc.trace");
	const gs_timeline *t = d->timeline;
	int64_t with_ns = 0, without_ns = 0;
	unsigned n_found = 0;
	gs_interval v;

	for (uint32_t g = 0; g < t->n_goroutines; g++) {
		gs_interval_walk w = gs_intervals_of(t, g);

		n_found += t->goroutines[g].id == 1;
		while (t->goroutines[g].id == 1 && gs_interval_next(&w, &v))
			if (v.phase == GS_PHASE_SYSCALL)
				*(v.is_more ? &without_ns : &with_ns) += v.end_ns - v.start_ns;
	}
	CHECK_INT(n_found, 1);
	CHECK_INT(with_ns, 7680 - 768);
	CHECK_INT(without_ns, 8960 - 7680);
	gs_document_close(d);
}

static bool same_labels(const gs_profile *a, uint32_t x, const gs_profile *b, uint32_t y)
{
	gs_label_set p = a->label_sets[x], q = b->label_sets[y];
	bool same = p.n == q.n;

	for (uint32_t i = 0; same && i < p.n; i++) {
		const gs_label *l = &a->labels[p.first + i], *m = &b->labels[q.first + i];

		same = gs_str_eq(gs_profile_str(a, l->key), gs_profile_str(b, m->key)) &&
		       gs_str_eq(gs_profile_str(a, l->str), gs_profile_str(b, m->str));
	}
	return same;
}

static bool same_stack(const gs_profile *a, uint32_t x, const gs_profile *b, uint32_t y)
{
	for (; x && y; x = a->nodes[x].parent, y = b->nodes[y].parent) {
		const gs_frame *f = &a->frames[a->nodes[x].frame], *g = &b->frames[b->nodes[y].frame];

		if (f->line != g->line || a->locations[f->location].address != b->locations[g->location].address ||
		    !gs_str_eq(gs_profile_str(a, a->functions[f->function].name), gs_profile_str(b, b->functions[g->function].name)))
			return false;
	}
	return x == y;
}

/* What is different between two profiles; empty: nothing that a report could show. */
static const char *difference(const gs_profile *a, const gs_profile *b)
{
	if (a->n_samples != b->n_samples || a->n_types != b->n_types || a->duration_ns != b->duration_ns || a->time_ns != b->time_ns ||
	    a->period != b->period || a->n_warnings != b->n_warnings)
		return "counts and times";
	for (uint32_t i = 0; i < a->n_warnings; i++)
		if (!gs_str_eq(gs_profile_str(a, a->warnings[i]), gs_profile_str(b, b->warnings[i])))
			return "warnings";
	if (!gs_str_eq(gs_profile_str(a, a->types[gs_profile_default_type(a)].type), gs_profile_str(b, b->types[gs_profile_default_type(b)].type)))
		return "default type";
	for (uint32_t i = 0; i < a->n_samples; i++) {
		for (uint32_t t = 0; t < a->n_types; t++)
			if (a->values[t][i] != b->values[t][i])
				return "values";
		if (!same_labels(a, a->sample_labels[i], b, b->sample_labels[i]))
			return "labels";
		if (!same_stack(a, a->sample_node[i], b, b->sample_node[i]))
			return "stacks";
	}
	return "";
}

/* Both ways through the bytes: a profile with its timeline, and alone. */
static bool both_ways_agree(gs_str bytes, unsigned threads, const char *what, size_t at)
{
	gs_load_options with = { .threads = threads }, alone = { .threads = threads, .for_profile = true };
	gs_err e = { 0 }, f = { 0 };
	gs_document *a = gs_load_bytes(bytes, GS_S("a"), &with, NULL, &e), *b = gs_load_bytes(bytes, GS_S("a"), &alone, NULL, &f);
	const char *why = !a != !b ? "only one opens" : !a ? strcmp(e.text, f.text) ? "errors" : "" : difference(a->profile, b->profile);

	if (*why)
		printf("# %s, %zu: %s: %s / %s\n", what, at, why, e.text, f.text);
	gs_document_close(a);
	gs_document_close(b);
	return !*why;
}

/* Intervals that are more than unknown, ranges and regions inside of gaps. */
static unsigned known_in_gaps(const gs_timeline *t)
{
	unsigned known = 0;

	for (uint32_t k = 0; k < t->n_gaps; k++) {
		const gs_timeline_gap *gap = &t->gaps[k];

		for (uint32_t g = 0; g < t->n_goroutines; g++) {
			gs_interval_walk w = gs_intervals_from(t, g, gap->start_ns);
			gs_interval v;

			while (gs_interval_next(&w, &v) && v.start_ns < gap->end_ns)
				known += v.end_ns > gap->start_ns && v.end_ns > v.start_ns && v.phase != GS_PHASE_UNKNOWN &&
					 v.phase != GS_PHASE_NONE;
		}
		for (uint32_t i = 0; i < t->n_ranges; i++)
			known += t->ranges[i].start_ns < gap->end_ns && t->ranges[i].end_ns > gap->start_ns;
		for (uint32_t i = 0; i < t->n_regions; i++)
			known += t->regions[i].start_ns < gap->end_ns && t->regions[i].end_ns > gap->start_ns;
		for (uint32_t i = 0; i < t->n_proc_changes; i++)
			known += t->proc_changes[i].time_ns > gap->start_ns && t->proc_changes[i].time_ns < gap->end_ns;
	}
	return known;
}

TEST(nothing_is_made_up_where_something_is_missing)
{
	static const char *const names[] = { "go1.22-generations", "go1.25-generations", "go1.26-generations" };
	unsigned with_gaps = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		GS_AUTO(file) f = { 0 };
		gs_err err = { 0 };
		char name[128], *damaged;

		snprintf(name, sizeof(name), "../fuzz/corpus/gotrace/%s.trace", names[i]);
		CHECK(gs_file_read(tap_data(name), 1 << 24, &f, &err));
		damaged = malloc(f.bytes.n);
		for (size_t at = 100; at < f.bytes.n; at += f.bytes.n / 90) {
			gs_document *d;

			memcpy(damaged, f.bytes.p, f.bytes.n);
			memset(damaged + at, 0xff, f.bytes.n - at < 30 ? f.bytes.n - at : 30);
			d = gs_load_bytes((gs_str){ damaged, f.bytes.n }, GS_S("damaged"), NULL, NULL, &err);
			if (!d)
				continue;
			check_chunks(d->timeline);
			check_walks(d);
			CHECK_INT(known_in_gaps(d->timeline), 0);
			with_gaps += d->timeline->n_gaps > 0;
			for (uint32_t k = 0; k < d->timeline->n_gaps; k++) {
				const gs_timeline_gap *gap = &d->timeline->gaps[k];

				CHECK(gap->start_ns < gap->end_ns && gap->end_ns < d->timeline->duration_ns && gap->why.n);
				CHECK(!k || gap[-1].end_ns <= gap->start_ns);
				CHECK(gap->from_at < gap->until_at && gap->until_at < f.bytes.n && gap->lost_bytes <= gap->until_at);
			}
			CHECK(!d->timeline->n_gaps || (d->timeline->damage.n && !d->timeline->is_cut));
			gs_document_close(d);
		}
		free(damaged);
	}
	CHECK(with_gaps > 50);
}

TEST(the_profile_alone_is_the_one_beside_the_timeline)
{
	static const char *const names[] = { "go1.19", "go1.21", "go1.22", "go1.23", "go1.25", "go1.26", "go1.26-allocfree", "go1.22-generations",
					     "go1.25-generations", "go1.26-generations", "late-times", "abandoned-proc" };
	static const char *const large[] = { "go1.19", "go1.21", "go1.22", "go1.26", "go1.27" };
	char name[128];
	gs_err err = { 0 };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		GS_AUTO(file) f = { 0 };
		char *damaged;
		unsigned bad = 0;

		snprintf(name, sizeof(name), "../fuzz/corpus/gotrace/%s.trace", names[i]);
		CHECK(gs_file_read(tap_data(name), 1 << 24, &f, &err));
		CHECK(both_ways_agree(f.bytes, 1, names[i], 0));
		CHECK(both_ways_agree(f.bytes, 4, names[i], 0));
		damaged = malloc(f.bytes.n);
		for (size_t k = 1; damaged && k < 60; k++) {
			size_t at = f.bytes.n * k / 60;

			bad += !both_ways_agree(gs_str_slice(f.bytes, 0, at), 2, names[i], at);
			memcpy(damaged, f.bytes.p, f.bytes.n);
			damaged[at] = (char)(damaged[at] ^ (1 << k % 7));
			bad += !both_ways_agree(gs_str_slice((gs_str){ damaged, f.bytes.n }, 0, f.bytes.n), 2, names[i], at);
		}
		free(damaged);
		CHECK_INT(bad, 0);
	}
	for (unsigned i = 0; i < sizeof(large) / sizeof(*large); i++) {
		gs_load_options alone = { .for_profile = true };
		gs_document *a, *b;

		snprintf(name, sizeof(name), "data/%s/trace.gz", large[i]);
		a = open_trace(name);
		b = gs_load_file(tap_data(name), &alone, NULL, &err);
		CHECK(b && !b->timeline && b->kind == GS_DOCUMENT_TRACE);
		CHECK_STR(gs_str_of(b ? difference(a->profile, b->profile) : "not there"), GS_S(""));
		gs_document_close(a);
		gs_document_close(b);
	}
}
