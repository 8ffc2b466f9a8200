/* The joint posterior of a made portfolio has the same bits, density and gradient, whatever the number of
 * ranks (all ranks against this rank alone) and the instruction set (CLV_ISA plain, avx2, avx512). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"
#include "engine/models/joint.h"
#include "tests/unit/models/portfolio_made.h"

enum { DIM_MOST = 8, SUM_MOST = 16, POINTS = 3 };

static clv_status evaluate(const clv_comm *comm, const char *purchases, const made *m, double *value) {
  clv_model        part[2] = {{0}, {0}}, joint = {0};
  clv_accumulator *sums = NULL;
  double           phi[POINTS * DIM_MOST], sum[POINTS * SUM_MOST];
  const clv_cells  cells  = made_cells(comm, m);
  const clv_spends spends = made_spends(comm, m, 3.0);
  clv_status       st     = CLV_OK;
  CLV_TRY(clv_purchases_new(purchases, &(clv_purchase_data){comm, &cells, NULL}, &part[0]));
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, NULL, &part[1]));
  CLV_TRY(clv_joint_new(part, 2, &joint));
  const size_t n_sum = joint.ops->n_sum(joint.self), dim = joint.ops->n_dim(joint.self);
  CLV_CHECK(dim <= DIM_MOST && n_sum <= SUM_MOST);
  const clv_summand what = {joint.self, joint.ops->n_block(joint.self), n_sum, dim, joint.ops->block};
  CLV_TRY(clv_accumulator_new(comm, &what, POINTS, &sums));
  for (uint32_t k = 0; k < POINTS; k++) clv_model_start(&joint, 1, k, phi + k * dim);
  CLV_TRY(clv_accumulator_evaluate(sums, POINTS, phi, sum));
  for (size_t k = 0; k < POINTS; k++)
    joint.ops->finish(joint.self, phi + k * dim, sum + k * n_sum, &value[k * (DIM_MOST + 1)],
                      &value[k * (DIM_MOST + 1) + 1]);
out:
  clv_accumulator_free(&sums);
  clv_model_free(&joint);
  clv_model_free(&part[0]);
  clv_model_free(&part[1]);
  return st;
}

int main(int argc, char **argv) {
  static const char *const ISA[]       = {"plain", "avx2", "avx512"};
  static const char *const PURCHASES[] = {"bg_nbd",    "mbg_nbd",    "pareto_nbd", "pareto_nbd_lognormal",
                                          "bg_cnbd_2", "mbg_cnbd_3", "bg_bb"};
  clv_comm                *world = NULL, *alone = NULL;
  made                    *m                              = NULL;
  double                   first[POINTS * (DIM_MOST + 1)] = {0}, other[POINTS * (DIM_MOST + 1)] = {0};
  clv_status               st = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&world));
  CLV_TRY(clv_comm_self(&alone));
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  for (size_t k = 0; k < 2 * (sizeof PURCHASES / sizeof *PURCHASES); k++) {
    if (k % 2 == 0)
      made_fill_for(m, PURCHASES[k / 2]);
    else
      made_merge(m);
    setenv("CLV_ISA", "plain", 1);
    CLV_TRY(evaluate(alone, PURCHASES[k / 2], m, first));
    CLV_CHECK(isfinite(first[0]) && isfinite(first[1]));
    for (size_t i = 0; i < 3; i++) {
      setenv("CLV_ISA", ISA[i], 1);
      CLV_TRY(evaluate(world, PURCHASES[k / 2], m, other));
      if (memcmp(first, other, sizeof first) != 0)
        st = clv_fail(CLV_EFAULT, "%s: bits differ with CLV_ISA=%s", PURCHASES[k / 2], ISA[i]);
      CLV_TRY(clv_comm_agree(world, st));
    }
  }
out:
  if (st < 0 && clv_comm_rank(world) == 0) fprintf(stderr, "%s\n", clv_message());
  free(m);
  clv_comm_free(&alone);
  clv_comm_free(&world);
  clv_comm_finalize();
  return st < 0;
}
