#include "steps/script_merge.h"

#include "steps/script_main.h"

// What is going to be written, unit after unit.
typedef struct Output {
        struct Piece {
                const char *key;
                char *text;
                size_t blank;
                bool comment;
        } * pieces;
        size_t count;
} Output;

static void output_clear(Output *output)
{
        for (size_t i = 0; i < output->count; i++)
                free(output->pieces[i].text);
        free(output->pieces);
}

static void output_insert(Output *output, size_t at, const ScriptUnit *unit, char *take_text)
{
        output->pieces = memory_grow(output->pieces, (output->count + 1) * sizeof(*output->pieces));
        memmove(output->pieces + at + 1, output->pieces + at,
                (output->count - at) * sizeof(*output->pieces));
        output->pieces[at] = (struct Piece){.key = unit->key,
                .text = take_text,
                .blank = unit->blank,
                .comment = unit->comment};
        output->count++;
}

static char *output_text(const Output *output)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                abort();
        for (size_t i = 0; i < output->count; i++) {
                const struct Piece *piece = &output->pieces[i];
                // A comment directly above the next unit would become a part of it.
                size_t blank = piece->comment && piece->blank == 0 ? 1 : piece->blank;

                fputs(piece->text, stream);
                for (size_t n = 0; n < blank && i + 1 < output->count; n++)
                        fputc('\n', stream);
        }
        if (fclose(stream) != 0)
                abort();
        return text;
}

// What `ours` makes of a unit of `theirs`; NULL: it was removed by hand. `supposed`: there is no
// real base.
static char *merge_unit(ScriptMerge *merge, const ScriptUnit *base, const ScriptUnit *ours,
        const ScriptUnit *theirs, const ScriptUnits *const scripts[3], bool supposed)
{
        if (!ours && !base) {
                merge->taken += !theirs->comment;
                return text_copy(theirs->text);
        }
        if (!ours && strcmp(base->text, theirs->text) == 0) {
                merge->kept += !base->comment;
                return NULL;
        }
        if (base && ours && strcmp(theirs->key, SCRIPT_MAIN) == 0)
                return script_merge_main(
                        merge, supposed ? NULL : base->text, ours->text, theirs->text, scripts);
        return script_merge_text(
                merge, base ? base->text : "", ours ? ours->text : "", theirs->text);
}

static size_t output_index(const Output *output, const char *key)
{
        for (size_t i = 0; i < output->count; i++)
                if (strcmp(output->pieces[i].key, key) == 0)
                        return i;
        return SIZE_MAX;
}

// What was made by hand goes after what it stands after by hand. A unit that restore.py no longer
// has is kept if it was edited.
static void insert_handmade(
        ScriptMerge *merge, Output *output, const ScriptUnits *base, const ScriptUnits *ours)
{
        size_t after = 0; // where the next one goes

        for (size_t i = 0; i < ours->count; i++) {
                const ScriptUnit *unit = &ours->units[i];
                const ScriptUnit *old = script_units_find(base, unit->key);
                size_t at = output_index(output, unit->key);

                if (at != SIZE_MAX) {
                        after = at + 1;
                } else if (!old || strcmp(old->text, unit->text) != 0) {
                        if (after > 0 && i > 0) // as close to it as it was put
                                output->pieces[after - 1].blank = ours->units[i - 1].blank;
                        output_insert(output, after++, unit, text_copy(unit->text));
                        merge->kept += !unit->comment;
                } else {
                        merge->taken += !unit->comment;
                }
        }
}

// Stands in for a base that is not there.
static void suppose_base(const ScriptUnits *ours, const ScriptUnits *theirs, ScriptUnits *ret)
{
        *ret = (ScriptUnits){.units = memory_new(theirs->count * sizeof(*ret->units))};
        for (size_t i = 0; i < theirs->count; i++) {
                const ScriptUnit *unit = &theirs->units[i];

                if (!script_units_find(ours, unit->key))
                        continue;
                ret->units[ret->count] = *unit;
                ret->units[ret->count].key = text_copy(unit->key);
                ret->units[ret->count++].text = text_copy(unit->text);
        }
}

void script_merge(const char *base, const char *ours, const char *theirs, ScriptMerge *ret)
{
        ScriptUnits old _cleanup_units_ = {0}, edited _cleanup_units_ = {0};
        ScriptUnits new _cleanup_units_ = {0};
        const ScriptUnits *const scripts[] = {&old, &edited, &new};
        Output output _cleanup_(output_clear) = {0};

        *ret = (ScriptMerge){0};
        script_units_parse(ours, &edited);
        script_units_parse(theirs, &new);
        if (base)
                script_units_parse(base, &old);
        else
                suppose_base(&edited, &new, &old);
        for (size_t i = 0; i < new.count; i++) {
                const ScriptUnit *unit = &new.units[i];
                char *text = merge_unit(ret, script_units_find(&old, unit->key),
                        script_units_find(&edited, unit->key), unit, scripts, !base);

                if (text)
                        output_insert(&output, output.count, unit, text);
        }
        insert_handmade(ret, &output, &old, &edited);
        ret->text = output_text(&output);
}

unsigned script_marker_line(const char *text)
{
        unsigned number = 1;

        for (const char *line = text; *line; number++) {
                if (text_starts(line, "<<<<<<< ") || text_starts(line, "=======\n") ||
                        text_starts(line, ">>>>>>> "))
                        return number;
                line += strcspn(line, "\n");
                line += *line == '\n';
        }
        return 0;
}
