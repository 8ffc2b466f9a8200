/* Numbers are written as printf writes them, whatever way they are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <math.h>

#include <cmocka.h>

#include "io/number_text.h"

static void expect_printf(double value) {
  char         wanted[64], got[CLV_NUMBER_TEXT_MOST + 1];
  const size_t n = clv_number_text(value, got);
  snprintf(wanted, sizeof wanted, "%.10g", value);
  assert_true(n < sizeof got);
  got[n] = '\0';
  assert_string_equal(got, wanted);
}

static uint64_t next(uint64_t *state) {
  return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

static void edges(void **state) {
  static const double EDGE[] = {
      0.0,      -0.0,      1.0,          -7.0,     0.1,       1e-4,           9.99999999949e-5,
      1e-5,     999999999, 1e9,          1e10,     1e15,      123456789.25,   0.99999999995,
      2.5,      1e-300,    1e300,        INFINITY, -INFINITY, 9.99999999995,  99999.999995,
      12345.67, 0.5,       9999999999.0, 5e-324,   1.0 / 3.0, 0.000123456789, 1.00000000005};
  (void)state;
  for (size_t k = 0; k < sizeof EDGE / sizeof *EDGE; k++) {
    expect_printf(EDGE[k]);
    expect_printf(nextafter(EDGE[k], 0.0));
    expect_printf(nextafter(EDGE[k], INFINITY));
    expect_printf(-EDGE[k]);
  }
}

static void any_bits(void **state) {
  uint64_t seed = 1;
  (void)state;
  for (int k = 0; k < 200000; k++) {
    const uint64_t bits = next(&seed);
    double         value;
    memcpy(&value, &bits, sizeof value);
    if (!isnan(value)) expect_printf(value);
  }
}

/* Sizes that results have, and values half way between two numbers of ten digits. */
static void usual_sizes(void **state) {
  uint64_t seed = 2;
  (void)state;
  for (int k = 0; k < 500000; k++) {
    const double u = (double)(next(&seed) >> 11) * 0x1p-53, v = (double)(next(&seed) >> 11) * 0x1p-53;
    const double value = pow(10.0, 16.0 * u - 6.0) * (1.0 + v);
    expect_printf(value);
    expect_printf((floor(value * 1e4) + 0.5) / 1e4);
    expect_printf((floor(u * 1e10) + 0.5) / 1e10);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(edges), cmocka_unit_test(any_bits),
                                     cmocka_unit_test(usual_sizes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
