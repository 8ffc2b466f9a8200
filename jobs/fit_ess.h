#ifndef CLV_JOBS_FIT_ESS_H
#define CLV_JOBS_FIT_ESS_H

#include <stddef.h>

/** The smallest bulk-ESS so far, for the progress bar: looked for every few seconds, in a small share of the
 * time. With many segments a look sees some of the values only, and the next goes on behind them. */
typedef struct clv_fit_ess {
  double least; /* NaN before the first look */
  double at;    /* clv_clock() of the last look */
  size_t next;  /* value that the next look begins with */
} clv_fit_ess;

/** Not collective. @param history [n_chain][planned][n_value], of which n_draw draws are there; NULL: nothing
 */
void clv_fit_ess_look(clv_fit_ess *self, const double *history, size_t n_chain, size_t planned,
                      size_t n_value, size_t n_draw);

#endif
