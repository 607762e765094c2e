/* gospect ps: Go processes of this machine and its containers. */
#include "app/op.h"

#include <unistd.h>

#include "base/json.h"
#include "capture/processes.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "probe", GS_ARG_BOOL, .def = "1",
	  .help = "ask each process's own listening sockets whether they are a pprof endpoint (one GET each, this machine only)" },
	{ "cpu", GS_ARG_BOOL, .def = "1", .help = "watch for a quarter of a second to tell the CPU use" },
	{ "name", GS_ARG_STRING, .unit = "text",
	  .help = "only processes that this PID, process name, main package, or container id or name may mean" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

/* What a process calls itself must not steer the terminal. */
static gs_str visible(gs_arena *mem, gs_str s, size_t max)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 20);
	while (s.n && b.n < max) {
		uint32_t c = gs_utf8_next(&s);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			gs_buf_c(&b, '?');
		else
			gs_utf8_put(&b, c);
	}
	if (s.n)
		gs_buf_z(&b, "...");
	return gs_str_dup(mem, gs_buf_view(&b));
}

static gs_str bytes_text(gs_arena *mem, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double v = (double)bytes;
	unsigned u = 0;

	for (; v >= 999.5 && u < 4; u++)
		v /= 1024;
	return gs_strf(mem, "%.*f%s", v < 9.95 && u > 1 ? 1 : 0, v, units[u]);
}

static gs_str container_text(gs_arena *mem, const gs_process *p)
{
	if (p->container_name.n)
		return visible(mem, p->container_name, 40);
	if (p->container.n)
		return gs_str_slice(p->container, 0, 12);
	if (p->is_own_pid_ns)
		return gs_strf(mem, "pid %d inside", p->ns_pid);
	return GS_S("-");
}

static gs_str or_dash(gs_str s)
{
	return s.n ? s : GS_S("-");
}

/* "example.com/shop/cmd/shop@v1.2.3" */
static gs_str module_text(gs_arena *mem, const gs_process *p)
{
	gs_str path = visible(mem, p->info.main_package.n ? p->info.main_package : p->info.module, 50);

	return path.n && p->info.module_version.n ?
		       gs_strf(mem, "%.*s@%.*s", GS_FMT(path), GS_FMT(visible(mem, p->info.module_version, 50))) :
		       or_dash(path);
}

static size_t columns_of(gs_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void text(gs_op_call *call, const gs_processes *all, gs_str name)
{
	enum { N = 9, LAST = N - 1 };
	static const char *const titles[N] = { "PID", "USER", "CPU%", "MEMORY", "GO", "CONTAINER", "PPROF", "MODULE", "COMMAND" };
	static const bool is_number[N] = { true, false, true, true };
	gs_str(*rows)[N] = gs_arena_new(call->mem, sizeof(*rows), all->n + 1);
	size_t widths[N] = { 0 };
	size_t used = 0;

	for (unsigned c = 0; c < N; c++)
		rows[0][c] = gs_str_of(titles[c]);
	for (uint32_t i = 0; i < all->n; i++) {
		const gs_process *p = &all->list[i];
		gs_str version = p->info.go_version;
		gs_str *row = rows[i + 1];

		if (gs_str_starts(version, GS_S("go")))
			version = gs_str_skip(version, 2);
		row[0] = gs_strf(call->mem, "%d", p->pid);
		row[1] = visible(call->mem, p->user, 16);
		row[2] = p->cpu_pct < 0 ? GS_S("-") : gs_strf(call->mem, "%.0f", p->cpu_pct);
		row[3] = bytes_text(call->mem, p->rss_bytes);
		row[4] = visible(call->mem, version, 12);
		row[5] = container_text(call->mem, p);
		row[6] = or_dash(p->pprof.n ? visible(call->mem, p->pprof, 60) : gs_process_silence(p));
		row[7] = module_text(call->mem, p);
		row[8] = or_dash(visible(call->mem, p->command, 400));
	}
	for (unsigned c = 0; c < LAST; c++) {
		for (uint32_t i = 0; i <= all->n; i++)
			if (columns_of(rows[i][c]) > widths[c])
				widths[c] = columns_of(rows[i][c]);
		used += widths[c] + 2;
	}
	for (uint32_t i = 0; i <= all->n; i++) {
		for (unsigned c = 0; c < N; c++) {
			gs_str s = rows[i][c];
			size_t pad = widths[c] > columns_of(s) ? widths[c] - columns_of(s) : 0;

			if (c == LAST) {
				if (call->width > used + 10)
					s = visible(call->mem, s, call->width - used - 3);
				gs_buf_str(call->out, s);
				break;
			}
			if (is_number[c])
				gs_buf_fill(call->out, ' ', pad);
			gs_buf_str(call->out, s);
			if (!is_number[c])
				gs_buf_fill(call->out, ' ', pad);
			gs_buf_z(call->out, "  ");
		}
		gs_buf_c(call->out, '\n');
	}
	if (all->n == 0 && name.n)
		gs_buf_f(call->out, "no Go process here is meant by %.*s\n", GS_FMT(visible(call->mem, name, 60)));
	else if (all->n == 0)
		gs_buf_z(call->out, "no Go process is running here\n");
	if (all->n_hidden && (!name.n || all->n == 0))
		gs_buf_f(call->out, "%u process%s not shown; %s\n", all->n_hidden, all->n_hidden == 1 ? " is" : "es are",
			 geteuid() == 0 ? "the kernel lets not even root look there" : "sudo shows those of other users");
}

static void json_str(gs_json *j, const char *key, gs_str s)
{
	gs_json_key(j, key);
	if (s.n)
		gs_json_str(j, s);
	else
		gs_json_null(j);
}

static void json(gs_op_call *call, const gs_processes *all)
{
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_key(&j, "processes");
	gs_json_array(&j);
	for (uint32_t i = 0; i < all->n; i++) {
		const gs_process *p = &all->list[i];

		gs_json_object(&j);
		gs_json_ki64(&j, "pid", p->pid);
		gs_json_ki64(&j, "ppid", p->ppid);
		gs_json_ki64(&j, "ns_pid", p->ns_pid);
		gs_json_kstr(&j, "name", p->name);
		gs_json_kstr(&j, "command", p->command);
		gs_json_kstr(&j, "exe", p->exe);
		gs_json_kstr(&j, "user", p->user);
		json_str(&j, "go_version", p->info.go_version);
		json_str(&j, "module", p->info.main_package.n ? p->info.main_package : p->info.module);
		json_str(&j, "module_version", p->info.module_version);
		json_str(&j, "build_id", p->info.build_id);
		json_str(&j, "pprof", p->pprof);
		gs_json_kbool(&j, "is_stopped", p->is_stopped);
		gs_json_ku64(&j, "silent_sockets", p->n_silent);
		json_str(&j, "container", p->container);
		json_str(&j, "container_name", p->container_name);
		json_str(&j, "runtime", p->container_runtime);
		json_str(&j, "pod", p->pod_uid);
		json_str(&j, "hostname", p->hostname);
		gs_json_key(&j, "cpu_pct");
		if (p->cpu_pct < 0)
			gs_json_null(&j);
		else
			gs_json_f64(&j, (double)(int64_t)(p->cpu_pct * 10 + 0.5) / 10);
		gs_json_ku64(&j, "rss_bytes", p->rss_bytes);
		gs_json_ku64(&j, "threads", p->n_threads);
		gs_json_ki64(&j, "started_ns", p->started_ns);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_ku64(&j, "seen", all->n_seen);
	gs_json_ku64(&j, "hidden", all->n_hidden);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static void keep_named(gs_op_call *call, gs_processes *all, gs_str name)
{
	uint32_t *found = gs_new(call->mem, uint32_t, all->n);
	uint32_t n = gs_processes_find(all, name, found, all->n);
	gs_process *list = gs_new(call->mem, gs_process, n);

	for (uint32_t i = 0; i < n; i++)
		list[i] = all->list[found[i]];
	all->list = list;
	all->n = n;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_processes_options options = {
		.find_endpoints = gs_call_bool(call, "probe"),
		.measure_cpu = gs_call_bool(call, "cpu"),
		.progress = call->progress,
	};
	gs_str name = gs_call_str(call, "name");
	gs_processes all;

	if (!gs_processes_list(call->mem, &options, &all, err))
		return false;
	if (name.n) {
		keep_named(call, &all, name);
		call->exit_status = all.n == 0;
	}
	if (strcmp(call->format, "json") == 0)
		json(call, &all);
	else
		text(call, &all, name);
	return true;
}

extern const gs_op gs_op_ps;
const gs_op gs_op_ps = {
	.name = "ps",
	.summary = "Go processes of this machine and its containers",
	.help = "Lists every Go process that this user may look at: Go version, main package, container, CPU and memory use, and the\n"
		"address of its pprof endpoint if it has one. Everything comes from /proc; no process is stopped or traced. A process's\n"
		"listening sockets are asked for /debug/pprof/ once (--no-probe leaves that out), in its own network namespace; PPROF is\n"
		"\"no answer\" when none is found and one of them says nothing, \"stopped\" of a process that cannot answer.\n"
		"\n"
		"  gospect ps\n"
		"  gospect ps --name shop --format json\n",
	.input = GS_INPUT_NONE,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
	.formats = "text json",
	.run = run,
};
