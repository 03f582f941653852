// The result of a scan, as a person reads it.
#ifndef UNDERSTUDY_CLI_VIEW_SCAN_H
#define UNDERSTUDY_CLI_VIEW_SCAN_H

#include <jansson.h>

#include "cli/screen.h"

// ScanResult.found: each site, and beneath it what belongs to it.
void scan_show_sites(const Screen *screen, size_t indent, const json_t *sites);

// ScanResult.findings: each with its place, its reason and what to do.
void scan_show_findings(const Screen *screen, size_t indent, const json_t *findings);

// ScanResult.lines: commands, whole on a line each and without indentation, to be pasted.
void scan_show_lines(const Screen *screen, size_t indent, const json_t *lines);

#endif
