#include "comm/digits.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Addends between two carries. A digit grows by at most 2^40 an addend, so from 2^62 it stays below 2^63. */
#define CARRY_EVERY (UINT32_C(1) << 20)
#define HALF_DIGIT (INT64_C(1) << 39)
#define DIGIT_BITS 40
#define ADDEND_LIMIT 0x1p60
/* Leading digit (unit 2^20) of the largest total, 2^80, and of the largest partial sum of all ranks together,
 * 2^82. */
#define TOTAL_LIMIT (INT64_C(1) << 60)
#define PARTIAL_LIMIT (INT64_C(1) << 62)

/* Flags are added over ranks, each at most once a rank, so they count ranks. */
#define FLAG_NOT_FINITE (INT64_C(1))
#define FLAG_OUTSIDE (INT64_C(1) << 31)

/* x + 1.5 2^(52+e) rounds x to a multiple of 2^e, and its last bits are that multiple (two's complement)
 * above the bits of the constant itself: a cut without a conversion, two or four abreast. Needs |x| <
 * 2^(51+e). */
static const double MAGIC[CLV_DIGITS] = {0x1.8p72, 0x1.8p32, 0x1.8p-8, 0x1.8p-48};

enum { LANES = 4 };
typedef double  lanes __attribute__((vector_size(8 * LANES)));
typedef int64_t lanes_i64 __attribute__((vector_size(8 * LANES)));

clv_status clv_digits_new(size_t most, clv_digits *out) {
  void *plane = NULL;
  if (clv_calloc(most, CLV_DIGIT_PLANES * sizeof(int64_t), &plane) < 0) return CLV_ENOMEM;
  *out = (clv_digits){.width = most, .plane = plane};
  return CLV_OK;
}

void clv_digits_free(clv_digits *self) {
  free(self->plane);
  *self = (clv_digits){0};
}

void clv_digits_reset(clv_digits *self, size_t width) {
  self->width   = width;
  self->n_since = 0;
  memset(self->plane, 0, CLV_DIGIT_PLANES * width * sizeof *self->plane);
}

/* What is above a digit's 40 bits goes to the next one up; digits 1 to 3 are left in [-2^39, 2^39). Does not
 * change the value. */
static void carry(int64_t *digit, size_t stride) {
  for (size_t k = CLV_DIGITS - 1; k > 0; k--) {
    const int64_t up = (digit[k * stride] + HALF_DIGIT) >> DIGIT_BITS;
    digit[k * stride] -= up * (INT64_C(1) << DIGIT_BITS);
    digit[(k - 1) * stride] += up;
  }
}

static void carry_all(clv_digits *self, int64_t limit) {
  int64_t *flags = self->plane + CLV_DIGITS * self->width;
  for (size_t j = 0; j < self->width; j++) {
    carry(self->plane + j, self->width);
    if (llabs(self->plane[j]) < limit) continue;
    flags[j] |= FLAG_OUTSIDE;
    self->plane[j] = 0; /* the sum is lost and says so; its digits must not wrap */
  }
  self->n_since = 0;
}

static inline void count_addend(clv_digits *self) {
  if (++self->n_since == CARRY_EVERY) carry_all(self, PARTIAL_LIMIT);
}

static void add_one(clv_digits *self, size_t j, double x) {
  int64_t *digit = self->plane + j;
  if (!(fabs(x) < ADDEND_LIMIT)) {
    self->plane[CLV_DIGITS * self->width + j] |= isfinite(x) ? FLAG_OUTSIDE : FLAG_NOT_FINITE;
    return;
  }
  for (size_t k = 0; k < CLV_DIGITS; k++, digit += self->width) {
    const double rounded = x + MAGIC[k];
    int64_t      bits, zero;
    memcpy(&bits, &rounded, sizeof bits);
    memcpy(&zero, &MAGIC[k], sizeof zero);
    *digit += bits - zero;
    x -= rounded -
         MAGIC[k]; /* exact: both are multiples of x's last bit and the difference is not larger than x */
  }
}

static bool all_inside(size_t n, const double *x) {
  lanes_i64 outside = {0};
  for (size_t j = 0; j < n; j += LANES) {
    lanes v;
    memcpy(&v, x + j, sizeof v);
    outside |= ~((v < ADDEND_LIMIT) & (v > -ADDEND_LIMIT)); /* true for NaN */
  }
  return (outside[0] | outside[1] | outside[2] | outside[3]) == 0;
}

static void add_lanes(clv_digits *self, size_t n, const double *x) {
  for (size_t j = 0; j < n; j += LANES) {
    int64_t *digit = self->plane + j;
    lanes    v;
    memcpy(&v, x + j, sizeof v);
    for (size_t k = 0; k < CLV_DIGITS; k++, digit += self->width) {
      const lanes magic   = (lanes){0} + MAGIC[k];
      const lanes rounded = v + magic;
      lanes_i64   sum;
      memcpy(&sum, digit, sizeof sum);
      sum += (lanes_i64)rounded - (lanes_i64)magic;
      memcpy(digit, &sum, sizeof sum);
      v -= rounded - magic;
    }
  }
}

void clv_digits_add(clv_digits *self, const double *x) {
  const size_t whole = self->width - self->width % LANES;
  size_t       j     = 0;
  if (all_inside(whole, x)) {
    add_lanes(self, whole, x);
    j = whole;
  }
  for (; j < self->width; j++) add_one(self, j, x[j]);
  count_addend(self);
}

void clv_digits_add_at(clv_digits *self, size_t j, double x) {
  CLV_CHECK(j < self->width);
  add_one(self, j, x);
  count_addend(self);
}

/* Digits after a carry -> the nearest double, ties to even. The value is below 2^81. */
static double round_digits(const int64_t *digit, size_t stride) {
  unsigned __int128 head = 0; /* unit 2^-60: d0, d1, d2 in at most 61 + 80 bits, hence the shift below */
  int64_t           d[CLV_DIGITS];
  bool              is_negative = false, is_found = false;
  for (size_t k = 0; k < CLV_DIGITS; k++) {
    d[k] = digit[k * stride];
    /* The digits below a non-zero one are less than its last unit together, so it has the sign of the whole.
     */
    if (!is_found && d[k] != 0) is_found = true, is_negative = d[k] < 0;
  }
  if (!is_found) return 0.0;
  for (size_t k = 0; k < CLV_DIGITS; k++) d[k] = is_negative ? -d[k] : d[k];
  for (size_t k = CLV_DIGITS - 1; k > 0; k--)
    if (d[k] < 0) d[k] += INT64_C(1) << DIGIT_BITS, d[k - 1] -= 1;

  /* Three digits from the first that is not zero hold at least 81 bits; a bit lost below matters only as "not
   * zero". */
  const size_t top   = d[0] != 0 ? 0 : 1;
  const bool   below = top == 0 && d[3] != 0;
  int          unit  = top == 0 ? -60 : -100;
  if (d[0] >> 46 != 0) { /* would not fit: drop the third digit too */
    head = ((unsigned __int128)d[0] << DIGIT_BITS) | (unsigned __int128)d[1];
    unit = -20;
  } else {
    for (size_t k = top; k < top + 3; k++) head = (head << DIGIT_BITS) | (unsigned __int128)d[k];
  }
  bool           sticky = below || (unit == -20 && d[2] != 0);
  const uint64_t high = (uint64_t)(head >> 64), low = (uint64_t)head;
  const int      bits  = high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll(low | 1);
  const int      shift = bits > 62 ? bits - 62 : 0;
  sticky |= (head & (((unsigned __int128)1 << shift) - 1)) != 0;
  head >>= shift;
  const int64_t kept = (int64_t)head | (sticky ? 1 : 0);
  const double  x    = ldexp((double)kept, unit + shift);
  return is_negative ? -x : x;
}

size_t clv_digits_total(clv_digits *self, const clv_comm *comm, double *total, size_t *first) {
  const size_t width     = self->width;
  size_t       n_outside = 0;
  if (first != NULL) *first = width;
  carry_all(self, PARTIAL_LIMIT / clv_comm_size(comm));
  if (clv_comm_size(comm) > 1) clv_comm_sum_i64(comm, self->plane, CLV_DIGIT_PLANES * width);
  for (size_t j = 0; j < width; j++) {
    const int64_t flags = self->plane[CLV_DIGITS * width + j];
    carry(self->plane + j, width);
    const bool is_outside = flags >= FLAG_OUTSIDE || llabs(self->plane[j]) >= TOTAL_LIMIT;
    const bool is_finite  = (flags & (FLAG_OUTSIDE - 1)) == 0;
    total[j]              = is_outside || !is_finite ? (double)NAN : round_digits(self->plane + j, width);
    if (!is_outside || !is_finite) continue;
    if (first != NULL && n_outside == 0) *first = j;
    n_outside++;
  }
  return n_outside;
}
