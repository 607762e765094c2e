#include "capture/kernel.h"
#include "capture/proc_text.h"
#include "tap.h"

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(stat_with_a_hostile_name)
{
	gs_proc_stat st;

	CHECK(gs_proc_stat_parse(GS_S("77 (a) R 1 (b\n) S 12 77 77 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 9 0 8765 111 222 18446744073709551615 "
				      "1 1 0\n"),
				 &st));
	CHECK_STR(st.comm, GS_S("a) R 1 (b\n"));
	CHECK_INT(st.state, 'S');
	CHECK_INT(st.ppid, 12);
	CHECK_INT(st.utime_ticks, 150);
	CHECK_INT(st.stime_ticks, 25);
	CHECK_INT(st.n_threads, 9);
	CHECK_INT(st.start_ticks, 8765);
	CHECK_INT(st.rss_pages, 222);
}

TEST(stat_cut_short)
{
	gs_proc_stat st;
	gs_str whole = GS_S("77 (x) S 12 77 77 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 9 0 8765 111 222 ");

	for (size_t n = 0; n < whole.n - 4; n++)
		CHECK(!gs_proc_stat_parse(gs_str_slice(whole, 0, n), &st));
	CHECK(gs_proc_stat_parse(whole, &st));
	CHECK(!gs_proc_stat_parse(GS_S(")("), &st));
}

TEST(status_values)
{
	gs_str s = GS_S("Name:\tshop\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t4242\t7\n");

	CHECK_STR(gs_proc_status_value(s, "Name"), GS_S("shop"));
	CHECK_STR(gs_proc_status_value(s, "NSpid"), GS_S("4242\t7"));
	CHECK_STR(gs_proc_status_value(s, "CapEff"), GS_S(""));
}

TEST(maps)
{
	gs_str s = GS_S("55d0c0000000-55d0c0200000 r-xp 00001000 fd:01 123456                     /srv/my app/bin (x)\n"
			"rubbish\n"
			"7f00-7e00 r-xp 0 0:0 0 /backwards\n"
			"7f0000000000-7f0000001000 rw-s 00000000 00:05 99 /tmp/old bin (deleted)\n"
			"7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]\n"
			"c000000000-c000400000 rw-p 00000000 00:00 0 ");
	gs_proc_map m;

	CHECK(gs_proc_map_next(&s, &m));
	CHECK_INT(m.start, 0x55d0c0000000);
	CHECK_INT(m.limit, 0x55d0c0200000);
	CHECK_INT(m.offset, 0x1000);
	CHECK_INT(m.dev_major, 0xfd);
	CHECK_INT(m.inode, 123456);
	CHECK(m.is_exec && m.is_read && !m.is_write && !m.is_shared && !m.is_deleted);
	CHECK_STR(m.path, GS_S("/srv/my app/bin (x)"));
	CHECK(gs_proc_map_next(&s, &m));
	CHECK(m.is_deleted && m.is_shared);
	CHECK_STR(m.path, GS_S("/tmp/old bin"));
	CHECK(gs_proc_map_next(&s, &m));
	CHECK_STR(m.path, GS_S("[vdso]"));
	CHECK(gs_proc_map_next(&s, &m));
	CHECK_STR(m.path, GS_S(""));
	CHECK(!gs_proc_map_next(&s, &m));
}

TEST(listening_tcp_sockets)
{
	gs_str s = GS_S("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
			"   0: 0100007F:17AC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 5551 1 0000000000000000 100 0 0 10 0\n"
			"   1: 0100007F:17AC 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 5552 1 0000000000000000 20 4 30 10 -1\n"
			"   2: 0200000A:0050 00000000:0000 0A 00000000:00000005 00:00000000 00000000     0        0 77 1 0\n");
	gs_listener l;

	CHECK(gs_proc_tcp_next(&s, GS_SOCKET_V4, &l));
	CHECK_INT(l.port, 6060);
	CHECK_INT(l.inode, 5551);
	CHECK(l.addr[0] == 127 && l.addr[1] == 0 && l.addr[3] == 1);
	CHECK(gs_proc_tcp_next(&s, GS_SOCKET_V4, &l));
	CHECK_INT(l.port, 80);
	CHECK_INT(l.inode, 77);
	CHECK(l.addr[0] == 10 && l.addr[3] == 2);
	CHECK(!gs_proc_tcp_next(&s, GS_SOCKET_V4, &l));
}

TEST(listening_tcp6_sockets)
{
	gs_str s = GS_S("   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 "
			"00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0\n"
			"   1: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 "
			"00:00000000 00000000     0        0 54321 1\n");
	gs_listener l;

	CHECK(gs_proc_tcp_next(&s, GS_SOCKET_V6, &l));
	CHECK_INT(l.port, 8080);
	CHECK_INT(l.inode, 12345);
	CHECK(l.addr[15] == 1 && l.addr[0] == 0);
	CHECK(gs_proc_tcp_next(&s, GS_SOCKET_V6, &l));
	CHECK_INT(l.port, 22);
	CHECK(!gs_proc_tcp_next(&s, GS_SOCKET_V6, &l));
}

TEST(listening_unix_sockets)
{
	gs_str s = GS_S("Num       RefCount Protocol Flags    Type St Inode Path\n"
			"0000000000000000: 00000002 00000000 00010000 0001 01 20671 /run/my app.sock\n"
			"0000000000000000: 00000003 00000000 00000000 0001 03 20672 /run/connected.sock\n"
			"0000000000000000: 00000002 00000000 00010000 0005 01 20673 /run/seqpacket\n"
			"0000000000000000: 00000002 00000000 00010000 0001 01 20674\n"
			"0000000000000000: 00000002 00000000 00010000 0001 01 20675 @abstract\n");
	gs_listener l;

	CHECK(gs_proc_unix_next(&s, &l));
	CHECK_STR(l.path, GS_S("/run/my app.sock"));
	CHECK_INT(l.inode, 20671);
	CHECK(gs_proc_unix_next(&s, &l));
	CHECK_STR(l.path, GS_S("@abstract"));
	CHECK(!gs_proc_unix_next(&s, &l));
}

TEST(socket_links)
{
	uint64_t inode;

	CHECK(gs_proc_socket_inode(GS_S("socket:[5551]"), &inode));
	CHECK_INT(inode, 5551);
	CHECK(!gs_proc_socket_inode(GS_S("pipe:[5551]"), &inode));
	CHECK(!gs_proc_socket_inode(GS_S("socket:[]"), &inode));
}

TEST(containers)
{
	static const struct {
		const char *text, *runtime, *id, *pod;
	} rows[] = {
		{ "0::/docker/" ID64 "\n", "docker", ID64, "" },
		{ "0::/system.slice/docker-" ID64 ".scope\n", "docker", ID64, "" },
		{ "0::/system.slice/docker-" ID64 ".scope/init\n", "docker", ID64, "" },
		{ "12:pids:/x\n11:memory:/docker/" ID64 "\n", "docker", ID64, "" },
		{ "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1e2d3c_1111_2222_3333_444455556666.slice/cri-containerd-" ID64
		  ".scope\n",
		  "containerd", ID64, "0f1e2d3c_1111_2222_3333_444455556666" },
		{ "5:cpu:/kubepods/besteffort/pod0f1e2d3c-1111-2222-3333-444455556666/" ID64 "\n", "kubernetes", ID64,
		  "0f1e2d3c-1111-2222-3333-444455556666" },
		{ "5:cpu:/system.slice/containerd.service/kubepods-besteffort-podabc.slice:cri-containerd:" ID64 "\n", "containerd", ID64, "" },
		{ "0::/machine.slice/crio-" ID64 ".scope\n", "cri-o", ID64, "" },
		{ "0::/machine.slice/crio-" ID64 "\n", "cri-o", ID64, "" },
		{ "0::/machine.slice/libpod-" ID64 ".scope/container\n", "podman", ID64, "" },
		{ "0::/libpod_parent/libpod-" ID64 "\n", "podman", ID64, "" },
		{ "0::/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-1234567890\n", "ecs",
		  "0123456789abcdef0123456789abcdef-1234567890", "" },
		{ "0::/docker/" ID64 "/kubelet/pod0f1e2d3c-1111-2222-3333-444455556666/fe" ID64 "\n", "docker", ID64,
		  "0f1e2d3c-1111-2222-3333-444455556666" },
	};
	gs_container c;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK(gs_proc_container(gs_str_of(rows[i].text), &c));
		CHECK_STR(gs_str_of(c.runtime), gs_str_of(rows[i].runtime));
		CHECK_STR(c.id, gs_str_of(rows[i].id));
		CHECK_STR(c.pod_uid, gs_str_of(rows[i].pod));
	}
}

TEST(no_containers)
{
	static const char *const rows[] = {
		"0::/\n",
		"",
		"0::/user.slice/user-1000.slice/session-3.scope\n",
		"0::/user.slice/vte-spawn-12345678-1234-1234-1234-123456789abc.scope\n",
		"0::/machine.slice/crio-conmon-" ID64 ".scope\n",
		"0::/machine.slice/libpod-conmon-" ID64 ".scope\n",
		"0::/x/" ID64 "0\n",
		"no colons here",
	};
	gs_container c;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(!gs_proc_container(gs_str_of(rows[i]), &c));
}

TEST(command_lines)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_str raw = { "./shop\0-name\0a b\0it's\0\033[2J\0\0--end\0", 35 };

	CHECK_STR(gs_proc_command_line(mem, raw), GS_S("./shop -name 'a b' 'it'\\''s' '?[2J' '' --end"));
	CHECK_STR(gs_proc_command_line(mem, (gs_str){ 0 }), GS_S(""));
}

TEST(cpu_lists)
{
	int cpus[8];
	size_t n;

	CHECK(gs_cpu_list_parse(GS_S("0-2,5\n"), cpus, 8, &n));
	CHECK_INT(n, 4);
	CHECK_INT(cpus[3], 5);
	CHECK(gs_cpu_list_parse(GS_S("0-100"), cpus, 8, &n));
	CHECK_INT(n, 8);
	CHECK(!gs_cpu_list_parse(GS_S("3-1"), cpus, 8, &n));
	CHECK(!gs_cpu_list_parse(GS_S(""), cpus, 8, &n));
	CHECK(!gs_cpu_list_parse(GS_S("x"), cpus, 8, &n));
}

TEST(modules)
{
	gs_str s = GS_S("overlay 188416 1 - Live 0xffffffffc0a00000\n"
			"hidden 16384 0 - Live 0x0000000000000000\n"
			"short line\n"
			"xt 16384 2 a,b, Live 0xffffffffc0b00000 (E)\n"),
	       name;
	uint64_t start, size;

	CHECK(gs_module_next(&s, &name, &start, &size));
	CHECK_STR(name, GS_S("overlay"));
	CHECK_INT(start, (int64_t)0xffffffffc0a00000);
	CHECK_INT(size, 188416);
	CHECK(gs_module_next(&s, &name, &start, &size));
	CHECK_STR(name, GS_S("xt"));
	CHECK(!gs_module_next(&s, &name, &start, &size));
}
