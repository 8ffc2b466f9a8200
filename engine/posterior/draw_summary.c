#include "engine/posterior/draw_summary.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/posterior/draw_bracket_kernel.h"

enum { BUCKETS = 512, LANES = 8 };

/* Smallest and largest; a NaN is neither. */
static void range_of(const double *value, size_t n, double *low, double *high) {
  double least[LANES], most[LANES];
  for (size_t l = 0; l < LANES; l++) least[l] = INFINITY, most[l] = -INFINITY;
  for (size_t i = 0; i < n; i += LANES) {
    const size_t first = i + LANES <= n ? i : n < LANES ? 0 : n - LANES; /* the last eight again */
    for (size_t l = 0; l < LANES && l < n; l++) {
      const double v = value[first + l];
      least[l]       = v < least[l] ? v : least[l];
      most[l]        = v > most[l] ? v : most[l];
    }
  }
  *low = least[0], *high = most[0];
  for (size_t l = 1; l < LANES; l++) {
    *low  = least[l] < *low ? least[l] : *low;
    *high = most[l] > *high ? most[l] : *high;
  }
}

/* Hoare's selection: afterwards value[k] is where sorting would put it, and nothing behind it is smaller. */
static double select_place(double *value, ptrdiff_t n, ptrdiff_t k) {
  ptrdiff_t low = 0, high = n - 1;
  while (low < high) {
    const double pivot = value[low + (high - low) / 2];
    ptrdiff_t    i = low, j = high;
    while (i <= j) {
      while (value[i] < pivot) i++;
      while (value[j] > pivot) j--;
      if (i > j) break;
      const double swap = value[i];
      value[i++]        = value[j];
      value[j--]        = swap;
    }
    if (k <= j)
      high = j;
    else if (k >= i)
      low = i;
    else
      break;
  }
  return value[k];
}

static double least_of(const double *value, size_t n) {
  double least = value[0];
  for (size_t i = 1; i < n; i++) least = value[i] < least ? value[i] : least;
  return least;
}

/* Where the quantiles of one kind of draws were last: their distances from the mean in standard deviations.
 */
typedef struct place {
  bool   is_known;
  double where[CLV_BRACKETS_MOST];
} place;

struct clv_draw_summary {
  size_t    n, n_quantile;
  double    quantile[CLV_QUANTILE_MAX];
  double   *sorted; /* owned [n] room to sort in */
  uint16_t *bucket; /* owned [n] where each value was dealt to: lower buckets hold smaller values */
  uint32_t *listed; /* owned [n] values in buckets that hold a quantile */
  size_t    n_listed;
  uint32_t  before[BUCKETS + 1]; /* values in lower buckets */
  double
      *inside;  /* owned [n_quantile][CLV_BRACKET_ROOM(n)] values in each bracket; NULL: too many quantiles */
  place  *last; /* owned [n_kind] */
  clv_isa isa;
};

clv_status clv_draw_summary_new(size_t n_value, size_t n_kind, const double *quantile, size_t n_quantile,
                                clv_draw_summary **out) {
  clv_draw_summary *self = NULL;
  clv_status        st   = CLV_OK;
  CLV_CHECK(n_value > 0 && n_value <= UINT32_MAX && n_quantile <= CLV_QUANTILE_MAX);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->n          = n_value;
  self->n_quantile = n_quantile;
  for (size_t q = 0; q < n_quantile; q++) self->quantile[q] = quantile[q];
  CLV_TRY(clv_alloc(n_value, sizeof *self->sorted, (void **)&self->sorted));
  CLV_TRY(clv_alloc(n_value, sizeof *self->bucket, (void **)&self->bucket));
  CLV_TRY(clv_alloc(n_value, sizeof *self->listed, (void **)&self->listed));
  if (n_quantile > 0 && n_quantile <= CLV_BRACKETS_MOST)
    CLV_TRY(clv_alloc(CLV_BRACKET_ROOM(n_value), n_quantile * sizeof *self->inside, (void **)&self->inside));
  CLV_TRY(clv_calloc(n_kind, sizeof *self->last, (void **)&self->last));
  self->isa = clv_isa_best();
  *out = self, self = NULL;
out:
  clv_draw_summary_free(&self);
  return st;
}

void clv_draw_summary_free(clv_draw_summary **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->sorted);
  free((*self)->bucket);
  free((*self)->listed);
  free((*self)->inside);
  free((*self)->last);
  free(*self);
  *self = NULL;
}

size_t clv_draw_summary_width(const clv_draw_summary *self) { return 2 + self->n_quantile; }

/* False where buckets of equal width cannot tell values apart: all alike, or too far apart. */
static bool values_deal(clv_draw_summary *self, const double *value) {
  double low, high;
  range_of(value, self->n, &low, &high);
  const double scale = (double)BUCKETS / (high - low);
  if (!(high > low) || !isfinite(high - low) || !isfinite(scale)) return false;
  memset(self->before, 0, sizeof self->before);
  for (size_t i = 0; i < self->n; i++) {
    const int32_t at = (int32_t)((value[i] - low) * scale);
    self->bucket[i]  = (uint16_t)(at < BUCKETS ? at : BUCKETS - 1);
  }
  for (size_t i = 0; i < self->n; i++) self->before[self->bucket[i] + 1]++;
  for (size_t b = 0; b < BUCKETS; b++) self->before[b + 1] += self->before[b];
  return true;
}

/* The bucket of the k-th smallest value. */
static size_t bucket_of(const clv_draw_summary *self, size_t k) {
  size_t low = 0, high = BUCKETS;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (self->before[middle] <= k)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Lists the values in buckets that some quantile falls in: the only ones looked at from here on. */
static void quantiles_list(clv_draw_summary *self) {
  uint8_t wanted[BUCKETS] = {0};
  size_t  n               = 0;
  for (size_t q = 0; q < self->n_quantile; q++) {
    const size_t k             = (size_t)(self->quantile[q] * (double)(self->n - 1));
    wanted[bucket_of(self, k)] = 1;
    wanted[bucket_of(self, k + 1 < self->n ? k + 1 : k)] = 1;
  }
  for (size_t i = 0; i < self->n; i++) {
    self->listed[n] = (uint32_t)i;
    n += wanted[self->bucket[i]];
  }
  self->n_listed = n;
}

/* Gathers one bucket in self->sorted. @return how many */
static size_t bucket_gather(clv_draw_summary *self, const double *value, size_t bucket) {
  size_t n = 0;
  for (size_t i = 0; i < self->n_listed; i++) {
    const size_t at = self->listed[i];
    if (self->bucket[at] == bucket) self->sorted[n++] = value[at];
  }
  return n;
}

/* The k-th smallest value and the one after it (or itself, where it is the last). */
static void places_by_bucket(clv_draw_summary *self, const double *value, size_t k, double *here,
                             double *next) {
  const size_t after = k + 1 < self->n ? k + 1 : k;
  size_t       b = bucket_of(self, k), n = bucket_gather(self, value, b);
  *here = select_place(self->sorted, (ptrdiff_t)n, (ptrdiff_t)(k - self->before[b]));
  if (bucket_of(self, after) != b) {
    b = bucket_of(self, after);
    n = bucket_gather(self, value, b);
  }
  *next = select_place(self->sorted, (ptrdiff_t)n, (ptrdiff_t)(after - self->before[b]));
}

static void places_by_selection(clv_draw_summary *self, size_t k, double *here, double *next) {
  const size_t after = k + 1 < self->n ? k + 1 : k;
  *here              = select_place(self->sorted, (ptrdiff_t)self->n, (ptrdiff_t)k);
  *next              = select_place(self->sorted, (ptrdiff_t)self->n, (ptrdiff_t)after);
}

/* Type 7: between the k-th smallest value and the one after it. */
static double between(double at, double here, double next) {
  const double part = at - floor(at);
  return part > 0.0 ? here + part * (next - here) : here;
}

/* Any values. */
static void quantiles_anyhow(clv_draw_summary *self, const double *value, bool is_finite, double *out) {
  const bool dealt = is_finite && values_deal(self, value);
  if (dealt)
    quantiles_list(self);
  else
    memcpy(self->sorted, value, self->n * sizeof *value);
  for (size_t q = 0; q < self->n_quantile; q++) {
    const double at = self->quantile[q] * (double)(self->n - 1);
    double       here, next;
    if (dealt)
      places_by_bucket(self, value, (size_t)at, &here, &next);
    else
      places_by_selection(self, (size_t)at, &here, &next);
    out[q] = between(at, here, next);
  }
}

/* Draws of one customer are spread much as those of the one before: each quantile is looked for where it was
 * last, in standard deviations from the mean. What is found is exact; false where it is not there. */
static bool quantiles_near(clv_draw_summary *self, const place *last, const double *value, double mean,
                           double sd, double *out) {
  static const double REACH    = 0.08;
  clv_draw_brackets   brackets = {.n = self->n_quantile};
  for (size_t q = 0; q < self->n_quantile; q++) {
    brackets.low[q]  = mean + (last->where[q] - REACH) * sd;
    brackets.high[q] = mean + (last->where[q] + REACH) * sd;
  }
  CLV_KERNEL_PICK(clv_draw_bracket, self->isa)(value, self->n, &brackets, self->inside);
  for (size_t q = 0; q < self->n_quantile; q++) {
    const double at = self->quantile[q] * (double)(self->n - 1);
    const size_t k = (size_t)at, after = k + 1 < self->n ? k + 1 : k, below = brackets.below[q];
    double      *inside = self->inside + q * CLV_BRACKET_ROOM(self->n);
    const size_t n      = brackets.n_inside[q];
    if (k < below || after >= below + n) return false;
    const double here = select_place(inside, (ptrdiff_t)n, (ptrdiff_t)(k - below));
    out[q] = between(at, here, after == k ? here : least_of(inside + (after - below), n - (after - below)));
  }
  return true;
}

void clv_draw_summary_of(clv_draw_summary *self, size_t kind, const double *value, double *out) {
  place       *last = &self->last[kind];
  const size_t n    = self->n;
  const double mean = CLV_KERNEL_PICK(clv_draw_sum, self->isa)(value, n) / (double)n;
  const double sd =
      n > 1 ? sqrt(CLV_KERNEL_PICK(clv_draw_squares, self->isa)(value, n, mean) / (double)(n - 1)) : NAN;
  out[0] = mean, out[1] = sd;
  if (self->n_quantile == 0) return;
  const bool is_usual = self->inside != NULL && isfinite(mean) && isfinite(sd) && sd > 0.0;
  if (!is_usual || !last->is_known || !quantiles_near(self, last, value, mean, sd, out + 2))
    quantiles_anyhow(self, value, isfinite(mean), out + 2); /* a finite mean: no NaN, no infinity */
  if (!is_usual) return;
  for (size_t q = 0; q < self->n_quantile; q++) last->where[q] = (out[2 + q] - mean) / sd;
  last->is_known = true;
}
