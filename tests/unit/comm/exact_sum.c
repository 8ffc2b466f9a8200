/* clv_exact_sum against sums in __int128, bit for bit, and its range. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "unit.h"

typedef __int128 wide;

static clv_comm *one;
static uint64_t  seed = 1;

/* SplitMix64 (Steele, Lea & Flood 2014): any generator would do here. */
static uint64_t next(void) {
  uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
  z          = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z          = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* The reference: a multiple of 2^-100 as high × 2^-20 + low × 2^-100, each below 2^81, so that 2^40 of them
 * can be added. */
typedef struct exact {
  wide high, low;
} exact;

static exact exact_of(double x) {
  const double high = trunc(ldexp(x, 20));
  return (exact){(wide)high, (wide)ldexp(x - ldexp(high, -20), 100)};
}

static void exact_add(exact *s, double x) {
  const exact e = exact_of(x);
  s->high += e.high;
  s->low += e.low;
}

/* t is the double nearest to s, ties to even: compare what is left, in units of 2^-100, with half the
 * distance to the neighbour. */
static void assert_nearest(exact s, double t) {
  const exact  e    = exact_of(t);
  const wide   left = (s.high - e.high) * ((wide)1 << 80) + (s.low - e.low);
  const wide   off  = left < 0 ? -left : left;
  const double gap  = fabs(nextafter(t, left < 0 ? -INFINITY : INFINITY) - t);
  const wide   unit = (wide)ldexp(gap, 100);
  uint64_t     bits;
  memcpy(&bits, &t, sizeof bits);
  if (unit == 0)
    assert_true(off == 0);
  else
    assert_true(2 * off < unit || (2 * off == unit && bits % 2 == 0));
}

/* A double of random sign, size and length that is a multiple of 2^-100 and below 2^top. */
static double random_addend(int top) {
  const int    exponent = (int)(next() % (unsigned)(top + 100)) - 100;
  const double x        = ldexp(1.0 + ldexp((double)(next() >> (12 + next() % 40)), -52), exponent);
  return ldexp(trunc(ldexp(next() % 2 ? x : -x, 100)), -100);
}

static void totals_are_the_nearest_doubles(void **state) {
  (void)state;
  for (int round = 0; round < 4000; round++) {
    const size_t   n            = 1 + next() % 200;
    const int      top          = (int)(next() % 160) - 99;
    exact          reference[7] = {0};
    double         x[7], total[7];
    clv_exact_sum *s = NULL;
    assert_int_equal(clv_exact_sum_new(7, &s), CLV_OK);
    for (size_t i = 0; i < n; i++) {
      for (size_t j = 0; j < 7; j++) exact_add(&reference[j], x[j] = random_addend(top));
      clv_exact_sum_add(s, x);
      for (size_t j = 0; j < 7 && i % 3 == 0;
           j++) { /* almost all of it away again: what is left was far below */
        exact_add(&reference[j], -x[j]);
        clv_exact_sum_add_at(s, j, -x[j]);
      }
    }
    assert_int_equal(clv_exact_sum_total(s, one, total), CLV_OK);
    for (size_t j = 0; j < 7; j++) assert_nearest(reference[j], total[j]);
    clv_exact_sum_free(&s);
  }
}

/* From 2^66 on a total has no room for three digits beside its first. */
static void large_totals_are_the_nearest_doubles(void **state) {
  (void)state;
  for (int round = 0; round < 60; round++) {
    const size_t   n         = (size_t)1 << (round % 20);
    const double   sign      = round % 3 == 0 ? -1.0 : 1.0;
    exact          reference = {0};
    clv_exact_sum *s         = NULL;
    double         total;
    assert_int_equal(clv_exact_sum_new(1, &s), CLV_OK);
    for (size_t i = 0; i < n; i++) {
      const double x = i % 2 ? random_addend(3) : sign * (0x1p58 + ldexp((double)(next() >> 11), 5));
      exact_add(&reference, x);
      clv_exact_sum_add(s, &x);
    }
    assert_int_equal(clv_exact_sum_total(s, one, &total), CLV_OK);
    assert_nearest(reference, total);
    clv_exact_sum_free(&s);
  }
}

static double total_of(size_t n, const double *x) {
  clv_exact_sum *s = NULL;
  double         total;
  assert_int_equal(clv_exact_sum_new(1, &s), CLV_OK);
  for (size_t i = 0; i < n; i++) clv_exact_sum_add(s, x + i);
  assert_int_equal(clv_exact_sum_total(s, one, &total), CLV_OK);
  clv_exact_sum_free(&s);
  return total;
}

static void halfway_sums_go_to_even(void **state) {
  const double tie_down[] = {0x1p53, 1.0}, tie_up[] = {0x1p53 + 2, 1.0}, above[] = {0x1p53, 1.0, 0x1p-100};
  const double below[] = {0x1p53 + 2, 1.0, -0x1p-100}, big[] = {0x1p59, 0x1p59, 0x1p7, 0x1p-100};
  const double negative[] = {-0x1p53, -1.0, -0x1p-100}, cancels[] = {0x1p59, -0x1p-100, -0x1p59};
  const double huge[] = {0x1.fffffffffffffp59, 0x1.fffffffffffffp59, 0x1p-100, 0x1p59, -0x1p59};
  double       more[257], less[257];
  (void)state;
  assert_true(total_of(2, tie_down) == 0x1p53);
  assert_true(total_of(2, tie_up) == 0x1p53 + 4);
  assert_true(total_of(3, above) == 0x1p53 + 2);
  assert_true(total_of(3, below) == 0x1p53 + 2);
  assert_true(total_of(4, big) == 0x1p60 + 0x1p8); /* half of the last place, and a little more */
  assert_true(total_of(3, big) == 0x1p60);
  assert_true(total_of(3, negative) == -0x1p53 - 2);
  assert_true(total_of(3, cancels) == -0x1p-100);
  assert_true(total_of(5, huge) == 0x1.fffffffffffffp60);
  for (int i = 0; i < 256; i++)
    more[i] = less[i] = 0x1p59; /* 2^67, half of a last place, and the rest decides */
  more[255] = less[255] = 0x1p59 + 0x1p14, more[256] = 0x1p-100, less[256] = -0x1p-100;
  assert_true(total_of(256, more) == 0x1p67);
  assert_true(total_of(257, more) == 0x1p67 + 0x1p15 && total_of(257, less) == 0x1p67);
  for (int i = 0; i < 257; i++) more[i] = -more[i], less[i] = -less[i];
  assert_true(total_of(257, more) == -0x1p67 - 0x1p15 && total_of(257, less) == -0x1p67);
  assert_true(total_of(0, huge) == 0.0 && !signbit(total_of(0, huge)));
}

static void what_is_below_the_window_costs_at_most_half_a_unit_each(void **state) {
  enum { N = 1000 };
  double x[N], sum = 0.0;
  (void)state;
  for (int i = 0; i < N; i++) sum += x[i] = ldexp(1.0 + (double)(next() >> 11) * 0x1p-53, -100);
  /* N × 2^-101 by the contract, and rounding of the plain sum itself, far less */
  assert_true(fabs(total_of(N, x) - sum) <= N * 0x1p-101 * (1 + 1e-9));
  for (int i = 0; i < N; i++) x[i] = 0x1p-102;
  assert_true(total_of(N, x) == 0.0);
}

static void order_does_not_matter_to_any_bit(void **state) {
  enum { N = 500 };
  double   x[N], first_plain = 0.0;
  unsigned n_plain_differs = 0;
  (void)state;
  for (int i = 0; i < N; i++) x[i] = random_addend(40) + 0x1.123456789abcdp-70;
  const double first = total_of(N, x);
  for (int i = 0; i < N; i++) first_plain += x[i];
  for (int round = 0; round < 200; round++) {
    double plain = 0.0;
    for (size_t i = N; i > 1; i--) {
      const size_t k = next() % i;
      const double t = x[i - 1];
      x[i - 1] = x[k], x[k] = t;
    }
    const double again = total_of(N, x);
    assert_memory_equal(&first, &again, sizeof first);
    for (int i = 0; i < N; i++) plain += x[i];
    n_plain_differs += plain != first_plain;
  }
  assert_true(n_plain_differs > 150); /* or the addends were too kind to show anything */
}

static void a_nan_is_its_own_sums_only(void **state) {
  static const double BAD[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
  (void)state;
  for (size_t width = 1; width < 10; width++)
    for (size_t b = 0; b < 3 * width; b++) {
      double         x[10], total[10];
      clv_exact_sum *s = NULL;
      assert_int_equal(clv_exact_sum_new(width, &s), CLV_OK);
      for (size_t j = 0; j < width; j++) x[j] = (double)j + 0.5;
      clv_exact_sum_add(s, x);
      x[b % width] = BAD[b / width];
      clv_exact_sum_add(s, x);
      if (b / width == 2) clv_exact_sum_add_at(s, b % width, 0x1p70); /* not finite comes before outside */
      assert_int_equal(clv_exact_sum_total(s, one, total), CLV_OK);
      for (size_t j = 0; j < width; j++)
        assert_true(j == b % width ? isnan(total[j]) : total[j] == 2.0 * x[j]);
      clv_exact_sum_clear(s);
      assert_int_equal(clv_exact_sum_total(s, one, total), CLV_OK);
      for (size_t j = 0; j < width; j++) assert_true(total[j] == 0.0);
      clv_exact_sum_free(&s);
    }
}

static void an_addend_outside_is_an_error(void **state) {
  clv_exact_sum *s = NULL;
  double         total[3];
  (void)state;
  assert_int_equal(clv_exact_sum_new(3, &s), CLV_OK);
  clv_exact_sum_add_at(s, 1, nextafter(0x1p60, 0.0));
  clv_exact_sum_add_at(s, 2, -nextafter(0x1p60, 0.0));
  assert_int_equal(clv_exact_sum_total(s, one, total), CLV_OK);
  assert_true(total[1] == nextafter(0x1p60, 0.0) && total[2] == -total[1]);
  clv_exact_sum_add_at(s, 2, -0x1p60);
  clv_exact_sum_add_at(s, 2, 0x1p60);
  clv_message_clear();
  assert_int_equal(clv_exact_sum_total(s, one, total), CLV_EFAULT);
  assert_non_null(strstr(clv_message(), "sum 2 of 3"));
  assert_true(total[1] == nextafter(0x1p60, 0.0) && isnan(total[2]));
  clv_exact_sum_free(&s);
}

/* n times x, in one sum. */
static clv_status repeated(size_t n, double x, double *total) {
  clv_exact_sum *s = NULL;
  assert_int_equal(clv_exact_sum_new(1, &s), CLV_OK);
  for (size_t i = 0; i < n; i++) clv_exact_sum_add(s, &x);
  const clv_status st = clv_exact_sum_total(s, one, total);
  clv_exact_sum_free(&s);
  return st;
}

static void many_addends_carry_and_a_sum_outside_is_an_error(void **state) {
  const size_t half = (size_t)1 << 21;
  double       total;
  (void)state;
  /* 3 × 2^20 of them cross the carry three times, in every digit */
  const double x         = 0x1p-21 + 0x1p-61 + 0x1p-99;
  exact        reference = exact_of(x);
  reference.high *= (wide)3 << 20, reference.low *= (wide)3 << 20;
  assert_int_equal(repeated((size_t)3 << 20, x, &total), CLV_OK);
  assert_nearest(reference, total);
  assert_int_equal(repeated(half - 1, 0x1p59, &total), CLV_OK);
  assert_true(total == 0x1p80 - 0x1p59);
  assert_int_equal(repeated(half, 0x1p59, &total), CLV_EFAULT);
  assert_int_equal(repeated(half, -0x1p59, &total), CLV_EFAULT);
  /* 2^24 times: without carries the digits would wrap, the leading one of 2^60 to exactly zero */
  assert_int_equal(repeated(8 * half, nextafter(0x1p60, 0.0), &total), CLV_EFAULT);
  assert_true(isnan(total));
  assert_int_equal(repeated(8 * half, 0x1p19, &total), CLV_OK); /* 2^39 in the second digit */
  assert_true(total == 0x1p43);
}

static void a_total_can_be_asked_twice(void **state) {
  clv_exact_sum *s    = NULL;
  const double   x[2] = {0.1, -3.0};
  double         total[2];
  (void)state;
  assert_int_equal(clv_exact_sum_new(2, &s), CLV_OK);
  for (int i = 1; i < 5; i++) {
    clv_exact_sum_add(s, x);
    assert_int_equal(clv_exact_sum_total(s, one, total), CLV_OK);
    assert_int_equal(clv_exact_sum_total(s, one, total), CLV_OK);
    assert_true(total[0] == i * 0.1 && total[1] == -3.0 * i);
  }
  clv_exact_sum_free(&s);
  assert_int_equal(clv_exact_sum_new(0, &s), CLV_OK);
  clv_exact_sum_add(s, x);
  assert_int_equal(clv_exact_sum_total(s, one, total), CLV_OK);
  clv_exact_sum_free(&s);
  clv_exact_sum_free(&s);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(totals_are_the_nearest_doubles),
      cmocka_unit_test(large_totals_are_the_nearest_doubles),
      cmocka_unit_test(halfway_sums_go_to_even),
      cmocka_unit_test(what_is_below_the_window_costs_at_most_half_a_unit_each),
      cmocka_unit_test(order_does_not_matter_to_any_bit),
      cmocka_unit_test(a_nan_is_its_own_sums_only),
      cmocka_unit_test(an_addend_outside_is_an_error),
      cmocka_unit_test(many_addends_carry_and_a_sum_outside_is_an_error),
      cmocka_unit_test(a_total_can_be_asked_twice),
  };
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_self(&one) < 0) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  clv_comm_free(&one);
  clv_comm_finalize();
  return failed;
}
