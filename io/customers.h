#ifndef CLV_IO_CUSTOMERS_H
#define CLV_IO_CUSTOMERS_H

#include <stdbool.h>

#include "io/portfolio.h"
#include "io/reading.h"

/** The customer table: a segment and covariates per id; each row is on the rank that owns the id. */
typedef struct clv_customers clv_customers;

/** What was read and met, over all ranks. */
typedef struct clv_customers_tally {
  int64_t rows; /* of the table, without headers and blank lines */
  int64_t accepted;
  int64_t joined;      /* customers of the log that the table knows */
  int64_t unknown;     /* customers of the log that the table does not know */
  int64_t without_log; /* rows of the table whose customer is not in the log */
  int64_t missing;     /* joined customers with an empty value in a column that is used */
  int64_t set_aside;   /* customers left out by the policies for unknown ids and missing values */
} clv_customers_tally;

/** Read the table that config->customers names. Without one, all customers are of the segment "all" and there
 * are no covariates. Collective, synchronising.
 *  @param r  files of the table, NULL without one; in its rejects they have the numbers behind the log's */
clv_status clv_customers_read(const clv_reading *r, clv_customers **out);
void       clv_customers_free(clv_customers **self);

/** Decide what becomes of a customer of the log on the rank that owns him; counts him. Not collective.
 *  @return false where a policy sets him aside */
bool clv_customers_join(clv_customers *self, const char *id, size_t n);

/** When every customer of the log has been joined: agree on labels, levels and means over all ranks, and
 * apply the policies that are to fail. Collective, synchronising.
 *  @param mine  this rank's status so far; agreed upon first */
clv_status clv_customers_settle(clv_customers *self, const clv_comm *comm, clv_status mine);

/** After settling. Borrowed. Not collective. */
size_t                     clv_customers_n_segment(const clv_customers *self);
const char *const         *clv_customers_segments(const clv_customers *self);
size_t                     clv_customers_n_covariate(const clv_customers *self);
const clv_customers_tally *clv_customers_tally_get(const clv_customers *self);

/** After settling: covariate i as a column of numbers, with the largest distance from its centre as its scale
 * until the portfolio has measured one. @param[out] is_indicator  its values are 0 or 1 */
clv_covariate clv_customers_covariate(const clv_customers *self, size_t i, bool *is_indicator);

/** After settling: a joined customer's segment and covariates. Not collective.
 *  @param[out] covariate  [n_covariate] */
void clv_customers_values(const clv_customers *self, const char *id, size_t n, uint32_t *segment,
                          double *covariate);

/** Which rank owns an id, the same for the log and the table. Not collective. */
int clv_customers_owner(const char *id, size_t n, int size);

#endif
