// Who is asked whether the site of an upgrade attempt works, what they say, and which items of its
// release notes are signed off.
#ifndef UNDERSTUDY_STORE_VOTE_H
#define UNDERSTUDY_STORE_VOTE_H

#include "store/row.h"

typedef enum Vote { VOTE_NONE, VOTE_WORKS, VOTE_OBJECTS } Vote;
extern const char *const vote_names[];

typedef struct VoterRow {
        int64_t id;
        int64_t attempt;
        char *name;       // an e-mail address, or what the operator calls them
        char *token_hash; // SHA-256 of the token, in hexadecimal; the token itself is kept nowhere
        Vote vote;
        char *why; // the reason given with the vote; "" or NULL: none
        int64_t voted_us;
        char *who; // named this voter
        int64_t created_us;
} VoterRow;

DEFINE_ROW(VoterRow, voter)
#define _cleanup_voter_ _cleanup_(voter_clear)

typedef struct ItemRow {
        int64_t id;
        int64_t attempt;
        int64_t number; // within the attempt, from 1 on
        char *text;
        char *who; // added it
        int64_t created_us;
        char *signed_by; // NULL: nobody yet
        int64_t signed_us;
} ItemRow;

DEFINE_ROW(ItemRow, item)
#define _cleanup_item_ _cleanup_(item_clear)

// 1: found; 0: there is none.
int voter_get(Store *store, int64_t id, VoterRow *ret, Error *error) _must_use_;
int voter_find(Store *store, int64_t attempt, const char *name, VoterRow *ret, Error *error)
        _must_use_;
// In the order in which they were named.
int voters_of(Store *store, int64_t attempt, Rows *ret, Error *error) _must_use_;
int voter_delete(Store *store, int64_t id, Error *error) _must_use_;

int item_find(Store *store, int64_t attempt, int64_t number, ItemRow *ret, Error *error) _must_use_;
int items_of(Store *store, int64_t attempt, Rows *ret, Error *error) _must_use_;

#endif
