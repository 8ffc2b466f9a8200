#include "ranks.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/posterior/diagnostics.h"

/* All draws of a leg as the model reports them, [chain][draw][value]. */
static clv_status values_of(const clv_model *model, const clv_leg *leg, size_t n_chain, double **out) {
  const size_t n_all = n_chain * (size_t)leg->n_draw, n_value = clv_model_n_value(model);
  clv_status   st = clv_alloc(n_all * n_value, sizeof **out, (void **)out);
  if (st < 0) return st;
  for (size_t k = 0; k < n_all; k++)
    model->ops->constrain(model->self, leg->phi + k * leg->dim, *out + k * n_value);
  return CLV_OK;
}

static truth_rank rank_of(const clv_series *draws, size_t thin, double truth) {
  truth_rank rank = {.truth = truth, .ess = clv_ess_bulk(draws)};
  for (size_t c = 0; c < draws->n_chain; c++)
    for (size_t d = thin - 1; d < draws->n_draw; d += thin) {
      rank.below += draws->data[c * draws->chain_stride + d * draws->draw_stride] < truth;
      rank.levels++;
    }
  return rank;
}

clv_status ranks_count(const clv_topology *topology, const clv_model *model, const clv_sampler_plan *plan,
                       int thin, const double *truth, truth_rank *rank) {
  const size_t n_value = clv_model_n_value(model), n_chain = (size_t)plan->num_chains;
  clv_sampler *sampler = NULL;
  double      *value   = NULL;
  clv_leg      leg;
  clv_status   st = CLV_OK;
  CLV_TRY(clv_sampler_new(topology, model, plan, &sampler));
  do CLV_TRY(clv_sampler_run(sampler, plan->num_warmup, NULL, &leg));
  while (leg.warmup && leg.first + leg.n_draw < plan->num_warmup);
  CLV_TRY(clv_sampler_run(sampler, plan->num_samples, NULL, &leg));
  CLV_TRY(values_of(model, &leg, n_chain, &value));
  for (size_t j = 0; j < n_value; j++) {
    const clv_series draws = {value + j, n_chain, (size_t)leg.n_draw, (size_t)leg.n_draw * n_value, n_value};
    rank[j]                = rank_of(&draws, (size_t)thin, truth[j]);
  }
out:
  free(value);
  clv_sampler_free(&sampler);
  return st;
}

void ranks_head(void) { printf("fit,parameter,truth,rank,levels,ess_bulk\n"); }

void rank_print(uint32_t fit, const char *parameter, const truth_rank *rank) {
  printf("%u,%s,%.10g,%d,%d,%.1f\n", fit, parameter, rank->truth, rank->below, rank->levels, rank->ess);
}
