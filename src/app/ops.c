#include "app/op.h"

#include "base/banned.h"

const gs_op *const gs_ops[] = {
	NULL,
};
