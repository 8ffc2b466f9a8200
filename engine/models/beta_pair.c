#include "engine/models/beta_pair.h"

#include <stddef.h>

#include "engine/numerics/pinned.h"

enum { A, B };

void clv_beta_pair_natural(const double u[2], double theta[2], double jacobian[2][2]) {
  theta[A] = clv_exp(clv_log_sigmoid(u[0]) + u[1]);
  theta[B] = clv_exp(clv_log_sigmoid(-u[0]) + u[1]);
  if (jacobian == NULL) return;
  const double m = clv_sigmoid(u[0]);
  jacobian[A][0] = 1.0 - m, jacobian[A][1] = 1.0;
  jacobian[B][0] = -m, jacobian[B][1] = 1.0;
}

/* 1 for every choice of slots but one: log a beside the coordinate log(a+b). */
double clv_beta_pair_log_determinant(unsigned named, const double u[2], double gradient[2]) {
  gradient[0] = gradient[1] = 0.0;
  if ((named >> A & 1u) == 0 || (named >> B & 1u) != 0) return 0.0;
  gradient[0] = -clv_sigmoid(u[0]);
  return clv_log_sigmoid(-u[0]);
}

bool clv_beta_pair_from_slots(unsigned named, const double slot[2], double u[2]) {
  const bool has_a = (named >> A & 1u) != 0, has_b = (named >> B & 1u) != 0;
  u[0] = slot[A];
  u[1] = slot[B];
  if (has_a && has_b) {
    u[0] = slot[A] - slot[B];
    u[1] = clv_log_sum_exp(slot[A], slot[B]);
  } else if (has_a) { /* a < a + b */
    if (!(slot[A] < slot[B])) return false;
    u[0] = slot[A] - slot[B] - clv_log1p(-clv_exp(slot[A] - slot[B]));
  } else if (has_b) {
    u[1] = slot[B] - clv_log_sigmoid(-u[0]);
  }
  return true;
}
