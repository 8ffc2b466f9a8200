#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_CUSTOMERS_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_CUSTOMERS_H

#include "comm/comm.h"
#include "engine/models/data.h"
#include "engine/models/gamma_value_rule.h"

/** What gamma_value knows of a shard's customers, and their sums under a population. */
typedef struct clv_gamma_value_customers clv_gamma_value_customers;

/** Natural parameters, and sums of a segment: the log-likelihood, then posterior less prior moments. */
enum { CLV_GAMMA_VALUE_PARAMETERS = 5, CLV_GAMMA_VALUE_SUM_TERMS = 6, CLV_GAMMA_VALUE_MEAN = 1 };

/** Collective over comm. @param spends  with mean_log; borrowed during the call */
clv_status clv_gamma_value_customers_new(const clv_comm *comm, const clv_spends *spends,
                                         clv_gamma_value_customers **out);
/** The same with half the lattices' steps; borrows from `self`, which outlives it. Not collective. */
clv_status clv_gamma_value_customers_refined(const clv_gamma_value_customers *self,
                                             clv_gamma_value_customers      **out);
/** Accepts NULL, leaves NULL. */
void clv_gamma_value_customers_free(clv_gamma_value_customers **self);

size_t clv_gamma_value_customers_n(const clv_gamma_value_customers *self);
size_t clv_gamma_value_customers_n_block(const clv_gamma_value_customers *self);

/** Customers [first, last) of a block, and from `first` the end of those of one segment. Pure. */
void   clv_gamma_value_customers_block(const clv_gamma_value_customers *self, size_t block, size_t *first,
                                       size_t *last);
size_t clv_gamma_value_customers_run(const clv_gamma_value_customers *self, size_t first, size_t last,
                                     uint32_t *segment);

/** Adds to sum [CLV_GAMMA_VALUE_SUM_TERMS] those of customers [first, last), all of one segment whose natural
 * parameters are theta. Pure.
 *  @param shift  NULL, or [last - first] by how much each one's log mean amount is moved
 *  @param[out] by_shift  [last - first] derivatives of their log-likelihoods in it; NULL with shift */
void clv_gamma_value_customers_add(const clv_gamma_value_customers *self, size_t first, size_t last,
                                   const double *theta, const double *shift, double *by_shift, double *sum);

/** A segment's log-likelihood out of its reduced sums. @param[out] gradient  in theta. Pure. */
double clv_gamma_value_customers_finish(const clv_gamma_value_customers *self, size_t segment,
                                        const double *theta, const double *sum, double *gradient);

#endif
