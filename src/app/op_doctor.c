/* gospect doctor: what this machine allows, and what would allow the rest. */
#include "app/op.h"
#include "base/json.h"
#include "capture/doctor.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "pid", GS_ARG_INT, .unit = "pid", .short_name = 'p', .help = "what would work on this process" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static const char *const states[] = { "ok", "limited", "no", "info" };

static void visible(gs_buf *out, gs_str s)
{
	while (s.n) {
		uint32_t c = gs_utf8_next(&s);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			gs_buf_c(out, '?');
		else
			gs_utf8_put(out, c);
	}
}

static void text(gs_op_call *call, const gs_diagnosis *dx, bool is_process)
{
	static const char *const marks[] = { "ok", "--", "NO", "  " }, *const colors[] = { "32", "33", "31", "0" };

	for (uint32_t i = 0; i < dx->n; i++) {
		const gs_check *c = &dx->checks[i];

		if (call->use_color)
			gs_buf_f(call->out, "\x1b[%sm%s\x1b[0m", colors[c->state], marks[c->state]);
		else
			gs_buf_z(call->out, marks[c->state]);
		gs_buf_f(call->out, "  %-26s ", c->title);
		visible(call->out, c->found);
		gs_buf_c(call->out, '\n');
		if (c->means.n)
			gs_buf_f(call->out, "    %.*s\n", GS_FMT(c->means));
		if (c->allow.n)
			gs_buf_f(call->out, "    to allow it: %.*s\n", GS_FMT(c->allow));
	}
	gs_buf_f(call->out, "%s\n", dx->can_record ? is_process ? "this process can be recorded" : "processes can be recorded here" :
				    is_process	   ? "this process cannot be recorded as things are" :
						     "only pprof endpoints can be recorded here as things are");
}

static void json(gs_op_call *call, const gs_diagnosis *dx)
{
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_kbool(&j, "can_record", dx->can_record);
	gs_json_key(&j, "checks");
	gs_json_array(&j);
	for (uint32_t i = 0; i < dx->n; i++) {
		const gs_check *c = &dx->checks[i];

		gs_json_object(&j);
		gs_json_kstr(&j, "name", gs_str_of(c->name));
		gs_json_kstr(&j, "title", gs_str_of(c->title));
		gs_json_kstr(&j, "state", gs_str_of(states[c->state]));
		gs_json_kstr(&j, "found", c->found);
		if (c->means.n)
			gs_json_kstr(&j, "means", c->means);
		if (c->allow.n)
			gs_json_kstr(&j, "allow", c->allow);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t pid = gs_call_is_set(call, "pid") ? gs_call_int(call, "pid") : 0;
	gs_diagnosis dx;

	if (pid > INT32_MAX || (gs_call_is_set(call, "pid") && pid < 1))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "doctor: --pid is the number of a process");
	if (!gs_diagnose(call->mem, (int32_t)pid, call->progress, &dx, err))
		return false;
	if (strcmp(call->format, "json") == 0)
		json(call, &dx);
	else
		text(call, &dx, pid != 0);
	call->exit_status = dx.can_record ? 0 : 1;
	return true;
}

extern const gs_op gs_op_doctor;
const gs_op gs_op_doctor = {
	.name = "doctor",
	.summary = "what this machine lets gospect do, and how to allow the rest",
	.help = "Tries what recording needs (perf events, kernel stacks and symbols, other users' processes, limits) and names the command\n"
		"that would allow what is refused. With --pid it looks at one process. Nothing is changed. The exit status is 1 when\n"
		"nothing can be recorded.\n"
		"\n"
		"  gospect doctor\n"
		"  gospect doctor --pid 4242\n",
	.input = GS_INPUT_NONE,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
	.formats = "text json",
	.run = run,
};
