#include "io/keyed_rows.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"

#define SAMPLES 512 /* keys that each rank offers as borders */

/* A row's place, and the key's first bytes as a number that sorts as they do. */
typedef struct entry {
  uint64_t prefix;
  uint64_t row;
} entry;

struct clv_keyed_rows {
  size_t    payload_bytes;
  char     *payload; /* owned, [room][payload_bytes] */
  char     *key;     /* owned, [key_room] */
  uint64_t *offset;  /* owned, [room + 1] into key */
  size_t    n, room, key_room;
  entry    *order; /* owned, [n]; NULL until sorted */
};

clv_status clv_keyed_rows_new(size_t payload_bytes, clv_keyed_rows **out) {
  clv_status      st   = CLV_OK;
  clv_keyed_rows *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->payload_bytes = payload_bytes;
  *out = self, self = NULL;
out:
  free(self);
  return st;
}

static void rows_clear(clv_keyed_rows *self) {
  free(self->payload);
  free(self->key);
  free(self->offset);
  free(self->order);
  self->payload = self->key = NULL, self->offset = NULL, self->order = NULL;
  self->n = self->room = self->key_room = 0;
}

void clv_keyed_rows_free(clv_keyed_rows **self) {
  if (*self != NULL) rows_clear(*self);
  free(*self);
  *self = NULL;
}

static clv_status rows_reserve(clv_keyed_rows *self, size_t n_key) {
  clv_status   st   = CLV_OK;
  const size_t used = self->n > 0 ? (size_t)self->offset[self->n] : 0;
  if (self->n == self->room) {
    const size_t room = self->room == 0 ? 1024 : self->room + self->room / 2;
    CLV_TRY(clv_realloc(room, self->payload_bytes, (void **)&self->payload));
    CLV_TRY(clv_realloc(room + 1, sizeof *self->offset, (void **)&self->offset));
    if (self->n == 0) self->offset[0] = 0;
    self->room = room;
  }
  if (self->key_room - used < n_key) {
    const size_t room = self->key_room + self->key_room / 2 + n_key + 1024;
    CLV_TRY(clv_realloc(room, 1, (void **)&self->key));
    self->key_room = room;
  }
out:
  return st;
}

clv_status clv_keyed_rows_add(clv_keyed_rows *self, const void *key, size_t n_key, const void *payload) {
  clv_status st = CLV_OK;
  CLV_CHECK(self->order == NULL);
  CLV_TRY(rows_reserve(self, n_key));
  /* reserved */
  /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
  memcpy(self->key + self->offset[self->n], key, n_key);
  memcpy(self->payload + self->n * self->payload_bytes, payload, self->payload_bytes);
  self->offset[self->n + 1] = self->offset[self->n] + n_key;
  self->n++;
out:
  return st;
}

size_t clv_keyed_rows_n(const clv_keyed_rows *self) { return self->n; }

static size_t row_of(const clv_keyed_rows *self, size_t i) {
  return self->order == NULL ? i : (size_t)self->order[i].row;
}

const char *clv_keyed_rows_key(const clv_keyed_rows *self, size_t i, size_t *n_key) {
  const size_t row = row_of(self, i);
  *n_key           = (size_t)(self->offset[row + 1] - self->offset[row]);
  return self->key + self->offset[row];
}

void *clv_keyed_rows_payload(const clv_keyed_rows *self, size_t i) {
  return self->payload + row_of(self, i) * self->payload_bytes;
}

static uint64_t prefix_of(const char *key, size_t n) {
  uint64_t p = 0;
  for (size_t i = 0; i < 8; i++) p = p << 8 | (i < n ? (unsigned char)key[i] : 0);
  return p;
}

static int keys_compare(const char *a, size_t n, const char *b, size_t m) {
  const int c = memcmp(a, b, n < m ? n : m);
  return c != 0 ? c : (n > m) - (n < m);
}

static int entry_order(const void *a, const void *b, void *rows) {
  const entry          *p = a, *q = b;
  const clv_keyed_rows *self = rows;
  const uint64_t       *at   = self->offset;
  if (p->prefix != q->prefix) return p->prefix < q->prefix ? -1 : 1;
  return keys_compare(self->key + at[p->row], (size_t)(at[p->row + 1] - at[p->row]), self->key + at[q->row],
                      (size_t)(at[q->row + 1] - at[q->row]));
}

clv_status clv_keyed_rows_sort(clv_keyed_rows *self) {
  clv_status st    = CLV_OK;
  entry     *order = NULL;
  if (self->order != NULL) return CLV_OK;
  CLV_TRY(clv_alloc(self->n + 1, sizeof *order, (void **)&order));
  for (size_t i = 0; i < self->n; i++)
    order[i] =
        (entry){prefix_of(self->key + self->offset[i], (size_t)(self->offset[i + 1] - self->offset[i])), i};
  qsort_r(order, self->n, sizeof *order, entry_order, self);
  self->order = order;
out:
  return st;
}

/* Evenly spaced keys of this rank's sorted rows, each with its length ahead. */
static clv_status samples_take(const clv_keyed_rows *self, char **bytes, size_t *n) {
  clv_status st   = CLV_OK;
  size_t     room = 0;
  *n              = 0;
  for (int pass = 0; pass < 2; pass++) { /* measure, then fill */
    for (size_t i = 0; i < SAMPLES && self->n > 0; i++) {
      size_t      length;
      const char *key  = clv_keyed_rows_key(self, (size_t)((__uint128_t)self->n * i / SAMPLES), &length);
      uint32_t    size = (uint32_t)length;
      if (pass == 0) {
        room += sizeof size + length;
      } else {
        memcpy(*bytes + *n, &size, sizeof size);
        memcpy(*bytes + *n + sizeof size, key, length);
        *n += sizeof size + length;
      }
    }
    if (pass == 0) CLV_TRY(clv_alloc(room + 1, 1, (void **)bytes));
  }
out:
  return st;
}

/* All ranks' samples, sorted: from them come size - 1 borders, the same on every rank. */
static clv_status samples_share(const clv_keyed_rows *self, const clv_comm *comm, clv_status mine,
                                clv_keyed_rows *samples) {
  clv_status st    = CLV_OK;
  char      *bytes = NULL;
  void      *all   = NULL;
  size_t     n = 0, total = 0;
  if (mine == CLV_OK) mine = samples_take(self, &bytes, &n);
  CLV_TRY(clv_comm_agree(comm, mine));
  CLV_TRY(clv_comm_allgatherv(comm, bytes, n, &all, &total, NULL));
  for (char *p = all; mine == CLV_OK && p < (char *)all + total;) {
    uint32_t size;
    memcpy(&size, p, sizeof size);
    mine = clv_keyed_rows_add(samples, p + sizeof size, size, "");
    p += sizeof size + size;
  }
  if (mine == CLV_OK) mine = clv_keyed_rows_sort(samples);
  CLV_TRY(clv_comm_agree(comm, mine));
out:
  free(bytes);
  free(all);
  return st;
}

/* Send each row to the rank between whose borders its key lies; rows and keys are sorted, so the owner only
 * rises. */
static clv_status rows_send(const clv_keyed_rows *self, const clv_keyed_rows *samples, clv_shuffle *shuffle,
                            int size) {
  clv_status st     = CLV_OK;
  int        owner  = 0;
  char      *packet = NULL;
  size_t     room   = 0;
  for (size_t i = 0; i < self->n; i++) {
    size_t      n_key, n_border;
    const char *key = clv_keyed_rows_key(self, i, &n_key);
    for (; owner < size - 1; owner++) {
      /* made before, or this rank has failed */
      /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
      const size_t b      = (size_t)((__uint128_t)samples->n * (unsigned)(owner + 1) / (unsigned)size);
      const char  *border = clv_keyed_rows_key(samples, b, &n_border);
      if (keys_compare(key, n_key, border, n_border) < 0) break;
    }
    if (self->payload_bytes + n_key > room) {
      room = self->payload_bytes + n_key + 256;
      CLV_TRY(clv_realloc(room, 1, (void **)&packet));
    }
    /* a packet has a key's length at least */
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    memcpy(packet, clv_keyed_rows_payload(self, i), self->payload_bytes);
    memcpy(packet + self->payload_bytes, key, n_key);
    CLV_TRY(clv_shuffle_add(shuffle, owner, packet, self->payload_bytes + n_key));
  }
out:
  free(packet);
  return st;
}

static clv_status rows_take(clv_keyed_rows *self, const char *records, size_t bytes) {
  clv_status st = CLV_OK;
  for (const char *p = records, *end = records + bytes; p < end;) {
    uint32_t n;
    memcpy(&n, p, sizeof n);
    p += sizeof n;
    CLV_TRY(clv_keyed_rows_add(self, p + self->payload_bytes, n - self->payload_bytes, p));
    p += n;
  }
  CLV_TRY(clv_keyed_rows_sort(self));
out:
  return st;
}

clv_status clv_keyed_rows_order(clv_keyed_rows *self, const clv_comm *comm, clv_status mine) {
  clv_status      st      = CLV_OK;
  clv_keyed_rows *samples = NULL;
  clv_shuffle    *shuffle = NULL;
  const void     *records;
  size_t          bytes;
  if (mine == CLV_OK) mine = clv_keyed_rows_sort(self);
  if (clv_comm_size(comm) == 1) return clv_comm_agree(comm, mine);
  if (mine == CLV_OK) mine = clv_keyed_rows_new(1, &samples);
  if (mine == CLV_OK) mine = clv_shuffle_new(comm, &shuffle);
  CLV_TRY(samples_share(self, comm, mine, samples));
  mine = rows_send(self, samples, shuffle, clv_comm_size(comm));
  rows_clear(self);
  CLV_TRY(clv_shuffle_exchange(shuffle, mine, &records, &bytes));
  CLV_TRY(clv_comm_agree(comm, rows_take(self, records, bytes)));
out:
  clv_keyed_rows_free(&samples);
  clv_shuffle_free(&shuffle);
  return st;
}
