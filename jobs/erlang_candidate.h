#ifndef CLV_JOBS_ERLANG_CANDIDATE_H
#define CLV_JOBS_ERLANG_CANDIDATE_H

#include "jobs/job.h"
#include "jobs/loo_totals.h"
#include "jobs/posterior_theta.h"

/** A k that is tried: draws of a short fit, and how well they predict. */
typedef struct clv_erlang_candidate {
  int             k;
  clv_theta       theta; /* owned; NULL value: not fitted */
  double          efficiency;
  clv_loo_figures figures;       /* of purchases */
  double          diff, diff_se; /* to the best */
} clv_erlang_candidate;

/** A short fit of the configured model with this k. Collective, synchronising. @param[out] out  theta and
 * efficiency are set */
clv_status clv_erlang_candidate_fit(const clv_job_context *context, int k, clv_erlang_candidate *out);

/** Leave customers out: figures of the last of n candidates where `best` is NULL, and else every candidate's
 * difference to *best. Collective, synchronising; `portfolio` is open on the world. */
clv_status clv_erlang_candidates_score(const clv_job_context *context, const clv_portfolio *portfolio,
                                       clv_erlang_candidate *candidate, size_t n, const size_t *best);

#endif
