#ifndef CLV_JOBS_POSTERIOR_THETA_H
#define CLV_JOBS_POSTERIOR_THETA_H

#include "engine/models/likelihood.h"
#include "io/portfolio.h"
#include "io/trace.h"

/** Some posterior draws of a model's parameters, segment by segment. */
typedef struct clv_theta {
  size_t  n_draw, n_segment, n_parameter;
  double *value; /* owned [n_draw][n_segment][n_parameter] */
} clv_theta;

/** At most `most` draws, taken evenly from all chains, of the named variables. A variable without the
 * dimension "segment" is the same in all of them; one that has it may lack the last (see
 * clv_theta_new_segment), which is then left unset. Not collective: a pure function of the draws. @return
 * CLV_EDATA where the trace has no such variable */
clv_status clv_theta_take(const clv_draws *draws, const char *const *name, size_t n_parameter,
                          size_t n_segment, size_t most, clv_theta *out);
void       clv_theta_free(clv_theta *self);

/** Whether the fit pooled segments partially: the trace then tells what segments are like that it has not
 * seen. */
bool clv_theta_has_population(const clv_draws *draws);

/** Fills the last segment of `theta`, of clv_theta_take over one segment more than the fit had: parameters of
 * a segment that has not been seen, drawn from each draw's population with the numbers named (seed, SEGMENT,
 * part, chain, draw). Not collective.
 *  @param part  0 for purchases, 1 for spend @return CLV_EDATA where the trace lacks the population */
clv_status clv_theta_new_segment(const clv_draws *draws, const clv_coordinates *coordinates, uint64_t seed,
                                 unsigned part, clv_theta *theta);

/** Relative efficiency of `n_used` draws thinned evenly out of these, in (0, 1]: the mean of the parameters'
 * ESS of the mean, as ArviZ has it, over n_used; thinning takes away what correlation there was, so it is
 * never above 1. Not collective. */
double clv_draws_efficiency(const clv_draws *draws, size_t n_used);

/** The same for a model whose segments differ in means alone, which are normal over segments on their own
 * scale (pareto_nbd_lognormal); what segments share stays as it is. @param name [theta->n_parameter] */
clv_status clv_theta_new_means(const clv_draws *draws, const char *const *name, uint64_t seed,
                               clv_theta *theta);

/** The trace was fitted to this portfolio, as its root attribute says. Collective.
 *  @return CLV_EDATA with what to do where it was not */
clv_status clv_theta_check(const clv_comm *comm, const char *trace, const clv_portfolio *portfolio);

#endif
