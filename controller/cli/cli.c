// The words of understudyctl. What they do is in commands.c.
#include "cli/cli.h"

#include "base/text.h"
#include "cli/commands.h"
#include "settings/settings.h"

static int check_number(const char *value, Error *error)
{
        uint64_t number;

        if (text_parse_u64(value, &number) == 0 && number > 0)
                return 0;
        error_set(error, -EINVAL, "bad-number", "'%s' is no number from 1 on", value);
        error_why(error, "only digits may be in it");
        return -EINVAL;
}

static int check_duration(const char *value, Error *error)
{
        uint64_t seconds;

        if (text_parse_duration(value, &seconds) == 0)
                return 0;
        error_set(error, -EINVAL, "bad-duration", "'%s' is no duration", value);
        error_why(error, "it must be like '90 s', '15 min', '26 h' or '30 d'");
        return -EINVAL;
}

static int check_time_of_day(const char *value, Error *error)
{
        int minutes;

        if (text_parse_time_of_day(value, &minutes) == 0)
                return 0;
        error_set(error, -EINVAL, "bad-time", "'%s' is no time of day", value);
        error_why(error, "it must be like 02:30");
        return -EINVAL;
}

static int check_vote(const char *value, Error *error)
{
        if (text_equal(value, "works") || text_equal(value, "objects"))
                return 0;
        error_set(error, -EINVAL, "bad-vote", "'%s' is no vote", value);
        error_why(error, "it must be 'works', or 'objects' with --why");
        return -EINVAL;
}

#define SERIES_WORD                                                                                \
        {                                                                                          \
                .name = "SERIES", .help = "Name of the series."                                    \
        }
#define JOB_WORD                                                                                   \
        {                                                                                          \
                .name = "ID", .help = "Number of the job.", .check = check_number                  \
        }
#define DRY_RUN                                                                                    \
        {                                                                                          \
                .name = "dry-run",                                                                 \
                .help = "Asks, measures and shows what would be done; changes nothing.",           \
        }
#define NO_WAIT                                                                                    \
        {                                                                                          \
                .name = "no-wait", .help = "Prints the job's number and returns at once.",         \
        }
#define LIMIT                                                                                      \
        {                                                                                          \
                .name = "limit", .value = "COUNT", .help = "How many at most, the newest ones.",   \
                .check = check_number,                                                             \
        }

static const CommandWord no_wait_only[] = {NO_WAIT, {0}};
static const CommandWord name_only[] = {{.name = "NAME", .help = "Its name."}, {0}};
static const CommandWord series_only[] = {SERIES_WORD, {0}};
static const CommandWord job_only[] = {JOB_WORD, {0}};

// ---------------------------------------------------------------- host

static const CommandNote host_add_examples[] = {
        {"understudyctl host add web1", "Invites host web1 and prints what to type on it."},
        {0},
};

static const CommandWord window_positionals[] = {
        {.name = "NAME", .help = "Its name."},
        {.name = "WINDOW", .help = "HH:MM-HH:MM; '' for any time."},
        {0},
};
static const CommandWord window_options[] = {
        {.name = "zone",
                .value = "ZONE",
                .help = "The time zone in which that is meant, such as Europe/Brussels. Unless it "
                        "was set once, that of new schedules."},
        {0},
};
static const CommandNote window_examples[] = {
        {"understudyctl host window set web1 22:00-06:00", "Heavy work in the night only."},
        {0},
};
static const Command window_commands[] = {
        {.name = "set",
                .summary = "say when heavy work may begin on a host",
                .description =
                        "A synchronisation that comes by itself begins only when the host's window "
                        "and that of its series are both open. One that is planned for another "
                        "moment waits until they are; when they do not meet on that day it is left "
                        "out. What people ask for, and upgrade attempts, are not held up.",
                .positionals = window_positionals,
                .options = window_options,
                .examples = window_examples,
                .run = run_host_window_set},
        {.name = "show",
                .summary = "show a host's window, and the next run of each series there",
                .positionals = name_only,
                .run = run_host_window_show},
        {0},
};

static const Command host_commands[] = {
        {.name = "add",
                .summary = "invite a host",
                .description = "Prints the one line to type on the host, as root, so that its "
                               "worker joins this controller. The line holds a token that works "
                               "once, and the digest of the controller's certificate authority, so "
                               "that nothing is trusted on first use. Only --root remains to be "
                               "filled in: the directories whose sites the worker may touch.",
                .positionals = name_only,
                .examples = host_add_examples,
                .run = run_host_add},
        {.name = "list", .summary = "list the hosts", .run = run_host_list},
        {.name = "show",
                .summary = "show all that is known of a host",
                .positionals = name_only,
                .run = run_host_show},
        {.name = "window",
                .summary = "the part of a day in which heavy work may begin on a host",
                .commands = window_commands},
        {0},
};

// ---------------------------------------------------------------- series

static const CommandWord series_add_options[] = {
        {.name = "host",
                .value = "HOST",
                .help = "Host that the sites are on.",
                .flags = COMMAND_REQUIRED},
        {.name = "root",
                .value = "ROOT",
                .help = "Directory that holds the project directories and the links 'prod' and "
                        "'preview'.",
                .flags = COMMAND_REQUIRED},
        {.name = "production",
                .value = "SITE",
                .help = "Name of the project directory in ROOT that is in production.",
                .flags = COMMAND_REQUIRED},
        {.name = "keep-old",
                .value = "DURATION",
                .help = "How long a replaced production is kept, e.g. '30 d'.",
                .check = check_duration},
        NO_WAIT,
        {0},
};

static const CommandNote series_add_examples[] = {
        {"understudyctl series add lino --host web1 --root /srv/lino\n"
         "                     --production anna",
                "Adopts /srv/lino/anna as the production of a series named lino."},
        {0},
};

static const CommandWord scan_positionals[] = {
        {.name = "HOST", .help = "Host to look at; its worker must have joined."},
        {0},
};
static const CommandWord scan_options[] = {
        {.name = "root",
                .value = "ROOT",
                .help = "Looks at the sites of this directory only: one of the roots that the "
                        "worker accepts, or one beneath them."},
        NO_WAIT,
        {0},
};
static const CommandNote scan_examples[] = {
        {"understudyctl series scan web1",
                "Shows the sites of host web1 and what is unsafe there."},
        {0},
};

static const CommandWord series_set_positionals[] = {
        SERIES_WORD,
        {.name = "KEY=VALUE",
                .help = "A setting and its value; several are taken together or not at all.",
                .flags = COMMAND_REPEATED},
        {0},
};
static const CommandNote series_set_examples[] = {
        {"understudyctl series set lino quick=yes \"full-nights=sun wed\"",
                "Restores quickly, and in full on two nights of the week."},
        {0},
};

static const CommandWord retire_positionals[] = {
        {.name = "NAME", .help = "Its name."},
        {.name = "SITE",
                .help = "The site that is to go; without it, the old one when there is one only.",
                .flags = COMMAND_OPTIONAL},
        {0},
};
static const CommandWord retire_options[] = {
        DRY_RUN,
        {.name = "yes", .help = "Does not ask."},
        NO_WAIT,
        {0},
};

static const Command series_commands[] = {
        {.name = "scan",
                .summary = "find the sites that a host has already",
                .description =
                        "Looks at the project directories, links, vhosts, programs, cron jobs and "
                        "environments of a host, and asks each site who it is. Says what belongs "
                        "together and what is missing or unsafe, and prints the 'series add' lines "
                        "that adopt what it found. Changes nothing.\n\n"
                        "Where a scan looks is said in [scan] of the host's worker.conf.",
                .positionals = scan_positionals,
                .options = scan_options,
                .examples = scan_examples,
                .run = run_series_scan},
        {.name = "add",
                .summary = "adopt the sites of a root directory as a series",
                .description = "Asks the production site who it is and records the answer. Changes "
                               "nothing on the host.",
                .positionals = name_only,
                .options = series_add_options,
                .examples = series_add_examples,
                .run = run_series_add},
        {.name = "list", .summary = "list the series", .run = run_series_list},
        {.name = "show",
                .summary = "show a series, its sites, settings and allowed differences",
                .positionals = name_only,
                .run = run_series_show},
        {.name = "set",
                .summary = "set how a series is synchronised",
                .description =
                        "Settings, what each takes, and its default:\n\n" SERIES_SETTINGS_MANUAL,
                .positionals = series_set_positionals,
                .examples = series_set_examples,
                .run = run_series_set},
        {.name = "serve",
                .summary = "serve a series as its settings say",
                .description =
                        "Tells the sites their roles, starts their programs, waits until they "
                        "answer, and makes the vhosts. Say first how, with 'series set'; type it "
                        "again after settings or templates have changed. When a site does not "
                        "answer or the web server does not take a vhost, everything is as before.",
                .positionals = name_only,
                .options = no_wait_only,
                .run = run_series_serve},
        {.name = "retire",
                .summary = "remove a site that was production, with a last backup",
                .description =
                        "An old site is kept as 'keep-old' says (see 'series set'); this does not "
                        "wait for it. Refused while a link, a program or a configuration of the "
                        "host uses the site. A fresh dump and a copy of its project directory and "
                        "log go to the host's place for backups first ([policy] backups in "
                        "worker.conf); then nothing of the site is left. The last production of a "
                        "series can be named too, once its link 'prod' is removed: the series has "
                        "no schedule then. Asks first.",
                .positionals = retire_positionals,
                .options = retire_options,
                .run = run_series_retire},
        {0},
};

// ---------------------------------------------------------------- preview

static const CommandWord prepare_positionals[] = {
        SERIES_WORD,
        {.name = "SITE",
                .help = "Name of the new project directory. It stays for the site's whole life: "
                        "choose a neutral one, such as 'anna', none that says a role."},
        {0},
};
static const CommandWord prepare_options[] = {
        {.name = "install",
                .value = "REQUIREMENT",
                .help = "What to install after production's own packages, as pip takes it.",
                .flags = COMMAND_REPEATED},
        DRY_RUN,
        {.name = "review",
                .help = "Waits, after the site is renamed in its files, until you have read the "
                        "changes and typed 'job resume' or 'job cancel'."},
        NO_WAIT,
        {0},
};
static const CommandNote prepare_examples[] = {
        {"understudyctl preview prepare lino betty --install 'lino-noi==26.9'",
                "Makes the project directory betty, a copy of production on a new version."},
        {"understudyctl preview prepare lino betty --dry-run",
                "Shows the steps, the space they need and every line that would change."},
        {0},
};
static const CommandWord sync_options[] = {
        DRY_RUN,
        {.name = "full", .help = "Restores in full, whatever could be saved."},
        {.name = "nightly", .help = "For timers: see delta and full-nights in 'series set'."},
        NO_WAIT,
        {0},
};
static const CommandWord allow_positionals[] = {
        SERIES_WORD,
        {.name = "TABLE", .help = "Table whose rows may differ, e.g. contacts_person."},
        {0},
};
static const CommandWord allow_options[] = {
        {.name = "why",
                .value = "TEXT",
                .help = "The reason, for the history and for those who ask later.",
                .flags = COMMAND_REQUIRED},
        {0},
};
static const CommandNote allow_examples[] = {
        {"understudyctl preview allow lino comments_mention --why 'not migrated'",
                "From now on, rows of this table that are missing fail no synchronisation."},
        {0},
};
static const CommandWord drop_options[] = {
        {.name = "yes", .help = "Does not ask."},
        NO_WAIT,
        {0},
};

static const Command preview_commands[] = {
        {.name = "prepare",
                .summary = "give a series a preview",
                .description =
                        "Copies production's project directory under a new name, renames the site "
                        "in its files, builds its Python environment, creates its database and "
                        "sets the link 'preview'. Production is only read.\n\n"
                        "A step that fails leaves what was done: mend the cause and type 'job "
                        "retry', or 'job cancel' to take all of it back.",
                .positionals = prepare_positionals,
                .options = prepare_options,
                .examples = prepare_examples,
                .run = run_preview_prepare},
        {.name = "sync",
                .summary = "bring production's data into the preview",
                .description =
                        "Finds the cheapest safe way first: nothing, when it is proven that "
                        "nothing "
                        "has changed; the database's own copy, between equal versions without an "
                        "edited script; only the rows that changed; else all of it. That dumps "
                        "production inside one read-only snapshot, merges and checks "
                        "restore2preview.py, mirrors media, restores beside the preview's database "
                        "and compares every table before anything is replaced. When anything "
                        "fails, yesterday's preview answers.",
                .positionals = series_only,
                .options = sync_options,
                .run = run_preview_sync},
        {.name = "allow",
                .summary = "allow a difference between production and preview",
                .description = "A synchronisation fails when a table's rows are not the same on "
                               "both sides. Where your edits of restore2preview.py intend that, "
                               "say so here, with the reason.",
                .positionals = allow_positionals,
                .options = allow_options,
                .examples = allow_examples,
                .run = run_preview_allow},
        {.name = "drop",
                .summary = "give a preview up",
                .description = "Removes the preview's project directory, database, log directory "
                               "and link, and nothing else. Asks first.",
                .positionals = series_only,
                .options = drop_options,
                .run = run_preview_drop},
        {.name = "switch",
                .summary = "make the preview production, or switch back",
                .description = "Sets the links 'prod' and 'preview', both or none.",
                .positionals = series_only,
                .options = no_wait_only,
                .run = run_preview_switch},
        {0},
};

// ---------------------------------------------------------------- job

static const CommandWord list_options[] = {
        {.name = "series", .value = "SERIES", .help = "Of this series only."},
        LIMIT,
        {0},
};

static const Command job_commands[] = {
        {.name = "list",
                .summary = "list the jobs, newest first",
                .options = list_options,
                .run = run_job_list},
        {.name = "show",
                .summary = "show a job, its steps and what came of them",
                .positionals = job_only,
                .run = run_job_show},
        {.name = "watch",
                .summary = "follow a job to its end",
                .description = "Draws the job as it goes, or as it went. Ctrl-C stops watching, "
                               "not the job. With --json, prints each event on a line.",
                .positionals = job_only,
                .run = run_job_watch},
        {.name = "cancel",
                .summary = "stop a job and take back what it did",
                .positionals = job_only,
                .options = no_wait_only,
                .run = run_job_cancel},
        {.name = "retry",
                .summary = "go on with a failed job from the step that failed",
                .positionals = job_only,
                .options = no_wait_only,
                .run = run_job_retry},
        {.name = "resume",
                .summary = "go on with a job that waits for a review",
                .positionals = job_only,
                .options = no_wait_only,
                .run = run_job_resume},
        {0},
};

// ---------------------------------------------------------------- attempt

#define ANYWAY_WORD                                                                                \
        {                                                                                          \
                .name = "anyway", .value = "WHY",                                                  \
                .help = "Although the preview is not fit for it, and why; the history keeps it."   \
        }

static const CommandWord attempt_plan_options[] = {
        {.name = "at",
                .value = "WHEN",
                .flags = COMMAND_REQUIRED,
                .help = "When it is to open: now, a time of day, or a date and time as in "
                        "2026-11-27T18:00, in the series' time zone."},
        {.name = "lapse",
                .value = "DURATION",
                .flags = COMMAND_REQUIRED,
                .help = "How long users try the new site: '90 min', '2 h', '1 d'.",
                .check = check_duration},
        {.name = "deadline",
                .value = "DURATION",
                .help = "How long the opening may take; after it production is given back "
                        "unchanged. 2 hours unless it is said.",
                .check = check_duration},
        {.name = "outcome-when-over",
                .value = "cancel|accept",
                .help = "What happens at the end of the lapse when nobody has said anything; "
                        "cancel "
                        "unless it is said."},
        {.name = "alone-after",
                .value = "DURATION",
                .help = "When the end of the lapse is over by that much and the host cannot be "
                        "told otherwise, its worker cancels the attempt by itself; '5 min'. Unless "
                        "it is said, it waits for the controller.",
                .check = check_duration},
        ANYWAY_WORD,
        {.name = "voter",
                .value = "VOTER",
                .help = "Who is asked whether the new site works: an e-mail address or a name.",
                .flags = COMMAND_REPEATED},
        {.name = "item",
                .value = "TEXT",
                .help = "What of the release notes is to be signed off.",
                .flags = COMMAND_REPEATED},
        {0},
};
static const CommandWord attempt_voters[] = {
        SERIES_WORD,
        {.name = "VOTER",
                .help = "An e-mail address, or a name for somebody whom you hand the link.",
                .flags = COMMAND_REPEATED},
        {0},
};
static const CommandWord attempt_items[] = {
        SERIES_WORD,
        {.name = "TEXT", .help = "One thing that is new.", .flags = COMMAND_REPEATED},
        {0},
};
static const CommandWord attempt_signed[] = {
        SERIES_WORD,
        {.name = "ITEM",
                .help = "Its number, as 'attempt show' has it.",
                .flags = COMMAND_REPEATED,
                .check = check_number},
        {0},
};
static const CommandWord attempt_sign_options[] = {
        {.name = "token",
                .value = "TOKEN",
                .environment = "UNDERSTUDY_TOKEN",
                .help = "What stands in your link; without it you sign under your Unix name."},
        {0},
};
static const CommandWord attempt_vote_positionals[] = {
        SERIES_WORD,
        {.name = "VOTE", .help = "works, or objects.", .check = check_vote},
        {0},
};
static const CommandWord attempt_vote_options[] = {
        {.name = "token",
                .value = "TOKEN",
                .environment = "UNDERSTUDY_TOKEN",
                .help = "What stands in your link: it says who you are.",
                .flags = COMMAND_REQUIRED},
        {.name = "why", .value = "TEXT", .help = "What is wrong; an objection needs it."},
        {0},
};
static const CommandNote attempt_vote_examples[] = {
        {"understudyctl attempt vote lino objects --token 3-9f86d081884c7d65\n"
         "                     --why 'the totals of my invoices are empty'",
                "Says what a user has found, in place of what was said before."},
        {0},
};
static const Command attempt_voter_commands[] = {
        {.name = "add",
                .summary = "ask somebody whether the new site works",
                .description =
                        "Each voter gets a link, for this attempt only. It is shown now, and "
                        "mailed to who has an e-mail address when the attempt is announced and "
                        "again when it is open; it is not shown later.",
                .positionals = attempt_voters,
                .run = run_attempt_voter_add},
        {.name = "remove",
                .summary = "ask somebody no more; the vote and the link end",
                .positionals = attempt_voters,
                .run = run_attempt_voter_remove},
        {0},
};
static const Command attempt_item_commands[] = {
        {.name = "add",
                .summary = "add what of the release notes is to be signed off",
                .positionals = attempt_items,
                .run = run_attempt_item_add},
        {0},
};
static const CommandWord attempt_open_options[] = {ANYWAY_WORD, NO_WAIT, {0}};
static const CommandWord attempt_move_options[] = {
        {.name = "at",
                .value = "WHEN",
                .flags = COMMAND_REQUIRED,
                .help = "When it is to open instead, as with attempt plan."},
        {.name = "lapse",
                .value = "DURATION",
                .help = "How long users try the new site, when that is to change as well.",
                .check = check_duration},
        {0},
};
static const CommandWord attempt_extend_options[] = {
        {.name = "by",
                .value = "DURATION",
                .flags = COMMAND_REQUIRED,
                .help = "How much longer: '30 min', '1 h'.",
                .check = check_duration},
        {0},
};
static const CommandNote attempt_plan_examples[] = {
        {"understudyctl attempt plan lino --at 2026-11-27T18:00 --lapse '3 h'\n"
         "understudyctl attempt announce lino",
                "Friday evening users try the new site, and at nine the old one is back unless "
                "somebody accepts."},
        {0},
};

static const Command attempt_commands[] = {
        {.name = "plan",
                .summary = "plan when the preview steps in, and for how long",
                .positionals = series_only,
                .options = attempt_plan_options,
                .examples = attempt_plan_examples,
                .run = run_attempt_plan},
        {.name = "announce",
                .summary = "make it definite: it opens by itself at its time",
                .description = "That has to be to come. One that is never announced can be opened "
                               "by hand until 15 minutes after its time; then it is withdrawn.",
                .positionals = series_only,
                .run = run_attempt_announce},
        {.name = "move",
                .summary = "give one that has not begun another time",
                .description = "Who was told of it is told of the new time.",
                .positionals = series_only,
                .options = attempt_move_options,
                .run = run_attempt_move},
        {.name = "open",
                .summary = "open it now",
                .description =
                        "Production is frozen: a maintenance page stands in for it, and its "
                        "programs are stopped. The preview is synchronised a last time and becomes "
                        "production. When anything fails before that, production is given back as "
                        "it was.",
                .positionals = series_only,
                .options = attempt_open_options,
                .run = run_attempt_open},
        {.name = "extend",
                .summary = "give an open one more time",
                .positionals = series_only,
                .options = attempt_extend_options,
                .run = run_attempt_extend},
        {.name = "accept",
                .summary = "keep the new site as production",
                .description = "What users have entered since the opening remains. The former "
                               "production stays beside it as the old one.",
                .positionals = series_only,
                .run = run_attempt_accept},
        {.name = "cancel",
                .summary = "take it back: the former production answers again",
                .description = "Nothing is copied. What users have entered since the opening stays "
                               "in the preview, until that is synchronised again.",
                .positionals = series_only,
                .options = no_wait_only,
                .run = run_attempt_cancel},
        {.name = "voter",
                .summary = "who says whether the new site works",
                .commands = attempt_voter_commands},
        {.name = "vote",
                .summary = "say that the new site works, or that it does not",
                .description =
                        "A voter's word, while the attempt is open; the last one counts. What the "
                        "words decide, the series is set to (outcome-rule in 'series set'): "
                        "nothing by themselves; with all-agree the end of the lapse accepts the "
                        "new site if all say that it works, and cancels it else; with "
                        "objection-cancels the first objection brings the former production back.",
                .positionals = attempt_vote_positionals,
                .options = attempt_vote_options,
                .examples = attempt_vote_examples,
                .run = run_attempt_vote},
        {.name = "item",
                .summary = "what of the release notes is to be signed off",
                .commands = attempt_item_commands},
        {.name = "sign",
                .summary = "sign items of the release notes off",
                .positionals = attempt_signed,
                .options = attempt_sign_options,
                .run = run_attempt_sign},
        {.name = "withdraw",
                .summary = "give up one that has not begun",
                .positionals = series_only,
                .run = run_attempt_withdraw},
        {.name = "report",
                .summary = "show what users did since it opened, which a cancel loses",
                .description =
                        "Objects that were added, changed or deleted, by comparing the site with "
                        "what it had when it stepped in. While the attempt is open the site is "
                        "looked at now; after a cancel it is what the cancel has lost, kept for 90 "
                        "days. The objects themselves stay in the preview until that is "
                        "synchronised again.",
                .positionals = series_only,
                .run = run_attempt_report},
        {.name = "show",
                .summary = "show the newest attempt of a series",
                .positionals = series_only,
                .run = run_attempt_show},
        {0},
};

// ---------------------------------------------------------------- schedule

static const CommandWord schedule_set_options[] = {
        {.name = "at",
                .value = "HH:MM",
                .help = "Every day at this time.",
                .check = check_time_of_day},
        {.name = "rule",
                .value = "RULE",
                .help = "When, as an iCalendar recurrence rule; in place of --at."},
        {.name = "zone",
                .value = "ZONE",
                .help = "The time zone in which that is meant, such as Europe/Brussels."},
        {.name = "window",
                .value = "HH:MM-HH:MM",
                .help = "The part of a day in which a run may begin. One that cannot, because the "
                        "host or the controller was away, is left out. '' for any time: then it "
                        "may begin up to 6 hours late."},
        {0},
};
static const CommandNote schedule_set_examples[] = {
        {"understudyctl schedule set lino --at 02:30", "Every night at half past two."},
        {"understudyctl schedule set lino\n"
         "                     --rule 'FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=22;BYMINUTE=15'\n"
         "                     --window 22:00-06:00",
                "Three nights a week, never in the daytime."},
        {0},
};

static const Command schedule_commands[] = {
        {.name = "show",
                .summary = "show when a series is synchronised, and the next ten times",
                .positionals = series_only,
                .run = run_schedule_show},
        {.name = "set",
                .summary = "say when a series is synchronised",
                .description =
                        "What is not given stays as it is. Without a schedule of its own a series "
                        "is synchronised every night at a minute between 1 and 5 o'clock that its "
                        "name decides, so that not all begin at once.\n\n"
                        "A run is left out while the last one is still under way. Of several that "
                        "were missed while the controller was down, the last one is made up for, "
                        "unless it is too late. A time that the clocks skip in spring is taken an "
                        "hour later; one that comes twice in autumn counts once.",
                .positionals = series_only,
                .options = schedule_set_options,
                .examples = schedule_set_examples,
                .run = run_schedule_set},
        {.name = "pause",
                .summary = "let nothing run by itself",
                .positionals = series_only,
                .run = run_schedule_pause},
        {.name = "resume",
                .summary = "let it run by itself again",
                .positionals = series_only,
                .run = run_schedule_resume},
        {0},
};

static const CommandWord calendar_options[] = {
        {.name = "days",
                .value = "COUNT",
                .help = "How many days ahead; 7 unless it is said.",
                .check = check_number},
        {.name = "ics", .help = "Prints an iCalendar file, for a calendar program."},
        {0},
};

// ---------------------------------------------------------------- announcement

static const CommandWord limit_only[] = {LIMIT, {0}};
static const CommandWord announcement_only[] = {
        {.name = "ID", .help = "Number of the announcement.", .check = check_number}, {0}};

static const Command announcement_commands[] = {
        {.name = "list",
                .summary = "list what was announced, newest first",
                .description =
                        "What happens while nobody watches is announced by mail, to a webhook or "
                        "through a program, as [announce] in controller.conf says. A delivery that "
                        "fails is tried again for some hours; then it is dead, and stays in this "
                        "list.",
                .options = limit_only,
                .run = run_announcement_list},
        {.name = "test",
                .summary = "announce something harmless on every channel",
                .run = run_announcement_test},
        {.name = "retry",
                .summary = "deliver again what was given up",
                .positionals = announcement_only,
                .run = run_announcement_retry},
        {0},
};

// ---------------------------------------------------------------- program

static const CommandWord log_positionals[] = {
        {.name = "SERIES", .help = "Of this series only.", .flags = COMMAND_OPTIONAL},
        {0},
};
static const Command commands[] = {
        {.name = "host", .summary = "the machines that sites are on", .commands = host_commands},
        {.name = "series", .summary = "an operator's line of sites", .commands = series_commands},
        {.name = "preview",
                .summary = "the site in which an upgrade is rehearsed",
                .commands = preview_commands},
        {.name = "job", .summary = "what was asked for and how it goes", .commands = job_commands},
        {.name = "attempt",
                .summary = "the preview steps in, and back unless it is accepted",
                .commands = attempt_commands},
        {.name = "schedule",
                .summary = "when a series is synchronised by itself",
                .commands = schedule_commands},
        {.name = "calendar",
                .summary = "what is planned in the whole fleet",
                .options = calendar_options,
                .run = run_calendar},
        {.name = "announcement",
                .summary = "what people were told without asking",
                .commands = announcement_commands},
        {.name = "log",
                .summary = "the history: who asked, what was done, how it ended",
                .positionals = log_positionals,
                .options = limit_only,
                .run = run_log},
        {0},
};

static const CommandWord options[] = {
        {.name = "dir",
                .value = "DIR",
                .help = "The controller's directory, in which its socket is.",
                .environment = "UNDERSTUDY_DIR",
                .fallback = "/var/lib/understudy"},
        {.name = "json", .help = "Prints JSON, as the controller's HTTP interface gives it."},
        {0},
};

static const CommandNote statuses[] = {
        {"0", "Done. For a job with --review also: it waits for you."},
        {"1", "The job failed or was canceled."},
        {"2", "The command line is wrong."},
        {"3", "The controller cannot be reached."},
        {"4", "Refused: by the controller, or by you when you were asked."},
        {"130", "Ctrl-C was typed. The job goes on."},
        {0},
};

const Command understudyctl = {
        .name = "understudyctl",
        .summary = "give production Lino sites a preview that rehearses upgrades",
        .description =
                "Talks to the controller on this machine. Commands that start a job wait for it "
                "and draw it: a line a step, a bar for the one that runs. Ctrl-C stops the "
                "watching, not the job. Colours are for terminals only, and not when NO_COLOR is "
                "set.",
        .options = options,
        .commands = commands,
        .statuses = statuses,
};
