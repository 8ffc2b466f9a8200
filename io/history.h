#ifndef CLV_IO_HISTORY_H
#define CLV_IO_HISTORY_H

#include <stdbool.h>

#include "io/config.h"
#include "io/ledger.h"

/** How purchases become a history: units, windows and policies. */
typedef struct clv_history_rules {
  clv_merge_unit merge_unit;
  double         unit_micros; /* length of the time unit */
  int unit_months; /* where months or years are both merged by and counted: calendar months of the time unit;
                      0: times are lengths */
  int64_t last;    /* the latest time that is observed */
  int64_t end;     /* what T is counted to */
  int64_t holdout_last, holdout_end; /* the same of the holdout; equal to last and end where there is none */
  clv_policy returns, zero_amounts;
  bool       has_spend;
} clv_history_rules;

/** What is known of a customer (MODELS: x, t_x, T, mean spend, litt). */
typedef struct clv_history {
  uint32_t x;              /* merged purchases after the first */
  uint32_t holdout_x;      /* merged purchases in the holdout */
  double   t_x, T;         /* time units since the first purchase */
  double   spend;          /* mean amount of the repeat purchases; 0 where x = 0 */
  uint32_t n_spend;        /* repeat purchases of a positive amount */
  double   positive_spend; /* their mean amount; 0 where n_spend = 0, as the next two */
  double   log_spend;      /* mean of the logs of their amounts */
  double   log_spend_ss;   /* sum of squared deviations of those logs from their mean */
  double   litt;           /* sum of log times between merged purchases */
  double   holdout_spend;  /* total */
  double   amount;         /* total until the end of observation, with the first purchase */
} clv_history;

/** What became of a customer's purchases, for the data report; counts are added to. */
typedef struct clv_history_tally {
  int64_t rows_observed, rows_holdout, rows_after; /* purchases as read, by window */
  int64_t purchases, holdout_purchases;            /* merged */
  int64_t cancelled, cancelled_rows; /* merged purchases taken away by returns or zero amounts */
} clv_history_tally;

typedef enum clv_history_kind {
  CLV_HISTORY_MADE,
  CLV_HISTORY_LATE,      /* the first purchase is after the end of observation */
  CLV_HISTORY_CANCELLED, /* no purchase is left after returns */
} clv_history_kind;

/** Merge one customer's purchases. Not collective.
 *  @param purchase  [n] sorted by time
 *  @param[out] out  set where CLV_HISTORY_MADE
 *  @param[in,out] tally  added to */
clv_history_kind clv_history_make(const clv_history_rules *rules, const clv_purchase *purchase, size_t n,
                                  clv_history *out, clv_history_tally *tally);

/** The time that a purchase is counted at: the start of its merge unit. Not collective. */
int64_t clv_history_floor(clv_merge_unit unit, int64_t micros);

/** Time from one merged time to another, in time units. Not collective. */
double clv_history_between(const clv_history_rules *rules, int64_t from, int64_t to);

/** log(x), x > 0, with the same bits on every machine; within 2 units in the last place. Not collective. */
double clv_history_log(double x);

#endif
