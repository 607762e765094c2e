/* Every text of /proc, whichever way it is read, and addresses as people type them. */
#include "capture/http.h"
#include "capture/kernel.h"
#include "capture/proc_text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_str text = { (const char *)data, size }, rest, name;
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	gs_proc_stat st;
	gs_container c;
	gs_proc_map m;
	gs_listener l;
	gs_http_target t;
	uint64_t inode, a, b;
	int cpus[64];
	size_t n;

	(void)gs_proc_stat_parse(text, &st);
	(void)gs_proc_status_value(text, "Uid");
	(void)gs_proc_container(text, &c);
	(void)gs_proc_socket_inode(text, &inode);
	(void)gs_proc_command_line(mem, text);
	(void)gs_cpu_list_parse(text, cpus, 64, &n);
	for (rest = text; gs_proc_map_next(&rest, &m);)
		if (m.start > m.limit)
			__builtin_trap();
	for (rest = text; gs_proc_tcp_next(&rest, GS_SOCKET_V4, &l);)
		;
	for (rest = text; gs_proc_tcp_next(&rest, GS_SOCKET_V6, &l);)
		;
	for (rest = text; gs_proc_unix_next(&rest, &l);)
		;
	for (rest = text; gs_module_next(&rest, &name, &a, &b);)
		;
	if (gs_http_target_like(text) && gs_http_target_parse(mem, text, &t, NULL) && !gs_str_ends(t.base, GS_S("/")))
		__builtin_trap();
	return 0;
}
