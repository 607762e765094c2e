#include "app/endpoint_args.h"

#include "base/file.h"

#include "base/banned.h"

enum { TOKEN_MAX_BYTES = 65536 };

static const gs_arg args[] = {
	{ "header", GS_ARG_LIST, .unit = "text", .short_name = 'H', .help = "\"Name: value\" to send with each request" },
	{ "bearer", GS_ARG_STRING, .unit = "token", .help = "send Authorization: Bearer; @FILE reads it from a file" },
	{ "ca", GS_ARG_STRING, .unit = "file", .help = "certificates to trust (PEM)" },
	{ "cert", GS_ARG_STRING, .unit = "file", .help = "our certificate (PEM)" },
	{ "key", GS_ARG_STRING, .unit = "file", .help = "its key (PEM)" },
	{ "insecure", GS_ARG_BOOL, .help = "believe any certificate; send secrets over plain http" },
	{ 0 },
};
const gs_arg_group gs_args_endpoint = { "Endpoint", args };

static bool token(gs_arena *mem, gs_str text, gs_str *out, gs_err *err)
{
	GS_AUTO(file) f = { 0 };

	*out = text;
	if (!gs_str_starts(text, GS_S("@")))
		return true;
	if (!gs_file_read(gs_cstr(mem, gs_str_skip(text, 1)), TOKEN_MAX_BYTES, &f, err))
		return false;
	*out = gs_str_dup(mem, gs_str_trim(f.bytes));
	return true;
}

bool gs_endpoint_auth(const gs_op_call *call, gs_http_auth *out, gs_err *err)
{
	*out = (gs_http_auth){ .ca_file = gs_call_str(call, "ca"),
			       .cert_file = gs_call_str(call, "cert"),
			       .key_file = gs_call_str(call, "key"),
			       .is_insecure = gs_call_bool(call, "insecure") };
	out->headers = gs_call_list(call, "header", &out->n_headers);
	return token(call->mem, gs_call_str(call, "bearer"), &out->bearer, err);
}

bool gs_endpoint_auth_of(gs_arena *mem, const gs_op_pair *pairs, unsigned n, gs_http_auth *out, gs_err *err)
{
	gs_str *headers = gs_new(mem, gs_str, n), bearer = { 0 };

	*out = (gs_http_auth){ .headers = headers };
	for (unsigned i = 0; i < n; i++) {
		gs_str name = pairs[i].name, value = pairs[i].value;

		if (gs_str_eq(name, GS_S("header")))
			headers[out->n_headers++] = value;
		else if (gs_str_eq(name, GS_S("bearer")))
			bearer = value;
		else if (gs_str_eq(name, GS_S("ca")))
			out->ca_file = value;
		else if (gs_str_eq(name, GS_S("cert")))
			out->cert_file = value;
		else if (gs_str_eq(name, GS_S("key")))
			out->key_file = value;
		else if (gs_str_eq(name, GS_S("insecure")))
			out->is_insecure = gs_str_eq(value, GS_S("1"));
	}
	return token(mem, bearer, &out->bearer, err);
}
