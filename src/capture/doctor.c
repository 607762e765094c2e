#include "capture/doctor.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "capture/kernel.h"
#include "capture/perf.h"
#include "capture/proc_text.h"
#include "capture/processes.h"
#include "capture/snapshot.h"
#include "format/elf/elf.h"
#include "base/banned.h"

enum { MAX_CHECKS = 48 };
#define INIT_PID_NS 0xeffffffcu /* include/linux/proc_ns.h: PROC_PID_INIT_INO */

typedef struct doctor {
	gs_arena *mem;
	gs_diagnosis *out;
	uint64_t caps; /* effective */
	int64_t paranoid;
	bool is_contained;
	int seccomp;
} doctor;

static gs_check *put(doctor *d, gs_check what)
{
	gs_check *c = &d->out->checks[d->out->n];

	if (d->out->n + 1 < MAX_CHECKS)
		d->out->n++;
	*c = what;
	return c;
}

static gs_check *check(doctor *d, const char *name, const char *title, gs_check_state state, gs_str found)
{
	return put(d, (gs_check){ .name = name, .title = title, .state = state, .found = found });
}

static bool has_cap(const doctor *d, unsigned cap)
{
	return d->caps >> cap & 1;
}

static void learn_self(doctor *d)
{
	GS_AUTO(file) f = { 0 };
	GS_AUTO(file) cgroup = { 0 };
	gs_container c;
	struct stat st;
	uint64_t v;

	if (gs_file_read("/proc/self/status", 1 << 20, &f, NULL)) {
		if (gs_str_u64(gs_proc_status_value(f.bytes, "CapEff"), 16, &v))
			d->caps = v;
		if (gs_str_u64(gs_proc_status_value(f.bytes, "Seccomp"), 10, &v))
			d->seccomp = (int)v;
	}
	d->paranoid = gs_kernel_number("/proc/sys/kernel/perf_event_paranoid", 99);
	d->is_contained = gs_file_read("/proc/self/cgroup", 1 << 20, &cgroup, NULL) && gs_proc_container(cgroup.bytes, &c);
	/* These files say it too, but images of virtual machines inherit them; a machine's own namespace has a fixed number. */
	if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0)
		d->is_contained |= stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != INIT_PID_NS;
}

/* 0, or why the kernel refuses. */
static int try_event(uint32_t type, uint64_t config, bool kernel, int32_t pid, int cpu)
{
	struct perf_event_attr a = {
		.size = sizeof(a), .type = type, .config = config, .sample_freq = 99, .freq = 1, .disabled = 1,
		.exclude_kernel = !kernel, .exclude_hv = 1, .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN,
	};
	int fd = (int)syscall(SYS_perf_event_open, &a, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static gs_str how_to_allow(const doctor *d, int level)
{
	if (d->is_contained)
		return gs_strf(d->mem, "run the container with --cap-add PERFMON --cap-add SYS_PTRACE --security-opt seccomp=unconfined "
				       "(and --pid=host to see other containers)");
	return gs_strf(d->mem, "sudo sysctl kernel.perf_event_paranoid=%d", level);
}

static void check_events(doctor *d)
{
	int user = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, false, 0, -1);
	int kernel = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true, 0, -1);
	int wide = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true, -1, 0);
	int cycles = try_event(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false, 0, -1);
	gs_str level = d->paranoid == 99 ? GS_S("kernel.perf_event_paranoid cannot be read") :
					   gs_strf(d->mem, "kernel.perf_event_paranoid is %lld", (long long)d->paranoid);
	gs_check *c;

	d->out->can_record = user == 0;
	if (user == 0) {
		check(d, "perf-events", "sampling own processes", GS_CHECK_OK, GS_S("perf events work"));
	} else {
		c = check(d, "perf-events", "sampling own processes", GS_CHECK_NO,
			  user == ENOSYS ? GS_S("the perf_event_open system call is blocked or not built into this kernel") :
					   gs_strf(d->mem, "%.*s (%s)", GS_FMT(level), strerror(user)));
		c->means = GS_S("gospect record needs the program's pprof endpoint, or sudo");
		c->allow = how_to_allow(d, 1);
	}
	if (user == 0 && kernel != 0) {
		c = check(d, "kernel-stacks", "kernel stacks", GS_CHECK_LIMITED, level);
		c->means = GS_S("time in system calls shows without what the kernel does there");
		c->allow = how_to_allow(d, 1);
	} else if (user == 0) {
		check(d, "kernel-stacks", "kernel stacks", GS_CHECK_OK, GS_S("allowed"));
	}
	if (wide == 0) {
		check(d, "cpu-wide", "sampling by CPU", GS_CHECK_OK, GS_S("allowed: recording costs the target nothing per thread switch"));
	} else if (user == 0) {
		c = check(d, "cpu-wide", "sampling by CPU", GS_CHECK_LIMITED, level);
		c->means = GS_S("events are attached to each thread instead, which makes its switches a little dearer");
		c->allow = how_to_allow(d, 0);
	}
	if (cycles == 0)
		check(d, "pmu", "cycle counter", GS_CHECK_OK, GS_S("there (record --event cycles)"));
	else
		check(d, "pmu", "cycle counter", GS_CHECK_INFO,
		      cycles == ENOENT || cycles == EOPNOTSUPP || cycles == ENODEV ?
			      GS_S("none, as in most virtual machines: the CPU clock is used, which is the default anyway") :
			      GS_S("not allowed: the CPU clock is used, which is the default anyway"));
}

static void check_others(doctor *d)
{
	bool perfmon = has_cap(d, CAP_PERFMON) || has_cap(d, CAP_SYS_ADMIN), ptrace = has_cap(d, CAP_SYS_PTRACE);
	gs_check *c;

	if (perfmon && ptrace) {
		check(d, "other-users", "other users' processes", GS_CHECK_OK, GS_S("allowed"));
		return;
	}
	c = check(d, "other-users", "other users' processes", GS_CHECK_LIMITED,
		  gs_strf(d->mem, "%s%s%s missing", perfmon ? "" : "CAP_PERFMON", !perfmon && !ptrace ? " and " : "", ptrace ? "" : "CAP_SYS_PTRACE"));
	c->means = GS_S("only processes of this user can be listed and recorded");
	c->allow = d->is_contained ? how_to_allow(d, 1) :
				     GS_S("use sudo, or: sudo setcap cap_perfmon,cap_sys_ptrace,cap_syslog,cap_sys_admin=ep \"$(readlink -f \"$(command -v gospect)\")\"");
}

static void check_kernel_symbols(doctor *d)
{
	int64_t restrict_level = gs_kernel_number("/proc/sys/kernel/kptr_restrict", -1);
	uint64_t start, end;
	gs_check *c;

	if (gs_kernel_text(&start, &end)) {
		check(d, "kernel-symbols", "names of kernel functions", GS_CHECK_OK, GS_S("/proc/kallsyms has addresses"));
		return;
	}
	c = check(d, "kernel-symbols", "names of kernel functions", GS_CHECK_LIMITED,
		  access("/proc/kallsyms", R_OK) ? GS_S("/proc/kallsyms cannot be read") :
	      restrict_level == 0 ? GS_S("/proc/kallsyms hides addresses from whoever may not take kernel stacks") :
				    gs_strf(d->mem, "kernel.kptr_restrict is %lld: /proc/kallsyms hides addresses", (long long)restrict_level));
	c->means = GS_S("kernel frames show as addresses");
	c->allow = restrict_level == 0 ? how_to_allow(d, 1) : GS_S("sudo sysctl kernel.kptr_restrict=0 kernel.perf_event_paranoid=1");
}

static void check_limits(doctor *d)
{
	int64_t mlock_kb = gs_kernel_number("/proc/sys/kernel/perf_event_mlock_kb", 516), depth, rate;
	struct rlimit files = { 0 }, mem = { 0 };
	gs_check *c;

	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_MEMLOCK, &mem);
	c = check(d, "files", "open files", files.rlim_max >= 16384 ? GS_CHECK_OK : GS_CHECK_LIMITED,
		  gs_strf(d->mem, "at most %llu", (unsigned long long)files.rlim_max));
	if (c->state == GS_CHECK_LIMITED) {
		c->means = GS_S("sampling by thread needs threads x CPUs descriptors");
		c->allow = GS_S("ulimit -n 65536");
	}
	c = check(d, "locked-memory", "memory for rings", mlock_kb >= 516 || has_cap(d, CAP_IPC_LOCK) ? GS_CHECK_OK : GS_CHECK_LIMITED,
		  mem.rlim_cur == RLIM_INFINITY ? gs_strf(d->mem, "kernel.perf_event_mlock_kb is %lld, memlock unlimited", (long long)mlock_kb) :
						  gs_strf(d->mem, "kernel.perf_event_mlock_kb is %lld, memlock %llu kB", (long long)mlock_kb,
							  (unsigned long long)mem.rlim_cur / 1024));
	if (c->state == GS_CHECK_LIMITED) {
		c->means = GS_S("smaller rings: at high frequencies samples may be lost");
		c->allow = GS_S("sudo sysctl kernel.perf_event_mlock_kb=516");
	}
	depth = gs_kernel_number("/proc/sys/kernel/perf_event_max_stack", 127);
	rate = gs_kernel_number("/proc/sys/kernel/perf_event_max_sample_rate", 100000);
	c = check(d, "sampling-limits", "sampling limits", depth >= 127 && rate >= 99 ? GS_CHECK_OK : GS_CHECK_LIMITED,
		  gs_strf(d->mem, "%lld frames deep, %lld Hz", (long long)depth, (long long)rate));
	if (c->state == GS_CHECK_LIMITED)
		c->allow = GS_S("sudo sysctl kernel.perf_event_max_stack=127 kernel.perf_event_max_sample_rate=100000");
}

gs_check gs_snapshot_rights(gs_arena *mem, int64_t yama, bool may_ptrace, bool is_contained)
{
	gs_check c = { .name = "snapshots", .title = "memory snapshots" };

	if (yama == 3) {
		c.state = GS_CHECK_NO;
		c.found = GS_S("kernel.yama.ptrace_scope is 3: nobody may, until the next boot");
	} else if (may_ptrace) {
		c.state = GS_CHECK_OK;
		c.found = GS_S("allowed (CAP_SYS_PTRACE)");
	} else {
		c.state = yama > 0 ? GS_CHECK_NO : GS_CHECK_LIMITED;
		c.found = yama > 0 ? gs_strf(mem, "kernel.yama.ptrace_scope is %lld and CAP_SYS_PTRACE is missing", (long long)yama) :
				     GS_S("CAP_SYS_PTRACE is missing");
		c.means = yama > 0 ? GS_S("gospect snapshot can stop no process; cores can be read") : GS_S("only processes of this user");
		c.allow = is_contained ? GS_S("run the container with --cap-add SYS_PTRACE") :
			  yama > 0     ? GS_S("sudo sysctl kernel.yama.ptrace_scope=0, or use sudo") :
					 GS_S("use sudo");
	}
	return c;
}

static void check_snapshot_of(doctor *d, int32_t pid)
{
	gs_snapshot_plan plan;
	gs_err err;
	gs_check *c;

	if (!gs_snapshot_plan_make(d->mem, pid, (gs_snapshot_ask){ 0 }, &plan, &err)) {
		check(d, "snapshot", "a snapshot of its memory", GS_CHECK_NO, gs_strf(d->mem, "%s", err.text));
		return;
	}
	c = check(d, "snapshot", "a snapshot of its memory", GS_CHECK_INFO,
		  gs_strf(d->mem, "%llu MB, a pause of about %.1f ms %s (%.*s)", (unsigned long long)plan.anon_bytes >> 20, (double)plan.pause_ns / 1e6,
			  plan.way == GS_SNAPSHOT_PRECOPY ? "after a copy while it runs" :
			  plan.way == GS_SNAPSHOT_FORK	  ? "by a copy-on-write child" :
							    "while it is copied",
			  GS_FMT(plan.why)));
	if (!has_cap(d, CAP_SYS_PTRACE) && gs_kernel_number("/proc/sys/kernel/yama/ptrace_scope", -1) > 0)
		c->allow = gs_strf(d->mem, "sudo gospect snapshot %d", pid);
}

static void check_later(doctor *d)
{
	bool bpf = has_cap(d, CAP_BPF) || has_cap(d, CAP_SYS_ADMIN);
	bool tracefs = access("/sys/kernel/tracing/events", R_OK) == 0 || access("/sys/kernel/debug/tracing/events", R_OK) == 0;
	bool mounted = access("/sys/kernel/tracing", F_OK) == 0;
	int64_t yama = gs_kernel_number("/proc/sys/kernel/yama/ptrace_scope", -1);
	GS_AUTO(file) lockdown = { 0 };

	check(d, "btf", "kernel type information", GS_CHECK_INFO,
	      access("/sys/kernel/btf/vmlinux", R_OK) == 0 ? GS_S("/sys/kernel/btf/vmlinux is there") : GS_S("no /sys/kernel/btf/vmlinux"));
	check(d, "bpf", "eBPF programs", GS_CHECK_INFO, bpf ? GS_S("allowed (CAP_BPF)") : GS_S("not allowed to this user (no CAP_BPF)"));
	check(d, "tracefs", "tracepoints", GS_CHECK_INFO,
	      tracefs ? GS_S("readable") : mounted ? GS_S("not readable by this user") : GS_S("tracefs is not mounted"));
	check(d, "ptrace", "Yama's ptrace_scope", GS_CHECK_INFO,
	      yama < 0 ? GS_S("not active") : gs_strf(d->mem, "%lld (recording does not use ptrace, snapshots do)", (long long)yama));
	put(d, gs_snapshot_rights(d->mem, yama, has_cap(d, CAP_SYS_PTRACE), d->is_contained));
	if (gs_file_read("/sys/kernel/security/lockdown", 4096, &lockdown, NULL))
		check(d, "lockdown", "kernel lockdown", GS_CHECK_INFO, gs_str_dup(d->mem, gs_str_trim(lockdown.bytes)));
}

/* The Go installation that `go` in PATH belongs to; nothing is run. */
static gs_str go_toolchain(gs_arena *mem)
{
	const char *path = getenv("PATH");
	gs_str rest = gs_str_of(path ? path : ""), dir, line;

	while (rest.n) {
		char name[4096], real[4096];
		GS_AUTO(file) f = { 0 };
		gs_str text;

		(void)gs_str_cut(rest, ':', &dir, &rest);
		snprintf(name, sizeof(name), "%.*s/go", GS_FMT(dir));
		if (!dir.n || access(name, X_OK) || !realpath(name, real))
			continue;
		gs_str root = gs_str_of(real);

		for (int i = 0; i < 2 && root.n; i++) /* .../bin/go */
			root = gs_str_slice(root, 0, gs_str_rfind_char(root, '/'));
		snprintf(name, sizeof(name), "%.*s/VERSION", GS_FMT(root));
		if (!gs_file_read(name, 4096, &f, NULL))
			return gs_strf(mem, "%s", real);
		text = f.bytes;
		(void)gs_str_line(&text, &line);
		return gs_strf(mem, "%.*s in %.*s", GS_FMT(line), GS_FMT(root));
	}
	return (gs_str){ 0 };
}

static void check_machine(doctor *d, const gs_progress *progress)
{
	gs_processes_options options = { .progress = progress };
	gs_processes all;
	struct utsname uts = { 0 };
	int cpus[4096];
	struct stat st;
	gs_str go = go_toolchain(d->mem);
	gs_check *c;

	uname(&uts);
	check(d, "kernel", "kernel", GS_CHECK_INFO,
	      gs_strf(d->mem, "Linux %s, %s, %zu CPUs online", uts.release, uts.machine, gs_cpus_online(cpus, 4096)));
	check(d, "user", "user", GS_CHECK_INFO,
	      gs_strf(d->mem, "uid %u%s, capabilities %#llx%s", (unsigned)geteuid(), d->is_contained ? ", inside a container" : "",
		      (unsigned long long)d->caps, d->seccomp ? ", under a seccomp filter" : ""));
	check_events(d);
	check_others(d);
	check_kernel_symbols(d);
	check_limits(d);
	if (gs_processes_list(d->mem, &options, &all, NULL)) {
		c = check(d, "processes", "Go processes in sight", GS_CHECK_INFO,
			  gs_strf(d->mem, "%u (of %u processes%s)", all.n, all.n_seen,
				  all.n_hidden ? gs_cstr(d->mem, gs_strf(d->mem, ", %u more are hidden", all.n_hidden)) : ""));
		if (all.n_hidden)
			c->means = geteuid() == 0 ? GS_S("not even root may look there") : GS_S("of other users: sudo shows them");
	}
	check(d, "cgroups", "control groups", GS_CHECK_INFO,
	      stat("/sys/fs/cgroup/cgroup.controllers", &st) == 0 ? GS_S("version 2") :
	      stat("/sys/fs/cgroup/cpu", &st) == 0		 ? GS_S("version 1") :
								   GS_S("not mounted"));
	check(d, "go", "Go toolchain", GS_CHECK_INFO, go.n ? go : GS_S("none in PATH (recording needs none; sources of the standard library come from it)"));
	check_later(d);
}

static void check_symbols(doctor *d, const gs_process *p)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1ull << 30);
	GS_AUTO(file) f = { 0 };
	char path[64];
	gs_err err;
	gs_elf e;
	bool dwarf;

	snprintf(path, sizeof(path), "/proc/%d/exe", p->pid);
	if (!gs_file_open(path, 1ull << 40, &f, &err) || !gs_elf_open(scratch, f.bytes, &e, &err)) {
		check(d, "symbols", "names of functions", GS_CHECK_NO, gs_strf(d->mem, "the program's file cannot be read: %s", err.text));
		return;
	}
	dwarf = gs_elf_section_find(&e, GS_S(".debug_info")) || gs_elf_section_find(&e, GS_S(".zdebug_info"));
	if (p->info.is_go)
		check(d, "symbols", "names of functions", GS_CHECK_OK,
		      dwarf ? GS_S("Go's own tables and DWARF") : GS_S("Go's own tables; no DWARF, which only C code would need"));
	else
		check(d, "symbols", "names of functions", dwarf || gs_elf_section_find(&e, GS_S(".symtab")) ? GS_CHECK_OK : GS_CHECK_LIMITED,
		      dwarf ? GS_S("DWARF") : gs_elf_section_find(&e, GS_S(".symtab")) ? GS_S("the symbol table") : GS_S("none: addresses only"));
}

static bool check_process(doctor *d, int32_t pid, gs_err *err)
{
	gs_process p;
	int user, kernel, wide;
	gs_check *c;
	gs_str what;

	if (!gs_process_look(d->mem, pid, &p, err)) {
		if (err->code != GS_ERR_DENIED)
			return false;
		c = check(d, "process", "process", GS_CHECK_NO, gs_strf(d->mem, "pid %d is another user's", pid));
		c->allow = gs_strf(d->mem, "sudo gospect record %d", pid);
		return true;
	}
	what = p.info.is_go ? gs_strf(d->mem, "%.*s, %.*s", GS_FMT(p.info.main_package.n ? p.info.main_package : p.exe), GS_FMT(p.info.go_version)) :
			      gs_strf(d->mem, "%.*s", GS_FMT(p.exe));
	c = check(d, "process", "process", p.info.is_go ? GS_CHECK_OK : GS_CHECK_LIMITED,
		  gs_strf(d->mem, "pid %d of %.*s: %.*s%s", pid, GS_FMT(p.user), GS_FMT(what), p.info.is_go ? "" : ", not a Go program"));
	if (p.container.n || p.is_own_pid_ns)
		check(d, "container", "container", GS_CHECK_INFO,
		      p.container.n ? gs_strf(d->mem, "%.*s %.12s, pid %d inside", GS_FMT(p.container_runtime), p.container.p, p.ns_pid) :
				      gs_strf(d->mem, "a PID namespace of its own, pid %d inside", p.ns_pid));
	if (p.is_exe_deleted)
		c->means = GS_S("its file was replaced or deleted since it started; it can still be read while the process runs");
	user = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, false, pid, -1);
	kernel = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true, pid, -1);
	wide = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true, -1, 0);
	if (user == 0) {
		check(d, "perf-events", "sampling it", kernel == 0 ? GS_CHECK_OK : GS_CHECK_LIMITED,
		      gs_strf(d->mem, "perf events work%s%s", kernel == 0 ? ", kernel stacks included" : ", without kernel stacks", wide == 0 ? ", by CPU" : ", by thread"));
	} else {
		c = check(d, "perf-events", "sampling it", GS_CHECK_NO, gs_strf(d->mem, "%s (kernel.perf_event_paranoid is %lld)", strerror(user), (long long)d->paranoid));
		c->allow = gs_strf(d->mem, "sudo gospect record %d", pid);
	}
	check_symbols(d, &p);
	gs_process_endpoints(d->mem, &p, 1, NULL);
	check_snapshot_of(d, pid);
	c = check(d, "endpoint", "pprof endpoint", p.endpoint ? GS_CHECK_OK : GS_CHECK_INFO,
		  p.endpoint	? p.pprof :
		  p.is_stopped	? GS_S("not known: the process is stopped (SIGSTOP, or by a debugger)") :
		  p.n_silent	? gs_strf(d->mem, "none that answers: %u of its listening sockets did not in time", p.n_silent) :
				  GS_S("none on its listening sockets"));
	if (p.is_stopped)
		c->allow = gs_strf(d->mem, "kill -CONT %d", p.pid);
	else if (!p.endpoint && p.info.is_go)
		c->means = GS_S("CPU can be recorded; heap, goroutine, block and mutex profiles need import _ \"net/http/pprof\"");
	d->out->can_record = user == 0 || p.endpoint;
	return true;
}

bool gs_diagnose(gs_arena *mem, int32_t pid, const gs_progress *progress, gs_diagnosis *out, gs_err *err)
{
	doctor d = { .mem = mem, .out = out };
	gs_err why;

	*out = (gs_diagnosis){ .checks = gs_new(mem, gs_check, MAX_CHECKS) };
	learn_self(&d);
	if (pid)
		return check_process(&d, pid, err ? err : &why);
	check_machine(&d, progress);
	return true;
}
