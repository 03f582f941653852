#include "store/announcement.h"

const char *const announcement_kind_names[] = {
#define X(name, word, ...) word,
        ANNOUNCEMENT_KINDS(X)
#undef X
                NULL};

const AnnouncementInfo announcement_infos[] = {
#define X(name, word, ...) {__VA_ARGS__},
        ANNOUNCEMENT_KINDS(X)
#undef X
};

const char *const delivery_state_names[] = {"pending", "delivered", "dead", NULL};

static const Column announcement_columns[] = {
        INTEGER_COLUMN(AnnouncementRow, id),
        ENUM_COLUMN(AnnouncementRow, kind, announcement_kind_names),
        TEXT_COLUMN(AnnouncementRow, about),
        TEXT_COLUMN(AnnouncementRow, topic),
        INTEGER_COLUMN(AnnouncementRow, job),
        TEXT_COLUMN(AnnouncementRow, subject),
        TEXT_COLUMN(AnnouncementRow, detail),
        TEXT_COLUMN(AnnouncementRow, cause),
        INTEGER_COLUMN(AnnouncementRow, at_us),
        TEXT_COLUMN(AnnouncementRow, recipient),
        INTEGER_COLUMN(AnnouncementRow, voter),
        INTEGER_COLUMN(AnnouncementRow, attempt),
};
const Table announcement_table = {"announcement", announcement_columns,
        ELEMENTS(announcement_columns), sizeof(AnnouncementRow)};

static const Column delivery_columns[] = {
        INTEGER_COLUMN(DeliveryRow, id),
        INTEGER_COLUMN(DeliveryRow, announcement),
        TEXT_COLUMN(DeliveryRow, channel),
        ENUM_COLUMN(DeliveryRow, state, delivery_state_names),
        INTEGER_COLUMN(DeliveryRow, tries),
        INTEGER_COLUMN(DeliveryRow, next_us),
        INTEGER_COLUMN(DeliveryRow, done_us),
        TEXT_COLUMN(DeliveryRow, why),
};
const Table delivery_table = {
        "delivery", delivery_columns, ELEMENTS(delivery_columns), sizeof(DeliveryRow)};

int announcement_get(Store *store, int64_t id, AnnouncementRow *ret, Error *error)
{
        return row_get(store, &announcement_table, ret, error, "id = ?", "i", id);
}

int announcement_last(
        Store *store, const char *about, const char *topic, AnnouncementRow *ret, Error *error)
{
        return row_get(store, &announcement_table, ret, error,
                "about = ? AND topic = ? ORDER BY id DESC", "tt", about, topic);
}

int announcements_newest(Store *store, int64_t limit, Rows *ret, Error *error)
{
        return rows_get(
                store, &announcement_table, ret, error, "ORDER BY id DESC LIMIT ?", "i", limit);
}

int announcement_told(Store *store, int64_t id, int64_t *ret_us, Error *error)
{
        _cleanup_delivery_ DeliveryRow first = {0};
        int r = row_get(store, &delivery_table, &first, error,
                "announcement = ? AND state = 'delivered' ORDER BY done_us", "i", id);

        *ret_us = first.done_us;
        return r < 0 ? r : 0;
}

int deliveries_of(Store *store, int64_t announcement, Rows *ret, Error *error)
{
        return rows_get(store, &delivery_table, ret, error, "WHERE announcement = ? ORDER BY id",
                "i", announcement);
}

int delivery_due(Store *store, const char *channel, int64_t now_us, DeliveryRow *ret, Error *error)
{
        return row_get(store, &delivery_table, ret, error,
                "state = 'pending' AND channel = ? AND next_us <= ? ORDER BY next_us, id", "ti",
                channel, now_us);
}

int deliveries_revive(Store *store, int64_t announcement, int64_t now_us, Error *error)
{
        int r = store_run(store, error,
                "UPDATE delivery SET state = 'pending', tries = 0, next_us = ?"
                " WHERE announcement = ? AND state = 'dead'",
                "ii", now_us, announcement);

        return r < 0 ? r : sqlite3_changes(store_database(store));
}
