#include "io/csv_number.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 64
#define EXACT_DIGITS 15 /* any such integer is a double */
#define EXACT_POWER 22  /* 10^22 is the largest power of ten that is a double */

/* A decimal number taken apart: mantissa × 10^exponent. */
typedef struct decimal {
  uint64_t mantissa;
  int      digits; /* significant ones seen */
  int      exponent;
  bool     minus;
} decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static const char *exponent_read(const char *p, const char *end, int *exponent) {
  int  e = 0, n = 0;
  bool minus = false;
  if (p < end && (*p == '+' || *p == '-')) minus = *p++ == '-';
  for (; p < end && is_digit(*p); p++, n++)
    if (e < 10000) e = 10 * e + (*p - '0');
  *exponent += minus ? -e : e;
  return n > 0 ? p : NULL;
}

static const char *digits_read(const char *p, const char *end, decimal *d, int *n) {
  for (; p < end && is_digit(*p); p++, ++*n) {
    if (d->digits > 0 || *p != '0') d->digits++;
    if (d->digits <= EXACT_DIGITS) d->mantissa = 10 * d->mantissa + (uint64_t)(*p - '0');
  }
  return p;
}

/* NULL where the text has another shape. */
static const char *decimal_read(const char *p, const char *end, decimal *d) {
  int whole = 0, part = 0;
  if (p < end && (*p == '+' || *p == '-')) d->minus = *p++ == '-';
  p = digits_read(p, end, d, &whole);
  if (p < end && *p == '.') p = digits_read(p + 1, end, d, &part);
  if (whole + part == 0) return NULL;
  d->exponent = -part;
  if (p < end && (*p == 'e' || *p == 'E')) p = exponent_read(p + 1, end, &d->exponent);
  return p;
}

/* The C library's conversion is correctly rounded; its locale is pinned because a host program may have set
 * one. */
static bool slow_read(const char *text, size_t n, double *value) {
  char     copy[NUMBER_TEXT_MAX + 1];
  char    *stop;
  double   v;
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (c == (locale_t)0) return false;
  memcpy(copy, text, n);
  copy[n] = '\0';
  v       = strtod_l(copy, &stop, c);
  freelocale(c);
  if (*stop != '\0' || !isfinite(v)) return false;
  *value = v;
  return true;
}

bool clv_csv_number(const char *text, size_t n, double *value) {
  static const double POWER[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char         *end                    = text + n;
  decimal             d                      = {0};
  double              v;
  while (end > text && is_blank(end[-1])) end--;
  while (text < end && is_blank(*text)) text++;
  if (text == end || end - text > NUMBER_TEXT_MAX || decimal_read(text, end, &d) != end) return false;
  if (d.digits > EXACT_DIGITS || d.exponent > EXACT_POWER || d.exponent < -EXACT_POWER)
    return slow_read(text, (size_t)(end - text), value);
  /* both operands are exact, so the one rounding is the correct one (Clinger 1990) */
  v      = (double)d.mantissa;
  v      = d.exponent < 0 ? v / POWER[-d.exponent] : v * POWER[d.exponent];
  *value = d.minus ? -v : v;
  return true;
}
