// Gives up the database that swap kept, and keeps what the verified preview was made from.
#include "base/text.h"
#include "steps/delta_sync.h"
#include "steps/marker.h"
#include "steps/proof.h"
#include "steps/target.h"
#include "steps/way.h"

static void set(char **field, char *take_text)
{
        if (*field != protobuf_c_empty_string)
                free(*field);
        *field = take_text;
}

static char *copy_of(const char *text)
{
        return text_copy(text ? text : "");
}

// The script is the one that was run: production's may have been edited since.
static int keep_proof(StepContext *context, const Fleet__SettleArguments *arguments,
        const SiteDir *preview, Error *error)
{
        const Fleet__RestoreResult *restore = arguments->restore;
        _cleanup_message_ ProtobufCMessage *copy = NULL;
        Fleet__Proof *proof;
        char *script;
        int r = 0;

        if (!arguments->choose || !arguments->choose->proof || !restore)
                return 0;
        copy = message_copy(&arguments->choose->proof->base);
        proof = (Fleet__Proof *)copy;
        set(&proof->preview, copy_of(restore->preview_digest));
        if (restore->way == FLEET__WAY__NATIVE) {
                set(&proof->production, copy_of(restore->production_digest));
        } else {
                set(&proof->production, copy_of(arguments->dump ? arguments->dump->digest : NULL));
                r = proof_script(preview, arguments->directory, &script, error);
                if (r == 0)
                        set(&proof->script, script);
        }
        if (r < 0)
                return r;
        if (!text_blank(restore->rows) || restore->way == FLEET__WAY__DELTA)
                delta_sync_keep(context, preview, arguments->directory, restore->rows);
        return marker_write(preview, proof, error);
}

static int settle_check(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        (void)context, (void)result, (void)error;
        return way_is_nothing(((const Fleet__SettleArguments *)arguments)->choose);
}

static int settle_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__SettleArguments *arguments = (const Fleet__SettleArguments *)arguments_message;
        Fleet__SettleResult *result = (Fleet__SettleResult *)result_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r == 0)
                r = target.engine->settle(context, &target.site, target.identity->database,
                        &result->freed_bytes, error);
        if (r == 0)
                r = keep_proof(context, arguments, &target.site, error);
        return r;
}

const StepOps step_settle_ops = {.check = settle_check, .run = settle_run};
