#include "capture/proc_text.h"

#include "base/buf.h"
#include "base/banned.h"

/* Next word after spaces and tabs. */
static gs_str word(gs_str *s)
{
	size_t from = 0, to;

	while (from < s->n && (s->p[from] == ' ' || s->p[from] == '\t'))
		from++;
	for (to = from; to < s->n && s->p[to] != ' ' && s->p[to] != '\t' && s->p[to] != '\n'; to++)
		;
	gs_str w = gs_str_slice(*s, from, to);

	*s = gs_str_skip(*s, to);
	return w;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool gs_proc_stat_parse(gs_str text, gs_proc_stat *out)
{
	size_t from = gs_str_find_char(text, '('), to = gs_str_rfind_char(text, ')');
	uint64_t v;
	gs_str rest, state;

	*out = (gs_proc_stat){ 0 };
	if (from == SIZE_MAX || to == SIZE_MAX || to <= from)
		return false;
	out->comm = gs_str_slice(text, from + 1, to);
	rest = gs_str_skip(text, to + 1);
	state = word(&rest);
	if (state.n != 1)
		return false;
	out->state = state.p[0];
	for (unsigned field = 4; field <= 24; field++) {
		gs_str w = word(&rest);
		bool ok = gs_str_u64(w, 10, &v);

		switch (field) {
		case 4:
			out->ppid = ok && v <= INT32_MAX ? (int32_t)v : 0;
			break;
		case 14:
			out->utime_ticks = v;
			break;
		case 15:
			out->stime_ticks = v;
			break;
		case 20:
			out->n_threads = ok && v <= UINT32_MAX ? (uint32_t)v : 0;
			break;
		case 22:
			out->start_ticks = v;
			break;
		case 24:
			out->rss_pages = v;
			break;
		default: /* some of the others may be negative */
			ok = w.n > 0;
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

gs_str gs_proc_status_value(gs_str text, const char *name)
{
	gs_str line, key, value;

	while (gs_str_line(&text, &line))
		if (gs_str_cut(line, ':', &key, &value) && gs_str_eq(key, gs_str_of(name)))
			return gs_str_trim(value);
	return (gs_str){ 0 };
}

static bool map_line(gs_str line, gs_proc_map *m)
{
	gs_str range = word(&line), prot = word(&line), offset = word(&line), dev = word(&line), inode = word(&line);
	gs_str a, b, gone = GS_S(" (deleted)");
	uint64_t major, minor;

	*m = (gs_proc_map){ 0 };
	if (!gs_str_cut(range, '-', &a, &b) || !gs_str_u64(a, 16, &m->start) || !gs_str_u64(b, 16, &m->limit) ||
	    m->start > m->limit || prot.n < 4 || !gs_str_u64(offset, 16, &m->offset) ||
	    !gs_str_cut(dev, ':', &a, &b) || !gs_str_u64(a, 16, &major) || !gs_str_u64(b, 16, &minor) ||
	    major > UINT32_MAX || minor > UINT32_MAX || !gs_str_u64(inode, 10, &m->inode))
		return false;
	m->dev_major = (uint32_t)major;
	m->dev_minor = (uint32_t)minor;
	m->is_read = prot.p[0] == 'r';
	m->is_write = prot.p[1] == 'w';
	m->is_exec = prot.p[2] == 'x';
	m->is_shared = prot.p[3] == 's';
	while (line.n && line.p[0] == ' ')
		line = gs_str_skip(line, 1);
	if (line.n && line.p[0] == '/' && gs_str_ends(line, gone)) {
		m->is_deleted = true;
		line.n -= gone.n;
	}
	m->path = line;
	return true;
}

bool gs_proc_map_next(gs_str *rest, gs_proc_map *out)
{
	gs_str line;

	while (gs_str_line(rest, &line))
		if (map_line(line, out))
			return true;
	return false;
}

static bool tcp_line(gs_str line, gs_socket_family family, gs_listener *l)
{
	size_t n_addr = family == GS_SOCKET_V4 ? 4 : 16;
	gs_str addr, port, head, rest;
	uint64_t v;

	*l = (gs_listener){ .family = family };
	(void)word(&line); /* "0:" */
	if (!gs_str_cut(word(&line), ':', &addr, &port) || addr.n != 2 * n_addr || !gs_str_u64(port, 16, &v) ||
	    v > UINT16_MAX)
		return false;
	l->port = (uint16_t)v;
	/* 32-bit groups of the network-order address, each printed as a number of this machine. */
	for (size_t i = 0; i < n_addr; i += 4) {
		uint32_t group;

		if (!gs_str_u64(gs_str_slice(addr, 2 * i, 2 * i + 8), 16, &v))
			return false;
		group = (uint32_t)v;
		memcpy(l->addr + i, &group, 4);
	}
	(void)word(&line); /* remote address */
	if (!gs_str_eq(word(&line), GS_S("0A")))
		return false;
	for (int i = 0; i < 5; i++) /* queues, timer, retransmits, uid, timeout */
		(void)word(&line);
	head = word(&line);
	(void)gs_str_cut(head, ' ', &head, &rest);
	return gs_str_u64(head, 10, &l->inode);
}

bool gs_proc_tcp_next(gs_str *rest, gs_socket_family family, gs_listener *out)
{
	gs_str line;

	while (gs_str_line(rest, &line))
		if (tcp_line(line, family, out))
			return true;
	return false;
}

static bool unix_line(gs_str line, gs_listener *l)
{
	uint64_t flags;

	*l = (gs_listener){ .family = GS_SOCKET_UNIX };
	(void)word(&line); /* address */
	(void)word(&line); /* references */
	(void)word(&line); /* protocol */
	if (!gs_str_u64(word(&line), 16, &flags) || !(flags & 0x10000)) /* __SO_ACCEPTCON: it listens */
		return false;
	if (!gs_str_eq(word(&line), GS_S("0001"))) /* SOCK_STREAM */
		return false;
	(void)word(&line); /* state */
	if (!gs_str_u64(word(&line), 10, &l->inode))
		return false;
	if (line.n && line.p[0] == ' ')
		line = gs_str_skip(line, 1);
	l->path = line;
	return line.n > 0;
}

bool gs_proc_unix_next(gs_str *rest, gs_listener *out)
{
	gs_str line;

	while (gs_str_line(rest, &line))
		if (unix_line(line, out))
			return true;
	return false;
}

bool gs_proc_socket_inode(gs_str link, uint64_t *inode)
{
	gs_str prefix = GS_S("socket:[");

	if (!gs_str_starts(link, prefix) || !gs_str_ends(link, GS_S("]")))
		return false;
	return gs_str_u64(gs_str_slice(link, prefix.n, link.n - 1), 10, inode);
}

/* Length of the container id that `s` starts with, 0 for none: 64 hex digits, or ECS' 32 hex digits, '-', digits. */
static size_t id_length(gs_str s)
{
	size_t n = 0, end;

	while (n < s.n && is_hex(s.p[n]))
		n++;
	if (n == 64)
		return n;
	if (n != 32 || n == s.n || s.p[n] != '-')
		return 0;
	for (end = n + 1; end < s.n && s.p[end] >= '0' && s.p[end] <= '9'; end++)
		;
	return end > n + 1 ? end : 0;
}

/* One path element such as "docker-<id>.scope", "cri-containerd-<id>", "<slice>:cri-containerd:<id>", "<id>". */
static bool container_element(gs_str e, gs_container *out)
{
	static const struct {
		const char *prefix, *runtime;
	} known[] = {
		{ "docker-", "docker" },    { "cri-containerd-", "containerd" },
		{ "crio-", "cri-o" },	    { "libpod-", "podman" },
		{ "nerdctl-", "containerd" },
	};
	size_t n, colon = gs_str_rfind_char(e, ':');
	const char *runtime = NULL;

	if (colon != SIZE_MAX) {
		if (gs_str_has(e, GS_S(":cri-containerd:")) || gs_str_has(e, GS_S(":containerd:")))
			runtime = "containerd";
		else if (gs_str_has(e, GS_S(":docker:")))
			runtime = "docker";
		e = gs_str_skip(e, colon + 1);
	}
	/* Monitors and build helpers of a runtime carry an id too, but are not the container. */
	if (gs_str_starts(e, GS_S("crio-conmon-")) || gs_str_starts(e, GS_S("libpod-conmon-")))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !runtime; i++) {
		gs_str prefix = gs_str_of(known[i].prefix);

		if (gs_str_starts(e, prefix)) {
			runtime = known[i].runtime;
			e = gs_str_skip(e, prefix.n);
		}
	}
	n = id_length(e);
	if (n == 0 || (n < e.n && !gs_str_eq(gs_str_skip(e, n), GS_S(".scope"))))
		return false;
	out->id = gs_str_slice(e, 0, n);
	out->runtime = runtime;
	return true;
}

/* "pod<uid>", "kubepods-burstable-pod<uid>.slice" */
static bool pod_element(gs_str e, gs_str *uid)
{
	gs_str s = e;
	size_t at;

	if (!gs_str_starts(e, GS_S("pod"))) {
		at = gs_str_find(e, GS_S("-pod"));
		if (at == SIZE_MAX)
			return false;
		s = gs_str_skip(e, at + 1);
	}
	s = gs_str_skip(s, 3);
	if (gs_str_ends(s, GS_S(".slice")))
		s.n -= 6;
	for (size_t i = 0; i < s.n; i++)
		if (!is_hex(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	if (s.n < 32 || s.n > 36)
		return false;
	*uid = s;
	return true;
}

static bool container_path(gs_str path, gs_container *out)
{
	gs_str e, parent = { 0 };
	bool found = false;

	*out = (gs_container){ 0 };
	while (path.n) {
		gs_container c = { 0 };

		(void)gs_str_cut(path, '/', &e, &path);
		if (e.n == 0)
			continue;
		(void)pod_element(e, &out->pod_uid);
		/* The innermost id wins: containers inside containers. */
		if (container_element(e, &c)) {
			out->id = c.id;
			out->runtime = c.runtime		     ? c.runtime :
				       gs_str_eq(parent, GS_S("docker"))     ? "docker" :
				       gs_str_starts(parent, GS_S("libpod")) ? "podman" :
				       out->pod_uid.n			     ? "kubernetes" :
				       c.id.n != 64			     ? "ecs" :
									       "container";
			found = true;
		}
		parent = e;
	}
	return found;
}

bool gs_proc_container(gs_str text, gs_container *out)
{
	gs_str line, head, rest, path;

	*out = (gs_container){ 0 };
	while (gs_str_line(&text, &line))
		if (gs_str_cut(line, ':', &head, &rest) && gs_str_cut(rest, ':', &head, &path) &&
		    container_path(path, out))
			return true;
	*out = (gs_container){ 0 };
	return false;
}

gs_str gs_proc_command_line(gs_arena *mem, gs_str cmdline)
{
	GS_AUTO(buf) b = { 0 };
	bool is_first = true;

	gs_buf_init(&b, 1 << 20);
	while (cmdline.n && cmdline.p[cmdline.n - 1] == '\0')
		cmdline.n--;
	while (cmdline.n) {
		gs_str arg;
		bool plain;

		(void)gs_str_cut(cmdline, '\0', &arg, &cmdline);
		plain = arg.n > 0;
		for (size_t i = 0; i < arg.n; i++)
			plain &= (unsigned char)arg.p[i] > ' ' && arg.p[i] != '\'' && arg.p[i] != '"' && arg.p[i] != 0x7f;
		if (!is_first)
			gs_buf_c(&b, ' ');
		is_first = false;
		if (plain) {
			gs_buf_str(&b, arg);
			continue;
		}
		gs_buf_c(&b, '\'');
		for (size_t i = 0; i < arg.n; i++) {
			unsigned char c = (unsigned char)arg.p[i];

			if (c == '\'')
				gs_buf_z(&b, "'\\''");
			else if (c < ' ' || c == 0x7f)
				gs_buf_c(&b, '?');
			else
				gs_buf_c(&b, (char)c);
		}
		gs_buf_c(&b, '\'');
	}
	return gs_str_dup(mem, gs_buf_view(&b));
}
