#include <math.h>
#include <stdio.h>

#include "engine/models/process.h"

/* P(alive) of a customer who bought just now is finite and between 0 and 1: the headers, the libraries and their order are right. */
int main(void) {
  const clv_process_ops *process = clv_process_find("bg_nbd");
  const double           theta[] = {0.243, 4.414, 0.793, 2.426};
  const clv_customer     who     = {.x = 2, .t_x = 30.43, .T = 38.86};
  const double           alive   = process == NULL ? NAN : process->p_alive(theta, &who);
  if (!(fabs(alive - 0.726578570080673) < 1e-9)) {
    fprintf(stderr, "p_alive is %.17g\n", alive);
    return 1;
  }
  return 0;
}
