#ifndef CLV_IO_TIME_FORMAT_H
#define CLV_IO_TIME_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/status.h"

/** A strptime-like format, compiled once and applied to many fields. Times are microseconds since
 *  1970-01-01 00:00 UTC on the proleptic Gregorian calendar, years 1 to 9999. */
typedef struct clv_time_format clv_time_format;

#define CLV_MICROS_PER_SECOND INT64_C(1000000)
#define CLV_MICROS_PER_DAY (INT64_C(86400) * CLV_MICROS_PER_SECOND)

/** Room for the longest text of clv_time_print. */
#define CLV_TIME_TEXT_MAX 40

typedef enum clv_time_result {
  CLV_TIME_READ,    /* *micros is set */
  CLV_TIME_SHAPE,   /* the text does not have the format's shape */
  CLV_TIME_NO_SUCH, /* the shape is right, but there is no such day or time: 31 February, 25:00 */
} clv_time_result;

/** Compile a format. Not collective.
 *  @param format  %Y %m %d %H %M %S %y %j %b %e %s %f %z %F %T %% and literal characters; %S and %s may be
 * followed by a fraction; a blank stands for any number of blanks. NULL or "" is ISO 8601: a date, or a date
 * and a time of day joined by T or a blank, with an optional fraction and zone (Z, +hh:mm, +hhmm, +hh).
 *  @return CLV_EUSAGE where a conversion is unknown or the format names no day */
clv_status clv_time_format_new(const char *format, clv_time_format **out);
void       clv_time_format_free(clv_time_format **self);

/** Read the whole of text[0 … n). Blanks at either end are ignored. A text without zone is taken as UTC. Not
 * collective.
 *  @param[out] micros  touched only on CLV_TIME_READ
 *  @param[out] has_clock  may be NULL; whether the text names a time of day */
clv_time_result clv_time_format_parse(const clv_time_format *self, const char *text, size_t n,
                                      int64_t *micros, bool *has_clock);

/** ISO 8601: the date alone at midnight when `date_only`, else to the second or, where needed, the
 * microsecond, with Z. */
void clv_time_print(int64_t micros, bool date_only, char text[CLV_TIME_TEXT_MAX]);

/** Start of the day, and of the week (Monday) that `micros` lies in. Not collective. */
int64_t clv_time_day_floor(int64_t micros);
int64_t clv_time_week_floor(int64_t micros);

/** Start of the calendar month and year, and the calendar months since January of year 0 that have begun. Not
 * collective. */
int64_t clv_time_month_floor(int64_t micros);
int64_t clv_time_year_floor(int64_t micros);
int64_t clv_time_months(int64_t micros);

#endif
