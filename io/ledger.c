#include "io/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "io/id_table.h"

#define CHUNK_SIZE (1u << 18) /* purchases */

/* Purchases as they come, in columns; chunks are given back while the purchases are put in order. */
typedef struct chunk {
  uint32_t         *customer; /* owned, [CHUNK_SIZE] */
  clv_purchase     *purchase; /* owned, [CHUNK_SIZE] */
  clv_purchase_row *row;      /* owned, [CHUNK_SIZE]; NULL unless rows are kept */
  size_t            n;
} chunk;

/* A purchase with its row, while one customer's are sorted. */
typedef struct full {
  clv_purchase     purchase;
  clv_purchase_row row;
} full;

struct clv_ledger {
  bool              keep_rows;
  clv_id_table     *ids;   /* owned */
  chunk            *chunk; /* owned, [n_chunk] */
  size_t            n_chunk, chunk_room, n;
  uint64_t         *first;    /* owned, [customers + 1]; after closing */
  clv_purchase     *purchase; /* owned, [n]; after closing */
  clv_purchase_row *row;      /* owned, [n]; after closing */
};

clv_status clv_ledger_new(bool keep_rows, clv_ledger **out) {
  clv_status  st   = CLV_OK;
  clv_ledger *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->keep_rows = keep_rows;
  CLV_TRY(clv_id_table_new(&self->ids));
  *out = self, self = NULL;
out:
  clv_ledger_free(&self);
  return st;
}

static void chunk_clear(chunk *c) {
  free(c->customer);
  free(c->purchase);
  free(c->row);
  *c = (chunk){0};
}

void clv_ledger_free(clv_ledger **self) {
  clv_ledger *s = *self;
  if (s != NULL) {
    for (size_t i = 0; i < s->n_chunk; i++) chunk_clear(&s->chunk[i]);
    clv_id_table_free(&s->ids);
    free(s->chunk);
    free(s->first);
    free(s->purchase);
    free(s->row);
  }
  free(s);
  *self = NULL;
}

static clv_status chunk_add(clv_ledger *self) {
  clv_status st = CLV_OK;
  chunk      c  = {0};
  if (self->n_chunk == self->chunk_room) {
    self->chunk_room = self->chunk_room == 0 ? 64 : 2 * self->chunk_room;
    CLV_TRY(clv_realloc(self->chunk_room, sizeof *self->chunk, (void **)&self->chunk));
  }
  CLV_TRY(clv_alloc(CHUNK_SIZE, sizeof *c.customer, (void **)&c.customer));
  CLV_TRY(clv_alloc(CHUNK_SIZE, sizeof *c.purchase, (void **)&c.purchase));
  if (self->keep_rows) CLV_TRY(clv_alloc(CHUNK_SIZE, sizeof *c.row, (void **)&c.row));
  self->chunk[self->n_chunk++] = c;
  c                            = (chunk){0};
out:
  chunk_clear(&c);
  return st;
}

clv_status clv_ledger_add(clv_ledger *self, const char *id, size_t n_id, const clv_purchase *purchase,
                          const clv_purchase_row *row) {
  clv_status st = CLV_OK;
  uint32_t   customer;
  chunk     *c;
  CLV_CHECK(self->first == NULL);
  CLV_TRY(clv_id_table_add(self->ids, id, n_id, &customer));
  if (self->n_chunk == 0 || self->chunk[self->n_chunk - 1].n == CHUNK_SIZE) CLV_TRY(chunk_add(self));
  c                 = &self->chunk[self->n_chunk - 1];
  c->customer[c->n] = customer;
  c->purchase[c->n] = *purchase;
  if (self->keep_rows) c->row[c->n] = *row;
  c->n++;
  self->n++;
out:
  return st;
}

/* Counting sort by customer. `first` ends up as each customer's begin. */
static void purchases_group(clv_ledger *self) {
  const size_t n_customer = clv_id_table_n(self->ids);
  uint64_t    *next       = self->first + 1; /* next[c]: first of customer c, moving to its end */
  uint64_t     sum        = 0;
  for (size_t k = 0; k < self->n_chunk; k++)
    for (size_t i = 0; i < self->chunk[k].n; i++) next[self->chunk[k].customer[i]]++;
  for (size_t c = 0; c < n_customer; c++) {
    const uint64_t n = next[c];
    next[c]          = sum;
    sum += n;
  }
  for (size_t k = 0; k < self->n_chunk; k++) {
    chunk *from = &self->chunk[k];
    for (size_t i = 0; i < from->n; i++) {
      const uint64_t to  = next[from->customer[i]]++;
      self->purchase[to] = from->purchase[i];
      if (self->keep_rows) self->row[to] = from->row[i];
    }
    chunk_clear(from);
  }
  self->n_chunk = 0;
}

static int purchase_order(const clv_purchase *p, const clv_purchase *q) {
  int64_t a, b;
  if (p->time != q->time) return p->time < q->time ? -1 : 1;
  memcpy(&a, &p->amount, sizeof a);
  memcpy(&b, &q->amount, sizeof b);
  return (a > b) - (a < b);
}

static int purchase_compare(const void *a, const void *b) { return purchase_order(a, b); }

static int full_compare(const void *a, const void *b) {
  const full *p = a, *q = b;
  const int   c = purchase_order(&p->purchase, &q->purchase);
  if (c != 0) return c;
  if (p->row.hash != q->row.hash) return p->row.hash < q->row.hash ? -1 : 1;
  if (p->row.file != q->row.file) return p->row.file < q->row.file ? -1 : 1;
  return (p->row.line > q->row.line) - (p->row.line < q->row.line);
}

/* Most customers have a handful, mostly in order already. */
static void purchases_sort(clv_purchase *p, size_t n) {
  if (n > 32) {
    qsort(p, n, sizeof *p, purchase_compare);
    return;
  }
  for (size_t i = 1; i < n; i++) {
    const clv_purchase one = p[i];
    size_t             j   = i;
    for (; j > 0 && purchase_order(&p[j - 1], &one) > 0; j--) p[j] = p[j - 1];
    p[j] = one;
  }
}

static clv_status full_sort(clv_purchase *p, clv_purchase_row *row, size_t n) {
  clv_status st  = CLV_OK;
  full      *all = NULL;
  CLV_TRY(clv_alloc(n + 1, sizeof *all, (void **)&all));
  for (size_t i = 0; i < n; i++) all[i] = (full){p[i], row[i]};
  qsort(all, n, sizeof *all, full_compare);
  for (size_t i = 0; i < n; i++) {
    p[i]   = all[i].purchase;
    row[i] = all[i].row;
  }
out:
  free(all);
  return st;
}

clv_status clv_ledger_close(clv_ledger *self) {
  clv_status   st         = CLV_OK;
  const size_t n_customer = clv_id_table_n(self->ids);
  CLV_TRY(clv_alloc(self->n + 1, sizeof *self->purchase, (void **)&self->purchase));
  if (self->keep_rows) CLV_TRY(clv_alloc(self->n + 1, sizeof *self->row, (void **)&self->row));
  CLV_TRY(clv_calloc(n_customer + 1, sizeof *self->first, (void **)&self->first));
  purchases_group(self);
  for (size_t c = 0; c < n_customer; c++) {
    const uint64_t first = self->first[c];
    const size_t   n     = (size_t)(self->first[c + 1] - first);
    if (self->keep_rows)
      CLV_TRY(full_sort(self->purchase + first, self->row + first, n));
    else
      purchases_sort(self->purchase + first, n);
  }
out:
  return st;
}

size_t clv_ledger_n(const clv_ledger *self) { return clv_id_table_n(self->ids); }

const char *clv_ledger_id(const clv_ledger *self, size_t i, size_t *n_id) {
  return clv_id_table_get(self->ids, i, n_id);
}

const clv_purchase *clv_ledger_purchases(const clv_ledger *self, size_t i, size_t *n,
                                         const clv_purchase_row **rows) {
  const uint64_t first = self->first[i];
  *n                   = (size_t)(self->first[i + 1] - first);
  if (rows != NULL) *rows = self->keep_rows ? self->row + first : NULL;
  return self->purchase + first;
}
