/* What a snapshot would be, and whether there is room for it, with proc and sys of a folder: control groups of both versions, seccomp, tracers, Yama. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "capture/doctor.h"
#include "capture/kernel.h"
#include "capture/page_watch.h"
#include "capture/snapshot.h"
#include "tap.h"

enum { PID = 4242 };

typedef struct machine {
	char root[64];
} machine;

static void put(machine *m, const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", m->root, path);
	for (char *p = whole + strlen(m->root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		(void)mkdir(whole, 0700);
	}
	f = fopen(whole, "w");
	CHECK(f != NULL);
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void put_process(machine *m, int pid, unsigned anon_mb, const char *more, const char *cgroup)
{
	char path[64], text[512];

	snprintf(text, sizeof(text), "Name:\tshop\nState:\tS (sleeping)\nVmRSS:\t%u kB\nRssAnon:\t%u kB\nVmSwap:\t0 kB\nThreads:\t4\n%s", anon_mb * 1024,
		 anon_mb * 1024, more);
	snprintf(path, sizeof(path), "proc/%d/status", pid);
	put(m, path, text);
	snprintf(path, sizeof(path), "proc/%d/cgroup", pid);
	put(m, path, cgroup);
}

/* 100 MB of process, a thousand free on the machine; nothing forbids anything. */
static machine begin(const char *cgroup)
{
	machine m = { "/tmp/gospect-plan-XXXXXX" };

	CHECK(mkdtemp(m.root) != NULL);
	put_process(&m, PID, 100, "TracerPid:\t0\nSeccomp:\t0\n", cgroup);
	put_process(&m, getpid(), 10, "CapEff:\t0000000000000000\n", "0::/\n");
	put(&m, "proc/meminfo", "MemTotal:       2000000 kB\nMemAvailable:    1000000 kB\n");
	put(&m, "proc/loadavg", "0.00 0.00 0.00 1/100 4242\n");
	return m;
}

static void end(machine *m)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", m->root);
	CHECK_INT(system(command), 0);
}

static gs_snapshot_plan plan_of(gs_arena *mem, machine *m)
{
	gs_snapshot_plan plan;
	gs_err err = { 0 };

	CHECK(gs_snapshot_plan_make(mem, PID, (gs_snapshot_ask){ .root = m->root }, &plan, &err));
	CHECK_STR(gs_str_of(err.text), GS_S(""));
	return plan;
}

#if defined(__x86_64__)
#define FREE_WAY (gs_page_watch_is_possible() ? GS_SNAPSHOT_PRECOPY : GS_SNAPSHOT_FORK)
#define CHILD_WAY GS_SNAPSHOT_FORK
#else
#define FREE_WAY GS_SNAPSHOT_COPY
#define CHILD_WAY GS_SNAPSHOT_COPY
#endif

TEST(a_free_process_goes_on)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	machine m = begin("0::/\n");
	gs_snapshot_plan plan = plan_of(mem, &m);

	CHECK_INT(plan.way, FREE_WAY);
	CHECK_INT(plan.anon_bytes, 100 << 20);
	CHECK(gs_snapshot_has_room(&plan, m.root, NULL));
	end(&m);
}

/* Pages of a child that change meanwhile are the group's: half of all should fit. What files have cached gives way. */
TEST(a_group_without_room_has_no_child)
{
	static const struct {
		const char *cgroup, *dir, *max, *current, *stat;
	} versions[] = { { "0::/shop.slice/web\n", "sys/fs/cgroup/shop.slice", "memory.max", "memory.current", "anon 5\ninactive_file 83886080\n" },
			 { "5:cpu,cpuacct:/x\n4:memory:/shop.slice/web\n", "sys/fs/cgroup/memory/shop.slice", "memory.limit_in_bytes", "memory.usage_in_bytes",
			   "inactive_file 1\ntotal_inactive_file 83886080\n" } };

	for (unsigned i = 0; i < 2; i++) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
		machine m = begin(versions[i].cgroup);
		gs_snapshot_plan plan;
		char path[128];

		/* The group above has a limit, that of the process none. */
		snprintf(path, sizeof(path), "%s/web/%s", versions[i].dir, versions[i].max);
		put(&m, path, i ? "9223372036854771712\n" : "max\n");
		snprintf(path, sizeof(path), "%s/web/%s", versions[i].dir, versions[i].current);
		put(&m, path, "104857600\n");
		snprintf(path, sizeof(path), "%s/%s", versions[i].dir, versions[i].max);
		put(&m, path, "209715200\n"); /* 200 MB */
		snprintf(path, sizeof(path), "%s/%s", versions[i].dir, versions[i].current);
		put(&m, path, "188743680\n"); /* 180 MB */
		plan = plan_of(mem, &m);
		CHECK_INT(plan.way_else, GS_SNAPSHOT_COPY);
		if (FREE_WAY == GS_SNAPSHOT_PRECOPY)
			CHECK_INT(plan.way, GS_SNAPSHOT_PRECOPY);
		else
			CHECK_INT(plan.way, GS_SNAPSHOT_COPY);
#if defined(__x86_64__)
		CHECK(plan.way == GS_SNAPSHOT_PRECOPY || gs_str_has(plan.why, GS_S("control group")));
#endif
		CHECK(gs_snapshot_has_room(&plan, m.root, NULL)); /* the copy is ours */
		snprintf(path, sizeof(path), "%s/memory.stat", versions[i].dir);
		put(&m, path, versions[i].stat); /* 80 MB of these 180 */
		plan = plan_of(mem, &m);
		CHECK_INT(plan.way, FREE_WAY);
		CHECK_INT(plan.way_else, CHILD_WAY);
		end(&m);
	}
}

TEST(our_own_group_must_hold_the_copy)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	machine m = begin("0::/\n");
	gs_snapshot_plan plan = plan_of(mem, &m);
	gs_err err = { 0 };

	put_process(&m, getpid(), 10, "", "0::/box\n");
	put(&m, "sys/fs/cgroup/box/memory.max", "134217728\n");    /* 128 MB */
	put(&m, "sys/fs/cgroup/box/memory.current", "33554432\n"); /* 32 MB */
	CHECK(!gs_snapshot_has_room(&plan, m.root, &err));
	CHECK_INT(err.code, GS_ERR_LIMIT);
	CHECK(gs_str_has(gs_str_of(err.text), GS_S("allows 96 MB more")));
	put(&m, "sys/fs/cgroup/box/memory.max", "max\n");
	CHECK(gs_snapshot_has_room(&plan, m.root, NULL));
	put(&m, "proc/meminfo", "MemAvailable:    50000 kB\n");
	CHECK(!gs_snapshot_has_room(&plan, m.root, &err));
	CHECK(gs_str_has(gs_str_of(err.text), GS_S("this machine has 48 MB")));
	end(&m);
}

TEST(filters_and_tracers)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	machine m = begin("0::/\n");
	gs_snapshot_ask fork = { .way = GS_SNAPSHOT_FORK, .root = m.root };
	gs_snapshot_plan plan;
	gs_err err = { 0 };

	put_process(&m, PID, 100, "TracerPid:\t0\nSeccomp:\t2\n", "0::/\n");
	CHECK_INT(plan_of(mem, &m).way, GS_SNAPSHOT_COPY);
	CHECK(!gs_snapshot_plan_make(mem, PID, fork, &plan, &err));
	CHECK_INT(err.code, GS_ERR_UNSUPPORTED);
	put_process(&m, getpid(), 10, "CapEff:\t0000000000200000\n", "0::/\n"); /* CAP_SYS_ADMIN holds the filter off */
	plan = plan_of(mem, &m);
	CHECK_INT(plan.way, FREE_WAY);
	CHECK(plan.suspends_seccomp);
	put_process(&m, PID, 100, "TracerPid:\t77\n", "0::/\n");
	CHECK(!gs_snapshot_plan_make(mem, PID, (gs_snapshot_ask){ .root = m.root }, &plan, &err));
	CHECK_INT(err.code, GS_ERR_DENIED);
	CHECK(gs_str_has(gs_str_of(err.text), GS_S("traced by process 77")));
	end(&m);
}

TEST(yama_decides_with_the_capability)
{
	static const struct {
		int64_t yama;
		bool may_ptrace, is_contained;
		gs_check_state state;
		const char *found, *allow;
	} cases[] = { { -1, true, false, GS_CHECK_OK, "CAP_SYS_PTRACE", "" },
		      { -1, false, false, GS_CHECK_LIMITED, "CAP_SYS_PTRACE is missing", "sudo" },
		      { 0, false, false, GS_CHECK_LIMITED, "CAP_SYS_PTRACE is missing", "sudo" },
		      { 1, false, false, GS_CHECK_NO, "ptrace_scope is 1", "ptrace_scope=0" },
		      { 2, false, true, GS_CHECK_NO, "ptrace_scope is 2", "--cap-add SYS_PTRACE" },
		      { 2, true, true, GS_CHECK_OK, "allowed", "" },
		      { 3, true, false, GS_CHECK_NO, "nobody may", "" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 16);
		gs_check c = gs_snapshot_rights(mem, cases[i].yama, cases[i].may_ptrace, cases[i].is_contained);

		CHECK_STR(gs_str_of(c.name), GS_S("snapshots"));
		CHECK_INT(c.state, cases[i].state);
		CHECK(gs_str_has(c.found, gs_str_of(cases[i].found)));
		CHECK(cases[i].allow[0] ? gs_str_has(c.allow, gs_str_of(cases[i].allow)) : c.allow.n == 0);
	}
}

TEST(the_scope_is_read_from_its_file)
{
	machine m = begin("0::/\n");
	char path[128];

	snprintf(path, sizeof(path), "%s/proc/sys/kernel/yama/ptrace_scope", m.root);
	CHECK_INT(gs_kernel_number(path, -1), -1);
	put(&m, "proc/sys/kernel/yama/ptrace_scope", "2\n");
	CHECK_INT(gs_kernel_number(path, -1), 2);
	end(&m);
}
