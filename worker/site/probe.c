#include "site/probe.h"

#include "site/python.h"

// Copies the strings of a JSON object into the string fields of a message that have their names.
static void take_strings(ProtobufCMessage *message, json_t *object)
{
        const ProtobufCMessageDescriptor *type = message->descriptor;

        for (unsigned i = 0; i < type->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &type->fields[i];
                const char *text = json_string_value(json_object_get(object, field->name));
                char **member = (char **)((char *)message + field->offset);

                if (field->type == PROTOBUF_C_TYPE_STRING &&
                        field->label != PROTOBUF_C_LABEL_REPEATED && text)
                        *member = text_copy(text);
        }
}

static void take_list(json_t *list, size_t *ret_count, char ***ret)
{
        TextList texts = {0};
        size_t i;
        json_t *item;

        json_array_foreach (list, i, item)
                if (json_is_string(item))
                        text_list_add(&texts, json_string_value(item));
        *ret_count = texts.count;
        *ret = texts.items;
}

static Fleet__Database *take_database(json_t *object)
{
        Fleet__Database *database = (Fleet__Database *)message_new(&fleet__database__descriptor);

        take_strings(&database->base, object);
        return database;
}

static void take_databases(json_t *identity, Fleet__Identity *ret)
{
        json_t *more = json_object_get(identity, "more"), *entry;
        size_t i;

        ret->database = take_database(json_object_get(identity, "database"));
        ret->more = memory_new(json_array_size(more) * sizeof(*ret->more));
        json_array_foreach (more, i, entry)
                ret->more[ret->n_more++] = take_database(entry);
}

void site_answer_take(json_t *answer, Fleet__ProbeResult *result)
{
        json_t *identity = json_object_get(answer, "identity");

        take_strings(&result->base, answer);
        result->identity = (Fleet__Identity *)message_new(&fleet__identity__descriptor);
        take_strings(&result->identity->base, identity);
        take_databases(identity, result->identity);
        result->versions = (Fleet__Versions *)message_new(&fleet__versions__descriptor);
        take_strings(&result->versions->base, json_object_get(answer, "versions"));
        take_list(json_object_get(answer, "plugins"), &result->n_plugins, &result->plugins);
        take_list(json_object_get(answer, "allowed_hosts"), &result->n_allowed_hosts,
                &result->allowed_hosts);
        take_list(json_object_get(answer, "warnings"), &result->n_warnings, &result->warnings);
}

int site_probe(StepContext *context, const SiteDir *site, Fleet__ProbeResult *result, Error *error)
{
        json_t *request = json_object(), *answer = NULL;
        int r = python_run(context, site, "probe", request, NULL, NULL, NULL, 0, &answer, error);

        if (r == 0)
                site_answer_take(answer, result);
        json_decref(request);
        json_decref(answer);
        return r;
}

int site_ask(StepContext *context, const SiteDir *site, uint32_t limit_ms, json_t **ret_answer,
        Error *error)
{
        json_t *request = json_object();
        int r = python_ask(context, site, "probe", request, limit_ms, ret_answer, error);

        json_decref(request);
        return r;
}
