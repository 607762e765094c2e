/*
 * Prints a Go execution trace as `go tool trace -d=parsed` does, for comparison with it. Exit status 1 when the trace is damaged;
 * what came before is printed all the same.
 */
#include <inttypes.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "format/gotrace/gotrace.h"

typedef struct printer {
	gs_buf out;
} printer;

static void flush(printer *p)
{
	fwrite(p->out.p, 1, p->out.n, stdout);
	p->out.n = 0;
}

/* Go's strconv.Quote, for what occurs in traces. */
static void quote(gs_buf *out, gs_str s)
{
	gs_buf_c(out, '"');
	while (s.n) {
		char first = s.p[0];
		size_t before = s.n;
		uint32_t c = gs_utf8_next(&s);

		if (c == '"' || c == '\\')
			gs_buf_f(out, "\\%c", (char)c);
		else if (c == '\n')
			gs_buf_z(out, "\\n");
		else if (c == '\t')
			gs_buf_z(out, "\\t");
		else if (c == '\r')
			gs_buf_z(out, "\\r");
		else if (c == 0xfffd && before - s.n == 1)
			gs_buf_f(out, "\\x%02x", (unsigned char)first);
		else if (c < 0x20 || c == 0x7f)
			gs_buf_f(out, "\\x%02" PRIx32, c);
		else
			gs_utf8_put(out, c);
	}
	gs_buf_c(out, '"');
}

static void string(gs_buf *out, const gs_gotrace_generation *g, uint64_t id)
{
	gs_str s;

	gs_gotrace_string(g, id, &s);
	quote(out, s);
}

static void stack(gs_buf *out, const char *title, const gs_gotrace_generation *g, uint64_t id)
{
	const gs_gotrace_frame *frames;
	uint32_t n;

	gs_gotrace_stack(g, id, &frames, &n);
	gs_buf_f(out, "\n%s=\n", title);
	for (uint32_t i = 0; i < n; i++)
		gs_buf_f(out, "\t%.*s @ 0x%" PRIx64 "\n\t\t%.*s:%" PRIu64 "\n", GS_FMT(frames[i].function), frames[i].pc,
			 GS_FMT(frames[i].file), frames[i].line);
}

static const char *const go_states[] = { "Undetermined", "NotExist", "Runnable", "Running", "Waiting", "Syscall" };
static const char *const proc_states[] = { "Undetermined", "NotExist", "Running", "Idle" };

/* Goroutine transitions whose states follow from the type alone. */
static const struct transition {
	uint8_t from, to;
	bool is_other; /* the goroutine is args[0], not the context's */
} transitions[256] = {
	[GS_GOTRACE_GO_CREATE] = { GS_GO_NOT_EXIST, GS_GO_RUNNABLE, true },
	[GS_GOTRACE_GO_CREATE_BLOCKED] = { GS_GO_NOT_EXIST, GS_GO_WAITING, true },
	[GS_GOTRACE_GO_CREATE_SYSCALL] = { GS_GO_NOT_EXIST, GS_GO_SYSCALL, true },
	[GS_GOTRACE_GO_START] = { GS_GO_RUNNABLE, GS_GO_RUNNING, true },
	[GS_GOTRACE_GO_DESTROY] = { GS_GO_RUNNING, GS_GO_NOT_EXIST, false },
	[GS_GOTRACE_GO_DESTROY_SYSCALL] = { GS_GO_SYSCALL, GS_GO_NOT_EXIST, false },
	[GS_GOTRACE_GO_STOP] = { GS_GO_RUNNING, GS_GO_RUNNABLE, false },
	[GS_GOTRACE_GO_BLOCK] = { GS_GO_RUNNING, GS_GO_WAITING, false },
	[GS_GOTRACE_GO_UNBLOCK] = { GS_GO_WAITING, GS_GO_RUNNABLE, true },
	[GS_GOTRACE_GO_SWITCH] = { GS_GO_WAITING, GS_GO_RUNNABLE, true },
	[GS_GOTRACE_GO_SWITCH_DESTROY] = { GS_GO_WAITING, GS_GO_RUNNABLE, true },
	[GS_GOTRACE_GO_SYSCALL_BEGIN] = { GS_GO_RUNNING, GS_GO_SYSCALL, false },
	[GS_GOTRACE_GO_SYSCALL_END] = { GS_GO_SYSCALL, GS_GO_RUNNING, false },
	[GS_GOTRACE_GO_SYSCALL_END_BLOCKED] = { GS_GO_SYSCALL, GS_GO_RUNNABLE, false },
};

static void go_transition(gs_buf *out, const gs_gotrace_generation *g, const gs_gotrace_event *e)
{
	const struct transition *t = &transitions[e->type];
	bool is_status = e->type == GS_GOTRACE_GO_STATUS || e->type == GS_GOTRACE_GO_STATUS_STACK;
	uint64_t transition_stack = 0;

	gs_buf_f(out, " GoID=%" PRId64 " %s->%s Reason=", (int64_t)(t->is_other || is_status ? e->args[0] : e->g),
		 go_states[is_status ? e->from_state : t->from], go_states[is_status ? e->to_state : t->to]);
	if (e->type == GS_GOTRACE_GO_STOP || e->type == GS_GOTRACE_GO_BLOCK)
		string(out, g, e->args[0]);
	else
		gs_buf_z(out, "\"\"");
	switch (e->type) {
	case GS_GOTRACE_GO_CREATE:
	case GS_GOTRACE_GO_CREATE_BLOCKED:
		/* Go keeps a handle even of stack 0 here and prints its title. */
		stack(out, "TransitionStack", g, e->args[1]);
		return;
	case GS_GOTRACE_GO_STOP:
	case GS_GOTRACE_GO_BLOCK:
	case GS_GOTRACE_GO_SYSCALL_BEGIN:
		transition_stack = e->args[1];
		break;
	case GS_GOTRACE_GO_STATUS_STACK:
		transition_stack = e->args[3];
		break;
	default:
		break;
	}
	if (transition_stack)
		stack(out, "TransitionStack", g, transition_stack);
}

static void proc_transition(gs_buf *out, const gs_gotrace_event *e)
{
	static const struct transition of[] = { [GS_GOTRACE_PROC_START] = { GS_PROC_IDLE, GS_PROC_RUNNING, true },
						[GS_GOTRACE_PROC_STOP] = { GS_PROC_RUNNING, GS_PROC_IDLE, false } };
	bool is_known = e->type == GS_GOTRACE_PROC_START || e->type == GS_GOTRACE_PROC_STOP;

	gs_buf_f(out, " ProcID=%" PRId64 " %s->%s Reason=\"\"",
		 (int64_t)(e->type == GS_GOTRACE_PROC_STOP ? e->p : e->args[0]),
		 proc_states[is_known ? of[e->type].from : e->from_state], proc_states[is_known ? of[e->type].to : e->to_state]);
}

static void range(gs_buf *out, const gs_gotrace_generation *g, const gs_gotrace_event *e)
{
	switch (e->type) {
	case GS_GOTRACE_STW_BEGIN:
	case GS_GOTRACE_STW_END: {
		gs_str kind = e->name;

		if (e->type == GS_GOTRACE_STW_BEGIN)
			gs_gotrace_string(g, e->args[0], &kind);
		gs_buf_f(out, " Name=\"stop-the-world (%.*s)\" Scope=Goroutine(%" PRId64 ")", GS_FMT(kind), (int64_t)e->g);
		break;
	}
	case GS_GOTRACE_GC_ACTIVE:
	case GS_GOTRACE_GC_BEGIN:
	case GS_GOTRACE_GC_END:
		gs_buf_z(out, " Name=\"GC concurrent mark phase\" Scope=None");
		break;
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_SWEEP_END:
		gs_buf_f(out, " Name=\"GC incremental sweep\" Scope=Proc(%" PRId64 ")",
			 (int64_t)(e->type == GS_GOTRACE_GC_SWEEP_ACTIVE ? e->args[0] : e->p));
		break;
	default:
		gs_buf_f(out, " Name=\"GC mark assist\" Scope=Goroutine(%" PRId64 ")",
			 (int64_t)(e->type == GS_GOTRACE_GC_MARK_ASSIST_ACTIVE ? e->args[0] : e->g));
	}
	if (e->type == GS_GOTRACE_GC_SWEEP_END)
		gs_buf_f(out,
			 " Attributes=[\"bytes swept\"=Value{Uint64(%" PRIu64 ")} \"bytes reclaimed\"=Value{Uint64(%" PRIu64 ")}]",
			 e->args[0], e->args[1]);
	else if (e->type == GS_GOTRACE_STW_END || e->type == GS_GOTRACE_GC_END || e->type == GS_GOTRACE_GC_MARK_ASSIST_END)
		gs_buf_z(out, " Attributes=[]");
}

static const char *kind_of(uint8_t type)
{
	switch (type) {
	case GS_GOTRACE_CPU_SAMPLE:
		return "StackSample";
	case GS_GOTRACE_PROCS_CHANGE:
	case GS_GOTRACE_HEAP_ALLOC:
	case GS_GOTRACE_HEAP_GOAL:
		return "Metric";
	case GS_GOTRACE_GO_LABEL:
		return "Label";
	case GS_GOTRACE_STW_BEGIN:
	case GS_GOTRACE_GC_BEGIN:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_MARK_ASSIST_BEGIN:
		return "RangeBegin";
	case GS_GOTRACE_GC_ACTIVE:
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_MARK_ASSIST_ACTIVE:
		return "RangeActive";
	case GS_GOTRACE_STW_END:
	case GS_GOTRACE_GC_END:
	case GS_GOTRACE_GC_SWEEP_END:
	case GS_GOTRACE_GC_MARK_ASSIST_END:
		return "RangeEnd";
	case GS_GOTRACE_USER_TASK_BEGIN:
		return "TaskBegin";
	case GS_GOTRACE_USER_TASK_END:
		return "TaskEnd";
	case GS_GOTRACE_USER_REGION_BEGIN:
		return "RegionBegin";
	case GS_GOTRACE_USER_REGION_END:
		return "RegionEnd";
	case GS_GOTRACE_USER_LOG:
		return "Log";
	default:
		return type >= 128 ? "Experimental" : "StateTransition";
	}
}

static void metric(gs_buf *out, const gs_gotrace_event *e)
{
	const char *name = e->type == GS_GOTRACE_PROCS_CHANGE ? "/sched/gomaxprocs:threads" :
			   e->type == GS_GOTRACE_HEAP_ALLOC   ? "/memory/classes/heap/objects:bytes" :
								"/gc/heap/goal:bytes";

	gs_buf_f(out, " Name=\"%s\" Value=Value{Uint64(%" PRIu64 ")}", name, e->args[0]);
}

static void experimental(gs_buf *out, const gs_gotrace_event *e, const gs_gotrace_spec *spec)
{
	gs_str rest = gs_str_of(spec->args), word;

	gs_buf_f(out, " Name=%s Args=[", spec->name);
	for (unsigned i = 0; i < spec->n_args; i++) {
		gs_str_cut(rest, ' ', &word, &rest);
		gs_buf_f(out, "%s%.*s=Value{Uint64(%" PRIu64 ")}", i ? ", " : "", GS_FMT(word), e->args[i]);
	}
	gs_buf_c(out, ']');
}

static bool print_event(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	printer *p = ctx;
	gs_buf *out = &p->out;
	const gs_gotrace_spec *spec = gs_gotrace_spec_of(e->type);
	uint64_t own_stack = e->type == GS_GOTRACE_CPU_SAMPLE ? e->args[0] : spec->stack ? e->args[spec->stack - 1] : 0;

	(void)err;
	gs_buf_f(out, "M=%" PRId64 " P=%" PRId64 " G=%" PRId64 " %s Time=%" PRId64, (int64_t)e->m, (int64_t)e->p, (int64_t)e->g,
		 kind_of(e->type), e->time_ns);
	switch (e->type) {
	case GS_GOTRACE_CPU_SAMPLE:
		break;
	case GS_GOTRACE_PROCS_CHANGE:
	case GS_GOTRACE_HEAP_ALLOC:
	case GS_GOTRACE_HEAP_GOAL:
		metric(out, e);
		break;
	case GS_GOTRACE_PROC_START:
	case GS_GOTRACE_PROC_STOP:
	case GS_GOTRACE_PROC_STEAL:
	case GS_GOTRACE_PROC_STATUS:
		proc_transition(out, e);
		break;
	case GS_GOTRACE_GO_LABEL:
		gs_buf_z(out, " Label=");
		string(out, g, e->args[0]);
		gs_buf_f(out, " Resource=Goroutine(%" PRId64 ")", (int64_t)e->g);
		break;
	case GS_GOTRACE_USER_TASK_BEGIN:
		gs_buf_f(out, " ID=%" PRIu64 " Parent=%" PRIu64 " Type=", e->args[0], e->args[1]);
		string(out, g, e->args[2]);
		break;
	case GS_GOTRACE_USER_TASK_END:
		gs_buf_f(out, " ID=%" PRIu64 " Parent=%" PRIu64 " Type=", e->args[0], e->task_parent);
		quote(out, e->name);
		break;
	case GS_GOTRACE_USER_REGION_BEGIN:
	case GS_GOTRACE_USER_REGION_END:
		gs_buf_f(out, " Task=%" PRIu64 " Type=", e->args[0]);
		string(out, g, e->args[1]);
		break;
	case GS_GOTRACE_USER_LOG:
		gs_buf_f(out, " Task=%" PRIu64 " Category=", e->args[0]);
		string(out, g, e->args[1]);
		gs_buf_z(out, " Message=");
		string(out, g, e->args[2]);
		break;
	default:
		if (e->type >= 128)
			experimental(out, e, spec);
		else if ((e->type >= GS_GOTRACE_STW_BEGIN && e->type <= GS_GOTRACE_GC_MARK_ASSIST_END))
			range(out, g, e);
		else
			go_transition(out, g, e);
	}
	if (own_stack)
		stack(out, "Stack", g, own_stack);
	gs_buf_c(out, '\n');
	if (out->n > 1 << 20)
		flush(p);
	return true;
}

static bool print_sync(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_sync *s, gs_err *err)
{
	printer *p = ctx;

	(void)g;
	(void)err;
	gs_buf_f(&p->out, "M=-1 P=-1 G=-1 Sync Time=%" PRId64 " N=%u", s->time_ns, s->n);
	if (s->has_clock) {
		time_t t = (time_t)s->clock_wall_s;
		struct tm tm;
		char text[40], fraction[16];
		int n = snprintf(fraction, sizeof(fraction), ".%09" PRIu64, s->clock_wall_ns);

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		while (n > 0 && (fraction[n - 1] == '0' || fraction[n - 1] == '.')) {
			bool was_point = fraction[n - 1] == '.';

			fraction[--n] = 0;
			if (was_point)
				break;
		}
		gs_buf_f(&p->out, " Trace=%" PRId64 " Mono=%" PRIu64 " Wall=%s%sZ", s->clock_trace_ns, s->clock_mono_ns, text,
			 fraction);
	}
	gs_buf_c(&p->out, '\n');
	return true;
}

int main(int argc, char **argv)
{
	gs_err err = { 0 };
	GS_AUTO(file) f = { 0 };
	printer p = { 0 };
	gs_gotrace_report report;
	gs_gotrace_sink sink = { &p, print_sync, print_event };
	bool ok;

	gs_buf_init(&p.out, 1 << 30);
	if (argc != 2 || !gs_file_open(argv[1], UINT64_MAX, &f, &err)) {
		fprintf(stderr, "dump: %s\n", argc == 2 ? err.text : "usage: dump TRACE");
		return 2;
	}
	ok = gs_gotrace_read(f.bytes, &sink, &report, &err);
	flush(&p);
	gs_buf_release(&p.out);
	if (!ok || report.is_damaged)
		fprintf(stderr, "%s at offset %llu\n", ok ? report.damage.text : err.text,
			(unsigned long long)(ok ? report.damage.at : err.at));
	return !ok || report.is_damaged;
}
