#include "io/id_table.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"

/* Open addressing, at most half full. */
typedef struct slot {
  uint64_t hash;
  uint32_t number; /* CLV_ID_NONE: free */
} slot;

struct clv_id_table {
  slot     *slot; /* owned, [n_slot], n_slot a power of two */
  size_t    n_slot;
  uint64_t *offset; /* owned, [room + 1] into bytes */
  char     *bytes;  /* owned, [bytes_room] */
  size_t    n, room, bytes_room;
};

static clv_status slots_new(size_t n, slot **out) {
  clv_status st = clv_alloc(n, sizeof **out, (void **)out);
  if (st == CLV_OK)
    for (size_t i = 0; i < n; i++) (*out)[i].number = CLV_ID_NONE;
  return st;
}

clv_status clv_id_table_new(clv_id_table **out) {
  clv_status    st   = CLV_OK;
  clv_id_table *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->n_slot = 1024;
  CLV_TRY(slots_new(self->n_slot, &self->slot));
  *out = self, self = NULL;
out:
  clv_id_table_free(&self);
  return st;
}

void clv_id_table_free(clv_id_table **self) {
  if (*self != NULL) {
    free((*self)->slot);
    free((*self)->offset);
    free((*self)->bytes);
  }
  free(*self);
  *self = NULL;
}

size_t clv_id_table_n(const clv_id_table *self) { return self->n; }

const char *clv_id_table_get(const clv_id_table *self, size_t number, size_t *n) {
  *n = (size_t)(self->offset[number + 1] - self->offset[number]);
  return self->bytes + self->offset[number];
}

/* The slot that holds the id, or the free one where it belongs. */
static slot *slot_of(const clv_id_table *self, uint64_t hash, const char *id, size_t n) {
  size_t at = (size_t)hash & (self->n_slot - 1);
  for (;; at = (at + 1) & (self->n_slot - 1)) {
    slot       *s = &self->slot[at];
    size_t      length;
    const char *known;
    if (s->number == CLV_ID_NONE) return s;
    if (s->hash != hash) continue;
    known = clv_id_table_get(self, s->number, &length);
    if (length == n && memcmp(known, id, n) == 0) return s;
  }
}

static clv_status slots_grow(clv_id_table *self) {
  clv_status   st    = CLV_OK;
  slot        *grown = NULL;
  const size_t n     = 2 * self->n_slot;
  CLV_TRY(slots_new(n, &grown));
  for (size_t i = 0; i < self->n_slot; i++) {
    size_t at = (size_t)self->slot[i].hash & (n - 1);
    if (self->slot[i].number == CLV_ID_NONE) continue;
    /* slots_new marks them all as free */
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    while (grown[at].number != CLV_ID_NONE) at = (at + 1) & (n - 1);
    grown[at] = self->slot[i];
  }
  free(self->slot);
  self->slot   = grown;
  self->n_slot = n;
out:
  return st;
}

static clv_status room_make(clv_id_table *self, size_t n) {
  clv_status   st   = CLV_OK;
  const size_t used = self->n > 0 ? (size_t)self->offset[self->n] : 0;
  if (self->n == self->room) {
    const size_t room = self->room == 0 ? 1024 : 2 * self->room;
    CLV_TRY(clv_realloc(room + 1, sizeof *self->offset, (void **)&self->offset));
    if (self->n == 0) self->offset[0] = 0;
    self->room = room;
  }
  if (self->bytes_room - used < n) {
    const size_t room = self->bytes_room + self->bytes_room / 2 + n + 4096;
    CLV_TRY(clv_realloc(room, 1, (void **)&self->bytes));
    self->bytes_room = room;
  }
out:
  return st;
}

clv_status clv_id_table_add(clv_id_table *self, const char *id, size_t n, uint32_t *number) {
  clv_status     st   = CLV_OK;
  const uint64_t hash = clv_hash(id, n);
  slot          *s    = slot_of(self, hash, id, n);
  if (s->number != CLV_ID_NONE) {
    *number = s->number;
    return CLV_OK;
  }
  if (self->n == CLV_ID_NONE - 1)
    return clv_fail(CLV_EDATA, "more than %u customers on one rank; use more ranks", CLV_ID_NONE - 1);
  CLV_TRY(room_make(self, n));
  memcpy(self->bytes + self->offset[self->n], id, n);
  self->offset[self->n + 1] = self->offset[self->n] + n;
  *s                        = (slot){.hash = hash, .number = (uint32_t)self->n};
  *number                   = (uint32_t)self->n++;
  if (2 * self->n > self->n_slot) CLV_TRY(slots_grow(self));
out:
  return st;
}

uint32_t clv_id_table_find(const clv_id_table *self, const char *id, size_t n) {
  return slot_of(self, clv_hash(id, n), id, n)->number;
}
