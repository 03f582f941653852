// What is kept in a preview about its last verified synchronisation: the directory .understudy of
// the project directory, its owner's alone, for it holds production's data too.
//
//      marker      what it was made from (message Proof), with a sum of itself
//      static      what the static files were collected from
#ifndef UNDERSTUDY_WORKER_STEPS_MARKER_H
#define UNDERSTUDY_WORKER_STEPS_MARKER_H

#include "site/site.h"

#define MARKER_DIRECTORY ".understudy"
#define MARKER_STATIC    "static"

typedef struct Marker {
        Fleet__Proof *proof;
        int64_t at_us; // when it was verified
        char *trouble; // why there is none, for people
} Marker;

void marker_clear(Marker *marker);
#define _cleanup_marker_ _cleanup_(marker_clear)

// Never fails: a missing, damaged or foreign marker leaves `proof` NULL and says why in `trouble`.
void marker_read(const SiteDir *preview, Marker *ret);

// Durable on return. -ENOSPC and the like: without a marker the next synchronisation is a full one.
int marker_write(const SiteDir *preview, const Fleet__Proof *proof, Error *error) _must_use_;

// Makes the directory, for what site code keeps in it.
int marker_make(const SiteDir *preview, Error *error) _must_use_;

// A short text beside it, by name. Missing or unreadable: NULL.
char *marker_text(const SiteDir *preview, const char *name);
int marker_set_text(const SiteDir *preview, const char *name, const char *text, Error *error)
        _must_use_;

#endif
