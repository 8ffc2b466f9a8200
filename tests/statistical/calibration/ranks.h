#ifndef CLV_TESTS_RANKS_H
#define CLV_TESTS_RANKS_H

#include "comm/topology.h"
#include "engine/sampler/sampler.h"

/** A value's truth and where it lies among the draws that were kept. */
typedef struct truth_rank {
  double truth;
  int    below, levels; /* kept draws below the truth; all kept draws */
  double ess;           /* bulk-ESS of all draws after warm-up: fewer than levels spread the ranks too wide */
} truth_rank;

/** Fits the model and counts, among every `thin`-th draw of every chain, those below the truth.
 *  @param truth [n_value] values as the model reports them  @param[out] rank [n_value] */
clv_status ranks_count(const clv_topology *topology, const clv_model *model, const clv_sampler_plan *plan,
                       int thin, const double *truth, truth_rank *rank);

/** The lines of a file of ranks on standard output: its head, and one value of one fit. */
void ranks_head(void);
void rank_print(uint32_t fit, const char *parameter, const truth_rank *rank);

#endif
