#ifndef CLV_JOBS_SIMULATE_OPTIONS_H
#define CLV_JOBS_SIMULATE_OPTIONS_H

#include "engine/simulate/shopper.h"
#include "engine/simulate/traits.h"
#include "jobs/job.h"

/** Parameters that some model has. */
enum { CLV_SIMULATE_PARAMETERS = 26 };

typedef struct clv_simulate_options {
  clv_shop           shop;
  uint64_t           customers, files, segments, phases;
  double             tau, unevenness; /* of segments: clv_market_new */
  bool               gzip, continuous, covariates;
  clv_traits_effects effects;                          /* of covariates */
  int64_t            start;                            /* days since 1970-01-01 */
  const char        *output, *model_name, *spend_name; /* borrowed from argv */
  double             given[CLV_SIMULATE_PARAMETERS];   /* NaN: the model's usual one */
} clv_simulate_options;

/** Usage text of the flags, for --help. */
extern const char CLV_SIMULATE_USAGE[];

/** Not collective: the same on every rank. @return CLV_EUSAGE naming the flag, what was read and what is
 * allowed */
clv_status clv_simulate_options_read(int argc, char **argv, clv_simulate_options *out);

/** Year, month and day of a day number (days since 1970-01-01; proleptic Gregorian). Not collective. */
void clv_day_to_date(int64_t day, int *year, int *month, int *day_of_month);

#endif
