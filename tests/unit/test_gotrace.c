#include "base/file.h"
#include "format/gotrace/gotrace.h"
#include "gotrace_rows.h"
#include "tap.h"

typedef struct counts {
	uint64_t events, syncs, tasks, regions, logs, samples, creates;
	int64_t last_ns;
	bool is_rising;
	uint64_t fail_at; /* event at which the sink refuses; 0: never */
} counts;

static bool on_sync(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_sync *s, gs_err *err)
{
	counts *c = ctx;

	(void)g;
	(void)err;
	c->syncs++;
	c->is_rising &= s->time_ns > c->last_ns;
	c->last_ns = s->time_ns;
	return true;
}

static bool on_event(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	counts *c = ctx;

	(void)g;
	c->events++;
	c->tasks += e->type == GS_GOTRACE_USER_TASK_BEGIN;
	c->regions += e->type == GS_GOTRACE_USER_REGION_BEGIN;
	c->logs += e->type == GS_GOTRACE_USER_LOG;
	c->samples += e->type == GS_GOTRACE_CPU_SAMPLE;
	c->creates += e->type == GS_GOTRACE_GO_CREATE;
	c->is_rising &= e->time_ns > c->last_ns;
	c->last_ns = e->time_ns;
	if (c->fail_at && c->events == c->fail_at)
		return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "enough");
	return true;
}

static bool read(gs_str bytes, counts *c, gs_gotrace_report *report, gs_err *err)
{
	gs_gotrace_sink sink = { c, on_sync, on_event };

	c->last_ns = INT64_MIN;
	c->is_rising = true;
	return gs_gotrace_read(bytes, &sink, report, err);
}

static const char *const samples[] = {
	"go1.22", "go1.23", "go1.25", "go1.26",
	/* Several generations, over which system calls, tasks and regions go on. */
	"go1.22-generations", "go1.25-generations", "go1.26-generations",
};
enum { N_SAMPLES = 7, FIRST_OF_MANY = 4 };

static bool open_sample(unsigned i, gs_file *f)
{
	char name[80];
	gs_err err = { 0 };

	snprintf(name, sizeof(name), "../fuzz/corpus/gotrace/%s.trace", samples[i]);
	return gs_file_open(tap_data(name), 1 << 24, f, &err);
}

TEST(traces_of_each_version_are_read_to_the_end)
{
	for (unsigned i = 0; i < N_SAMPLES; i++) {
		GS_AUTO(file) f = { 0 };
		counts c = { 0 };
		gs_gotrace_report report;
		gs_err err = { 0 };

		CHECK(open_sample(i, &f));
		CHECK(read(f.bytes, &c, &report, &err));
		CHECK(!report.is_damaged && c.is_rising);
		CHECK_INT(report.events, c.events);
		CHECK_INT(c.syncs, report.generations + 1);
		CHECK_INT(report.generations > 1, i >= FIRST_OF_MANY);
		if (i < FIRST_OF_MANY)
			CHECK(c.tasks > 0 && c.regions == c.tasks && c.logs <= c.regions && c.creates > 20);
		else
			CHECK(c.tasks == 2 && c.regions == 2);
	}
}

TEST(a_cut_trace_keeps_all_complete_generations_and_says_what_is_lost)
{
	for (unsigned i = 0; i < N_SAMPLES; i++) {
		GS_AUTO(file) f = { 0 };
		counts whole = { 0 };
		gs_gotrace_report all;
		gs_err err = { 0 };

		CHECK(open_sample(i, &f));
		CHECK(read(f.bytes, &whole, &all, &err));
		for (size_t n = 0; n < f.bytes.n; n += f.bytes.n / 200 + 1) {
			counts c = { 0 };
			gs_gotrace_report report;

			err = (gs_err){ 0 };
			if (!read(gs_str_slice(f.bytes, 0, n), &c, &report, &err))
				CHECK(err.code == GS_ERR_FORMAT && err.text[0]);
			else if (report.is_damaged)
				CHECK(report.damage.text[0] && report.lost_bytes < n && report.is_cut);
			CHECK(c.is_rising && c.events <= whole.events);
		}
	}
}

/* Go's reader refuses these: "time stamps out of order". */
TEST(times_of_version_1_that_run_backwards_are_moved)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < 2; i++) {
		GS_AUTO(file) f = { 0 };
		counts whole = { 0 };
		gs_gotrace_report all;
		gs_err err = { 0 };
		char *bytes;

		CHECK(gs_file_open(tap_data(i ? "../fuzz/corpus/gotrace/go1.21.trace" : "../fuzz/corpus/gotrace/go1.19.trace"), 1 << 24, &f, &err));
		CHECK(read(f.bytes, &whole, &all, &err) && all.version < 22);
		CHECK_INT(all.clamped_times, 0);
		bytes = malloc(f.bytes.n);
		memcpy(bytes, f.bytes.p, f.bytes.n);
		/* A higher bit of some time. */
		for (size_t at = 17; at < f.bytes.n; at += 4) {
			counts c = { 0 };
			gs_gotrace_report report;

			bytes[at] = (char)(bytes[at] ^ 0x20);
			if (read((gs_str){ bytes, f.bytes.n }, &c, &report, &err) && report.clamped_times && !report.is_damaged) {
				CHECK(c.is_rising);
				moved += c.events == whole.events;
			}
			bytes[at] = f.bytes.p[at];
		}
		free(bytes);
	}
	CHECK(moved > 20);
}

TEST(a_trace_of_another_kind_is_named)
{
	counts c = { 0 };
	gs_gotrace_report report;
	gs_err err = { 0 };

	CHECK(!read(GS_S("not a trace at all"), &c, &report, &err) && err.code == GS_ERR_FORMAT);
	CHECK(!read(GS_S("go 1.5 trace\0\0\0\0\x01\x02"), &c, &report, &err) && err.code == GS_ERR_UNSUPPORTED);
	CHECK(strstr(err.text, "1.5") != NULL);
}

TEST(what_the_sink_refuses_is_the_answer)
{
	GS_AUTO(file) f = { 0 };
	counts c = { .fail_at = 10 };
	gs_gotrace_report report;
	gs_err err = { 0 };

	CHECK(open_sample(3, &f));
	CHECK(!read(f.bytes, &c, &report, &err) && err.code == GS_ERR_STOPPED);
	CHECK_INT(c.events, 10);
}

TEST(running_out_of_memory_at_any_point_is_an_answer)
{
	GS_AUTO(file) f = { 0 };
	bool is_done = false;

	CHECK(open_sample(3, &f));
	for (uint64_t k = 1; !is_done && k < 5000; k++) {
		counts c = { 0 };
		gs_gotrace_report report;
		gs_err err = { 0 };
		bool ok;

		gs_alloc_fail_after(k);
		ok = read(f.bytes, &c, &report, &err);
		gs_alloc_fail_after(0);
		if (!ok)
			CHECK_INT(err.code, GS_ERR_LIMIT);
		else if (report.is_damaged)
			CHECK_INT(report.damage.code, GS_ERR_LIMIT);
		else
			is_done = true;
	}
	CHECK(is_done);
}

TEST(generations_read_side_by_side_give_the_same_events)
{
	for (unsigned i = 0; i < N_SAMPLES; i++)
		for (unsigned threads = 1; threads <= 3; threads++) {
			GS_AUTO(file) f = { 0 };
			gotrace_rows serial = { 0 }, parallel = { 0 };
			gs_gotrace_report a, b;
			gs_err err = { 0 };

			CHECK(open_sample(i, &f));
			CHECK(gotrace_read_serial(f.bytes, &serial, &a, &err));
			CHECK(gotrace_read_parts(f.bytes, threads, &parallel, &b, &err));
			CHECK_INT(gotrace_rows_differ(&serial, &parallel), SIZE_MAX);
			CHECK_INT(a.events, b.events);
			CHECK_INT(a.generations, b.generations);
			CHECK_INT(a.end_ns, b.end_ns);
			CHECK_INT(parallel.n_corrections > 0, i >= FIRST_OF_MANY);
			gotrace_rows_release(&serial);
			gotrace_rows_release(&parallel);
		}
}

TEST(a_cut_trace_reads_the_same_side_by_side)
{
	for (unsigned i = 0; i < N_SAMPLES; i++) {
		GS_AUTO(file) f = { 0 };

		CHECK(open_sample(i, &f));
		for (size_t n = 0; n < f.bytes.n; n += f.bytes.n / 100 + 1) {
			gotrace_rows serial = { 0 }, parallel = { 0 };
			gs_gotrace_report a, b;
			gs_err ea = { 0 }, eb = { 0 };
			bool ok = gotrace_read_serial(gs_str_slice(f.bytes, 0, n), &serial, &a, &ea);

			CHECK(gotrace_read_parts(gs_str_slice(f.bytes, 0, n), 2, &parallel, &b, &eb) == ok);
			if (ok)
				CHECK_INT(gotrace_rows_differ(&serial, &parallel), SIZE_MAX);
			CHECK_STR(gs_str_of(ea.text), gs_str_of(eb.text));
			CHECK(a.is_damaged == b.is_damaged && a.lost_bytes == b.lost_bytes);
			CHECK_STR(gs_str_of(a.damage.text), gs_str_of(b.damage.text));
			gotrace_rows_release(&serial);
			gotrace_rows_release(&parallel);
		}
	}
}

/* Tasks begin in one generation and end in another, with their names. */
TEST(the_stitch_knows_the_names_of_tasks_that_began_earlier)
{
	for (unsigned i = FIRST_OF_MANY; i < N_SAMPLES; i++) {
		GS_AUTO(file) f = { 0 };
		gotrace_rows rows = { 0 };
		gs_gotrace_report report;
		gs_err err = { 0 };
		unsigned ended = 0;

		CHECK(open_sample(i, &f));
		CHECK(gotrace_read_parts(f.bytes, 2, &rows, &report, &err));
		for (size_t k = 0; k < rows.events.n; k++)
			if (rows.events.p[k].type == GS_GOTRACE_USER_TASK_END) {
				CHECK_STR(rows.events.p[k].name, ended++ ? GS_S("second") : GS_S("long"));
			}
		CHECK_INT(ended, 2);
		gotrace_rows_release(&rows);
	}
}

/* A sink that needs no memory; `open` generations are neither stitched nor discarded yet. */
typedef struct quiet {
	int open;
	uint64_t events;
} quiet;

static bool quiet_begin(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err)
{
	quiet *q = ctx;

	(void)index;
	(void)g;
	(void)err;
	q->open++;
	*events = q;
	return true;
}

static bool quiet_event(void *events, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	(void)events;
	(void)g;
	(void)e;
	(void)err;
	return true;
}

static void quiet_discard(void *ctx, void *events)
{
	quiet *q = ctx;

	(void)events;
	q->open--;
}

static bool quiet_stitch(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err)
{
	quiet *q = ctx;

	(void)events;
	(void)g;
	(void)err;
	q->open--;
	q->events += s->events;
	return true;
}

/* What fails while a generation is read on its own may well work when it is read again. */
TEST(running_out_of_memory_side_by_side_is_an_answer)
{
	GS_AUTO(file) f = { 0 };
	uint64_t all = 0, again = 0, damaged = 0;

	CHECK(open_sample(N_SAMPLES - 1, &f));
	for (uint64_t k = 0; k < 600; k++) {
		quiet q = { 0 };
		gs_gotrace_parallel_sink sink = { &q, quiet_begin, quiet_event, NULL, quiet_discard, quiet_stitch };
		gs_gotrace_report report;
		gs_err err = { 0 };
		bool ok;

		gs_alloc_fail_after(k);
		ok = gs_gotrace_read_parallel(f.bytes, 1, &sink, &report, &err);
		gs_alloc_fail_after(0);
		CHECK_INT(q.open, 0);
		if (!ok) {
			CHECK_INT(err.code, GS_ERR_LIMIT);
			continue;
		}
		CHECK_INT(q.events, report.events);
		all = k ? all : report.events;
		again += report.events == all;
		damaged += report.is_damaged;
		if (report.is_damaged)
			CHECK_INT(report.damage.code, GS_ERR_LIMIT);
		else
			CHECK_INT(report.events, all);
	}
	CHECK(again > 100 && damaged > 3);
}

/* Contradictions between generations among others: those are found by the stitch, and told by reading again. */
TEST(a_wrong_byte_anywhere_reads_the_same_side_by_side)
{
	unsigned damaged = 0, whole = 0;

	for (unsigned i = FIRST_OF_MANY; i < N_SAMPLES; i++) {
		GS_AUTO(file) f = { 0 };
		char *bytes;

		CHECK(open_sample(i, &f));
		bytes = malloc(f.bytes.n);
		memcpy(bytes, f.bytes.p, f.bytes.n);
		for (size_t at = 17; at < f.bytes.n; at += f.bytes.n / 700 + 1) {
			gs_str changed = { bytes, f.bytes.n };
			gotrace_rows serial = { 0 }, parallel = { 0 };
			gs_gotrace_report a, b;
			gs_err ea = { 0 }, eb = { 0 };
			bool ok;

			bytes[at] = (char)(bytes[at] ^ (1 << at % 7));
			ok = gotrace_read_serial(changed, &serial, &a, &ea);
			CHECK(gotrace_read_parts(changed, 2, &parallel, &b, &eb) == ok);
			if (ok)
				CHECK_INT(gotrace_rows_differ(&serial, &parallel), SIZE_MAX);
			CHECK(a.is_damaged == b.is_damaged && a.generations == b.generations && a.lost_bytes == b.lost_bytes);
			CHECK(a.is_cut == b.is_cut && a.lost_generations == b.lost_generations && a.good_until_ns == b.good_until_ns &&
			      a.lost_until_ns == b.lost_until_ns);
			CHECK_STR(gs_str_of(a.damage.text), gs_str_of(b.damage.text));
			damaged += a.is_damaged;
			whole += !a.is_damaged;
			gotrace_rows_release(&serial);
			gotrace_rows_release(&parallel);
			bytes[at] = f.bytes.p[at];
		}
		free(bytes);
	}
	CHECK(damaged > 300 && whole > 300);
}

TEST(a_parallel_sink_may_refuse_too)
{
	GS_AUTO(file) f = { 0 };
	gotrace_rows rows = { .fail_at = 10 };
	gs_gotrace_report report;
	gs_err err = { 0 };

	CHECK(open_sample(3, &f));
	CHECK(!gotrace_read_parts(f.bytes, 2, &rows, &report, &err) && err.code == GS_ERR_STOPPED);
	gotrace_rows_release(&rows);
}

/* Flip bits in the middle of the first generation's tables, then in its events: what is lost is counted to the byte. */
TEST(damage_loses_what_is_damaged_and_says_how_much)
{
	for (unsigned i = FIRST_OF_MANY; i < N_SAMPLES; i++) {
		GS_AUTO(file) f = { 0 };
		counts whole = { 0 };
		gs_gotrace_report all;
		gs_err err = { 0 };
		char *bytes;

		CHECK(open_sample(i, &f));
		CHECK(read(f.bytes, &whole, &all, &err));
		bytes = malloc(f.bytes.n);
		for (size_t at = f.bytes.n / 50; at < f.bytes.n; at += f.bytes.n / 50) {
			counts c = { 0 };
			gs_gotrace_report report;

			memcpy(bytes, f.bytes.p, f.bytes.n);
			memset(bytes + at, 0xff, f.bytes.n - at < 40 ? f.bytes.n - at : 40);
			err = (gs_err){ 0 };
			if (!read((gs_str){ bytes, f.bytes.n }, &c, &report, &err) || !report.is_damaged)
				continue;
			CHECK(report.generations <= all.generations && report.generations + report.lost_generations <= all.generations);
			CHECK(report.lost_bytes > 0 && report.lost_bytes < f.bytes.n);
			CHECK(report.lost_until_ns == GS_GOTRACE_NO_TIME || report.lost_until_ns > report.good_until_ns);
			CHECK(c.is_rising);
		}
		free(bytes);
	}
}

/* Events by the generation that they came with. */
typedef struct by_generation {
	uint64_t events[64], starts[64];
	int64_t first_ns[64];
	unsigned n;
	unsigned gaps;
	gs_gotrace_gap gap; /* the last */
} by_generation;

static bool parts_begin(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err)
{
	(void)index;
	(void)g;
	(void)err;
	*events = ctx;
	return true;
}

static void parts_discard(void *ctx, void *events)
{
	(void)ctx;
	(void)events;
}

static bool parts_stitch(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err)
{
	by_generation *b = ctx;
	const gs_gotrace_gap *gap = gs_gotrace_gap_before(g);

	(void)events;
	(void)err;
	if (gap) {
		b->gaps++;
		b->gap = *gap;
		CHECK(gap->until_ns > gap->from_ns && gap->until_ns <= s->sync.time_ns && gap->until_at >= gap->from_at && gap->why.text[0]);
	}
	if (b->n < 64) {
		b->first_ns[b->n] = s->sync.time_ns;
		b->starts[b->n] = (uint64_t)(uintptr_t)s->bytes.p;
		b->events[b->n++] = s->events;
	}
	return true;
}

static bool read_parts(gs_str bytes, by_generation *b, gs_gotrace_report *report, gs_err *err)
{
	gs_gotrace_parallel_sink sink = { b, parts_begin, quiet_event, NULL, parts_discard, parts_stitch };

	*b = (by_generation){ 0 };
	return gs_gotrace_read_parallel(bytes, 2, &sink, report, err);
}

/* Wherever the damage is, nearly always the generations behind the next one are all there, each event of them; what lies between is a gap. */
TEST(behind_damage_generations_go_on)
{
	unsigned tried = 0, gaps = 0, next = 0, none = 0, fewer = 0;

	for (unsigned i = FIRST_OF_MANY; i < N_SAMPLES; i++) {
		GS_AUTO(file) f = { 0 };
		by_generation all;
		gs_gotrace_report report;
		gs_err err = { 0 };
		char *bytes;

		CHECK(open_sample(i, &f));
		CHECK(read_parts(f.bytes, &all, &report, &err) && !report.is_damaged);
		CHECK(all.n > 3 && all.n < 64 && !all.gaps);
		bytes = malloc(f.bytes.n);
		for (size_t at = 17; at < f.bytes.n; at += f.bytes.n / 1500 + 1) {
			size_t n = at % 3 == 0 ? 1 : at % 3 == 1 ? 20 : 700;
			by_generation some;
			unsigned of = 0, same = 0;

			memcpy(bytes, f.bytes.p, f.bytes.n);
			for (size_t k = at; k < at + n && k < f.bytes.n; k++)
				bytes[k] = at % 2 ? 0 : (char)(bytes[k] ^ 0x5a);
			while (of + 1 < all.n && all.starts[of + 1] - (uintptr_t)f.bytes.p <= at + n)
				of++;
			err = (gs_err){ 0 };
			if (!read_parts((gs_str){ bytes, f.bytes.n }, &some, &report, &err)) {
				none++;
				continue;
			}
			tried++;
			gaps += some.gaps;
			CHECK(some.gaps <= 2 && some.gaps == report.gaps);
			CHECK(!report.gaps || report.is_damaged);
			/* From the end: generations that hold the same. */
			while (same < some.n && same < all.n && some.events[some.n - 1 - same] == all.events[all.n - 1 - same] &&
			       some.first_ns[some.n - 1 - same] == all.first_ns[all.n - 1 - same])
				same++;
			fewer += of + 2 < all.n && same < all.n - of - 2;
			next += of + 1 < all.n && same >= all.n - of - 1;
		}
		free(bytes);
	}
	CHECK(tried > 1000 && gaps > 200 && next > 500 && none < 10);
	/* A wrong name or number that nothing contradicts at once does so later: names of regions, for one. */
	CHECK(fewer * 200 < tried);
}

/* The strings of the last generation are gone: all of its events are still there. */
TEST(a_damaged_table_costs_no_event)
{
	GS_AUTO(file) f = { 0 };
	counts whole = { 0 }, c = { 0 };
	gs_gotrace_report all, report;
	gs_err err = { 0 };
	char *bytes;
	size_t at;

	CHECK(open_sample(N_SAMPLES - 1, &f));
	CHECK(read(f.bytes, &whole, &all, &err));
	bytes = malloc(f.bytes.n);
	memcpy(bytes, f.bytes.p, f.bytes.n);
	/* A string's record: 5, id, length, text. The text of the last one stays, its record's number goes. */
	for (at = f.bytes.n - 3; at > 0 && memcmp(bytes + at, ".go", 3) != 0; at--)
		;
	while (bytes[at] != 5)
		at--;
	bytes[at] = 9;
	CHECK(read((gs_str){ bytes, f.bytes.n }, &c, &report, &err));
	CHECK(report.is_damaged && !report.is_cut);
	CHECK_INT(c.events, whole.events);
	CHECK(report.lost_bytes > 0 && report.lost_bytes <= 65536 + 40);
	CHECK_INT(report.generations, all.generations - 1);
	free(bytes);
}

/* Cut anywhere: there is a whole generation exactly from where the first one ends on. */
TEST(a_cut_trace_knows_whether_a_generation_is_whole)
{
	static const char *const names[] = { "go1.22-generations", "go1.25-generations", "go1.26-generations" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		GS_AUTO(file) f = { 0 };
		gs_err err = { 0 };
		char name[128];
		size_t first = 0, wrong = 0;

		snprintf(name, sizeof(name), "../fuzz/corpus/gotrace/%s.trace", names[i]);
		CHECK(gs_file_read(tap_data(name), 1 << 24, &f, &err));
		for (size_t n = 0; n <= f.bytes.n; n++)
			if (gs_gotrace_holds_generation(gs_str_slice(f.bytes, 0, n)))
				first = first ? first : n;
			else
				wrong += first > 0;
		CHECK(first > 1000 && first < f.bytes.n);
		CHECK_INT(wrong, 0);
	}
	CHECK(!gs_gotrace_holds_generation(GS_S("go 1.19 trace\0\0\0 and more")));
}
