// Removes what a test or a benchmark has made.
#ifndef UNDERSTUDY_TESTS_REMOVE_H
#define UNDERSTUDY_TESTS_REMOVE_H

#include <ftw.h>
#include <stdio.h>

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
        (void)st, (void)type, (void)walk;
        return remove(path);
}

// The directory and all below it; what is gone already is fine.
static inline void remove_tree(const char *directory)
{
        nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
