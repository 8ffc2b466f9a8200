/* Partial pooling has the same bits, of its constants and so of density and gradient, whatever the number of
 * ranks (all ranks against this rank alone) and the instruction set (CLV_ISA). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"
#include "engine/models/joint.h"
#include "tests/unit/models/segments_made.h"

enum { DIM = 7 * (SEGMENTS_N + 2), POINTS = 3 };

static clv_status evaluate(const clv_comm *comm, const char *purchases, const segments_made *m,
                           double *value) {
  clv_model        part[2] = {{0}, {0}}, joint = {0};
  clv_accumulator *sums = NULL;
  double           phi[POINTS * DIM], *sum = NULL;
  const clv_cells  cells  = segments_cells(comm, m, true);
  const clv_spends spends = segments_spends(comm, m, true, 3.0);
  clv_status       st     = CLV_OK;
  CLV_TRY(clv_purchases_new(purchases, &(clv_purchase_data){comm, &cells, NULL}, &part[0]));
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, NULL, &part[1]));
  CLV_TRY(clv_joint_new(part, 2, &joint));
  const size_t n_sum = joint.ops->n_sum(joint.self);
  CLV_CHECK(joint.ops->n_dim(joint.self) == DIM);
  const clv_summand what = {joint.self, joint.ops->n_block(joint.self), n_sum, DIM, joint.ops->block};
  CLV_TRY(clv_alloc(POINTS * n_sum, sizeof *sum, (void **)&sum));
  CLV_TRY(clv_accumulator_new(comm, &what, POINTS, &sums));
  for (uint32_t k = 0; k < POINTS; k++) clv_model_start(&joint, 1, k, phi + k * DIM);
  CLV_TRY(clv_accumulator_evaluate(sums, POINTS, phi, sum));
  for (size_t k = 0; k < POINTS; k++)
    joint.ops->finish(joint.self, phi + k * DIM, sum + k * n_sum, &value[k * (DIM + 1)],
                      &value[k * (DIM + 1) + 1]);
out:
  free(sum);
  clv_accumulator_free(&sums);
  clv_model_free(&joint);
  clv_model_free(&part[0]);
  clv_model_free(&part[1]);
  return st;
}

int main(int argc, char **argv) {
  static const char *const ISA[]       = {"plain", "avx2", "avx512"};
  static const char *const PURCHASES[] = {"bg_nbd", "pareto_nbd", "mbg_cnbd_3"};
  clv_comm                *world = NULL, *alone = NULL;
  segments_made           *m = NULL;
  static double            first[POINTS * (DIM + 1)], other[POINTS * (DIM + 1)];
  clv_status               st = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&world));
  CLV_TRY(clv_comm_self(&alone));
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  for (size_t k = 0; k < sizeof PURCHASES / sizeof *PURCHASES; k++) {
    segments_fill(m, k == 1 ? 2 : 0);
    setenv("CLV_ISA", "plain", 1);
    CLV_TRY(evaluate(alone, PURCHASES[k], m, first));
    CLV_CHECK(isfinite(first[0]) && isfinite(first[1]));
    for (size_t i = 0; i < 3; i++) {
      setenv("CLV_ISA", ISA[i], 1);
      CLV_TRY(evaluate(world, PURCHASES[k], m, other));
      if (memcmp(first, other, sizeof first) != 0)
        st = clv_fail(CLV_EFAULT, "%s: bits differ with CLV_ISA=%s", PURCHASES[k], ISA[i]);
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
