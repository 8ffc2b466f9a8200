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

/* Two abreast is what every x86-64 and ARMv8 has. */
enum { LANES = 2 };
typedef double  lanes __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t lanes_i64 __attribute__((vector_size(8 * LANES), aligned(8), may_alias));

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
  lanes_i64 inside = {0};
  for (size_t j = 0; j < n; j += LANES) {
    const lanes v = *(const lanes *)(x + j);
    inside -= (v < ADDEND_LIMIT) & (v > -ADDEND_LIMIT); /* minus one where true; false for NaN */
  }
  return (size_t)(inside[0] + inside[1]) == n;
}

static void add_lanes(clv_digits *self, size_t n, const double *x) {
  const size_t width = self->width;
  for (size_t j = 0; j < n; j += LANES) {
    lanes v = *(const lanes *)(x + j);
#pragma GCC unroll 4
    for (size_t k = 0; k < CLV_DIGITS; k++) {
      const lanes magic   = (lanes){0} + MAGIC[k];
      const lanes rounded = v + magic;
      lanes_i64  *digit   = (lanes_i64 *)(self->plane + k * width + j);
      *digit += (lanes_i64)rounded - (lanes_i64)magic;
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

static double power_of_two(int exponent) {
  const uint64_t bits = (uint64_t)(1023 + exponent) << 52;
  double         x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* head × 2^unit, and a little more (rest > 0) or less (rest < 0) than that but less than one unit -> the
 * nearest double, ties to even. With a rest, head has more than 62 bits. */
static double round_head(__int128 head, int64_t rest, int unit) {
  const bool        is_negative = head < 0;
  unsigned __int128 m           = is_negative ? -(unsigned __int128)head : (unsigned __int128)head;
  if (rest != 0 && (rest < 0) != is_negative) m -= 1;
  const uint64_t high = (uint64_t)(m >> 64);
  const int      shift =
      high != 0 ? 66 - __builtin_clzll(high) : 0; /* 62 bits stay; up to 64 where none is lost */
  const uint64_t kept   = (uint64_t)(m >> shift);
  const bool     sticky = rest != 0 || (m & (((unsigned __int128)1 << shift) - 1)) != 0;
  /* The bits lost are far below the last place: they matter only as "not zero". The conversion rounds to
   * nearest. */
  const double x = (double)(kept | (sticky ? 1 : 0)) * power_of_two(unit + shift);
  return is_negative ? -x : x;
}

/* Digits after a carry, |d0| < 2^60. */
static double round_digits(const int64_t *digit, size_t stride) {
  static const __int128 ONE = 1;
  const int64_t         d0 = digit[0], d1 = digit[stride], d2 = digit[2 * stride], d3 = digit[3 * stride];
  if (llabs(d0) < INT64_C(1) << 6)
    return round_head(d0 * (ONE << 120) + d1 * (ONE << 80) + d2 * (ONE << 40) + d3, 0, -100);
  if (llabs(d0) < INT64_C(1) << 46) return round_head(d0 * (ONE << 80) + d1 * (ONE << 40) + d2, d3, -60);
  return round_head(d0 * (ONE << 40) + d1, d2 != 0 ? d2 : d3, -20);
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
