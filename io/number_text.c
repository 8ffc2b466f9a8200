#include "io/number_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 10, LEAST_EXPONENT = -4 };

static const long double TEN[] = {1e0L, 1e1L, 1e2L,  1e3L,  1e4L,  1e5L,  1e6L, 1e7L,
                                  1e8L, 1e9L, 1e10L, 1e11L, 1e12L, 1e13L, 1e14L};

/* The first ten digits of a positive value and its decimal exponent. False where it is out of the range that
 * "%.10g" writes without one, or so close to half way between two numbers of ten digits that an extended
 * product cannot tell to which it belongs. */
static bool digits_take(double value, uint64_t *digits, int *exponent) {
  if (!(value >= 1e-4 && value < 9.9e9)) return false;
  int e = (int)floor(log10(value)); /* may be off by one next to a power of ten */
  if (e < LEAST_EXPONENT) e = LEAST_EXPONENT;
  long double scaled = (long double)value * TEN[DIGITS - 1 - e];
  if (scaled >= 1e10L) scaled = (long double)value * TEN[DIGITS - 1 - ++e];
  if (scaled < 1e9L) {
    if (e <= LEAST_EXPONENT) return false;
    scaled = (long double)value * TEN[DIGITS - 1 - --e];
  }
  const uint64_t    whole = (uint64_t)scaled;
  const long double rest  = scaled - (long double)whole;
  if (fabsl(rest - 0.5L) < 1e-5L || whole >= 9999999999) return false;
  *digits   = whole + (rest > 0.5L);
  *exponent = e;
  return true;
}

/* Ten digits, the point after the first 1 + exponent of them; zeros at the end of a fraction are left out. */
static size_t digits_lay(uint64_t digits, int exponent, char *to) {
  char   digit[DIGITS];
  size_t used = 0, n = DIGITS;
  for (size_t k = DIGITS; k-- > 0; digits /= 10) digit[k] = (char)('0' + digits % 10);
  const size_t whole = exponent < 0 ? 0 : (size_t)exponent + 1;
  while (n > whole && n > 1 && digit[n - 1] == '0') n--;
  if (whole == 0) {
    to[used++] = '0', to[used++] = '.';
    for (int k = -1; k > exponent; k--) to[used++] = '0';
  }
  for (size_t k = 0; k < n; k++) {
    if (k == whole && whole > 0) to[used++] = '.';
    to[used++] = digit[k];
  }
  return used;
}

/* Whole numbers: most of a table's first columns. */
static size_t whole_lay(uint64_t whole, char *to) {
  char   digit[24];
  size_t n = 0, used = 0;
  do digit[n++] = (char)('0' + whole % 10), whole /= 10;
  while (whole > 0);
  while (n > 0) to[used++] = digit[--n];
  return used;
}

size_t clv_number_text(double value, char *to) {
  const double size = fabs(value);
  uint64_t     digits;
  int          exponent;
  size_t       used = 0;
  if (signbit(value)) to[used++] = '-';
  if (size < 1e9 && size == floor(size)) return used + whole_lay((uint64_t)size, to + used);
  if (digits_take(size, &digits, &exponent)) return used + digits_lay(digits, exponent, to + used);
  return (size_t)snprintf(to, CLV_NUMBER_TEXT_MOST, "%.10g", value);
}
