#include "cli/view_scan.h"

#include "base/text.h"
#include "cli/table.h"
#include "cli/view.h"

static void append(char **text, char *take_line)
{
        char *longer = text_format("%s%s%s", *text, **text ? "\n" : "", take_line);

        free(*text);
        free(take_line);
        *text = longer;
}

// ---------------------------------------------------------------- sites

static char *part_line(const json_t *part)
{
        const char *link = view_text(part, "link");
        _cleanup_free_ char *hosts = view_value("hosts", json_object_get(part, "hosts"));
        const char *name = *hosts ? hosts : view_text(part, "name");

        return text_format("%s %s%s%s%s%s (%s)", view_text(part, "kind"), name,
                *link ? ", by the link '" : "", link, *link ? "'" : "",
                json_is_true(json_object_get(part, "disabled")) ? ", not enabled" : "",
                view_text(part, "where"));
}

static void add_line(char **text, const char *word, const char *value)
{
        if (!text_blank(value))
                append(text, text_format("%s %s", word, value));
}

// What belongs to a site, a line each.
static char *belongings(const json_t *site)
{
        char *text = text_format("%s/%s", view_text(site, "root"), view_text(site, "name"));
        _cleanup_free_ char *databases = view_value("", json_object_get(site, "databases"));
        const json_t *part;
        size_t i;

        add_line(&text, "database", databases);
        add_line(&text, "environment", view_text(site, "environment"));
        add_line(&text, "log", view_text(site, "log_directory"));
        json_array_foreach (json_object_get(site, "parts"), i, part)
                append(&text, part_line(part));
        return text;
}

void scan_show_sites(const Screen *screen, size_t indent, const json_t *sites)
{
        _cleanup_table_ Table table = {
                .columns = 5, .heads = {"SITE", "ROLE", "SERIES", "APPLICATION", "OWNER"}};
        const json_t *site;
        size_t i;

        json_array_foreach (sites, i, site) {
                const char *application = view_text(site, "application");
                _cleanup_free_ char *belonging = belongings(site);

                table_add(&table, view_text(site, "name"));
                table_add(&table, view_text(site, "role"));
                table_add(&table, view_text(site, "series"));
                table_add(&table, *application ? application : "no answer");
                table_add(&table, view_text(site, "owner"));
                table_note(&table, belonging);
        }
        table_write(&table, screen, indent);
}

// ---------------------------------------------------------------- findings

// What is dangerous stands out without colours, too.
static const char *severity_word(const json_t *finding)
{
        const char *severity = view_text(finding, "severity");

        return text_equal(severity, "danger") ? "DANGER" : severity;
}

void scan_show_findings(const Screen *screen, size_t indent, const json_t *findings)
{
        _cleanup_table_ Table table = {.columns = 3, .heads = {"HOW BAD", "FINDING", "SITE"}};
        const json_t *finding;
        size_t i;

        json_array_foreach (findings, i, finding) {
                const char *where = view_text(finding, "where");
                _cleanup_free_ char *note = text_format("%s\n%s%s%s.\n%s",
                        view_text(finding, "what"), where, *where ? "\n" : "",
                        view_text(finding, "why"), view_text(finding, "next"));

                table_add(&table, severity_word(finding));
                table_add(&table, view_text(finding, "code"));
                table_add(&table, view_text(finding, "site"));
                table_note(&table, note);
        }
        table_write(&table, screen, indent);
}

// ---------------------------------------------------------------- lines

void scan_show_lines(const Screen *screen, size_t indent, const json_t *lines)
{
        const json_t *line;
        size_t i;

        (void)indent;
        json_array_foreach (lines, i, line) {
                const char *note = view_text(line, "note");
                _cleanup_free_ char *safe = screen_safe(view_text(line, "command"));
                _cleanup_free_ char *safe_note = screen_safe(note);

                if (*note)
                        fprintf(screen->out, "# %s\n", safe_note);
                fprintf(screen->out, "%s\n", safe);
        }
}
