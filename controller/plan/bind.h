// Results of finished tasks become arguments of later ones.
//
// A field of an arguments message whose type is a step's result (DumpResult dump, ProbeResult
// production_probe ...) is filled from the task of the same job whose label is the field's name.
#ifndef UNDERSTUDY_PLAN_BIND_H
#define UNDERSTUDY_PLAN_BIND_H

#include <stdbool.h>

#include "base/error.h"
#include "steps.h"

// The result of the finished task with this label, borrowed; NULL: there is none.
typedef const ProtobufCMessage *(*BindFn)(void *userdata, const char *label);

// Whether a field is filled in this way.
bool bind_is_result(const ProtobufCFieldDescriptor *field);

// -EPROTO: a task of that label has a result of another type; such a plan is a mistake in it.
int bind_results(ProtobufCMessage *arguments, BindFn result_of, void *userdata, Error *error)
        _must_use_;

#endif
