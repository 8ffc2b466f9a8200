#include "io/time_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OP_MAX 64
#define FRACTION_DIGITS_MAX 18

/* One step of a compiled format: a conversion by its letter, or a literal character. */
typedef struct op {
  char kind; /* conversion letter; '=' literal; ' ' any blanks */
  char literal;
} op;

struct clv_time_format {
  bool   iso; /* the default: shapes are tried in place, without ops */
  size_t n_op;
  op     ops[OP_MAX];
};

/* What has been read of one text. */
typedef struct parts {
  int     year, month, day, year_day; /* year_day 0: month and day count */
  int     hour, minute, second;
  int64_t fraction; /* microseconds */
  int64_t zone;     /* seconds east of UTC */
  int64_t epoch;    /* seconds, where has_epoch */
  bool    has_epoch, has_clock;
} parts;

typedef struct cursor {
  const char *at, *end;
} cursor;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static void blanks_skip(cursor *c) {
  while (c->at < c->end && is_blank(*c->at)) c->at++;
}

/* Between `least` and `most` digits. */
static bool digits_read(cursor *c, int least, int most, int *value) {
  int n = 0, v = 0;
  while (n < most && c->at < c->end && is_digit(*c->at)) {
    v = 10 * v + (*c->at++ - '0');
    n++;
  }
  *value = v;
  return n >= least;
}

static bool literal_read(cursor *c, char wanted) {
  if (c->at == c->end || *c->at != wanted) return false;
  c->at++;
  return true;
}

/* A point or comma and digits; what lies beyond the microsecond is cut off. Absent is right too. */
static bool fraction_read(cursor *c, int64_t *micros) {
  int n = 0;
  if (c->at == c->end || (*c->at != '.' && *c->at != ',')) return true;
  c->at++;
  *micros = 0;
  for (; c->at < c->end && is_digit(*c->at); c->at++, n++) {
    if (n >= FRACTION_DIGITS_MAX) return false;
    if (n < 6) *micros = *micros * 10 + (*c->at - '0');
  }
  for (int i = n; i < 6; i++) *micros *= 10;
  return n > 0;
}

/* Z, +hh, +hhmm or +hh:mm; the sign may be a minus. */
static bool zone_read(cursor *c, int64_t *seconds) {
  int hour, minute = 0, sign;
  if (c->at == c->end) return false;
  if (*c->at == 'Z' || *c->at == 'z') {
    c->at++;
    *seconds = 0;
    return true;
  }
  if (*c->at != '+' && *c->at != '-') return false;
  sign = *c->at++ == '-' ? -1 : 1;
  if (!digits_read(c, 2, 2, &hour)) return false;
  if (c->at < c->end && *c->at == ':') {
    c->at++;
    if (!digits_read(c, 2, 2, &minute)) return false;
  } else if (c->at < c->end && is_digit(*c->at) && !digits_read(c, 2, 2, &minute)) {
    return false;
  }
  *seconds = sign * (hour * INT64_C(3600) + minute * INT64_C(60));
  return hour <= 14 && minute < 60;
}

/* English month names, in full or by three letters. */
static bool month_name_read(cursor *c, int *month) {
  static const char *const NAME[12] = {"january", "february", "march",     "april",   "may",      "june",
                                       "july",    "august",   "september", "october", "november", "december"};
  const size_t             left     = (size_t)(c->end - c->at);
  for (int m = 0; m < 12; m++) {
    const size_t n = strlen(NAME[m]);
    if (left >= n && strncasecmp(c->at, NAME[m], n) == 0) {
      c->at += n;
      *month = m + 1;
      return true;
    }
  }
  for (int m = 0; m < 12; m++)
    if (left >= 3 && strncasecmp(c->at, NAME[m], 3) == 0) {
      c->at += 3;
      *month = m + 1;
      return true;
    }
  return false;
}

static bool epoch_read(cursor *c, parts *p) {
  const bool minus = c->at < c->end && *c->at == '-';
  int64_t    v     = 0;
  int        n     = 0;
  if (minus) c->at++;
  for (; n < 12 && c->at < c->end && is_digit(*c->at); c->at++, n++) v = 10 * v + (*c->at - '0');
  if (n == 0 || !fraction_read(c, &p->fraction)) return false;
  p->epoch     = minus ? -v : v;
  p->fraction  = minus ? -p->fraction : p->fraction;
  p->has_epoch = p->has_clock = true;
  return true;
}

static bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int month_days(int year, int month) {
  static const int DAYS[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : DAYS[month - 1];
}

/* Days from 1970-01-01, proleptic Gregorian; months are counted from March so that the leap day is the year's
 * last. */
static int64_t days_of(int year, int month, int day) {
  const int64_t y        = month <= 2 ? year - 1 : year;
  const int64_t era      = y / 400; /* year >= 1, so y >= 0 */
  const int64_t of_era   = y - era * 400;
  const int64_t shifted  = month > 2 ? month - 3 : month + 9;
  const int64_t year_day = (153 * shifted + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + year_day - 719468;
}

static clv_time_result parts_join(const parts *p, int64_t *micros) {
  int64_t seconds;
  if (p->has_epoch) {
    /* the years 1 to 9999 */
    if (p->epoch < INT64_C(-62135596800) || p->epoch > INT64_C(253402300799)) return CLV_TIME_NO_SUCH;
    *micros = p->epoch * CLV_MICROS_PER_SECOND + p->fraction;
    return CLV_TIME_READ;
  }
  if (p->year < 1 || p->year > 9999 || p->hour > 23 || p->minute > 59 || p->second > 60)
    return CLV_TIME_NO_SUCH;
  if (p->year_day > 0) {
    if (p->year_day > (is_leap(p->year) ? 366 : 365)) return CLV_TIME_NO_SUCH;
    seconds = (days_of(p->year, 1, 1) + p->year_day - 1) * 86400;
  } else {
    if (p->month < 1 || p->month > 12 || p->day < 1) return CLV_TIME_NO_SUCH;
    if (p->day > month_days(p->year, p->month)) return CLV_TIME_NO_SUCH;
    seconds = days_of(p->year, p->month, p->day) * 86400;
  }
  seconds += p->hour * 3600 + p->minute * 60 + (p->second == 60 ? 59 : p->second) - p->zone;
  *micros = seconds * CLV_MICROS_PER_SECOND + p->fraction;
  return CLV_TIME_READ;
}

static bool clock_read(cursor *c, parts *p) {
  p->has_clock = true;
  if (!digits_read(c, 2, 2, &p->hour) || !literal_read(c, ':') || !digits_read(c, 2, 2, &p->minute))
    return false;
  if (c->at == c->end || *c->at != ':') return true;
  c->at++;
  return digits_read(c, 2, 2, &p->second) && fraction_read(c, &p->fraction);
}

static bool date_read(cursor *c, parts *p) {
  return digits_read(c, 4, 4, &p->year) && literal_read(c, '-') && digits_read(c, 2, 2, &p->month) &&
         literal_read(c, '-') && digits_read(c, 2, 2, &p->day);
}

static bool iso_read(cursor *c, parts *p) {
  if (!date_read(c, p)) return false;
  if (c->at == c->end) return true;
  if (*c->at != 'T' && *c->at != 't' && *c->at != ' ') return false;
  c->at++;
  if (!clock_read(c, p)) return false;
  if (c->at < c->end && *c->at == ' ') c->at++;
  return c->at == c->end || zone_read(c, &p->zone);
}

static bool year_short_read(cursor *c, parts *p) {
  if (!digits_read(c, 2, 2, &p->year)) return false;
  p->year += p->year < 69 ? 2000 : 1900; /* the pivot of POSIX */
  return true;
}

static bool op_clock_read(const op *o, cursor *c, parts *p) {
  p->has_clock = true;
  switch (o->kind) {
    case 'H':
      return digits_read(c, 1, 2, &p->hour);
    case 'M':
      return digits_read(c, 1, 2, &p->minute);
    case 'S':
      return digits_read(c, 1, 2, &p->second) && fraction_read(c, &p->fraction);
    case 'T':
      return clock_read(c, p);
    case 's':
      return epoch_read(c, p);
    default:
      return false;
  }
}

static bool op_read(const op *o, cursor *c, parts *p) {
  switch (o->kind) {
    case '=':
      return literal_read(c, o->literal);
    case ' ':
      blanks_skip(c);
      return true;
    case 'Y':
      return digits_read(c, 4, 4, &p->year);
    case 'y':
      return year_short_read(c, p);
    case 'm':
      return digits_read(c, 1, 2, &p->month);
    case 'd':
      return digits_read(c, 1, 2, &p->day);
    case 'e':
      blanks_skip(c);
      return digits_read(c, 1, 2, &p->day);
    case 'j':
      return digits_read(c, 1, 3, &p->year_day) && p->year_day > 0;
    case 'b':
      return month_name_read(c, &p->month);
    case 'F':
      return date_read(c, p);
    case 'z':
      return zone_read(c, &p->zone);
    default:
      return op_clock_read(o, c, p);
  }
}

clv_time_result clv_time_format_parse(const clv_time_format *self, const char *text, size_t n,
                                      int64_t *micros, bool *has_clock) {
  cursor c = {text, text + n};
  parts  p = {0};
  while (c.end > c.at && is_blank(c.end[-1])) c.end--;
  blanks_skip(&c);
  if (self->iso) {
    if (!iso_read(&c, &p)) return CLV_TIME_SHAPE;
  } else {
    for (size_t i = 0; i < self->n_op; i++)
      if (!op_read(&self->ops[i], &c, &p)) return CLV_TIME_SHAPE;
  }
  if (c.at != c.end) return CLV_TIME_SHAPE;
  if (has_clock != NULL) *has_clock = p.has_clock;
  return parts_join(&p, micros);
}

/* Which of the day's parts a conversion gives: bit 0 year, 1 month, 2 day, 3 day of the year, 4 all at once.
 */
static unsigned kind_gives(char kind) {
  switch (kind) {
    case 'Y':
    case 'y':
      return 1;
    case 'm':
    case 'b':
      return 2;
    case 'd':
    case 'e':
      return 4;
    case 'j':
      return 8;
    case 'F':
    case 's':
      return 16;
    default:
      return 0;
  }
}

static clv_status op_add(clv_time_format *self, char kind, char literal, const char *format) {
  if (self->n_op == OP_MAX)
    return clv_fail(CLV_EUSAGE, "time format '%.80s' is longer than %d parts; shorten it", format, OP_MAX);
  self->ops[self->n_op++] = (op){.kind = kind, .literal = literal};
  return CLV_OK;
}

/* %f is the fraction that %S reads anyway; a literal point before it is taken back. */
static void fraction_join(clv_time_format *self) {
  if (self->n_op > 0 && self->ops[self->n_op - 1].kind == '=' && self->ops[self->n_op - 1].literal == '.')
    self->n_op--;
}

static clv_status conversion_add(clv_time_format *self, char kind, const char *format) {
  if (kind == '%') return op_add(self, '=', '%', format);
  if (kind == 'B' || kind == 'h') kind = 'b';
  if (kind == 'f') {
    fraction_join(self);
    return CLV_OK;
  }
  if (kind == 'n' || kind == 't') return op_add(self, ' ', 0, format);
  if (kind == '\0' || strchr("YymdejbFzHMSTs", kind) == NULL)
    return clv_fail(
        CLV_EUSAGE,
        "time format '%.80s' holds the unknown conversion '%%%c'; known are %%Y %%y %%m %%d %%e %%j %%b "
        "%%H %%M %%S %%f %%s %%z %%F %%T %%%%",
        format, kind == '\0' ? ' ' : kind);
  return op_add(self, kind, 0, format);
}

static clv_status format_compile(clv_time_format *self, const char *format) {
  clv_status st    = CLV_OK;
  unsigned   gives = 0;
  for (const char *f = format; *f != '\0'; f++) {
    if (*f == '%') {
      f++;
      CLV_TRY(conversion_add(self, *f, format));
      gives |= kind_gives(*f == 'B' || *f == 'h' ? 'b' : *f);
    } else {
      CLV_TRY(op_add(self, is_blank(*f) ? ' ' : '=', *f, format));
    }
  }
  if ((gives & 16) == 0 && (gives & 7) != 7 && (gives & 9) != 9)
    st = clv_fail(CLV_EUSAGE,
                  "time format '%.80s' does not name a day: it needs year, month and day, %%F, or %%s",
                  format);
out:
  return st;
}

clv_status clv_time_format_new(const char *format, clv_time_format **out) {
  clv_status       st   = CLV_OK;
  clv_time_format *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  if (format == NULL || format[0] == '\0')
    self->iso = true;
  else
    CLV_TRY(format_compile(self, format));
  *out = self, self = NULL;
out:
  free(self);
  return st;
}

void clv_time_format_free(clv_time_format **self) {
  free(*self);
  *self = NULL;
}

static int64_t floor_to(int64_t value, int64_t step) {
  const int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

int64_t clv_time_day_floor(int64_t micros) { return floor_to(micros, CLV_MICROS_PER_DAY); }

/* 1970-01-05 was a Monday. */
int64_t clv_time_week_floor(int64_t micros) {
  const int64_t monday = 4 * CLV_MICROS_PER_DAY;
  return floor_to(micros - monday, 7 * CLV_MICROS_PER_DAY) + monday;
}

static void civil_of(int64_t days, int *year, int *month, int *day) {
  const int64_t z        = days + 719468;
  const int64_t era      = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t of_era   = z - era * 146097;
  const int64_t y        = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t year_day = of_era - (365 * y + y / 4 - y / 100);
  const int64_t shifted  = (5 * year_day + 2) / 153;
  *day                   = (int)(year_day - (153 * shifted + 2) / 5 + 1);
  *month                 = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
  *year                  = (int)(y + era * 400 + (*month <= 2));
}

int64_t clv_time_month_floor(int64_t micros) {
  int year, month, day;
  civil_of(clv_time_day_floor(micros) / CLV_MICROS_PER_DAY, &year, &month, &day);
  return days_of(year, month, 1) * CLV_MICROS_PER_DAY;
}

int64_t clv_time_year_floor(int64_t micros) {
  int year, month, day;
  civil_of(clv_time_day_floor(micros) / CLV_MICROS_PER_DAY, &year, &month, &day);
  return days_of(year, 1, 1) * CLV_MICROS_PER_DAY;
}

int64_t clv_time_months(int64_t micros) {
  int year, month, day;
  civil_of(clv_time_day_floor(micros) / CLV_MICROS_PER_DAY, &year, &month, &day);
  return (int64_t)year * 12 + month - 1;
}

void clv_time_print(int64_t micros, bool date_only, char text[CLV_TIME_TEXT_MAX]) {
  const int64_t midnight = clv_time_day_floor(micros);
  const int64_t rest     = micros - midnight;
  const int     second   = (int)(rest / CLV_MICROS_PER_SECOND);
  const int     fraction = (int)(rest % CLV_MICROS_PER_SECOND);
  int           year, month, day, n;
  civil_of(midnight / CLV_MICROS_PER_DAY, &year, &month, &day);
  n = snprintf(text, CLV_TIME_TEXT_MAX, "%04d-%02d-%02d", year, month, day);
  if (date_only || n < 0) return;
  n += snprintf(text + n, (size_t)(CLV_TIME_TEXT_MAX - n), "T%02d:%02d:%02d", second / 3600, second / 60 % 60,
                second % 60);
  if (fraction != 0) n += snprintf(text + n, (size_t)(CLV_TIME_TEXT_MAX - n), ".%06d", fraction);
  snprintf(text + n, (size_t)(CLV_TIME_TEXT_MAX - n), "Z");
}
