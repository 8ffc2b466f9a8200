#include "engine/models/counts.h"

#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"

enum { DENSE = 512 };

typedef struct entry {
  uint64_t key; /* segment << 32 | x */
  int64_t  count;
} entry;

typedef struct row {
  size_t  first, n; /* of the distinct values */
  size_t  n_beyond; /* min(largest x, DENSE) */
  double *beyond;   /* [n_beyond] customers with x > j; inside the counts' slab */
  double  total, positive;
} row;

struct clv_counts {
  size_t    n_segment;
  row      *row;    /* owned [n_segment] */
  uint32_t *x;      /* owned, all segments' distinct values */
  double   *count;  /* owned, beside them */
  double   *beyond; /* owned [n_segment][DENSE] */
};

static int entry_compare(const void *a, const void *b) {
  const uint64_t x = ((const entry *)a)->key, y = ((const entry *)b)->key;
  return x < y ? -1 : x > y;
}

/* Sorted, equal keys added up; in place. */
static size_t entries_merge(entry *list, size_t n) {
  size_t last = 0;
  if (n == 0) return 0;
  qsort(list, n, sizeof *list, entry_compare);
  for (size_t i = 1; i < n; i++) {
    if (list[i].key == list[last].key)
      list[last].count += list[i].count;
    else
      list[++last] = list[i];
  }
  return last + 1;
}

/* This rank's list. Records mostly come in runs, so runs are collected first and merged whenever the list is
 * full. */
static clv_status entries_collect(size_t n, const uint32_t *segment, const uint32_t *x, const uint32_t *count,
                                  entry **out, size_t *n_out) {
  size_t     room = 1024, used = 0;
  entry     *list = NULL;
  clv_status st   = CLV_OK;
  CLV_TRY(clv_alloc(room, sizeof *list, (void **)&list));
  for (size_t i = 0; i < n; i++) {
    const uint64_t key  = (uint64_t)(segment == NULL ? 0 : segment[i]) << 32 | x[i];
    const int64_t  many = count == NULL ? 1 : count[i];
    if (used > 0 && list[used - 1].key == key) {
      list[used - 1].count += many;
      continue;
    }
    if (used == room) {
      used = entries_merge(list, used);
      if (used > room / 2) {
        CLV_TRY(clv_realloc(2 * room, sizeof *list, (void **)&list));
        room *= 2;
      }
    }
    list[used++] = (entry){.key = key, .count = many};
  }
  *n_out = entries_merge(list, used);
  *out = list, list = NULL;
out:
  free(list);
  return st;
}

static void row_fill(clv_counts *self, size_t g) {
  row *r = &self->row[g];
  for (size_t k = 0; k < r->n; k++) {
    const uint32_t x     = self->x[r->first + k];
    const double   count = self->count[r->first + k];
    r->total += count;
    if (x > 0) r->positive += count;
    const size_t top = x < DENSE ? x : DENSE;
    if (top > r->n_beyond) r->n_beyond = top;
    if (top > 0) r->beyond[top - 1] += count;
  }
  for (size_t j = r->n_beyond; j-- > 1;) r->beyond[j - 1] += r->beyond[j];
}

static clv_status counts_build(clv_counts *self, const entry *list, size_t n) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_calloc(self->n_segment, sizeof *self->row, (void **)&self->row));
  CLV_TRY(clv_calloc(n + 1, sizeof *self->x, (void **)&self->x));
  CLV_TRY(clv_calloc(n + 1, sizeof *self->count, (void **)&self->count));
  CLV_TRY(clv_calloc(self->n_segment * DENSE, sizeof *self->beyond, (void **)&self->beyond));
  for (size_t i = 0; i < n; i++) {
    const size_t g = (size_t)(list[i].key >> 32);
    CLV_CHECK(g < self->n_segment);
    if (self->row[g].n++ == 0) self->row[g].first = i;
    self->x[i]     = (uint32_t)list[i].key;
    self->count[i] = (double)list[i].count;
  }
  for (size_t g = 0; g < self->n_segment; g++) {
    self->row[g].beyond = self->beyond + g * DENSE;
    row_fill(self, g);
  }
out:
  return st;
}

clv_status clv_counts_new(const clv_comm *comm, size_t n_segment, size_t n, const uint32_t *segment,
                          const uint32_t *x, const uint32_t *count, clv_counts **out) {
  clv_counts *self = NULL;
  entry      *mine = NULL, *all = NULL;
  size_t      n_mine = 0, bytes = 0;
  clv_status  st = entries_collect(n, segment, x, count, &mine, &n_mine);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_comm_allgatherv(comm, mine, n_mine * sizeof *mine, (void **)&all, &bytes, NULL));
  st = clv_calloc(1, sizeof *self, (void **)&self);
  if (st == CLV_OK) {
    self->n_segment = n_segment;
    st              = counts_build(self, all, entries_merge(all, bytes / sizeof *all));
  }
  CLV_TRY(clv_comm_agree(comm, st));
  *out = self, self = NULL;
out:
  free(mine);
  free(all);
  clv_counts_free(&self);
  return st;
}

void clv_counts_free(clv_counts **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->row);
  free((*self)->x);
  free((*self)->count);
  free((*self)->beyond);
  free(*self);
  *self = NULL;
}

double clv_counts_total(const clv_counts *self, size_t segment) { return self->row[segment].total; }
double clv_counts_positive(const clv_counts *self, size_t segment) { return self->row[segment].positive; }

size_t clv_counts_values(const clv_counts *self, size_t segment, const uint32_t **x, const double **count) {
  *x     = self->x + self->row[segment].first;
  *count = self->count + self->row[segment].first;
  return self->row[segment].n;
}

double clv_counts_rising(const clv_counts *self, size_t segment, size_t less, double a, double *derivative) {
  const row   *r    = &self->row[segment];
  const double base = a + (double)(DENSE - less);
  double       sum = 0.0, slope = 0.0;
  for (size_t j = less; j < r->n_beyond; j++) {
    const double at = a + (double)(j - less);
    sum += r->beyond[j] * clv_log(at);
    slope += r->beyond[j] / at;
  }
  for (size_t k = r->n; k-- > 0 && self->x[r->first + k] > DENSE;) {
    const double x = (double)(self->x[r->first + k] - less), count = self->count[r->first + k];
    sum += count * (clv_lgamma(a + x) - clv_lgamma(base));
    slope += count * (clv_digamma(a + x) - clv_digamma(base));
  }
  *derivative = slope;
  return sum;
}
