/* A profile with times laid over a trace: its samples are on the goroutines that were on their threads then. */
#include "load/load.h"
#include "model/timeline_sums.h"
#include "tap.h"
#include "model/timeline_runs.h"

enum { PID = 4242, N_PLACED = 40 };

static gs_document *plain; /* the trace without anything over it */
static gs_document over;
static uint32_t expected[N_PLACED]; /* goroutines */

static uint32_t call(gs_profile_builder *b, uint32_t parent, const char *name, uint32_t flags)
{
	gs_frame f = { .flags = flags };
	uint32_t id = gs_profile_builder_str(b, gs_str_of(name));

	f.function = gs_profile_builder_function(b, (gs_function){ .name = id, .system_name = id });
	return gs_profile_builder_push(b, parent, gs_profile_builder_location_intern(b, 0, 0, &f, 1));
}

static void sample(gs_profile_builder *b, uint32_t node, int64_t time_ns, uint64_t thread, uint32_t pid)
{
	const gs_timeline_clock *c = &plain->timeline->clocks[0];
	int64_t values[2] = { 1, 5000000 };

	/* Its times are wall times, 1000 s ahead of the monotonic clock. */
	gs_profile_builder_sample(b, &(gs_sample){ .node = node, .values = values, .thread = (uint32_t)thread, .pid = pid,
						    .time_ns = (int64_t)c->monotonic_ns + time_ns - c->time_ns + 1000000000000 });
}

/* One sample in the middle of each of the first runs on threads, and some that belong nowhere. */
static void make_over(void)
{
	const gs_timeline *t;
	gs_profile_builder *b;
	gs_profile *p;
	gs_timeline_runs *runs;
	uint32_t node, n = 0;
	gs_err err = { 0 };

	plain = gs_load_file(tap_data("data/go1.26/trace.gz"), NULL, NULL, &err);
	t = plain->timeline;
	over = (gs_document){ .mem = gs_arena_create((uint64_t)1 << 28), .name = GS_S("perf.data") };
	b = gs_profile_builder_create(over.mem, &err);
	p = gs_profile_builder_profile(b);
	p->n_types = 2;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("samples")), gs_profile_builder_str(b, GS_S("count")) };
	p->types[1] = (gs_value_type){ gs_profile_builder_str(b, GS_S("cpu")), gs_profile_builder_str(b, GS_S("nanoseconds")) };
	p->is_monotonic = true;
	p->monotonic_offset_ns = 1000000000000;
	gs_profile_builder_with_threads(b);
	node = call(b, call(b, call(b, GS_ROOT_NODE, "runtime.goexit.abi0", 0), "main.fromperf", 0), "do_syscall_64", GS_FRAME_KERNEL);
	runs = gs_timeline_runs_create(over.mem, t);
	for (uint32_t c = 0; c < t->n_chunks; c++)
		for (uint32_t m = 0; m < t->n_threads; m++) {
			const gs_chunk_runs *r = gs_timeline_runs_of(runs, c);

			for (uint32_t k = r->thread_first[m]; k < r->thread_first[m + 1] && n < N_PLACED; k++) {
				gs_interval i = gs_timeline_interval_at(t, c, r->thread_runs[k]);

				if (i.end_ns - i.start_ns < 1000 || i.thread != m)
					continue;
				expected[n++] = gs_timeline_goroutine_at(t, c, r->thread_runs[k]);
				sample(b, node, i.start_ns + (i.end_ns - i.start_ns) / 2, t->threads[m].id, PID);
			}
		}
	CHECK_INT(n, N_PLACED);
	sample(b, node, 5000, 999999, PID); /* a thread that the trace does not know */
	sample(b, node, -5000, t->threads[0].id, PID);
	sample(b, node, t->duration_ns + 5, t->threads[0].id, PID);
	sample(b, node, 5000, 999999, PID + 1); /* another process */
	over.profile = gs_profile_builder_finish(b, &err);
	CHECK(over.profile != NULL);
}

static gs_document *load_over(const char *file, bool must, gs_err *err)
{
	const gs_document *list[] = { &over };

	return gs_load_file(tap_data(file), &(gs_load_options){ .overlays = list, .n_overlays = 1, .must_overlay = must }, NULL, err);
}

static void drop_over(void)
{
	gs_arena_free(over.mem);
	gs_document_close(plain);
}

static int64_t total(const gs_profile *p, gs_time_value v)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < p->n_samples; i++)
		sum += p->values[v][i];
	return sum;
}

TEST(samples_are_on_the_goroutines_of_their_threads)
{
	gs_err err = { 0 };
	gs_document *d;
	const gs_timeline *t;
	uint32_t n_of[1 << 12] = { 0 }, n_known = 0;
	bool rises = true, is_whole = true, is_right = true;

	make_over();
	d = load_over("data/go1.26/trace.gz", true, &err);
	CHECK_STR(gs_str_of(err.text), GS_S(""));
	t = d->timeline;
	CHECK_INT(t->n_overlays, 1);
	CHECK_INT(t->overlays[0].n_samples, N_PLACED + 3);
	CHECK_INT(t->overlays[0].n_outside, 2);
	CHECK_INT(t->overlays[0].n_unplaced, 1);
	CHECK_INT(t->n_cpu_samples, N_PLACED + 1);
	CHECK_INT(total(d->profile, GS_TIME_CPU_SAMPLES), N_PLACED + 1);
	CHECK_INT(total(d->profile, GS_TIME_CPU), (N_PLACED + 1) * 5000000);
	CHECK_INT(total(d->profile, GS_TIME_WALL), total(plain->profile, GS_TIME_WALL));
	for (uint32_t i = 0; i < N_PLACED; i++)
		n_of[expected[i]]++;
	for (uint32_t i = 0; i < t->n_cpu_samples; i++) {
		const gs_timeline_cpu_sample *s = &t->cpu_samples[i];
		const gs_profile *p = d->profile;
		uint32_t leaf = s->stack, caller = p->nodes[leaf].parent;

		rises &= !i || t->cpu_samples[i - 1].time_ns <= s->time_ns;
		is_whole &= gs_str_eq(gs_profile_str(p, p->functions[p->frames[p->nodes[leaf].frame].function].name), GS_S("do_syscall_64"));
		is_whole &= (p->frames[p->nodes[leaf].frame].flags & GS_FRAME_KERNEL) != 0;
		/* goexit is gone: the goroutine's function is the root, as in all stacks of the trace. */
		is_whole &= gs_str_eq(gs_profile_str(p, p->functions[p->frames[p->nodes[caller].frame].function].name), GS_S("main.fromperf"));
		is_whole &= p->nodes[caller].parent == GS_ROOT_NODE;
		if (s->goroutine == GS_NO_INDEX)
			continue;
		n_known++;
		is_right &= n_of[s->goroutine] > 0;
		n_of[s->goroutine] -= n_of[s->goroutine] > 0;
	}
	CHECK(rises && is_whole && is_right);
	CHECK_INT(n_known, N_PLACED);
	gs_document_close(d);
	drop_over();
}

TEST(what_does_not_fit_is_said)
{
	gs_err err = { 0 };
	gs_document *d;

	make_over();
	d = load_over("data/go1.21/trace.gz", true, &err);
	CHECK(!d && gs_str_has(gs_str_of(err.text), GS_S("Go 1.22")));
	over.profile->is_monotonic = false;
	d = load_over("data/go1.26/trace.gz", true, &err);
	CHECK(!d && gs_str_has(gs_str_of(err.text), GS_S("CLOCK_MONOTONIC")));
	/* In a folder it is a warning, and the trace stays as it was. */
	d = load_over("data/go1.26/trace.gz", false, &err);
	CHECK(d != NULL);
	CHECK_INT(d->profile->n_warnings, plain->profile->n_warnings + 1);
	CHECK_INT(d->timeline->n_cpu_samples, plain->timeline->n_cpu_samples);
	CHECK_INT(d->timeline->n_overlays, 0);
	gs_document_close(d);
	over.profile->is_monotonic = true;
	over.profile->monotonic_offset_ns += 3600000000000;
	d = load_over("data/go1.26/trace.gz", true, &err);
	CHECK(!d && gs_str_has(gs_str_of(err.text), GS_S("another time")));
	drop_over();
}

TEST(a_profile_without_times_is_an_interval)
{
	gs_err err = { 0 };
	const gs_timeline_clock *c;
	gs_document *d;

	make_over();
	c = &plain->timeline->clocks[0];
	over.profile->sample_time_ns = NULL;
	over.profile->time_ns = c->wall_ns - c->time_ns + 2000;
	over.profile->duration_ns = 3000;
	d = load_over("data/go1.26/trace.gz", true, &err);
	CHECK_STR(gs_str_of(err.text), GS_S(""));
	CHECK_INT(d->timeline->n_overlays, 1);
	CHECK(!d->timeline->overlays[0].has_times);
	CHECK_INT(d->timeline->overlays[0].start_ns, 2000);
	CHECK_INT(d->timeline->overlays[0].end_ns, 5000);
	CHECK_INT(d->timeline->n_cpu_samples, plain->timeline->n_cpu_samples);
	gs_document_close(d);
	drop_over();
}
