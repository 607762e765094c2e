/* gospect leaks: goroutines that can never wake, suspects, and where memory piles up. */
#include "analysis/leaks_dump.h"
#include "app/heap_call.h"
#include "app/live.h"
#include "app/moments.h"
#include "app/open.h"
#include "app/snapshot.h"
#include "base/clock.h"
#include "capture/http.h"
#include "present/leaks.h"

#include "base/banned.h"

enum { MAX_INPUTS = 64, MAX_MOMENTS = 256, MIN_PILE_BYTES = 1 << 20 };

static const gs_arg args[] = {
	{ "limit", GS_ARG_INT, .def = "20", .unit = "rows", .short_name = 'n', .help = "how many places of each kind to show; 0: all" },
	{ "min-count", GS_ARG_INT, .def = "50", .unit = "goroutines", .help = "so many waiting at one line are suspicious" },
	{ "min-wait", GS_ARG_DURATION, .def = "10m", .help = "so are several of which one has waited so long (the runtime notes it at collections)" },
	{ "min-memory", GS_ARG_FLOAT, .def = "5", .unit = "percent", .help = "name places with this much of the live heap, and at least 1 MB" },
	{ "memory", GS_ARG_BOOL, .def = "1", .help = "also where memory piles up, and what suspects retain (takes longer than the proof)" },
	{ "fail-on", GS_ARG_ENUM, .def = "proven", .values = "proven suspects never", .help = "what makes the exit status 1" },
	{ "every", GS_ARG_DURATION, .help = "of a process: a snapshot so often, to see what grows" },
	{ "for", GS_ARG_DURATION, .def = "1m", .help = "with --every: for so long" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

typedef struct question {
	gs_op_call *call;
	gs_document *opened[MAX_INPUTS]; /* ours to close */
	unsigned n_opened;
	gs_heap *taken; /* the last snapshot of a process */
	const gs_heap *heaps[MAX_INPUTS]; /* the last is the one in question */
	const gs_heap_index *indexes[MAX_INPUTS]; /* NULL: not made yet */
	unsigned n_heaps;
	const gs_document *dumps[MAX_INPUTS];
	unsigned n_dumps;
	gs_map counts[MAX_MOMENTS];
	double at_s[MAX_MOMENTS + 1]; /* of a process, when each of these was, and this moment */
	unsigned n_counts, n_counted; /* heaps of which the counts are taken */
	gs_str note;
} question;

static bool usage(gs_err *err)
{
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
		       "leaks needs a core, a process or a goroutine dump: gospect leaks PID, gospect leaks [BEFORE] CORE");
}

static bool add_document(question *q, const gs_document *d, gs_err *err)
{
	if (q->n_heaps >= MAX_INPUTS || q->n_dumps >= MAX_INPUTS)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "leaks: more than %d inputs", MAX_INPUTS);
	if (d->heap) {
		q->indexes[q->n_heaps] = d->heap_index;
		q->heaps[q->n_heaps++] = d->heap;
	} else if (d->kind == GS_DOCUMENT_GOROUTINES || d->kind == GS_DOCUMENT_PROFILE) {
		q->dumps[q->n_dumps++] = d;
	}
	return true;
}

/* ---- earlier moments ---- */

static bool count(question *q, const gs_heap *h, gs_err *err)
{
	if (q->n_counts >= MAX_MOMENTS)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "leaks: more than %d moments: take them less often", MAX_MOMENTS);
	return gs_leak_count(h, &q->counts[q->n_counts++], err);
}

/* Of the first `n` heaps, those that have not been. */
static bool count_heaps(question *q, unsigned n, gs_err *err)
{
	for (; q->n_counted < n; q->n_counted++)
		if (!count(q, q->heaps[q->n_counted], err))
			return false;
	return true;
}

/* ---- a process ---- */

static bool add_process(question *q, gs_str target, gs_err *err)
{
	int64_t every = gs_call_int(q->call, "every"), start = gs_now_ns(), end = start + gs_call_int(q->call, "for");

	if (q->taken)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "leaks looks at one process at a time: --every shows what grows in it");
	if (!count_heaps(q, q->n_heaps, err))
		return false;
	for (unsigned i = 1;; i++) {
		q->at_s[q->n_counts] = (double)(gs_now_ns() - start) / 1e9;
		q->taken = gs_call_heap_of_process(q->call, target, &q->note, err);
		if (!q->taken)
			return false;
		if (!every || start + i * every > end || gs_progress_should_stop(q->call->progress))
			break;
		if (!count(q, q->taken, err))
			return false;
		gs_heap_free(q->taken);
		q->taken = NULL;
		gs_sleep_until(start + i * every, q->call->progress);
	}
	q->indexes[q->n_heaps] = NULL;
	q->heaps[q->n_heaps++] = q->taken;
	return true;
}

/* ---- other inputs of the command line ---- */

static bool add_file(question *q, gs_str path, gs_err *err)
{
	gs_str binary = gs_call_str(q->call, "binary");
	gs_load_options options = { .executable = binary.n ? gs_cstr(q->call->mem, binary) : NULL };
	gs_documents d = { 0 };
	/* An address tells of goroutines, and what Go's own detector says where there is one. */
	gs_open_options live = { .only = GS_S("goroutines,goroutineleak") };
	bool ok = gs_live_is(path) ? gs_live_open(path, &live, q->call->progress, &d, NULL, err) :
				     gs_load_input(gs_cstr(q->call->mem, path), &options, q->call->progress, &d, NULL, err);
	unsigned before = q->n_heaps + q->n_dumps;

	for (unsigned i = 0; ok && i < d.n; i++) {
		gs_document *doc = d.list[i];

		/* Of a capture, what is about goroutines; of a single file, what it is, for the error that it deserves. */
		if (d.n > 1 && !doc->heap && !gs_str_starts(gs_document_part(doc), GS_S("goroutine")))
			continue;
		if (q->n_opened == MAX_INPUTS)
			ok = gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "leaks: more than %d inputs", MAX_INPUTS);
		else
			ok = add_document(q, doc, err);
		if (ok) {
			q->opened[q->n_opened++] = doc;
			d.list[i] = NULL;
		}
	}
	for (unsigned i = 0; i < d.n; i++)
		if (d.list[i])
			gs_document_close(d.list[i]);
	d.n = 0;
	gs_documents_close(&d);
	if (ok && q->n_heaps + q->n_dumps == before)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no core and no goroutine dump", GS_FMT(path));
	return ok;
}

static bool add_inputs(question *q, gs_err *err)
{
	gs_op_call *call = q->call;

	for (unsigned i = 0; i < call->n_docs; i++)
		if (!add_document(q, call->docs[i], err))
			return false;
	for (unsigned i = 0; i < call->n_paths; i++)
		if (!(gs_live_is(call->paths[i]) && !gs_http_target_like(call->paths[i]) ? add_process : add_file)(q, call->paths[i], err))
			return false;
	return q->n_heaps + q->n_dumps > 0 || usage(err);
}

/* ---- the answer ---- */

static const gs_heap_index *index_of(question *q, unsigned i, gs_err *err)
{
	if (!q->indexes[i]) {
		gs_progress_report(q->call->progress, -1, "who holds what");
		q->indexes[i] = gs_heap_index_build(q->call->mem, q->heaps[i], NULL, err);
	}
	return q->indexes[i];
}

static bool find_allocators(question *q, gs_leak_report *r, gs_err *err)
{
	gs_heap_allocators *allocators = gs_new(q->call->mem, gs_heap_allocators, 1);
	gs_heap_places *places = gs_new(q->call->mem, gs_heap_places, 1);

	if (!gs_heap_places_find(q->call->mem, r->heap, places, err) ||
	    !gs_heap_suspects_allocators(q->call->mem, r->heap, r->held, r->dominators, r->names, r->suspects, places, allocators, err))
		return false;
	r->allocators = allocators;
	r->places = places;
	return true;
}

static bool find_suspects(question *q, gs_leak_report *r, gs_heap_suspects *out, gs_err *err)
{
	const gs_heap_index *now = index_of(q, q->n_heaps - 1, err), *then = NULL;
	gs_heap_before before = { 0 };
	uint64_t least;
	bool ok = now;

	if (ok && q->n_heaps > 1) {
		then = index_of(q, 0, err);
		ok = then && gs_heap_before_make(q->call->mem, &then->held, then->names, &before, err);
	}
	if (ok) {
		least = (uint64_t)(gs_call_float(q->call, "min-memory") / 100 * (double)r->heap->totals.live_bytes);
		if (least < MIN_PILE_BYTES)
			least = MIN_PILE_BYTES;
		ok = gs_heap_suspects_find(q->call->mem, &now->held, &now->dominators, now->names, least, then ? &before : NULL, out, err);
		r->suspects = out;
		r->held = &now->held;
		r->dominators = &now->dominators;
		r->names = now->names;
	}
	gs_map_release(&before.index);
	return ok && (!out->n || (gs_heap_shortest(q->call->mem, r->heap, r->dominators, &r->shortest, err) && (!r->heap->n_samples || find_allocators(q, r, err))));
}

static bool check_dumps(question *q, gs_leak_report *r, const gs_leaks *l, gs_err *err)
{
	gs_leak_check *checks = gs_new(q->call->mem, gs_leak_check, q->n_dumps + 1);

	for (unsigned i = 0; i < q->n_dumps; i++) {
		if (gs_leaks_check(q->call->mem, q->dumps[i], l, &checks[r->n_checks], err))
			r->n_checks++;
		else if (err->code != GS_ERR_NONE)
			return false;
	}
	r->checks = checks;
	return true;
}

static bool look_at_heap(question *q, const gs_leak_options *options, gs_leak_report *r, gs_leaks *l, gs_err *err)
{
	const gs_heap *h = q->heaps[q->n_heaps - 1];
	gs_leak_proof *proof = gs_new(q->call->mem, gs_leak_proof, 1);
	gs_heap_suspects *suspects = gs_new(q->call->mem, gs_heap_suspects, 1);
	gs_leak_options o = *options;
	int64_t start;

	r->heap = h;
	if (!count_heaps(q, q->n_heaps - 1, err))
		return false;
	if (gs_call_bool(q->call, "memory") && !find_suspects(q, r, suspects, err))
		return false;
	o.before = q->counts;
	o.n_before = q->n_counts;
	o.at_s = q->n_heaps == 1 ? q->at_s : NULL; /* cores do not say when they were */
	start = gs_now_ns();
	if (!gs_leak_prove(q->call->mem, h, q->call->progress, proof, err))
		return false;
	r->proof_ns = gs_now_ns() - start;
	r->proof = proof;
	r->note = q->note;
	return gs_leaks_build(q->call->mem, h, proof, r->suspects ? &q->indexes[q->n_heaps - 1]->dominators : NULL, &o, l, err) &&
	       check_dumps(q, r, l, err);
}

static bool answer(question *q, gs_err *err)
{
	gs_op_call *call = q->call;
	gs_str fail_on = gs_call_str(call, "fail-on");
	gs_leak_options options = { .min_count = (uint32_t)gs_call_int(call, "min-count"), .min_wait_ns = gs_call_int(call, "min-wait"), .confidence = 0.95 };
	gs_leak_report r = { .max_rows = (uint32_t)gs_call_int(call, "limit"), .confidence = options.confidence };
	gs_leaks l;

	r.leaks = &l;
	if (q->n_heaps) {
		if (!look_at_heap(q, &options, &r, &l, err))
			return false;
	} else if (!gs_leaks_of_dump(call->mem, q->dumps[q->n_dumps - 1], q->dumps, q->n_dumps - 1, &options, &l, err)) {
		return false;
	}
	if (strcmp(call->format, "json") == 0)
		gs_leaks_json(call->out, call->mem, &r);
	else
		gs_leaks_text(call->out, &r);
	if ((l.n_proven && !gs_str_eq(fail_on, GS_S("never"))) || (l.n_suspects && gs_str_eq(fail_on, GS_S("suspects"))))
		call->exit_status = 1;
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	question *q = gs_new(call->mem, question, 1);
	bool ok;

	q->call = call;
	ok = add_inputs(q, err) && answer(q, err);
	for (unsigned i = 0; i < q->n_counts; i++)
		gs_map_release(&q->counts[i]);
	gs_heap_free(q->taken);
	for (unsigned i = 0; i < q->n_opened; i++)
		gs_document_close(q->opened[i]);
	return ok;
}

extern const gs_op gs_op_leaks;
const gs_op gs_op_leaks = {
	.name = "leaks",
	.summary = "goroutines that can never wake, goroutines that pile up, and where memory piles up",
	.help = "Proven: nothing that can still run has a way to the channel, lock, WaitGroup or condition that the goroutine waits for, so nobody can ever wake it. Decided as\n"
		"Go 1.27's own detector does, from outside and for every version since 1.19: the process needs no endpoint and pauses for milliseconds.\n"
		"When in doubt it is not proven.\n"
		"\n"
		"Suspects: many goroutines at one line, or long waits; somebody still has a way to wake them, and that way is shown. With two snapshots, or with\n"
		"--every of a process, places where goroutines become more: from five moments on with the slope, its confidence and the verdict of gospect trend. Memory: the map, slice or struct below which much has gathered.\n"
		"\n"
		"A goroutine dump or profile alone gives the weaker judgments; one of Go's own detector (/debug/pprof/goroutineleak) beside a core is compared with\n"
		"the proof. The exit status is 1 when something is proven.\n"
		"\n"
		"  gospect leaks 4242\n"
		"  gospect leaks before.core after.core\n"
		"  gospect leaks --every 10s --for 1m 4242\n"
		"  gospect leaks core.4242 goroutineleak.pprof\n",
	.operands = "CORE|PID|DUMP...",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP | 1u << GS_DOCUMENT_GOROUTINES | 1u << GS_DOCUMENT_PROFILE,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
